//! The size of a picture, read from the start of its key frame.

use parley_wire::Codec;

/// Longest parameter set that is looked into, bytes.
const PARAMETER_SET_BYTES_MAX: usize = 64;

/// Width and height in pixels, where this payload tells them. `skip` are the bytes of the codec's
/// payload descriptor.
pub(crate) fn picture_size(codec: Codec, payload: &[u8], skip: usize) -> Option<(u32, u32)> {
    match codec {
        Codec::Vp8 => vp8(payload.get(skip..)?),
        Codec::H264 => h264(payload),
        _ => None,
    }
}

/// Source: RFC 6386 section 9.1.
fn vp8(frame: &[u8]) -> Option<(u32, u32)> {
    let [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1] = *frame.first_chunk::<10>()? else {
        return None;
    };
    let size = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((size(w0, w1), size(h0, h1)))
}

/// Looks for a sequence parameter set, alone or in a STAP-A.
fn h264(payload: &[u8]) -> Option<(u32, u32)> {
    match payload.first()? & 0x1f {
        7 => sequence_parameters(payload.get(1..)?),
        24 => {
            let mut rest = payload.get(1..)?;
            while let Some((&[high, low], after)) = rest.split_first_chunk::<2>() {
                let length = usize::from(u16::from_be_bytes([high, low]));
                let unit = after.get(..length)?;
                if unit.first()? & 0x1f == 7 {
                    return sequence_parameters(unit.get(1..)?);
                }
                rest = after.get(length..)?;
            }
            None
        }
        _ => None,
    }
}

/// Source: ITU-T H.264 section 7.3.2.1.1.
fn sequence_parameters(unit: &[u8]) -> Option<(u32, u32)> {
    let bytes = without_emulation_prevention(unit);
    let mut bits = Bits {
        bytes: &bytes,
        at: 24,
    };
    let profile = *bytes.first()?;
    bits.golomb()?; // seq_parameter_set_id
    let mut chroma = 1;
    if matches!(
        profile,
        100 | 110 | 122 | 244 | 44 | 83 | 86 | 118 | 128 | 138 | 139 | 134 | 135
    ) {
        chroma = bits.golomb()?;
        if chroma == 3 {
            bits.bit()?; // separate_colour_plane_flag
        }
        bits.golomb()?; // bit_depth_luma
        bits.golomb()?; // bit_depth_chroma
        bits.bit()?; // qpprime_y_zero_transform_bypass_flag
        if bits.bit()? {
            return None; // scaling matrices: no sender of ours has them, and the size can be guessed
        }
    }
    bits.golomb()?; // log2_max_frame_num
    match bits.golomb()? {
        0 => {
            bits.golomb()?;
        }
        1 => {
            bits.bit()?;
            bits.golomb()?;
            bits.golomb()?;
            for _ in 0..bits.golomb()?.min(255) {
                bits.golomb()?;
            }
        }
        _ => {}
    }
    bits.golomb()?; // max_num_ref_frames
    bits.bit()?; // gaps_in_frame_num_value_allowed_flag
    let width = (bits.golomb()?.checked_add(1)?).checked_mul(16)?;
    let height_units = bits.golomb()?.checked_add(1)?;
    let is_frames_only = bits.bit()?;
    if !is_frames_only {
        bits.bit()?;
    }
    let height = height_units.checked_mul(if is_frames_only { 16 } else { 32 })?;
    bits.bit()?; // direct_8x8_inference_flag
    let (mut cut_width, mut cut_height) = (0u32, 0u32);
    if bits.bit()? {
        let (left, right) = (bits.golomb()?, bits.golomb()?);
        let (top, bottom) = (bits.golomb()?, bits.golomb()?);
        let unit_x = if chroma == 1 || chroma == 2 { 2 } else { 1 };
        let unit_y = (if chroma == 1 { 2 } else { 1 }) * if is_frames_only { 1 } else { 2 };
        cut_width = left.checked_add(right)?.checked_mul(unit_x)?;
        cut_height = top.checked_add(bottom)?.checked_mul(unit_y)?;
    }
    Some((
        width.checked_sub(cut_width)?,
        height.checked_sub(cut_height)?,
    ))
}

fn without_emulation_prevention(unit: &[u8]) -> Vec<u8> {
    let unit = unit
        .get(..unit.len().min(PARAMETER_SET_BYTES_MAX))
        .unwrap_or_default();
    let mut out = Vec::with_capacity(unit.len());
    for &byte in unit {
        if byte == 3 && out.ends_with(&[0, 0]) {
            continue;
        }
        out.push(byte);
    }
    out
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn bit(&mut self) -> Option<bool> {
        let byte = self.bytes.get(self.at / 8)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Some(bit == 1)
    }

    /// An Exp-Golomb number.
    fn golomb(&mut self) -> Option<u32> {
        let mut zeros = 0;
        while !self.bit()? {
            zeros += 1;
            if zeros > 31 {
                return None;
            }
        }
        let mut value: u64 = 1;
        for _ in 0..zeros {
            value = value << 1 | u64::from(self.bit()?);
        }
        u32::try_from(value - 1).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vp8_key_frame_tells_its_size() {
        let frame = [
            0x10, 0x00, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 0,
        ];
        assert_eq!(picture_size(Codec::Vp8, &frame, 0), Some((640, 360)));
        assert_eq!(picture_size(Codec::Vp8, &frame[..8], 0), None);
    }

    #[test]
    fn an_h264_parameter_set_tells_its_size_alone_and_in_an_aggregate() {
        // Constrained baseline 3.1, 1280x720, as OpenH264 writes it.
        let sps = [
            0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdd, 0x80,
        ];
        assert_eq!(picture_size(Codec::H264, &sps, 0), Some((1280, 720)));
        let mut aggregate = vec![24, 0, sps.len() as u8];
        aggregate.extend_from_slice(&sps);
        aggregate.extend_from_slice(&[0, 2, 0x68, 0xce]);
        assert_eq!(picture_size(Codec::H264, &aggregate, 0), Some((1280, 720)));
    }

    #[test]
    fn nonsense_has_no_size() {
        for length in 0..40 {
            for byte in [0, 0x67, 0x78, 0xff] {
                let payload = vec![byte; length];
                picture_size(Codec::H264, &payload, 0);
                picture_size(Codec::Vp8, &payload, 3);
            }
        }
        assert_eq!(
            picture_size(Codec::H264, &[0x67, 0x42, 0, 0, 0, 0, 0], 0),
            None
        );
    }
}
