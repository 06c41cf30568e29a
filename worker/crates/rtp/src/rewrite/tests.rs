//! What the far side of a line sees across switches, pauses and take-overs.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::payload::vp8::Descriptor;

fn at_ms(ms: u64) -> Micros {
    Micros(1_000_000_000 + ms * 1_000)
}

fn packet(index: u64, timestamp: u32) -> PacketInfo {
    PacketInfo {
        index,
        timestamp,
        arrived: Micros(0),
        marker: false,
        is_key_frame: false,
        audio_level: None,
        codec: 0,
        detail: Detail::Plain,
    }
}

fn picture(index: u64, timestamp: u32, picture_id: u16, tl0: u8, key: u8) -> PacketInfo {
    let descriptor = Descriptor {
        len: 6,
        picture_id_bits: 15,
        picture_id,
        tl0_index: Some(tl0),
        key_index: Some(key),
        ..Descriptor::default()
    };
    PacketInfo {
        detail: Detail::Vp8(descriptor),
        ..packet(index, timestamp)
    }
}

fn voice() -> OutTrack {
    OutTrack::new(Pace::Voice, 48_000, 500, 10_000)
}

fn video() -> OutTrack {
    OutTrack::new(Pace::Picture, 90_000, 500, 10_000)
}

#[test]
fn the_first_packet_gets_the_first_numbers_and_the_rest_follow_the_source() {
    let mut line = voice();
    assert_eq!(
        line.rewrite(1, &packet(70_000, 5), at_ms(0)),
        None,
        "not switched on yet"
    );
    line.switch_to(1);
    let first = line.rewrite(1, &packet(70_000, 5), at_ms(0)).unwrap();
    assert_eq!((first.index, first.timestamp), (501, 10_000));
    let third = line
        .rewrite(1, &packet(70_002, 5 + 1_920), at_ms(40))
        .unwrap();
    assert_eq!(
        (third.index, third.timestamp),
        (503, 11_920),
        "a loss upstream stays a hole"
    );
    let second = line
        .rewrite(1, &packet(70_001, 5 + 960), at_ms(41))
        .unwrap();
    assert_eq!(
        (second.index, second.timestamp),
        (502, 10_960),
        "and can be filled later"
    );
}

#[test]
fn a_voice_switch_continues_in_whole_frames_of_wall_time() {
    for (pause_ms, frames) in [(12, 1), (20, 1), (29, 1), (31, 2), (400, 20)] {
        let mut line = voice();
        line.switch_to(1);
        line.rewrite(1, &packet(9, 0), at_ms(0)).unwrap();
        line.switch_to(2);
        let next = line
            .rewrite(2, &packet(33_333, 777), at_ms(pause_ms))
            .unwrap();
        assert_eq!(next.index, 502, "{pause_ms} ms");
        assert_eq!(next.timestamp, 10_000 + frames * 960, "{pause_ms} ms");
    }
}

#[test]
fn a_voice_that_begins_within_ten_ms_of_the_last_is_delayed_by_a_packet() {
    let mut line = voice();
    line.switch_to(1);
    line.rewrite(1, &packet(9, 0), at_ms(0)).unwrap();
    line.switch_to(2);
    assert_eq!(line.rewrite(2, &packet(50, 0), at_ms(9)), None);
    let next = line.rewrite(2, &packet(51, 960), at_ms(29)).unwrap();
    assert_eq!((next.index, next.timestamp), (502, 10_960));
    assert_eq!(
        line.rewrite(2, &packet(50, 0), at_ms(30)),
        None,
        "older than the switch"
    );
}

#[test]
fn a_picture_switch_continues_in_wall_time_and_never_stands_still() {
    for (pause_us, ticks) in [(0, 90), (500, 90), (33_333, 2_999), (2_000_000, 180_000)] {
        let mut line = video();
        line.switch_to(1);
        let start = at_ms(0);
        // Two packets of one frame: time counts from the first.
        line.rewrite(1, &packet(9, 4_000_000_000), start).unwrap();
        line.rewrite(
            1,
            &packet(10, 4_000_000_000),
            start + std::time::Duration::from_millis(5),
        );
        line.switch_to(2);
        let next = line
            .rewrite(2, &packet(7, 1), Micros(start.0 + pause_us))
            .unwrap();
        assert_eq!(
            (next.index, next.timestamp),
            (503, 10_000 + ticks),
            "{pause_us} us"
        );
    }
}

#[test]
fn packets_of_the_old_source_are_not_sent_after_the_switch() {
    let mut line = video();
    line.switch_to(1);
    line.rewrite(1, &packet(9, 0), at_ms(0)).unwrap();
    line.switch_to(2);
    assert_eq!(line.rewrite(1, &packet(10, 0), at_ms(1)), None);
    line.rewrite(2, &packet(100, 0), at_ms(2)).unwrap();
    assert_eq!(
        line.rewrite(2, &packet(99, 0), at_ms(3)),
        None,
        "before the key frame"
    );
    line.stop();
    assert_eq!(line.rewrite(2, &packet(101, 0), at_ms(4)), None);
}

