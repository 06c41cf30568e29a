//! Every codec of the table keeps the same promises.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use parley_dsp::codec::{PACKET_MS_MAX, PAYLOAD_BYTES_MAX};
use parley_dsp::tone::{Tone, amplitude_of};
use parley_dsp::{CodecId, EncoderSettings, codecs};
use proptest::prelude::*;

fn frame_of(id: CodecId) -> usize {
    id.codec().sample_rate() as usize / 50
}

fn room_of(id: CodecId) -> usize {
    (id.codec().sample_rate() / 1_000 * PACKET_MS_MAX) as usize
}

#[test]
fn names_are_unique_and_found_again() {
    for id in codecs() {
        assert_eq!(CodecId::named(id.codec().name()), Some(id));
        assert_eq!(
            format!("{id:?}").to_lowercase(),
            id.codec().name(),
            "its own row"
        );
    }
    assert_eq!(CodecId::named("vp8"), None);
}

#[test]
fn a_tone_survives_each_codec() {
    for id in codecs() {
        let codec = id.codec();
        let mut encoder = codec.encoder(&EncoderSettings::default()).unwrap();
        let mut decoder = codec.decoder().unwrap();
        let mut tone = Tone::new(600.0, 0.4, codec.sample_rate());
        let mut heard = Vec::new();
        for _ in 0..50 {
            let mut frame = vec![0.0; frame_of(id)];
            tone.fill(&mut frame);
            let mut payload = [0; PAYLOAD_BYTES_MAX];
            let encoded = encoder.encode(&frame, &mut payload).unwrap();
            assert_eq!(
                codec.duration(&payload[..encoded.bytes]),
                Some(codec.clock_rate() / 50),
                "{id:?}"
            );
            let mut samples = vec![0.0; room_of(id)];
            let count = decoder
                .decode(&payload[..encoded.bytes], &mut samples)
                .unwrap();
            assert_eq!(count, frame_of(id), "{id:?}");
            heard.extend_from_slice(&samples[..count]);
        }
        let settled = &heard[heard.len() / 5..];
        let found = amplitude_of(600.0, settled, codec.sample_rate());
        assert!((found - 0.4).abs() < 0.1, "{id:?}: {found}");
        let other = amplitude_of(1_000.0, settled, codec.sample_rate());
        assert!(other < 0.02, "{id:?}: {other} of a tone that was not there");
    }
}

#[test]
fn opus_silence_goes_unsent_when_asked_and_is_sent_when_not() {
    for (dtx, sent_max, sent_min) in [(true, 20, 1), (false, 100, 100)] {
        let opus = CodecId::named("opus").unwrap().codec();
        let settings = EncoderSettings {
            dtx,
            ..EncoderSettings::default()
        };
        let mut encoder = opus.encoder(&settings).unwrap();
        let mut sent = 0;
        for _ in 0..100 {
            let mut payload = [0; PAYLOAD_BYTES_MAX];
            let encoded = encoder.encode(&[0.0; 960], &mut payload).unwrap();
            sent += usize::from(!encoded.is_silence);
        }
        assert!(
            (sent_min..=sent_max).contains(&sent),
            "dtx {dtx}: {sent} of 100 sent"
        );
    }
}

#[test]
fn a_decoder_takes_the_silence_payload_and_falls_silent() {
    let opus = CodecId::named("opus").unwrap().codec();
    let mut encoder = opus.encoder(&EncoderSettings::default()).unwrap();
    let mut decoder = opus.decoder().unwrap();
    let mut samples = vec![0.0; room_of(CodecId::named("opus").unwrap())];
    let mut payload = [0; PAYLOAD_BYTES_MAX];
    let mut bytes = 0;
    for _ in 0..10 {
        bytes = encoder.encode(&[0.0; 960], &mut payload).unwrap().bytes;
        decoder.decode(&payload[..bytes], &mut samples).unwrap();
    }
    let silence = [opus.silence_after(&payload[..bytes]).unwrap()];
    assert!(opus.is_silence(&silence));
    assert_eq!(opus.duration(&silence), Some(960));
    for _ in 0..10 {
        assert_eq!(decoder.decode(&silence, &mut samples).unwrap(), 960);
        assert!(parley_dsp::level::minus_dbov(&samples[..960]) > 90);
    }
    assert_eq!(opus.silence_after(&[]), None);
}

