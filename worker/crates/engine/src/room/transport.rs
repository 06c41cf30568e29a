//! Checks, handshakes and packets of the room's endpoints.

use parley_rtp::header::{DatagramKind, classify};
use parley_wire::{EndReason, Event, Medium};

use crate::address::Address;
use crate::counters::Counter;
use crate::room::Room;
use crate::shared::{EndpointTimer, Shared, Timer};
use crate::slab::Key;
use crate::transport::Progress;
use crate::transport::ice::{Check, Verdict};

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
        let before = endpoint.transport.ice.selected();
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
                    shared.routes.by_address.remove(&forgotten);
                }
                let replaced = shared.routes.by_address.insert(from, key);
                if replaced.is_some_and(|other| other != key) {
                    // Another endpoint behind the same address and port: the newer check wins, as
                    // when a browser's socket was given away again.
                    shared.count(Counter::AddressesTakenOver);
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
                let has_moved = before.is_some() && before != endpoint.transport.ice.selected();
                let begins = endpoint.transport.is_to_begin();
                self.on_heard(key.endpoint, shared);
                if begins {
                    self.step_dtls(key.endpoint, None, shared);
                }
                if has_moved {
                    self.ask_after_recovery(key.endpoint, shared);
                }
            }
        }
    }

    /// Forgets the address of a TCP connection that is gone.
    pub(crate) fn forget_address(&mut self, key: Key, address: Address) {
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            endpoint.transport.ice.forget(address);
        }
    }

    /// Handles a packet from an address that has passed a check.
    pub(crate) fn on_packet(&mut self, key: Key, bytes: &mut [u8], shared: &mut Shared) {
        match classify(bytes) {
            DatagramKind::Dtls => self.step_dtls(key, Some(bytes), shared),
            DatagramKind::Rtp => self.on_rtp(key, bytes, shared),
            DatagramKind::Rtcp => self.on_rtcp(key, bytes, shared),
            DatagramKind::Stun | DatagramKind::Unknown => shared.count(Counter::DroppedUnknownKind),
        }
    }

    pub(super) fn on_dtls_timer(&mut self, key: Key, shared: &mut Shared) {
        if let Some(endpoint) = self.endpoints.get_mut(key) {
            endpoint.transport.timer_armed = false;
            self.step_dtls(key, None, shared);
        }
    }

    fn step_dtls(&mut self, key: Key, packet: Option<&[u8]>, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let Some(to) = endpoint.transport.ice.selected() else {
            return;
        };
        let instant = shared.epoch.instant(shared.now);
        let is_first = endpoint.transport.keys.is_none();
        let outbox = &mut shared.outbox;
        let progress = endpoint
            .transport
            .dtls(packet, instant, &mut |packet| outbox.push(to, packet));
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
            Progress::Keyed => self.on_keyed(key, is_first, shared),
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
