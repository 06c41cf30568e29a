//! Loss, jitter, reports and requests of one received track.

use super::*;

const RTT: Option<Duration> = Some(Duration::from_millis(50));

fn ms(ms: u64) -> Micros {
    Micros(ms * 1_000)
}

fn video() -> Reception {
    Reception::new(90_000, true)
}

fn requests(reception: &mut Reception, now: Micros) -> Vec<u16> {
    let mut requests = Vec::new();
    reception.due_requests(now, RTT, &mut requests);
    requests
}

#[test]
fn a_report_counts_the_loss_of_its_interval_and_of_all_time() {
    let mut reception = Reception::new(8_000, false);
    for index in (100..200).filter(|index| index % 4 != 1) {
        reception.on_packet(index, index as u32 * 160, ms(index * 20));
    }
    let first = reception.report(7, ms(4_000)).unwrap();
    assert_eq!(
        (first.ssrc, first.highest, first.cumulative_lost),
        (7, 199, 25)
    );
    assert_eq!(first.fraction_lost, 64);
    for index in 200..300 {
        reception.on_packet(index, index as u32 * 160, ms(index * 20));
    }
    let second = reception.report(7, ms(6_000)).unwrap();
    assert_eq!((second.fraction_lost, second.cumulative_lost), (0, 25));
}

#[test]
fn reports_go_on_across_the_end_of_the_sequence_circle() {
    let mut reception = Reception::new(8_000, false);
    for step in 0..70_000u32 {
        let index = reception.expect((65_000 + step) as u16);
        reception.on_packet(index, step, ms(u64::from(step)));
    }
    let block = reception.report(1, ms(70_000)).unwrap();
    assert_eq!((block.highest, block.cumulative_lost), (65_000 + 69_999, 0));
}

#[test]
fn even_arrivals_have_no_jitter_and_uneven_ones_converge_to_their_mean_step() {
    let mut even = video();
    let mut uneven = video();
    for index in 0..500u64 {
        let timestamp = index as u32 * 3_000;
        let at = Micros(index * 33_333 + index / 3);
        even.on_packet(index, timestamp, at);
        // Every second packet is 10 ms late: each step is 10 ms, which is 900 ticks.
        uneven.on_packet(index, timestamp, at + Duration::from_millis(index % 2 * 10));
    }
    assert!(even.jitter() <= 1, "{}", even.jitter());
    assert!((850..950).contains(&uneven.jitter()), "{}", uneven.jitter());
}

#[test]
fn last_sender_report_and_delay_come_back_in_the_report() {
    let mut reception = video();
    reception.on_packet(1, 0, ms(0));
    assert_eq!(reception.report(1, ms(5)).unwrap().last_report, 0);
    let ntp = NtpTime {
        seconds: 0x1234_5678,
        fraction: 0x9abc_def0,
    };
    reception.on_sender_report(ntp, 42, ms(100));
    let block = reception.report(1, ms(600)).unwrap();
    assert_eq!((block.last_report, block.delay), (0x5678_9abc, 32_768));
    // The sender hears it 40 ms after it sent, less the half second we held it.
    let heard = block.last_report.wrapping_add(block.delay) + 65_536 / 25;
    let round_trip = block.round_trip(heard).unwrap();
    assert!(round_trip.abs_diff(Duration::from_millis(40)) < Duration::from_millis(1));
    assert_eq!(
        block.round_trip(block.last_report),
        None,
        "a clock that runs backwards"
    );
}

#[test]
fn a_hole_is_asked_for_after_reordering_had_its_time_then_once_a_round_trip() {
    let mut reception = video();
    reception.on_packet(10, 0, ms(0));
    reception.on_packet(13, 0, ms(1));
    assert!(requests(&mut reception, ms(2)).is_empty());
    assert_eq!(reception.deadline(), Some(ms(6)));
    assert_eq!(requests(&mut reception, ms(6)), [11, 12]);
    assert!(requests(&mut reception, ms(40)).is_empty());
    reception.on_packet(12, 0, ms(41));
    assert_eq!(requests(&mut reception, ms(56)), [11]);
}

