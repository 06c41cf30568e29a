//! The flat send buffer: packets are written where the kernel will read them.

use crate::address::Address;

/// Packets in one buffer that go to one address, all of equal size but for a shorter last one:
/// what segmentation offload can send as one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Where they go.
    pub to: Address,
    /// First byte in the buffer.
    pub start: usize,
    /// Bytes of all packets together.
    pub len: usize,
    /// Bytes of each packet but the last, which may be shorter.
    pub segment: usize,
}

/// Packets ready to be sent, in order.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// All packets, one after the other.
    pub bytes: &'a [u8],
    /// Who gets which part.
    pub runs: &'a [Run],
}

impl<'a> Batch<'a> {
    /// Every packet with its destination, in order.
    pub fn packets(self) -> impl Iterator<Item = (Address, &'a [u8])> {
        self.runs.iter().flat_map(move |run| {
            let bytes = self
                .bytes
                .get(run.start..run.start + run.len)
                .unwrap_or_default();
            bytes
                .chunks(run.segment.max(1))
                .map(move |packet| (run.to, packet))
        })
    }
}

/// Bytes of the buffer. It stays in the second-level cache while viewers are served in turn.
const BUFFER_BYTES: usize = 384 << 10;
/// Room kept free for one packet, bytes: media never comes near, DTLS flights are cut to 1,150.
pub(crate) const PACKET_BYTES_MAX: usize = 1600;
/// Bulk work pauses when less than this is free, so that answers (STUN, RTCP, retransmissions)
/// always find room.
const RESERVE_BYTES: usize = 96 << 10;
/// Runs before bulk work pauses.
const RUNS_MAX: usize = 1024;

/// Collects packets until they are sent.
pub(crate) struct Outbox {
    bytes: Box<[u8]>,
    len: usize,
    runs: Vec<Run>,
    /// The last run still takes packets of its size.
    open: bool,
    /// Packets that found no room.
    pub(crate) overflowed: u64,
    /// Packets and bytes written, ever.
    pub(crate) packets: u64,
    pub(crate) bytes_written: u64,
}

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; BUFFER_BYTES].into(),
            len: 0,
            runs: Vec::with_capacity(RUNS_MAX),
            open: false,
            overflowed: 0,
            packets: 0,
            bytes_written: 0,
        }
    }

    /// Whether bulk work should pause until this has been sent.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len() - self.len < RESERVE_BYTES || self.runs.len() >= RUNS_MAX
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Room for the next packet; none when the buffer is full to the brim (counted).
    pub(crate) fn space(&mut self) -> Option<&mut [u8]> {
        let space = self.bytes.get_mut(self.len..self.len + PACKET_BYTES_MAX);
        if space.is_none() {
            self.overflowed += 1;
        }
        space
    }

    /// Sends the first `length` bytes of the last [`Outbox::space`] to `to`.
    pub(crate) fn commit(&mut self, to: Address, length: usize) {
        let start = self.len;
        self.len += length;
        self.packets += 1;
        self.bytes_written += length as u64;
        if let Some(last) = self.runs.last_mut()
            && self.open
            && last.to == to
            && length <= last.segment
        {
            last.len += length;
            self.open = length == last.segment;
            return;
        }
        self.runs.push(Run {
            to,
            start,
            len: length,
            segment: length,
        });
        self.open = true;
    }

    /// Sends a copy of `packet`.
    pub(crate) fn push(&mut self, to: Address, packet: &[u8]) {
        let Some(space) = self.space() else { return };
        let Some(space) = space.get_mut(..packet.len()) else {
            self.overflowed += 1;
            return;
        };
        space.copy_from_slice(packet);
        self.commit(to, packet.len());
    }

    pub(crate) fn batch(&self) -> Batch<'_> {
        Batch {
            bytes: &self.bytes[..self.len],
            runs: &self.runs,
        }
    }

    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.runs.clear();
        self.open = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(port: u16) -> Address {
        Address::Udp(([127, 0, 0, 1], port).into())
    }

    #[test]
    fn equal_packets_to_one_address_share_a_run_and_a_shorter_one_ends_it() {
        let mut outbox = Outbox::new();
        for (port, length) in [(1, 100), (1, 100), (1, 60), (1, 60), (2, 60), (2, 80)] {
            outbox.push(to(port), &vec![length as u8; length]);
        }
        let runs: Vec<_> = outbox
            .batch()
            .runs
            .iter()
            .map(|r| (r.to, r.len, r.segment))
            .collect();
        assert_eq!(
            runs,
            [
                (to(1), 260, 100),
                (to(1), 60, 60),
                (to(2), 60, 60),
                (to(2), 80, 80)
            ]
        );
        let lengths: Vec<_> = outbox.batch().packets().map(|(_, p)| p.len()).collect();
        assert_eq!(lengths, [100, 100, 60, 60, 60, 80]);
    }

    #[test]
    fn a_full_buffer_refuses_and_counts() {
        let mut outbox = Outbox::new();
        while outbox.space().is_some() {
            outbox.commit(to(1), PACKET_BYTES_MAX);
        }
        assert!(outbox.is_full());
        outbox.push(to(1), &[0; 10]);
        assert_eq!(outbox.overflowed, 2);
        outbox.clear();
        assert!(outbox.is_empty() && !outbox.is_full());
    }
}