#[test]
fn picture_ids_go_on_by_one_at_a_switch() {
    let mut line = video();
    line.switch_to(1);
    line.rewrite(1, &picture(1, 0, 0x7ffe, 254, 30), at_ms(0))
        .unwrap();
    let before = line
        .rewrite(1, &picture(2, 3_000, 0x7fff, 255, 31), at_ms(33))
        .unwrap();
    let before = before.counters.unwrap();
    line.switch_to(2);
    let after = line
        .rewrite(2, &picture(90, 0, 77, 7, 5), at_ms(66))
        .unwrap()
        .counters
        .unwrap();
    assert_eq!(after.picture_id, (before.picture_id + 1) & 0x7fff);
    assert_eq!(after.tl0_index, before.tl0_index.wrapping_add(1));
    assert_eq!(after.key_index, (before.key_index + 1) & 0x1f);
    let next = line
        .rewrite(2, &picture(91, 3_000, 78, 7, 5), at_ms(99))
        .unwrap();
    assert_eq!(
        next.counters.unwrap().picture_id,
        (after.picture_id + 1) & 0x7fff
    );
}

#[test]
fn a_late_packet_of_an_older_picture_does_not_turn_the_ids_back() {
    let mut line = video();
    line.switch_to(1);
    line.rewrite(1, &picture(1, 0, 10, 1, 0), at_ms(0)).unwrap();
    line.rewrite(1, &picture(3, 6_000, 12, 1, 0), at_ms(66))
        .unwrap();
    line.rewrite(1, &picture(2, 3_000, 11, 1, 0), at_ms(67))
        .unwrap();
    let newest = line
        .rewrite(1, &picture(4, 6_000, 12, 1, 0), at_ms(68))
        .unwrap();
    line.switch_to(2);
    let next = line
        .rewrite(2, &picture(50, 0, 300, 9, 0), at_ms(90))
        .unwrap();
    let (newest, next) = (newest.counters.unwrap(), next.counters.unwrap());
    assert_eq!(next.picture_id, newest.picture_id + 1);
}

#[test]
fn a_viewers_request_finds_the_source_packet_and_resends_the_same_numbers() {
    let mut line = video();
    line.switch_to(1);
    let mut sent = Vec::new();
    for step in 0..10u64 {
        let info = picture(65_530 + step, step as u32 * 3_000, step as u16, 0, 0);
        sent.push((info, line.rewrite(1, &info, at_ms(step * 33)).unwrap()));
    }
    let mut last = 0;
    for (info, out) in &sent {
        assert_eq!(line.source_index(out.index as u16), Some(info.index));
        let again = line.rewrite_again(1, info).unwrap();
        assert_eq!(again.original, out.index as u16);
        assert_eq!(
            (again.timestamp, again.counters),
            (out.timestamp, out.counters)
        );
        assert!(
            again.index > last,
            "a new index each time, even for the same packet"
        );
        last = again.index;
    }
    assert_eq!(
        line.source_index(sent[9].1.index as u16 + 1),
        None,
        "not sent yet"
    );
    assert_eq!(line.source_index(500), None, "before the first");
    line.switch_to(2);
    assert_eq!(
        line.source_index(sent[3].1.index as u16),
        None,
        "the switch is pending"
    );
    line.rewrite(2, &packet(5, 0), at_ms(400)).unwrap();
    assert_eq!(
        line.source_index(sent[3].1.index as u16),
        None,
        "before the switch"
    );
    assert_eq!(line.rewrite_again(1, &sent[3].0), None);
}

#[test]
fn after_a_take_over_no_index_of_the_dead_worker_is_used_again() {
    let mut line = voice();
    line.switch_to(1);
    line.rewrite(1, &packet(1_000, 0), at_ms(0)).unwrap();
    line.rewrite_again(1, &packet(1_000, 0)).unwrap();
    let saved = serde_json::to_string(&line).unwrap();
    // What the dead worker sent after its last snapshot: a second and more.
    let mut used = HashSet::new();
    let mut used_rtx = HashSet::new();
    for step in 1..=3_000u64 {
        let info = packet(1_000 + step, step as u32 * 960);
        used.insert(line.rewrite(1, &info, at_ms(step)).unwrap().index);
        used_rtx.insert(line.rewrite_again(1, &info).unwrap().index);
    }
    let mut restored: OutTrack = serde_json::from_str(&saved).unwrap();
    restored.jump();
    for step in 1..=9_000u64 {
        let info = packet(1_000 + step, step as u32 * 960);
        let out = restored.rewrite(1, &info, at_ms(step)).unwrap();
        assert!(!used.contains(&out.index), "{}", out.index);
        assert!(!used_rtx.contains(&restored.rewrite_again(1, &info).unwrap().index));
        assert_eq!(
            out.timestamp,
            10_000 + step as u32 * 960,
            "time does not jump"
        );
    }
}

