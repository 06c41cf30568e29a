//! The receiver's half: remembers arrivals, writes feedback.

use super::{LARGE_STEP, NOT_RECEIVED, REFERENCE_MASK, REFERENCE_US, SMALL_STEP, TICK_US};
use crate::limits::{ARRIVALS_MAX, FEEDBACK_PACKETS_MAX};
use crate::rtcp::Compound;
use crate::sequence::extend;
use crate::time::Micros;

/// Arrivals since the last feedback.
#[derive(Debug, Default)]
pub struct ArrivalLog {
    // Ascending by index.
    pending: Vec<(u64, Micros)>,
    newest: Option<u64>,
    // What follows the last packet reported, so that a loss at the front is reported too.
    next: Option<u64>,
    count: u8,
}

impl ArrivalLog {
    /// Notes the arrival of an authenticated packet; one that comes twice counts once.
    pub fn record(&mut self, sequence: u16, now: Micros) {
        let index = match self.newest {
            Some(newest) => extend(newest, sequence),
            // A round up, so that packets older than the first have a place.
            None => u64::from(sequence) + (1 << 16),
        };
        self.newest = self.newest.max(Some(index));
        let at = self.pending.partition_point(|arrival| arrival.0 < index);
        if self
            .pending
            .get(at)
            .is_some_and(|arrival| arrival.0 == index)
        {
            return;
        }
        if self.pending.len() >= ARRIVALS_MAX {
            self.pending.remove(0);
            if at == 0 {
                return;
            }
        }
        let at = self.pending.partition_point(|arrival| arrival.0 < index);
        self.pending.insert(at, (index, now));
    }

    /// Whether anything came since the last feedback.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pending.is_empty()
    }

    /// Writes one feedback message; `media` is the SSRC of any track of the transport. Returns
    /// whether more is waiting, which needs another call.
    pub fn write(&mut self, sender: u32, media: u32, compound: &mut Compound<'_>) -> bool {
        let Some(&(first, arrived)) = self.pending.first() else {
            return false;
        };
        let base = self
            .next
            .filter(|next| *next < first && first - next < FEEDBACK_PACKETS_MAX as u64 / 2)
            .unwrap_or(first);
        let reference = arrived.0 / REFERENCE_US;
        let mut body = Body::new(base, reference * REFERENCE_US / TICK_US);
        let mut taken = 0;
        for &(index, arrived) in &self.pending {
            if !body.push(index, arrived) {
                break;
            }
            taken += 1;
        }
        let number = self.count;
        self.count = self.count.wrapping_add(1);
        self.next = Some(base + body.statuses.len() as u64);
        self.pending.drain(..taken);
        compound.transport_cc(sender, media, |out| {
            out.extend_from_slice(&(base as u16).to_be_bytes());
            out.extend_from_slice(&(body.statuses.len() as u16).to_be_bytes());
            let reference = (reference as u32 & REFERENCE_MASK) << 8 | u32::from(number);
            out.extend_from_slice(&reference.to_be_bytes());
            write_chunks(&body.statuses, out);
            out.extend_from_slice(&body.steps);
        });
        !self.pending.is_empty()
    }
}

/// Statuses and time steps of one message.
struct Body {
    base: u64,
    ticks: u64,
    statuses: Vec<u8>,
    steps: Vec<u8>,
}

impl Body {
    fn new(base: u64, ticks: u64) -> Self {
        Self {
            base,
            ticks,
            statuses: Vec::new(),
            steps: Vec::new(),
        }
    }

    /// Adds an arrival; false where it does not fit this message any more.
    fn push(&mut self, index: u64, arrived: Micros) -> bool {
        let position = (index - self.base) as usize;
        if position >= FEEDBACK_PACKETS_MAX {
            return false;
        }
        let ticks = arrived.0 / TICK_US;
        let step = ticks.wrapping_sub(self.ticks) as i64;
        let status = if let Ok(small) = u8::try_from(step) {
            self.steps.push(small);
            SMALL_STEP
        } else if let Ok(large) = i16::try_from(step) {
            self.steps.extend_from_slice(&large.to_be_bytes());
            LARGE_STEP
        } else {
            return false;
        };
        self.ticks = ticks;
        self.statuses.resize(position, NOT_RECEIVED);
        self.statuses.push(status);
        true
    }
}

/// Packs statuses: runs where that is shorter, else 14 of one bit, else 7 of two.
fn write_chunks(mut statuses: &[u8], out: &mut Vec<u8>) {
    const RUN_MAX: usize = 0x1fff;
    const ONE_BIT: usize = 14;
    const TWO_BITS: usize = 7;
    while let Some(&first) = statuses.first() {
        let run = statuses
            .iter()
            .take(RUN_MAX)
            .take_while(|status| **status == first)
            .count();
        let near = &statuses[..statuses.len().min(ONE_BIT)];
        let fits_one_bit = near.iter().all(|status| *status <= SMALL_STEP);
        let (chunk, taken) =
            if run >= ONE_BIT || run == statuses.len() || !fits_one_bit && run >= TWO_BITS {
                (u16::from(first) << 13 | run as u16, run)
            } else if fits_one_bit {
                let bits = near.iter().enumerate();
                (
                    bits.fold(0x8000, |chunk, (at, s)| chunk | u16::from(*s) << (13 - at)),
                    near.len(),
                )
            } else {
                let near = &statuses[..statuses.len().min(TWO_BITS)];
                let bits = near.iter().enumerate();
                (
                    bits.fold(0xc000, |chunk, (at, s)| {
                        chunk | u16::from(*s) << (12 - 2 * at)
                    }),
                    near.len(),
                )
            };
        out.extend_from_slice(&chunk.to_be_bytes());
        statuses = &statuses[taken..];
    }
}
