//! A line that we fill: a voice slot, a mix, a tile.

use parley_rtp::cache::PacketInfo;
use parley_rtp::payload::Detail;
use parley_rtp::rewrite::{OutTrack, Pace, Rewritten};
use parley_rtp::time::Micros;
use parley_wire::{Codec, CodecParameters, Medium, SendLine, Source, TileReason, TileWish};

use crate::limits;
use crate::room::mix::codec_id;
use crate::room::replay::Replay;
use crate::slab::Key;

/// Bytes of a one-byte header extension element (RFC 8285 section 4.2).
const ONE_BYTE_LABEL_MAX: usize = 16;

/// Payload types with which a source's packets go out on a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PayloadTypes {
    pub(crate) media: u8,
    pub(crate) rtx: Option<u8>,
    pub(crate) transport_cc: bool,
}

impl PayloadTypes {
    fn of(codec: &CodecParameters) -> Self {
        Self {
            media: codec.payload_type,
            rtx: codec.rtx_payload_type,
            transport_cc: codec.transport_cc,
        }
    }
}

/// How many bytes of retransmissions a viewer may still have: RTX amplifies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RtxBudget {
    bytes: u64,
    at: Micros,
}

impl RtxBudget {
    pub(crate) fn new(now: Micros) -> Self {
        Self {
            bytes: limits::RTX_BURST_BYTES,
            at: now,
        }
    }

    /// Whether `bytes` more may go out; if so they are spent.
    pub(crate) fn spend(&mut self, now: Micros, bytes: usize) -> bool {
        let refill = now.micros_since(self.at) * limits::RTX_BYTES_PER_SECOND / 1_000_000;
        if refill > 0 {
            self.bytes = (self.bytes + refill).min(limits::RTX_BURST_BYTES);
            self.at = now;
        }
        let bytes = (bytes as u64).max(limits::RTX_PACKET_BYTES_MIN);
        if self.bytes < bytes {
            return false;
        }
        self.bytes -= bytes;
        true
    }
}

/// One line that we fill.
pub(crate) struct OutLine {
    pub(crate) parameters: SendLine,
    pub(crate) track: OutTrack,
    /// The layer whose packets go out.
    pub(crate) current: Option<Key>,
    /// The layer that takes over with its next key frame.
    pub(crate) awaited: Option<Key>,
    /// The line catches up with its layer out of the cache.
    pub(crate) replay: Option<Replay>,
    /// What the client asked for; voice lines have none.
    pub(crate) wish: Option<TileWish>,
    /// What it shows of itself while nothing was ever asked for.
    pub(crate) unasked: Option<(Key, Source)>,
    /// Why it does not show what it should.
    pub(crate) reason: Option<TileReason>,
    /// The far side has reported on this line, so it knows which SSRC is which line.
    pub(crate) is_known: bool,
    /// By place of the codec in the current source's list.
    types: Vec<Option<PayloadTypes>>,
    /// By place in the awaited source's list.
    awaited_types: Vec<Option<PayloadTypes>>,
    /// When its layer was lowered last because the path did not carry more.
    pub(crate) lowered: Option<Micros>,
    /// Payload types of the mix: of the first codec in which it can be encoded. Kept here because
    /// every beat needs them for every listener.
    mix_types: Option<PayloadTypes>,
    /// Packets of the mix so far: the mix's index on this line, since silence has no packets.
    mixed: u64,
}

impl OutLine {
    pub(crate) fn new(parameters: SendLine, random: u64, now: Micros) -> Self {
        let mix_codec = parameters
            .codecs
            .iter()
            .find(|codec| codec_id(codec.codec).is_some());
        let mix_types = mix_codec.map(PayloadTypes::of);
        // The track's pace and clock follow from the parameters, so it is made right after them.
        let mut line = Self {
            parameters,
            mix_types,
            track: OutTrack::new(Pace::Picture, 90_000, 0, 0),
            current: None,
            awaited: None,
            replay: None,
            wish: None,
            unasked: None,
            reason: None,
            is_known: false,
            types: Vec::new(),
            awaited_types: Vec::new(),
            lowered: None,
            mixed: 0,
        };
        line.renumber(random, now);
        line
    }

    /// Payload types for a packet of the current source.
    pub(crate) fn payload_types(&self, codec: u8) -> Option<PayloadTypes> {
        *self.types.get(usize::from(codec))?
    }

    /// Payload types of the mix; none on a line that cannot carry it.
    pub(crate) fn mix_types(&self) -> Option<PayloadTypes> {
        self.mix_types
    }

    /// Whether a source can be shown here at all.
    pub(crate) fn can_show(&self, source: &[CodecParameters]) -> bool {
        self.map_types(source).iter().any(Option::is_some)
    }

    /// Whether a source that sends this codec can be shown.
    pub(crate) fn can_carry(&self, codec: &CodecParameters) -> bool {
        self.types_for(codec).is_some()
    }

