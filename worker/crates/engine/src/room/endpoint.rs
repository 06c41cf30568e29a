//! One endpoint: a transport, the lines it publishes on, the lines we fill.

use std::collections::HashSet;
use std::time::Duration;

use parley_rtp::bandwidth::{AdaptiveEstimator, BandwidthEstimator, Bounds};
use parley_rtp::header::{ExtensionIds, RtpHeader};
use parley_rtp::repair_time::RepairTime;
use parley_rtp::time::Micros;
use parley_rtp::transport_cc::{ArrivalLog, SendHistory};
use parley_wire::{
    Codec, CodecParameters, EndpointId, EndpointOpen, ErrorCode, HeaderExtensions, Medium,
    ReceiveLine, SendRole,
};

use crate::audio::{VoiceId, VoiceSlots};
use crate::limits;
use crate::room::line::{OutLine, RtxBudget};
use crate::room::probe::RunningProbe;
use crate::shared::{EndpointKey, Random};
use crate::slab::Key;
use crate::transport::Transport;

/// Why a command is refused: a code for the server, a sentence for the log.
pub(crate) type Refusal = (ErrorCode, String);

/// A line on which the endpoint may publish.
pub(crate) struct InLine {
    pub(crate) parameters: ReceiveLine,
    pub(crate) muted: bool,
    /// Layers that the client says it sends; none = unknown.
    pub(crate) live_rids: Option<Vec<String>>,
    /// Layers that have sent, smallest picture first.
    pub(crate) layers: Vec<Key>,
    /// The codecs that were last asked for because somebody cannot see the one that is sent.
    pub(crate) codecs_wanted: Vec<Codec>,
}

impl InLine {
    /// Whether the client has not said that this layer is off.
    pub(crate) fn is_live(&self, rid: Option<&str>) -> bool {
        match (&self.live_rids, rid) {
            (Some(live), Some(rid)) => live.iter().any(|known| known == rid),
            _ => true,
        }
    }

    /// The place of a payload type among the codecs, and whether it is their retransmissions.
    pub(crate) fn codec_of(&self, payload_type: u8) -> Option<(usize, bool)> {
        let codecs = &self.parameters.codecs;
        let media = codecs
            .iter()
            .position(|codec| codec.payload_type == payload_type);
        let repair = || {
            let same = |codec: &CodecParameters| codec.rtx_payload_type == Some(payload_type);
            codecs.iter().position(same)
        };
        media
            .map(|place| (place, false))
            .or_else(|| repair().map(|place| (place, true)))
    }
}

/// What an SSRC that has not been seen yet belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) line: usize,
    pub(crate) rid: Option<String>,
    pub(crate) is_repair: bool,
}

/// An SSRC of the endpoint and its layer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KnownSsrc {
    pub(crate) ssrc: u32,
    pub(crate) layer: Key,
    pub(crate) is_repair: bool,
}

/// What one endpoint has sent and got, for its statistics.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) packets_in: u64,
    pub(crate) bytes_in: u64,
    pub(crate) packets_out: u64,
    pub(crate) bytes_out: u64,
    pub(crate) retransmitted: u64,
    pub(crate) nacks_in: u64,
    pub(crate) key_frame_requests_in: u64,
    pub(crate) feedbacks_in: u64,
    pub(crate) padding_out: u64,
}

/// The media half of a call.
pub(crate) struct Endpoint {
    pub(crate) id: EndpointId,
    pub(crate) key: EndpointKey,
    pub(crate) transport: Transport,
    pub(crate) extensions: ExtensionIds,
    pub(crate) cname: String,
    /// Enters the room as soon as it is connected.
    pub(crate) entered: bool,
    pub(crate) receive: Vec<InLine>,
    pub(crate) send: Vec<OutLine>,
    pub(crate) ssrcs: Vec<KnownSsrc>,
    pub(crate) voice_slots: VoiceSlots,
    pub(crate) arrivals: ArrivalLog,
    pub(crate) feedback_armed: bool,
    pub(crate) nack_armed: Option<Micros>,
    pub(crate) history: SendHistory,
    pub(crate) estimator: Option<Box<AdaptiveEstimator>>,
    /// The bandwidth probe that is being sent.
    pub(crate) probe: Option<RunningProbe>,
    pub(crate) rtx_budget: RtxBudget,
    pub(crate) round_trip: Option<Duration>,
    /// How soon it repairs what it published.
    pub(crate) repair_time: RepairTime,
    /// A receiver's clock that asks for an answer: who, its time, when it came.
    pub(crate) reference_time: Option<(u32, u32, Micros)>,
    /// Our SSRC where we only receive.
    pub(crate) feedback_ssrc: u32,
    /// What to add to the publisher's wall clock, smallest seen, us.
    pub(crate) clock_offset_us: Option<i64>,
    /// The last lists that were announced have become untrue.
    pub(crate) tiles_changed: bool,
    pub(crate) slots_changed: bool,
    pub(crate) tally: Tally,
}

