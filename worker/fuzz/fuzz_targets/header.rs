//! RTP headers: what is read lies inside the packet, and reads the same when written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parley_rtp::header::{
    ExtensionIds, ExtensionValues, HeaderFields, RtpHeader, classify, without_padding, write_header,
};

fuzz_target!(|packet: &[u8]| {
    let _kind = classify(packet);
    let ids = ExtensionIds {
        mid: Some(1),
        rid: Some(2),
        repaired_rid: Some(3),
        audio_level: Some(4),
        abs_send_time: Some(5),
        transport_cc: Some(6),
        playout_delay: Some(7),
    };
    let Ok(header) = RtpHeader::parse(packet, &ids) else {
        return;
    };
    assert!(header.len <= packet.len());
    if let Ok(payload) = without_padding(&packet[header.len..], header.has_padding) {
        assert!(payload.len() <= packet.len() - header.len);
    }
    let label = |span: Option<_>| {
        // An empty label has no one-byte form.
        span.map(|span| RtpHeader::label(packet, span))
            .filter(|label| !label.is_empty())
    };
    let fields = HeaderFields {
        payload_type: header.payload_type,
        marker: header.marker,
        sequence: header.sequence,
        timestamp: header.timestamp,
        ssrc: header.ssrc,
        has_padding: header.has_padding,
    };
    let values = ExtensionValues {
        mid: label(header.mid),
        rid: label(header.rid),
        repaired_rid: label(header.repaired_rid),
        audio_level: header.audio_level,
        abs_send_time: header.abs_send_time,
        transport_cc: header.transport_cc,
        playout_delay: header.playout_delay,
    };
    let mut written = [0; 2_000];
    let len = write_header(&mut written, &fields, &ids, &values).expect("there is room");
    let again = RtpHeader::parse(&written[..len], &ids).expect("what we write is well formed");
    assert_eq!(
        (again.sequence, again.timestamp, again.ssrc, again.marker),
        (
            header.sequence,
            header.timestamp,
            header.ssrc,
            header.marker
        )
    );
    assert_eq!(again.transport_cc, header.transport_cc);
    assert_eq!(
        again.mid.map(|span| RtpHeader::label(&written, span)),
        values.mid
    );
});
