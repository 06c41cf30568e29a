//! Tiles: whose picture each one shows, and in which layer.

use parley_rtp::bandwidth::BandwidthEstimator as _;
use parley_wire::{Event, Medium, SendRole, Source, TileReason, TileSource, TileState};

use crate::limits;
use crate::room::Room;
use crate::room::allocation::{Candidate, Choice, choose, cost, fit};
use crate::room::endpoint::InLine;
use crate::room::layer::Viewer;
use crate::shared::{RoomTimer, Shared};
use crate::slab::Key;

/// Size assumed of a line's largest layer before a key frame has told it.
const LARGEST_SIZE: (u32, u32) = (1280, 720);
/// Size in which a tile is thought to be shown where nobody said it.
const UNASKED_SIZE: (u32, u32) = (640, 360);
/// Bits a second kept for each voice slot, headers included.
const VOICE_BPS: u64 = 50_000;

impl Room {
    pub(super) fn arm_tiles(&mut self, shared: &mut Shared) {
        if !self.tiles_armed {
            self.tiles_armed = true;
            self.arm(limits::TILE_INTERVAL_US, RoomTimer::Tiles, shared);
        }
    }

    pub(super) fn on_tiles_timer(&mut self, shared: &mut Shared) {
        self.tiles_armed = false;
        self.tiles_stale = false;
        self.update_tiles(shared);
        self.announce_speakers(shared);
        let has_pictures = self
            .layers
            .iter()
            .any(|(_, layer)| layer.medium == Medium::Video);
        if has_pictures || self.speakers_changed {
            self.arm_tiles(shared);
        }
    }

    /// Brings every tile to what it should show.
    pub(super) fn update_tiles(&mut self, shared: &mut Shared) {
        self.fill_unasked(shared);
        let mut has_misses = false;
        for key in self.endpoints.keys() {
            let is_present = self.endpoints.get(key).is_some_and(|e| e.is_present());
            if is_present {
                has_misses |= self.update_tiles_of(key, shared);
            }
        }
        if has_misses {
            self.judge_codecs(shared);
        }
    }

    /// Answers whether a codec is in the way somewhere.
    fn update_tiles_of(&mut self, key: Key, shared: &mut Shared) -> bool {
        let Some(endpoint) = self.endpoints.get(key) else {
            return false;
        };
        let lines = endpoint.tile_lines();
        let mut choices: Vec<Choice> = Vec::with_capacity(lines.len());
        let mut has_misses = false;
        for line in lines {
            let viewer = Viewer {
                endpoint: key,
                line,
            };
            match self.choice(viewer, shared) {
                Ok(choice) => choices.push(choice),
                Err(reason) => {
                    has_misses |= reason == TileReason::Codec;
                    self.explain(viewer, Some(reason));
                }
            }
        }
        let wished: Vec<usize> = choices.iter().map(|choice| choice.chosen).collect();
        self.fit_to_path(key, &mut choices, shared);
        for (choice, wished) in choices.into_iter().zip(wished) {
            let viewer = Viewer {
                endpoint: key,
                line: choice.line,
            };
            let reason = if choice.chosen < wished {
                Some(TileReason::Bandwidth)
            } else if !choice.chosen().flows && self.should_flow(choice.chosen().layer) {
                Some(TileReason::Paused)
            } else {
                None
            };
            self.explain(viewer, reason);
            self.aim(viewer, choice.chosen().layer, shared);
        }
        has_misses
    }

    /// Notes why a tile is not as it should be.
    fn explain(&mut self, viewer: Viewer, reason: Option<TileReason>) {
        let line = self
            .endpoints
            .get_mut(viewer.endpoint)
            .and_then(|endpoint| endpoint.send.get_mut(viewer.line));
        if let Some(line) = line
            && std::mem::replace(&mut line.reason, reason) != reason
        {
            self.mark_tiles_changed(viewer.endpoint);
        }
    }

    /// A camera sends all the time; a screen on which nothing moves does not.
    fn should_flow(&self, layer: Key) -> bool {
        self.layers.get(layer).is_some_and(|layer| {
            let line = self
                .endpoints
                .get(layer.owner)
                .and_then(|owner| owner.receive.get(layer.line));
            line.is_some_and(|line| line.parameters.source == Source::Camera)
        })
    }

