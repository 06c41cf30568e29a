//! Headers written and read back, and what is refused.

use proptest::prelude::*;

use super::*;

fn all_ids(first: u8) -> ExtensionIds {
    ExtensionIds {
        mid: Some(first),
        rid: Some(first + 1),
        repaired_rid: Some(first + 2),
        audio_level: Some(first + 3),
        abs_send_time: Some(first + 4),
        transport_cc: Some(first + 5),
        playout_delay: Some(first + 6),
    }
}

const FIELDS: HeaderFields = HeaderFields {
    payload_type: 96,
    marker: true,
    sequence: 0xfffe,
    timestamp: 0xdead_beef,
    ssrc: 77,
    has_padding: false,
};

#[test]
fn datagrams_are_sorted_by_their_first_bytes() {
    let cases: [(&[u8], DatagramKind); 10] = [
        (&[0, 1], DatagramKind::Stun),
        (&[3], DatagramKind::Stun),
        (&[22, 254], DatagramKind::Dtls),
        (&[0x80, 96], DatagramKind::Rtp),
        (&[0x90, 0x80 | 111], DatagramKind::Rtp),
        (&[0x80, 200], DatagramKind::Rtcp),
        (&[0x81, 206], DatagramKind::Rtcp),
        (&[64, 0], DatagramKind::Unknown),
        (&[0x80], DatagramKind::Unknown),
        (&[], DatagramKind::Unknown),
    ];
    for (datagram, kind) in cases {
        assert_eq!(classify(datagram), kind, "{datagram:?}");
    }
}

#[test]
fn a_header_with_every_extension_reads_as_it_was_written_in_both_forms() {
    for (first, form) in [(1, ONE_BYTE_PROFILE), (14, TWO_BYTE_PROFILE)] {
        let ids = all_ids(first);
        let values = ExtensionValues {
            mid: Some(b"12"),
            rid: Some(b"hi"),
            repaired_rid: Some(b"lo"),
            audio_level: Some(AudioLevel {
                is_voice: true,
                attenuation_db: 33,
            }),
            abs_send_time: Some(0x00ab_cdef),
            transport_cc: Some(4_711),
            playout_delay: Some(PlayoutDelay { min: 1, max: 4_000 }),
        };
        let mut packet = [0xff; 200];
        let len = write_header(&mut packet, &FIELDS, &ids, &values).unwrap();
        assert_eq!(len % 4, 0);
        assert_eq!(be16(&packet, 12), Some(form));

        let header = RtpHeader::parse(&packet, &ids).unwrap();
        assert_eq!(header.len, len);
        assert_eq!((header.payload_type, header.marker), (96, true));
        assert_eq!(
            (header.sequence, header.timestamp, header.ssrc),
            (0xfffe, 0xdead_beef, 77)
        );
        assert_eq!(
            header.mid.map(|span| RtpHeader::label(&packet, span)),
            values.mid
        );
        assert_eq!(
            header.rid.map(|span| RtpHeader::label(&packet, span)),
            values.rid
        );
        assert_eq!(
            header
                .repaired_rid
                .map(|span| RtpHeader::label(&packet, span)),
            values.repaired_rid
        );
        assert_eq!(header.audio_level, values.audio_level);
        assert_eq!(header.abs_send_time, values.abs_send_time);
        assert_eq!(header.transport_cc, values.transport_cc);
        assert_eq!(header.playout_delay, values.playout_delay);
    }
}

#[test]
fn extensions_that_were_not_negotiated_are_neither_written_nor_read() {
    let values = ExtensionValues {
        transport_cc: Some(1),
        ..ExtensionValues::default()
    };
    let mut packet = [0; 64];
    let none = ExtensionIds::default();
    assert_eq!(write_header(&mut packet, &FIELDS, &none, &values), Ok(12));
    let some = ExtensionIds {
        transport_cc: Some(3),
        ..none
    };
    let len = write_header(&mut packet, &FIELDS, &some, &values).unwrap();
    let header = RtpHeader::parse(&packet[..len], &none).unwrap();
    assert_eq!((header.len, header.transport_cc), (len, None));
}

