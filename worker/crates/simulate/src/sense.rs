//! What far ends make of what they get: an ear that plays sound, an eye that decodes pictures.

use std::collections::BTreeMap;

use parley_dsp::codec::PACKET_MS_MAX;
use parley_dsp::{CodecError, CodecId, Decoder, MIX_FRAME, MIX_RATE};
use parley_engine::audio::{Arrival, JitterBuffer, Step};
use parley_rtp::time::Micros;

use crate::source::Seen;

/// Plays one line of Opus, 20 ms at a time.
pub struct Ear {
    buffer: JitterBuffer,
    decoder: Box<dyn Decoder>,
    pending: Vec<f32>,
    next: Option<Micros>,
    /// Everything heard since the first packet. Units: 1.0 = full scale, 48 kHz, mono.
    pub sound: Vec<f32>,
    /// Payloads that could not be decoded.
    pub damaged: u32,
}

const BEAT_US: u64 = 20_000;

impl Ear {
    /// Hears nothing yet.
    /// Errors: the codec's library refused.
    pub fn new() -> Result<Self, CodecError> {
        let codec = CodecId::Opus.codec();
        Ok(Self {
            buffer: JitterBuffer::new(codec.clock_rate(), codec.has_fec()),
            decoder: codec.decoder()?,
            pending: Vec::new(),
            next: None,
            sound: Vec::new(),
            damaged: 0,
        })
    }

    /// Takes a packet.
    pub fn packet(&mut self, now: Micros, sequence: u16, timestamp: u32, payload: &[u8]) {
        let codec = CodecId::Opus.codec();
        let Some(duration) = codec.duration(payload) else {
            self.damaged += 1;
            return;
        };
        let is_silence = codec.is_silence(payload);
        let arrival = Arrival {
            sequence,
            timestamp,
            duration,
            is_silence,
            level: None,
            payload,
        };
        // What comes late or twice is of no use to an ear, which is what it is tested with.
        if self.buffer.push(now, &arrival).is_ok() && self.next.is_none() {
            self.next = Some(now);
        }
    }

    /// When it wants to play on.
    pub fn deadline(&self) -> Option<Micros> {
        self.next
    }

    /// Plays what is due.
    pub fn advance(&mut self, now: Micros) {
        while let Some(beat) = self.next.filter(|beat| *beat <= now) {
            self.next = Some(Micros(beat.0 + BEAT_US));
            while self.pending.len() < MIX_FRAME {
                self.step(beat);
            }
            self.sound.extend(self.pending.drain(..MIX_FRAME));
        }
    }

    fn step(&mut self, now: Micros) {
        let mut samples = [0.0; (MIX_RATE / 1_000 * PACKET_MS_MAX) as usize];
        let length = match self.buffer.pull(now) {
            Step::Packet { payload, .. }
            | Step::Squeeze {
                second: payload, ..
            } => self
                .decoder
                .decode(payload, &mut samples)
                .unwrap_or_else(|_| {
                    self.damaged += 1;
                    MIX_FRAME
                }),
            Step::Recover { next, duration } => {
                self.decoder
                    .recover(next, &mut samples[..duration as usize]);
                duration as usize
            }
            Step::Conceal { duration } => {
                self.decoder.conceal(&mut samples[..duration as usize]);
                duration as usize
            }
            Step::Silence { duration } => duration as usize,
        };
        self.pending.extend_from_slice(&samples[..length]);
    }
}

/// A frame that could be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// When it was complete.
    pub at: Micros,
    /// Which camera's.
    pub camera: u32,
    /// Its number there.
    pub frame: u32,
}

/// Decodes one line of [`crate::source::Camera`] packets: a frame is shown when it and all since a
/// key frame are complete.
#[derive(Debug, Default)]
pub struct Eye {
    packets: BTreeMap<u64, (Seen, u32, bool)>,
    /// Everything before it is shown or given up.
    next: Option<u64>,
    last_picture: Option<u16>,
    asked: Option<Micros>,
    /// When it last showed something, or got its first packet.
    moved: Option<Micros>,
    /// What was shown, in order.
    pub shown: Vec<Shown>,
    /// Packets that were not a camera's.
    pub strange: u32,
    /// Frames whose picture id did not follow the one before.
    pub jumps: u32,
}

/// A decoder that could show nothing for so long gives up what it waits for.
const STUCK_US: u64 = 500_000;
/// Between two requests for a key frame.
const ASK_US: u64 = 200_000;

impl Eye {
    /// Takes a packet. Answers whether to ask for a key frame: while it waits for one or is
    /// stuck, each 200 ms.
    pub fn packet(
        &mut self,
        now: Micros,
        index: u64,
        timestamp: u32,
        marker: bool,
        payload: &[u8],
    ) -> bool {
        let Some(seen) = Seen::read(payload) else {
            self.strange += 1;
            return false;
        };
        self.moved.get_or_insert(now);
        if self.next.is_none_or(|next| index >= next) {
            self.packets.insert(index, (seen, timestamp, marker));
        }
        if self.next.is_none() || self.has_newer_key(now) {
            self.jump_to_key();
        }
        self.show(now);
        let is_early = self
            .asked
            .is_some_and(|asked| now.micros_since(asked) < ASK_US);
        let asks = (self.next.is_none() || self.is_stuck(now)) && !is_early;
        if asks {
            self.asked = Some(now);
        }
        asks
    }

    /// The longest time without a new picture between the first and `end`.
    pub fn freeze_max_us(&self, end: Micros) -> u64 {
        let ends = self.shown.iter().skip(1).map(|shown| shown.at).chain([end]);
        let gaps = self
            .shown
            .iter()
            .zip(ends)
            .map(|(from, to)| to.micros_since(from.at));
        gaps.max().unwrap_or(u64::MAX)
    }

    fn is_stuck(&self, now: Micros) -> bool {
        self.moved
            .is_some_and(|moved| now.micros_since(moved) > STUCK_US)
    }

    // A frame of which any packet is lost for good holds up all that follow, not only one whose
    // first packet is.
    fn has_newer_key(&self, now: Micros) -> bool {
        let Some(next) = self.next else { return true };
        let is_held_up = !self.packets.contains_key(&next) || self.is_stuck(now);
        let mut newer = self.packets.range(next + 1..);
        is_held_up && newer.any(|(_, (seen, _, _))| seen.is_key)
    }

    fn jump_to_key(&mut self) {
        let key = self
            .packets
            .iter()
            .rev()
            .find(|(_, (seen, _, _))| seen.is_key);
        if let Some(index) = key.map(|(index, _)| *index) {
            self.next = Some(index);
            self.packets = self.packets.split_off(&index);
        }
    }

    fn show(&mut self, now: Micros) {
        while let Some(start) = self.next {
            let mut index = start;
            let last = loop {
                match self.packets.get(&index) {
                    None => return,
                    Some((seen, _, true)) => break (*seen, index),
                    Some(_) => index += 1,
                }
            };
            let (seen, end) = last;
            if self
                .last_picture
                .is_some_and(|last| seen.picture_id != (last + 1) & 0x7fff)
            {
                self.jumps += 1;
            }
            self.last_picture = Some(seen.picture_id);
            self.moved = Some(now);
            self.shown.push(Shown {
                at: now,
                camera: seen.camera,
                frame: seen.frame,
            });
            self.packets = self.packets.split_off(&(end + 1));
            self.next = Some(end + 1);
        }
    }
}