    /// Why a tile has nothing of a source to show.
    fn why_nothing(&self, owner: Key, source: Source) -> TileReason {
        let owner = self.endpoints.get(owner).filter(|owner| owner.is_present());
        let line = owner.and_then(|owner| {
            let mut lines = owner.receive.iter();
            lines.find(|line| {
                line.parameters.source == source && line.parameters.medium == Medium::Video
            })
        });
        match line {
            None => TileReason::None,
            Some(line) => {
                let is_sent = line
                    .layers
                    .iter()
                    .filter_map(|layer| self.layers.get(*layer))
                    .any(|layer| line.is_live(layer.rid.as_deref()));
                if line.muted || !is_sent {
                    TileReason::Paused
                } else {
                    TileReason::Codec
                }
            }
        }
    }

    /// What a tile should show by its size, or why it has nothing to show. Takes it off what it may
    /// not show any more.
    fn choice(&mut self, viewer: Viewer, shared: &Shared) -> Result<Choice, TileReason> {
        let Some((owner, source, width, height)) = self.wanted(viewer, shared) else {
            self.clear_tile(viewer);
            return Err(TileReason::None);
        };
        let candidates = self.candidates(viewer, owner, source, shared);
        self.drop_what_ended(viewer);
        let Some(mut chosen) = choose(&candidates, width, height) else {
            let reason = self.why_nothing(owner, source);
            if reason == TileReason::Codec {
                self.clear_tile(viewer);
            } else {
                self.drop_other_source(viewer, owner, source);
            }
            return Err(reason);
        };
        if !candidates[chosen].flows {
            // Nothing of it flows (a still screen, a camera that pauses): stay where we are.
            let line = self
                .endpoints
                .get(viewer.endpoint)
                .and_then(|endpoint| endpoint.send.get(viewer.line));
            let shown = line.and_then(|line| line.awaited.or(line.current));
            let same = candidates
                .iter()
                .position(|candidate| Some(candidate.layer) == shown);
            chosen = same.unwrap_or(chosen);
        }
        Ok(Choice {
            line: viewer.line,
            candidates,
            chosen,
        })
    }

    /// Lowers layers to what the path to the viewer carries, and keeps one that had to be lowered
    /// low for a while: going up and down is worse than staying down.
    fn fit_to_path(&mut self, key: Key, choices: &mut [Choice], shared: &Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let voices = endpoint.voice_slots.iter().flatten().count() as u64 * VOICE_BPS;
        let Some(estimator) = &mut endpoint.estimator else {
            return;
        };
        estimator.on_demand(shared.now, voices + cost(choices));
        let budget = estimator.estimate().target_bps.saturating_sub(voices);
        let wanted: Vec<usize> = choices.iter().map(|choice| choice.chosen).collect();
        fit(choices, budget);
        for (choice, wanted) in choices.iter_mut().zip(wanted) {
            let Some(line) = endpoint.send.get_mut(choice.line) else {
                continue;
            };
            let shown = line.awaited.or(line.current);
            let shown = choice
                .candidates
                .iter()
                .position(|c| Some(c.layer) == shown);
            let Some(shown) = shown.filter(|shown| choice.candidates[*shown].flows) else {
                continue;
            };
            if choice.chosen < wanted && choice.chosen < shown {
                line.lowered = Some(shared.now);
            } else if choice.chosen > shown
                && line.lowered.is_some_and(|lowered| {
                    shared.now.micros_since(lowered) < limits::LAYER_UP_HOLD_US
                })
            {
                choice.chosen = shown;
            }
        }
    }

    /// Whose picture a tile should show, and how large.
    pub(super) fn wanted(
        &self,
        viewer: Viewer,
        shared: &Shared,
    ) -> Option<(Key, Source, u32, u32)> {
        let endpoint = self.endpoints.get(viewer.endpoint)?;
        let line = endpoint.send.get(viewer.line)?;
        if line.parameters.role == SendRole::ActiveSpeaker {
            let owner = self.speaker_to_show(viewer)?;
            let (width, height) = line
                .wish
                .as_ref()
                .map_or(LARGEST_SIZE, |wish| (wish.width, wish.height));
            let is_shared = self.published(owner, Source::Screen).is_some();
            let source = if is_shared {
                Source::Screen
            } else {
                Source::Camera
            };
            return Some((owner, source, width, height));
        }
        let Some(wish) = &line.wish else {
            let (owner, source) = line.unasked?;
            return Some((owner, source, UNASKED_SIZE.0, UNASKED_SIZE.1));
        };
        let show = wish.show?;
        let owner = shared.routes.by_id.get(&show.endpoint);
        let owner = owner.filter(|owner| owner.room == self.key)?.endpoint;
        Some((owner, show.source, wish.width, wish.height))
    }

