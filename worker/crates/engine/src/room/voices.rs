//! Voices: whose is heard in which slot, and who speaks.

use parley_wire::{EndpointId, Event, Source, VoiceSlot};

use crate::audio::VoiceId;
use crate::limits;
use crate::room::Room;
use crate::room::layer::Viewer;
use crate::shared::{RoomTimer, Shared, Timer};
use crate::slab::Key;

impl Room {
    /// Makes an endpoint's voice a candidate, or no longer, as its microphone and presence say.
    pub(super) fn update_voice_of(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let voice = endpoint.voice();
        let is_heard = endpoint.is_present() && self.voice_layer(key).is_some();
        if is_heard {
            self.speakers.add(shared.now, voice);
        } else {
            self.speakers.remove(shared.now, voice);
            if let Some(mix) = &mut self.mix {
                mix.remove_voice(voice);
            }
        }
        // Also where nothing changed for the selection: its layer may be another one.
        self.voices_stale = true;
        self.arm_speakers(shared);
    }

    /// The layer with an endpoint's voice, where it publishes one and is not muted.
    fn voice_layer(&self, key: Key) -> Option<Key> {
        let lines = &self.endpoints.get(key)?.receive;
        let line = lines
            .iter()
            .find(|line| line.parameters.source == Source::Microphone)?;
        if line.muted {
            None
        } else {
            line.layers.first().copied()
        }
    }

    pub(super) fn endpoint_of(&self, voice: VoiceId) -> Option<(Key, EndpointId)> {
        let key = self.endpoints.key_at(voice.0)?;
        Some((key, self.endpoints.get(key)?.id))
    }

    pub(super) fn arm_speakers(&mut self, shared: &mut Shared) {
        if self.speakers_armed {
            return;
        }
        if let Some(due) = self.speakers.deadline() {
            self.speakers_armed = true;
            shared
                .wheel
                .add(due, Timer::Room(self.key, RoomTimer::Speakers));
        }
    }

    pub(super) fn on_speakers_timer(&mut self, shared: &mut Shared) {
        self.speakers_armed = false;
        let change = self.speakers.tick(shared.now);
        self.voices_stale |= change.voices;
        self.tiles_stale |= change.active;
        self.speakers_changed |= change.active || change.speaking;
        self.announce_speakers(shared);
        self.arm_speakers(shared);
    }

    /// Says who speaks, not more often than a few times a second.
    pub(super) fn announce_speakers(&mut self, shared: &mut Shared) {
        let is_early = self
            .speakers_announced
            .is_some_and(|last| shared.now.micros_since(last) < limits::SPEAKERS_EVENT_INTERVAL_US);
        if !self.speakers_changed || is_early {
            return;
        }
        self.speakers_changed = false;
        self.speakers_announced = Some(shared.now);
        let id = |voice: VoiceId| self.endpoint_of(voice).map(|(_, id)| id);
        let active = self.speakers.active().and_then(id);
        let speaking = self
            .speakers
            .speaking()
            .iter()
            .copied()
            .filter_map(id)
            .collect();
        shared.emit(Event::Speakers {
            room: self.id,
            active,
            speaking,
        });
    }

    /// The active speaker's place in the room.
    pub(super) fn active_speaker(&self) -> Option<Key> {
        self.speakers
            .active()
            .and_then(|voice| self.endpoint_of(voice))
            .map(|(key, _)| key)
    }

    /// Puts the selected voices on the slots of everybody.
    pub(super) fn update_voices(&mut self, _shared: &mut Shared) {
        for key in self.endpoints.keys() {
            self.update_slots(key);
        }
    }

    fn update_slots(&mut self, key: Key) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let lines = endpoint.voice_lines();
        if lines.is_empty() || !endpoint.is_present() {
            return;
        }
        let voices = self.speakers.voices_for(endpoint.voice());
        if endpoint.voice_slots.update(voices) && !endpoint.slots_changed {
            endpoint.slots_changed = true;
            self.changed.push(key);
        }
        let slots: Vec<Option<VoiceId>> = endpoint.voice_slots.iter().collect();
        for (line, voice) in lines.into_iter().zip(slots) {
            let layer = voice
                .and_then(|voice| self.endpoint_of(voice))
                .and_then(|(speaker, _)| self.voice_layer(speaker));
            self.attach_voice(
                Viewer {
                    endpoint: key,
                    line,
                },
                layer,
            );
        }
    }

    /// Lets a slot hear `layer` from its next packet on.
    fn attach_voice(&mut self, viewer: Viewer, layer: Option<Key>) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(line) = endpoints
            .get(viewer.endpoint)
            .and_then(|endpoint| endpoint.send.get(viewer.line))
        else {
            return;
        };
        let heard = line.awaited.or(line.current);
        if heard == layer {
            return;
        }
        let before = [line.current, line.awaited];
        let codecs = layer.and_then(|key| {
            let layer = layers.get(key)?;
            let owner = endpoints.get(layer.owner)?;
            Some((
                key,
                owner.receive.get(layer.line)?.parameters.codecs.clone(),
            ))
        });
        let Some(line) = endpoints
            .get_mut(viewer.endpoint)
            .and_then(|e| e.send.get_mut(viewer.line))
        else {
            return;
        };
        for old in before.into_iter().flatten() {
            if let Some(old) = layers.get_mut(old) {
                old.remove_viewer(viewer);
            }
        }
        line.stop();
        if let Some((key, codecs)) = codecs
            && line.can_show(&codecs)
            && let Some(layer) = layers.get_mut(key)
        {
            line.await_layer(key, &codecs);
            layer.add_viewer(viewer);
        }
    }

    /// Tells the server what has changed in slots and tiles.
    pub(super) fn announce(&mut self, shared: &mut Shared) {
        for key in std::mem::take(&mut self.changed) {
            let Some(endpoint) = self.endpoints.get_mut(key) else {
                continue;
            };
            if std::mem::take(&mut endpoint.slots_changed) {
                self.announce_slots(key, shared);
            }
            let Some(endpoint) = self.endpoints.get_mut(key) else {
                continue;
            };
            if std::mem::take(&mut endpoint.tiles_changed) {
                self.announce_tiles(key, shared);
            }
        }
    }

    fn announce_slots(&self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let lines = endpoint.voice_lines();
        if lines.is_empty() {
            return;
        }
        let slots = lines
            .into_iter()
            .zip(endpoint.voice_slots.iter())
            .map(|(line, voice)| {
                let endpoint_id = voice
                    .and_then(|voice| self.endpoint_of(voice))
                    .map(|(_, id)| id);
                VoiceSlot {
                    mid: endpoint.send[line].parameters.mid.clone(),
                    endpoint: endpoint_id,
                }
            });
        let slots = slots.collect();
        shared.emit(Event::VoiceSlots {
            endpoint: endpoint.id,
            slots,
        });
    }
}