#[test]
fn a_retransmission_fills_its_hole_once() {
    let mut reception = video();
    for index in [65_534, 65_538] {
        reception.on_packet(index, 0, ms(0));
    }
    assert_eq!(reception.on_retransmission(0), Ok(65_536));
    assert_eq!(reception.on_retransmission(0), Err(RtpError::Replayed));
    assert_eq!(
        reception.on_retransmission(2),
        Err(RtpError::Replayed),
        "the newest itself"
    );
    assert_eq!(
        reception.on_retransmission(3),
        Err(RtpError::Replayed),
        "never sent"
    );
    assert_eq!(
        reception.check(65_536),
        Err(RtpError::Replayed),
        "the late original"
    );
    assert_eq!(requests(&mut reception, ms(10)), [65_535, 1]);
    assert_eq!((reception.recovered(), reception.received()), (1, 2));
}

#[test]
fn asking_ends_and_says_so() {
    let mut reception = video();
    reception.on_packet(1, 0, ms(0));
    reception.on_packet(3, 0, ms(0));
    let mut asked = 0;
    let mut given_up = 0;
    for now in 0..3_000 {
        let mut now_asked = Vec::new();
        given_up += reception.due_requests(ms(now), RTT, &mut now_asked);
        asked += now_asked.len();
    }
    assert_eq!((asked, given_up), (usize::from(NACK_ATTEMPTS_MAX), 1));
    assert_eq!(reception.deadline(), None);
}

#[test]
fn a_gap_too_wide_to_repair_is_given_up_at_once() {
    let mut reception = video();
    reception.on_packet(1, 0, ms(0));
    reception.on_packet(1_000, 0, ms(0));
    let mut asked = Vec::new();
    assert_eq!(reception.due_requests(ms(100), RTT, &mut asked), 998);
    assert!(asked.is_empty());
}

#[test]
fn a_key_frame_makes_older_holes_worthless() {
    let mut reception = video();
    for index in [1, 3, 5] {
        reception.on_packet(index, 0, ms(0));
    }
    reception.forget_before(4);
    assert_eq!(requests(&mut reception, ms(10)), [4]);
}

#[test]
fn a_restored_track_goes_on_counting_and_refuses_what_came_before() {
    let mut reception = video();
    for index in 0..100 {
        reception.on_packet(index, 0, ms(index));
    }
    let json = serde_json::to_string(&reception.state()).unwrap();
    let mut restored = Reception::restore(90_000, true, serde_json::from_str(&json).unwrap());
    assert_eq!(restored.check(99), Err(RtpError::Replayed));
    restored.on_packet(100, 0, ms(200));
    let block = restored.report(1, ms(300)).unwrap();
    assert_eq!(
        (block.fraction_lost, block.cumulative_lost, block.highest),
        (0, 0, 100)
    );
}

#[test]
fn a_repair_is_timed_only_where_it_was_asked_for_once() {
    let mut reception = video();
    reception.on_packet(1, 0, ms(0));
    reception.on_packet(4, 0, ms(0));
    assert!(reception.is_awaited(2) && !reception.is_awaited(4));
    assert_eq!(reception.asked_once(2), None, "not asked for yet");
    requests(&mut reception, ms(10));
    assert_eq!(reception.asked_once(2), Some(ms(10)));
    assert_eq!(reception.on_retransmission(2), Ok(2));
    assert!(!reception.is_awaited(2));
    requests(&mut reception, ms(200));
    assert_eq!(reception.asked_once(3), None, "which request was answered?");
}

#[test]
fn an_unknown_path_is_asked_again_after_a_tenth_of_a_second() {
    let mut reception = video();
    reception.on_packet(1, 0, ms(0));
    reception.on_packet(3, 0, ms(0));
    let mut asked = Vec::new();
    for now in 0..250 {
        let mut now_asked = Vec::new();
        reception.due_requests(ms(now), None, &mut now_asked);
        if !now_asked.is_empty() {
            asked.push(now);
        }
    }
    assert_eq!(asked, [5, 105, 205]);
}
