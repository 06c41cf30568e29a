//! Bounded big-endian reads, and hexadecimal text for bytes that travel through JSON.

/// Two bytes at `at`, if there.
pub(crate) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(
        bytes.get(at..)?.first_chunk::<2>().copied()?,
    ))
}

/// Three bytes at `at`, if there.
pub(crate) fn be24(bytes: &[u8], at: usize) -> Option<u32> {
    let [a, b, c] = bytes.get(at..)?.first_chunk::<3>().copied()?;
    Some(u32::from_be_bytes([0, a, b, c]))
}

/// Four bytes at `at`, if there.
pub(crate) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(
        bytes.get(at..)?.first_chunk::<4>().copied()?,
    ))
}

/// Fixed-length byte arrays as hexadecimal text: a JSON number cannot carry 64 bits through
/// JavaScript, and an array of numbers is four times longer.
pub(crate) mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn encode(bytes: &[u8]) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }

    pub(crate) fn decode_into(text: &str, out: &mut [u8]) -> bool {
        let digits = text.as_bytes();
        if digits.len() != out.len() * 2 {
            return false;
        }
        for (byte, pair) in out.iter_mut().zip(digits.chunks_exact(2)) {
            let digit = |ascii: u8| char::from(ascii).to_digit(16);
            let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else {
                return false;
            };
            *byte = (high << 4 | low) as u8;
        }
        true
    }

    pub(crate) fn serialize<S: Serializer, const N: usize>(
        bytes: &[u8; N],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&encode(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>, const N: usize>(
        deserializer: D,
    ) -> Result<[u8; N], D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; N];
        if decode_into(&text, &mut bytes) {
            Ok(bytes)
        } else {
            Err(D::Error::custom(
                "expected hexadecimal text of fixed length",
            ))
        }
    }
}
