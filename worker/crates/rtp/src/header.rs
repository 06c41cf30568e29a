//! RTP headers and their extensions, read and written; and what kind of datagram one is.
//!
//! Reading never copies and never panics; a header is 48 bytes of plain values, with labels (mid,
//! rid) as spans into the packet.

mod write;

use std::ops::Range;

use crate::bytes::{be16, be24, be32};
use crate::error::RtpError;
use crate::time::Micros;

pub use write::{ExtensionValues, HeaderFields, write_header};

const FIXED: usize = 12;
const HAS_PADDING: u8 = 0x20;
const HAS_EXTENSION: u8 = 0x10;
const MARKER: u8 = 0x80;
const ONE_BYTE_PROFILE: u16 = 0xbede;
const TWO_BYTE_PROFILE: u16 = 0x1000;
/// One-byte elements cannot be numbered above 14 or be longer than 16 bytes.
const ONE_BYTE_ID_MAX: u8 = 14;
const ONE_BYTE_LEN_MAX: usize = 16;

/// What a datagram is, by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DatagramKind {
    /// An ICE check or another STUN message.
    Stun,
    /// A DTLS record.
    Dtls,
    /// RTP or SRTP.
    Rtp,
    /// RTCP or SRTCP.
    Rtcp,
    /// None of ours.
    Unknown,
}

/// Sorts a datagram of a port that carries everything.
///
/// Source: RFC 7983 section 7, RFC 5761 section 4.
#[must_use]
pub fn classify(datagram: &[u8]) -> DatagramKind {
    match datagram {
        [0..=3, ..] => DatagramKind::Stun,
        [20..=63, ..] => DatagramKind::Dtls,
        [128..=191, 192..=223, ..] => DatagramKind::Rtcp,
        [128..=191, _, ..] => DatagramKind::Rtp,
        _ => DatagramKind::Unknown,
    }
}

/// The negotiated number of each header extension; none where not negotiated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    /// Which line (RFC 9143).
    pub mid: Option<u8>,
    /// Which simulcast layer (RFC 8852).
    pub rid: Option<u8>,
    /// Which simulcast layer a retransmission repairs (RFC 8852).
    pub repaired_rid: Option<u8>,
    /// Loudness (RFC 6464).
    pub audio_level: Option<u8>,
    /// When the packet left, 24 bits.
    pub abs_send_time: Option<u8>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u8>,
    /// Shortest and longest delay that a player may add.
    pub playout_delay: Option<u8>,
}

impl ExtensionIds {
    /// Whether any number is too high for the one-byte form.
    fn need_two_bytes(&self) -> bool {
        [
            self.mid,
            self.rid,
            self.repaired_rid,
            self.audio_level,
            self.abs_send_time,
            self.transport_cc,
            self.playout_delay,
        ]
        .into_iter()
        .flatten()
        .any(|id| id > ONE_BYTE_ID_MAX)
    }
}

/// How loud the packet's sound is.
///
/// Source: RFC 6464.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AudioLevel {
    /// Whether the sender's detector hears speech.
    pub is_voice: bool,
    /// Attenuation in -dBov: 0 is the loudest, 127 is silence.
    pub attenuation_db: u8,
}

impl AudioLevel {
    const fn from_byte(byte: u8) -> Self {
        Self {
            is_voice: byte & 0x80 != 0,
            attenuation_db: byte & 0x7f,
        }
    }

    const fn to_byte(self) -> u8 {
        (self.is_voice as u8) << 7 | self.attenuation_db & 0x7f
    }
}

/// Shortest and longest delay that a player may add.
///
/// Units: 10 ms, up to 4,095.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlayoutDelay {
    /// Shortest.
    pub min: u16,
    /// Longest.
    pub max: u16,
}

/// A label inside a packet; [`RtpHeader::label`] reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    start: u16,
    len: u8,
}

/// A parsed RTP header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RtpHeader {
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Last packet of a frame, first of a talk spurt.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// RTP timestamp in the codec's clock.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// Bytes before the payload.
    pub len: usize,
    /// Whether the payload ends in padding; see [`without_padding`].
    pub has_padding: bool,
    /// Line.
    pub mid: Option<Span>,
    /// Layer.
    pub rid: Option<Span>,
    /// Repaired layer.
    pub repaired_rid: Option<Span>,
    /// Loudness.
    pub audio_level: Option<AudioLevel>,
    /// Departure, 6.18 fixed-point seconds.
    pub abs_send_time: Option<u32>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u16>,
    /// Player's delay.
    pub playout_delay: Option<PlayoutDelay>,
}

