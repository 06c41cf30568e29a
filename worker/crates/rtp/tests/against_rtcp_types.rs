//! RTCP and transport-wide feedback against an independent implementation (`rtcp-types`), both
//! ways.

use parley_rtp::rtcp::{Compound, Item, ReportBlock, SenderInfo, items};
use parley_rtp::time::{Micros, NtpTime};
use parley_rtp::transport_cc::{ArrivalLog, Feedback};
use proptest::prelude::*;
use rtcp_types::prelude::*;
use rtcp_types::{Compound as Theirs, Packet, TwccPacketStatus};

fn block(ssrc: u32) -> ReportBlock {
    ReportBlock {
        ssrc,
        fraction_lost: 17,
        cumulative_lost: 4_242,
        highest: 0x0001_fffe,
        jitter: 99,
        last_report: 0x1234_5678,
        delay: 65_536,
    }
}

#[test]
fn what_we_write_they_read() {
    let mut bytes = Vec::new();
    let mut ours = Compound::new(&mut bytes);
    let ntp = NtpTime {
        seconds: 3_900_000_000,
        fraction: 7,
    };
    let info = SenderInfo {
        ssrc: 1,
        ntp,
        timestamp: 2,
        packets: 3,
        octets: 4,
    };
    ours.sender_report(&info, &[block(5)]);
    ours.description(1, "parley");
    ours.receiver_report(1, &[block(6), block(7)]);
    ours.nack(1, 9, &[65_534, 65_535, 0, 14, 40]);
    ours.picture_loss(1, 10);
    ours.full_intra(1, 11, 200);
    ours.reference_time(1, ntp);
    ours.delay_since(1, 12, 13, 14);
    ours.goodbye(&[1, 2]);

    let packets: Vec<Packet<'_>> = Theirs::parse(&bytes).unwrap().map(Result::unwrap).collect();
    let mut packets = packets.iter();
    let mut next = || packets.next().unwrap();
    let sr: rtcp_types::SenderReport<'_> = next().try_as().unwrap();
    assert_eq!(
        (sr.ssrc(), sr.ntp_timestamp()),
        (1, 3_900_000_000 << 32 | 7)
    );
    assert_eq!(
        (sr.rtp_timestamp(), sr.packet_count(), sr.octet_count()),
        (2, 3, 4)
    );
    let theirs = sr.report_blocks().next().unwrap();
    assert_eq!(
        (
            theirs.ssrc(),
            theirs.fraction_lost(),
            theirs.cumulative_lost()
        ),
        (5, 17, 4_242)
    );
    assert_eq!(theirs.extended_sequence_number(), 0x0001_fffe);
    assert_eq!(theirs.interarrival_jitter(), 99);
    assert_eq!(theirs.last_sender_report_timestamp(), 0x1234_5678);
    assert_eq!(theirs.delay_since_last_sender_report_timestamp(), 65_536);
    let sdes: rtcp_types::Sdes<'_> = next().try_as().unwrap();
    let chunk = sdes.chunks().next().unwrap();
    assert_eq!(chunk.ssrc(), 1);
    assert_eq!(chunk.items().next().unwrap().value(), b"parley");
    let rr: rtcp_types::ReceiverReport<'_> = next().try_as().unwrap();
    assert_eq!(
        rr.report_blocks()
            .map(|block| block.ssrc())
            .collect::<Vec<_>>(),
        [6, 7]
    );
    let feedback: rtcp_types::TransportFeedback<'_> = next().try_as().unwrap();
    assert_eq!((feedback.sender_ssrc(), feedback.media_ssrc()), (1, 9));
    let nack = feedback.parse_fci::<rtcp_types::Nack<'_>>().unwrap();
    assert_eq!(
        nack.entries().collect::<Vec<_>>(),
        [65_534, 65_535, 0, 14, 40]
    );
    let feedback: rtcp_types::PayloadFeedback<'_> = next().try_as().unwrap();
    assert_eq!(feedback.media_ssrc(), 10);
    assert!(feedback.parse_fci::<rtcp_types::Pli<'_>>().is_ok());
    let feedback: rtcp_types::PayloadFeedback<'_> = next().try_as().unwrap();
    let fir = feedback.parse_fci::<rtcp_types::Fir<'_>>().unwrap();
    let entry = fir.entries().next().unwrap();
    assert_eq!((entry.ssrc(), entry.sequence()), (11, 200));
    let xr: rtcp_types::Xr<'_> = next().try_as().unwrap();
    let block = xr.block_iter().next().unwrap();
    let time = block
        .parse_into::<rtcp_types::ReceiverReferenceTime<'_>>()
        .unwrap();
    assert_eq!(time.ntp_timestamp(), 3_900_000_000 << 32 | 7);
    let xr: rtcp_types::Xr<'_> = next().try_as().unwrap();
    let block = xr.block_iter().next().unwrap();
    let dlrr = block
        .parse_into::<rtcp_types::DelaySinceLastReceiverReport<'_>>()
        .unwrap();
    let delay = dlrr.block_iter().next().unwrap();
    assert_eq!((delay.ssrc(), delay.last_receiver_report()), (12, 13));
    assert_eq!(delay.delay_since_last_receiver_report_timestamp(), 14);
    let bye: rtcp_types::Bye<'_> = next().try_as().unwrap();
    assert_eq!(bye.ssrcs().collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_they_write_we_read() {
    let report = rtcp_types::ReportBlock::builder(5)
        .fraction_lost(9)
        .cumulative_lost(0x00ff_fffe);
    let nack = rtcp_types::Nack::builder()
        .add_rtp_sequence(7)
        .add_rtp_sequence(20);
    let fir = rtcp_types::Fir::builder().add_ssrc(11, 3);
    let delay = rtcp_types::DelaySinceLastReceiverReport::builder().add_block(
        rtcp_types::DelaySinceLastReceiverReportBlock::builder()
            .ssrc(12)
            .last_receiver_report(13)
            .delay_since_last_receiver_report_timestamp(14),
    );
    let compound = Theirs::builder()
        .add_packet(rtcp_types::ReceiverReport::builder(1).add_report_block(report))
        .add_packet(
            rtcp_types::Sdes::builder().add_chunk(
                rtcp_types::SdesChunk::builder(1)
                    .add_item(rtcp_types::SdesItem::builder(2, "a name"))
                    .add_item(rtcp_types::SdesItem::builder(1, "cname")),
            ),
        )
        .add_packet(
            rtcp_types::TransportFeedback::builder_owned(nack)
                .sender_ssrc(1)
                .media_ssrc(9),
        )
        .add_packet(rtcp_types::PayloadFeedback::builder_owned(fir).sender_ssrc(1))
        .add_packet(rtcp_types::Xr::builder().sender_ssrc(1).add_block(delay))
        .add_packet(
            rtcp_types::Bye::builder()
                .add_source(1)
                .reason("off")
                .padding(4),
        );
    let mut bytes = vec![0; compound.calculate_size().unwrap()];
    compound.write_into(&mut bytes).unwrap();

    let read: Vec<Item<'_>> = items(&bytes).map(Result::unwrap).collect();
    assert_eq!(read.len(), 6);
    let Item::ReceiverReport { sender: 1, reports } = read[0] else {
        panic!("{:?}", read[0])
    };
    let report = reports.iter().next().unwrap();
    assert_eq!(
        (report.ssrc, report.fraction_lost, report.cumulative_lost),
        (5, 9, -2)
    );
    let Item::Description { names } = read[1] else {
        panic!("{:?}", read[1])
    };
    assert_eq!(names.iter().collect::<Vec<_>>(), [(1, &b"cname"[..])]);
    let Item::Nack {
        sender: 1,
        media: 9,
        lost,
    } = read[2]
    else {
        panic!("{:?}", read[2])
    };
    assert_eq!(lost.iter().collect::<Vec<_>>(), [7, 20]);
    let Item::FullIntra {
        sender: 1,
        requests,
    } = read[3]
    else {
        panic!("{:?}", read[3])
    };
    assert_eq!(requests.iter().collect::<Vec<_>>(), [(11, 3)]);
    let Item::DelaySince { sender: 1, blocks } = read[4] else {
        panic!("{:?}", read[4])
    };
    assert_eq!(blocks.iter().collect::<Vec<_>>(), [(12, 13, 14)]);
    let Item::Goodbye { ssrcs } = read[5] else {
        panic!("{:?}", read[5])
    };
    assert_eq!(ssrcs.iter().collect::<Vec<_>>(), [1]);
}

#[test]
fn what_follows_a_malformed_item_is_not_believed() {
    let mut bytes = Vec::new();
    Compound::new(&mut bytes).picture_loss(1, 2);
    let good = bytes.len();
    // A receiver report that claims a block it does not have.
    bytes.extend_from_slice(&[0x81, 201, 0, 1, 0, 0, 0, 1]);
    Compound::new(&mut bytes).picture_loss(1, 3);
    let read: Vec<_> = items(&bytes).collect();
    assert_eq!(read.len(), 2);
    assert_eq!(
        read[0],
        Ok(Item::PictureLoss {
            sender: 1,
            media: 2
        })
    );
    assert!(read[1].is_err());
    assert_eq!(items(&bytes[..good]).count(), 1);
}

#[test]
fn a_flood_of_items_ends_at_the_limit() {
    let mut bytes = Vec::new();
    for _ in 0..parley_rtp::limits::RTCP_ITEMS_MAX + 50 {
        Compound::new(&mut bytes).picture_loss(1, 2);
    }
    let read: Vec<_> = items(&bytes).collect();
    assert_eq!(read.len(), parley_rtp::limits::RTCP_ITEMS_MAX + 1);
    assert!(read.last().unwrap().is_err());
}

/// Arrivals as sequence steps and time steps: loss, reordering, long gaps, wrap.
fn arrivals() -> impl Strategy<Value = (u16, u64, Vec<(u16, u32)>)> {
    let step = prop_oneof![8 => Just(1u16), 1 => 2u16..30, 1 => 30u16..120];
    let time = prop_oneof![8 => 0u32..5_000, 1 => 5_000u32..3_000_000, 1 => Just(9_000_000)];
    (
        any::<u16>(),
        0u64..1 << 44,
        prop::collection::vec((step, time), 1..200),
    )
}

proptest! {
    #[test]
    fn feedback_says_the_same_to_us_to_them_and_of_the_arrivals(
        (first, start, steps) in arrivals(),
    ) {
        let mut log = ArrivalLog::default();
        let (mut sequence, mut now) = (first, start);
        let mut sent = Vec::new();
        for (step, passed) in steps {
            log.record(sequence, Micros(now));
            sent.push((sequence, now));
            sequence = sequence.wrapping_add(step);
            now += u64::from(passed);
        }
        let mut heard = Vec::new();
        let mut more = true;
        while more {
            let mut bytes = Vec::new();
            more = log.write(1, 2, &mut Compound::new(&mut bytes));
            prop_assert!(bytes.len() <= parley_rtp::limits::RTCP_BYTES_MAX);
            let Some(Ok(Item::TransportCc { sender: 1, media: 2, body })) = items(&bytes).next()
            else {
                panic!("not feedback: {bytes:?}");
            };
            let ours = Feedback::parse(body).unwrap();

            let packet = rtcp_types::TransportFeedback::parse(&bytes).unwrap();
            let theirs = packet.parse_fci::<rtcp_types::Twcc<'_>>().unwrap();
            prop_assert_eq!(theirs.base_sequence_number(), ours.base);
            let mut at = i64::from(theirs.reference_time()) * 64_000;
            let theirs: Vec<(u16, Option<i64>)> = theirs
                .packets()
                .map(Result::unwrap)
                .map(|(sequence, status)| match status {
                    TwccPacketStatus::NotReceived => (sequence, None),
                    TwccPacketStatus::Received { delta } => {
                        at += i64::from(delta) * 250;
                        (sequence, Some(at))
                    }
                })
                .collect();
            prop_assert_eq!(ours.arrivals().collect::<Vec<_>>(), theirs.clone());
            heard.extend(theirs.into_iter().filter_map(|(sequence, at)| Some((sequence, at?))));
        }
        prop_assert_eq!(heard.len(), sent.len());
        const CIRCLE: i64 = (1 << 24) * 64_000;
        for ((sequence, at), (expected, arrived)) in heard.into_iter().zip(sent) {
            prop_assert_eq!(sequence, expected);
            let error = (arrived as i64 - at).rem_euclid(CIRCLE);
            prop_assert!(error < 250, "off by {error} us");
        }
    }

    #[test]
    fn lost_packets_are_asked_for_exactly(
        first in any::<u16>(),
        steps in prop::collection::vec(1u16..40, 0..60),
    ) {
        let mut lost = vec![first];
        for step in steps {
            lost.push(lost[lost.len() - 1].wrapping_add(step));
        }
        let mut bytes = Vec::new();
        Compound::new(&mut bytes).nack(1, 2, &lost);
        let Some(Ok(Item::Nack { lost: read, .. })) = items(&bytes).next() else {
            panic!("not a nack");
        };
        prop_assert_eq!(read.iter().collect::<Vec<_>>(), lost);
    }
}
