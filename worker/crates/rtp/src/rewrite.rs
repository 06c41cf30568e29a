//! One sending line made continuous: whatever source fills it, its far side sees one sender whose
//! sequence numbers, timestamps and picture ids never break.

use serde::{Deserialize, Serialize};

use crate::cache::PacketInfo;
use crate::limits::{INDEX_LEAP_MAX, INDICES_PER_SECOND_MAX, TAKE_OVER_RTP_JUMP};
use crate::payload::{Detail, vp8};
use crate::rtcp::SenderInfo;
use crate::sequence::{extend, is_later};
use crate::time::{Micros, NtpTime};

/// A voice that starts less than this after the last packet of the one before is delayed by one
/// packet: two frames of 20 ms cannot share 10 ms. Microseconds.
const VOICE_SWITCH_GAP_US: u64 = 10_000;
/// Voice frames a second; timestamps of voices move in these steps at a switch.
const VOICE_FRAMES_PER_SECOND: u32 = 50;
/// Least step of a picture's timestamp at a switch, as a part of a second.
const PICTURE_STEP_DIVISOR: u32 = 1_000;
/// How many times closer than they were taken the pictures follow each other with which a line
/// catches up: a second of them becomes 31 ms, one picture about a millisecond.
const CATCH_UP_DIVISOR: u32 = 32;
/// Seconds after which nothing from before the line caught up is sent any more.
const CATCH_UP_REMEMBERED_S: u32 = 10;
/// Picture ids have 15 bits.
const PICTURE_ID_MASK: u16 = 0x7fff;

/// How the timestamps of a line move at a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pace {
    /// In frames of 20 ms.
    Voice,
    /// In wall time.
    Picture,
}

/// The numbers of one line that we fill. Its state is its own snapshot.
///
/// Sources are told apart by a number that the caller gives each *incarnation* of a published track
/// or layer: one that starts again with other indices is another source. This is what keeps an
/// (SSRC, index) pair from ever being sealed twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutTrack {
    clock_rate: u32,
    pace: Pace,
    source: Option<u32>,
    has_switched: bool,
    // Highest index sent; the next new one is above it.
    last_index: u64,
    // The first source packet since the switch (older ones are dropped), and the index it got.
    source_start: u64,
    out_start: u64,
    rtx_index: u64,
    last_timestamp: u32,
    timestamp_offset: u32,
    // Source timestamps before this one are drawn together.
    #[serde(default)]
    live_from: Option<u32>,
    // When the packet with `last_timestamp` went out; none before the first.
    last_at: Option<Micros>,
    picture: Pictures,
    packets: u32,
    octets: u32,
    growth: Growth,
}

/// How far indices went up in the present second of live packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Growth {
    second: Micros,
    live: u32,
    rtx: u32,
}

/// VP8 counters as last sent, and what to add to the source's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pictures {
    last: Option<[u16; 3]>,
    add: [u16; 3],
}

/// The numbers with which a packet goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Extended sequence number: its low 16 bits go into the header, all of it into the sealer.
    pub index: u64,
    /// RTP timestamp.
    pub timestamp: u32,
    /// VP8 counters to patch in, where the payload has them.
    pub counters: Option<vp8::Counters>,
}

impl OutTrack {
    /// A line on which nothing was sent yet. The first index should be random below 2^15, so that
    /// no far side mistakes its first round, the first timestamp any random number.
    #[must_use]
    pub fn new(pace: Pace, clock_rate: u32, first_index: u16, first_timestamp: u32) -> Self {
        Self {
            clock_rate,
            pace,
            source: None,
            has_switched: false,
            last_index: u64::from(first_index & 0x7fff),
            source_start: 0,
            out_start: 0,
            rtx_index: u64::from(first_index.rotate_left(7) & 0x7fff),
            last_timestamp: first_timestamp,
            timestamp_offset: 0,
            live_from: None,
            last_at: None,
            picture: Pictures::default(),
            packets: 0,
            octets: 0,
            growth: Growth::default(),
        }
    }

    /// The source whose packets this line takes.
    #[must_use]
    pub const fn source(&self) -> Option<u32> {
        self.source
    }

    /// Takes its packets from `source` from now on, beginning with the next one that is offered.
    /// For pictures, call this when the key frame is at hand. The same source again restarts it, as
    /// after a pause.
    pub const fn switch_to(&mut self, source: u32) {
        self.source = Some(source);
        self.has_switched = true;
        self.live_from = None;
    }

    /// After a switch to a source whose packets begin in the past: those with timestamps before
    /// `live_from` are to be shown at once. Their timestamps are drawn together, or the far side
    /// would play the whole line as much later as the first of them is old.
    pub const fn catch_up_to(&mut self, live_from: u32) {
        self.live_from = Some(live_from);
    }

