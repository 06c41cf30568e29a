//! 16-bit sequence numbers made whole, and the window that lets each packet in once.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bytes::hex;
use crate::error::RtpError;

/// The index nearest to `reference` whose low 16 bits are `sequence`; never below zero.
///
/// Source: RFC 3711 section 3.3.1 and appendix A.
#[must_use]
pub const fn extend(reference: u64, sequence: u16) -> u64 {
    let step = sequence.wrapping_sub(reference as u16) as i16 as i64;
    match reference.checked_add_signed(step) {
        Some(index) => index,
        // Before the first round: what looks older than zero is ahead instead.
        None => reference + sequence as u64 - (reference & 0xffff),
    }
}

/// Whether `a` comes after `b` on the 16-bit circle.
#[must_use]
pub const fn is_newer(a: u16, b: u16) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000
}

/// Whether `a` comes after `b` on the circle of RTP timestamps.
#[must_use]
pub const fn is_later(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000_0000
}

/// Remembers which of the last `WORDS` x 64 indices were seen, so that each is let in once.
///
/// The default of 1,024 is wide enough for video, where a retransmission may come half a second
/// late. Two steps, because a packet may only count once it is authenticated:
///
/// ```
/// use parley_rtp::sequence::ReplayWindow;
/// let mut window = ReplayWindow::<16>::default();
/// let index = window.expect(7);
/// window.check(index)?; // then open the packet, and only then:
/// window.mark(index);
/// assert!(window.check(index).is_err());
/// # Ok::<(), parley_rtp::error::RtpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayWindow<const WORDS: usize = 16> {
    top: Option<u64>,
    // A ring: the bit of index i is i modulo the width.
    bits: [u64; WORDS],
}

impl<const WORDS: usize> Default for ReplayWindow<WORDS> {
    fn default() -> Self {
        Self {
            top: None,
            bits: [0; WORDS],
        }
    }
}

impl<const WORDS: usize> ReplayWindow<WORDS> {
    /// Indices that are told apart behind the highest.
    pub const WIDTH: u64 = WORDS as u64 * 64;

    /// The highest index seen, if any.
    #[must_use]
    pub const fn top(&self) -> Option<u64> {
        self.top
    }

    /// The index that a 16-bit sequence number most likely means.
    #[must_use]
    pub const fn expect(&self, sequence: u16) -> u64 {
        match self.top {
            Some(top) => extend(top, sequence),
            None => sequence as u64,
        }
    }

    /// Says whether `index` may still come in.
    ///
    /// Errors: `Replayed` for one that was seen or lies behind the window.
    pub fn check(&self, index: u64) -> Result<(), RtpError> {
        let Some(top) = self.top else { return Ok(()) };
        if index > top {
            return Ok(());
        }
        if top - index >= Self::WIDTH || self.bit(index) {
            return Err(RtpError::Replayed);
        }
        Ok(())
    }

    /// Whether `index` lies inside the window and was not seen: a hole.
    #[must_use]
    pub fn is_missing(&self, index: u64) -> bool {
        self.top.is_some_and(|top| index < top) && self.check(index).is_ok()
    }

    /// Counts `index` as seen. One behind the window changes nothing.
    pub fn mark(&mut self, index: u64) {
        match self.top {
            Some(top) if index <= top => {
                if top - index < Self::WIDTH {
                    self.set(index);
                }
                return;
            }
            Some(top) if index - top < Self::WIDTH => {
                for passed in top + 1..index {
                    self.clear(passed);
                }
            }
            _ => self.bits = [0; WORDS],
        }
        self.top = Some(index);
        self.set(index);
    }

    fn position(index: u64) -> (usize, u64) {
        let slot = (index % Self::WIDTH) as usize;
        (slot / 64, 1 << (slot % 64))
    }

    fn bit(&self, index: u64) -> bool {
        let (word, mask) = Self::position(index);
        self.bits[word] & mask != 0
    }

    fn set(&mut self, index: u64) {
        let (word, mask) = Self::position(index);
        self.bits[word] |= mask;
    }

    fn clear(&mut self, index: u64) {
        let (word, mask) = Self::position(index);
        self.bits[word] &= !mask;
    }
}

/// What a window looks like in a snapshot.
#[derive(Serialize, Deserialize)]
struct Saved {
    top: Option<u64>,
    bits: String,
}

impl<const WORDS: usize> Serialize for ReplayWindow<WORDS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self
            .bits
            .iter()
            .flat_map(|word| word.to_be_bytes())
            .collect();
        Saved {
            top: self.top,
            bits: hex::encode(&bytes),
        }
        .serialize(serializer)
    }
}

impl<'de, const WORDS: usize> Deserialize<'de> for ReplayWindow<WORDS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let saved = Saved::deserialize(deserializer)?;
        let mut bytes = vec![0; WORDS * 8];
        if !hex::decode_into(&saved.bits, &mut bytes) {
            return Err(serde::de::Error::custom("replay window of another width"));
        }
        let mut bits = [0; WORDS];
        for (word, eight) in bits.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*eight);
        }
        Ok(Self {
            top: saved.top,
            bits,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sequence_number_means_the_nearest_index() {
        assert_eq!(extend(65_530, 3), 65_539);
        assert_eq!(extend(65_539, 65_530), 65_530);
        assert_eq!(extend(3 * 65_536 + 10, 9), 3 * 65_536 + 9);
        // Nothing lies before zero.
        assert_eq!(extend(5, 65_535), 65_535);
    }

    #[test]
    fn newer_and_later_go_round_the_circle() {
        assert!(is_newer(0, u16::MAX) && !is_newer(u16::MAX, 0) && !is_newer(4, 4));
        assert!(is_later(0, u32::MAX) && !is_later(u32::MAX, 0) && !is_later(4, 4));
    }

    #[test]
    fn a_jump_far_ahead_forgets_the_past_and_refuses_it() {
        let mut window = ReplayWindow::<2>::default();
        window.mark(10);
        window.mark(1_000_000);
        assert_eq!(window.check(10), Err(RtpError::Replayed));
        assert_eq!(window.check(1_000_000), Err(RtpError::Replayed));
        assert!(window.is_missing(1_000_000 - 127) && window.check(1_000_000 - 128).is_err());
    }

    #[test]
    fn a_window_survives_json_bit_for_bit() {
        let mut window = ReplayWindow::<16>::default();
        for index in (70_000..71_500).filter(|index| index % 3 != 0) {
            window.mark(index);
        }
        let json = serde_json::to_string(&window).unwrap();
        assert_eq!(
            serde_json::from_str::<ReplayWindow<16>>(&json).unwrap(),
            window
        );
        assert!(
            serde_json::from_str::<ReplayWindow<2>>(&json).is_err(),
            "another width"
        );
    }

    proptest! {
        #[test]
        fn each_index_comes_in_exactly_once(
            start in 0u64..100_000,
            steps in prop::collection::vec(-200i64..210, 1..600),
        ) {
            let mut window = ReplayWindow::<2>::default();
            let mut seen = HashSet::new();
            let mut at = start + 1_000_000;
            for step in steps {
                at = at.checked_add_signed(step).unwrap();
                let top = window.top().unwrap_or(at);
                let is_too_old = top.saturating_sub(at) >= ReplayWindow::<2>::WIDTH;
                let allowed = window.check(at).is_ok();
                prop_assert_eq!(allowed, !is_too_old && !seen.contains(&at));
                prop_assert!(window.top().is_none() || window.expect(at as u16) == at);
                if allowed {
                    window.mark(at);
                    seen.insert(at);
                }
            }
        }
    }
}
