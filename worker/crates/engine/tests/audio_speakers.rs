//! Who is forwarded, who speaks, who is the active speaker: promises of the speaker selection.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use parley_engine::audio::{AudioLevel, SpeakerChange, SpeakerSelector, VoiceId, VoiceSlots};
use parley_rtp::time::Micros;
use proptest::prelude::*;

const LOUD: u8 = 25;
const NOISE: u8 = 70;
const SILENT: u8 = 127;

struct Room {
    selector: SpeakerSelector,
    now: Micros,
    /// Level of each voice; none sends nothing.
    levels: Vec<Option<u8>>,
    active: Vec<(u64, Option<VoiceId>)>,
}

impl Room {
    fn new(count: usize) -> Self {
        let mut selector = SpeakerSelector::new();
        let now = Micros(1_000_000);
        for id in 0..count {
            selector.add(now, VoiceId(id as u32));
        }
        let levels = vec![Some(SILENT); count];
        Self {
            selector,
            now,
            levels,
            active: Vec::new(),
        }
    }

    fn run(&mut self, ms: u64) -> SpeakerChange {
        let mut seen = SpeakerChange::default();
        for _ in 0..ms / 20 {
            self.now = Micros(self.now.0 + 20_000);
            for (id, level) in self.levels.iter().enumerate() {
                if let Some(minus_dbov) = *level {
                    let level = AudioLevel {
                        minus_dbov,
                        voice: minus_dbov < 60,
                    };
                    self.selector
                        .observe(self.now, VoiceId(id as u32), Some(level), false);
                }
            }
            if self.selector.deadline().is_some_and(|due| due <= self.now) {
                let change = self.selector.tick(self.now);
                if change.active {
                    self.active
                        .push((self.now.0 / 1_000, self.selector.active()));
                }
                seen.voices |= change.voices;
                seen.active |= change.active;
                seen.speaking |= change.speaking;
            }
        }
        seen
    }

    /// Whom a listener with three slots hears.
    fn voices_for(&self, listener: u32) -> Vec<u32> {
        let mut voices: Vec<u32> = self
            .selector
            .voices_for(VoiceId(listener))
            .take(3)
            .map(|id| id.0)
            .collect();
        voices.sort_unstable();
        voices
    }

    fn speaking(&self) -> Vec<u32> {
        self.selector.speaking().iter().map(|id| id.0).collect()
    }
}

#[test]
fn the_three_loudest_are_forwarded_and_each_of_them_hears_three_others() {
    let mut room = Room::new(10);
    for id in [4, 6, 8, 9] {
        room.levels[id] = Some(LOUD);
    }
    room.run(2_000);
    assert_eq!(room.speaking(), [4, 6, 8, 9]);
    let heard_by_silent = room.voices_for(0);
    assert_eq!(heard_by_silent.len(), 3);
    assert!(heard_by_silent.iter().all(|id| [4, 6, 8, 9].contains(id)));
    for talker in heard_by_silent {
        let heard = room.voices_for(talker);
        let others: Vec<u32> = [4, 6, 8, 9]
            .into_iter()
            .filter(|id| *id != talker)
            .collect();
        assert_eq!(heard, others, "talker {talker}");
    }
}

#[test]
fn nobody_ever_hears_itself() {
    let mut room = Room::new(5);
    for round in 0..200 {
        let id = (round * 7 + round / 3) % 5;
        room.levels[id] = Some(if round % 3 == 0 { SILENT } else { LOUD });
        room.run(100);
        for listener in 0..5 {
            let heard = room.voices_for(listener);
            assert!(!heard.contains(&listener));
            assert!(heard.len() <= 3);
        }
    }
}