impl Endpoint {
    /// Builds an endpoint from checked parameters around a transport.
    pub(crate) fn new(
        open: &EndpointOpen,
        key: EndpointKey,
        transport: Transport,
        random: &mut Random,
        now: Micros,
    ) -> Self {
        let send: Vec<OutLine> = open
            .send
            .iter()
            .map(|line| OutLine::new(line.clone(), random.next(), now))
            .collect();
        let voices = open
            .send
            .iter()
            .filter(|line| line.role == SendRole::Voice)
            .count();
        let estimates = open.extensions.transport_cc.is_some()
            && open.send.iter().any(|line| {
                line.medium == Medium::Video && line.codecs.iter().any(|codec| codec.transport_cc)
            });
        let own_ssrc = send.first().map(|line| line.parameters.ssrc);
        Self {
            id: open.endpoint,
            key,
            transport,
            extensions: extension_ids(&open.extensions),
            cname: open.cname.clone(),
            entered: open.entered,
            receive: open.receive.iter().map(in_line).collect(),
            send,
            ssrcs: Vec::new(),
            voice_slots: VoiceSlots::new(voices),
            arrivals: ArrivalLog::default(),
            feedback_armed: false,
            nack_armed: None,
            history: SendHistory::new(random.next() as u16 & 0x7fff),
            estimator: estimates.then(|| estimator(limits::ESTIMATE_START_BPS)),
            probe: None,
            rtx_budget: RtxBudget::new(now),
            round_trip: None,
            repair_time: RepairTime::default(),
            reference_time: None,
            // Any number that is none of ours; a line's own SSRC serves where there is a line.
            feedback_ssrc: own_ssrc.unwrap_or(random.next() as u32 | 1),
            clock_offset_us: None,
            tiles_changed: false,
            slots_changed: false,
            tally: Tally::default(),
        }
    }

    /// Whether it hears and is heard.
    pub(crate) fn is_present(&self) -> bool {
        self.entered && self.transport.keys.is_some()
    }

    /// Its number in the sound of the room.
    pub(crate) fn voice(&self) -> VoiceId {
        VoiceId(self.key.endpoint.index)
    }

    pub(crate) fn find_ssrc(&self, ssrc: u32) -> Option<KnownSsrc> {
        self.ssrcs.iter().find(|known| known.ssrc == ssrc).copied()
    }

    /// Finds out what an unknown SSRC belongs to: by what was declared, by the packet's own mid and
    /// rid, or by a payload type that only one line has.
    pub(crate) fn resolve(&self, header: &RtpHeader, packet: &[u8]) -> Option<Binding> {
        if self.ssrcs.len() >= limits::SSRCS_MAX {
            return None;
        }
        self.resolve_declared(header.ssrc)
            .or_else(|| self.resolve_labels(header, packet))
            .or_else(|| self.resolve_payload_type(header.payload_type))
    }

    fn resolve_declared(&self, ssrc: u32) -> Option<Binding> {
        self.receive.iter().enumerate().find_map(|(line, known)| {
            known.parameters.ssrcs.iter().find_map(|declared| {
                let is_repair = declared.rtx_ssrc == Some(ssrc);
                (declared.ssrc == ssrc || is_repair).then(|| Binding {
                    line,
                    rid: declared.rid.clone(),
                    is_repair,
                })
            })
        })
    }

    fn resolve_labels(&self, header: &RtpHeader, packet: &[u8]) -> Option<Binding> {
        let mid = RtpHeader::label(packet, header.mid?);
        let line = self
            .receive
            .iter()
            .position(|l| l.parameters.mid.as_bytes() == mid)?;
        let known = &self.receive[line];
        let (_, is_repair) = known.codec_of(header.payload_type)?;
        if known.parameters.rids.is_empty() {
            return Some(Binding {
                line,
                rid: None,
                is_repair,
            });
        }
        let label = if is_repair {
            header.repaired_rid.or(header.rid)
        } else {
            header.rid
        };
        let label = RtpHeader::label(packet, label?);
        let rid = known
            .parameters
            .rids
            .iter()
            .find(|rid| rid.as_bytes() == label)?;
        Some(Binding {
            line,
            rid: Some(rid.clone()),
            is_repair,
        })
    }

    fn resolve_payload_type(&self, payload_type: u8) -> Option<Binding> {
        let mut matching = self.receive.iter().enumerate().filter_map(|(line, known)| {
            known
                .codec_of(payload_type)
                .map(|(_, is_repair)| (line, is_repair, known))
        });
        let (line, is_repair, known) = matching.next()?;
        let is_clear = matching.next().is_none() && known.parameters.rids.is_empty();
        is_clear.then_some(Binding {
            line,
            rid: None,
            is_repair,
        })
    }

    /// The places of its voice slots among its lines, in order.
    pub(crate) fn voice_lines(&self) -> Vec<usize> {
        self.lines_of(|role| role == SendRole::Voice)
    }

    /// The places of its tiles among its lines, in order.
    pub(crate) fn tile_lines(&self) -> Vec<usize> {
        self.lines_of(|role| matches!(role, SendRole::Tile | SendRole::ActiveSpeaker))
    }

