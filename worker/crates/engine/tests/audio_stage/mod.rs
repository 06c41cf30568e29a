//! A stage for the mixer: talkers with a tone each, a path that loses and scatters, listeners that
//! decode what they get. Everything in virtual time.

use std::collections::BTreeMap;

use parley_dsp::codec::{PACKET_MS_MAX, PAYLOAD_BYTES_MAX};
use parley_dsp::level::minus_dbov;
use parley_dsp::tone::{Tone, amplitude_of};
use parley_dsp::{CodecId, Decoder, Encoder, EncoderSettings};
use parley_engine::audio::{AudioLevel, MixFormat, Mixer, MixerCounters, VoiceId, VoicePacket};
use parley_rtp::time::Micros;

pub(crate) const FRAME_US: u64 = 20_000;

/// Grain of the stage's time.
const STEP_US: u64 = 1_000;

/// What the path does to packet number `n` of talker `id`: when it arrives, once for each copy.
pub(crate) type Path = dyn FnMut(VoiceId, u64, Micros) -> Vec<Micros>;

pub(crate) struct Talker {
    pub(crate) id: VoiceId,
    codec: CodecId,
    encoder: Box<dyn Encoder>,
    tone: Tone,
    silent_frames: u32,
    sequence: u16,
    timestamp: u32,
    /// Where in the 20 ms its packets leave.
    pub(crate) phase_us: u64,
    /// When the first packet of its last word left.
    pub(crate) word_sent: Micros,
    /// When it talks; else it is silent.
    pub(crate) talks: fn(u64) -> bool,
    pub(crate) tells_level: bool,
}

pub(crate) struct Listener {
    codec: CodecId,
    decoder: Box<dyn Decoder>,
    /// At the codec's own rate; silence where no packet came.
    pub(crate) sound: Vec<f32>,
    pub(crate) packets: usize,
    pub(crate) timestamps: Vec<u32>,
}

pub(crate) struct Stage {
    pub(crate) mixer: Mixer,
    pub(crate) talkers: Vec<Talker>,
    pub(crate) listeners: BTreeMap<VoiceId, Listener>,
    arrivals: BTreeMap<(Micros, u64), InFlight>,
    count: u64,
    pub(crate) now: Micros,
    packets_sent: BTreeMap<VoiceId, u64>,
}

struct InFlight {
    id: VoiceId,
    sequence: u16,
    timestamp: u32,
    level: Option<AudioLevel>,
    payload: Vec<u8>,
}

pub(crate) fn format(name: &str) -> MixFormat {
    MixFormat {
        codec: CodecId::named(name).unwrap(),
        dtx: name == "opus",
        fec: false,
    }
}

pub(crate) fn always(_: u64) -> bool {
    true
}

