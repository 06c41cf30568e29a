//! The other end of an endpoint: what a browser does on the wire, and nothing more.
//!
//! A pure machine like the engine: packets and time go in by [`FarEnd::handle`] and
//! [`FarEnd::advance`], packets come out of [`FarEnd::transmit`], what happened out of
//! [`FarEnd::event`]. It checks and consents, shakes hands, seals and opens, answers NACKs by RTX,
//! asks for what is missing, reports, and gives transport-wide feedback.

mod dtls;
mod ice;

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use parley_rtp::header::{
    AudioLevel, DatagramKind, ExtensionIds, ExtensionValues, HeaderFields, RtpHeader, classify,
    without_padding, write_header,
};
use parley_rtp::receive::Reception;
use parley_rtp::rtcp::{Compound, Item, ReportBlock, SenderInfo, items};
use parley_rtp::srtp::Plain;
use parley_rtp::time::{Micros, NtpTime};
use parley_rtp::transport_cc::ArrivalLog;
use parley_wire::IceParameters;

use dtls::{FarDtls, FarKeys};
pub use dtls::{FarError, FarIdentity};
use ice::FarIce;

/// Largest packet that a far end writes. Units: bytes.
const PACKET_BYTES_MAX: usize = 1_500;
/// Packets of one sending line kept for retransmission.
const HISTORY_MAX: usize = 512;
/// Between two transport-wide feedbacks.
const FEEDBACK_US: u64 = 50_000;
/// Between two reports.
const REPORT_US: u64 = 1_000_000;
/// Our SSRC in RTCP that concerns no line of ours.
const REPORTER: u32 = 1;

/// How a far end connects.
#[derive(Clone)]
pub struct FarSettings {
    /// As the server has them: `local` is the server's.
    pub ice: IceParameters,
    /// Its certificate.
    pub identity: FarIdentity,
    /// It waits for the server to begin the DTLS handshake (`a=setup:passive`).
    pub is_passive: bool,
    /// Negotiated header extensions.
    pub extensions: ExtensionIds,
    /// The moment of `now` as the DTLS library wants it.
    pub instant: Instant,
    /// Whether every packet is decrypted. A load generator looks at headers, and opens one in a
    /// hundred to see that they are sound.
    pub opens_all: bool,
}

/// A line that comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FarLine {
    /// The server's SSRC.
    pub ssrc: u32,
    /// The server's SSRC for retransmissions; with one, missing packets are asked for.
    pub rtx_ssrc: Option<u32>,
    /// RTP clock. Units: Hz.
    pub clock_rate: u32,
}

/// A packet to send.
#[derive(Clone, Copy, Debug)]
pub struct FarPacket<'a> {
    /// Our SSRC.
    pub ssrc: u32,
    /// For retransmissions, where negotiated: SSRC and payload type.
    pub rtx: Option<(u32, u8)>,
    /// Payload type.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// RTP timestamp.
    pub timestamp: u32,
    /// SDP mid, for the header extension.
    pub mid: Option<&'a str>,
    /// Layer, for the header extension.
    pub rid: Option<&'a str>,
    /// Loudness, for the header extension.
    pub level: Option<AudioLevel>,
    /// What it carries.
    pub payload: &'a [u8],
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FarEvent {
    /// There are keys.
    Connected,
    /// A packet of one of our lines.
    Packet {
        /// When.
        at: Micros,
        /// The line.
        ssrc: u32,
        /// Extended sequence number.
        index: u64,
        /// RTP timestamp.
        timestamp: u32,
        /// Marker bit.
        marker: bool,
        /// Payload type.
        payload_type: u8,
        /// It was a retransmission.
        is_repair: bool,
        /// What it carries; empty where it was not opened.
        payload: Vec<u8>,
    },
    /// The server wants a key frame of one of our tracks.
    KeyFrameWanted {
        /// Our SSRC.
        ssrc: u32,
    },
    /// Something came under DTLS, such as SCTP.
    Data(Vec<u8>),
    /// The server said goodbye.
    Closed,
    /// A packet that could not be opened, or came twice from the server.
    Unsound(String),
}

/// What a far end has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FarCounters {
    /// RTP packets received, retransmissions included.
    pub packets: u64,
    /// Their payload bytes, as on the wire.
    pub bytes: u64,
    /// Retransmissions received that filled a gap.
    pub repaired: u64,
    /// Packets we were asked for again and sent again.
    pub resent: u64,
    /// Packets asked for again.
    pub asked: u64,
}

struct Incoming {
    line: FarLine,
    reception: Reception,
    /// Indices on the RTX SSRC count for themselves.
    rtx: Reception,
}

