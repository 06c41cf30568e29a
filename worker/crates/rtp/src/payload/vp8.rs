//! VP8's payload descriptor (RFC 7741 section 4.2).

use crate::error::RtpError;

/// Bytes of the longest descriptor: mandatory, X, two of picture id, TL0PICIDX, TID/KEYIDX.
pub const DESCRIPTOR_BYTES_MAX: usize = 6;

const EXTENDED: u8 = 0x80;
const START_OF_PARTITION: u8 = 0x10;
const PARTITION: u8 = 0x07;
const HAS_PICTURE_ID: u8 = 0x80;
const HAS_TL0: u8 = 0x40;
const HAS_TID: u8 = 0x20;
const HAS_KEY_INDEX: u8 = 0x10;
const LONG_PICTURE_ID: u8 = 0x80;

/// The counters of a payload descriptor, and how many bytes it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Descriptor {
    /// Bytes before the VP8 payload.
    pub len: u8,
    /// Width of the picture id in bits: 0 (absent), 7 or 15.
    pub picture_id_bits: u8,
    /// Number of the picture, modulo 2^`picture_id_bits`.
    pub picture_id: u16,
    /// Number of the last picture of temporal layer 0.
    pub tl0_index: Option<u8>,
    /// Temporal layer, where the descriptor names one.
    pub temporal_layer: Option<u8>,
    /// Whether the picture refers to nothing but layer 0, so that a receiver may step up here.
    pub is_layer_sync: bool,
    /// Number of the key frame, 5 bits.
    pub key_index: Option<u8>,
    /// First packet of a picture.
    pub is_start: bool,
    /// First packet of a key frame.
    pub is_key_frame: bool,
}

impl Descriptor {
    /// Reads the descriptor at the start of a payload.
    ///
    /// Errors: `Truncated`.
    pub fn parse(payload: &[u8]) -> Result<Self, RtpError> {
        let byte = |at: usize| payload.get(at).copied().ok_or(RtpError::Truncated);
        let first = byte(0)?;
        let mut descriptor = Self::default();
        let mut at = 1;
        if first & EXTENDED != 0 {
            let flags = byte(at)?;
            at += 1;
            if flags & HAS_PICTURE_ID != 0 {
                let high = byte(at)?;
                at += 1;
                if high & LONG_PICTURE_ID != 0 {
                    descriptor.picture_id_bits = 15;
                    descriptor.picture_id = u16::from(high & 0x7f) << 8 | u16::from(byte(at)?);
                    at += 1;
                } else {
                    descriptor.picture_id_bits = 7;
                    descriptor.picture_id = u16::from(high);
                }
            }
            if flags & HAS_TL0 != 0 {
                descriptor.tl0_index = Some(byte(at)?);
                at += 1;
            }
            if flags & (HAS_TID | HAS_KEY_INDEX) != 0 {
                let both = byte(at)?;
                at += 1;
                if flags & HAS_TID != 0 {
                    descriptor.temporal_layer = Some(both >> 6);
                    descriptor.is_layer_sync = both & 0x20 != 0;
                }
                if flags & HAS_KEY_INDEX != 0 {
                    descriptor.key_index = Some(both & 0x1f);
                }
            }
        }
        descriptor.len = at as u8;
        descriptor.is_start = first & START_OF_PARTITION != 0 && first & PARTITION == 0;
        // The P bit of the frame header is zero in key frames (RFC 6386 section 9.1).
        descriptor.is_key_frame =
            descriptor.is_start && payload.get(at).is_some_and(|header| header & 1 == 0);
        Ok(descriptor)
    }

    /// Copies the descriptor at the start of `payload` to `out` with other counters; returns its
    /// length. The widths stay, so that the rest of the payload stays where it is.
    ///
    /// Errors: `Truncated` where `payload` is not the one that was parsed.
    pub fn patch(
        &self,
        payload: &[u8],
        counters: &Counters,
        out: &mut [u8; DESCRIPTOR_BYTES_MAX],
    ) -> Result<usize, RtpError> {
        let len = usize::from(self.len).min(DESCRIPTOR_BYTES_MAX);
        let copy = &mut out[..len];
        copy.copy_from_slice(payload.get(..len).ok_or(RtpError::Truncated)?);
        let mut at = 2;
        let mut put = |value: u8, keep: u8| {
            if let Some(byte) = copy.get_mut(at) {
                *byte = *byte & keep | value;
            }
            at += 1;
        };
        match self.picture_id_bits {
            15 => {
                put((counters.picture_id >> 8) as u8 & 0x7f, LONG_PICTURE_ID);
                put(counters.picture_id as u8, 0);
            }
            7 => put(counters.picture_id as u8 & 0x7f, 0),
            _ => {}
        }
        if self.tl0_index.is_some() {
            put(counters.tl0_index, 0);
        }
        if self.key_index.is_some() {
            put(counters.key_index & 0x1f, 0xe0);
        }
        Ok(len)
    }

    /// The counters as they stand in the packet.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            picture_id: self.picture_id,
            tl0_index: self.tl0_index.unwrap_or(0),
            key_index: self.key_index.unwrap_or(0),
        }
    }
}

/// The values that a descriptor is given; fields that it does not have are not written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Picture id, 15 bits.
    pub picture_id: u16,
    /// TL0PICIDX.
    pub tl0_index: u8,
    /// KEYIDX, 5 bits.
    pub key_index: u8,
}