    /// The active speaker, or whoever has a picture: a single line is never left empty.
    fn speaker_to_show(&self, viewer: Viewer) -> Option<Key> {
        let has_picture = |key: &Key| {
            *key != viewer.endpoint
                && [Source::Camera, Source::Screen]
                    .iter()
                    .any(|source| self.published(*key, *source).is_some())
        };
        let shown = || {
            let line = self.endpoints.get(viewer.endpoint)?.send.get(viewer.line)?;
            let layer = self.layers.get(line.awaited.or(line.current)?)?;
            Some(layer.owner)
        };
        let active = self.active_speaker().filter(has_picture);
        let any = || self.endpoints.iter().map(|(key, _)| key).find(has_picture);
        active.or_else(|| shown().filter(has_picture)).or_else(any)
    }

    /// An endpoint's line of a source, where it is published: present, not muted, with layers.
    pub(super) fn published(&self, owner: Key, source: Source) -> Option<&InLine> {
        let endpoint = self
            .endpoints
            .get(owner)
            .filter(|endpoint| endpoint.is_present())?;
        endpoint.receive.iter().find(|line| {
            line.parameters.source == source
                && line.parameters.medium == Medium::Video
                && !line.muted
                && !line.layers.is_empty()
        })
    }

    /// Asks for key frames of those whom a newcomer will want to see, before there is a path: when
    /// it is connected they wait in the cache (`replay`). Nothing is asked of who has sent one a
    /// moment ago, or of whom somebody asked just now, so a crowd of newcomers costs no more than one.
    pub(super) fn foresee_pictures(&mut self, lines: usize, shared: &mut Shared) {
        let count = lines.min(limits::FORESEEN_PICTURES_MAX);
        let active = self.active_speaker();
        let others = self.endpoints.keys();
        let owners = active
            .into_iter()
            .chain(others.into_iter().filter(|key| Some(*key) != active));
        let mut foreseen: Vec<Key> = Vec::new();
        for owner in owners {
            if foreseen.len() >= count {
                break;
            }
            for source in [Source::Screen, Source::Camera] {
                let Some(line) = self.published(owner, source) else {
                    continue;
                };
                let layers = line.layers.iter().filter_map(|key| {
                    let layer = self.layers.get(*key)?;
                    let flows = layer.flows(shared.now);
                    (flows && line.is_live(layer.rid.as_deref())).then_some((*key, layer.order))
                });
                // The encoder makes a key frame of every layer at once; the middle one is asked.
                let mut layers: Vec<(Key, usize)> = layers.collect();
                layers.sort_by_key(|(_, order)| *order);
                foreseen.extend(layers.get(layers.len() / 2).map(|(key, _)| *key));
            }
        }
        foreseen.truncate(count);
        for layer in foreseen {
            let is_there = self
                .layers
                .get(layer)
                .is_some_and(|known| known.begins_now() || known.replayable(shared.now).is_some());
            if !is_there {
                self.want_key_frame(layer, shared);
            }
        }
    }

    /// What a tile could show of a source, smallest picture first.
    fn candidates(
        &self,
        viewer: Viewer,
        owner: Key,
        source: Source,
        shared: &Shared,
    ) -> Vec<Candidate> {
        let Some(line) = self.published(owner, source) else {
            return Vec::new();
        };
        let tile = self
            .endpoints
            .get(viewer.endpoint)
            .and_then(|e| e.send.get(viewer.line));
        let Some(tile) = tile else { return Vec::new() };
        let layers = line
            .layers
            .iter()
            .filter_map(|key| self.layers.get(*key).map(|l| (*key, l)));
        let top = line.parameters.rids.len().saturating_sub(1);
        let mut candidates: Vec<Candidate> = layers
            .filter(|(_, layer)| line.is_live(layer.rid.as_deref()))
            .filter(|(_, layer)| {
                let codec = line.parameters.codecs.get(usize::from(layer.codec));
                codec.is_some_and(|codec| tile.can_carry(codec))
            })
            .map(|(key, layer)| {
                let shift = top.saturating_sub(layer.order) as u32;
                let guess = (LARGEST_SIZE.0 >> shift, LARGEST_SIZE.1 >> shift);
                Candidate {
                    layer: key,
                    size: layer.size.unwrap_or(guess),
                    flows: layer.flows(shared.now),
                    rate: layer.rate.bits_per_second(),
                }
            })
            .collect();
        candidates.sort_by_key(|candidate| candidate.size.0 * candidate.size.1);
        candidates
    }

    /// Takes a tile off layers that are no longer published.
    fn drop_what_ended(&mut self, viewer: Viewer) {
        let Some(line) = self
            .endpoints
            .get(viewer.endpoint)
            .and_then(|e| e.send.get(viewer.line))
        else {
            return;
        };
        for layer in [line.current, line.awaited].into_iter().flatten() {
            let is_published = self.layers.get(layer).is_some_and(|known| {
                let owner = self.endpoints.get(known.owner);
                owner.is_some_and(|owner| {
                    owner.is_present()
                        && owner
                            .receive
                            .get(known.line)
                            .is_some_and(|line| !line.muted)
                })
            });
            if !is_published {
                self.detach(viewer, layer);
            }
        }
    }