#[test]
fn opus_recovers_a_lost_frame_from_the_next_packet() {
    let opus = CodecId::named("opus").unwrap().codec();
    let settings = EncoderSettings {
        expected_loss_percent: 20,
        dtx: false,
        ..EncoderSettings::default()
    };
    let mut encoder = opus.encoder(&settings).unwrap();
    // A voice-like sound: libopus adds copies to speech only.
    let mut tones =
        [(150.0, 0.3), (300.0, 0.2), (450.0, 0.1)].map(|(hz, a)| Tone::new(hz, a, 48_000));
    let mut packets = Vec::new();
    for index in 0..50 {
        let mut frame = [0.0; 960];
        for tone in &mut tones {
            let mut voice = [0.0; 960];
            tone.fill(&mut voice);
            parley_dsp::level::add(&mut frame, &voice);
        }
        // Syllables, so that a guess from the past is poorer than the copy.
        let loud = if (index / 5) % 2 == 0 { 1.0 } else { 0.05 };
        parley_dsp::level::ramp(&mut frame, loud, loud);
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        let encoded = encoder.encode(&frame, &mut payload).unwrap();
        packets.push(payload[..encoded.bytes].to_vec());
    }
    let energy_of_frame_30 = |recover: bool| {
        let mut decoder = opus.decoder().unwrap();
        let mut samples = vec![0.0; room_of(CodecId::named("opus").unwrap())];
        for packet in &packets[..30] {
            decoder.decode(packet, &mut samples).unwrap();
        }
        let mut frame = [0.0; 960];
        if recover {
            decoder.recover(&packets[31], &mut frame);
        } else {
            decoder.conceal(&mut frame);
        }
        parley_dsp::level::minus_dbov(&frame)
    };
    // Frame 30 starts a loud syllable after a quiet one: only the copy can know.
    assert!(energy_of_frame_30(true) + 6 < energy_of_frame_30(false));
}

#[test]
fn payloads_of_wrong_length_are_refused_with_a_reason() {
    for id in codecs() {
        let codec = id.codec();
        assert_eq!(codec.duration(&[]), None, "{id:?}");
        let mut encoder = codec.encoder(&EncoderSettings::default()).unwrap();
        assert!(
            encoder
                .encode(&[0.0; 17], &mut [0; PAYLOAD_BYTES_MAX])
                .is_err(),
            "{id:?}"
        );
        let mut decoder = codec.decoder().unwrap();
        let mut samples = vec![0.0; room_of(id)];
        if id.codec().name() != "opus" {
            assert!(
                decoder.decode(&vec![0; 4_000], &mut samples).is_err(),
                "{id:?}"
            );
        } else {
            assert!(decoder.decode(&[], &mut samples).is_err());
        }
    }
}

proptest! {
    #[test]
    fn no_payload_makes_a_decoder_panic_or_leave_the_scale(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 1..8),
    ) {
        for id in codecs() {
            let mut decoder = id.codec().decoder().unwrap();
            let mut samples = vec![0.0; room_of(id)];
            for payload in &payloads {
                let written = decoder.decode(payload, &mut samples).unwrap_or(0);
                prop_assert!(written <= samples.len());
                decoder.recover(payload, &mut samples[..frame_of(id)]);
                decoder.conceal(&mut samples[..frame_of(id)]);
                for sample in &samples[..frame_of(id)] {
                    prop_assert!(sample.is_finite());
                }
            }
        }
    }
}