struct Outgoing {
    rtx: Option<(u32, u8)>,
    mid: Option<String>,
    rid: Option<String>,
    next_index: u64,
    next_rtx_index: u64,
    packets: u32,
    octets: u32,
    last_timestamp: u32,
    last_sent: Micros,
    history: VecDeque<Sent>,
}

struct Sent {
    index: u64,
    marker: bool,
    timestamp: u32,
    payload: Vec<u8>,
}

/// A far end. See the module's text.
pub struct FarEnd {
    started: (Micros, Instant),
    identity: FarIdentity,
    is_passive: bool,
    has_dtls: bool,
    answers_checks: bool,
    extensions: ExtensionIds,
    opens_all: bool,
    ice: FarIce,
    dtls: Option<FarDtls>,
    keys: Option<FarKeys>,
    incoming: Vec<Incoming>,
    outgoing: BTreeMap<u32, Outgoing>,
    transport_sequence: u16,
    arrivals: ArrivalLog,
    next_feedback: Micros,
    next_report: Micros,
    out: VecDeque<Vec<u8>>,
    events: VecDeque<FarEvent>,
    counters: FarCounters,
}

impl FarEnd {
    /// A far end that begins to connect at once.
    pub fn new(now: Micros, settings: FarSettings, lines: Vec<FarLine>) -> Self {
        let incoming = lines.into_iter().map(|line| Incoming {
            line,
            reception: Reception::new(line.clock_rate, line.rtx_ssrc.is_some()),
            rtx: Reception::new(line.clock_rate, false),
        });
        Self {
            started: (now, settings.instant),
            identity: settings.identity,
            is_passive: settings.is_passive,
            has_dtls: true,
            answers_checks: true,
            extensions: settings.extensions,
            opens_all: settings.opens_all,
            ice: FarIce::new(now, settings.ice),
            dtls: None,
            keys: None,
            incoming: incoming.collect(),
            outgoing: BTreeMap::new(),
            transport_sequence: 1,
            arrivals: ArrivalLog::default(),
            next_feedback: now,
            next_report: Micros(now.0 + REPORT_US),
            out: VecDeque::new(),
            events: VecDeque::new(),
            counters: FarCounters::default(),
        }
    }

    /// From now on it leaves the server's checks unanswered, as a lite agent would.
    pub fn leave_checks_unanswered(&mut self) {
        self.answers_checks = false;
    }

    /// From now on it does ICE alone; somebody else shakes hands.
    pub fn leave_dtls_to_others(&mut self) {
        self.has_dtls = false;
        self.dtls = None;
    }

    /// Whether there are keys.
    pub fn is_connected(&self) -> bool {
        self.keys.is_some()
    }

    /// What it has counted.
    pub fn counters(&self) -> FarCounters {
        self.counters
    }

    /// The next packet to put on the wire.
    pub fn transmit(&mut self) -> Option<Vec<u8>> {
        self.out.pop_front()
    }

    /// The next thing that happened.
    pub fn event(&mut self) -> Option<FarEvent> {
        self.events.pop_front()
    }

    /// When [`FarEnd::advance`] wants to be called.
    pub fn deadline(&self) -> Micros {
        let mut deadline = self.ice.deadline().min(self.next_report);
        if !self.arrivals.is_empty() {
            deadline = deadline.min(self.next_feedback);
        }
        if let Some(at) = self.dtls.as_ref().and_then(|dtls| dtls.deadline)
            && self.keys.is_none()
        {
            deadline = deadline.min(self.micros(at));
        }
        let asks = self
            .incoming
            .iter()
            .filter_map(|incoming| incoming.reception.deadline());
        asks.fold(deadline, Micros::min)
    }

    /// Takes a datagram from the server.
    /// Errors: DTLS failed; the far end is of no more use.
    pub fn handle(&mut self, now: Micros, datagram: &mut [u8]) -> Result<(), FarError> {
        match classify(datagram) {
            DatagramKind::Stun => {
                if self.answers_checks {
                    self.out
                        .extend(ice::answer(self.ice.parameters(), datagram));
                }
                if self.ice.handle(now, datagram) && self.dtls.is_none() && self.has_dtls {
                    self.dtls = Some(FarDtls::new(
                        &self.identity,
                        !self.is_passive,
                        self.instant(now),
                    ));
                    self.step_dtls(now, None)?;
                }
            }
            DatagramKind::Dtls => self.step_dtls(now, Some(datagram))?,
            DatagramKind::Rtp => self.handle_rtp(now, datagram),
            DatagramKind::Rtcp => self.handle_rtcp(now, datagram),
            DatagramKind::Unknown => {
                self.events
                    .push_back(FarEvent::Unsound("unknown datagram".to_owned()));
            }
        }
        Ok(())
    }

