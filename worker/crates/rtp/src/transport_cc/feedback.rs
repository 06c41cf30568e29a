//! A feedback message as read.

use super::{LARGE_STEP, NOT_RECEIVED, REFERENCE_US, SMALL_STEP, TICK_US};
use crate::bytes::{be16, be24};
use crate::error::RtpError;

const HEAD: usize = 8;

/// A feedback message whose lengths were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Feedback<'a> {
    /// First transport-wide sequence number it speaks of.
    pub base: u16,
    /// Packets it speaks of.
    pub count: u16,
    /// Base of the arrival times, 24 bits of 64 ms.
    pub reference: u32,
    /// Number of the message, modulo 256.
    pub number: u8,
    chunks: &'a [u8],
    steps: &'a [u8],
}

impl<'a> Feedback<'a> {
    /// Reads what follows the two SSRCs ([`crate::rtcp::Item::TransportCc`]).
    ///
    /// Errors: `Truncated`, `Malformed`. Cost: one pass over the statuses, no allocation.
    pub fn parse(body: &'a [u8]) -> Result<Self, RtpError> {
        let base = be16(body, 0).ok_or(RtpError::Truncated)?;
        let count = be16(body, 2).ok_or(RtpError::Truncated)?;
        let reference = be24(body, 4).ok_or(RtpError::Truncated)?;
        let number = *body.get(7).ok_or(RtpError::Truncated)?;
        let rest = &body[HEAD..];

        let mut left = usize::from(count);
        let mut chunks_len = 0;
        let mut steps_len = 0;
        while left > 0 {
            let chunk = be16(rest, chunks_len).ok_or(RtpError::Truncated)?;
            chunks_len += 2;
            let mut seen = 0;
            for status in chunk_statuses(chunk).take(left) {
                seen += 1;
                steps_len += match status {
                    NOT_RECEIVED => 0,
                    SMALL_STEP => 1,
                    LARGE_STEP => 2,
                    _ => return Err(RtpError::Malformed),
                };
            }
            if seen == 0 {
                return Err(RtpError::Malformed);
            }
            left -= seen;
        }
        let (chunks, after) = rest.split_at(chunks_len);
        let steps = after.get(..steps_len).ok_or(RtpError::Truncated)?;
        Ok(Self {
            base,
            count,
            reference,
            number,
            chunks,
            steps,
        })
    }

    /// Sequence number and arrival of each packet in order; no arrival where it did not come.
    ///
    /// Units: microseconds after the start of the 24-bit circle of reference times.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals<'a> {
        Arrivals {
            chunks: self.chunks,
            chunk: 0,
            in_chunk: 0,
            steps: self.steps,
            sequence: self.base,
            left: self.count,
            at_us: i64::from(self.reference) * REFERENCE_US as i64,
        }
    }
}

/// The statuses of one chunk, in order.
fn chunk_statuses(chunk: u16) -> impl Iterator<Item = u8> {
    (0..chunk_len(chunk)).map(move |at| chunk_status(chunk, at))
}

const fn chunk_len(chunk: u16) -> u16 {
    match chunk >> 14 {
        0 | 1 => chunk & 0x1fff,
        2 => 14,
        _ => 7,
    }
}

const fn chunk_status(chunk: u16, at: u16) -> u8 {
    (match chunk >> 14 {
        0 | 1 => chunk >> 13 & 3,
        2 => chunk >> (13 - at) & 1,
        _ => chunk >> (12 - 2 * at) & 3,
    }) as u8
}

/// Walks the packets of a [`Feedback`].
#[derive(Clone, Debug)]
pub struct Arrivals<'a> {
    chunks: &'a [u8],
    chunk: u16,
    in_chunk: u16,
    steps: &'a [u8],
    sequence: u16,
    left: u16,
    at_us: i64,
}

impl Iterator for Arrivals<'_> {
    type Item = (u16, Option<i64>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        if self.in_chunk == 0 {
            self.chunk = be16(self.chunks, 0)?;
            self.chunks = &self.chunks[2..];
            self.in_chunk = chunk_len(self.chunk);
        }
        let status = chunk_status(self.chunk, chunk_len(self.chunk) - self.in_chunk);
        self.in_chunk -= 1;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let step = match status {
            SMALL_STEP => {
                let (first, rest) = self.steps.split_first()?;
                self.steps = rest;
                i64::from(*first)
            }
            LARGE_STEP => {
                let (first, rest) = self.steps.split_first_chunk::<2>()?;
                self.steps = rest;
                i64::from(i16::from_be_bytes(*first))
            }
            _ => return Some((sequence, None)),
        };
        self.at_us += step * TICK_US as i64;
        Some((sequence, Some(self.at_us)))
    }
}
