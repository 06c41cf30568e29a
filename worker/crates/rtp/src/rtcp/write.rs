//! Writing RTCP.

use super::{ReportBlock, SenderInfo, kind};
use crate::time::NtpTime;

/// Most report blocks that one report can count.
const REPORTS_MAX: usize = 31;

/// Appends items to a compound packet.
///
/// Begin with a report, as RFC 3550 section 6.1 asks, unless reduced-size RTCP was negotiated. The
/// buffer is the caller's, so that one allocation serves for ever.
#[derive(Debug)]
pub struct Compound<'a> {
    out: &'a mut Vec<u8>,
}

impl<'a> Compound<'a> {
    /// Starts at the end of `out`.
    pub fn new(out: &'a mut Vec<u8>) -> Self {
        Self { out }
    }

    /// Bytes in the buffer so far; to be kept below [`crate::limits::RTCP_BYTES_MAX`].
    #[must_use]
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// SR. At most 31 reports are written.
    pub fn sender_report(&mut self, info: &SenderInfo, reports: &[ReportBlock]) {
        let reports = &reports[..reports.len().min(REPORTS_MAX)];
        let start = self.begin(reports.len() as u8, kind::SENDER_REPORT);
        self.words(&[
            info.ssrc,
            info.ntp.seconds,
            info.ntp.fraction,
            info.timestamp,
            info.packets,
            info.octets,
        ]);
        self.reports(reports);
        self.finish(start);
    }

    /// RR. At most 31 reports are written.
    pub fn receiver_report(&mut self, sender: u32, reports: &[ReportBlock]) {
        let reports = &reports[..reports.len().min(REPORTS_MAX)];
        let start = self.begin(reports.len() as u8, kind::RECEIVER_REPORT);
        self.words(&[sender]);
        self.reports(reports);
        self.finish(start);
    }

    /// SDES with one CNAME, cut at 255 bytes.
    pub fn description(&mut self, ssrc: u32, name: &str) {
        let name = &name.as_bytes()[..name.len().min(255)];
        let start = self.begin(1, kind::DESCRIPTION);
        self.words(&[ssrc]);
        self.out.extend_from_slice(&[kind::CNAME, name.len() as u8]);
        self.out.extend_from_slice(name);
        // At least one zero ends the list of items.
        self.out.push(0);
        self.finish(start);
    }

    /// BYE. At most 31 SSRCs are written.
    pub fn goodbye(&mut self, ssrcs: &[u32]) {
        let ssrcs = &ssrcs[..ssrcs.len().min(REPORTS_MAX)];
        let start = self.begin(ssrcs.len() as u8, kind::GOODBYE);
        self.words(ssrcs);
        self.finish(start);
    }

    /// Generic NACK for ascending sequence numbers. Nothing is written for none.
    pub fn nack(&mut self, sender: u32, media: u32, lost: &[u16]) {
        let Some((&first, rest)) = lost.split_first() else {
            return;
        };
        let start = self.begin(kind::NACK, kind::TRANSPORT_FEEDBACK);
        self.words(&[sender, media]);
        let (mut base, mut mask) = (first, 0u16);
        for &sequence in rest {
            let step = sequence.wrapping_sub(base);
            if (1..=16).contains(&step) {
                mask |= 1 << (step - 1);
            } else if step != 0 {
                self.words(&[u32::from(base) << 16 | u32::from(mask)]);
                (base, mask) = (sequence, 0);
            }
        }
        self.words(&[u32::from(base) << 16 | u32::from(mask)]);
        self.finish(start);
    }

    /// PLI.
    pub fn picture_loss(&mut self, sender: u32, media: u32) {
        let start = self.begin(kind::PICTURE_LOSS, kind::PAYLOAD_FEEDBACK);
        self.words(&[sender, media]);
        self.finish(start);
    }

    /// FIR for one track; `number` goes up by one with each new request.
    pub fn full_intra(&mut self, sender: u32, media: u32, number: u8) {
        let start = self.begin(kind::FULL_INTRA, kind::PAYLOAD_FEEDBACK);
        self.words(&[sender, 0, media, u32::from(number) << 24]);
        self.finish(start);
    }

    /// XR receiver reference time.
    pub fn reference_time(&mut self, sender: u32, ntp: NtpTime) {
        let start = self.begin(0, kind::EXTENDED_REPORT);
        let head = u32::from(kind::REFERENCE_TIME) << 24 | 2;
        self.words(&[sender, head, ntp.seconds, ntp.fraction]);
        self.finish(start);
    }

    /// XR DLRR for one receiver: `last` is the middle of its reference time, `delay` the time since
    /// it came in 1/65,536 s.
    pub fn delay_since(&mut self, sender: u32, receiver: u32, last: u32, delay: u32) {
        let start = self.begin(0, kind::EXTENDED_REPORT);
        let head = u32::from(kind::DELAY_SINCE) << 24 | 3;
        self.words(&[sender, head, receiver, last, delay]);
        self.finish(start);
    }

    /// Transport-wide feedback; `body` appends what follows the two SSRCs.
    pub(crate) fn transport_cc(
        &mut self,
        sender: u32,
        media: u32,
        body: impl FnOnce(&mut Vec<u8>),
    ) {
        let start = self.begin(kind::TRANSPORT_CC, kind::TRANSPORT_FEEDBACK);
        self.words(&[sender, media]);
        body(self.out);
        self.finish(start);
    }

    fn begin(&mut self, format: u8, packet_type: u8) -> usize {
        let start = self.out.len();
        self.out
            .extend_from_slice(&[0x80 | format & 0x1f, packet_type, 0, 0]);
        start
    }

    fn words(&mut self, words: &[u32]) {
        for word in words {
            self.out.extend_from_slice(&word.to_be_bytes());
        }
    }

    fn reports(&mut self, reports: &[ReportBlock]) {
        for block in reports {
            let lost = block.cumulative_lost.clamp(-0x0080_0000, 0x007f_ffff) as u32 & 0x00ff_ffff;
            self.words(&[
                block.ssrc,
                u32::from(block.fraction_lost) << 24 | lost,
                block.highest,
                block.jitter,
                block.last_report,
                block.delay,
            ]);
        }
    }

    /// Pads to whole words with zeros and writes the length.
    fn finish(&mut self, start: usize) {
        let len = (self.out.len() - start).next_multiple_of(4);
        self.out.resize(start + len, 0);
        let words = ((len / 4 - 1) as u16).to_be_bytes();
        self.out[start + 2..start + 4].copy_from_slice(&words);
    }
}
