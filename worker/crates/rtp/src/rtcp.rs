//! RTCP, read from a compound packet item by item, and written into one.
//!
//! ```
//! use parley_rtp::rtcp::{Compound, Item, items};
//! let mut packet = Vec::new();
//! let mut compound = Compound::new(&mut packet);
//! compound.receiver_report(1, &[]);
//! compound.picture_loss(1, 77);
//! let read: Result<Vec<Item<'_>>, _> = items(&packet).collect();
//! assert!(matches!(read?[1], Item::PictureLoss { sender: 1, media: 77 }));
//! # Ok::<(), parley_rtp::error::RtpError>(())
//! ```

mod read;
mod write;

pub use read::{DelayBlocks, Item, NackPairs, ReportBlocks, Requests, SourceItems, Ssrcs, items};
pub use write::Compound;

/// Packet types and feedback formats (RFC 3550, RFC 4585, RFC 5104, RFC 3611).
pub(crate) mod kind {
    pub(crate) const SENDER_REPORT: u8 = 200;
    pub(crate) const RECEIVER_REPORT: u8 = 201;
    pub(crate) const DESCRIPTION: u8 = 202;
    pub(crate) const GOODBYE: u8 = 203;
    pub(crate) const TRANSPORT_FEEDBACK: u8 = 205;
    pub(crate) const PAYLOAD_FEEDBACK: u8 = 206;
    pub(crate) const EXTENDED_REPORT: u8 = 207;

    pub(crate) const NACK: u8 = 1;
    pub(crate) const TRANSPORT_CC: u8 = 15;
    pub(crate) const PICTURE_LOSS: u8 = 1;
    pub(crate) const FULL_INTRA: u8 = 4;

    pub(crate) const CNAME: u8 = 1;
    pub(crate) const REFERENCE_TIME: u8 = 4;
    pub(crate) const DELAY_SINCE: u8 = 5;
}

/// How one track is received, as its receiver reports it.
///
/// Source: RFC 3550 section 6.4.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    /// The track.
    pub ssrc: u32,
    /// Share lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Packets lost since the beginning; negative where duplicates came. 24 bits.
    pub cumulative_lost: i32,
    /// Highest sequence number with its count of rounds.
    pub highest: u32,
    /// Jitter of arrivals in RTP clock ticks.
    pub jitter: u32,
    /// Middle of the NTP time of the last sender report; 0 = none yet.
    pub last_report: u32,
    /// Since that report arrived, in 1/65,536 s.
    pub delay: u32,
}

impl ReportBlock {
    /// The round trip, as the sender of the media sees it when this block arrives at `now`; none
    /// before the first sender report, or where the far clock is wrong.
    ///
    /// Units: `now` is the middle of the sender's NTP time. Source: RFC 3550 section 6.4.1.
    #[must_use]
    pub fn round_trip(&self, now: u32) -> Option<std::time::Duration> {
        let compact = now.wrapping_sub(self.last_report).wrapping_sub(self.delay);
        // More than half the circle is a negative time.
        (self.last_report != 0 && compact < 1 << 31).then(|| crate::time::from_compact_ntp(compact))
    }
}

/// What a sender says about itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    /// The track.
    pub ssrc: u32,
    /// Wall clock.
    pub ntp: crate::time::NtpTime,
    /// The RTP timestamp of the same moment.
    pub timestamp: u32,
    /// Packets sent, modulo 2^32.
    pub packets: u32,
    /// Payload bytes sent, modulo 2^32.
    pub octets: u32,
}