    /// Takes no packets until the next switch.
    pub const fn stop(&mut self) {
        self.source = None;
    }

    /// Numbers a live packet of `source`. None: do not send it (another source's, older than the
    /// switch, a voice that begins in the same 10 ms in which the last one ended, or more in a
    /// second than [`INDICES_PER_SECOND_MAX`]).
    ///
    /// Cost: no allocation.
    #[inline]
    pub fn rewrite(&mut self, source: u32, info: &PacketInfo, now: Micros) -> Option<Rewritten> {
        if self.source != Some(source) {
            return None;
        }
        if !self.has_switched {
            let missed = info.index.checked_sub(self.source_start)?;
            self.has_switched = self.out_start + missed > self.last_index + INDEX_LEAP_MAX;
        }
        if !self.growth.has_room(now) {
            return None;
        }
        if self.has_switched {
            self.begin(info, now)?;
        }
        let index = self.out_index(info.index);
        let step = index.saturating_sub(self.last_index) as u32;
        self.growth.live = self.growth.live.saturating_add(step);
        self.forget_catching_up(info.timestamp);
        let timestamp = self
            .drawn_together(info.timestamp)
            .wrapping_add(self.timestamp_offset);
        self.last_index = self.last_index.max(index);
        if self.last_at.is_none() || is_later(timestamp, self.last_timestamp) {
            self.last_timestamp = timestamp;
            self.last_at = Some(now);
        }
        let counters = self.counters(info);
        if let (Some(counters), Detail::Vp8(_)) = (counters, info.detail) {
            self.picture.advance(counters);
        }
        Some(Rewritten {
            index,
            timestamp,
            counters,
        })
    }

    /// Counts a live packet for the sender reports. Retransmissions are not counted here.
    pub const fn on_sent(&mut self, payload_len: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload_len as u32);
    }

    /// The source packet that a viewer means with a sequence number of this line; none where it
    /// lies before the last switch or was never sent.
    #[must_use]
    pub fn source_index(&self, sequence: u16) -> Option<u64> {
        if self.has_switched {
            return None;
        }
        let index = extend(self.last_index, sequence);
        if index > self.last_index {
            return None;
        }
        Some(self.source_start + index.checked_sub(self.out_start)?)
    }

    /// Numbers a retransmission on the line's RTX SSRC; the prefix of its payload is
    /// `original.to_be_bytes()`, followed by the payload as it was sent first.
    ///
    /// None where the packet does not belong to what was sent since the last switch, or after
    /// [`INDICES_PER_SECOND_MAX`] of them in a second.
    pub fn rewrite_again(&mut self, source: u32, info: &PacketInfo) -> Option<Resent> {
        if self.source != Some(source) || self.has_switched || info.index < self.source_start {
            return None;
        }
        let index = self.out_index(info.index);
        if index > self.last_index || self.growth.rtx >= INDICES_PER_SECOND_MAX {
            return None;
        }
        self.growth.rtx += 1;
        self.rtx_index += 1;
        Some(Resent {
            index: self.rtx_index,
            original: index as u16,
            timestamp: self
                .drawn_together(info.timestamp)
                .wrapping_add(self.timestamp_offset),
            counters: self.counters(info),
        })
    }

    /// The next index of the line's RTX SSRC, for padding that carries no packet.
    pub const fn next_rtx_index(&mut self) -> u64 {
        self.rtx_index += 1;
        self.rtx_index
    }

    /// The timestamp that a moment has on this line; none before the first packet.
    #[must_use]
    pub fn timestamp_at(&self, at: Micros) -> Option<u32> {
        let last_at = self.last_at?;
        Some(if at >= last_at {
            self.last_timestamp
                .wrapping_add(at.ticks_since(last_at, self.clock_rate))
        } else {
            self.last_timestamp
                .wrapping_sub(last_at.ticks_since(at, self.clock_rate))
        })
    }

    /// A timestamp of the present source as this line writes it.
    #[must_use]
    pub const fn map_timestamp(&self, source_timestamp: u32) -> u32 {
        source_timestamp.wrapping_add(self.timestamp_offset)
    }

    /// The line's half of a sender report that pairs `ntp` with the line's time at `at`.
    #[must_use]
    pub fn sender_info(&self, ssrc: u32, ntp: NtpTime, at: Micros) -> Option<SenderInfo> {
        Some(SenderInfo {
            ssrc,
            ntp,
            timestamp: self.timestamp_at(at)?,
            packets: self.packets,
            octets: self.octets,
        })
    }

    /// Moves every index ahead of whatever the dead worker may have sent after its last snapshot.
    /// Call once on a restored line, before anything is sent.
    pub const fn jump(&mut self) {
        self.last_index += TAKE_OVER_RTP_JUMP;
        self.out_start += TAKE_OVER_RTP_JUMP;
        self.rtx_index += TAKE_OVER_RTP_JUMP;
    }

    /// Lets a new source begin with `info`.
    fn begin(&mut self, info: &PacketInfo, now: Micros) -> Option<()> {
        let timestamp = match self.last_at {
            None => self.last_timestamp,
            Some(last_at) => self
                .last_timestamp
                .wrapping_add(self.step_since(last_at, now)?),
        };
        self.has_switched = false;
        self.source_start = info.index;
        self.out_start = self.last_index + 1;
        self.timestamp_offset = timestamp.wrapping_sub(self.drawn_together(info.timestamp));
        if let Detail::Vp8(descriptor) = info.detail {
            self.picture.begin(descriptor.counters());
        }
        Some(())
    }

    /// The index of a source packet that is not older than the switch.
    const fn out_index(&self, source_index: u64) -> u64 {
        self.out_start + (source_index - self.source_start)
    }

    fn drawn_together(&self, timestamp: u32) -> u32 {
        match self.live_from {
            Some(live) if is_later(live, timestamp) => {
                live.wrapping_sub(live.wrapping_sub(timestamp) / CATCH_UP_DIVISOR)
            }
            _ => timestamp,
        }
    }

    // After half a circle of timestamps, later ones would seem to lie before the catching up.
    fn forget_catching_up(&mut self, timestamp: u32) {
        let limit = self.clock_rate.saturating_mul(CATCH_UP_REMEMBERED_S);
        self.live_from = self
            .live_from
            .filter(|live| !is_later(timestamp, live.wrapping_add(limit)));
    }

    /// Ticks from the last packet to one that begins now.
    fn step_since(&self, last_at: Micros, now: Micros) -> Option<u32> {
        let ticks = now.ticks_since(last_at, self.clock_rate);
        match self.pace {
            Pace::Voice => {
                if now.micros_since(last_at) < VOICE_SWITCH_GAP_US {
                    return None;
                }
                let frame = self.clock_rate / VOICE_FRAMES_PER_SECOND;
                let frames = ticks.saturating_add(frame / 2) / frame.max(1);
                Some(frames.max(1).wrapping_mul(frame))
            }
            Pace::Picture => Some(ticks.max(self.clock_rate / PICTURE_STEP_DIVISOR)),
        }
    }

    fn counters(&self, info: &PacketInfo) -> Option<vp8::Counters> {
        match info.detail {
            Detail::Vp8(descriptor) => Some(self.picture.map(descriptor.counters())),
            Detail::Plain => None,
        }
    }
}