pub(crate) fn never(_: u64) -> bool {
    false
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self {
            mixer: Mixer::new(EncoderSettings::default()),
            talkers: Vec::new(),
            listeners: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            count: 0,
            now: Micros(5_000_000),
            packets_sent: BTreeMap::new(),
        }
    }

    pub(crate) fn talker(&mut self, id: u32, hz: f64, codec: &str) -> &mut Talker {
        let codec = CodecId::named(codec).unwrap();
        let settings = EncoderSettings {
            expected_loss_percent: 10,
            bitrate_bps: 40_000,
            ..EncoderSettings::default()
        };
        let rate = codec.codec().sample_rate();
        self.talkers.push(Talker {
            id: VoiceId(id),
            codec,
            encoder: codec.codec().encoder(&settings).unwrap(),
            tone: Tone::new(hz, 0.25, rate),
            silent_frames: 0,
            sequence: 65_000_u16.wrapping_add(id as u16 * 97),
            timestamp: u32::MAX - 40_000 + id,
            phase_us: u64::from(id) * 3_000 % FRAME_US,
            word_sent: Micros(0),
            talks: always,
            tells_level: true,
        });
        self.talkers.last_mut().unwrap()
    }

    pub(crate) fn listener(&mut self, id: u32, format: MixFormat) {
        self.mixer
            .add_listener(self.now, VoiceId(id), format)
            .unwrap();
        self.listeners.insert(
            VoiceId(id),
            Listener {
                codec: format.codec,
                decoder: format.codec.codec().decoder().unwrap(),
                sound: Vec::new(),
                packets: 0,
                timestamps: Vec::new(),
            },
        );
    }

    /// Lets `ms` pass with a perfect path.
    pub(crate) fn run(&mut self, ms: u64) {
        self.run_over(ms, &mut |_, _, sent| vec![sent]);
    }

    /// Lets `ms` pass.
    pub(crate) fn run_over(&mut self, ms: u64, path: &mut Path) {
        let end = Micros(self.now.0 + ms * 1_000);
        while self.now < end {
            let step_end = Micros(self.now.0 + STEP_US);
            self.speak(step_end, path);
            self.arrive(step_end);
            self.now = step_end;
            while self.mixer.tick(self.now).unwrap() {
                self.listen();
            }
        }
    }

    fn speak(&mut self, until: Micros, path: &mut Path) {
        for talker in &mut self.talkers {
            if (until.0 + talker.phase_us) % FRAME_US >= STEP_US {
                continue;
            }
            let Some((level, payload)) = talker.frame(until) else {
                continue;
            };
            let number = self.packets_sent.entry(talker.id).or_default();
            *number += 1;
            for at in path(talker.id, *number, until) {
                self.count += 1;
                let packet = InFlight {
                    id: talker.id,
                    sequence: talker.sequence,
                    timestamp: talker.timestamp,
                    level: level.filter(|_| talker.tells_level),
                    payload: payload.clone(),
                };
                self.arrivals.insert((at, self.count), packet);
            }
        }
    }

    fn arrive(&mut self, until: Micros) {
        while let Some(entry) = self.arrivals.first_entry() {
            if entry.key().0 > until {
                return;
            }
            let ((at, _), packet) = entry.remove_entry();
            let codec = self
                .talkers
                .iter()
                .find(|talker| talker.id == packet.id)
                .unwrap()
                .codec;
            let voice = VoicePacket {
                codec,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                level: packet.level,
                payload: &packet.payload,
            };
            // Late and duplicate packets are refused, which is what some tests are about.
            if let Err(refused) = self.mixer.push(at, packet.id, &voice) {
                assert_ne!(refused, parley_engine::audio::PushError::Damaged);
            }
        }
    }

    fn listen(&mut self) {
        let mut heard: BTreeMap<VoiceId, (Vec<u8>, u32)> = BTreeMap::new();
        for (id, packet) in self.mixer.deliveries() {
            heard.insert(id, (packet.payload.to_vec(), packet.timestamp));
        }
        for (id, listener) in &mut self.listeners {
            listener.hear(heard.remove(id));
        }
    }

    pub(crate) fn counters(&self) -> MixerCounters {
        self.mixer.counters()
    }

    /// Amplitude of `hz` in what `id` heard in the last `ms`.
    pub(crate) fn heard(&self, id: u32, hz: f64, ms: usize) -> f32 {
        let listener = &self.listeners[&VoiceId(id)];
        let rate = listener.codec.codec().sample_rate();
        amplitude_of(hz, self.last(id, ms), rate)
    }

    /// What `id` heard in the last `ms`.
    pub(crate) fn last(&self, id: u32, ms: usize) -> &[f32] {
        let listener = &self.listeners[&VoiceId(id)];
        let samples = listener.codec.codec().sample_rate() as usize / 1_000 * ms;
        &listener.sound[listener.sound.len() - samples..]
    }
}

impl Talker {
    /// The next frame as a packet; none where silence goes unsent. Like a browser it sends the first
    /// 200 ms of silence, a frame that says so, and then little.
    fn frame(&mut self, now: Micros) -> Option<(Option<AudioLevel>, Vec<u8>)> {
        let codec = self.codec.codec();
        self.timestamp = self.timestamp.wrapping_add(codec.clock_rate() / 50);
        let mut samples = vec![0.0; codec.sample_rate() as usize / 50];
        let talks = (self.talks)(now.0 / 1_000);
        if talks {
            self.tone.fill(&mut samples);
            if self.silent_frames > 0 {
                self.word_sent = now;
            }
            self.silent_frames = 0;
        } else {
            self.silent_frames += 1;
        }
        if codec.silence_after(&[0]).is_some() && self.silent_frames > 11 {
            let is_sent = self.silent_frames.is_multiple_of(20);
            if !is_sent {
                return None;
            }
        }
        let mut payload = vec![0; PAYLOAD_BYTES_MAX];
        let encoded = self.encoder.encode(&samples, &mut payload).unwrap();
        payload.truncate(encoded.bytes);
        if self.silent_frames == 11
            && let Some(silence) = codec.silence_after(&payload)
        {
            payload = vec![silence];
        }
        self.sequence = self.sequence.wrapping_add(1);
        let level = AudioLevel {
            minus_dbov: minus_dbov(&samples),
            voice: talks,
        };
        Some((Some(level), payload))
    }
}

impl Listener {
    fn hear(&mut self, packet: Option<(Vec<u8>, u32)>) {
        let rate = self.codec.codec().sample_rate();
        let Some((payload, timestamp)) = packet else {
            self.sound
                .extend(std::iter::repeat_n(0.0, rate as usize / 50));
            return;
        };
        let mut samples = vec![0.0; (rate / 1_000 * PACKET_MS_MAX) as usize];
        let length = self.decoder.decode(&payload, &mut samples).unwrap();
        assert_eq!(length, rate as usize / 50);
        self.sound.extend_from_slice(&samples[..length]);
        self.packets += 1;
        self.timestamps.push(timestamp);
    }
}
