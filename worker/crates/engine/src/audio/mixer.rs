//! The mix of a room: everybody's voice but one's own, for those who hear through one line.
//!
//! Each voice worth hearing is decoded once a beat. All listeners who are silent share one encoder
//! per format; a listener whose own voice is in the sum gets an encoder of its own for as long.
//! Where nobody listens, nothing is kept, decoded or encoded.

use std::collections::BTreeMap;

use parley_dsp::level::add;
use parley_dsp::{CodecError, CodecId, EncoderSettings, MIX_FRAME};
use parley_rtp::time::Micros;

use super::input::{Input, Scratch};
use super::jitter_buffer::{Arrival, JitterCounters, Refused};
use super::lane::Lane;
use super::limits::{BEATS_LATE_MAX, FRAME, MIX_VOICES_MAX, SILENT_BEATS};
use super::{AudioLevel, VoiceId};

/// How a listener wants the mix. Listeners of equal formats share an encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MixFormat {
    /// The codec.
    pub codec: CodecId,
    /// Silence may go unsent.
    pub dtx: bool,
    /// Packets may carry copies of those before.
    pub fec: bool,
}

/// A voice packet, decrypted.
#[derive(Clone, Copy, Debug)]
pub struct VoicePacket<'a> {
    /// What its payload type stands for.
    pub codec: CodecId,
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// Its loudness, where the sender tells.
    pub level: Option<AudioLevel>,
    /// RTP payload without padding.
    pub payload: &'a [u8],
}

/// Whom a packet of the mix is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every listener of this format who has no packet of its own in the same beat.
    Shared(MixFormat),
    /// This listener alone: its voice is in the sum, and this is the sum without it. A listener
    /// who hears nobody but itself has its own lane too, and silence on it.
    Own(VoiceId),
}

/// A packet of the mix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MixPacket<'a> {
    /// Whom it is for.
    pub audience: Audience,
    /// RTP payload.
    pub payload: &'a [u8],
    /// RTP timestamp on the mix's own time line, the same for all formats of one clock rate.
    pub timestamp: u32,
    /// RTP marker: the first packet after unsent silence.
    pub marker: bool,
}

/// What a mix has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MixerCounters {
    /// Beats done.
    pub beats: u64,
    /// Beats left out because the caller came too late.
    pub beats_missed: u64,
    /// Frames decoded or guessed.
    pub decoded: u64,
    /// Frames encoded.
    pub encoded: u64,
    /// Payloads that the codec did not understand.
    pub damaged: u64,
    /// What became of the packets, over all voices.
    pub jitter: JitterCounters,
}

/// The mix of one room.
pub struct Mixer {
    settings: EncoderSettings,
    inputs: BTreeMap<VoiceId, Input>,
    listeners: BTreeMap<VoiceId, MixFormat>,
    shared: Vec<SharedLane>,
    own: Vec<OwnLane>,
    /// The instant of beat 0; the mix's time line never jumps, also where nobody listened.
    origin: Option<Micros>,
    next_beat: u64,
    /// Who is in the sum of this beat.
    heard: Vec<VoiceId>,
    admitted: Vec<(f32, VoiceId)>,
    sum: Box<[f32; MIX_FRAME]>,
    work: Box<[f32; MIX_FRAME]>,
    scratch: Scratch,
    counters: MixerCounters,
}

struct SharedLane {
    format: MixFormat,
    lane: Lane,
    listeners: usize,
}

struct OwnLane {
    format: MixFormat,
    lane: Lane,
    listener: Option<VoiceId>,
}

/// What a voice already in the sum is worth more than one that wants in. Units: dB.
const STAY_BONUS: f32 = 1.0;

impl Mixer {
    /// A mix without voices and listeners. `settings` are for the codecs that have a choice; the
    /// expected loss is for listeners with `fec`, and `dtx` is ignored: the mix knows its silence.
    pub fn new(settings: EncoderSettings) -> Self {
        Self {
            settings,
            inputs: BTreeMap::new(),
            listeners: BTreeMap::new(),
            shared: Vec::new(),
            own: Vec::new(),
            origin: None,
            next_beat: 0,
            heard: Vec::with_capacity(MIX_VOICES_MAX),
            admitted: Vec::new(),
            sum: Box::new([0.0; MIX_FRAME]),
            work: Box::new([0.0; MIX_FRAME]),
            scratch: Scratch::new(),
            counters: MixerCounters::default(),
        }
    }

    /// Lets `id` hear the mix in `format`, or changes its format. Idempotent.
    /// Errors: the codec's library refused an encoder; nothing changed.
    pub fn add_listener(
        &mut self,
        now: Micros,
        id: VoiceId,
        format: MixFormat,
    ) -> Result<(), CodecError> {
        if self.listeners.get(&id) == Some(&format) {
            return Ok(());
        }
        let at = match self
            .shared
            .iter()
            .position(|shared| shared.format == format)
        {
            Some(at) => at,
            None => {
                let lane = Lane::new(format, self.settings)?;
                self.shared.push(SharedLane {
                    format,
                    lane,
                    listeners: 0,
                });
                self.shared.len() - 1
            }
        };
        if self.listeners.is_empty() {
            let origin = *self.origin.get_or_insert(now);
            self.next_beat = now.micros_since(origin).div_ceil(frame_us());
        }
        self.shared[at].listeners += 1;
        if let Some(before) = self.listeners.insert(id, format) {
            self.leave(before);
        }
        Ok(())
    }