/// The numbers with which a retransmission goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resent {
    /// Extended sequence number on the RTX SSRC.
    pub index: u64,
    /// Sequence number of the packet when it was sent first.
    pub original: u16,
    /// RTP timestamp, as it was sent first.
    pub timestamp: u32,
    /// VP8 counters, as they were sent first.
    pub counters: Option<vp8::Counters>,
}

impl Growth {
    /// Whether indices may go up at `now`. The last step of a second may overdraw by one leap,
    /// which the next second then pays for.
    fn has_room(&mut self, now: Micros) -> bool {
        if now.micros_since(self.second) >= 1_000_000 {
            self.second = now;
            self.live = self.live.saturating_sub(INDICES_PER_SECOND_MAX);
            self.rtx = 0;
        }
        self.live < INDICES_PER_SECOND_MAX
    }
}

impl Pictures {
    fn begin(&mut self, source: vp8::Counters) {
        let source = Self::words(source);
        for ((add, last), source) in self
            .add
            .iter_mut()
            .zip(self.last.unwrap_or([u16::MAX; 3]))
            .zip(source)
        {
            *add = last.wrapping_add(1).wrapping_sub(source);
        }
    }

    fn map(&self, source: vp8::Counters) -> vp8::Counters {
        let [picture, tl0, key] = Self::words(source);
        vp8::Counters {
            picture_id: picture.wrapping_add(self.add[0]) & PICTURE_ID_MASK,
            tl0_index: tl0.wrapping_add(self.add[1]) as u8,
            key_index: key.wrapping_add(self.add[2]) as u8 & 0x1f,
        }
    }

    /// Remembers the newest picture; a late packet of an older one changes nothing.
    fn advance(&mut self, sent: vp8::Counters) {
        let is_newer = self.last.is_none_or(|[picture, ..]| {
            // Within 15 bits, at most half the circle ahead.
            sent.picture_id.wrapping_sub(picture) & PICTURE_ID_MASK <= PICTURE_ID_MASK / 2
        });
        if is_newer {
            self.last = Some(Self::words(sent));
        }
    }

    fn words(counters: vp8::Counters) -> [u16; 3] {
        [
            counters.picture_id,
            u16::from(counters.tl0_index),
            u16::from(counters.key_index),
        ]
    }
}

#[cfg(test)]
mod tests;
