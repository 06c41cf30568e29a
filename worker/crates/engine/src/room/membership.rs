//! Who is in the room and what they publish: endpoints come and go, lines mute, layers end.

use parley_wire::{
    EndReason, EndpointOpen, EndpointPublish, EndpointRestart, EndpointTiles, ErrorCode, Event,
    Medium,
};

use crate::limits;
use crate::room::Room;
use crate::room::endpoint::{Endpoint, Refusal};
use crate::room::layer::Viewer;
use crate::room::reports::report_after;
use crate::shared::{EndpointKey, Shared};
use crate::slab::Key;
use crate::transport::Transport;
use crate::transport::ice::Ice;

impl Room {
    /// Opens an endpoint whose parameters have been judged.
    pub(crate) fn open_endpoint(&mut self, open: &EndpointOpen, shared: &mut Shared) {
        let transport = Transport::new(
            Ice::new(open.ice.clone(), shared.limits.unproven_bytes_max),
            open.dtls.clone(),
            &shared.identity,
            shared.now,
            shared.epoch.instant(shared.now),
        );
        self.insert_endpoint(open, transport, shared);
        let pictures = open.send.iter().filter(|line| line.medium == Medium::Video);
        self.foresee_pictures(pictures.count(), shared);
    }

    /// Puts an endpoint into the room around a new or a restored transport.
    pub(super) fn insert_endpoint(
        &mut self,
        open: &EndpointOpen,
        transport: Transport,
        shared: &mut Shared,
    ) -> Key {
        let room = self.key;
        let endpoint = self.endpoints.insert_with(|endpoint| {
            let key = EndpointKey { room, endpoint };
            Box::new(Endpoint::new(
                open,
                key,
                transport,
                &mut shared.random,
                shared.now,
            ))
        });
        let key = EndpointKey { room, endpoint };
        shared.routes.by_id.insert(open.endpoint, key);
        if let Some(known) = self.endpoints.get(endpoint) {
            for ufrag in known.transport.ice.local_ufrags() {
                shared.routes.by_ufrag.insert(ufrag.to_owned(), key);
            }
            for address in known.transport.ice.addresses() {
                shared.routes.by_address.insert(address, key);
            }
        }
        // Spread over the second, or all reports of a room would be one burst.
        let first = limits::REPORT_INTERVAL_US / 2 + shared.random.next() % 500_000;
        report_after(key, first, shared);
        endpoint
    }

