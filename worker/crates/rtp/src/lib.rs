//! The protocol core of the media worker: SRTP, RTP, RTCP, caches, rewriting, feedback, bandwidth.
//!
//! No socket, clock, thread or global: time comes in as [`time::Micros`], random numbers as
//! arguments. Input never panics; it is refused with an [`error::RtpError`], and nothing has
//! changed.
//!
//! # How a packet comes in
//!
//! 1. [`header::classify`] says what the datagram is.
//! 2. [`header::RtpHeader::parse`] reads the header (a plain value, so the packet stays free).
//!    Look the SSRC up, or learn it from `mid` and `rid` **only after step 4 succeeded**.
//! 3. [`receive::Reception::expect`] and [`check`](receive::Reception::check) give the index, or
//!    refuse a repeat.
//! 4. [`srtp::Opener::open_rtp`] authenticates and decrypts in place;
//!    [`header::without_padding`] cuts the padding.
//! 5. [`receive::Reception::on_packet`] counts it. A retransmission (RFC 4588) has its own SSRC and
//!    `Reception`; its first two bytes go to
//!    [`on_retransmission`](receive::Reception::on_retransmission) of the track that it repairs.
//!    [`transport_cc::ArrivalLog::record`] notes the transport-wide number.
//! 6. [`payload::inspect`] reads key frames and VP8 counters once; [`cache::PacketCache::put`]
//!    keeps it. With a key frame, [`receive::Reception::forget_before`] drops older requests.
//!
//! # How it goes out, per viewer
//!
//! 1. [`rewrite::OutTrack::rewrite`] gives index, timestamp and VP8 counters, or says "not this
//!    one".
//! 2. [`header::write_header`] writes into the flat send buffer.
//! 3. [`srtp::Sealer::seal_rtp`] encrypts from the cache behind it. With VP8 counters the prefix is
//!    what [`payload::vp8::Descriptor::patch`] wrote, and the payload starts after the descriptor.
//! 4. [`transport_cc::SendHistory::on_sent`], [`rewrite::OutTrack::on_sent`], and the estimator's
//!    [`on_sent`](bandwidth::BandwidthEstimator::on_sent) count it.
//!
//! ```
//! use parley_rtp::cache::{PacketCache, PacketInfo};
//! use parley_rtp::header::{ExtensionIds, ExtensionValues, HeaderFields, write_header};
//! use parley_rtp::payload::Detail;
//! use parley_rtp::rewrite::{OutTrack, Pace};
//! use parley_rtp::srtp::{Master, Plain, Profile, Sealer};
//! use parley_rtp::time::Micros;
//!
//! let now = Micros(1_000_000);
//! let mut cache = PacketCache::new();
//! let info = PacketInfo {
//!     index: 70_000, timestamp: 960, arrived: now, marker: true, is_key_frame: false,
//!     audio_level: None, codec: 0, detail: Detail::Plain,
//! };
//! cache.put(info, b"a voice")?;
//!
//! let sealer = Sealer::new(&Master::new(Profile::AesGcm256, &[7; 32], &[9; 12])?, 0)?;
//! let mut line = OutTrack::new(Pace::Voice, 48_000, 1_234, 5_678);
//! line.switch_to(1);
//! let (info, payload) = cache.get(70_000).ok_or("gone")?;
//! let out = line.rewrite(1, info, now).ok_or("not this one")?;
//!
//! let mut send_buffer = [0; parley_rtp::limits::PACKET_BYTES_MAX];
//! let fields = HeaderFields {
//!     payload_type: 111, marker: info.marker, sequence: out.index as u16,
//!     timestamp: out.timestamp, ssrc: 42, has_padding: false,
//! };
//! let header_len = write_header(
//!     &mut send_buffer, &fields, &ExtensionIds::default(), &ExtensionValues::default(),
//! )?;
//! let plain = Plain { header_len, prefix: &[], payload, ssrc: 42, index: out.index };
//! let len = sealer.seal_rtp(&mut send_buffer, &plain)?;
//! assert_eq!(len, 12 + payload.len() + 16);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What else must be driven
//!
//! - RTCP in: [`srtp::Opener::open_rtcp`], then [`rtcp::items`]. A NACK of a viewer:
//!   [`rewrite::OutTrack::source_index`] → cache → [`rewrite::OutTrack::rewrite_again`], sealed on
//!   the RTX SSRC with the original sequence number (and the patched descriptor) as prefix. Never
//!   answer a NACK on the line's own SSRC: the same index would be sealed twice.
//! - RTCP out: [`rtcp::Compound`] into a buffer, [`srtp::Sealer::seal_rtcp`].
//! - Timers: [`receive::Reception::due_requests`] at its `deadline`, reports each second, feedback
//!   by [`transport_cc::ArrivalLog::write`] each 50 to 100 ms, [`pacer::Pacer::deadline`].
//! - Feedback in: [`transport_cc::Feedback::parse`] → [`transport_cc::SendHistory::on_feedback`] →
//!   [`bandwidth::BandwidthEstimator::on_feedback`]; ask
//!   [`probe`](bandwidth::BandwidthEstimator::probe) after each.
//!
//! Opening happens in place and destroys what does not authenticate: whoever tries two keys on one
//! packet (a restart with new keys) tries on a copy.
//!
//! # Snapshots
//!
//! [`srtp::Master`] of both directions, [`srtp::Sealer::rtcp_index`], [`srtp::OpenerState`],
//! [`receive::ReceptionState`] per received SSRC, [`rewrite::OutTrack`] per line, and
//! [`transport_cc::SendHistory::next_sequence`] serialise; numbers stay below 2^53, so that they
//! survive JavaScript. After a take-over: [`rewrite::OutTrack::jump`] on each line and
//! [`srtp::Sealer::rtcp_index_after_take_over`], both exactly once.

mod bytes;

pub mod bandwidth;
pub mod cache;
pub mod error;
pub mod header;
pub mod limits;
pub mod pacer;
pub mod payload;
pub mod receive;
pub mod repair_time;
pub mod rewrite;
pub mod rtcp;
pub mod sequence;
pub mod srtp;
pub mod time;
pub mod transport_cc;
