//! Reading RTCP.

use super::{ReportBlock, SenderInfo, kind};
use crate::bytes::{be16, be24, be32};
use crate::error::RtpError;
use crate::limits::RTCP_ITEMS_MAX;
use crate::time::NtpTime;

const BLOCK: usize = 24;

/// One item of a compound packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// SR.
    SenderReport {
        /// The sender and its clocks.
        info: SenderInfo,
        /// What it receives.
        reports: ReportBlocks<'a>,
    },
    /// RR.
    ReceiverReport {
        /// Who reports.
        sender: u32,
        /// What it receives.
        reports: ReportBlocks<'a>,
    },
    /// SDES.
    Description {
        /// CNAMEs by SSRC.
        names: SourceItems<'a>,
    },
    /// BYE.
    Goodbye {
        /// Who leaves.
        ssrcs: Ssrcs<'a>,
    },
    /// Generic NACK.
    Nack {
        /// Who asks.
        sender: u32,
        /// The track.
        media: u32,
        /// Sequence numbers asked for.
        lost: NackPairs<'a>,
    },
    /// Transport-wide feedback; [`crate::transport_cc::Feedback::parse`] reads the body.
    TransportCc {
        /// Who reports.
        sender: u32,
        /// Any track of the transport.
        media: u32,
        /// What follows the two SSRCs.
        body: &'a [u8],
    },
    /// PLI.
    PictureLoss {
        /// Who asks.
        sender: u32,
        /// The track.
        media: u32,
    },
    /// FIR.
    FullIntra {
        /// Who asks.
        sender: u32,
        /// Tracks and the numbers of the requests.
        requests: Requests<'a>,
    },
    /// XR receiver reference time: the receiver's clock, to be answered by DLRR.
    ReferenceTime {
        /// Who asks.
        sender: u32,
        /// Its clock.
        ntp: NtpTime,
    },
    /// XR DLRR: answers to our reference times.
    DelaySince {
        /// Who answers.
        sender: u32,
        /// One block per receiver.
        blocks: DelayBlocks<'a>,
    },
    /// Well-formed, and nothing that we use (REMB, APP, other XR blocks).
    Other {
        /// Packet type.
        packet_type: u8,
        /// Count or format.
        format: u8,
    },
}

/// Reads a compound packet. Ends after the first item that is malformed, which it yields as an
/// error, so that what came before still counts.
///
/// Errors: `Truncated`, `Version`, `Malformed`, `Padding`; `TooLong` above the limit of items.
/// Cost: no allocation.
pub fn items(packet: &[u8]) -> impl Iterator<Item = Result<Item<'_>, RtpError>> {
    let mut reader = Reader {
        rest: packet,
        blocks: &[],
        sender: 0,
        count: 0,
    };
    std::iter::from_fn(move || {
        let item = reader.next()?;
        if item.is_err() {
            reader.rest = &[];
            reader.blocks = &[];
        }
        Some(item)
    })
}

