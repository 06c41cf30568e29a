//! Key frames found, counters patched, nothing else touched.

use std::time::Duration;

use proptest::prelude::*;

use super::vp8::{Counters, DESCRIPTOR_BYTES_MAX, Descriptor};
use super::{Detail, Format, h264, inspect, opus};
use crate::error::RtpError;

#[test]
fn chromiums_vp8_descriptor_is_read() {
    // X, S; I L T K; 15-bit picture id 0x1234; TL0 7; TID 2, Y, KEYIDX 3; a key frame's header.
    let payload = [0x90, 0xf0, 0x92, 0x34, 7, 0b1010_0011, 0x10, 1, 2];
    let descriptor = Descriptor::parse(&payload).unwrap();
    assert_eq!(descriptor.len, 6);
    assert_eq!(
        (descriptor.picture_id_bits, descriptor.picture_id),
        (15, 0x1234)
    );
    assert_eq!(
        (descriptor.tl0_index, descriptor.key_index),
        (Some(7), Some(3))
    );
    assert_eq!(
        (descriptor.temporal_layer, descriptor.is_layer_sync),
        (Some(2), true)
    );
    assert!(descriptor.is_start && descriptor.is_key_frame);
}

#[test]
fn only_the_first_packet_of_a_key_frame_is_one() {
    let is_key = |payload: &[u8]| Descriptor::parse(payload).unwrap().is_key_frame;
    assert!(is_key(&[0x10, 0x00]));
    assert!(!is_key(&[0x10, 0x01]), "an inter frame");
    assert!(!is_key(&[0x00, 0x00]), "not the start of a partition");
    assert!(!is_key(&[0x11, 0x00]), "not the first partition");
    assert!(!is_key(&[0x10]), "no frame header");
}

#[test]
fn a_patched_descriptor_differs_in_its_counters_alone() {
    let payload = [0x90, 0xf0, 0xff, 0xff, 255, 0b1011_1111, 0x10, 1, 2];
    let descriptor = Descriptor::parse(&payload).unwrap();
    let mut out = [0; DESCRIPTOR_BYTES_MAX];
    let counters = Counters {
        picture_id: 0x0102,
        tl0_index: 9,
        key_index: 4,
    };
    let len = descriptor.patch(&payload, &counters, &mut out).unwrap();
    assert_eq!(out[..len], [0x90, 0xf0, 0x81, 0x02, 9, 0b1010_0100]);
}

#[test]
fn a_seven_bit_picture_id_stays_seven_bits_wide() {
    let payload = [0x90, 0x80, 0x7f, 0x10, 0];
    let descriptor = Descriptor::parse(&payload).unwrap();
    assert_eq!((descriptor.len, descriptor.picture_id_bits), (3, 7));
    let mut out = [0; DESCRIPTOR_BYTES_MAX];
    let counters = Counters {
        picture_id: 0x3f81,
        ..Counters::default()
    };
    let len = descriptor.patch(&payload, &counters, &mut out).unwrap();
    assert_eq!(out[..len], [0x90, 0x80, 0x01]);
}

#[test]
fn a_descriptor_that_ends_early_is_refused_at_every_length() {
    let payload = [0x90, 0xf0, 0x92, 0x34, 7, 0xa3];
    for len in 0..payload.len() {
        assert_eq!(
            Descriptor::parse(&payload[..len]),
            Err(RtpError::Truncated),
            "{len}"
        );
    }
    assert!(Descriptor::parse(&payload).is_ok());
}

#[test]
fn h264_decoders_start_at_sps_and_idr_however_they_are_packed() {
    let starts: [&[u8]; 5] = [
        &[0x67, 1],
        &[0x65, 1],
        // STAP-A of SPS and PPS.
        &[0x78, 0, 2, 0x67, 1, 0, 1, 0x68],
        // STAP-A of SEI and IDR.
        &[0x78, 0, 1, 0x06, 0, 1, 0x65],
        // FU-A, first fragment of an IDR.
        &[0x7c, 0x85, 1],
    ];
    for payload in starts {
        assert!(h264::is_key_frame(payload), "{payload:?}");
    }
    let others: [&[u8]; 7] = [
        &[],
        &[0x61, 1],
        &[0x68, 1],
        &[0x78, 0, 1, 0x06, 0, 1, 0x61],
        // A length that cannot be.
        &[0x78, 9, 9, 0x65],
        // FU-A, a later fragment of an IDR, and a first one of something else.
        &[0x7c, 0x05, 1],
        &[0x7c, 0x81, 1],
    ];
    for payload in others {
        assert!(!h264::is_key_frame(payload), "{payload:?}");
    }
}

#[test]
fn opus_durations_follow_the_table_of_configurations() {
    let ms = |first: u8, rest: &[u8]| {
        opus::duration(&[&[first][..], rest].concat()).map(|duration| duration.as_micros() as u64)
    };
    assert_eq!(ms(0b0111_1000, &[]), Some(20_000), "hybrid, 20 ms");
    assert_eq!(ms(0b1110_0000, &[]), Some(2_500), "CELT, 2.5 ms");
    assert_eq!(ms(0b0001_1000, &[]), Some(60_000), "SILK, 60 ms");
    assert_eq!(ms(0b1111_1001, &[]), Some(40_000), "two frames");
    assert_eq!(ms(0b1111_1011, &[6]), Some(120_000), "six frames");
    assert_eq!(ms(0b1111_1011, &[7]), None, "more than 120 ms");
    assert_eq!(ms(0b1111_1011, &[0]), None, "no frame");
    assert_eq!(ms(0b1111_1011, &[]), None, "no count");
    assert_eq!(opus::duration(&[]), None);
    assert_eq!(opus::frame_duration(0xfc), Duration::from_millis(20));
}

#[test]
fn opus_silence_and_channels_are_seen() {
    assert!(opus::is_silence(&[0xfc]) && opus::is_silence(&[0xfc, 0xff, 0xfe]));
    assert!(!opus::is_silence(&[0xfc; 60]));
    assert!(opus::is_stereo(&[0xfc, 1]) && !opus::is_stereo(&[0xf8, 1]) && !opus::is_stereo(&[]));
}

#[test]
fn padding_is_nothing_to_rewrite_and_nothing_to_start_with() {
    for format in [Format::Independent, Format::Vp8, Format::H264] {
        assert_eq!(inspect(format, &[]), Ok((Detail::Plain, false)));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_inspected_without_a_panic(
        payload in prop::collection::vec(any::<u8>(), 0..40),
    ) {
        for format in [Format::Independent, Format::Vp8, Format::H264] {
            let read = inspect(format, &payload);
            if let Ok((Detail::Vp8(descriptor), _)) = read {
                prop_assert!(usize::from(descriptor.len) <= payload.len());
                // Patching with its own counters changes nothing.
                let mut out = [0; DESCRIPTOR_BYTES_MAX];
                let len = descriptor.patch(&payload, &descriptor.counters(), &mut out).unwrap();
                prop_assert_eq!(&out[..len], &payload[..len]);
            }
        }
        let sounds = opus::duration(&payload);
        prop_assert!(sounds.is_none_or(|sound| sound <= Duration::from_millis(120)));
    }
}