    /// The places of the tiles that it fills by itself, where it never said what it wants to see.
    pub(crate) fn unasked_lines(&self) -> Vec<usize> {
        let is_tile = |line: &OutLine| line.parameters.role == SendRole::Tile;
        let has_asked = self
            .send
            .iter()
            .any(|line| is_tile(line) && line.wish.is_some());
        if has_asked {
            return Vec::new();
        }
        self.lines_of(|role| role == SendRole::Tile)
    }

    fn lines_of(&self, is_wanted: impl Fn(SendRole) -> bool) -> Vec<usize> {
        let lines = self.send.iter().enumerate();
        lines
            .filter(|(_, line)| is_wanted(line.parameters.role))
            .map(|(place, _)| place)
            .collect()
    }

    /// Begins its estimate at what another process has measured.
    pub(crate) fn begin_estimate(&mut self, start_bps: u64) {
        if self.estimator.is_some() {
            self.estimator = Some(estimator(start_bps));
        }
    }

    /// What may be sent to it, bits a second; none where nothing is estimated.
    pub(crate) fn estimate_bps(&self) -> Option<u64> {
        self.estimator
            .as_ref()
            .map(|estimator| estimator.estimate().target_bps)
    }
}

fn estimator(start_bps: u64) -> Box<AdaptiveEstimator> {
    Box::new(AdaptiveEstimator::new(Bounds {
        start_bps,
        ..Bounds::default()
    }))
}

fn in_line(parameters: &ReceiveLine) -> InLine {
    InLine {
        parameters: parameters.clone(),
        muted: parameters.muted,
        live_rids: None,
        layers: Vec::new(),
        codecs_wanted: Vec::new(),
    }
}

fn extension_ids(wire: &HeaderExtensions) -> ExtensionIds {
    ExtensionIds {
        mid: wire.mid,
        rid: wire.rid,
        repaired_rid: wire.repaired_rid,
        audio_level: wire.audio_level,
        abs_send_time: wire.abs_send_time,
        transport_cc: wire.transport_cc,
        playout_delay: wire.playout_delay,
    }
}

/// Judges what the server asks for before anything is made of it.
/// Errors: `LimitReached` names the limit, `InvalidParameters` what cannot work.
pub(crate) fn validate(open: &EndpointOpen) -> Result<(), Refusal> {
    let invalid = |what: String| Err((ErrorCode::InvalidParameters, what));
    let limit = |what: &str| Err((ErrorCode::LimitReached, what.to_owned()));
    if open.receive.len() > limits::LINES_MAX || open.send.len() > limits::LINES_MAX {
        return limit("lines_max");
    }
    let ice = [
        &open.ice.local_ufrag,
        &open.ice.local_pwd,
        &open.ice.remote_ufrag,
        &open.ice.remote_pwd,
    ];
    if ice
        .iter()
        .any(|text| text.is_empty() || text.len() > limits::ICE_CREDENTIAL_BYTES_MAX)
    {
        return invalid("an ICE credential is empty or too long".to_owned());
    }
    if open.dtls.fingerprints.is_empty() {
        return invalid("no DTLS fingerprint".to_owned());
    }
    let mut mids = HashSet::new();
    for line in &open.receive {
        if !mids.insert(line.mid.as_str()) {
            return invalid(format!("mid {} receives twice", line.mid));
        }
        if line.rids.len() > limits::LAYERS_MAX {
            return limit("layers_max");
        }
        if line
            .rids
            .iter()
            .any(|rid| rid.len() > limits::RID_BYTES_MAX)
        {
            return limit("rid_bytes_max");
        }
        if line.mid.len() > limits::MID_BYTES_MAX {
            return limit("mid_bytes_max");
        }
        validate_codecs(&line.mid, &line.codecs)?;
    }
    let (mut mids, mut ssrcs) = (HashSet::new(), HashSet::new());
    for line in &open.send {
        if !mids.insert(line.mid.as_str()) {
            return invalid(format!("mid {} sends twice", line.mid));
        }
        if line.mid.len() > limits::MID_BYTES_MAX {
            return limit("mid_bytes_max");
        }
        for ssrc in [Some(line.ssrc), line.rtx_ssrc].into_iter().flatten() {
            if !ssrcs.insert(ssrc) {
                return invalid(format!("SSRC {ssrc} is used twice"));
            }
        }
        let is_audio_role = matches!(line.role, SendRole::Voice | SendRole::Mix);
        if is_audio_role != (line.medium == Medium::Audio) {
            return invalid(format!("mid {}: role and medium do not fit", line.mid));
        }
        validate_codecs(&line.mid, &line.codecs)?;
    }
    Ok(())
}

fn validate_codecs(mid: &str, codecs: &[CodecParameters]) -> Result<(), Refusal> {
    let invalid = |what: &str| Err((ErrorCode::InvalidParameters, format!("mid {mid}: {what}")));
    if codecs.is_empty() {
        return invalid("no codec");
    }
    if codecs.len() > limits::CODECS_MAX {
        return Err((ErrorCode::LimitReached, "codecs_max".to_owned()));
    }
    if codecs
        .iter()
        .any(|codec| codec.clock_rate == 0 || codec.payload_type > 127)
    {
        return invalid("a clock rate of 0 or a payload type above 127");
    }
    Ok(())
}
