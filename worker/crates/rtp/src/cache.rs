//! The packets of one published track or layer, kept once for everybody who watches it.

use crate::error::RtpError;
use crate::header::AudioLevel;
use crate::limits::{CACHE_AGE, CACHE_PACKETS_MAX, CACHE_PACKETS_MIN, PAYLOAD_BYTES_MAX};
use crate::payload::Detail;
use crate::time::Micros;

/// What is known of a cached packet besides its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketInfo {
    /// Extended sequence number of the published track.
    pub index: u64,
    /// RTP timestamp of the published track.
    pub timestamp: u32,
    /// When it came.
    pub arrived: Micros,
    /// Marker bit.
    pub marker: bool,
    /// Whether a decoder can start here.
    pub is_key_frame: bool,
    /// Loudness.
    pub audio_level: Option<AudioLevel>,
    /// Position of its codec in the published line's list, which gives each viewer's payload type.
    pub codec: u8,
    /// What a rewriter needs of the payload.
    pub detail: Detail,
}

/// A ring of packets, read by index: live fan-out and retransmissions alike.
///
/// Cost: one copy of the payload in `put`, none in `get`. Starts small and doubles while packets
/// younger than [`CACHE_AGE`] would be overwritten.
#[derive(Debug, Default)]
pub struct PacketCache {
    slots: Vec<Option<Slot>>,
    payloads: Vec<u8>,
    newest: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    info: PacketInfo,
    len: u16,
}

impl PacketCache {
    /// An empty cache that has allocated nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Keeps a packet. One that is older than everything that the ring holds is not kept.
    ///
    /// Errors: `TooLong` for a payload above [`PAYLOAD_BYTES_MAX`].
    pub fn put(&mut self, info: PacketInfo, payload: &[u8]) -> Result<(), RtpError> {
        if payload.len() > PAYLOAD_BYTES_MAX {
            return Err(RtpError::TooLong);
        }
        if self.slots.is_empty() {
            self.resize(CACHE_PACKETS_MIN);
        }
        while self.must_grow(&info) {
            self.resize(self.slots.len() * 2);
        }
        let at = self.position(info.index);
        if self.slots[at].is_some_and(|slot| slot.info.index > info.index) {
            return Ok(());
        }
        let start = at * PAYLOAD_BYTES_MAX;
        self.payloads[start..start + payload.len()].copy_from_slice(payload);
        self.slots[at] = Some(Slot {
            info,
            len: payload.len() as u16,
        });
        self.newest = self.newest.max(Some(info.index));
        Ok(())
    }

    /// The packet with this index, if still kept.
    #[must_use]
    #[inline]
    pub fn get(&self, index: u64) -> Option<(&PacketInfo, &[u8])> {
        if self.slots.is_empty() {
            return None;
        }
        let at = self.position(index);
        let slot = self.slots[at]
            .as_ref()
            .filter(|slot| slot.info.index == index)?;
        let start = at * PAYLOAD_BYTES_MAX;
        Some((
            &slot.info,
            &self.payloads[start..start + usize::from(slot.len)],
        ))
    }

    /// The highest index kept.
    #[must_use]
    pub const fn newest(&self) -> Option<u64> {
        self.newest
    }

    /// Forgets everything, e.g. where the source starts again with other indices; keeps its size.
    pub fn clear(&mut self) {
        self.slots.fill(None);
        self.newest = None;
    }

    /// Bytes allocated, for statistics.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.payloads.capacity() + self.slots.capacity() * size_of::<Option<Slot>>()
    }

    fn position(&self, index: u64) -> usize {
        (index % self.slots.len() as u64) as usize
    }

    fn must_grow(&self, info: &PacketInfo) -> bool {
        self.slots.len() < CACHE_PACKETS_MAX
            && self.slots[self.position(info.index)].is_some_and(|slot| {
                slot.info.index < info.index && info.arrived.since(slot.info.arrived) < CACHE_AGE
            })
    }

    /// Moves every packet to its place in a ring of another size.
    fn resize(&mut self, count: usize) {
        let mut payloads = vec![0; count * PAYLOAD_BYTES_MAX];
        let mut slots = vec![None; count];
        for (at, slot) in self.slots.iter().enumerate() {
            let Some(slot) = slot else { continue };
            let to = (slot.info.index % count as u64) as usize;
            let from = at * PAYLOAD_BYTES_MAX;
            let len = usize::from(slot.len);
            payloads[to * PAYLOAD_BYTES_MAX..][..len]
                .copy_from_slice(&self.payloads[from..from + len]);
            slots[to] = Some(*slot);
        }
        self.payloads = payloads;
        self.slots = slots;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(index: u64, at_ms: u64) -> PacketInfo {
        PacketInfo {
            index,
            timestamp: index as u32,
            arrived: Micros(at_ms * 1_000),
            marker: false,
            is_key_frame: false,
            audio_level: None,
            codec: 0,
            detail: Detail::Plain,
        }
    }

    fn payload(index: u64) -> Vec<u8> {
        index.to_be_bytes().repeat(1 + index as usize % 100)
    }

    #[test]
    fn a_busy_track_grows_until_a_second_is_kept() {
        let mut cache = PacketCache::new();
        assert_eq!(cache.allocated_bytes(), 0);
        // 500 packets a second.
        for index in 1_000..2_500 {
            cache.put(info(index, index * 2), &payload(index)).unwrap();
        }
        for index in 2_001..2_500 {
            let (info, kept) = cache.get(index).unwrap();
            assert_eq!((info.index, kept), (index, &payload(index)[..]));
        }
        assert_eq!(cache.get(1_000), None);
        assert_eq!(cache.newest(), Some(2_499));
    }

    #[test]
    fn a_slow_track_stays_small() {
        let mut cache = PacketCache::new();
        for index in 0..5_000 {
            cache.put(info(index, index * 60), b"voice").unwrap();
        }
        assert!(
            cache.allocated_bytes() < 64 * 1_024,
            "{}",
            cache.allocated_bytes()
        );
    }

    #[test]
    fn the_largest_cache_overwrites_its_oldest() {
        let mut cache = PacketCache::new();
        for index in 0..CACHE_PACKETS_MAX as u64 + 10 {
            cache.put(info(index, 0), b"x").unwrap();
        }
        assert!(cache.get(9).is_none() && cache.get(10).is_some());
    }

    #[test]
    fn a_packet_a_round_too_late_does_not_push_a_newer_one_out() {
        let mut cache = PacketCache::new();
        cache
            .put(info(CACHE_PACKETS_MAX as u64, 5_000), b"new")
            .unwrap();
        cache.put(info(0, 5_000), b"old").unwrap();
        assert_eq!(cache.get(CACHE_PACKETS_MAX as u64).unwrap().1, b"new");
        assert_eq!(cache.get(0), None);
    }

    #[test]
    fn a_payload_above_the_limit_is_refused() {
        let mut cache = PacketCache::new();
        assert_eq!(
            cache.put(info(1, 0), &[0; PAYLOAD_BYTES_MAX + 1]),
            Err(RtpError::TooLong)
        );
        assert_eq!(cache.put(info(1, 0), &[0; PAYLOAD_BYTES_MAX]), Ok(()));
    }

    #[test]
    fn a_cleared_cache_forgets_and_fills_again() {
        let mut cache = PacketCache::new();
        cache.put(info(9, 0), b"x").unwrap();
        cache.clear();
        assert_eq!((cache.get(9), cache.newest()), (None, None));
        cache.put(info(3, 0), b"y").unwrap();
        assert_eq!(cache.newest(), Some(3));
    }
}