impl RtpHeader {
    /// Reads the header of an RTP or SRTP packet. Extensions whose number is not in `ids` are
    /// passed over, as are elements that are shorter than their kind asks.
    ///
    /// Errors: `Truncated`, `Version`, `Malformed`. Cost: no allocation.
    pub fn parse(packet: &[u8], ids: &ExtensionIds) -> Result<Self, RtpError> {
        let fixed: &[u8; FIXED] = packet.first_chunk().ok_or(RtpError::Truncated)?;
        if fixed[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let mut header = Self {
            payload_type: fixed[1] & !MARKER,
            marker: fixed[1] & MARKER != 0,
            sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
            len: FIXED + 4 * usize::from(fixed[0] & 15),
            has_padding: fixed[0] & HAS_PADDING != 0,
            mid: None,
            rid: None,
            repaired_rid: None,
            audio_level: None,
            abs_send_time: None,
            transport_cc: None,
            playout_delay: None,
        };
        if fixed[0] & HAS_EXTENSION != 0 {
            let profile = be16(packet, header.len).ok_or(RtpError::Truncated)?;
            let words = be16(packet, header.len + 2).ok_or(RtpError::Truncated)?;
            let start = header.len + 4;
            header.len = start + 4 * usize::from(words);
            if packet.len() < header.len {
                return Err(RtpError::Truncated);
            }
            header.read_extensions(packet, start..header.len, profile, ids)?;
        } else if packet.len() < header.len {
            return Err(RtpError::Truncated);
        }
        Ok(header)
    }

    /// The bytes of a label of this header. `packet` is the packet it was parsed from.
    #[must_use]
    pub fn label(packet: &[u8], span: Span) -> &[u8] {
        let start = usize::from(span.start);
        packet
            .get(start..start + usize::from(span.len))
            .unwrap_or_default()
    }

    fn read_extensions(
        &mut self,
        packet: &[u8],
        area: Range<usize>,
        profile: u16,
        ids: &ExtensionIds,
    ) -> Result<(), RtpError> {
        let has_two_bytes = profile & 0xfff0 == TWO_BYTE_PROFILE;
        if !has_two_bytes && profile != ONE_BYTE_PROFILE {
            // Somebody else's private extension: legal, and none of ours.
            return Ok(());
        }
        let mut at = area.start;
        while at < area.end {
            let first = packet[at];
            if first == 0 {
                at += 1;
                continue;
            }
            let (id, len, start) = if has_two_bytes {
                let len = packet[..area.end].get(at + 1).ok_or(RtpError::Malformed)?;
                (first, usize::from(*len), at + 2)
            } else {
                if first >> 4 == 15 {
                    // RFC 8285 section 4.2: stop here.
                    break;
                }
                (first >> 4, usize::from(first & 15) + 1, at + 1)
            };
            if start + len > area.end {
                return Err(RtpError::Malformed);
            }
            self.take_extension(packet, id, start, len, ids);
            at = start + len;
        }
        Ok(())
    }

    fn take_extension(
        &mut self,
        packet: &[u8],
        id: u8,
        start: usize,
        len: usize,
        ids: &ExtensionIds,
    ) {
        let value = &packet[start..start + len];
        let this = Some(id);
        // The most frequent first.
        if this == ids.transport_cc {
            self.transport_cc = be16(value, 0);
        } else if this == ids.abs_send_time {
            self.abs_send_time = be24(value, 0);
        } else if this == ids.audio_level {
            self.audio_level = value.first().map(|byte| AudioLevel::from_byte(*byte));
        } else if this == ids.mid || this == ids.rid || this == ids.repaired_rid {
            let span = u16::try_from(start).ok().zip(u8::try_from(len).ok());
            let span = span.map(|(start, len)| Span { start, len });
            if this == ids.mid {
                self.mid = span;
            } else if this == ids.rid {
                self.rid = span;
            } else {
                self.repaired_rid = span;
            }
        } else if this == ids.playout_delay {
            self.playout_delay = be24(value, 0).map(|both| PlayoutDelay {
                min: (both >> 12) as u16,
                max: (both & 0xfff) as u16,
            });
        }
    }
}

/// Cuts RTP padding off an opened payload.
///
/// Errors: `Padding` where it claims more than there is.
pub fn without_padding(payload: &[u8], has_padding: bool) -> Result<&[u8], RtpError> {
    if !has_padding {
        return Ok(payload);
    }
    let count = usize::from(*payload.last().ok_or(RtpError::Padding)?);
    let kept = payload
        .len()
        .checked_sub(count)
        .filter(|_| count > 0)
        .ok_or(RtpError::Padding)?;
    Ok(&payload[..kept])
}

/// An instant as the abs-send-time extension writes it: 6.18 fixed-point seconds, 24 bits.
#[must_use]
pub const fn abs_send_time(now: Micros) -> u32 {
    ((now.0 as u128 * (1 << 18) / 1_000_000) & 0x00ff_ffff) as u32
}

/// The SSRC of an RTP packet, without reading the rest.
#[must_use]
pub fn peek_ssrc(packet: &[u8]) -> Option<u32> {
    be32(packet, 8)
}

#[cfg(test)]
mod tests;