#[test]
fn contributing_sources_and_foreign_extension_profiles_are_passed_over() {
    let mut packet = vec![0x92, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3];
    packet.extend_from_slice(&[0; 8]);
    packet.extend_from_slice(&[0xab, 0xcd, 0, 1, 9, 9, 9, 9, 0x55]);
    let header = RtpHeader::parse(&packet, &all_ids(1)).unwrap();
    assert_eq!(header.len, 12 + 8 + 8);
    assert_eq!(header.mid, None);
}

#[test]
fn an_element_that_leaves_its_area_is_malformed() {
    for area in [
        // One byte: id 1, 16 bytes long, in an area of 4.
        [0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3],
        // Two bytes: id 1, 3 bytes long, only 2 left.
        [0x10, 0x00, 0, 1, 1, 3, 1, 2],
        // Two bytes: the length itself is missing.
        [0x10, 0x00, 0, 1, 0, 0, 0, 1],
    ] {
        let packet = [&[0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3][..], &area].concat();
        assert_eq!(
            RtpHeader::parse(&packet, &all_ids(1)),
            Err(RtpError::Malformed),
            "{area:?}"
        );
    }
}

#[test]
fn short_packets_and_other_versions_are_refused() {
    let ids = ExtensionIds::default();
    assert_eq!(
        RtpHeader::parse(&[0x80; 11], &ids),
        Err(RtpError::Truncated)
    );
    assert_eq!(RtpHeader::parse(&[0x40; 12], &ids), Err(RtpError::Version));
    assert_eq!(
        RtpHeader::parse(&[0x8f; 12], &ids),
        Err(RtpError::Truncated)
    );
    assert_eq!(
        RtpHeader::parse(&[0x90; 12], &ids),
        Err(RtpError::Truncated)
    );
}

#[test]
fn padding_is_cut_and_impossible_padding_refused() {
    assert_eq!(without_padding(&[1, 2, 0, 2], true), Ok(&[1, 2][..]));
    assert_eq!(without_padding(&[0, 0, 3], true), Ok(&[][..]));
    assert_eq!(without_padding(&[1, 2], false), Ok(&[1, 2][..]));
    assert_eq!(without_padding(&[1, 9], true), Err(RtpError::Padding));
    assert_eq!(without_padding(&[1, 0], true), Err(RtpError::Padding));
    assert_eq!(without_padding(&[], true), Err(RtpError::Padding));
}

#[test]
fn a_buffer_that_is_too_small_is_refused_at_every_size() {
    let values = ExtensionValues {
        mid: Some(b"a"),
        abs_send_time: Some(1),
        ..ExtensionValues::default()
    };
    let mut whole = [0; 64];
    let len = write_header(&mut whole, &FIELDS, &all_ids(1), &values).unwrap();
    for size in 0..len {
        let written = write_header(&mut whole[..size], &FIELDS, &all_ids(1), &values);
        assert_eq!(written, Err(RtpError::NoRoom), "{size}");
    }
}

#[test]
fn abs_send_time_wraps_every_64_seconds() {
    assert_eq!(abs_send_time(Micros(1_000_000)), 1 << 18);
    assert_eq!(abs_send_time(Micros(65_000_000)), 1 << 18);
    assert_eq!(abs_send_time(Micros(500)), 131);
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic_and_lengths_stay_inside(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        first in 1u8..200,
    ) {
        let mut bytes = bytes;
        if let Some(byte) = bytes.first_mut() {
            *byte = *byte & 0x3f | 0x80;
        }
        if let Ok(header) = RtpHeader::parse(&bytes, &all_ids(first)) {
            prop_assert!(header.len <= bytes.len());
            for span in [header.mid, header.rid, header.repaired_rid].into_iter().flatten() {
                prop_assert_eq!(RtpHeader::label(&bytes, span).len(), usize::from(span.len));
            }
        }
    }
}
