//! Writing headers.

use super::{
    AudioLevel, ExtensionIds, FIXED, HAS_EXTENSION, HAS_PADDING, MARKER, ONE_BYTE_LEN_MAX,
    ONE_BYTE_PROFILE, PlayoutDelay, TWO_BYTE_PROFILE,
};
use crate::error::RtpError;

/// The fixed part of a header to be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFields {
    /// Payload type, 7 bits.
    pub payload_type: u8,
    /// Marker bit.
    pub marker: bool,
    /// Sequence number: the low bits of the index.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// SSRC.
    pub ssrc: u32,
    /// Whether the payload ends in padding.
    pub has_padding: bool,
}

/// The extensions of a header to be written; one that was not negotiated is left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionValues<'a> {
    /// Line.
    pub mid: Option<&'a [u8]>,
    /// Loudness.
    pub audio_level: Option<AudioLevel>,
    /// Departure, from [`abs_send_time`].
    pub abs_send_time: Option<u32>,
    /// Transport-wide sequence number.
    pub transport_cc: Option<u16>,
    /// Player's delay.
    pub playout_delay: Option<PlayoutDelay>,
    /// Layer. For senders of simulcast, e.g. the far ends of our tests.
    pub rid: Option<&'a [u8]>,
    /// Repaired layer.
    pub repaired_rid: Option<&'a [u8]>,
}

/// Writes a header to the start of `out`; returns its length.
///
/// Errors: `NoRoom`; `Malformed` for a label that no extension can hold.
/// Cost: no allocation. Source: RFC 3550 section 5.1, RFC 8285.
#[inline]
pub fn write_header(
    out: &mut [u8],
    fields: &HeaderFields,
    ids: &ExtensionIds,
    values: &ExtensionValues<'_>,
) -> Result<usize, RtpError> {
    let fixed: &mut [u8; FIXED] = out.first_chunk_mut().ok_or(RtpError::NoRoom)?;
    fixed[0] = 0x80 | if fields.has_padding { HAS_PADDING } else { 0 };
    fixed[1] = fields.payload_type & !MARKER | if fields.marker { MARKER } else { 0 };
    fixed[2..4].copy_from_slice(&fields.sequence.to_be_bytes());
    fixed[4..8].copy_from_slice(&fields.timestamp.to_be_bytes());
    fixed[8..12].copy_from_slice(&fields.ssrc.to_be_bytes());

    let mut area = Elements {
        out: out.get_mut(FIXED..).ok_or(RtpError::NoRoom)?,
        len: 4,
        has_two_bytes: ids.need_two_bytes()
            || [values.mid, values.rid, values.repaired_rid]
                .into_iter()
                .flatten()
                .any(|label| label.len() > ONE_BYTE_LEN_MAX),
    };
    if let (Some(id), Some(time)) = (ids.abs_send_time, values.abs_send_time) {
        area.push(id, &time.to_be_bytes()[1..])?;
    }
    if let (Some(id), Some(sequence)) = (ids.transport_cc, values.transport_cc) {
        area.push(id, &sequence.to_be_bytes())?;
    }
    if let (Some(id), Some(level)) = (ids.audio_level, values.audio_level) {
        area.push(id, &[level.to_byte()])?;
    }
    if let (Some(id), Some(delay)) = (ids.playout_delay, values.playout_delay) {
        let both = u32::from(delay.min.min(0xfff)) << 12 | u32::from(delay.max.min(0xfff));
        area.push(id, &both.to_be_bytes()[1..])?;
    }
    for (id, label) in [
        (ids.mid, values.mid),
        (ids.rid, values.rid),
        (ids.repaired_rid, values.repaired_rid),
    ] {
        if let (Some(id), Some(label)) = (id, label) {
            area.push(id, label)?;
        }
    }
    let extension_len = area.finish()?;
    if extension_len > 0 {
        out[0] |= HAS_EXTENSION;
    }
    Ok(FIXED + extension_len)
}

/// The extension area while it is written; its 4 bytes of head come last.
struct Elements<'a> {
    out: &'a mut [u8],
    len: usize,
    has_two_bytes: bool,
}

impl Elements<'_> {
    #[inline]
    fn push(&mut self, id: u8, value: &[u8]) -> Result<(), RtpError> {
        let len = u8::try_from(value.len()).map_err(|_| RtpError::Malformed)?;
        if id == 0 {
            return Err(RtpError::Malformed);
        }
        let head_len = if self.has_two_bytes { 2 } else { 1 };
        let start = self.len + head_len;
        let end = start + value.len();
        let room = self.out.get_mut(self.len..end).ok_or(RtpError::NoRoom)?;
        if self.has_two_bytes {
            room[0] = id;
            room[1] = len;
        } else {
            let len = len.checked_sub(1).ok_or(RtpError::Malformed)?;
            room[0] = id << 4 | len;
        }
        room[head_len..].copy_from_slice(value);
        self.len = end;
        Ok(())
    }

    #[inline]
    fn finish(self) -> Result<usize, RtpError> {
        if self.len == 4 {
            return Ok(0);
        }
        let end = self.len.next_multiple_of(4);
        self.out
            .get_mut(self.len..end)
            .ok_or(RtpError::NoRoom)?
            .fill(0);
        let profile = if self.has_two_bytes {
            TWO_BYTE_PROFILE
        } else {
            ONE_BYTE_PROFILE
        };
        let words = ((end - 4) / 4) as u16;
        self.out[..2].copy_from_slice(&profile.to_be_bytes());
        self.out[2..4].copy_from_slice(&words.to_be_bytes());
        Ok(end)
    }
}