    /// Its mid, where packets should name it (RFC 8843 section 15): until the far side knows the
    /// line, and only in the short form, which everybody reads.
    pub(crate) fn label(&self) -> Option<&[u8]> {
        let mid = self.parameters.mid.as_bytes();
        (!self.is_known && mid.len() <= ONE_BYTE_LABEL_MAX).then_some(mid)
    }

    /// Waits for `layer`, whose line offers `codecs`.
    pub(crate) fn await_layer(&mut self, layer: Key, codecs: &[CodecParameters]) {
        self.replay = None;
        self.awaited = Some(layer);
        self.awaited_types = self.map_types(codecs);
    }

    /// Whether a replay of `layer` is still to reach this packet.
    pub(crate) fn replays_later(&self, layer: Key, index: u64) -> bool {
        self.replay
            .is_some_and(|replay| replay.layer == layer && index >= replay.next)
    }

    /// Whether the awaited source may send in this codec.
    pub(crate) fn is_awaited_codec(&self, codec: u8) -> bool {
        self.awaited_types
            .get(usize::from(codec))
            .is_some_and(Option::is_some)
    }

    /// Takes over what was awaited; returns the layer that was current.
    pub(crate) fn take_over(&mut self, source: u32) -> Option<Key> {
        self.types = std::mem::take(&mut self.awaited_types);
        self.track.switch_to(source);
        std::mem::replace(&mut self.current, self.awaited.take())
    }

    /// Goes on with a layer that a dead worker was sending.
    pub(crate) fn resume(&mut self, layer: Key, codecs: &[CodecParameters]) {
        self.types = self.map_types(codecs);
        self.current = Some(layer);
    }

    /// Starts again with the layer that is shown, after a time in which nothing could be written: a
    /// picture with its next key frame, sound with its next packet.
    pub(crate) fn restart(&mut self, layer: Key, source: u32) {
        self.replay = None;
        match self.parameters.medium {
            Medium::Audio => self.track.switch_to(source),
            Medium::Video => {
                self.track.stop();
                self.current = None;
                self.awaited = Some(layer);
                self.awaited_types = self.types.clone();
            }
        }
    }

    /// Takes new numbers, because new keys begin at the first round of indices. The time line goes
    /// on where it is.
    pub(crate) fn renumber(&mut self, random: u64, now: Micros) {
        let timestamp = self
            .track
            .timestamp_at(now)
            .unwrap_or((random >> 32) as u32);
        let (pace, clock_rate) = (self.pace(), self.clock_rate());
        self.track = OutTrack::new(pace, clock_rate, random as u16, timestamp);
    }

    pub(crate) fn clock_rate(&self) -> u32 {
        self.parameters
            .codecs
            .first()
            .map_or(90_000, |codec| codec.clock_rate)
    }

    fn pace(&self) -> Pace {
        match self.parameters.medium {
            Medium::Audio => Pace::Voice,
            Medium::Video => Pace::Picture,
        }
    }

    /// Numbers a packet of the mix. None: it begins too soon after the last one.
    pub(crate) fn number_mix(
        &mut self,
        source: u32,
        timestamp: u32,
        marker: bool,
        now: Micros,
    ) -> Option<Rewritten> {
        self.mixed += 1;
        let info = PacketInfo {
            index: self.mixed,
            timestamp,
            arrived: now,
            marker,
            is_key_frame: false,
            audio_level: None,
            codec: 0,
            detail: Detail::Plain,
        };
        self.track.rewrite(source, &info, now)
    }

    /// Shows nothing any more.
    pub(crate) fn stop(&mut self) {
        self.track.stop();
        self.current = None;
        self.awaited = None;
        self.replay = None;
    }

    fn map_types(&self, source: &[CodecParameters]) -> Vec<Option<PayloadTypes>> {
        source.iter().map(|theirs| self.types_for(theirs)).collect()
    }

    fn types_for(&self, source: &CodecParameters) -> Option<PayloadTypes> {
        let mine = self
            .parameters
            .codecs
            .iter()
            .filter(|mine| mine.codec == source.codec);
        let able = mine.filter(|mine| can_unpack(mine, source) && decodes(mine, source));
        // The same profile before one that merely decodes it, the lowest of those first.
        let best = able.min_by_key(|mine| (profile(mine) != profile(source), h264_rank(mine)));
        best.map(PayloadTypes::of)
    }
}

/// Whether who negotiated `mine` can unpack `source`: H.264 in mode 1 has all that mode 0 has, which has no fragments
/// (RFC 6184 section 6.2). Other codecs have one way.
fn can_unpack(mine: &CodecParameters, source: &CodecParameters) -> bool {
    let fragments = |codec: &CodecParameters| {
        let mode = codec.parameters.get("packetization-mode");
        mode.is_some_and(|mode| mode != "0")
    };
    mine.codec != Codec::H264 || fragments(mine) || !fragments(source)
}

