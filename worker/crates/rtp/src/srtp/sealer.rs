//! The sending half.

use super::cipher::{Cipher, ENCRYPTED};
use super::master::Master;
use crate::error::RtpError;

/// One RTP packet before it is sealed. The header already stands in the send buffer.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a> {
    /// Bytes of the header at the start of the send buffer, extensions included.
    pub header_len: usize,
    /// Bytes that go before `payload`: a rewritten payload descriptor, or the original sequence
    /// number of a retransmission. Empty is cheapest: then the payload is read where it lies.
    pub prefix: &'a [u8],
    /// The payload, e.g. as it lies in a packet cache.
    pub payload: &'a [u8],
    /// SSRC as in the header.
    pub ssrc: u32,
    /// Extended sequence number (roll-over counter and 16 bits), less than 2^48.
    pub index: u64,
}

/// Seals everything that is sent to one endpoint.
pub struct Sealer {
    rtp: Cipher,
    rtcp: Cipher,
    rtcp_index: u32,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("rtcp_index", &self.rtcp_index)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Expands the keys of the sending direction. `rtcp_index` is the first SRTCP index to use: 0
    /// for new keys, [`Sealer::rtcp_index_after_take_over`] for keys that another process used.
    ///
    /// Errors: `KeyLength`, which a [`Master`] made by its constructors never gives.
    pub fn new(master: &Master, rtcp_index: u32) -> Result<Self, RtpError> {
        Ok(Self {
            rtp: Cipher::new(&master.rtp_keys()?)?,
            rtcp: Cipher::new(&master.rtcp_keys()?)?,
            rtcp_index,
        })
    }

    /// The SRTCP index of the next packet; what a snapshot keeps.
    #[must_use]
    pub const fn rtcp_index(&self) -> u32 {
        self.rtcp_index
    }

    /// Where a worker that takes over must start counting, given the index in the snapshot.
    #[must_use]
    pub const fn rtcp_index_after_take_over(saved: u32) -> u32 {
        saved.saturating_add(crate::limits::TAKE_OVER_RTCP_JUMP)
    }

    /// Bytes that sealing adds to an RTP packet.
    #[must_use]
    pub const fn tag_len(&self) -> usize {
        self.rtp.tag_len()
    }

    /// Encrypts the payload behind the header that stands at the start of `out` and adds the tag;
    /// returns the length of the whole packet.
    ///
    /// Errors: `NoRoom`, `KeyExhausted`. Cost: one pass over the payload, no allocation (AES-CM:
    /// one small allocation for the HMAC state).
    #[inline]
    pub fn seal_rtp(&self, out: &mut [u8], plain: &Plain<'_>) -> Result<usize, RtpError> {
        if plain.index >> 48 != 0 {
            return Err(RtpError::KeyExhausted);
        }
        let body_len = plain.prefix.len() + plain.payload.len();
        let total = plain.header_len + body_len + self.tag_len();
        let packet = out.get_mut(..total).ok_or(RtpError::NoRoom)?;
        let (header, rest) = packet.split_at_mut(plain.header_len);
        let (body, tag) = rest.split_at_mut(body_len);
        self.rtp.seal_rtp(
            header,
            [plain.prefix, plain.payload],
            body,
            tag,
            (plain.ssrc, plain.index),
        )?;
        Ok(total)
    }

    /// Encrypts a compound RTCP packet where it lies, and appends tag and index.
    ///
    /// Errors: `Truncated` for less than a header and an SSRC, `KeyExhausted` after 2^31 packets.
    pub fn seal_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), RtpError> {
        if self.rtcp_index & ENCRYPTED != 0 {
            return Err(RtpError::KeyExhausted);
        }
        self.rtcp.seal_rtcp(packet, self.rtcp_index)?;
        self.rtcp_index += 1;
        Ok(())
    }
}
