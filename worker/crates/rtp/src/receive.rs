//! One received track (one SSRC): what came, what is missing, and what to report about it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::RtpError;
use crate::limits::{
    MISSING_PACKETS_MAX, NACK_AGE_MAX, NACK_ATTEMPTS_MAX, NACK_DELAY, NACK_INTERVAL_MAX,
    NACK_INTERVAL_MIN, NACK_INTERVAL_UNKNOWN,
};
use crate::rtcp::ReportBlock;
use crate::sequence::{ReplayWindow, extend};
use crate::time::{Micros, NtpTime, compact_ntp};

/// Arrivals, losses and jitter of one SSRC.
///
/// Per packet: [`expect`](Self::expect) and [`check`](Self::check) before it is opened,
/// [`on_packet`](Self::on_packet) after. Retransmissions are opened under their own SSRC with their
/// own `Reception`, then handed to [`on_retransmission`](Self::on_retransmission) of the track they
/// repair.
#[derive(Clone, Debug)]
pub struct Reception {
    clock_rate: u32,
    window: ReplayWindow,
    first: Option<u64>,
    received: u64,
    recovered: u64,
    reported_expected: u64,
    reported_received: u64,
    // Times 16, as in RFC 3550 appendix A.8.
    jitter: u32,
    transit: Option<u32>,
    sender_report: Option<SenderClock>,
    missing: Option<Vec<Missing>>,
    given_up: u32,
}

/// The clocks of the last sender report of a track.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderClock {
    /// The publisher's wall clock.
    pub ntp: NtpTime,
    /// The RTP timestamp of that moment.
    pub timestamp: u32,
    /// When the report came.
    pub arrived: Micros,
}

/// What a snapshot keeps of a received track.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceptionState {
    window: ReplayWindow,
    first: Option<u64>,
    received: u64,
}

#[derive(Clone, Copy, Debug)]
struct Missing {
    index: u64,
    noticed: Micros,
    due: Micros,
    // When it was asked for last.
    asked: Micros,
    attempts: u8,
}

impl Reception {
    /// A track from which nothing has come. `asks_again` turns the list of missing packets on.
    ///
    /// Units: `clock_rate` in Hz.
    #[must_use]
    pub fn new(clock_rate: u32, asks_again: bool) -> Self {
        Self::restore(clock_rate, asks_again, ReceptionState::default())
    }

    /// A track that another process received until now.
    #[must_use]
    pub fn restore(clock_rate: u32, asks_again: bool, state: ReceptionState) -> Self {
        let mut reception = Self {
            clock_rate,
            window: state.window,
            first: state.first,
            received: state.received,
            recovered: 0,
            reported_expected: 0,
            reported_received: state.received,
            jitter: 0,
            transit: None,
            sender_report: None,
            missing: asks_again.then(Vec::new),
            given_up: 0,
        };
        reception.reported_expected = reception.expected();
        reception
    }

    /// What a snapshot keeps.
    #[must_use]
    pub fn state(&self) -> ReceptionState {
        ReceptionState {
            window: self.window.clone(),
            first: self.first,
            received: self.received,
        }
    }

    /// The extended index that a sequence number most likely means.
    #[must_use]
    pub const fn expect(&self, sequence: u16) -> u64 {
        self.window.expect(sequence)
    }

    /// Says whether a packet may still come in. Ask before spending work on opening it.
    ///
    /// Errors: `Replayed`.
    pub fn check(&self, index: u64) -> Result<(), RtpError> {
        self.window.check(index)
    }

    /// The highest index that came.
    #[must_use]
    pub const fn newest(&self) -> Option<u64> {
        self.window.top()
    }

    /// Packets that came, retransmissions not counted.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Packets that a retransmission brought back.
    #[must_use]
    pub const fn recovered(&self) -> u64 {
        self.recovered
    }

    /// Packets that never came, so far; negative where some came twice.
    #[must_use]
    pub const fn lost(&self) -> i64 {
        self.expected() as i64 - self.received as i64
    }

    /// Counts an authenticated packet.
    pub fn on_packet(&mut self, index: u64, timestamp: u32, now: Micros) {
        self.note_holes(index, now);
        self.window.mark(index);
        self.first = Some(self.first.map_or(index, |first| first.min(index)));
        self.received += 1;

        let arrival = now.ticks_since(Micros(0), self.clock_rate);
        let transit = arrival.wrapping_sub(timestamp);
        if let Some(before) = self.transit.replace(transit) {
            let change = (transit.wrapping_sub(before) as i32).unsigned_abs();
            // A new source behind the same SSRC is not jitter.
            if change < self.clock_rate {
                self.jitter = (self.jitter + change).saturating_sub((self.jitter + 8) >> 4);
            }
        }
    }

    /// Counts a retransmitted packet by its original sequence number; returns its index.
    ///
    /// Errors: `Replayed` where it is not missing any more, or never was.
    pub fn on_retransmission(&mut self, original: u16) -> Result<u64, RtpError> {
        let top = self.window.top().ok_or(RtpError::Replayed)?;
        let index = extend(top, original);
        if !self.window.is_missing(index) {
            return Err(RtpError::Replayed);
        }
        self.window.mark(index);
        self.forget(index);
        self.recovered += 1;
        Ok(index)
    }

