//! Packets from publishers: opened, sorted to their layer, kept for everybody who watches it.

use parley_rtp::cache::PacketInfo;
use parley_rtp::error::RtpError;
use parley_rtp::header::{RtpHeader, without_padding};
use parley_rtp::payload::{Detail, h264, opus, vp8};
use parley_wire::{Codec, Medium};

use crate::address::Address;
use crate::audio::{self, VoicePacket};
use crate::counters::Counter;
use crate::limits;
use crate::room::Room;
use crate::room::endpoint::{Binding, KnownSsrc};
use crate::room::layer::{Layer, LayerOrigin, Repair};
use crate::room::picture_size::picture_size;
use crate::shared::{EndpointTimer, RoomTimer, Shared, Timer};
use crate::slab::Key;

/// Where a packet belongs, before it is known to be genuine.
enum Place {
    Known(KnownSsrc),
    New(Binding),
}

impl Room {
    /// Handles one SRTP packet of an endpoint.
    pub(super) fn on_rtp(
        &mut self,
        key: Key,
        from: Address,
        bytes: &mut [u8],
        shared: &mut Shared,
    ) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let Some(keys) = &endpoint.transport.keys else {
            return shared.count(Counter::DroppedBeforeKeys);
        };
        let Ok(header) = RtpHeader::parse(bytes, &endpoint.extensions) else {
            return shared.count(Counter::DroppedMalformed);
        };
        let place = match endpoint.find_ssrc(header.ssrc) {
            Some(known) => Place::Known(known),
            None => match endpoint.resolve(&header, bytes) {
                Some(binding) => Place::New(binding),
                None => return shared.count(Counter::DroppedUnknownSsrc),
            },
        };
        let Some(index) = self.expected_index(&place, header.sequence) else {
            return shared.count(Counter::DroppedReplayed);
        };
        let length = bytes.len();
        let payload = match keys.opener.open_rtp(bytes, header.len, header.ssrc, index) {
            Ok(payload) => payload,
            Err(RtpError::Replayed) => return shared.count(Counter::DroppedReplayed),
            Err(_) => return shared.count(Counter::DroppedUnauthenticated),
        };
        shared.count(Counter::RtpIn);
        self.on_authentic(key, from, shared);
        self.note_arrival(key, &header, length, shared);
        let known = match place {
            Place::Known(known) => Some(known),
            Place::New(binding) => self.bind(key, &binding, header.ssrc, shared),
        };
        let Some(known) = known else {
            return shared.count(Counter::DroppedUnknownSsrc);
        };
        match without_padding(payload, header.has_padding) {
            Ok(payload) if known.is_repair => {
                self.take_repair(key, known.layer, &header, index, payload, shared);
            }
            Ok(payload) => self.take_media(key, known.layer, &header, index, payload, shared),
            Err(_) => shared.count(Counter::DroppedMalformed),
        }
    }

    /// The extended index of a packet, unless it has been seen.
    fn expected_index(&self, place: &Place, sequence: u16) -> Option<u64> {
        let known = match place {
            Place::New(_) => return Some(u64::from(sequence)),
            Place::Known(known) => known,
        };
        let layer = self.layers.get(known.layer)?;
        if known.is_repair {
            let window = &layer.repair.as_ref()?.window;
            let index = window.expect(sequence);
            return window.check(index).is_ok().then_some(index);
        }
        let index = layer.main.reception.expect(sequence);
        layer.main.reception.check(index).is_ok().then_some(index)
    }

    fn note_arrival(&mut self, key: Key, header: &RtpHeader, length: usize, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        endpoint.tally.packets_in += 1;
        endpoint.tally.bytes_in += length as u64;
        let Some(sequence) = header.transport_cc else {
            return;
        };
        endpoint.arrivals.record(sequence, shared.now);
        if !endpoint.feedback_armed {
            endpoint.feedback_armed = true;
            let timer = Timer::Endpoint(endpoint.key, EndpointTimer::Feedback);
            shared.after(limits::FEEDBACK_INTERVAL_US, timer);
        }
    }

    /// Remembers what an SSRC belongs to, now that a packet of it has been authenticated.
    fn bind(
        &mut self,
        key: Key,
        binding: &Binding,
        ssrc: u32,
        shared: &mut Shared,
    ) -> Option<KnownSsrc> {
        let endpoint = self.endpoints.get(key)?;
        let line = endpoint.receive.get(binding.line)?;
        let existing = line.layers.iter().copied().find(|layer| {
            self.layers
                .get(*layer)
                .is_some_and(|layer| layer.rid == binding.rid)
        });
        let layer = if binding.is_repair {
            // A retransmission repairs a layer that has sent; there is nothing to bind it to yet.
            let layer = existing?;
            let known = self.layers.get_mut(layer)?;
            let old = known.repair.replace(Repair {
                ssrc,
                window: Default::default(),
            });
            if let Some(old) = old {
                self.endpoints
                    .get_mut(key)?
                    .ssrcs
                    .retain(|known| known.ssrc != old.ssrc);
            }
            layer
        } else {
            if let Some(existing) = existing {
                // The same layer from another SSRC is another source: its indices begin anew.
                self.remove_layer(existing, shared);
            }
            self.add_layer(key, binding, ssrc, shared)?
        };
        let known = KnownSsrc {
            ssrc,
            layer,
            is_repair: binding.is_repair,
        };
        self.endpoints.get_mut(key)?.ssrcs.push(known);
        Some(known)
    }

    fn add_layer(
        &mut self,
        key: Key,
        binding: &Binding,
        ssrc: u32,
        shared: &mut Shared,
    ) -> Option<Key> {
        let source = shared.new_source();
        let origin = self.layer_origin(key, binding.line, binding.rid.clone(), ssrc, source)?;
        Some(self.insert_layer(origin, shared))
    }

    /// What a layer of a line is made of.
    pub(super) fn layer_origin(
        &self,
        key: Key,
        line: usize,
        rid: Option<String>,
        ssrc: u32,
        source: u32,
    ) -> Option<LayerOrigin> {
        let parameters = &self.endpoints.get(key)?.receive.get(line)?.parameters;
        let order = rid
            .as_ref()
            .and_then(|rid| parameters.rids.iter().position(|known| known == rid));
        Some(LayerOrigin {
            owner: key,
            line,
            rid,
            order: order.unwrap_or(0),
            medium: parameters.medium,
            clock_rate: parameters.codecs.first()?.clock_rate,
            asks_again: parameters.codecs.iter().any(|codec| codec.nack),
            source,
            ssrc,
            state: None,
        })
    }

    /// Puts a layer into the room and lets everybody who waits for its line look at it.
    pub(super) fn insert_layer(&mut self, origin: LayerOrigin, shared: &mut Shared) -> Key {
        let (owner, line, medium) = (origin.owner, origin.line, origin.medium);
        let layer = self.layers.insert(Box::new(Layer::new(origin, shared.now)));
        if let Some(endpoint) = self.endpoints.get_mut(owner) {
            let layers = &self.layers;
            let known = &mut endpoint.receive[line].layers;
            known.push(layer);
            known.sort_by_key(|key| layers.get(*key).map_or(0, |layer| layer.order));
        }
        match medium {
            Medium::Audio => self.update_voice_of(owner, shared),
            Medium::Video => {
                self.tiles_stale = true;
                self.arm_tiles(shared);
            }
        }
        layer
    }

    fn take_repair(
        &mut self,
        key: Key,
        layer_key: Key,
        header: &RtpHeader,
        index: u64,
        payload: &[u8],
        shared: &mut Shared,
    ) {
        let Some(layer) = self.layers.get_mut(layer_key) else {
            return;
        };
        if let Some(repair) = &mut layer.repair {
            repair.window.mark(index);
        }
        // Less than an original sequence number is padding, sent to measure the path.
        let Some((original, payload)) = payload.split_first_chunk::<2>() else {
            return;
        };
        let reception = &mut layer.main.reception;
        let original = u16::from_be_bytes(*original);
        let asked = reception.asked_once(original);
        let original = reception.on_retransmission(original);
        if let (Some(asked), Some(endpoint)) = (asked, self.endpoints.get_mut(key)) {
            endpoint.repair_time.add(shared.now.since(asked));
        }
        if let Ok(original) = original {
            self.keep(key, layer_key, header, original, payload, shared);
        }
    }

    fn take_media(
        &mut self,
        key: Key,
        layer_key: Key,
        header: &RtpHeader,
        index: u64,
        payload: &[u8],
        shared: &mut Shared,
    ) {
        let Some(layer) = self.layers.get_mut(layer_key) else {
            return;
        };
        layer
            .main
            .reception
            .on_packet(index, header.timestamp, shared.now);
        if let Some(due) = layer.main.reception.deadline()
            && let Some(endpoint) = self.endpoints.get_mut(key)
            // A new gap is asked for at once, and does not wait for the second request of an old one.
            && endpoint.nack_armed.is_none_or(|armed| due < armed)
        {
            endpoint.nack_armed = Some(due);
            shared
                .wheel
                .add(due, Timer::Endpoint(endpoint.key, EndpointTimer::Nack));
        }
        self.keep(key, layer_key, header, index, payload, shared);
    }

    /// Keeps a packet for the viewers of its layer, and lets the room hear it.
    fn keep(
        &mut self,
        key: Key,
        layer_key: Key,
        header: &RtpHeader,
        index: u64,
        payload: &[u8],
        shared: &mut Shared,
    ) {
        let Room {
            endpoints, layers, ..
        } = self;
        let (Some(endpoint), Some(layer)) = (endpoints.get(key), layers.get_mut(layer_key)) else {
            return;
        };
        let Some(line) = endpoint.receive.get(layer.line) else {
            return;
        };
        let Some((codec_place, _)) = line.codec_of(header.payload_type) else {
            return shared.count(Counter::DroppedUnknownPayloadType);
        };
        if line.muted || !endpoint.is_present() {
            return shared.count(Counter::DroppedMuted);
        }
        let codec = line.parameters.codecs[codec_place].codec;
        let was_silent = !layer.flows(shared.now);
        layer.last_packet = shared.now;
        layer.codec = codec_place as u8;
        layer.rate.add(shared.now, payload.len());
        let (detail, is_key_frame) = examine(codec, payload);
        if is_key_frame {
            let skip = if let Detail::Vp8(vp8) = detail {
                usize::from(vp8.len)
            } else {
                0
            };
            if let Some(size) = picture_size(codec, payload, skip) {
                self.tiles_stale |= layer.size != Some(size);
                layer.size = Some(size);
            }
            layer.on_key_frame(index, header.timestamp, shared.now);
        }
        let info = PacketInfo {
            index,
            timestamp: header.timestamp,
            arrived: shared.now,
            marker: header.marker,
            is_key_frame,
            audio_level: header.audio_level,
            codec: codec_place as u8,
            detail,
        };
        if layer.cache.put(info, payload).is_err() {
            return shared.count(Counter::DroppedTooLarge);
        }
        let is_first = layer.pending.is_empty();
        layer.pending.push(index);
        if is_first {
            self.ready.push(layer_key);
        }
        if layer.medium == Medium::Audio {
            self.hear(key, header, codec, payload, shared);
        } else if was_silent {
            self.tiles_stale = true;
        }
    }

    /// Tells the speaker selection and the mix of a voice packet.
    fn hear(
        &mut self,
        key: Key,
        header: &RtpHeader,
        codec: Codec,
        payload: &[u8],
        shared: &mut Shared,
    ) {
        let Some(endpoint) = self.endpoints.get(key) else {
            return;
        };
        let voice = endpoint.voice();
        let level = header.audio_level.map(|level| audio::AudioLevel {
            minus_dbov: level.attenuation_db,
            voice: level.is_voice,
        });
        let is_silence = codec == Codec::Opus && opus::is_silence(payload);
        self.speakers.observe(shared.now, voice, level, is_silence);
        self.arm_speakers(shared);
        if let (Some(mix), Some(codec)) = (&mut self.mix, super::mix::codec_id(codec)) {
            let packet = VoicePacket {
                codec,
                sequence: header.sequence,
                timestamp: header.timestamp,
                level,
                payload,
            };
            mix.push(shared.now, voice, &packet);
        }
    }

    /// Asks the publisher of a layer for a key frame as soon as that makes sense.
    pub(super) fn want_key_frame(&mut self, layer_key: Key, shared: &mut Shared) {
        if let Some(layer) = self.layers.get_mut(layer_key)
            && layer.medium == Medium::Video
        {
            layer.key_frames.want();
            self.ask_key_frame(layer_key, shared);
        }
    }

    pub(super) fn ask_key_frame(&mut self, layer_key: Key, shared: &mut Shared) {
        let Some(layer) = self.layers.get_mut(layer_key) else {
            return;
        };
        let is_due = layer.key_frames.ask(shared.now);
        if let Some(due) = layer.key_frames.due()
            && !layer.key_frame_timer_armed
        {
            layer.key_frame_timer_armed = true;
            shared
                .wheel
                .add(due, Timer::Room(self.key, RoomTimer::KeyFrame(layer_key)));
        }
        if is_due {
            let (owner, ssrc) = (layer.owner, layer.main.ssrc);
            shared.count(Counter::KeyFrameRequests);
            self.write_rtcp(owner, shared, |endpoint, compound| {
                compound.receiver_report(endpoint.feedback_ssrc, &[]);
                compound.picture_loss(endpoint.feedback_ssrc, ssrc);
            });
        }
    }

    pub(super) fn on_key_frame_timer(&mut self, layer_key: Key, shared: &mut Shared) {
        let Some(layer) = self.layers.get_mut(layer_key) else {
            return;
        };
        layer.key_frame_timer_armed = false;
        if layer.viewers.is_empty() {
            layer.key_frames.forget();
        }
        self.ask_key_frame(layer_key, shared);
    }
}

/// What a forwarder must know of a payload, and whether a decoder can start here.
fn examine(codec: Codec, payload: &[u8]) -> (Detail, bool) {
    match codec {
        Codec::Vp8 => match vp8::Descriptor::parse(payload) {
            Ok(descriptor) => (Detail::Vp8(descriptor), descriptor.is_key_frame),
            // Padding without a descriptor: numbered like any packet, and nothing to rewrite.
            Err(_) => (Detail::Plain, false),
        },
        Codec::H264 => (Detail::Plain, h264::is_key_frame(payload)),
        Codec::Opus | Codec::Pcmu | Codec::Pcma | Codec::G722 => (Detail::Plain, false),
    }
}
