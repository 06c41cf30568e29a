//! Named counters: what came, what went, and every kind of input that was dropped.

use std::collections::BTreeMap;

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Something counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Counter { $($(#[$doc])* $name,)* }

        const NAMES: [&str; [$($text),*].len()] = [$($text),*];
    };
}

counters! {
    /// Datagrams read.
    DatagramsIn = "datagrams_in",
    /// RTP packets accepted.
    RtpIn = "rtp_in",
    /// RTCP packets accepted.
    RtcpIn = "rtcp_in",
    /// ICE checks answered with success.
    ChecksIn = "checks_in",
    /// Addresses that moved from one endpoint to another, when the other had proven them.
    AddressesTakenOver = "addresses_taken_over",
    /// Our checks to addresses that have to prove themselves.
    ChecksOut = "checks_out",
    /// Answers to them.
    AnswersIn = "check_answers_in",
    /// Times that the media of an endpoint moved to another address.
    MediaMoved = "media_moved",
    /// RTP packets forwarded.
    Forwarded = "rtp_forwarded",
    /// RTP packets sent again.
    Retransmitted = "rtp_retransmitted",
    /// Mixed packets sent.
    Mixed = "rtp_mixed",
    /// Key frames asked for.
    KeyFrameRequests = "key_frame_requests",
    /// Viewers who began with a cached key frame.
    KeyFramesReplayed = "key_frames_replayed",
    /// NACKs sent to publishers.
    NacksOut = "nacks_out",
    /// Not STUN, DTLS, RTP or RTCP.
    DroppedUnknownKind = "dropped_unknown_kind",
    /// A STUN, RTP or RTCP packet that cannot be parsed.
    DroppedMalformed = "dropped_malformed",
    /// An ICE check for a name nobody has.
    DroppedUnknownUfrag = "dropped_unknown_ufrag",
    /// An ICE check without or with the wrong password.
    DroppedUnauthenticatedCheck = "dropped_unauthenticated_check",
    /// A DTLS, RTP or RTCP packet from an address that passed no check.
    DroppedForeignAddress = "dropped_foreign_address",
    /// Media before there are keys.
    DroppedBeforeKeys = "dropped_before_keys",
    /// SRTP or SRTCP that does not authenticate.
    DroppedUnauthenticated = "dropped_unauthenticated",
    /// SRTP or SRTCP seen before, or too old to tell.
    DroppedReplayed = "dropped_replayed",
    /// An SSRC that belongs to no line.
    DroppedUnknownSsrc = "dropped_unknown_ssrc",
    /// A payload type that the line did not negotiate.
    DroppedUnknownPayloadType = "dropped_unknown_payload_type",
    /// A line that is muted, or an endpoint that has not entered.
    DroppedMuted = "dropped_muted",
    /// A packet larger than any media packet.
    DroppedTooLarge = "dropped_too_large",
    /// A STUN answer that nobody waits for, or an indication.
    DroppedStunResponse = "dropped_stun_response",
    /// A source's packet that a line does not send: older than its last switch, a voice that begins
    /// too soon after the last one, or more in a second than a take-over can jump over.
    SkippedByLine = "skipped_by_line",
    /// A retransmission beyond the viewer's cap.
    RefusedRtxCap = "refused_rtx_cap",
    /// A retransmission of what has not come from the publisher; it goes out when it comes.
    RtxAwaited = "rtx_awaited",
    /// A retransmission that is no longer cached.
    RefusedRtxGone = "refused_rtx_gone",
    /// Handshake packets beyond what an address without proof gets.
    WithheldUnproven = "withheld_unproven",
    /// Media for a viewer that is silent.
    WithheldSilent = "withheld_silent",
    /// A packet that found no room in the send buffer.
    OutboxOverflow = "outbox_overflow",
    /// A packet that could not be encrypted.
    SealFailed = "seal_failed",
    /// Beats in which a codec refused a voice or a format.
    MixFailed = "mix_failed",
    /// Rooms ended by a panic.
    RoomsFailed = "rooms_failed",
}

/// One set of counters.
#[derive(Clone, Debug)]
pub(crate) struct Counters([u64; NAMES.len()]);

impl Default for Counters {
    fn default() -> Self {
        Self([0; NAMES.len()])
    }
}

impl Counters {
    pub(crate) fn add(&mut self, counter: Counter, by: u64) {
        self.0[counter as usize] += by;
    }

    pub(crate) fn count(&mut self, counter: Counter) {
        self.add(counter, 1);
    }

    pub(crate) fn set(&mut self, counter: Counter, value: u64) {
        self.0[counter as usize] = value;
    }

    pub(crate) fn named(&self) -> BTreeMap<String, u64> {
        NAMES
            .iter()
            .zip(self.0)
            .map(|(name, value)| ((*name).to_owned(), value))
            .collect()
    }
}
