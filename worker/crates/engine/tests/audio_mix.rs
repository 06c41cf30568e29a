//! What people hear through a mix, by frequency.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod audio_stage;

use audio_stage::{FRAME_US, Stage, always, format, never};
use parley_dsp::level::{minus_dbov, peak};
use parley_engine::audio::VoiceId;
use parley_rtp::time::Micros;

/// A tone of 0.25 that went through two lossy codecs.
const CLEAR: std::ops::Range<f32> = 0.15..0.35;
/// What is left of a tone that is not there.
const ABSENT: f32 = 0.004;

#[test]
fn a_talker_hears_the_others_and_never_itself() {
    let mut stage = Stage::new();
    for (id, hz) in [(1, 400.0), (2, 700.0), (3, 1_100.0)] {
        stage.talker(id, hz, "opus");
        stage.listener(id, format("opus"));
    }
    stage.listener(9, format("opus"));
    stage.run(4_000);
    for (id, hz) in [(1, 400.0), (2, 700.0), (3, 1_100.0)] {
        for listener in [1, 2, 3, 9] {
            let heard = stage.heard(listener, hz, 2_000);
            if listener == id {
                assert!(heard < ABSENT, "{id} hears itself: {heard}");
            } else {
                assert!(
                    CLEAR.contains(&heard),
                    "{listener} hears {hz} Hz as {heard}"
                );
            }
        }
    }
}

#[test]
fn every_codec_hears_and_is_heard_by_every_other() {
    let mut stage = Stage::new();
    let codecs = [
        (1, 300.0, "opus"),
        (2, 600.0, "g722"),
        (3, 1_000.0, "pcmu"),
        (4, 1_700.0, "pcma"),
    ];
    for (id, hz, codec) in codecs {
        stage.talker(id, hz, codec);
        stage.listener(id, format(codec));
        stage.listener(id + 10, format(codec));
    }
    stage.run(4_000);
    for (listener, _, of) in codecs {
        for (talker, hz, by) in codecs {
            let silent = stage.heard(listener + 10, hz, 2_000);
            assert!(CLEAR.contains(&silent), "{by} in {of}: {silent}");
            let own = stage.heard(listener, hz, 2_000);
            if talker == listener {
                assert!(own < ABSENT, "{by} hears itself: {own}");
            } else {
                assert!(
                    CLEAR.contains(&own),
                    "{by} in {of} beside its own voice: {own}"
                );
            }
        }
    }
}

#[test]
fn all_who_are_silent_share_one_encode_per_format_and_each_talker_costs_one() {
    let mut stage = Stage::new();
    for (id, hz) in [(1, 400.0), (2, 700.0), (3, 1_100.0)] {
        stage.talker(id, hz, "opus");
        stage.listener(id, format("opus"));
    }
    for id in 100..1_100 {
        stage
            .mixer
            .add_listener(stage.now, VoiceId(id), format("opus"))
            .unwrap();
    }
    stage.listener(99, format("pcmu"));
    stage.run(2_000);
    let before = stage.counters();
    stage.run(1_000);
    let after = stage.counters();
    let beats = after.beats - before.beats;
    assert_eq!(beats, 50);
    assert_eq!(
        after.encoded - before.encoded,
        beats * (1 + 1 + 3),
        "opus, pcmu and three own"
    );
    let decoded = after.decoded - before.decoded;
    assert!(
        (145..=155).contains(&decoded),
        "three voices once each: {decoded}"
    );
    assert_eq!(stage.mixer.deliveries().count(), 3 + 1_000 + 1);
    assert_eq!(stage.mixer.packets().count(), 5);
}

#[test]
fn silence_is_silence_and_goes_nearly_unsent() {
    let mut stage = Stage::new();
    for id in 1..=3 {
        stage.talker(id, 500.0, "opus").talks = never;
        stage.listener(id, format("opus"));
    }
    stage.run(10_000);
    let decoded = stage.counters().decoded;
    for id in 1..=3 {
        assert!(peak(stage.last(id, 9_000)) < 1e-4);
        let listener = &stage.listeners[&VoiceId(id)];
        assert!(
            (10..=60).contains(&listener.packets),
            "{} packets",
            listener.packets
        );
    }
    assert_eq!(decoded, 0, "nobody speaks, nothing is decoded");
}