#[test]
fn a_source_that_leaps_ahead_is_continued_by_one() {
    let mut line = video();
    line.switch_to(1);
    line.rewrite(1, &picture(100, 0, 7, 0, 0), at_ms(0))
        .unwrap();
    let near = line
        .rewrite(1, &picture(100 + INDEX_LEAP_MAX, 3_000, 8, 0, 0), at_ms(33))
        .unwrap();
    assert_eq!(near.index, 501 + INDEX_LEAP_MAX, "loss is shown as loss");
    // The first leap was within the limit, but used the second up.
    let far = line
        .rewrite(1, &picture(40_000, 9_000, 90, 0, 0), at_ms(1_100))
        .unwrap();
    assert_eq!(far.index, near.index + 1);
    assert!(is_later(far.timestamp, near.timestamp));
    assert_eq!(
        line.rewrite(1, &picture(39_999, 9_000, 90, 0, 0), at_ms(1_101)),
        None
    );
}

#[test]
fn no_publisher_can_outrun_the_jump_of_a_take_over() {
    // As fast as may be, with and without leaps, for the age of the oldest snapshot, from any
    // phase.
    for leap in [1, 7, 600, INDEX_LEAP_MAX] {
        for phase in [0, 1, 500, 999] {
            let mut line = video();
            line.switch_to(1);
            let mut index = 10;
            let mut snapshot = None;
            for now in 0..phase + 4_000 {
                for _ in 0..30 {
                    index += leap;
                    let info = packet(index, index as u32);
                    if line.rewrite(1, &info, at_ms(now)).is_some() {
                        line.rewrite_again(1, &info);
                    }
                }
                if now == phase + 999 {
                    snapshot = Some((line.last_index, line.rtx_index));
                }
            }
            let (live, rtx) = snapshot.unwrap();
            // What may come late after the take-over lies up to a window behind.
            let room = TAKE_OVER_RTP_JUMP - 1_024;
            assert!(
                line.last_index - live <= room,
                "leap {leap}: {}",
                line.last_index - live
            );
            assert!(
                line.rtx_index - rtx <= room,
                "leap {leap}: {}",
                line.rtx_index - rtx
            );
        }
    }
}

#[test]
fn a_sender_report_pairs_wall_time_with_the_lines_own_time() {
    let mut line = video();
    assert_eq!(
        line.sender_info(1, NtpTime::default(), at_ms(0)),
        None,
        "nothing was sent"
    );
    line.switch_to(1);
    line.rewrite(1, &packet(1, 0), at_ms(0)).unwrap();
    line.on_sent(1_000);
    line.on_sent(200);
    let ntp = NtpTime {
        seconds: 9,
        fraction: 0,
    };
    let info = line.sender_info(77, ntp, at_ms(100)).unwrap();
    assert_eq!((info.ssrc, info.ntp, info.timestamp), (77, ntp, 19_000));
    assert_eq!((info.packets, info.octets), (2, 1_200));
    assert_eq!(line.timestamp_at(Micros(at_ms(0).0 - 10_000)), Some(9_100));
    assert_eq!(line.map_timestamp(3_000), 13_000);
}

#[test]
fn a_line_is_small() {
    assert!(size_of::<OutTrack>() <= 128, "{}", size_of::<OutTrack>());
    assert!(size_of::<PacketInfo>() <= 56, "{}", size_of::<PacketInfo>());
}

proptest! {
    /// Sources come and go at random, with loss, reordering and random first numbers.
    #[test]
    fn no_index_repeats_and_time_never_goes_back_at_a_switch(
        pace in prop_oneof![Just(Pace::Voice), Just(Pace::Picture)],
        switches in prop::collection::vec((0u64..1 << 40, any::<u32>(), 1u64..60), 1..30),
        swaps in prop::collection::vec(any::<bool>(), 30),
    ) {
        let mut line = OutTrack::new(pace, 48_000, 32_000, u32::MAX - 5_000);
        let mut used = HashSet::new();
        let mut now = at_ms(0);
        let mut newest: Option<(u64, u32)> = None;
        for (incarnation, switch) in switches.into_iter().enumerate() {
            let (first_index, first_timestamp, count) = switch;
            line.switch_to(incarnation as u32);
            let mut is_first = true;
            for step in 0..count {
                // Some neighbours change places; each source packet comes once.
                let shuffled = step ^ u64::from(swaps[step as usize / 2]);
                let timestamp = first_timestamp.wrapping_add(shuffled as u32 * 960);
                now += std::time::Duration::from_millis(7 + step % 20);
                let info = packet(first_index + shuffled, timestamp);
                let Some(out) = line.rewrite(incarnation as u32, &info, now) else { continue };
                prop_assert!(used.insert(out.index), "index {} twice", out.index);
                prop_assert!(out.index >> 48 == 0);
                if let (true, Some((index, timestamp))) = (is_first, newest) {
                    prop_assert_eq!(out.index, index + 1);
                    prop_assert!(is_later(out.timestamp, timestamp));
                }
                is_first = false;
                newest = Some(match newest {
                    Some((index, timestamp)) => (
                        index.max(out.index),
                        if is_later(out.timestamp, timestamp) { out.timestamp } else { timestamp },
                    ),
                    None => (out.index, out.timestamp),
                });
            }
        }
    }
}