struct Reader<'a> {
    rest: &'a [u8],
    // Blocks of the XR that is being read, and who sent it.
    blocks: &'a [u8],
    sender: u32,
    count: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<Result<Item<'a>, RtpError>> {
        if self.blocks.is_empty() && self.rest.is_empty() {
            return None;
        }
        self.count += 1;
        if self.count > RTCP_ITEMS_MAX {
            return Some(Err(RtpError::TooLong));
        }
        Some(if self.blocks.is_empty() {
            self.packet()
        } else {
            self.block()
        })
    }

    fn packet(&mut self) -> Result<Item<'a>, RtpError> {
        let [first, packet_type, ..] = *self.rest else {
            return Err(RtpError::Truncated);
        };
        if first >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let words = usize::from(be16(self.rest, 2).ok_or(RtpError::Truncated)?);
        let (packet, rest) = self
            .rest
            .split_at_checked(4 + 4 * words)
            .ok_or(RtpError::Truncated)?;
        self.rest = rest;
        let mut body = &packet[4..];
        if first & 0x20 != 0 {
            // RFC 3550 asks for a multiple of four; Chromium pads its transport-wide feedback by
            // one to three bytes, to the next word.
            let count = usize::from(*body.last().ok_or(RtpError::Padding)?);
            if count == 0 || count > body.len() {
                return Err(RtpError::Padding);
            }
            body = &body[..body.len() - count];
        }
        self.typed(packet_type, first & 0x1f, body)
    }

    fn typed(&mut self, packet_type: u8, format: u8, body: &'a [u8]) -> Result<Item<'a>, RtpError> {
        let word = |at: usize| be32(body, at).ok_or(RtpError::Truncated);
        Ok(match (packet_type, format) {
            (kind::SENDER_REPORT, count) => Item::SenderReport {
                info: SenderInfo {
                    ssrc: word(0)?,
                    ntp: NtpTime {
                        seconds: word(4)?,
                        fraction: word(8)?,
                    },
                    timestamp: word(12)?,
                    packets: word(16)?,
                    octets: word(20)?,
                },
                reports: ReportBlocks::new(body, 24, count)?,
            },
            (kind::RECEIVER_REPORT, count) => Item::ReceiverReport {
                sender: word(0)?,
                reports: ReportBlocks::new(body, 4, count)?,
            },
            (kind::DESCRIPTION, count) => Item::Description {
                names: SourceItems {
                    rest: body,
                    left: count,
                },
            },
            (kind::GOODBYE, count) => {
                let len = 4 * usize::from(count);
                Item::Goodbye {
                    ssrcs: Ssrcs(body.get(..len).ok_or(RtpError::Truncated)?),
                }
            }
            (kind::TRANSPORT_FEEDBACK, kind::NACK) => Item::Nack {
                sender: word(0)?,
                media: word(4)?,
                lost: NackPairs(body.get(8..).ok_or(RtpError::Truncated)?),
            },
            (kind::TRANSPORT_FEEDBACK, kind::TRANSPORT_CC) => Item::TransportCc {
                sender: word(0)?,
                media: word(4)?,
                body: body.get(8..).ok_or(RtpError::Truncated)?,
            },
            (kind::PAYLOAD_FEEDBACK, kind::PICTURE_LOSS) => Item::PictureLoss {
                sender: word(0)?,
                media: word(4)?,
            },
            (kind::PAYLOAD_FEEDBACK, kind::FULL_INTRA) => Item::FullIntra {
                sender: word(0)?,
                requests: Requests(body.get(8..).ok_or(RtpError::Truncated)?),
            },
            (kind::EXTENDED_REPORT, _) => {
                self.sender = word(0)?;
                self.blocks = &body[4..];
                if self.blocks.is_empty() {
                    return Ok(Item::Other {
                        packet_type,
                        format,
                    });
                }
                return self.block();
            }
            _ => Item::Other {
                packet_type,
                format,
            },
        })
    }

    /// One block of an extended report (RFC 3611).
    fn block(&mut self) -> Result<Item<'a>, RtpError> {
        let [block_type, format, ..] = *self.blocks else {
            return Err(RtpError::Truncated);
        };
        let words = usize::from(be16(self.blocks, 2).ok_or(RtpError::Truncated)?);
        let (block, rest) = self
            .blocks
            .split_at_checked(4 + 4 * words)
            .ok_or(RtpError::Truncated)?;
        self.blocks = rest;
        let sender = self.sender;
        Ok(match block_type {
            kind::REFERENCE_TIME => Item::ReferenceTime {
                sender,
                ntp: NtpTime {
                    seconds: be32(block, 4).ok_or(RtpError::Truncated)?,
                    fraction: be32(block, 8).ok_or(RtpError::Truncated)?,
                },
            },
            kind::DELAY_SINCE => Item::DelaySince {
                sender,
                blocks: DelayBlocks(&block[4..]),
            },
            _ => Item::Other {
                packet_type: kind::EXTENDED_REPORT,
                format,
            },
        })
    }
}

/// Report blocks of an SR or RR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportBlocks<'a>(&'a [u8]);

