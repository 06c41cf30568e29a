//! H.264 payloads (RFC 6184): where a decoder can start.

const TYPE: u8 = 0x1f;
const IDR: u8 = 5;
const SPS: u8 = 7;
const STAP_A: u8 = 24;
const FU_A: u8 = 28;
const FU_START: u8 = 0x80;

/// Whether a decoder can start with this packet: it holds an SPS or the start of an IDR picture,
/// alone, in an aggregate (STAP-A) or as the first fragment (FU-A).
///
/// Source: RFC 6184 sections 5.6 to 5.8.
#[must_use]
pub fn is_key_frame(payload: &[u8]) -> bool {
    let Some((first, rest)) = payload.split_first() else {
        return false;
    };
    match first & TYPE {
        IDR | SPS => true,
        STAP_A => units(rest).any(|unit| matches!(unit.first().map(|b| b & TYPE), Some(IDR | SPS))),
        FU_A => rest
            .first()
            .is_some_and(|head| head & FU_START != 0 && matches!(head & TYPE, IDR | SPS)),
        _ => false,
    }
}

/// The units of an aggregate, up to the first whose length cannot be.
fn units(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (size, after) = rest.split_first_chunk::<2>()?;
        let (unit, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*size)))?;
        rest = after;
        Some(unit)
    })
}
