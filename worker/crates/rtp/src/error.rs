//! Why a packet or a key was refused.

use std::fmt;

/// Why something was refused. Nothing has changed when one of these comes back, and each kind is
/// worth a counter of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RtpError {
    /// Ends before its own lengths say so.
    Truncated,
    /// Not version 2.
    Version,
    /// A length, a count or a reserved value that cannot be.
    Malformed,
    /// Padding longer than what it pads.
    Padding,
    /// The SRTP tag does not match: forged, damaged, or another key.
    Unauthenticated,
    /// Seen before, or too old to tell.
    Replayed,
    /// Longer than a limit of [`crate::limits`].
    TooLong,
    /// The caller's buffer is too small.
    NoRoom,
    /// A key or a salt of the wrong length for its profile.
    KeyLength,
    /// An index space is used up; only new keys can help.
    KeyExhausted,
}

impl fmt::Display for RtpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "packet ends early",
            Self::Version => "not RTP version 2",
            Self::Malformed => "impossible field",
            Self::Padding => "padding longer than the payload",
            Self::Unauthenticated => "authentication failed",
            Self::Replayed => "replayed or too old",
            Self::TooLong => "longer than the limit",
            Self::NoRoom => "buffer too small",
            Self::KeyLength => "wrong key or salt length",
            Self::KeyExhausted => "key used up",
        })
    }
}

impl std::error::Error for RtpError {}
