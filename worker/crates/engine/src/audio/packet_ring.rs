//! Packets of one voice by sequence number, in memory that is used over and over.

use super::AudioLevel;
use super::jitter_buffer::Arrival;
use super::limits::JITTER_PACKETS_MAX;

/// A kept packet.
#[derive(Clone, Debug, Default)]
pub(super) struct Kept {
    /// Extended sequence number; 0 = none is kept here.
    pub(super) index: u64,
    pub(super) timestamp: i64,
    pub(super) duration: u32,
    pub(super) is_silence: bool,
    pub(super) level: Option<AudioLevel>,
    pub(super) payload: Vec<u8>,
}

/// Up to [`JITTER_PACKETS_MAX`] packets. Memory comes with the first packet and stays.
#[derive(Clone, Debug, Default)]
pub(super) struct PacketRing {
    places: Vec<Kept>,
    held: usize,
}

impl PacketRing {
    /// Keeps a packet. False: it is here already. Whatever else has its place must be gone.
    pub(super) fn put(&mut self, index: u64, timestamp: i64, arrival: &Arrival<'_>) -> bool {
        if self.places.is_empty() {
            self.places.resize_with(JITTER_PACKETS_MAX, Kept::default);
        }
        let kept = &mut self.places[index as usize % JITTER_PACKETS_MAX];
        if kept.index == index {
            return false;
        }
        kept.index = index;
        kept.timestamp = timestamp;
        kept.duration = arrival.duration;
        kept.is_silence = arrival.is_silence;
        kept.level = arrival.level;
        kept.payload.clear();
        kept.payload.extend_from_slice(arrival.payload);
        self.held += 1;
        true
    }

    /// The packet at a place that [`PacketRing::find`] or [`PacketRing::oldest_from`] named. Its
    /// bytes outlive [`PacketRing::forget`] until the place is used again.
    pub(super) fn get(&self, place: usize) -> &Kept {
        &self.places[place]
    }

    /// Gives a place free.
    pub(super) fn forget(&mut self, place: usize) {
        self.places[place].index = 0;
        self.held -= 1;
    }

    /// Gives everything before `index` free; answers how many packets that were.
    pub(super) fn forget_before(&mut self, index: u64) -> u64 {
        let old = self
            .places
            .iter_mut()
            .filter(|kept| kept.index != 0 && kept.index < index);
        let count = old.map(|kept| kept.index = 0).count();
        self.held -= count;
        count as u64
    }

    /// Where the packet `index` is.
    pub(super) fn find(&self, index: u64) -> Option<usize> {
        let place = index as usize % JITTER_PACKETS_MAX;
        self.places
            .get(place)
            .filter(|kept| kept.index == index)
            .map(|_| place)
    }

    /// Where the oldest packet is that is not before `index`.
    pub(super) fn oldest_from(&self, index: u64) -> Option<usize> {
        if self.held == 0 {
            return None;
        }
        (index..index + JITTER_PACKETS_MAX as u64).find_map(|index| self.find(index))
    }
}