    /// Lets time pass.
    /// Errors: as for [`FarEnd::handle`].
    pub fn advance(&mut self, now: Micros) -> Result<(), FarError> {
        self.out.extend(self.ice.advance(now));
        let is_dtls_due = self.keys.is_none()
            && self
                .dtls
                .as_ref()
                .and_then(|dtls| dtls.deadline)
                .is_some_and(|at| self.micros(at) <= now);
        if is_dtls_due {
            self.step_dtls(now, None)?;
        }
        if self.keys.is_some() {
            self.ask_again(now);
            if now >= self.next_feedback && !self.arrivals.is_empty() {
                self.next_feedback = Micros(now.0 + FEEDBACK_US);
                self.give_feedback();
            }
            if now >= self.next_report {
                self.next_report = Micros(now.0 + REPORT_US);
                self.report(now);
            }
        }
        Ok(())
    }

    /// Sends a packet; before there are keys it is lost, as in a browser. Answers the sealed packet
    /// too, for tests that repeat or damage it.
    pub fn send(&mut self, now: Micros, packet: &FarPacket<'_>) -> Option<Vec<u8>> {
        let line = self
            .outgoing
            .entry(packet.ssrc)
            .or_insert_with(|| Outgoing {
                rtx: packet.rtx,
                mid: packet.mid.map(str::to_owned),
                rid: packet.rid.map(str::to_owned),
                // A fresh key begins in roll-over 0; some lines come to the next one soon.
                next_index: 65_535 - u64::from(packet.ssrc & 0x0fff),
                next_rtx_index: 1,
                packets: 0,
                octets: 0,
                last_timestamp: packet.timestamp,
                last_sent: now,
                history: VecDeque::new(),
            });
        let index = line.next_index;
        line.next_index += 1;
        line.packets += 1;
        line.octets = line.octets.wrapping_add(packet.payload.len() as u32);
        (line.last_timestamp, line.last_sent) = (packet.timestamp, now);
        if packet.rtx.is_some() {
            if line.history.len() >= HISTORY_MAX {
                line.history.pop_front();
            }
            line.history.push_back(Sent {
                index,
                marker: packet.marker,
                timestamp: packet.timestamp,
                payload: packet.payload.to_vec(),
            });
        }
        let values = ExtensionValues {
            mid: packet.mid.map(str::as_bytes),
            rid: packet.rid.map(str::as_bytes),
            audio_level: packet.level,
            ..ExtensionValues::default()
        };
        let fields = HeaderFields {
            payload_type: packet.payload_type,
            marker: packet.marker,
            sequence: index as u16,
            timestamp: packet.timestamp,
            ssrc: packet.ssrc,
            has_padding: false,
        };
        let sealed = self.seal(&fields, values, (packet.ssrc, index), &[], packet.payload)?;
        self.out.push_back(sealed.clone());
        Some(sealed)
    }

    /// Asks the server for a key frame on one of its lines.
    pub fn want_key_frame(&mut self, ssrc: u32) {
        self.send_rtcp(|compound| {
            compound.receiver_report(REPORTER, &[]);
            compound.picture_loss(REPORTER, ssrc);
        });
    }

    /// Sends something under DTLS, such as SCTP; before there are keys it is lost.
    /// Errors: DTLS failed; the far end is of no more use.
    pub fn send_data(&mut self, now: Micros, data: &[u8]) -> Result<(), FarError> {
        if let Some(dtls) = self.dtls.as_mut().filter(|_| self.keys.is_some()) {
            dtls.send(data)?;
        }
        self.step_dtls(now, None)
    }

    /// Sends any bytes, as somebody might who has no keys.
    pub fn send_raw(&mut self, bytes: Vec<u8>) {
        self.out.push_back(bytes);
    }

    fn seal(
        &mut self,
        fields: &HeaderFields,
        values: ExtensionValues<'_>,
        (ssrc, index): (u32, u64),
        prefix: &[u8],
        payload: &[u8],
    ) -> Option<Vec<u8>> {
        let keys = self.keys.as_ref()?;
        let values = ExtensionValues {
            transport_cc: Some(self.transport_sequence),
            ..values
        };
        self.transport_sequence = self.transport_sequence.wrapping_add(1);
        let mut bytes = vec![0; PACKET_BYTES_MAX];
        let header_len = write_header(&mut bytes, fields, &self.extensions, &values).ok()?;
        let plain = Plain {
            header_len,
            prefix,
            payload,
            ssrc,
            index,
        };
        let length = keys.sealer.seal_rtp(&mut bytes, &plain).ok()?;
        bytes.truncate(length);
        Some(bytes)
    }

