//! RFC 4571: a 16-bit length before each packet on a connection.

/// Longest packet accepted on a connection, bytes. As for UDP: media packets stay below 1,500.
pub const FRAME_BYTES_MAX: usize = 2048;

/// The far side does not speak RFC 4571, or sends packets that no media path has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// The length it announced, bytes.
    pub announced: usize,
}

/// Cuts a byte stream into packets.
#[derive(Debug, Default)]
pub struct FrameReader {
    bytes: Vec<u8>,
    at: usize,
}

impl FrameReader {
    /// Takes what was read from the connection.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.bytes.drain(..self.at);
            self.at = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole packet, or none until more is pushed. Empty frames are skipped.
    /// Errors: a packet longer than [`FRAME_BYTES_MAX`]; the connection is of no more use.
    pub fn next_frame(&mut self) -> Result<Option<&mut [u8]>, FrameError> {
        loop {
            let rest = self.bytes.get(self.at..).unwrap_or_default();
            let Some((&[high, low], body)) = rest.split_first_chunk::<2>() else {
                return Ok(None);
            };
            let length = usize::from(u16::from_be_bytes([high, low]));
            if length > FRAME_BYTES_MAX {
                return Err(FrameError { announced: length });
            }
            if body.len() < length {
                return Ok(None);
            }
            let start = self.at + 2;
            self.at = start + length;
            if length > 0 {
                return Ok(self.bytes.get_mut(start..start + length));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_whole_however_the_bytes_arrive() {
        let wire = [0, 3, 1, 2, 3, 0, 0, 0, 2, 9, 8];
        for cut in 1..wire.len() {
            let mut reader = FrameReader::default();
            let mut got = Vec::new();
            for piece in wire.chunks(cut) {
                reader.push(piece);
                while let Some(frame) = reader.next_frame().unwrap() {
                    got.push(frame.to_vec());
                }
            }
            assert_eq!(got, [vec![1, 2, 3], vec![9, 8]]);
        }
    }

    #[test]
    fn a_length_beyond_the_limit_is_an_error_before_it_is_buffered() {
        let mut reader = FrameReader::default();
        reader.push(&[0xff, 0xff, 1]);
        assert_eq!(reader.next_frame(), Err(FrameError { announced: 65_535 }));
    }
}