#[test]
fn a_room_of_four_is_forwarded_as_it_is_and_nothing_moves_when_they_talk() {
    let mut room = Room::new(4);
    room.run(100);
    let before: Vec<Vec<u32>> = (0..4).map(|id| room.voices_for(id)).collect();
    assert!(before.iter().all(|voices| voices.len() == 3));
    for id in [2, 0, 3, 1] {
        room.levels = vec![Some(SILENT); 4];
        room.levels[id] = Some(LOUD);
        room.run(2_000);
        let after: Vec<Vec<u32>> = (0..4).map(|id| room.voices_for(id)).collect();
        assert_eq!(before, after);
    }
}

#[test]
fn a_new_speaker_takes_the_place_of_a_silent_voice_within_100_ms() {
    let mut room = Room::new(12);
    room.run(200);
    let newcomer = 11;
    assert!(!room.selector.is_selected(VoiceId(newcomer)));
    room.levels[newcomer as usize] = Some(LOUD);
    room.run(100);
    assert!(room.voices_for(0).contains(&newcomer));
}

#[test]
fn a_voice_that_pauses_between_words_keeps_its_slot() {
    // Shorter while a fourth one speaks on, longer while nobody waits for the slot.
    for (waiting, pause) in [
        (Some(LOUD), 100),
        (Some(SILENT), 300),
        (Some(SILENT), 2_000),
    ] {
        let mut room = Room::new(10);
        for id in [0, 1, 2] {
            room.levels[id] = Some(LOUD);
        }
        room.run(1_000);
        let mut slots = VoiceSlots::new(3);
        slots.update(room.selector.voices_for(VoiceId(5)));
        let line = slots.line_of(VoiceId(1)).unwrap();
        room.levels[3] = waiting;
        for _ in 0..10 {
            room.levels[1] = Some(SILENT);
            room.run(pause);
            slots.update(room.selector.voices_for(VoiceId(5)));
            assert_eq!(slots.line_of(VoiceId(1)), Some(line), "{waiting:?} {pause}");
            room.levels[1] = Some(LOUD);
            room.run(700);
            slots.update(room.selector.voices_for(VoiceId(5)));
            assert_eq!(slots.line_of(VoiceId(1)), Some(line), "{waiting:?} {pause}");
        }
    }
}

#[test]
fn among_speakers_a_louder_one_displaces_within_200_ms_and_an_equal_one_never() {
    let mut room = Room::new(6);
    for id in [0, 1, 2] {
        room.levels[id] = Some(30);
    }
    room.run(3_000);
    room.levels[3] = Some(30);
    room.run(5_000);
    assert_eq!(room.voices_for(5), [0, 1, 2]);
    room.levels[3] = Some(15);
    room.run(200);
    assert!(room.voices_for(5).contains(&3));
}

#[test]
fn syllables_of_equally_loud_speakers_move_nothing() {
    let mut room = Room::new(6);
    let mut changes = 0;
    let mut last = Vec::new();
    for beat in 0..3_000_usize {
        for id in 0..4 {
            // Each with a rhythm of its own, 12 dB between the loudest and the quietest sound.
            let phase = (beat * (5 + id) / 4 + id * 3) % 12;
            room.levels[id] = Some(24 + phase as u8);
        }
        room.run(20);
        let heard = room.voices_for(5);
        if heard != last && beat > 50 {
            changes += 1;
        }
        last = heard;
    }
    assert!(changes <= 6, "{changes} changes in a minute");
}

#[test]
fn a_listener_with_two_slots_hears_the_third_talker_when_that_one_is_louder() {
    for listener in [0, 3] {
        let mut room = Room::new(4);
        let mut slots = VoiceSlots::new(2);
        for (talker, level) in [(1, 40), (2, 30), (0, 20)] {
            if talker == listener {
                continue;
            }
            room.levels[talker] = Some(level);
            room.run(200);
            slots.update(room.selector.voices_for(VoiceId(listener as u32)));
            assert!(slots.line_of(VoiceId(talker as u32)).is_some());
            room.run(2_000);
        }
        let mut heard: Vec<u32> = slots.iter().flatten().map(|id| id.0).collect();
        heard.sort_unstable();
        assert_eq!(heard, if listener == 0 { [1, 2] } else { [0, 2] });
    }
}

