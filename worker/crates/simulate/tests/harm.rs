//! What strangers, repeaters and dying workers can do: nothing that anybody notices.

use std::collections::BTreeSet;

use parley_simulate::far::FarPacket;
use parley_simulate::network::Conditions;
use parley_simulate::offer::{Layers, Role};
use parley_simulate::stage::Stage;

fn meeting(seed: u64) -> Stage {
    let mut stage = Stage::new(seed, Conditions::good());
    for hz in [400.0, 700.0] {
        stage.join(Role {
            voice_hz: Some(hz),
            camera: Some(Layers::One),
            voices: 3,
            tiles: 1,
            ..Role::default()
        });
    }
    stage.watch(0, &[1], (640, 360));
    stage.watch(1, &[0], (640, 360));
    stage.run(2_000);
    stage
}

/// Everything that the second seat got, without the times.
fn got(stage: &Stage) -> (usize, usize) {
    let seat = &stage.seats[1];
    (
        seat.eyes[0].shown.len(),
        seat.far.counters().packets as usize,
    )
}

fn count(stage: &mut Stage, name: &str) -> u64 {
    stage
        .stats()
        .counters
        .get(name)
        .copied()
        .expect("the counter is there")
}

#[test]
fn forged_replayed_and_foreign_packets_change_nothing_and_are_counted() {
    let mut quiet = meeting(3);
    let mut stage = meeting(3);
    assert_eq!(got(&quiet), got(&stage));
    let publisher = stage.seats[0].address;
    let stranger = ([203, 0, 113, 9], 6_666).into();
    // Sealed with the publisher's keys, but on a track that nobody negotiated.
    let payload = [0x90; 40];
    let packet = FarPacket {
        ssrc: 77,
        rtx: None,
        payload_type: 120,
        marker: true,
        timestamp: 1,
        mid: None,
        rid: None,
        level: None,
        payload: &payload,
    };
    let now = stage.now;
    let sealed = stage.seats[0].far.send(now, &packet).expect("it has keys");
    while stage.seats[0].far.transmit().is_some() {}
    // The next packets of its camera, by somebody who knows all but the keys.
    let mut forged = vec![0x80, 96, 0xfd, 0x39, 1, 2, 3, 4];
    forged.extend(1_010_u32.to_be_bytes());
    forged.extend([7; 80]);
    let events = stage.messages.len();
    let before = |stage: &mut Stage| {
        [
            "dropped_unauthenticated",
            "dropped_foreign_address",
            "dropped_malformed",
            "dropped_unknown_kind",
            "dropped_unknown_ssrc",
        ]
        .map(|name| count(stage, name))
    };
    let counted = before(&mut stage);
    for _ in 0..50 {
        stage.inject(publisher, forged.clone());
        stage.inject(stranger, sealed.clone());
        stage.inject(stranger, vec![0x80, 96, 0, 1]);
        stage.inject(publisher, vec![0x80, 96, 0, 1]);
        stage.inject(publisher, vec![0xff; 30]);
        stage.inject(publisher, Vec::new());
        stage.inject(publisher, sealed.clone());
        // A ClientHello out of nowhere, and a check without the password.
        stage.inject(
            stranger,
            vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1],
        );
        stage.inject(
            stranger,
            vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8],
        );
    }
    let after = before(&mut stage);
    let is_counted = counted
        .iter()
        .zip(after)
        .all(|(before, after)| after >= before + 50);
    assert!(
        is_counted,
        "each kind is counted: {counted:?} {after:?} {:?}",
        stage.stats().counters
    );
    assert_eq!(stage.messages.len(), events, "and nobody is told");
    stage.run(2_000);
    quiet.run(2_000);
    assert_eq!(
        got(&quiet),
        got(&stage),
        "the meeting went on as without it"
    );
    assert!(stage.seats.iter().all(|seat| seat.unsound.is_empty()));
}

#[test]
fn a_repeated_packet_is_counted_and_forwarded_once() {
    let mut quiet = meeting(5);
    let mut stage = meeting(5);
    for stage in [&mut quiet, &mut stage] {
        stage.network.set_conditions(Conditions::good());
    }
    let before = count(&mut stage, "dropped_replayed");
    stage.network.set_conditions(Conditions {
        duplicate_percent: 100.0,
        ..Conditions::good()
    });
    stage.run(3_000);
    quiet.run(3_000);
    let replayed = count(&mut stage, "dropped_replayed") - before;
    assert!(replayed > 400, "{replayed}");
    assert_eq!(
        stage.seats[1].eyes[0].shown.len(),
        quiet.seats[1].eyes[0].shown.len()
    );
}

#[test]
fn take_over_never_sends_an_index_twice() {
    for seed in 1..=3 {
        let mut stage = meeting(seed);
        stage.network.set_conditions(Conditions {
            loss_percent: 2.0,
            ..Conditions::good()
        });
        for round in 0..3 {
            stage.run(1_300 + 190 * round);
            let watched = [(0, vec![1], (640, 360)), (1, vec![0], (640, 360))];
            assert_eq!(stage.take_over(&watched), 2, "seed {seed}: both go on");
        }
        stage.run(2_000);
        for seat in &stage.seats {
            assert!(seat.unsound.is_empty(), "seed {seed}: {:?}", seat.unsound);
        }
        // Sequence numbers of one line are sealed with the index behind them. Within the 13 s of
        // this run a line sends less than 2,000 packets and jumps three times by 8,192, so no
        // 16-bit number may ever come back.
        let mut seen = BTreeSet::new();
        for packet in &stage.written {
            assert!(
                seen.insert(*packet),
                "seed {seed}: {packet:?} was sent twice"
            );
        }
        assert!(seen.len() > 1_000);
    }
}

#[test]
fn a_workers_death_leaves_no_hole_that_is_heard_or_seen_for_long() {
    let mut stage = meeting(9);
    stage.run(1_000);
    let shown = stage.seats[1].eyes[0].shown.len();
    // 50 ms in which no worker is there.
    let conditions = Conditions {
        loss_percent: 100.0,
        ..Conditions::good()
    };
    stage.network.set_conditions(conditions);
    stage.run(50);
    stage.network.set_conditions(Conditions::good());
    let watched = [(0, vec![1], (640, 360)), (1, vec![0], (640, 360))];
    assert_eq!(stage.take_over(&watched), 2);
    stage.run(3_000);
    let eye = &stage.seats[1].eyes[0];
    assert!(
        eye.shown.len() > shown + 60,
        "{} frames in 3 s",
        eye.shown.len() - shown
    );
    let freeze = eye.freeze_max_us(stage.now);
    assert!(freeze < 600_000, "froze for {freeze} µs");
    assert!(stage.seats.iter().all(|seat| seat.unsound.is_empty()));
}