    /// Ends `id`'s hearing. Idempotent.
    pub fn remove_listener(&mut self, id: VoiceId) {
        if let Some(format) = self.listeners.remove(&id) {
            self.leave(format);
        }
        if self.listeners.is_empty() {
            for input in std::mem::take(&mut self.inputs).values() {
                count_in(&mut self.counters, input);
            }
            self.heard.clear();
            self.own.clear();
        }
    }

    /// Whether anybody hears the mix.
    pub fn has_listeners(&self) -> bool {
        !self.listeners.is_empty()
    }

    /// Whether `id` hears the mix.
    pub fn is_listener(&self, id: VoiceId) -> bool {
        self.listeners.contains_key(&id)
    }

    /// Ends `id`'s being heard: it left, muted, or its source starts anew. Idempotent.
    pub fn remove_input(&mut self, id: VoiceId) {
        if let Some(input) = self.inputs.remove(&id) {
            count_in(&mut self.counters, &input);
        }
        self.heard.retain(|heard| *heard != id);
    }

    /// Takes a voice packet of `id`. Does nothing where nobody listens.
    /// Errors: the packet is of no use; counted, and nobody else is concerned.
    pub fn push(
        &mut self,
        now: Micros,
        id: VoiceId,
        packet: &VoicePacket<'_>,
    ) -> Result<(), PushError> {
        if self.listeners.is_empty() || (self.listeners.len() == 1 && self.is_listener(id)) {
            return Ok(());
        }
        let codec = packet.codec.codec();
        let Some(duration) = codec.duration(packet.payload) else {
            self.counters.damaged += 1;
            return Err(PushError::Damaged);
        };
        if self
            .inputs
            .get(&id)
            .is_some_and(|input| input.codec != packet.codec)
        {
            self.remove_input(id);
        }
        let input = self
            .inputs
            .entry(id)
            .or_insert_with(|| Input::new(packet.codec));
        input.told(packet.level);
        let arrival = Arrival {
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            duration,
            is_silence: codec.is_silence(packet.payload),
            level: packet.level,
            payload: packet.payload,
        };
        input.buffer.push(now, &arrival).map_err(PushError::Refused)
    }

    /// When `tick` wants to be called; none while nobody listens.
    pub fn deadline(&self) -> Option<Micros> {
        let origin = self.origin.filter(|_| self.has_listeners())?;
        Some(Micros(origin.0 + self.next_beat * frame_us()))
    }

    /// Does one beat, if one is due; call it until [`Mixer::deadline`] is in the future, and hand
    /// out [`Mixer::deliveries`] after each. Answers whether a beat was done.
    /// Errors: a codec's library refused; its lane or voice has no sound in this beat, all others
    /// do.
    pub fn tick(&mut self, now: Micros) -> Result<bool, CodecError> {
        let Some(due) = self.deadline().filter(|due| *due <= now) else {
            return Ok(false);
        };
        let late = now.micros_since(due) / frame_us();
        let missed = if late > BEATS_LATE_MAX { late } else { 0 };
        self.next_beat += missed + 1;
        self.counters.beats_missed += missed;
        self.counters.beats += 1;
        let beat = Micros(due.0 + missed * frame_us());
        let heard = self.hear(beat);
        let shared = self.encode_shared();
        let own = self.encode_own();
        heard.and(shared).and(own).map(|()| true)
    }