/// Whether who negotiated `mine` can decode `source`: of H.264 the high profile decodes what the
/// main profile does, and that what constrained baseline does (RFC 6184 section 8.1, H.264 A.2).
/// Other profiles decode themselves.
fn decodes(mine: &CodecParameters, source: &CodecParameters) -> bool {
    if source.codec != Codec::H264 || profile(mine) == profile(source) {
        return true;
    }
    match (h264_rank(mine), h264_rank(source)) {
        (Some(mine), Some(source)) => mine >= source,
        _ => false,
    }
}

/// Place among the profiles that contain one another; none for those that stand apart.
fn h264_rank(codec: &CodecParameters) -> Option<u8> {
    let profile = profile(codec);
    // Without a word it is baseline (RFC 6184 section 8.1).
    let profile = profile.as_deref().unwrap_or("4200");
    let constraints = u8::from_str_radix(profile.get(2..)?, 16).ok()?;
    match profile.get(..2)? {
        "42" => Some(0),
        "4d" if constraints & 0x80 != 0 => Some(0),
        "58" if constraints & 0xc0 == 0xc0 => Some(0),
        "4d" => Some(1),
        "64" => Some(2),
        // High 10, High 4:2:2, High 4:4:4 predictive.
        "6e" => Some(3),
        "7a" => Some(4),
        "f4" => Some(5),
        _ => None,
    }
}

/// H.264 profile and constraints, without the level.
fn profile(codec: &CodecParameters) -> Option<String> {
    let level_id = codec.parameters.get("profile-level-id")?;
    level_id.get(..4).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h264_in_mode_1_takes_what_mode_0_sends_and_not_the_other_way() {
        let h264 = |mode: Option<&str>| CodecParameters {
            codec: Codec::H264,
            payload_type: 98,
            rtx_payload_type: None,
            clock_rate: 90_000,
            channels: 0,
            parameters: mode
                .map(|mode| ("packetization-mode".to_owned(), mode.to_owned()))
                .into_iter()
                .collect(),
            nack: true,
            pli: true,
            transport_cc: false,
        };
        for none in [None, Some("0")] {
            assert!(can_unpack(&h264(Some("1")), &h264(none)));
            assert!(can_unpack(&h264(None), &h264(none)));
            assert!(!can_unpack(&h264(none), &h264(Some("1"))));
        }
    }

    #[test]
    fn a_line_takes_the_profiles_that_its_decoder_contains_and_no_other() {
        let h264 = |payload_type, profile: &str| CodecParameters {
            codec: Codec::H264,
            payload_type,
            rtx_payload_type: None,
            clock_rate: 90_000,
            channels: 0,
            parameters: [("packetization-mode", "1"), ("profile-level-id", profile)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            nack: true,
            pli: true,
            transport_cc: false,
        };
        let line = |codecs: Vec<CodecParameters>| {
            let parameters = SendLine {
                mid: "1".to_owned(),
                medium: Medium::Video,
                role: parley_wire::SendRole::Tile,
                codecs,
                ssrc: 1,
                rtx_ssrc: None,
            };
            OutLine::new(parameters, 1, Micros(0))
        };
        let type_of = |line: &OutLine, profile: &str| {
            line.types_for(&h264(1, profile)).map(|types| types.media)
        };
        let browser = line(vec![
            h264(98, "42e01f"),
            h264(100, "4d001f"),
            h264(102, "640c1f"),
        ]);
        assert_eq!(type_of(&browser, "42c01e"), Some(98));
        assert_eq!(type_of(&browser, "42001f"), Some(98));
        assert_eq!(type_of(&browser, "4d401f"), Some(100));
        assert_eq!(type_of(&browser, "640028"), Some(102));
        assert_eq!(type_of(&browser, "7a001f"), None);
        let weak = line(vec![h264(98, "42e01f")]);
        assert_eq!(type_of(&weak, "42e034"), Some(98));
        assert_eq!(
            type_of(&weak, "4de01f"),
            Some(98),
            "constrained baseline by another name"
        );
        assert_eq!(type_of(&weak, "640028"), None);
        let strong = line(vec![h264(98, "640c1f")]);
        assert_eq!(type_of(&strong, "42e01f"), Some(98));
        let odd = line(vec![h264(98, "58001f")]);
        assert_eq!(type_of(&odd, "580028"), Some(98));
        assert_eq!(type_of(&odd, "42e01f"), None);
    }

    #[test]
    fn retransmissions_are_capped_and_the_cap_refills() {
        let mut budget = RtxBudget::new(Micros(0));
        let mut sent = 0;
        while budget.spend(Micros(0), 1000) {
            sent += 1000;
        }
        assert_eq!(sent, limits::RTX_BURST_BYTES);
        assert!(!budget.spend(Micros(1000), 1000));
        assert!(budget.spend(Micros(4000), 1000));
    }
}