    /// Takes new credentials, and a new DTLS association where the far side made one.
    pub(crate) fn restart_endpoint(
        &mut self,
        key: Key,
        restart: EndpointRestart,
        shared: &mut Shared,
    ) -> Result<(), Refusal> {
        let instant = shared.epoch.instant(shared.now);
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return Ok(());
        };
        let is_known = endpoint.transport.ice.knows(&restart.ice);
        let ufrag = restart.ice.local_ufrag.clone();
        let owner = shared.routes.by_ufrag.get(&ufrag);
        if owner.is_some_and(|owner| *owner != endpoint.key) {
            return Err((
                ErrorCode::AlreadyExists,
                "the local ufrag is in use".to_owned(),
            ));
        }
        if !is_known && let Some(replaced) = endpoint.transport.ice.restart(restart.ice) {
            shared.routes.by_ufrag.remove(&replaced);
        }
        shared.routes.by_ufrag.insert(ufrag, endpoint.key);
        // Repeated with the same credentials it is the same restart, and the handshake goes on.
        if let Some(dtls) = restart.dtls.filter(|_| !is_known) {
            endpoint
                .transport
                .restart_dtls(&shared.identity, dtls, instant);
        }
        Ok(())
    }

    /// Takes what the client says of its own lines.
    pub(crate) fn publish(
        &mut self,
        key: Key,
        publish: EndpointPublish,
        shared: &mut Shared,
    ) -> Result<(), Refusal> {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return Ok(());
        };
        let known = |mid: &str| {
            endpoint
                .receive
                .iter()
                .any(|line| line.parameters.mid == mid)
        };
        if let Some(unknown) = publish.lines.iter().find(|line| !known(&line.mid)) {
            return Err((ErrorCode::LineNotFound, format!("mid {}", unknown.mid)));
        }
        for state in publish.lines {
            let line = endpoint
                .receive
                .iter_mut()
                .find(|line| line.parameters.mid == state.mid);
            if let Some(line) = line {
                line.muted = state.muted;
                line.live_rids = state.rids;
                // Nobody is to see what was filmed before the camera was covered.
                for layer in line.layers.iter().filter(|_| state.muted) {
                    if let Some(known) = self.layers.get_mut(*layer) {
                        known.key_frame = None;
                    }
                }
            }
        }
        self.update_voice_of(key, shared);
        self.tiles_stale = true;
        Ok(())
    }

    /// Takes what the client wants to see.
    pub(crate) fn wish(
        &mut self,
        key: Key,
        tiles: EndpointTiles,
        shared: &mut Shared,
    ) -> Result<(), Refusal> {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return Ok(());
        };
        let is_video = |mid: &str| {
            let mut lines = endpoint.send.iter();
            lines.any(|l| l.parameters.mid == mid && l.parameters.medium == Medium::Video)
        };
        if let Some(unknown) = tiles.tiles.iter().find(|wish| !is_video(&wish.mid)) {
            return Err((ErrorCode::LineNotFound, format!("mid {}", unknown.mid)));
        }
        // Who has said what they want to see gets nothing else any more.
        for line in &mut endpoint.send {
            line.unasked = None;
        }
        for wish in tiles.tiles {
            let line = endpoint
                .send
                .iter_mut()
                .find(|line| line.parameters.mid == wish.mid);
            if let Some(line) = line {
                line.wish = Some(wish);
            }
        }
        self.tiles_stale = true;
        self.arm_tiles(shared);
        Ok(())
    }

    /// Lets an endpoint in, or out while its transport stays.
    pub(crate) fn enter(&mut self, key: Key, entered: bool, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        if std::mem::replace(&mut endpoint.entered, entered) == entered {
            return;
        }
        if !entered {
            self.stop_lines(key);
        }
        self.on_presence(key, shared);
    }

    /// Everything that depends on who is present.
    pub(super) fn on_presence(&mut self, key: Key, shared: &mut Shared) {
        self.update_voice_of(key, shared);
        self.update_mix_of(key, shared);
        self.voices_stale = true;
        self.tiles_stale = true;
        if let Some(endpoint) = self.endpoints.get(key) {
            let published: Vec<Key> = endpoint
                .receive
                .iter()
                .flat_map(|line| line.layers.iter().copied())
                .collect();
            for layer in published {
                if let Some(known) = self.layers.get_mut(layer) {
                    known.key_frame = None;
                }
                self.ask_key_frame(layer, shared);
            }
        }
        self.arm_tiles(shared);
    }

    /// Ends an endpoint by itself, and says so.
    pub(super) fn end(&mut self, key: Key, reason: EndReason, shared: &mut Shared) {
        if let Some(id) = self.endpoints.get(key).map(|endpoint| endpoint.id) {
            self.close_endpoint(key, shared);
            shared.emit(Event::EndpointEnded {
                endpoint: id,
                reason,
            });
        }
    }

    /// Closes an endpoint: BYE, close_notify, all its tracks end.
    pub(crate) fn close_endpoint(&mut self, key: Key, shared: &mut Shared) {
        self.write_rtcp(key, shared, |endpoint, compound| {
            let ssrcs: Vec<u32> = endpoint
                .send
                .iter()
                .map(|line| line.parameters.ssrc)
                .collect();
            compound.receiver_report(endpoint.feedback_ssrc, &[]);
            for some in ssrcs.chunks(31) {
                compound.goodbye(some);
            }
        });
        self.stop_lines(key);
        self.forget_layers(key, shared);
        let Some(mut endpoint) = self.endpoints.remove(key) else {
            return;
        };
        if let Some(to) = endpoint.transport.ice.lead() {
            let instant = shared.epoch.instant(shared.now);
            let outbox = &mut shared.outbox;
            endpoint
                .transport
                .close(instant, &mut |packet| outbox.push(to, packet));
        }
        shared.forget(&endpoint);
        let voice = endpoint.voice();
        self.speakers.remove(shared.now, voice);
        self.arm_speakers(shared);
        if let Some(mix) = &mut self.mix {
            mix.remove(voice);
        }
        self.voices_stale = true;
        self.tiles_stale = true;
    }

    /// Takes the endpoint off everything it looks at.
    fn stop_lines(&mut self, key: Key) {
        let Room {
            endpoints, layers, ..
        } = self;
        let Some(endpoint) = endpoints.get_mut(key) else {
            return;
        };
        for (line, out) in endpoint.send.iter_mut().enumerate() {
            for layer in [out.current, out.awaited].into_iter().flatten() {
                if let Some(layer) = layers.get_mut(layer) {
                    layer.remove_viewer(Viewer {
                        endpoint: key,
                        line,
                    });
                }
            }
            out.stop();
        }
        endpoint.voice_slots.update(std::iter::empty());
        if endpoint.is_present() {
            return;
        }
        endpoint.slots_changed = true;
        self.mark_tiles_changed(key);
    }

    /// Ends every layer of an endpoint.
    pub(super) fn forget_layers(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let layers: Vec<Key> = endpoint
            .receive
            .iter()
            .flat_map(|line| line.layers.iter().copied())
            .collect();
        for layer in layers {
            self.remove_layer(layer, shared);
        }
    }

    /// Ends a layer; lines that show it go idle or wait for what comes instead.
    pub(super) fn remove_layer(&mut self, layer_key: Key, shared: &mut Shared) {
        let Some(layer) = self.layers.remove(layer_key) else {
            return;
        };
        if self.ready.last() == Some(&layer_key) {
            self.fan_out.viewer = 0;
        }
        self.ready.retain(|ready| *ready != layer_key);
        for viewer in &layer.viewers {
            let Some(endpoint) = self.endpoints.get_mut(viewer.endpoint) else {
                continue;
            };
            let Some(line) = endpoint.send.get_mut(viewer.line) else {
                continue;
            };
            if line.awaited == Some(layer_key) {
                line.awaited = None;
            }
            if line.current == Some(layer_key) {
                line.track.stop();
                line.current = None;
                self.mark_tiles_changed(viewer.endpoint);
            }
        }
        if let Some(owner) = self.endpoints.get_mut(layer.owner) {
            owner.ssrcs.retain(|known| known.layer != layer_key);
            if let Some(line) = owner.receive.get_mut(layer.line) {
                line.layers.retain(|known| *known != layer_key);
            }
        }
        match layer.medium {
            Medium::Audio => self.update_voice_of(layer.owner, shared),
            Medium::Video => self.tiles_stale = true,
        }
    }
}
