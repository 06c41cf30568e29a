//! Voices: who hears whom on which slot, and what the server is told of it.

mod table;

use parley_wire::{Event, SendRole};
use table::Table;

fn heard(table: &Table, listener: usize, from: usize) -> usize {
    let got = table.seats[listener].got.iter();
    got.filter(|got| got.payload.last() == Some(&(from as u8)))
        .count()
}

#[test]
fn everybody_hears_the_others_and_nobody_hears_itself() {
    let mut table = Table::new();
    let seats: Vec<usize> = (0..4).map(|_| table.join(&[], 0, |_| {})).collect();
    let all: Vec<(usize, u8)> = seats.iter().map(|seat| (*seat, 25)).collect();
    table.talk(1_000, &all);
    for listener in &seats {
        for talker in &seats {
            let count = heard(&table, *listener, *talker);
            if talker == listener {
                assert_eq!(count, 0, "{listener} hears itself");
            } else {
                assert!(count >= 45, "{listener} hears {talker} {count} times");
            }
        }
        let slots = table.slots_of(*listener);
        assert_eq!(slots.iter().flatten().count(), 3);
        assert!(!slots.contains(&Some(*listener)));
    }
    table.assert_sound();
}

#[test]
fn the_three_loudest_of_many_are_heard_and_keep_their_slots() {
    let mut table = Table::new();
    let listener = table.join(&[], 0, |_| {});
    let seats: Vec<usize> = (0..6).map(|_| table.join(&[], 0, |_| {})).collect();
    let quiet: Vec<(usize, u8)> = seats.iter().map(|seat| (*seat, 110)).collect();
    table.talk(500, &quiet);
    let mut speaking = quiet.clone();
    for place in [1, 3, 5] {
        speaking[place].1 = 20;
    }
    table.talk(2_000, &speaking);
    let slots = table.slots_of(listener);
    let mut voices: Vec<usize> = slots.iter().flatten().copied().collect();
    voices.sort_unstable();
    assert_eq!(voices, [seats[1], seats[3], seats[5]]);
    // One of them is displaced; the other two stay where they are.
    let mut changed = speaking.clone();
    changed[1].1 = 110;
    changed[0].1 = 20;
    table.talk(3_000, &changed);
    let after = table.slots_of(listener);
    for (before, after) in slots.iter().zip(&after) {
        if *before == Some(seats[1]) {
            assert_eq!(*after, Some(seats[0]));
        } else {
            assert_eq!(after, before);
        }
    }
    table.assert_sound();
}

#[test]
fn a_slot_goes_from_voice_to_voice_without_a_break_in_its_numbers() {
    let mut table = Table::new();
    let listener = table.join(&[], 0, |_| {});
    let seats: Vec<usize> = (0..4).map(|_| table.join(&[], 0, |_| {})).collect();
    let loud = |who: [bool; 4]| -> Vec<(usize, u8)> {
        let levels = seats.iter().zip(who);
        levels
            .map(|(seat, is_loud)| (*seat, if is_loud { 20 } else { 110 }))
            .collect()
    };
    table.talk(2_000, &loud([true, true, true, false]));
    table.talk(3_000, &loud([false, true, true, true]));
    let mut has_switched = false;
    for place in 0..3 {
        let ssrc = table.seats[listener].line(SendRole::Voice, place).ssrc;
        let got = table.seats[listener].got_on(ssrc);
        has_switched |= got
            .windows(2)
            .any(|pair| pair[0].payload != pair[1].payload);
        for pair in got.windows(2) {
            assert_eq!(pair[1].index, pair[0].index + 1);
            let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
            assert!(
                (960..=1_920).contains(&ticks) && ticks % 960 == 0,
                "{ticks} ticks"
            );
        }
    }
    assert!(has_switched, "no slot went to another voice");
    table.assert_sound();
}

#[test]
fn a_muted_voice_is_not_heard_and_frees_its_slot() {
    let mut table = Table::new();
    let listener = table.join(&[], 0, |_| {});
    let talker = table.join(&[], 0, |_| {});
    table.talk(200, &[(talker, 20)]);
    table.publish(talker, "mic", true, None);
    let before = heard(&table, listener, talker);
    table.talk(200, &[(talker, 20)]);
    assert_eq!(heard(&table, listener, talker), before);
    assert_eq!(table.slots_of(listener), [None, None, None]);
    table.publish(talker, "mic", false, None);
    table.talk(200, &[(talker, 20)]);
    assert!(heard(&table, listener, talker) > before);
}

#[test]
fn the_server_hears_who_speaks_but_not_at_every_packet() {
    let mut table = Table::new();
    table.join(&[], 0, |_| {});
    let talker = table.join(&[], 0, |_| {});
    let before = table.messages.len();
    // Words and pauses.
    for _ in 0..10 {
        table.talk(400, &[(talker, 20)]);
        table.talk(600, &[(talker, 110)]);
    }
    let id = table.seats[talker].id;
    let told: Vec<(bool, Option<_>)> = table.messages[before..]
        .iter()
        .filter_map(|message| match message {
            parley_wire::Message::Event {
                event: Event::Speakers {
                    active, speaking, ..
                },
                ..
            } => Some((speaking.contains(&id), *active)),
            _ => None,
        })
        .collect();
    assert!(told.iter().any(|(speaks, _)| *speaks));
    assert!(told.last().is_some_and(|(_, active)| *active == Some(id)));
    assert!(told.len() <= 42, "{} events in 10 s", told.len());
}
