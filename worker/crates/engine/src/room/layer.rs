//! One published picture layer or voice: what comes in on one SSRC and its retransmissions.

use parley_rtp::cache::PacketCache;
use parley_rtp::receive::{Reception, ReceptionState};
use parley_rtp::sequence::ReplayWindow;
use parley_rtp::time::Micros;
use parley_wire::Medium;

use crate::limits;
use crate::room::key_frames::KeyFrames;
use crate::slab::Key;

/// An SSRC of a layer and what is known of its packets.
pub(crate) struct Main {
    pub(crate) ssrc: u32,
    pub(crate) reception: Reception,
}

/// The SSRC of a layer's retransmissions.
pub(crate) struct Repair {
    pub(crate) ssrc: u32,
    pub(crate) window: ReplayWindow,
}

/// A line of an endpoint that looks at a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Viewer {
    pub(crate) endpoint: Key,
    pub(crate) line: usize,
}

/// One published layer, shared by everybody who watches or hears it.
pub(crate) struct Layer {
    pub(crate) owner: Key,
    pub(crate) line: usize,
    pub(crate) rid: Option<String>,
    /// Place among the layers of its line, smallest picture first.
    pub(crate) order: usize,
    pub(crate) medium: Medium,
    /// Number of this incarnation: another SSRC is another source.
    pub(crate) source: u32,
    pub(crate) main: Main,
    pub(crate) repair: Option<Repair>,
    pub(crate) cache: PacketCache,
    /// Indices that came since the last fan-out, in order of arrival.
    pub(crate) pending: Vec<u64>,
    pub(crate) viewers: Vec<Viewer>,
    pub(crate) key_frames: KeyFrames,
    /// Where the newest key frame begins.
    pub(crate) key_frame: Option<u64>,
    pub(crate) key_frame_timer_armed: bool,
    pub(crate) last_packet: Micros,
    pub(crate) size: Option<(u32, u32)>,
    pub(crate) rate: Rate,
    /// The codec of its last packet, as a place in its line's list.
    pub(crate) codec: u8,
}

/// What a layer is made of.
pub(crate) struct LayerOrigin {
    pub(crate) owner: Key,
    pub(crate) line: usize,
    pub(crate) rid: Option<String>,
    pub(crate) order: usize,
    pub(crate) medium: Medium,
    pub(crate) clock_rate: u32,
    pub(crate) asks_again: bool,
    pub(crate) source: u32,
    pub(crate) ssrc: u32,
    pub(crate) state: Option<ReceptionState>,
}

impl Layer {
    pub(crate) fn new(origin: LayerOrigin, now: Micros) -> Self {
        let LayerOrigin {
            clock_rate,
            asks_again,
            ssrc,
            ..
        } = origin;
        let reception = match origin.state {
            Some(state) => Reception::restore(clock_rate, asks_again, state),
            None => Reception::new(clock_rate, asks_again),
        };
        Self {
            owner: origin.owner,
            line: origin.line,
            rid: origin.rid,
            order: origin.order,
            medium: origin.medium,
            source: origin.source,
            main: Main { ssrc, reception },
            repair: None,
            cache: PacketCache::new(),
            pending: Vec::new(),
            viewers: Vec::new(),
            key_frames: KeyFrames::default(),
            key_frame: None,
            key_frame_timer_armed: false,
            last_packet: now,
            size: None,
            rate: Rate::default(),
            codec: 0,
        }
    }

    /// Whether packets have come lately.
    pub(crate) fn flows(&self, now: Micros) -> bool {
        let limit = match self.medium {
            Medium::Audio => limits::VOICE_SILENT_US,
            Medium::Video => limits::LAYER_SILENT_US,
        };
        now.micros_since(self.last_packet) <= limit
    }

    /// Notes a packet with which a decoder can start. A key frame may have several (parameter sets,
    /// pictures cut into slices), and they may come in any order.
    pub(crate) fn on_key_frame(&mut self, index: u64, timestamp: u32, now: Micros) {
        self.key_frames.on_key_frame(now);
        let known = self.key_frame.and_then(|known| {
            let (info, _) = self.cache.get(known)?;
            Some((known, info.timestamp == timestamp))
        });
        self.key_frame = Some(match known {
            Some((known, true)) => known.min(index),
            Some((known, false)) => known.max(index),
            None => index,
        });
    }

    /// Whether a key frame waits to be sent.
    pub(crate) fn begins_now(&self) -> bool {
        let mut waiting = self
            .pending
            .iter()
            .filter_map(|index| self.cache.get(*index));
        waiting.any(|(info, _)| info.is_key_frame)
    }

    pub(crate) fn add_viewer(&mut self, viewer: Viewer) {
        if !self.viewers.contains(&viewer) {
            self.viewers.push(viewer);
        }
    }

    pub(crate) fn remove_viewer(&mut self, viewer: Viewer) {
        self.viewers.retain(|known| *known != viewer);
    }
}

/// Bits a second, over windows of half a second, smoothed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    window_start: Micros,
    bytes: u64,
    bits_per_second: Option<u64>,
}

impl Rate {
    const WINDOW_US: u64 = 500_000;

    /// A rate that another process measured.
    pub(crate) fn known(bits_per_second: Option<u64>) -> Self {
        Self {
            bits_per_second,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, now: Micros, bytes: usize) {
        let passed = now.micros_since(self.window_start);
        if passed >= Self::WINDOW_US {
            // A window that began long ago says nothing about now.
            if passed < 4 * Self::WINDOW_US {
                let sample = self.bytes * 8_000_000 / passed;
                let smooth = self
                    .bits_per_second
                    .map_or(sample, |old| (old * 3 + sample) / 4);
                self.bits_per_second = Some(smooth);
            }
            self.window_start = now;
            self.bytes = 0;
        }
        self.bytes += bytes as u64;
    }

    pub(crate) fn bits_per_second(&self) -> Option<u64> {
        self.bits_per_second
    }
}
