//! Checks, handshakes and packets of the room's endpoints.

use parley_rtp::header::{DatagramKind, classify};
use parley_wire::{EndReason, Event, Medium};

use crate::address::Address;
use crate::counters::Counter;
use crate::limits;
use crate::room::Room;
use crate::shared::{EndpointTimer, Shared, Timer};
use crate::slab::Key;
use crate::transport::Progress;
use crate::transport::ice::{Answer, Check, Verdict};

impl Room {
    /// Answers an ICE check addressed to one of the endpoint's names.
    pub(crate) fn on_check(
        &mut self,
        key: Key,
        check: &Check<'_>,
        from: Address,
        shared: &mut Shared,
    ) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let before = endpoint.transport.ice.lead();
        match endpoint.transport.ice.check(check, from, shared.now) {
            Verdict::Unauthenticated(reply) => {
                shared.count(Counter::DroppedUnauthenticatedCheck);
                if let Some(reply) = reply {
                    shared.outbox.push(from, &reply);
                }
            }
            Verdict::Refused(reply) => shared.outbox.push(from, &reply),
            Verdict::Valid {
                reply,
                restarted,
                forgotten,
            } => {
                shared.count(Counter::ChecksIn);
                shared.outbox.push(from, &reply);
                let key = endpoint.key;
                if let Some(forgotten) = forgotten {
                    shared.routes.release(forgotten, key);
                    // A connection without a path would be held for ever.
                    if let Address::Tcp { connection, .. } = forgotten {
                        shared.disconnects.push_back(connection);
                    }
                }
                if restarted {
                    let living: Vec<String> = endpoint
                        .transport
                        .ice
                        .local_ufrags()
                        .map(str::to_owned)
                        .collect();
                    shared
                        .routes
                        .by_ufrag
                        .retain(|name, owner| *owner != key || living.contains(name));
                }
                if endpoint.transport.ice.is_proven(from) {
                    shared.own(from, key);
                    self.on_way(key.endpoint, before, shared);
                } else {
                    shared.routes.claim(from, key);
                    self.ask_back(key.endpoint, from, shared);
                }
            }
        }
    }

    /// Takes an answer to a check of ours. False: it is none that this endpoint waits for.
    pub(crate) fn on_answer(
        &mut self,
        key: Key,
        answer: &Answer<'_>,
        from: Address,
        shared: &mut Shared,
    ) -> bool {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return false;
        };
        let before = endpoint.transport.ice.lead();
        if !endpoint.transport.ice.take_answer(answer, from) {
            return false;
        }
        let key = endpoint.key;
        shared.count(Counter::AnswersIn);
        shared.own(from, key);
        self.on_way(key.endpoint, before, shared);
        true
    }

    /// Notes a packet that authenticates.
    pub(super) fn on_authentic(&mut self, key: Key, from: Address, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let before = endpoint.transport.ice.lead();
        if before == Some(from) {
            return self.on_heard(key, shared);
        }
        if endpoint.transport.ice.take_authentic(from, shared.now) {
            shared.own(from, endpoint.key);
            self.ask_back(key, from, shared);
        } else if !endpoint.transport.ice.is_proven(from) {
            return;
        }
        self.on_way(key, before, shared);
    }

    /// Something came from a proven address: it is alive, what waited for the proof goes on, and
    /// where media moved, it begins well.
    fn on_way(&mut self, key: Key, before: Option<Address>, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let lead = endpoint.transport.ice.lead();
        if lead.is_none() {
            return;
        }
        let begins = endpoint.transport.is_to_begin();
        self.on_heard(key, shared);
        if begins {
            self.step_dtls(key, None, None, shared);
        }
        self.release_held(key, shared);
        if before.is_some() && before != lead {
            shared.count(Counter::MediaMoved);
            self.ask_after_recovery(key, shared);
        }
    }

    /// Sends a check to an address that has to show that it is there.
    fn ask_back(&mut self, key: Key, to: Address, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        // Who does not answer needs what is left for its handshake.
        let reserve = if endpoint.transport.keys.is_none() {
            limits::HANDSHAKE_RESERVE_BYTES
        } else {
            0
        };
        if let Some(check) = endpoint.transport.ice.ask(to, reserve, shared.now) {
            shared.count(Counter::ChecksOut);
            shared.outbox.push(to, &check);
        }
        self.arm_path_timer(key, shared);
    }

    fn arm_path_timer(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        if endpoint.transport.wants_path_timer() && !endpoint.transport.path_timer_armed {
            endpoint.transport.path_timer_armed = true;
            let timer = Timer::Endpoint(endpoint.key, EndpointTimer::Path);
            shared.after(limits::CHECK_BACK_INTERVAL_US, timer);
        }
    }

    pub(super) fn on_path_timer(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        endpoint.transport.path_timer_armed = false;
        let begins = endpoint.transport.is_to_begin();
        for address in endpoint.transport.ice.unanswered() {
            self.ask_back(key, address, shared);
        }
        // It does not answer checks, or not yet: on with as much as it may get.
        if begins {
            self.step_dtls(key, None, None, shared);
        }
        self.release_held(key, shared);
        self.arm_path_timer(key, shared);
    }

    fn release_held(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        if let Some((from, packet)) = endpoint.transport.release(shared.now) {
            self.step_dtls(key, Some(&packet), Some(from), shared);
        }
    }

    /// Takes media away from an address that only packets have proven, where that is in doubt.
    pub(super) fn doubt_paths(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let before = endpoint.transport.ice.lead();
        endpoint.transport.ice.doubt(shared.now);
        let lead = endpoint.transport.ice.lead();
        if before != lead && lead.is_some() {
            shared.count(Counter::MediaMoved);
            self.ask_after_recovery(key, shared);
        }
    }

    /// Forgets the address of a TCP connection that is gone.
    pub(crate) fn forget_address(&mut self, key: Key, address: Address) {
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            endpoint.transport.ice.forget(address);
        }
    }

    /// Handles a packet from an address that a valid check has come from.
    pub(crate) fn on_packet(
        &mut self,
        key: Key,
        from: Address,
        bytes: &mut [u8],
        shared: &mut Shared,
    ) {
        match classify(bytes) {
            DatagramKind::Dtls => self.on_dtls(key, from, bytes, shared),
            DatagramKind::Rtp => self.on_rtp(key, from, bytes, shared),
            DatagramKind::Rtcp => self.on_rtcp(key, from, bytes, shared),
            DatagramKind::Stun | DatagramKind::Unknown => shared.count(Counter::DroppedUnknownKind),
        }
    }

    fn on_dtls(&mut self, key: Key, from: Address, packet: &[u8], shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        endpoint.transport.ice.receive(from, packet.len());
        if endpoint.transport.hold(from, packet, shared.now) {
            return self.arm_path_timer(key, shared);
        }
        self.step_dtls(key, Some(packet), Some(from), shared);
    }

    pub(super) fn on_dtls_timer(&mut self, key: Key, shared: &mut Shared) {
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            endpoint.transport.timer_armed = false;
            self.step_dtls(key, None, None, shared);
        }
    }

    fn step_dtls(
        &mut self,
        key: Key,
        packet: Option<&[u8]>,
        from: Option<Address>,
        shared: &mut Shared,
    ) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let Some(to) = endpoint.transport.ice.selected() else {
            return;
        };
        let instant = shared.epoch.instant(shared.now);
        let is_first = endpoint.transport.keys.is_none();
        let outbox = &mut shared.outbox;
        let allowance = endpoint.transport.ice.allowance(to);
        let (mut spent, mut withheld) = (0, 0);
        let progress = endpoint.transport.dtls(packet, instant, &mut |packet| {
            // What is left of a flight goes out when it is repeated.
            if packet.len() > allowance - spent {
                withheld += 1;
                return;
            }
            spent += packet.len();
            outbox.push(to, packet);
        });
        endpoint.transport.ice.spend(to, spent);
        shared.counters.add(Counter::WithheldUnproven, withheld);
        if let Some(deadline) = endpoint.transport.dtls_deadline()
            && !endpoint.transport.timer_armed
        {
            endpoint.transport.timer_armed = true;
            let due = shared.epoch.micros(deadline);
            shared
                .wheel
                .add(due, Timer::Endpoint(endpoint.key, EndpointTimer::Dtls));
        }
        match progress {
            Progress::Nothing => {}
            Progress::Keyed => {
                // The last packet of the handshake authenticates.
                if let Some(from) = from {
                    self.on_authentic(key, from, shared);
                }
                self.on_keyed(key, is_first, shared);
            }
            Progress::Closed => self.end(key, EndReason::ClosedByPeer, shared),
            Progress::FingerprintMismatch => {
                self.end(key, EndReason::FingerprintMismatch, shared);
            }
            Progress::Failed => self.end(key, EndReason::DtlsFailed, shared),
        }
    }

    fn on_keyed(&mut self, key: Key, is_first: bool, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        endpoint.transport.heard = shared.now;
        let detail = endpoint.transport.detail();
        shared.emit(Event::EndpointConnected {
            endpoint: endpoint.id,
            detail,
        });
        if !is_first {
            for line in &mut endpoint.send {
                line.renumber(shared.random.next(), shared.now);
            }
            // With new keys every SSRC begins its indices anew, and what was bound is the old.
            self.forget_layers(key, shared);
        }
        self.on_presence(key, shared);
        self.restart_lines(key, shared);
        shared.snapshots.extend(self.snapshot(key, shared.now));
    }

    /// Notes that something valid came from the endpoint.
    pub(super) fn on_heard(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        if endpoint.transport.hear(shared.now) {
            shared.emit(Event::EndpointBack {
                endpoint: endpoint.id,
            });
            self.restart_lines(key, shared);
        }
    }

    /// After a time in which nothing could be written, lines start again like at a switch.
    fn restart_lines(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        for line in &mut endpoint.send {
            let Some(current) = line.current.filter(|_| line.awaited.is_none()) else {
                continue;
            };
            if let Some(layer) = self.layers.get(current) {
                line.restart(current, layer.source);
            }
        }
        self.ask_after_recovery(key, shared);
    }

    /// Requests from and to the endpoint may have been lost: asks again for every key frame that
    /// somebody waits for.
    fn ask_after_recovery(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let watched = endpoint
            .send
            .iter()
            .filter(|line| line.parameters.medium == Medium::Video);
        let wanted: Vec<Key> = watched
            .flat_map(|line| [line.awaited, line.current])
            .flatten()
            .collect();
        let published: Vec<Key> = endpoint
            .receive
            .iter()
            .flat_map(|line| line.layers.iter().copied())
            .collect();
        for layer in published {
            if let Some(layer) = self.layers.get_mut(layer) {
                layer.key_frames.on_recovery();
            }
            self.ask_key_frame(layer, shared);
        }
        for layer in wanted {
            self.want_key_frame(layer, shared);
        }
    }
}
