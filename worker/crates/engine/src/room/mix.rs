//! The mix: for endpoints that hear everybody through one line.

use parley_dsp::{CodecId, EncoderSettings};
use parley_rtp::time::Micros;
use parley_wire::{Codec, CodecParameters, SendRole};

use crate::audio::{MixFormat, Mixer, VoiceId, VoicePacket};
use crate::counters::Counter;
use crate::room::Room;
use crate::room::forward::{Numbered, write_packet};
use crate::shared::{RoomTimer, Shared, Timer};
use crate::slab::Key;
use crate::transport::State;

/// The number of the mix among the sources of a line. Real ones are counted from 1.
const MIX_SOURCE: u32 = 0;

/// The mixer's name for a codec of the wire; none for pictures.
pub(super) fn codec_id(codec: Codec) -> Option<CodecId> {
    match codec {
        Codec::Opus => Some(CodecId::Opus),
        Codec::Pcmu => Some(CodecId::Pcmu),
        Codec::Pcma => Some(CodecId::Pcma),
        Codec::G722 => Some(CodecId::G722),
        Codec::Vp8 | Codec::H264 => None,
    }
}

/// The mix of a room and the beat that is being sent.
pub(super) struct RoomMix {
    mixer: Mixer,
    is_armed: bool,
    /// The last beat waits to be sent, from this listener on.
    sending: Option<usize>,
}

impl RoomMix {
    fn new() -> Self {
        Self {
            mixer: Mixer::new(EncoderSettings::default()),
            is_armed: false,
            sending: None,
        }
    }

    pub(super) fn is_heard(&self) -> bool {
        self.mixer.deadline().is_some()
    }

    pub(super) fn has_work(&self) -> bool {
        self.sending.is_some()
    }

    pub(super) fn push(&mut self, now: Micros, voice: VoiceId, packet: &VoicePacket<'_>) {
        // A packet that is of no use is counted by the mixer itself.
        let _counted = self.mixer.push(now, voice, packet);
    }

    pub(super) fn remove_voice(&mut self, voice: VoiceId) {
        self.mixer.remove_input(voice);
    }

    pub(super) fn remove(&mut self, voice: VoiceId) {
        self.mixer.remove_input(voice);
        self.mixer.remove_listener(voice);
    }
}

impl Room {
    /// Lets an endpoint hear the mix, or no longer, as its line and presence say.
    pub(super) fn update_mix_of(&mut self, key: Key, shared: &mut Shared) {
        let Some(endpoint) = self.endpoints.get_mut(key) else {
            return;
        };
        let voice = endpoint.voice();
        let is_present = endpoint.is_present();
        let line = endpoint
            .send
            .iter_mut()
            .find(|line| line.parameters.role == SendRole::Mix);
        let Some(line) = line else { return };
        if !is_present {
            if let Some(mix) = &mut self.mix {
                mix.mixer.remove_listener(voice);
            }
            return;
        }
        let format = line.parameters.codecs.iter().find_map(mix_format);
        let Some(format) = format else { return };
        line.track.switch_to(MIX_SOURCE);
        let mix = self.mix.get_or_insert_with(|| Box::new(RoomMix::new()));
        if mix.mixer.add_listener(shared.now, voice, format).is_err() {
            shared.count(Counter::MixFailed);
        }
        self.arm_mix(shared);
    }

    fn arm_mix(&mut self, shared: &mut Shared) {
        if let Some(mix) = &mut self.mix
            && !mix.is_armed
            && let Some(due) = mix.mixer.deadline()
        {
            mix.is_armed = true;
            shared.wheel.add(due, Timer::Room(self.key, RoomTimer::Mix));
        }
    }

    pub(super) fn on_mix_timer(&mut self, shared: &mut Shared) {
        if let Some(mix) = &mut self.mix {
            mix.is_armed = false;
            if mix.sending.is_none() {
                match mix.mixer.tick(shared.now) {
                    Ok(false) => {}
                    Ok(true) => mix.begin_sending(),
                    Err(_) => {
                        // One voice or one format has no sound in this beat, all others have.
                        shared.count(Counter::MixFailed);
                        mix.begin_sending();
                    }
                }
            }
        }
        self.arm_mix(shared);
    }

    /// Sends the last beat to its listeners. False: the send buffer is full.
    pub(super) fn send_mix(&mut self, shared: &mut Shared) -> bool {
        let Room { mix, endpoints, .. } = self;
        let Some(mix) = mix else { return true };
        let Some(from) = mix.sending else { return true };
        for (place, (voice, packet)) in mix.mixer.deliveries().enumerate().skip(from) {
            if shared.outbox.is_full() {
                mix.sending = Some(place);
                return false;
            }
            let Some(endpoint) = endpoints
                .key_at(voice.0)
                .and_then(|key| endpoints.get_mut(key))
            else {
                continue;
            };
            if endpoint.transport.state != State::Connected {
                continue;
            }
            let line = endpoint
                .send
                .iter_mut()
                .enumerate()
                .find(|(_, line)| line.parameters.role == SendRole::Mix);
            let Some((line_place, line)) = line else {
                continue;
            };
            let Some(types) = line.mix_types() else {
                continue;
            };
            let Some(numbered) =
                line.number_mix(MIX_SOURCE, packet.timestamp, packet.marker, shared.now)
            else {
                continue;
            };
            line.track.on_sent(packet.payload.len());
            let numbered = Numbered {
                line: line_place,
                ssrc: line.parameters.ssrc,
                payload_type: types.media,
                counts_for_feedback: types.transport_cc,
                index: numbered.index,
                timestamp: numbered.timestamp,
                marker: packet.marker,
                info: None,
                counters: None,
                original: None,
                payload: packet.payload,
            };
            if write_packet(endpoint, &numbered, shared) {
                shared.count(Counter::Mixed);
            }
        }
        mix.sending = None;
        true
    }
}

impl RoomMix {
    fn begin_sending(&mut self) {
        self.sending = Some(0);
    }
}

fn mix_format(codec: &CodecParameters) -> Option<MixFormat> {
    let is_on = |name: &str| codec.parameters.get(name).is_some_and(|value| value == "1");
    Some(MixFormat {
        codec: codec_id(codec.codec)?,
        dtx: is_on("usedtx"),
        fec: is_on("useinbandfec"),
    })
}
