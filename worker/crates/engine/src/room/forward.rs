//! Packets to viewers: numbered anew, sealed from the shared cache straight into the send buffer.

use parley_rtp::bandwidth::BandwidthEstimator as _;
use parley_rtp::cache::PacketInfo;
use parley_rtp::error::RtpError;
use parley_rtp::header::{ExtensionValues, HeaderFields, abs_send_time, write_header};
use parley_rtp::payload::{Detail, vp8};
use parley_rtp::srtp::Plain;
use parley_wire::Medium;

use crate::counters::Counter;
use crate::room::Room;
use crate::room::endpoint::Endpoint;
use crate::room::layer::{Layer, Viewer};
use crate::room::line::{OutLine, PayloadTypes};
use crate::shared::Shared;
use crate::slab::Key;
use crate::transport::State;

/// A line that has just taken over another source.
pub(super) struct Switch {
    pub(super) viewer: Viewer,
    /// What it showed before.
    pub(super) before: Option<Key>,
}

/// A packet of a line, numbered, not yet written.
pub(super) struct Numbered<'a> {
    /// The line's place among those of its endpoint.
    pub(super) line: usize,
    pub(super) ssrc: u32,
    pub(super) payload_type: u8,
    pub(super) counts_for_feedback: bool,
    pub(super) index: u64,
    pub(super) timestamp: u32,
    pub(super) marker: bool,
    pub(super) info: Option<&'a PacketInfo>,
    pub(super) counters: Option<vp8::Counters>,
    /// Sequence number of the packet that this one repeats.
    pub(super) original: Option<u16>,
    pub(super) payload: &'a [u8],
}

impl Room {
    /// Sends what came since the last time to everybody who watches it. False: the send buffer is
    /// full; call again when it has been emptied.
    pub(super) fn fan_out(&mut self, shared: &mut Shared) -> bool {
        while let Some(layer_key) = self.ready.last().copied() {
            let mut switches = Vec::new();
            let is_done = self.fan_out_layer(layer_key, &mut switches, shared);
            for switch in switches {
                self.after_switch(layer_key, &switch);
            }
            if !is_done {
                return false;
            }
            self.ready.pop();
            self.fan_out.viewer = 0;
            if let Some(layer) = self.layers.get_mut(layer_key) {
                layer.pending.clear();
            }
        }
        true
    }

    fn fan_out_layer(
        &mut self,
        layer_key: Key,
        switches: &mut Vec<Switch>,
        shared: &mut Shared,
    ) -> bool {
        let Room {
            endpoints,
            layers,
            fan_out,
            ..
        } = self;
        let Some(layer) = layers.get(layer_key) else {
            return true;
        };
        while let Some(viewer) = layer.viewers.get(fan_out.viewer) {
            if shared.outbox.is_full() {
                return false;
            }
            fan_out.viewer += 1;
            if let Some(endpoint) = endpoints.get_mut(viewer.endpoint)
                && let Some(before) = send_pending(endpoint, *viewer, layer_key, layer, shared)
            {
                switches.push(Switch {
                    viewer: *viewer,
                    before,
                });
            }
        }
        true
    }

    /// Lets go of the source that a line showed before.
    pub(super) fn after_switch(&mut self, layer_key: Key, switch: &Switch) {
        if let Some(before) = switch.before.filter(|before| *before != layer_key)
            && let Some(layer) = self.layers.get_mut(before)
        {
            layer.remove_viewer(switch.viewer);
        }
        if self
            .layers
            .get(layer_key)
            .is_some_and(|layer| layer.medium == Medium::Video)
        {
            self.mark_tiles_changed(switch.viewer.endpoint);
        }
    }

    pub(super) fn mark_tiles_changed(&mut self, endpoint: Key) {
        if let Some(known) = self.endpoints.get_mut(endpoint)
            && !known.tiles_changed
        {
            known.tiles_changed = true;
            self.changed.push(endpoint);
        }
    }
}

/// Sends the waiting packets of a layer on one line. Some: the line has taken the layer over; what
/// it showed before.
fn send_pending(
    endpoint: &mut Endpoint,
    viewer: Viewer,
    layer_key: Key,
    layer: &Layer,
    shared: &mut Shared,
) -> Option<Option<Key>> {
    if endpoint.transport.state != State::Connected {
        if endpoint.transport.state == State::Silent {
            shared.count(Counter::WithheldSilent);
        }
        return None;
    }
    let mut switch = None;
    for index in &layer.pending {
        let Some((info, payload)) = layer.cache.get(*index) else {
            continue;
        };
        let Some(line) = endpoint.send.get_mut(viewer.line) else {
            return switch;
        };
        if line.replays_later(layer_key, *index) {
            continue;
        }
        let may_begin = info.is_key_frame || layer.medium == Medium::Audio;
        if line.awaited == Some(layer_key) && may_begin && line.is_awaited_codec(info.codec) {
            let before = line.take_over(layer.source);
            switch.get_or_insert(before);
        }
        if line.current == Some(layer_key) {
            send_live(endpoint, viewer.line, layer, info, payload, shared);
        }
    }
    switch
}