    fn step_dtls(&mut self, now: Micros, packet: Option<&[u8]>) -> Result<(), FarError> {
        let instant = self.instant(now);
        let Some(dtls) = self.dtls.as_mut() else {
            return Ok(());
        };
        let mut out = Vec::new();
        let keys = dtls.step(packet, instant, &mut out)?;
        let is_closed = std::mem::take(&mut dtls.is_closed);
        let data = std::mem::take(&mut dtls.data);
        self.events.extend(data.into_iter().map(FarEvent::Data));
        self.out.extend(out);
        if let Some(keys) = keys {
            self.keys = Some(keys);
            self.events.push_back(FarEvent::Connected);
        }
        if is_closed {
            self.events.push_back(FarEvent::Closed);
        }
        Ok(())
    }

    fn handle_rtp(&mut self, now: Micros, datagram: &mut [u8]) {
        let Some(keys) = self.keys.as_ref() else {
            return;
        };
        let Ok(header) = RtpHeader::parse(datagram, &self.extensions) else {
            self.events
                .push_back(FarEvent::Unsound("RTP header".to_owned()));
            return;
        };
        let found = self.incoming.iter_mut().find(|incoming| {
            incoming.line.ssrc == header.ssrc || incoming.line.rtx_ssrc == Some(header.ssrc)
        });
        let Some(incoming) = found else {
            self.events
                .push_back(FarEvent::Unsound(format!("SSRC {}", header.ssrc)));
            return;
        };
        let is_repair = incoming.line.ssrc != header.ssrc;
        let counting = if is_repair {
            &mut incoming.rtx
        } else {
            &mut incoming.reception
        };
        let index = counting.expect(header.sequence);
        if counting.check(index).is_err() {
            return;
        }
        self.counters.packets += 1;
        self.counters.bytes += (datagram.len() - header.len) as u64;
        let mut payload = Vec::new();
        if self.opens_all || self.counters.packets.is_multiple_of(100) {
            match keys
                .opener
                .open_rtp(datagram, header.len, header.ssrc, index)
            {
                Ok(opened) => match without_padding(opened, header.has_padding) {
                    Ok(opened) => payload.extend_from_slice(opened),
                    Err(error) => self
                        .events
                        .push_back(FarEvent::Unsound(format!("{error:?}"))),
                },
                Err(error) => {
                    self.events
                        .push_back(FarEvent::Unsound(format!("{error:?} {header:?}")));
                    return;
                }
            }
        }
        counting.on_packet(index, header.timestamp, now);
        if let Some(sequence) = header.transport_cc {
            self.arrivals.record(sequence, now);
        }
        let mut index = index;
        if is_repair {
            // RFC 4588: the original sequence number comes first. An empty one is padding.
            let Some(original) = payload.first_chunk::<2>() else {
                return;
            };
            let original = u16::from_be_bytes(*original);
            let Ok(repaired) = incoming.reception.on_retransmission(original) else {
                return;
            };
            index = repaired;
            payload.drain(..2);
            self.counters.repaired += 1;
        }
        if self.opens_all {
            self.events.push_back(FarEvent::Packet {
                at: now,
                ssrc: incoming.line.ssrc,
                index,
                timestamp: header.timestamp,
                marker: header.marker,
                payload_type: header.payload_type,
                is_repair,
                payload,
            });
        }
    }