#[test]
fn nobody_listening_costs_nothing() {
    let mut stage = Stage::new();
    stage.talker(1, 400.0, "opus");
    stage.talker(2, 700.0, "opus");
    stage.run(1_000);
    assert_eq!(stage.mixer.deadline(), None);
    let counters = stage.counters();
    assert_eq!(
        (counters.decoded, counters.encoded, counters.beats),
        (0, 0, 0)
    );
    // The only listener is the only talker: nothing to hear, nothing to keep.
    stage.listener(1, format("opus"));
    stage.talkers.truncate(1);
    stage.run(1_000);
    assert_eq!(stage.counters().decoded, 0);
    // And all is forgotten when the last one leaves.
    stage.mixer.remove_listener(VoiceId(1));
    assert_eq!(stage.mixer.deadline(), None);
}

#[test]
fn the_mix_starts_and_ends_with_the_talker() {
    let mut stage = Stage::new();
    // Words and pauses: 5.0 to 6.0 s, 7.5 to 8.5 s.
    stage.talker(1, 440.0, "opus").talks =
        |ms| (5_000..6_000).contains(&ms) || (7_500..8_500).contains(&ms);
    stage.listener(1, format("opus"));
    stage.listener(2, format("opus"));
    stage.run(900);
    assert!(CLEAR.contains(&stage.heard(2, 440.0, 500)));
    stage.run(1_550);
    assert!(
        minus_dbov(stage.last(2, 300)) > 80,
        "quiet between the words"
    );
    stage.run(950);
    assert!(CLEAR.contains(&stage.heard(2, 440.0, 500)));
    stage.run(2_000);
    assert!(minus_dbov(stage.last(2, 300)) > 80);
    assert!(stage.heard(1, 440.0, 3_000) < ABSENT);
}

#[test]
fn five_percent_loss_reordering_and_duplicates_leave_no_hole_in_the_sound() {
    for seed in 1..=5_u64 {
        let mut chance = Chance(seed);
        let mut stage = Stage::new();
        stage.talker(1, 400.0, "opus");
        stage.talker(2, 700.0, "opus");
        stage.talker(3, 900.0, "pcmu");
        stage.listener(1, format("opus"));
        stage.listener(9, format("opus"));
        let mut path = move |_: VoiceId, _: u64, sent: Micros| {
            let at = |chance: &mut Chance| Micros(sent.0 + 10_000 + chance.below(30_000));
            match chance.below(100) {
                0..5 => vec![],
                5..10 => vec![at(&mut chance), at(&mut chance)],
                10..15 => vec![Micros(sent.0 + 55_000)],
                _ => vec![at(&mut chance)],
            }
        };
        stage.run_over(12_000, &mut path);
        for (listener, hz) in [(9, 400.0), (9, 700.0), (9, 900.0), (1, 700.0), (1, 900.0)] {
            let heard = stage.heard(listener, hz, 10_000);
            assert!(
                heard > 0.12,
                "seed {seed}: {listener} hears {hz} Hz as {heard}"
            );
        }
        assert!(stage.heard(1, 400.0, 10_000) < ABSENT, "seed {seed}");
        for (frame, samples) in stage.last(9, 10_000).chunks(960).enumerate() {
            assert!(
                minus_dbov(samples) < 30,
                "seed {seed}: frame {frame} is empty"
            );
        }
        let jitter = stage.counters().jitter;
        assert!(
            jitter.recovered > 0 && jitter.duplicate > 0,
            "seed {seed}: {jitter:?}"
        );
        let guessed = jitter.concealed * 100 / jitter.played;
        assert!(guessed < 9, "seed {seed}: {guessed} % guessed, {jitter:?}");
    }
}

#[test]
fn a_path_that_grows_slow_and_recovers_is_followed_and_caught_up_with() {
    let mut stage = Stage::new();
    stage.talker(1, 400.0, "opus");
    stage.listener(9, format("opus"));
    stage.run(3_000);
    let start = stage.now.0;
    let mut path = move |_: VoiceId, _: u64, sent: Micros| {
        // For three seconds every tenth packet and those behind it wait for 80 ms.
        let since = (sent.0 - start) / FRAME_US;
        let wait = if since < 150 && since % 10 < 4 {
            80_000 - (since % 10) * 20_000
        } else {
            0
        };
        vec![Micros(sent.0 + wait)]
    };
    stage.run_over(20_000, &mut path);
    let jitter = stage.counters().jitter;
    assert!(jitter.squeezed > 0, "caught up: {jitter:?}");
    assert!(jitter.concealed < 25, "{jitter:?}");
    for samples in stage.last(9, 10_000).chunks(960) {
        assert!(minus_dbov(samples) < 20);
    }
}