/// What a talker does next.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Talk(u8),
    Pause,
    Leave,
}

fn turn() -> impl Strategy<Value = Turn> {
    prop_oneof![
        6 => (8_u8..=40).prop_map(Turn::Talk),
        2 => Just(Turn::Pause),
        1 => Just(Turn::Leave),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn for_any_slots_and_talkers_the_loudest_are_heard_within_200_ms(
        slots in 1_usize..=8,
        talkers in 1_usize..=12,
        listener_talks in any::<bool>(),
        turns in proptest::collection::vec((0_usize..12, turn(), 0_u64..=900), 1..40),
    ) {
        let listener = VoiceId(if listener_talks { 0 } else { 99 });
        let mut room = Room::new(talkers);
        let mut lines = VoiceSlots::new(slots);
        let mut present = vec![true; talkers];
        let mut last: Vec<Option<VoiceId>> = Vec::new();
        for (who, turn, ms) in turns {
            let who = who % talkers;
            let id = VoiceId(who as u32);
            match turn {
                Turn::Leave => {
                    room.selector.remove(room.now, id);
                    present[who] = false;
                    room.levels[who] = None;
                }
                Turn::Talk(_) | Turn::Pause => {
                    room.selector.add(room.now, id);
                    present[who] = true;
                    room.levels[who] = Some(if let Turn::Talk(level) = turn { level } else { SILENT });
                }
            }
            let mut since = 0;
            while since < ms.max(20) {
                room.run(20);
                since += 20;
                lines.update(room.selector.voices_for(listener));
                let now: Vec<Option<VoiceId>> = lines.iter().collect();
                let heard: Vec<VoiceId> = now.iter().flatten().copied().collect();
                prop_assert!(!heard.contains(&listener));
                // Who stays heard stays on the same line.
                for (line, voice) in last.iter().enumerate() {
                    if voice.is_some_and(|voice| heard.contains(&voice)) {
                        prop_assert_eq!(now[line], *voice);
                    }
                }
                last = now;
                if since < 200 {
                    continue;
                }
                let level = |id: &VoiceId| room.levels[id.0 as usize].filter(|_| present[id.0 as usize]);
                let mut wanted: Vec<u8> = (0..talkers as u32)
                    .map(VoiceId)
                    .filter(|id| *id != listener)
                    .filter_map(|id| level(&id).filter(|level| *level != SILENT))
                    .collect();
                wanted.sort_unstable();
                wanted.truncate(slots);
                let mut got: Vec<u8> = heard
                    .iter()
                    .filter_map(|id| level(id).filter(|level| *level != SILENT))
                    .collect();
                got.sort_unstable();
                prop_assert_eq!(got, wanted, "{} ms after {:?} of {}", since, turn, who);
            }
        }
    }
}

#[test]
fn clicks_and_steady_noise_are_not_speech() {
    let mut room = Room::new(3);
    room.run(500);
    for _ in 0..10 {
        room.levels[1] = Some(10);
        room.run(40);
        room.levels[1] = Some(SILENT);
        room.run(400);
    }
    assert_eq!(room.speaking(), Vec::<u32>::new(), "clicks");
    room.levels[2] = Some(NOISE);
    room.run(5_000);
    assert_eq!(room.speaking(), Vec::<u32>::new(), "noise");
    // A fan that is louder than the quietest speech: taken for speech at first, then known.
    room.levels[2] = Some(52);
    room.run(30_000);
    assert_eq!(room.speaking(), Vec::<u32>::new(), "fan");
    room.levels[2] = Some(LOUD);
    room.run(200);
    assert_eq!(room.speaking(), [2]);
}

#[test]
fn speaking_ends_half_a_second_after_the_last_word_also_when_packets_end() {
    for after in [Some(SILENT), None] {
        let mut room = Room::new(2);
        room.levels[0] = Some(LOUD);
        room.run(1_000);
        assert_eq!(room.speaking(), [0]);
        room.levels[0] = after;
        room.run(300);
        assert_eq!(room.speaking(), [0]);
        room.run(500);
        assert_eq!(room.speaking(), Vec::<u32>::new());
        if after.is_none() {
            room.levels = vec![None; 2];
            room.run(100);
            assert_eq!(room.selector.deadline(), None, "an idle room costs nothing");
        }
    }
}

#[test]
fn the_active_speaker_changes_at_most_once_a_second_and_stays_while_nobody_speaks() {
    let mut room = Room::new(3);
    for round in 0..300 {
        room.levels = vec![Some(SILENT); 3];
        room.levels[round % 3] = Some(LOUD);
        if round % 2 == 0 {
            room.levels[(round + 1) % 3] = Some(LOUD - 5);
        }
        room.run(140 + (round as u64 * 37) % 400);
    }
    assert!(room.active.len() > 20, "it follows: {}", room.active.len());
    for pair in room.active.windows(2) {
        assert!(pair[1].0 - pair[0].0 >= 1_000, "{pair:?}");
    }
    let last = room.selector.active();
    room.levels = vec![Some(SILENT); 3];
    room.run(20_000);
    assert_eq!(room.selector.active(), last);
}

#[test]
fn a_short_word_into_anothers_speech_does_not_take_the_picture() {
    let mut room = Room::new(2);
    room.levels[0] = Some(LOUD);
    room.run(3_000);
    assert_eq!(room.selector.active(), Some(VoiceId(0)));
    for _ in 0..10 {
        room.levels[1] = Some(LOUD);
        room.run(300);
        room.levels[1] = Some(SILENT);
        room.run(1_500);
        assert_eq!(room.selector.active(), Some(VoiceId(0)));
    }
    room.levels = vec![Some(SILENT), Some(LOUD)];
    room.run(1_200);
    assert_eq!(room.selector.active(), Some(VoiceId(1)));
}

#[test]
fn one_who_leaves_is_gone_from_everything_at_once() {
    let mut room = Room::new(6);
    room.levels[2] = Some(LOUD);
    room.run(2_000);
    assert_eq!(room.selector.active(), Some(VoiceId(2)));
    room.selector.remove(room.now, VoiceId(2));
    room.levels[2] = None;
    room.run(40);
    assert_eq!(room.selector.active(), None);
    assert_eq!(room.speaking(), Vec::<u32>::new());
    assert!(!room.voices_for(0).contains(&2));
    assert_eq!(room.voices_for(0).len(), 3, "its place is filled");
    room.levels[4] = Some(LOUD);
    room.run(400);
    assert_eq!(
        room.selector.active(),
        Some(VoiceId(4)),
        "the next one need not wait a second"
    );
}

#[test]
fn who_never_publishes_is_never_selected() {
    let mut room = Room::new(2);
    let level = AudioLevel {
        minus_dbov: 5,
        voice: true,
    };
    for _ in 0..50 {
        room.selector
            .observe(room.now, VoiceId(77), Some(level), false);
        room.run(20);
    }
    assert!(!room.selector.is_selected(VoiceId(77)));
    assert_eq!(room.voices_for(77), [0, 1]);
}

#[test]
fn a_source_that_tells_no_level_speaks_while_it_sends_sound() {
    let mut room = Room::new(1);
    room.levels[0] = None;
    for _ in 0..20 {
        room.selector.observe(room.now, VoiceId(0), None, false);
        room.run(20);
    }
    assert_eq!(room.speaking(), [0]);
    for _ in 0..40 {
        room.selector.observe(room.now, VoiceId(0), None, true);
        room.run(20);
    }
    assert_eq!(room.speaking(), Vec::<u32>::new());
}
