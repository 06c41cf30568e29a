//! No input panics, whatever its bytes.

use parley_rtp::header::{ExtensionIds, RtpHeader, classify};
use parley_rtp::rtcp::{Item, items};
use parley_rtp::srtp::{Master, Opener, OpenerState, Profile};
use parley_rtp::time::Micros;
use parley_rtp::transport_cc::{Feedback, SendHistory};
use proptest::prelude::*;

/// Bytes that get past the first checks more often than chance.
fn rtcp_like() -> impl Strategy<Value = Vec<u8>> {
    let packet = (
        0u8..32,
        198u8..210,
        0u16..12,
        prop::collection::vec(any::<u8>(), 0..48),
    );
    prop::collection::vec(packet, 0..5).prop_map(|packets| {
        packets
            .into_iter()
            .flat_map(|(format, packet_type, words, body)| {
                let [high, low] = words.to_be_bytes();
                [&[0x80 | format, packet_type, high, low][..], &body].concat()
            })
            .collect()
    })
}

fn read_everything(bytes: &[u8]) -> usize {
    items(bytes)
        .map(|item| match item {
            Ok(Item::SenderReport { reports, .. } | Item::ReceiverReport { reports, .. }) => {
                reports.iter().count()
            }
            Ok(Item::Description { names }) => names.iter().count(),
            Ok(Item::Goodbye { ssrcs }) => ssrcs.iter().count(),
            Ok(Item::Nack { lost, .. }) => lost.iter().count(),
            Ok(Item::FullIntra { requests, .. }) => requests.iter().count(),
            Ok(Item::DelaySince { blocks, .. }) => blocks.iter().count(),
            Ok(Item::TransportCc { body, .. }) => {
                Feedback::parse(body).map_or(0, |feedback| feedback.arrivals().count())
            }
            _ => 0,
        })
        .sum()
}

proptest! {
    #[test]
    fn rtcp_of_any_bytes(bytes in prop_oneof![
        rtcp_like(),
        prop::collection::vec(any::<u8>(), 0..200),
    ]) {
        // No iterator yields more than the bytes could hold.
        prop_assert!(read_everything(&bytes) <= bytes.len() * 0x2000);
    }

    #[test]
    fn feedback_of_any_bytes_reports_only_what_was_sent(
        body in prop::collection::vec(any::<u8>(), 0..120),
        first in any::<u16>(),
        count in 0usize..300,
    ) {
        let mut history = SendHistory::new(first);
        for _ in 0..count {
            history.on_sent(Micros(1), 1_000, 0);
        }
        if let Ok(feedback) = Feedback::parse(&body) {
            prop_assert_eq!(feedback.arrivals().count(), usize::from(feedback.count));
            let mut reports = Vec::new();
            history.on_feedback(&feedback, &mut reports);
            history.on_feedback(&feedback, &mut reports);
            let arrived = reports.iter().filter(|report| report.arrived_us.is_some()).count();
            prop_assert!(arrived <= count, "{arrived} of {count}");
        }
    }

    #[test]
    fn srtp_of_any_bytes_is_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        index in 0u64..1 << 48,
    ) {
        for profile in [Profile::AesCm128Sha80, Profile::AesGcm128, Profile::AesGcm256] {
            let key = vec![7; profile.key_len()];
            let master = Master::new(profile, &key, &vec![9; profile.salt_len()]).unwrap();
            let mut opener = Opener::new(&master, OpenerState::default()).unwrap();
            if let Ok(header) = RtpHeader::parse(&bytes, &ExtensionIds::default()) {
                let mut packet = bytes.clone();
                let opened = opener.open_rtp(&mut packet, header.len, header.ssrc, index);
                prop_assert!(opened.is_err());
            }
            // Any claimed header length, too.
            prop_assert!(opener.open_rtp(&mut bytes.clone(), 100, 1, index).is_err());
            prop_assert!(opener.open_rtcp(&mut bytes.clone()).is_err());
            prop_assert_eq!(opener.state(), &OpenerState::default());
        }
    }

    #[test]
    fn the_kind_of_a_datagram_depends_on_its_first_two_bytes(
        bytes in prop::collection::vec(any::<u8>(), 2..4),
        rest in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        prop_assert_eq!(classify(&bytes), classify(&[&bytes[..2], &rest].concat()));
    }
}
