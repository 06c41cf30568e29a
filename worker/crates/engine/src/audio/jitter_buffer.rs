//! Puts one voice's packets in order and in time: what is heard next, what is lost, what is silence.
//!
//! The buffer decides only; decoding is its caller's. Sound is due when it is `target` older than
//! the quickest packet would make it. Time that was filled by a guess while nothing had come is
//! remembered: if the packet turns out lost, the guess was its; if it was late, everything is heard
//! that much later and caught up with where it disturbs least.

use parley_rtp::sequence::extend;
use parley_rtp::time::Micros;

use super::AudioLevel;
use super::delay::Delay;
use super::limits::{
    CONCEAL_MAX, DELAY_MAX, FRAME, JITTER_PACKETS_MAX, JITTER_PAYLOAD_BYTES_MAX, RESTART_JUMP,
    RESTART_STEP,
};
use super::packet_ring::PacketRing;

/// A packet as it came.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// RTP sequence number.
    pub sequence: u16,
    /// RTP timestamp.
    pub timestamp: u32,
    /// How much sound it holds. Units: RTP clock.
    pub duration: u32,
    /// It only says that silence begins.
    pub is_silence: bool,
    /// Its loudness, where the sender tells.
    pub level: Option<AudioLevel>,
    /// What to decode.
    pub payload: &'a [u8],
}

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Its time has passed.
    Late,
    /// It is here already.
    Duplicate,
    /// Larger than [`JITTER_PAYLOAD_BYTES_MAX`].
    TooLarge,
}

/// What comes next. Durations are in units of the RTP clock.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// Decode and play this.
    Packet {
        /// What to decode.
        payload: &'a [u8],
        /// Its loudness, where the sender told.
        level: Option<AudioLevel>,
        /// How long it is.
        duration: u32,
    },
    /// Decode both and blend them into the time of the second: there is time to catch up with.
    Squeeze {
        /// Fades out.
        first: &'a [u8],
        /// Fades in.
        second: &'a [u8],
        /// Loudness of the second.
        level: Option<AudioLevel>,
        /// How long the second is.
        duration: u32,
    },
    /// The packet before `next` is lost, and `next` may carry a copy. `next` itself comes again.
    Recover {
        /// The packet after the lost one.
        next: &'a [u8],
        /// How long the lost one was.
        duration: u32,
    },
    /// Nothing is here: guess.
    Conceal {
        /// For how long.
        duration: u32,
    },
    /// Nothing is expected.
    Silence {
        /// For how long.
        duration: u32,
    },
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterCounters {
    /// Played.
    pub played: u64,
    /// Recovered from the packet after.
    pub recovered: u64,
    /// Guessed for want of a packet, lost or late.
    pub concealed: u64,
    /// Came after their time.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Blended into the next to catch up.
    pub squeezed: u64,
    /// Guesses put in to wait for a path that grew slower.
    pub stretched: u64,
    /// Thrown away because the source started anew or ran far ahead.
    pub skipped: u64,
}

impl JitterCounters {
    /// Adds another voice's.
    pub fn add(&mut self, other: &Self) {
        self.played += other.played;
        self.recovered += other.recovered;
        self.concealed += other.concealed;
        self.late += other.late;
        self.duplicate += other.duplicate;
        self.squeezed += other.squeezed;
        self.stretched += other.stretched;
        self.skipped += other.skipped;
    }
}

/// The place of what is heard next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Play {
    /// Waits for a packet to become due.
    Idle,
    /// In the middle of sound; `due` is the timestamp of the next sample.
    Running { due: i64 },
}

/// An adaptive jitter buffer for one source. See the module's text for how it decides.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    clock_rate: u32,
    has_fec: bool,
    ring: PacketRing,
    highest: Option<(u64, i64)>,
    /// Extended sequence number of the packet that is heard next.
    next: u64,
    play: Play,
    /// Guessed since the last packet without knowing whether it was lost. Units: RTP clock.
    guessed: u32,
    last_duration: u32,
    last_is_silence: bool,
    /// Measured loudness of what was heard last, where the sender does not tell.
    heard_level: u8,
    adjusted: Micros,
    delay: Delay,
    counters: JitterCounters,
}