    /// The wished source has no picture (yet): what another source left on the tile goes.
    fn drop_other_source(&mut self, viewer: Viewer, owner: Key, source: Source) {
        let Some(line) = self
            .endpoints
            .get(viewer.endpoint)
            .and_then(|e| e.send.get(viewer.line))
        else {
            return;
        };
        for layer in [line.current, line.awaited].into_iter().flatten() {
            let is_same = self.layers.get(layer).is_some_and(|known| {
                known.owner == owner
                    && self.endpoints.get(owner).is_some_and(|endpoint| {
                        endpoint.receive[known.line].parameters.source == source
                    })
            });
            if !is_same {
                self.detach(viewer, layer);
            }
        }
    }

    fn clear_tile(&mut self, viewer: Viewer) {
        let Some(line) = self
            .endpoints
            .get(viewer.endpoint)
            .and_then(|e| e.send.get(viewer.line))
        else {
            return;
        };
        for layer in [line.current, line.awaited].into_iter().flatten() {
            self.detach(viewer, layer);
        }
    }

    /// Takes a tile off a layer that it shows or waits for.
    fn detach(&mut self, viewer: Viewer, layer_key: Key) {
        let Room {
            endpoints, layers, ..
        } = self;
        if let Some(layer) = layers.get_mut(layer_key) {
            layer.remove_viewer(viewer);
        }
        let line = endpoints
            .get_mut(viewer.endpoint)
            .and_then(|e| e.send.get_mut(viewer.line));
        let Some(line) = line else { return };
        if line.replay.is_some_and(|replay| replay.layer == layer_key) {
            line.replay = None;
        }
        if line.awaited == Some(layer_key) {
            line.awaited = None;
        }
        if line.current == Some(layer_key) {
            line.track.stop();
            line.current = None;
            self.mark_tiles_changed(viewer.endpoint);
        }
    }

    /// Lets a tile go to a layer: at its next key frame, until which it shows what it shows.
    fn aim(&mut self, viewer: Viewer, target: Key, shared: &mut Shared) {
        let Room {
            endpoints, layers, ..
        } = self;
        let codecs = layers.get(target).and_then(|layer| {
            let owner = endpoints.get(layer.owner)?;
            Some(owner.receive.get(layer.line)?.parameters.codecs.clone())
        });
        let line = endpoints
            .get_mut(viewer.endpoint)
            .and_then(|e| e.send.get_mut(viewer.line));
        let (Some(codecs), Some(line)) = (codecs, line) else {
            return;
        };
        if line.awaited == Some(target) {
            if line.replay.is_some() {
                return;
            }
            // Still waiting: whatever became of the last wish, there is one again.
            return self.want_key_frame(target, shared);
        }
        let abandoned = line
            .awaited
            .take()
            .filter(|layer| line.current != Some(*layer));
        if let Some(layer) = abandoned.and_then(|layer| layers.get_mut(layer)) {
            layer.remove_viewer(viewer);
        }
        if line.current == Some(target) {
            return;
        }
        line.await_layer(target, &codecs);
        let Some(layer) = layers.get_mut(target) else {
            return;
        };
        layer.add_viewer(viewer);
        // A key frame that has just come and waits to be sent is taken at once, and one that others
        // have had a moment ago is repeated.
        if !layer.begins_now() && !self.start_replay(viewer, target, shared) {
            self.want_key_frame(target, shared);
        }
    }

    pub(super) fn announce_tiles(&self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let lines = endpoint.tile_lines();
        if lines.is_empty() {
            return;
        }
        let tiles = lines.into_iter().map(|place| {
            let line = &endpoint.send[place];
            let shown = line.current.and_then(|layer| self.layers.get(layer));
            let show = shown.and_then(|layer| {
                let owner = self.endpoints.get(layer.owner)?;
                let source = owner.receive.get(layer.line)?.parameters.source;
                Some(TileSource {
                    endpoint: owner.id,
                    source,
                })
            });
            let rid = shown.and_then(|layer| layer.rid.clone());
            TileState {
                mid: line.parameters.mid.clone(),
                show,
                rid,
                reason: line.reason,
            }
        });
        let tiles = tiles.collect();
        shared.emit(Event::Tiles {
            endpoint: endpoint.id,
            tiles,
        });
    }
}