/// Sends a packet of the layer that a line shows. Never the same packet twice.
pub(super) fn send_live(
    endpoint: &mut Endpoint,
    line_place: usize,
    layer: &Layer,
    info: &PacketInfo,
    payload: &[u8],
    shared: &mut Shared,
) {
    let Some(line) = endpoint.send.get_mut(line_place) else {
        return;
    };
    let Some(types) = line.payload_types(info.codec) else {
        return shared.count(Counter::DroppedUnknownPayloadType);
    };
    let Some(rewritten) = line.track.rewrite(layer.source, info, shared.now) else {
        return shared.count(Counter::SkippedByLine);
    };
    line.track.on_sent(payload.len());
    let packet = Numbered {
        line: line_place,
        ssrc: line.parameters.ssrc,
        payload_type: types.media,
        counts_for_feedback: types.transport_cc,
        index: rewritten.index,
        timestamp: rewritten.timestamp,
        marker: info.marker,
        info: Some(info),
        counters: rewritten.counters,
        original: None,
        payload,
    };
    if write_packet(endpoint, &packet, shared) {
        shared.count(Counter::Forwarded);
    }
}

/// Sends a packet of a line once more, on the line's RTX SSRC. Never on its own SSRC: the same
/// index with another header would use a nonce twice.
pub(super) fn send_again(
    endpoint: &mut Endpoint,
    line_place: usize,
    layer: &Layer,
    source_index: u64,
    shared: &mut Shared,
) -> bool {
    let Some(line) = endpoint.send.get_mut(line_place) else {
        return false;
    };
    let Some((info, payload)) = layer.cache.get(source_index) else {
        shared.count(Counter::RefusedRtxGone);
        return false;
    };
    let types = line.payload_types(info.codec);
    let Some(PayloadTypes {
        rtx: Some(payload_type),
        transport_cc,
        ..
    }) = types
    else {
        return false;
    };
    let Some(ssrc) = line.parameters.rtx_ssrc else {
        return false;
    };
    let Some(resent) = line.track.rewrite_again(layer.source, info) else {
        return false;
    };
    let packet = Numbered {
        line: line_place,
        ssrc,
        payload_type,
        counts_for_feedback: transport_cc,
        index: resent.index,
        timestamp: resent.timestamp,
        marker: info.marker,
        info: Some(info),
        counters: resent.counters,
        original: Some(resent.original),
        payload,
    };
    write_packet(endpoint, &packet, shared)
}

/// Writes header and sealed payload into the send buffer. False: it could not be sent (counted).
pub(super) fn write_packet(
    endpoint: &mut Endpoint,
    packet: &Numbered<'_>,
    shared: &mut Shared,
) -> bool {
    let now = shared.now;
    let Some((to, keys)) = endpoint.transport.writable() else {
        return false;
    };
    let Some(space) = shared.outbox.space() else {
        return false;
    };
    // Where nothing is estimated nobody reads the feedback: without a number the far side sends none.
    let counts = packet.counts_for_feedback && endpoint.estimator.is_some();
    let fields = HeaderFields {
        payload_type: packet.payload_type,
        marker: packet.marker,
        sequence: packet.index as u16,
        timestamp: packet.timestamp,
        ssrc: packet.ssrc,
        has_padding: false,
    };
    let values = ExtensionValues {
        abs_send_time: Some(abs_send_time(now)),
        transport_cc: counts.then(|| endpoint.history.next_sequence()),
        audio_level: packet.info.and_then(|info| info.audio_level),
        mid: endpoint.send.get(packet.line).and_then(OutLine::label),
        ..ExtensionValues::default()
    };
    match seal(space, &fields, &values, packet, endpoint, keys) {
        Ok(length) => {
            shared.outbox.commit(to, length);
            endpoint.tally.packets_out += 1;
            endpoint.tally.bytes_out += length as u64;
            if counts {
                endpoint
                    .history
                    .on_sent(now, length, endpoint.probe.map_or(0, |probe| probe.id));
                if let Some(estimator) = &mut endpoint.estimator {
                    estimator.on_sent(now, length);
                }
            }
            true
        }
        Err(_) => {
            shared.count(Counter::SealFailed);
            false
        }
    }
}

fn seal(
    space: &mut [u8],
    fields: &HeaderFields,
    values: &ExtensionValues<'_>,
    packet: &Numbered<'_>,
    endpoint: &Endpoint,
    keys: &crate::transport::Keys,
) -> Result<usize, RtpError> {
    let header_len = write_header(space, fields, &endpoint.extensions, values)?;
    let mut prefix = [0; 2 + vp8::DESCRIPTOR_BYTES_MAX];
    let mut prefix_len = 0;
    let mut payload = packet.payload;
    if let Some(original) = packet.original {
        prefix[..2].copy_from_slice(&original.to_be_bytes());
        prefix_len = 2;
    }
    if let (Some(counters), Some(Detail::Vp8(descriptor))) =
        (packet.counters, packet.info.map(|info| info.detail))
    {
        let mut patched = [0; vp8::DESCRIPTOR_BYTES_MAX];
        let length = descriptor.patch(payload, &counters, &mut patched)?;
        prefix[prefix_len..prefix_len + length].copy_from_slice(&patched[..length]);
        prefix_len += length;
        payload = &payload[length..];
    }
    keys.sealer.seal_rtp(
        space,
        &Plain {
            header_len,
            prefix: &prefix[..prefix_len],
            payload,
            ssrc: packet.ssrc,
            index: packet.index,
        },
    )
}