    /// The packets of the last beat: one per format with listeners and one per own lane, none
    /// where there is nothing to send.
    pub fn packets(&self) -> impl Iterator<Item = MixPacket<'_>> {
        let shared = self
            .shared
            .iter()
            .filter_map(|shared| self.packet_of_shared(shared));
        let own = self.own.iter().filter_map(|own| self.packet_of_own(own));
        shared.chain(own)
    }

    /// The packets of the last beat, listener by listener.
    pub fn deliveries(&self) -> impl Iterator<Item = (VoiceId, MixPacket<'_>)> {
        self.listeners.iter().filter_map(|(id, format)| {
            let packet = match self.own.iter().find(|own| own.listener == Some(*id)) {
                Some(own) => self.packet_of_own(own),
                None => {
                    let shared = self.shared.iter().find(|shared| shared.format == *format)?;
                    self.packet_of_shared(shared)
                }
            };
            packet.map(|packet| (*id, packet))
        })
    }

    /// Whose voices were in the sum of the last beat.
    pub fn heard(&self) -> &[VoiceId] {
        &self.heard
    }

    /// What the mix has done so far.
    pub fn counters(&self) -> MixerCounters {
        let mut counters = self.counters;
        for input in self.inputs.values() {
            count_in(&mut counters, input);
        }
        counters
    }

    fn leave(&mut self, format: MixFormat) {
        if let Some(shared) = self
            .shared
            .iter_mut()
            .find(|shared| shared.format == format)
        {
            shared.listeners -= 1;
        }
        self.shared.retain(|shared| shared.listeners > 0);
    }

    /// Brings every voice forward by a beat and sums those worth hearing.
    fn hear(&mut self, beat: Micros) -> Result<(), CodecError> {
        self.admitted.clear();
        for (id, input) in self.inputs.iter().filter(|(_, input)| input.is_wanted()) {
            let bonus = if input.is_heard { STAY_BONUS } else { 0.0 };
            self.admitted.push((input.loudness() + bonus, *id));
        }
        if self.admitted.len() > MIX_VOICES_MAX {
            // Loudest first; the id decides between equals, so that the same input mixes the same.
            self.admitted
                .sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            self.admitted.truncate(MIX_VOICES_MAX);
        }
        self.heard.clear();
        self.sum.fill(0.0);
        let mut outcome = Ok(());
        for (id, input) in &mut self.inputs {
            let is_admitted = self.admitted.iter().any(|(_, admitted)| admitted == id);
            outcome = outcome.and(input.advance(beat, is_admitted, &mut self.scratch));
            if input.is_heard {
                self.heard.push(*id);
                add(&mut self.sum[..], input.frame());
            }
        }
        outcome
    }

    fn encode_shared(&mut self) -> Result<(), CodecError> {
        let mut outcome = Ok(());
        for shared in &mut self.shared {
            self.work.copy_from_slice(&self.sum[..]);
            match shared.lane.encode(&mut self.work, !self.heard.is_empty()) {
                Ok(is_encoded) => self.counters.encoded += u64::from(is_encoded),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    fn encode_own(&mut self) -> Result<(), CodecError> {
        for own in &mut self.own {
            let keeps = own.listener.is_some_and(|listener| {
                self.heard.contains(&listener) && self.listeners.get(&listener) == Some(&own.format)
            });
            if !keeps {
                own.listener = None;
            }
        }
        let mut outcome = Ok(());
        for place in 0..self.heard.len() {
            let id = self.heard[place];
            let Some(format) = self.listeners.get(&id).copied() else {
                continue;
            };
            let encoded = self.own_lane(id, format).and_then(|at| {
                // Added up anew and not subtracted, so that no rounding of the own voice remains.
                self.work.fill(0.0);
                for other in self.heard.iter().filter(|other| **other != id) {
                    if let Some(input) = self.inputs.get(other) {
                        add(&mut self.work[..], input.frame());
                    }
                }
                self.own[at]
                    .lane
                    .encode(&mut self.work, self.heard.len() > 1)
            });
            match encoded {
                Ok(is_encoded) => self.counters.encoded += u64::from(is_encoded),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// The lane that encodes for `id` alone: the one it has, a free one, or a new one.
    fn own_lane(&mut self, id: VoiceId, format: MixFormat) -> Result<usize, CodecError> {
        if let Some(at) = self.own.iter().position(|own| own.listener == Some(id)) {
            return Ok(at);
        }
        let free = |own: &OwnLane| own.listener.is_none() && own.format == format;
        let at = match self.own.iter().position(free) {
            Some(at) => at,
            None => {
                let lane = Lane::new(format, self.settings)?;
                self.own.push(OwnLane {
                    format,
                    lane,
                    listener: None,
                });
                self.own.len() - 1
            }
        };
        let shared = self.shared.iter().find(|shared| shared.format == format);
        let unsent = shared.map_or(SILENT_BEATS, |shared| shared.lane.unsent());
        self.own[at].listener = Some(id);
        self.own[at].lane.reset(unsent);
        Ok(at)
    }

    fn packet_of_shared<'a>(&'a self, shared: &'a SharedLane) -> Option<MixPacket<'a>> {
        self.packet(Audience::Shared(shared.format), shared.format, &shared.lane)
    }

    fn packet_of_own<'a>(&'a self, own: &'a OwnLane) -> Option<MixPacket<'a>> {
        self.packet(Audience::Own(own.listener?), own.format, &own.lane)
    }

    fn packet<'a>(
        &'a self,
        audience: Audience,
        format: MixFormat,
        lane: &'a Lane,
    ) -> Option<MixPacket<'a>> {
        let beat = self.next_beat.checked_sub(1)?;
        let ticks = u64::from(format.codec.codec().clock_rate()) * frame_us() / 1_000_000;
        Some(MixPacket {
            audience,
            payload: lane.packet()?,
            timestamp: beat.wrapping_mul(ticks) as u32,
            marker: lane.is_first(),
        })
    }
}

/// Why a voice packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushError {
    /// Not a payload of its codec.
    Damaged,
    /// The jitter buffer has no use for it.
    Refused(Refused),
}

fn count_in(counters: &mut MixerCounters, input: &Input) {
    let voice = input.buffer.counters();
    counters.decoded += input.decoded;
    counters.damaged += input.damaged;
    counters.jitter.add(&voice);
}

const fn frame_us() -> u64 {
    FRAME.as_micros() as u64
}
