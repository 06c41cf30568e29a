//! Transport-wide feedback: as many packets as it says, and none reported twice as arrived.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parley_rtp::time::Micros;
use parley_rtp::transport_cc::{Feedback, SendHistory};

fuzz_target!(|input: (u16, u8, Vec<u8>)| {
    let (first, sent, body) = input;
    let Ok(feedback) = Feedback::parse(&body) else {
        return;
    };
    assert_eq!(feedback.arrivals().count(), usize::from(feedback.count));
    let mut history = SendHistory::new(first);
    for step in 0..sent {
        history.on_sent(Micros(u64::from(step)), 1_000, 0);
    }
    let mut reports = Vec::new();
    history.on_feedback(&feedback, &mut reports);
    history.on_feedback(&feedback, &mut reports);
    let arrived = reports
        .iter()
        .filter(|report| report.arrived_us.is_some())
        .count();
    assert!(arrived <= usize::from(sent));
});
