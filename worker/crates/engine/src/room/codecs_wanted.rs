//! In which codec a publisher should send, where somebody who looks at it cannot show the one it
//! sends.

use parley_wire::{Codec, CodecParameters, Event, Medium, Source, TileReason};

use crate::limits;
use crate::room::Room;
use crate::room::layer::Viewer;
use crate::shared::Shared;
use crate::slab::Key;

impl Room {
    /// Looks at every line that somebody cannot see because of its codec, and asks its publisher for
    /// one that all who look at it can show. Nothing is asked where there is none.
    pub(super) fn judge_codecs(&mut self, shared: &mut Shared) {
        let is_early = self
            .codecs_judged
            .is_some_and(|last| shared.now.micros_since(last) < limits::CODECS_JUDGED_US);
        if is_early {
            return;
        }
        self.codecs_judged = Some(shared.now);
        let looks = self.looks(shared);
        let mut judged: Vec<(Key, Source)> = Vec::new();
        for (viewer, owner, source) in &looks {
            let is_miss = self
                .endpoints
                .get(viewer.endpoint)
                .and_then(|endpoint| endpoint.send.get(viewer.line))
                .is_some_and(|line| line.reason == Some(TileReason::Codec));
            if is_miss && !judged.contains(&(*owner, *source)) {
                judged.push((*owner, *source));
                let viewers = looks
                    .iter()
                    .filter(|look| (look.1, look.2) == (*owner, *source))
                    .map(|look| look.0);
                self.ask_for_codec(*owner, *source, viewers, shared);
            }
        }
    }

    /// Every tile and what it should show.
    fn looks(&self, shared: &Shared) -> Vec<(Viewer, Key, Source)> {
        let present = self.endpoints.iter().filter(|(_, e)| e.is_present());
        present
            .flat_map(|(key, endpoint)| {
                let lines = endpoint.tile_lines().into_iter();
                lines.map(move |line| Viewer {
                    endpoint: key,
                    line,
                })
            })
            .filter_map(|viewer| {
                let (owner, source, _, _) = self.wanted(viewer, shared)?;
                Some((viewer, owner, source))
            })
            .collect()
    }

    fn ask_for_codec(
        &mut self,
        owner: Key,
        source: Source,
        viewers: impl Iterator<Item = Viewer> + Clone,
        shared: &mut Shared,
    ) {
        let can_all_show = |codec: &CodecParameters| {
            viewers.clone().all(|viewer| {
                self.endpoints
                    .get(viewer.endpoint)
                    .and_then(|endpoint| endpoint.send.get(viewer.line))
                    .is_none_or(|line| line.can_carry(codec))
            })
        };
        let Some(line) = self.published(owner, source) else {
            return;
        };
        let mut codecs: Vec<Codec> = Vec::new();
        for codec in line.parameters.codecs.iter().filter(|c| can_all_show(c)) {
            if !codecs.contains(&codec.codec) {
                codecs.push(codec.codec);
            }
        }
        if codecs.is_empty() || codecs == line.codecs_wanted {
            return;
        }
        let mid = line.parameters.mid.clone();
        let Some(endpoint) = self.endpoints.get_mut(owner) else {
            return;
        };
        for line in &mut endpoint.receive {
            if line.parameters.mid == mid && line.parameters.medium == Medium::Video {
                line.codecs_wanted.clone_from(&codecs);
            }
        }
        shared.emit(Event::PublishCodecWanted {
            endpoint: endpoint.id,
            mid,
            source,
            codecs,
        });
    }
}
