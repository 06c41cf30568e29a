//! Tiles of endpoints that never say what they want to see: players and publishers without a live
//! socket. They are filled by who speaks, and what is shown stays on its line.

use parley_wire::Source;

use crate::limits;
use crate::room::Room;
use crate::shared::Shared;
use crate::slab::Key;

/// A picture that somebody publishes.
type Picture = (Key, Source);

impl Room {
    /// Gives the tiles of all who never asked for anything something to show.
    pub(super) fn fill_unasked(&mut self, shared: &Shared) {
        let mut pictures = None;
        for key in self.endpoints.keys() {
            let Some(endpoint) = self.endpoints.get(key) else {
                continue;
            };
            let lines = endpoint.unasked_lines();
            if lines.is_empty() || !endpoint.is_present() {
                continue;
            }
            let age_us = shared.now.micros_since(endpoint.transport.opened);
            let is_showing = lines
                .iter()
                .any(|line| endpoint.send[*line].current.is_some());
            if age_us < limits::TILES_UNASKED_US && !is_showing {
                continue;
            }
            let pictures = pictures.get_or_insert_with(|| self.pictures_by_speaker());
            let wanted = self.showable(key, lines[0], pictures, lines.len());
            self.spread(key, &lines, &wanted);
        }
    }

    /// All pictures, as many as an endpoint can have lines and its own: the active speaker's first,
    /// then those of who speaks or spoke last, then the others'.
    fn pictures_by_speaker(&self) -> Vec<Picture> {
        let speakers = self.speakers.active().into_iter();
        let speakers = speakers.chain(self.speakers.ranked());
        let speakers = speakers.filter_map(|voice| Some(self.endpoint_of(voice)?.0));
        let mut pictures: Vec<Picture> = Vec::new();
        for owner in speakers.chain(self.endpoints.keys()) {
            for source in [Source::Screen, Source::Camera] {
                let picture = (owner, source);
                if self.published(owner, source).is_some() && !pictures.contains(&picture) {
                    pictures.push(picture);
                }
            }
            if pictures.len() > limits::LINES_MAX + 2 {
                break;
            }
        }
        pictures
    }

    /// The first `count` of these that are not one's own; those in a codec that the line cannot carry
    /// come last, for a reason to be told.
    fn showable(&self, key: Key, line: usize, pictures: &[Picture], count: usize) -> Vec<Picture> {
        let tile = self.endpoints.get(key).and_then(|e| e.send.get(line));
        let can_show = |(owner, source): Picture| {
            let Some((tile, line)) = tile.zip(self.published(owner, source)) else {
                return false;
            };
            let layers = line.layers.iter().filter_map(|key| self.layers.get(*key));
            layers
                .filter_map(|layer| line.parameters.codecs.get(usize::from(layer.codec)))
                .any(|codec| tile.can_carry(codec))
        };
        let others = pictures.iter().copied().filter(|(owner, _)| *owner != key);
        let (mut wanted, rest): (Vec<Picture>, Vec<Picture>) =
            others.partition(|picture| can_show(*picture));
        wanted.extend(rest);
        wanted.truncate(count);
        wanted
    }

    /// Puts the pictures on the lines; one that is shown stays where it is.
    fn spread(&mut self, key: Key, lines: &[usize], wanted: &[Picture]) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let shown = |line: usize| {
            let out = endpoint.send.get(line)?;
            let of_layer = || {
                let layer = self.layers.get(out.current?)?;
                let owner = self.endpoints.get(layer.owner)?;
                let source = owner.receive.get(layer.line)?.parameters.source;
                Some((layer.owner, source))
            };
            out.unasked.or_else(of_layer)
        };
        let mut spread: Vec<Option<Picture>> = Vec::with_capacity(lines.len());
        for line in lines {
            let kept = shown(*line).filter(|picture| wanted.contains(picture));
            spread.push(kept.filter(|picture| !spread.contains(&Some(*picture))));
        }
        for picture in wanted {
            if !spread.contains(&Some(*picture))
                && let Some(free) = spread.iter_mut().find(|place| place.is_none())
            {
                *free = Some(*picture);
            }
        }
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            for (line, picture) in lines.iter().zip(spread) {
                endpoint.send[*line].unasked = picture;
            }
        }
    }
}