/// Quieter than this, leaving out or putting in a frame is not noticed. Units: -dBov.
const QUIET: u8 = 50;
/// Packets that may come behind the very first although they were sent before it.
const FIRST_DISORDER: u64 = 8;
/// Time between two adjustments of the delay.
const ADJUST_US: u64 = 100_000;
/// What may be too much before anything is done about it: a beat's own width, and some.
const SLACK_US: i64 = FRAME.as_micros() as i64 + 5_000;
/// What is too much even for loud sound.
const EXCESS_US: i64 = FRAME.as_micros() as i64 * 3;
/// Beyond this the buffer gives up smoothness.
const LAG_MAX_US: i64 = DELAY_MAX.as_micros() as i64 * 2;

impl JitterBuffer {
    /// A buffer for a codec of `clock_rate`, whose packets may carry copies of those before
    /// (`has_fec`).
    pub fn new(clock_rate: u32, has_fec: bool) -> Self {
        Self {
            clock_rate,
            has_fec,
            ring: PacketRing::default(),
            highest: None,
            next: 0,
            play: Play::Idle,
            guessed: 0,
            last_duration: ticks(clock_rate, FRAME.as_micros() as i64),
            last_is_silence: true,
            heard_level: 0,
            adjusted: Micros(0),
            delay: Delay::new(),
            counters: JitterCounters::default(),
        }
    }

    /// Takes a packet.
    /// Errors: the packet is of no use; nothing changed but the counters and the view of the path.
    /// Cost: a copy of the payload; no allocation once warm.
    pub fn push(&mut self, now: Micros, arrival: &Arrival<'_>) -> Result<(), Refused> {
        if arrival.payload.len() > JITTER_PAYLOAD_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        let (index, timestamp) = self.place(arrival);
        self.delay.arrived(now, self.micros(timestamp));
        if index < self.next {
            self.counters.late += 1;
            return Err(Refused::Late);
        }
        if index >= self.next + JITTER_PACKETS_MAX as u64 {
            self.make_room(index);
        }
        if !self.ring.put(index, timestamp, arrival) {
            self.counters.duplicate += 1;
            return Err(Refused::Duplicate);
        }
        Ok(())
    }

