//! A viewer who comes shortly after a key frame begins with it, and the publisher is left alone.

mod table;

use parley_engine::limits;
use parley_wire::Source;
use table::{Got, Picture, Table, read_picture};

const SIZE: (u32, u32) = (640, 360);

/// A camera that has just sent a key frame, its first viewer, and somebody who does not look yet.
fn filmed(deltas: u16) -> (Table, usize, usize) {
    let mut table = Table::new();
    let first = table.join(&[], 1, |_| {});
    let second = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(second, 0, None, SIZE);
    table.tile(first, 0, Some((camera, Source::Camera)), SIZE);
    table.picture(camera, "cam", None, Picture::key(1, 1));
    film(&mut table, camera, 2..2 + deltas);
    table.seats[camera].key_frames_wanted.clear();
    (table, camera, second)
}

fn film(table: &mut Table, camera: usize, numbers: std::ops::Range<u16>) {
    for number in numbers {
        table.run(33);
        table.picture(camera, "cam", None, Picture::delta(number, number as u8));
    }
}

fn look(table: &mut Table, viewer: usize, camera: usize) {
    table.tile(viewer, 0, Some((camera, Source::Camera)), SIZE);
}

/// Nothing is missing, nothing comes twice, pictures are numbered without a gap.
fn assert_continuous(got: &[Got]) {
    for pair in got.windows(2) {
        assert_eq!(pair[1].index, pair[0].index + 1);
        let (before, after) = (
            read_picture(&pair[0].payload),
            read_picture(&pair[1].payload),
        );
        assert_eq!(after.0, (before.0 + 1) & 0x7fff);
        assert_eq!(after.1, before.1.wrapping_add(1));
    }
}

#[test]
fn who_comes_half_a_second_after_a_key_frame_sees_at_once_and_nobody_is_asked() {
    let (mut table, camera, viewer) = filmed(15);
    look(&mut table, viewer, camera);
    let got = table.seats[viewer].got.clone();
    assert_eq!(got.len(), 16, "the key frame and everything since");
    assert!(read_picture(&got[0].payload).3);
    film(&mut table, camera, 17..20);
    let got = &table.seats[viewer].got;
    let tags: Vec<u8> = got.iter().map(|got| read_picture(&got.payload).2).collect();
    assert_eq!(tags, (1..20).collect::<Vec<u8>>());
    assert_continuous(got);
    assert!(table.seats[camera].key_frames_wanted.is_empty());
    assert_eq!(table.counter("key_frames_replayed"), 1);
    table.assert_sound();
}

#[test]
fn pictures_from_the_past_follow_each_other_closely_and_then_time_runs_as_it_does() {
    let (mut table, camera, viewer) = filmed(15);
    look(&mut table, viewer, camera);
    film(&mut table, camera, 17..20);
    let got = &table.seats[viewer].got;
    let step = |at: usize| got[at + 1].timestamp.wrapping_sub(got[at].timestamp);
    // 33 ms are 2,970 ticks.
    assert!((0..15).all(|at| (80..110).contains(&step(at))));
    assert!((15..18).all(|at| step(at) == 2_970));
}

#[test]
fn a_repeated_packet_that_is_lost_is_sent_again_with_the_same_numbers() {
    let (mut table, camera, viewer) = filmed(15);
    table.lose(viewer, 5);
    look(&mut table, viewer, camera);
    film(&mut table, camera, 17..25);
    table.run(100);
    let got = &table.seats[viewer].got;
    let repaired = got.iter().find(|got| got.is_repair).expect("it was lost");
    let before = got.iter().find(|got| got.index + 1 == repaired.index);
    let ticks = repaired
        .timestamp
        .wrapping_sub(before.expect("it was sent").timestamp);
    assert!((80..110).contains(&ticks), "{ticks}");
    assert_eq!(got.len(), 24);
}

#[test]
fn an_old_key_frame_is_not_repeated_but_a_new_one_asked_for() {
    let frames = limits::REPLAY_AGE_MAX_US / 33_000 + 1;
    let (mut table, camera, viewer) = filmed(frames as u16);
    look(&mut table, viewer, camera);
    assert!(table.seats[viewer].got.is_empty());
    assert_eq!(table.seats[camera].key_frames_wanted.len(), 1);
}

#[test]
fn a_beginning_with_a_hole_is_not_repeated() {
    let (mut table, camera, viewer) = filmed(10);
    table.seats[camera].is_wired = false;
    table.picture(camera, "cam", None, Picture::delta(12, 12));
    while table.seats[camera].far.transmit().is_some() {}
    table.seats[camera].is_wired = true;
    table.picture(camera, "cam", None, Picture::delta(13, 13));
    look(&mut table, viewer, camera);
    assert!(table.seats[viewer].got.is_empty());
    assert_eq!(table.counter("key_frames_replayed"), 0);
    table.run(310);
    assert!(!table.seats[camera].key_frames_wanted.is_empty());
}

#[test]
fn more_packets_than_the_bound_are_not_repeated() {
    let (mut table, camera, viewer) = filmed(0);
    for number in 0..limits::REPLAY_PACKETS_MAX as u16 {
        table.picture(camera, "cam", None, Picture::delta(2 + number, 2));
    }
    look(&mut table, viewer, camera);
    assert!(table.seats[viewer].got.is_empty());
}

#[test]
fn nobody_sees_what_was_filmed_before_a_camera_was_covered() {
    let (mut table, camera, viewer) = filmed(5);
    table.publish(camera, "cam", true, None);
    look(&mut table, viewer, camera);
    table.publish(camera, "cam", false, None);
    film(&mut table, camera, 7..10);
    assert!(table.seats[viewer].got.is_empty());
}