#[test]
fn the_mix_adds_at_most_40_ms() {
    for phase_us in (0..FRAME_US).step_by(3_000) {
        let mut stage = Stage::new();
        stage.listener(9, format("opus"));
        let talker = stage.talker(1, 440.0, "opus");
        talker.phase_us = phase_us;
        // Words of a second between pauses of a second; the last begins at 15 s.
        talker.talks = |ms| (ms / 1_000) % 2 == 1;
        talker.tells_level = !phase_us.is_multiple_of(6_000);
        stage.run(10_990);
        let begin_us = stage.now.0 - 1_500_000;
        let sound = stage.last(9, 1_500);
        let onset = sound.iter().position(|sample| sample.abs() > 0.02).unwrap() as u64;
        let heard_us = begin_us + onset * 1_000 / 48;
        // Without a mix between, the first sample would be heard when its packet is there, and
        // after the 6.5 ms by which Opus is always behind.
        let added_us = heard_us - stage.talkers[0].word_sent.0 - 6_500;
        assert!(
            (1..=40_000).contains(&added_us),
            "phase {phase_us} µs: {added_us} µs"
        );
    }
}

#[test]
fn a_new_codec_or_a_new_start_of_a_source_is_heard_at_once() {
    let mut stage = Stage::new();
    stage.talker(1, 400.0, "opus");
    stage.listener(9, format("opus"));
    stage.run(1_500);
    stage.talkers.clear();
    stage.talker(1, 800.0, "pcmu");
    stage.run(1_500);
    assert!(CLEAR.contains(&stage.heard(9, 800.0, 1_000)));
    assert!(stage.heard(9, 400.0, 1_000) < ABSENT);
    stage.mixer.remove_input(VoiceId(1));
    stage.talkers.clear();
    stage.run(1_000);
    assert!(minus_dbov(stage.last(9, 300)) > 80);
}

#[test]
fn time_stamps_go_on_evenly_over_silence() {
    let mut stage = Stage::new();
    stage.talker(1, 440.0, "opus").talks = |ms| (ms / 700) % 2 == 0;
    stage.listener(9, format("opus"));
    stage.run(5_000);
    let stamps = &stage.listeners[&VoiceId(9)].timestamps;
    assert!(stamps.len() > 100);
    for pair in stamps.windows(2) {
        let step = pair[1].wrapping_sub(pair[0]);
        assert!(step >= 960 && step.is_multiple_of(960), "{step}");
        assert!(
            step <= 960 * 22,
            "the line is refreshed within 440 ms: {step}"
        );
    }
}

#[test]
fn beyond_eight_voices_the_loudest_are_mixed_and_the_choice_is_stable() {
    let mut stage = Stage::new();
    for id in 1..=12 {
        stage.talker(id, 250.0 + 90.0 * f64::from(id), "opus");
    }
    stage.listener(99, format("opus"));
    stage.run(1_500);
    let first = stage.mixer.heard().to_vec();
    assert_eq!(first.len(), 8);
    for _ in 0..20 {
        stage.run(100);
        assert_eq!(stage.mixer.heard(), first);
    }
}

#[test]
fn the_same_packets_give_the_same_mix() {
    let mix = || {
        let mut chance = Chance(7);
        let mut stage = Stage::new();
        stage.talker(1, 400.0, "opus");
        stage.talker(2, 700.0, "g722");
        stage.listener(1, format("opus"));
        stage.listener(9, format("opus"));
        stage.run_over(3_000, &mut move |_, _, sent| {
            if chance.below(20) == 0 {
                vec![]
            } else {
                vec![Micros(sent.0 + chance.below(40_000))]
            }
        });
        (
            stage.last(1, 2_000).to_vec(),
            stage.last(9, 2_000).to_vec(),
            stage.counters(),
        )
    };
    assert!(mix() == mix());
}

#[test]
fn a_stalled_caller_skips_beats_instead_of_piling_them_up() {
    let mut stage = Stage::new();
    stage.talker(1, 400.0, "opus").talks = always;
    stage.listener(9, format("opus"));
    stage.run(500);
    stage.now = Micros(stage.now.0 + 2_000_000);
    let mut beats = 0;
    while stage.mixer.tick(stage.now).unwrap() {
        beats += 1;
    }
    assert_eq!(beats, 1);
    assert!(stage.counters().beats_missed >= 98);
    stage.run(1_500);
    assert!(CLEAR.contains(&stage.heard(9, 400.0, 1_000)));
}

/// Chance that repeats: a linear congruential generator.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}