    /// Says what to play next. The caller asks until it has enough for its beat.
    pub fn pull(&mut self, now: Micros) -> Step<'_> {
        let Some(head) = self.ring.oldest_from(self.next) else {
            return self.pull_nothing();
        };
        let Play::Running { due } = self.play else {
            return self.pull_idle(now, head);
        };
        let (index, timestamp) = (self.ring.get(head).index, self.ring.get(head).timestamp);
        if index > self.next {
            return self.pull_after_loss(now, head, due);
        }
        if timestamp - due > i64::from(self.last_duration) / 2 {
            // No packet is missing, and yet there is a gap: the sender was silent.
            self.play = Play::Idle;
            return self.pull_idle(now, head);
        }
        self.guessed = 0;
        self.pull_running(now, head)
    }

    /// Tells the loudness of what was heard last, for sources that do not tell it themselves.
    /// Units: -dBov.
    pub fn heard(&mut self, minus_dbov: u8) {
        self.heard_level = minus_dbov;
    }

    /// The delay that it aims for now. Units: microseconds.
    pub fn target_us(&self) -> u64 {
        self.delay.target_us() as u64
    }

    /// What became of the packets so far.
    pub fn counters(&self) -> JitterCounters {
        self.counters
    }

    fn pull_nothing(&mut self) -> Step<'_> {
        let Play::Running { .. } = self.play else {
            return self.silence();
        };
        let limit = ticks(self.clock_rate, CONCEAL_MAX.as_micros() as i64);
        if self.last_is_silence || self.guessed >= limit {
            self.play = Play::Idle;
            self.guessed = 0;
            return self.silence();
        }
        let duration = self.last_duration;
        self.guessed += duration;
        self.counters.concealed += 1;
        Step::Conceal { duration }
    }

    fn pull_idle(&mut self, now: Micros, mut head: usize) -> Step<'_> {
        let target = self.delay.target_us();
        if self.lag_us(now, head) < target {
            return self.silence();
        }
        // Sound has not begun, so what is too old can go without being missed.
        while self.lag_us(now, head) > target + EXCESS_US {
            let Some(after) = self.ring.oldest_from(self.ring.get(head).index + 1) else {
                break;
            };
            self.ring.forget(head);
            self.counters.skipped += 1;
            head = after;
        }
        self.guessed = 0;
        self.next = self.ring.get(head).index;
        self.play(head)
    }

    fn pull_running(&mut self, now: Micros, head: usize) -> Step<'_> {
        let (lag, target) = (self.lag_us(now, head), self.delay.target_us());
        if lag > LAG_MAX_US {
            self.play = Play::Idle;
            return self.pull_idle(now, head);
        }
        let slot = self.ring.get(head);
        let is_quiet = slot
            .level
            .map_or(self.heard_level, |level| level.minus_dbov)
            >= QUIET;
        let may_adjust = now.micros_since(self.adjusted) >= ADJUST_US;
        let excess = lag - target;
        if may_adjust && excess > SLACK_US && (is_quiet || excess > EXCESS_US) {
            let follows = self.ring.find(self.next + 1);
            if let Some(second) = follows.filter(|at| self.adjoins(head, *at)) {
                self.adjusted = now;
                self.counters.squeezed += 1;
                return self.play_both(head, second);
            }
        }
        if may_adjust && excess < 0 && is_quiet {
            self.adjusted = now;
            self.counters.stretched += 1;
            return Step::Conceal {
                duration: self.last_duration,
            };
        }
        self.play(head)
    }

    fn pull_after_loss(&mut self, now: Micros, head: usize, due: i64) -> Step<'_> {
        let (index, timestamp) = (self.ring.get(head).index, self.ring.get(head).timestamp);
        // What was guessed while nothing was here has stood for what is now known to be lost.
        let known = i64::from(self.guessed).min((timestamp - due).max(0));
        self.guessed = 0;
        let due = due + known;
        let gap = timestamp - due;
        let limit = ticks(self.clock_rate, CONCEAL_MAX.as_micros() as i64);
        if gap > i64::from(limit) {
            self.next = index;
            self.play = Play::Idle;
            return self.pull_idle(now, head);
        }
        if gap <= 0 {
            self.next = index;
            self.play = Play::Running { due: timestamp };
            return self.pull_running(now, head);
        }
        let last = i64::from(self.last_duration.max(1));
        if gap <= last + last / 2 {
            // Only the packet before `head` is missing in time.
            self.next = index;
            self.play = Play::Running { due: timestamp };
            let duration = gap as u32;
            if self.has_fec {
                self.counters.recovered += 1;
                return Step::Recover {
                    next: &self.ring.get(head).payload,
                    duration,
                };
            }
            self.counters.concealed += 1;
            return Step::Conceal { duration };
        }
        self.play = Play::Running { due: due + last };
        self.next = (self.next + 1).min(index - 1);
        self.counters.concealed += 1;
        Step::Conceal {
            duration: last as u32,
        }
    }

    fn play(&mut self, at: usize) -> Step<'_> {
        self.took(at);
        let slot = self.ring.get(at);
        Step::Packet {
            payload: &slot.payload,
            level: slot.level,
            duration: slot.duration,
        }
    }

    fn play_both(&mut self, first: usize, second: usize) -> Step<'_> {
        self.took(first);
        self.took(second);
        let (first, second) = (self.ring.get(first), self.ring.get(second));
        Step::Squeeze {
            first: &first.payload,
            second: &second.payload,
            level: second.level,
            duration: second.duration,
        }
    }

    /// Moves the place of hearing behind this packet. Its bytes stay until the slot is used again.
    fn took(&mut self, at: usize) {
        let slot = self.ring.get(at);
        self.next = slot.index + 1;
        self.play = Play::Running {
            due: slot.timestamp + i64::from(slot.duration),
        };
        self.last_duration = slot.duration;
        self.last_is_silence = slot.is_silence;
        self.counters.played += 1;
        self.ring.forget(at);
    }

    fn silence(&self) -> Step<'_> {
        Step::Silence {
            duration: ticks(self.clock_rate, FRAME.as_micros() as i64),
        }
    }

    /// The extended sequence number and timestamp; starts anew where the source did.
    fn place(&mut self, arrival: &Arrival<'_>) -> (u64, i64) {
        let placed = self.highest.map(|(index, timestamp)| {
            let step = arrival.timestamp.wrapping_sub(timestamp as u32) as i32;
            (extend(index, arrival.sequence), timestamp + i64::from(step))
        });
        let jump = self.clock_rate as i64 * RESTART_JUMP.as_secs() as i64;
        let placed = placed.filter(|(index, timestamp)| {
            let (highest, latest) = self.highest.unwrap_or((*index, *timestamp));
            index + RESTART_STEP > highest && (timestamp - latest).abs() < jump
        });
        let placed = placed.unwrap_or_else(|| {
            self.restart();
            // Far enough from zero for packets from before the first one.
            let index = (1 << 32) | u64::from(arrival.sequence);
            self.next = index - FIRST_DISORDER;
            (index, (1 << 40) | i64::from(arrival.timestamp))
        });
        if self.highest.is_none_or(|(highest, _)| placed.0 > highest) {
            self.highest = Some(placed);
        }
        placed
    }

    fn restart(&mut self) {
        self.counters.skipped += self.ring.forget_before(u64::MAX);
        self.highest = None;
        self.play = Play::Idle;
        self.guessed = 0;
        self.delay = Delay::new();
    }

    /// Lets go of the oldest so that `index` fits.
    fn make_room(&mut self, index: u64) {
        self.next = index + 1 - JITTER_PACKETS_MAX as u64;
        self.counters.skipped += self.ring.forget_before(self.next);
        self.play = Play::Idle;
        self.guessed = 0;
    }

    /// Nothing was left out by the sender between the two.
    fn adjoins(&self, first: usize, second: usize) -> bool {
        let (first, second) = (self.ring.get(first), self.ring.get(second));
        first.timestamp + i64::from(first.duration) == second.timestamp
            && first.duration == second.duration
    }

    fn lag_us(&self, now: Micros, at: usize) -> i64 {
        self.delay
            .lag_us(now, self.micros(self.ring.get(at).timestamp))
    }

    fn micros(&self, timestamp: i64) -> i64 {
        (i128::from(timestamp) * 1_000_000 / i128::from(self.clock_rate)) as i64
    }
}