impl<'a> ReportBlocks<'a> {
    fn new(body: &'a [u8], start: usize, count: u8) -> Result<Self, RtpError> {
        body.get(start..start + BLOCK * usize::from(count))
            .map(Self)
            .ok_or(RtpError::Truncated)
    }

    /// Each block in order.
    pub fn iter(&self) -> impl Iterator<Item = ReportBlock> + use<'a> {
        let bytes = self.0;
        bytes.chunks_exact(BLOCK).filter_map(|block| {
            Some(ReportBlock {
                ssrc: be32(block, 0)?,
                fraction_lost: block[4],
                // Sign-extends 24 bits.
                cumulative_lost: (be24(block, 5)? << 8) as i32 >> 8,
                highest: be32(block, 8)?,
                jitter: be32(block, 12)?,
                last_report: be32(block, 16)?,
                delay: be32(block, 20)?,
            })
        })
    }
}

/// CNAMEs of an SDES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceItems<'a> {
    rest: &'a [u8],
    left: u8,
}

impl<'a> SourceItems<'a> {
    /// SSRC and CNAME of each chunk that has one; ends at the first malformed chunk.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &'a [u8])> + use<'a> {
        let (mut rest, mut left) = (self.rest, self.left);
        std::iter::from_fn(move || {
            while left > 0 {
                left -= 1;
                let chunk = rest;
                let ssrc = be32(chunk, 0)?;
                let mut at = 4;
                let mut name = None;
                loop {
                    let item = *chunk.get(at)?;
                    if item == 0 {
                        // The end marker and what pads the chunk to four bytes.
                        at = (at + 1).next_multiple_of(4);
                        break;
                    }
                    let len = usize::from(*chunk.get(at + 1)?);
                    let text = chunk.get(at + 2..at + 2 + len)?;
                    if item == kind::CNAME {
                        name = Some(text);
                    }
                    at += 2 + len;
                }
                rest = chunk.get(at..).unwrap_or_default();
                if let Some(name) = name {
                    return Some((ssrc, name));
                }
            }
            None
        })
    }
}

/// SSRCs of a BYE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ssrcs<'a>(&'a [u8]);

impl<'a> Ssrcs<'a> {
    /// Each in order.
    pub fn iter(&self) -> impl Iterator<Item = u32> + use<'a> {
        self.0
            .as_chunks::<4>()
            .0
            .iter()
            .map(|word| u32::from_be_bytes(*word))
    }
}

/// Sequence numbers of a NACK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NackPairs<'a>(&'a [u8]);

impl<'a> NackPairs<'a> {
    /// Each sequence number asked for, in the order of the packet.
    pub fn iter(&self) -> impl Iterator<Item = u16> + use<'a> {
        self.0.as_chunks::<4>().0.iter().flat_map(|pair| {
            let first = u16::from_be_bytes([pair[0], pair[1]]);
            let mask = u16::from_be_bytes([pair[2], pair[3]]);
            std::iter::once(first).chain(
                (0..16)
                    .filter(move |bit| mask >> bit & 1 != 0)
                    .map(move |bit| first.wrapping_add(bit + 1)),
            )
        })
    }
}

/// Entries of a FIR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requests<'a>(&'a [u8]);

impl<'a> Requests<'a> {
    /// Track and number of each request. The same number again is the same request (RFC 5104
    /// 4.3.1).
    pub fn iter(&self) -> impl Iterator<Item = (u32, u8)> + use<'a> {
        self.0.as_chunks::<8>().0.iter().map(|entry| {
            (
                u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]),
                entry[4],
            )
        })
    }
}

/// Sub-blocks of a DLRR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayBlocks<'a>(&'a [u8]);

impl<'a> DelayBlocks<'a> {
    /// SSRC of the receiver, middle of its last reference time, delay since it came (1/65,536 s).
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> + use<'a> {
        self.0
            .as_chunks::<12>()
            .0
            .iter()
            .filter_map(|block| Some((be32(block, 0)?, be32(block, 4)?, be32(block, 8)?)))
    }
}