    fn handle_rtcp(&mut self, now: Micros, datagram: &mut [u8]) {
        let Some(keys) = self.keys.as_mut() else {
            return;
        };
        let packet = match keys.opener.open_rtcp(datagram) {
            Ok(packet) => packet.to_vec(),
            Err(parley_rtp::error::RtpError::Replayed) => return,
            Err(error) => {
                self.events
                    .push_back(FarEvent::Unsound(format!("RTCP {error:?}")));
                return;
            }
        };
        for item in items(&packet) {
            match item {
                Ok(Item::Nack { media, lost, .. }) => {
                    let lost: Vec<u16> = lost.iter().collect();
                    self.send_again(media, &lost);
                }
                Ok(Item::PictureLoss { media, .. }) => {
                    self.events
                        .push_back(FarEvent::KeyFrameWanted { ssrc: media });
                }
                Ok(Item::FullIntra { requests, .. }) => {
                    for (ssrc, _) in requests.iter() {
                        self.events.push_back(FarEvent::KeyFrameWanted { ssrc });
                    }
                }
                Ok(Item::SenderReport { info, .. }) => {
                    let line = self.incoming.iter_mut().find(|i| i.line.ssrc == info.ssrc);
                    if let Some(incoming) = line {
                        incoming
                            .reception
                            .on_sender_report(info.ntp, info.timestamp, now);
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    self.events
                        .push_back(FarEvent::Unsound(format!("RTCP {error:?}")));
                }
            }
        }
    }

    fn send_again(&mut self, ssrc: u32, lost: &[u16]) {
        for sequence in lost {
            let Some(line) = self.outgoing.get_mut(&ssrc) else {
                return;
            };
            let Some((rtx_ssrc, rtx_payload_type)) = line.rtx else {
                return;
            };
            let found = line
                .history
                .iter()
                .rev()
                .find(|sent| sent.index as u16 == *sequence);
            let Some(sent) = found else { continue };
            let index = line.next_rtx_index;
            line.next_rtx_index += 1;
            let fields = HeaderFields {
                payload_type: rtx_payload_type,
                marker: sent.marker,
                sequence: index as u16,
                timestamp: sent.timestamp,
                ssrc: rtx_ssrc,
                has_padding: false,
            };
            let (prefix, payload) = (sequence.to_be_bytes(), sent.payload.clone());
            let (mid, rid) = (line.mid.clone(), line.rid.clone());
            let values = ExtensionValues {
                mid: mid.as_deref().map(str::as_bytes),
                repaired_rid: rid.as_deref().map(str::as_bytes),
                ..ExtensionValues::default()
            };
            if let Some(bytes) = self.seal(&fields, values, (rtx_ssrc, index), &prefix, &payload) {
                self.out.push_back(bytes);
                self.counters.resent += 1;
            }
        }
    }

    fn ask_again(&mut self, now: Micros) {
        let mut requests = Vec::new();
        for at in 0..self.incoming.len() {
            let incoming = &mut self.incoming[at];
            if incoming.reception.deadline().is_none_or(|due| due > now) {
                continue;
            }
            requests.clear();
            let round_trip = Some(Duration::from_millis(60));
            let given_up = incoming
                .reception
                .due_requests(now, round_trip, &mut requests);
            let ssrc = incoming.line.ssrc;
            if !requests.is_empty() {
                self.counters.asked += requests.len() as u64;
                let lost = requests.clone();
                self.send_rtcp(|compound| {
                    compound.receiver_report(REPORTER, &[]);
                    compound.nack(REPORTER, ssrc, &lost);
                });
            }
            if given_up > 0 {
                self.want_key_frame(ssrc);
            }
        }
    }

    fn give_feedback(&mut self) {
        let media = self
            .incoming
            .first()
            .map_or(0, |incoming| incoming.line.ssrc);
        let mut arrivals = std::mem::take(&mut self.arrivals);
        self.send_rtcp(|compound| {
            compound.receiver_report(REPORTER, &[]);
            while arrivals.write(REPORTER, media, compound) && compound.len() < 1_000 {}
        });
        self.arrivals = arrivals;
    }

    fn report(&mut self, now: Micros) {
        let blocks = self
            .incoming
            .iter_mut()
            .filter_map(|incoming| incoming.reception.report(incoming.line.ssrc, now));
        let blocks: Vec<ReportBlock> = blocks.collect();
        // A browser's clock has nothing to do with ours.
        let ntp = NtpTime::from_micros(now.0 + 3_900_000_000_000_000);
        let infos: Vec<SenderInfo> = self
            .outgoing
            .iter()
            .map(|(ssrc, line)| SenderInfo {
                ssrc: *ssrc,
                ntp: NtpTime::from_micros(line.last_sent.0 + 3_900_000_000_000_000),
                timestamp: line.last_timestamp,
                packets: line.packets,
                octets: line.octets,
            })
            .collect();
        self.send_rtcp(|compound| {
            for info in &infos {
                compound.sender_report(info, &[]);
            }
            compound.receiver_report(REPORTER, &blocks);
            compound.reference_time(REPORTER, ntp);
        });
    }

    fn send_rtcp(&mut self, write: impl FnOnce(&mut Compound<'_>)) {
        let Some(keys) = self.keys.as_mut() else {
            return;
        };
        let mut bytes = Vec::new();
        write(&mut Compound::new(&mut bytes));
        if keys.sealer.seal_rtcp(&mut bytes).is_ok() {
            self.out.push_back(bytes);
        }
    }

    fn instant(&self, at: Micros) -> Instant {
        self.started.1 + at.since(self.started.0)
    }

    fn micros(&self, at: Instant) -> Micros {
        self.started.0 + at.saturating_duration_since(self.started.1)
    }
}
