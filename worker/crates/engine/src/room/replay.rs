//! A viewer who comes while the last key frame is still cached begins with that, and the publisher
//! is not asked for another one.

use parley_wire::Medium;

use crate::counters::Counter;
use crate::limits;
use crate::room::Room;
use crate::room::forward::{Switch, send_live};
use crate::room::layer::{Layer, Viewer};
use crate::shared::{RoomTimer, Shared};
use crate::slab::Key;
use crate::transport::State;
use parley_rtp::time::Micros;

/// Where a line stands that catches up with a layer out of its cache.
///
/// Between two rounds of sending nothing waits for the fan-out, so every cached packet from `next`
/// on has not been sent on this line, and every one before has been, or was missing and goes out
/// as soon as it is repaired. No packet goes out twice: it would use its nonce twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Replay {
    pub(crate) layer: Key,
    /// The first index that has not been sent.
    pub(crate) next: u64,
    /// Timestamp of the layer's newest packet when the replay began.
    live_from: u32,
    /// When the next part may go out.
    due: Micros,
}

/// What became of a part of a replay.
enum Part {
    /// There is more to send.
    Behind,
    /// The line has what everybody has, or wants something else by now.
    Over,
}

impl Layer {
    /// The key frame with which a new viewer can begin, and the newest packet's timestamp: young,
    /// and everything since is cached, and that is not too much. None: a new one must be asked for.
    pub(super) fn replayable(&self, now: Micros) -> Option<(u64, u32)> {
        let key_frame = self.key_frame?;
        let newest = self.cache.newest()?;
        if newest.checked_sub(key_frame)? >= limits::REPLAY_PACKETS_MAX {
            return None;
        }
        let (first, _) = self.cache.get(key_frame)?;
        if now.micros_since(first.arrived) > limits::REPLAY_AGE_MAX_US {
            return None;
        }
        let mut bytes = 0;
        let mut timestamp = first.timestamp;
        for index in key_frame..=newest {
            let (info, payload) = self.cache.get(index)?;
            bytes += payload.len();
            timestamp = info.timestamp;
        }
        (bytes <= limits::REPLAY_BYTES_MAX).then_some((key_frame, timestamp))
    }
}

impl Room {
    /// Lets a line that awaits `target` begin with what is cached of it. False: there is no such
    /// beginning.
    pub(super) fn start_replay(
        &mut self,
        viewer: Viewer,
        target: Key,
        shared: &mut Shared,
    ) -> bool {
        let Room {
            endpoints, layers, ..
        } = self;
        let layer = layers
            .get(target)
            .filter(|layer| layer.medium == Medium::Video);
        let beginning = layer.and_then(|layer| layer.replayable(shared.now));
        let line = endpoints
            .get_mut(viewer.endpoint)
            .and_then(|endpoint| endpoint.send.get_mut(viewer.line));
        let (Some((next, live_from)), Some(line)) = (beginning, line) else {
            return false;
        };
        line.replay = Some(Replay {
            layer: target,
            next,
            live_from,
            due: shared.now,
        });
        self.replays.push(viewer);
        self.replays_due = true;
        shared.count(Counter::KeyFramesReplayed);
        true
    }

    /// Sends the parts of replays that are due. Only after a whole fan-out: see [`Replay`]. False:
    /// the send buffer is full.
    pub(super) fn send_replays(&mut self, shared: &mut Shared) -> bool {
        if !std::mem::take(&mut self.replays_due) {
            return true;
        }
        let mut place = 0;
        while let Some(viewer) = self.replays.get(place).copied() {
            if shared.outbox.is_full() {
                self.replays_due = true;
                return false;
            }
            match self.send_part(viewer, shared) {
                Part::Behind => place += 1,
                Part::Over => {
                    self.replays.swap_remove(place);
                }
            }
        }
        if !self.replays.is_empty() && !self.replays_armed {
            self.replays_armed = true;
            self.arm(limits::REPLAY_STEP_US, RoomTimer::Replay, shared);
        }
        true
    }

    pub(super) fn on_replay_timer(&mut self) {
        self.replays_armed = false;
        self.replays_due = true;
    }

    fn send_part(&mut self, viewer: Viewer, shared: &mut Shared) -> Part {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(viewer.endpoint) else {
            return Part::Over;
        };
        let line = endpoint.send.get_mut(viewer.line);
        let Some((line, replay)) = line.and_then(|line| line.replay.map(|replay| (line, replay)))
        else {
            return Part::Over;
        };
        let Some(layer) = layers.get(replay.layer) else {
            line.replay = None;
            return Part::Over;
        };
        if replay.due > shared.now {
            return Part::Behind;
        }
        let mut switch = None;
        if line.awaited == Some(replay.layer) {
            let is_possible = layer.cache.get(replay.next).is_some_and(|(info, _)| {
                line.is_awaited_codec(info.codec) && endpoint.transport.state == State::Connected
            });
            if !is_possible {
                // It has been overwritten meanwhile, or nothing can be written: ask after all.
                line.replay = None;
                self.want_key_frame(replay.layer, shared);
                return Part::Over;
            }
            let before = line.take_over(layer.source);
            line.track.catch_up_to(replay.live_from);
            switch = Some(Switch { viewer, before });
        }
        let newest = layer.cache.newest().unwrap_or(0);
        let mut next = replay.next;
        let mut bytes = 0;
        while next <= newest && bytes < limits::REPLAY_STEP_BYTES && !shared.outbox.is_full() {
            // What is missing goes out when it has been repaired, like for everybody.
            if let Some((info, payload)) = layer.cache.get(next) {
                bytes += payload.len();
                send_live(endpoint, viewer.line, layer, info, payload, shared);
            }
            next += 1;
        }
        let is_over = next > newest;
        if let Some(line) = endpoint.send.get_mut(viewer.line) {
            let due = Micros(shared.now.0 + limits::REPLAY_STEP_US);
            line.replay = (!is_over).then_some(Replay {
                next,
                due,
                ..replay
            });
        }
        if let Some(switch) = switch {
            self.after_switch(replay.layer, &switch);
        }
        if is_over { Part::Over } else { Part::Behind }
    }
}