fn ticks(clock_rate: u32, us: i64) -> u32 {
    (i64::from(clock_rate) * us / 1_000_000) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000;

    struct Line {
        buffer: JitterBuffer,
        start: u64,
    }

    impl Line {
        fn new() -> Self {
            Self {
                buffer: JitterBuffer::new(48_000, true),
                start: 1_000_000,
            }
        }

        /// Packet `number` arrives `late_ms` after it was due; its payload is its number.
        fn arrive(&mut self, number: u16, late_ms: u64) -> Result<(), Refused> {
            let now = Micros(self.start + u64::from(number) * 20 * MS + late_ms * MS);
            self.buffer.push(
                now,
                &Arrival {
                    sequence: number.wrapping_add(65_500),
                    timestamp: u32::from(number) * 960,
                    duration: 960,
                    is_silence: false,
                    level: Some(AudioLevel {
                        minus_dbov: 20,
                        voice: true,
                    }),
                    payload: &number.to_be_bytes(),
                },
            )
        }

        /// What is heard at beat `number`, which comes 25 ms after packet `number` was due.
        fn beat(&mut self, number: u16) -> String {
            let now = Micros(self.start + u64::from(number) * 20 * MS + 25 * MS);
            let name = |payload: &[u8]| payload[1].to_string();
            match self.buffer.pull(now) {
                Step::Packet { payload, .. } => name(payload),
                Step::Squeeze { first, second, .. } => format!("{}+{}", name(first), name(second)),
                Step::Recover { next, .. } => format!("before {}", name(next)),
                Step::Conceal { .. } => "guess".to_owned(),
                Step::Silence { .. } => "silence".to_owned(),
            }
        }
    }

    #[test]
    fn packets_are_heard_in_order_whatever_the_order_of_their_coming() {
        let mut line = Line::new();
        line.arrive(1, 0).unwrap();
        line.arrive(0, 22).unwrap();
        assert_eq!(line.beat(0), "0");
        assert_eq!(line.arrive(1, 30), Err(Refused::Duplicate));
        assert_eq!(line.beat(1), "1");
        assert_eq!(line.arrive(0, 60), Err(Refused::Late));
        assert_eq!(line.buffer.counters().late, 1);
    }

    #[test]
    fn a_lost_packet_is_recovered_from_the_next_and_a_gap_of_two_is_guessed_first() {
        let mut line = Line::new();
        line.arrive(0, 0).unwrap();
        assert_eq!(line.beat(0), "0");
        line.arrive(2, 0).unwrap();
        assert_eq!(line.beat(1), "before 2");
        assert_eq!(line.beat(2), "2");
        line.arrive(5, 0).unwrap();
        assert_eq!(line.beat(3), "guess");
        assert_eq!(line.beat(4), "before 5");
        assert_eq!(line.beat(5), "5");
    }

    #[test]
    fn a_guess_for_a_packet_that_turns_out_lost_is_not_made_twice() {
        let mut line = Line::new();
        line.arrive(0, 0).unwrap();
        assert_eq!(line.beat(0), "0");
        assert_eq!(line.beat(1), "guess", "nothing is here");
        line.arrive(2, 0).unwrap();
        assert_eq!(line.beat(2), "2", "1 was lost, and has been guessed");
    }

    #[test]
    fn a_late_packet_is_still_heard_and_the_delay_grows_by_the_guess() {
        let mut line = Line::new();
        line.arrive(0, 0).unwrap();
        assert_eq!(line.beat(0), "0");
        assert_eq!(line.beat(1), "guess");
        line.arrive(1, 30).unwrap();
        line.arrive(2, 0).unwrap();
        assert_eq!(line.beat(2), "1");
        assert_eq!(line.beat(3), "2");
    }

    #[test]
    fn after_a_tenth_of_a_second_without_packets_there_is_silence_and_a_fresh_start() {
        let mut line = Line::new();
        line.arrive(0, 0).unwrap();
        assert_eq!(line.beat(0), "0");
        for number in 1..=5 {
            assert_eq!(line.beat(number), "guess");
        }
        assert_eq!(line.beat(6), "silence");
        line.arrive(40, 0).unwrap();
        assert_eq!(line.beat(40), "40");
    }

    #[test]
    fn a_source_that_starts_anew_is_followed_and_one_that_floods_is_bounded() {
        let mut line = Line::new();
        line.arrive(0, 0).unwrap();
        assert_eq!(line.beat(0), "0");
        let fresh = Arrival {
            sequence: 20_000,
            timestamp: 4_000_000_000,
            duration: 960,
            is_silence: false,
            level: None,
            payload: &[0, 77],
        };
        let now = Micros(line.start + 100 * MS);
        line.buffer.push(now, &fresh).unwrap();
        assert_eq!(line.buffer.counters().skipped, 0);
        for sequence in 20_001..20_401 {
            let timestamp = 4_000_000_000 + u32::from(sequence - 20_000) * 960;
            line.buffer
                .push(
                    now,
                    &Arrival {
                        sequence,
                        timestamp,
                        ..fresh
                    },
                )
                .unwrap();
        }
        let kept = 401 - line.buffer.counters().skipped;
        assert_eq!(kept, JITTER_PACKETS_MAX as u64);
    }

    #[test]
    fn a_payload_beyond_the_limit_is_refused() {
        let mut line = Line::new();
        let payload = [0; JITTER_PAYLOAD_BYTES_MAX + 1];
        let arrival = Arrival {
            sequence: 1,
            timestamp: 1,
            duration: 960,
            is_silence: false,
            level: None,
            payload: &payload,
        };
        assert_eq!(
            line.buffer.push(Micros(1), &arrival),
            Err(Refused::TooLarge)
        );
    }
}
