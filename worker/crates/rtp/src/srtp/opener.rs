//! The receiving half.

use serde::{Deserialize, Serialize};

use super::cipher::{Cipher, ENCRYPTED};
use super::master::Master;
use crate::bytes::be32;
use crate::error::RtpError;
use crate::limits::RTCP_SENDERS_MAX;
use crate::sequence::ReplayWindow;

/// Opens everything that comes from one endpoint.
///
/// RTP replay is the caller's, one window per SSRC, because the same window drives loss detection.
/// RTCP replay is kept here, one window **per sender SSRC**: senders count their SRTCP index so,
/// and a window for the whole endpoint would silently eat key-frame requests.
pub struct Opener {
    rtp: Cipher,
    rtcp: Cipher,
    state: OpenerState,
}

impl std::fmt::Debug for Opener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opener")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What an [`Opener`] knows besides its keys; part of a snapshot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenerState {
    // Most recently heard last.
    senders: Vec<(u32, ReplayWindow<1>)>,
}

impl OpenerState {
    /// The sender's window moved to the end of the list; the least recently heard makes room.
    pub(super) fn window(&mut self, ssrc: u32) -> &mut ReplayWindow<1> {
        if let Some(at) = self.senders.iter().position(|sender| sender.0 == ssrc) {
            let last = self.senders.len() - 1;
            if at != last {
                self.senders[at..].rotate_left(1);
            }
        } else {
            if self.senders.len() >= RTCP_SENDERS_MAX {
                self.senders.remove(0);
            }
            self.senders.push((ssrc, ReplayWindow::default()));
        }
        let last = self.senders.len() - 1;
        &mut self.senders[last].1
    }

    pub(super) fn check(&self, ssrc: u32, index: u64) -> Result<(), RtpError> {
        match self.senders.iter().rev().find(|sender| sender.0 == ssrc) {
            Some((_, window)) => window.check(index),
            None => Ok(()),
        }
    }
}

impl Opener {
    /// Expands the keys of the receiving direction; `state` is the default for new keys.
    ///
    /// Errors: `KeyLength`, which a [`Master`] made by its constructors never gives.
    pub fn new(master: &Master, state: OpenerState) -> Result<Self, RtpError> {
        Ok(Self {
            rtp: Cipher::new(&master.rtp_keys()?)?,
            rtcp: Cipher::new(&master.rtcp_keys()?)?,
            state,
        })
    }

    /// What a snapshot keeps.
    #[must_use]
    pub const fn state(&self) -> &OpenerState {
        &self.state
    }

    /// Authenticates and decrypts one RTP packet where it lies; returns its payload, RTP padding
    /// included. `index` is what [`ReplayWindow::expect`] said and [`ReplayWindow::check`] allowed;
    /// mark it once this has succeeded.
    ///
    /// Errors: `Truncated`, `Unauthenticated`; then the buffer's payload is worthless.
    #[inline]
    pub fn open_rtp<'a>(
        &self,
        packet: &'a mut [u8],
        header_len: usize,
        ssrc: u32,
        index: u64,
    ) -> Result<&'a mut [u8], RtpError> {
        let len = self.rtp.open_rtp(packet, header_len, (ssrc, index))?;
        packet
            .get_mut(header_len..header_len + len)
            .ok_or(RtpError::Truncated)
    }

    /// Authenticates and decrypts one SRTCP packet where it lies; returns the compound packet.
    ///
    /// Errors: `Truncated`, `Replayed`, `Unauthenticated`; then the buffer is worthless and no
    /// window has changed.
    pub fn open_rtcp<'a>(&mut self, packet: &'a mut [u8]) -> Result<&'a [u8], RtpError> {
        let word = self.rtcp.rtcp_index_word(packet)?;
        let ssrc = be32(packet, 4).ok_or(RtpError::Truncated)?;
        let index = u64::from(word & !ENCRYPTED);
        self.state.check(ssrc, index)?;
        let len = self.rtcp.open_rtcp(packet, ssrc, word)?;
        self.state.window(ssrc).mark(index);
        packet.get(..len).ok_or(RtpError::Truncated)
    }
}