    /// Remembers the clocks of a sender report.
    pub fn on_sender_report(&mut self, ntp: NtpTime, timestamp: u32, now: Micros) {
        self.sender_report = Some(SenderClock {
            ntp,
            timestamp,
            arrived: now,
        });
    }

    /// The clocks of the last sender report.
    #[must_use]
    pub const fn sender_clock(&self) -> Option<SenderClock> {
        self.sender_report
    }

    /// Jitter of arrivals, in ticks of the RTP clock.
    #[must_use]
    pub const fn jitter(&self) -> u32 {
        self.jitter >> 4
    }

    /// Makes the report block of the time since the last one; none before the first packet.
    ///
    /// Source: RFC 3550 section 6.4.1 and appendix A.3.
    pub fn report(&mut self, ssrc: u32, now: Micros) -> Option<ReportBlock> {
        let highest = self.window.top()?;
        let expected = self.expected();
        let expected_since = expected.saturating_sub(self.reported_expected);
        let received_since = self.received.saturating_sub(self.reported_received);
        self.reported_expected = expected;
        self.reported_received = self.received;
        let lost_since = expected_since.saturating_sub(received_since);
        let fraction = (lost_since * 256).checked_div(expected_since).unwrap_or(0);
        let (last_report, delay) = match self.sender_report {
            Some(clock) => (clock.ntp.middle(), compact_ntp(now.since(clock.arrived))),
            None => (0, 0),
        };
        Some(ReportBlock {
            ssrc,
            fraction_lost: fraction.min(255) as u8,
            cumulative_lost: self.lost().clamp(-0x0080_0000, 0x007f_ffff) as i32,
            highest: highest as u32,
            jitter: self.jitter(),
            last_report,
            delay,
        })
    }

    /// Collects the sequence numbers to ask for now, ascending, and forgets what is too late.
    ///
    /// `round_trip` spaces repeated requests. Returns how many packets were given up; a decoder
    /// that needed one of them needs a key frame now.
    pub fn due_requests(
        &mut self,
        now: Micros,
        round_trip: Option<Duration>,
        requests: &mut Vec<u16>,
    ) -> u32 {
        let given_up = std::mem::take(&mut self.given_up);
        let Some(missing) = &mut self.missing else {
            return given_up;
        };
        let before = missing.len();
        missing.retain(|packet| {
            packet.attempts < NACK_ATTEMPTS_MAX && now.since(packet.noticed) < NACK_AGE_MAX
                // The last attempt gets its time to be answered.
                || packet.attempts == NACK_ATTEMPTS_MAX && now < packet.due
        });
        let interval = round_trip
            .unwrap_or(NACK_INTERVAL_UNKNOWN)
            .clamp(NACK_INTERVAL_MIN, NACK_INTERVAL_MAX);
        for packet in missing.iter_mut() {
            if packet.due <= now && packet.attempts < NACK_ATTEMPTS_MAX {
                packet.attempts += 1;
                packet.asked = now;
                packet.due = now + interval;
                requests.push(packet.index as u16);
            }
        }
        given_up + (before - missing.len()) as u32
    }

    /// Whether this packet is missing and may still be brought back by a request.
    #[must_use]
    pub fn is_awaited(&self, index: u64) -> bool {
        self.find_missing(index).is_some()
    }

    /// When a missing packet was asked for, by its sequence number; none unless that was once.
    #[must_use]
    pub fn asked_once(&self, sequence: u16) -> Option<Micros> {
        let missing = self.find_missing(extend(self.window.top()?, sequence))?;
        (missing.attempts == 1).then_some(missing.asked)
    }

    /// When [`due_requests`](Self::due_requests) has something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Micros> {
        self.missing.as_ref()?.iter().map(|packet| packet.due).min()
    }

    /// Stops asking for packets before `index`, e.g. when a key frame has made them useless.
    pub fn forget_before(&mut self, index: u64) {
        if let Some(missing) = &mut self.missing {
            missing.retain(|packet| packet.index >= index);
        }
    }

    const fn expected(&self) -> u64 {
        match (self.window.top(), self.first) {
            (Some(top), Some(first)) => top - first + 1,
            _ => 0,
        }
    }

    fn note_holes(&mut self, index: u64, now: Micros) {
        let Some(top) = self.window.top() else { return };
        if index < top {
            self.forget(index);
            return;
        }
        let Some(missing) = &mut self.missing else {
            return;
        };
        let holes = (index - top).saturating_sub(1);
        if missing.len() as u64 + holes > MISSING_PACKETS_MAX as u64 {
            self.given_up = self
                .given_up
                .saturating_add(missing.len() as u32 + holes as u32);
            missing.clear();
            return;
        }
        missing.extend((top + 1..index).map(|index| Missing {
            index,
            noticed: now,
            due: now + NACK_DELAY,
            asked: now,
            attempts: 0,
        }));
    }

    fn find_missing(&self, index: u64) -> Option<&Missing> {
        let missing = self.missing.as_ref()?;
        let at = missing.binary_search_by_key(&index, |packet| packet.index);
        missing.get(at.ok()?)
    }

    fn forget(&mut self, index: u64) {
        if let Some(missing) = &mut self.missing
            && let Ok(at) = missing.binary_search_by_key(&index, |packet| packet.index)
        {
            missing.remove(at);
        }
    }
}

#[cfg(test)]
mod tests;
