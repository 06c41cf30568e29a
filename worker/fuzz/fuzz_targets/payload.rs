//! Payloads: descriptors lie inside the payload, and patching with their own counters is a copy.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parley_rtp::payload::vp8::DESCRIPTOR_BYTES_MAX;
use parley_rtp::payload::{Detail, Format, inspect, opus};

fuzz_target!(|payload: &[u8]| {
    for format in [Format::Independent, Format::Vp8, Format::H264] {
        let Ok((Detail::Vp8(descriptor), _)) = inspect(format, payload) else {
            continue;
        };
        let mut out = [0; DESCRIPTOR_BYTES_MAX];
        let len = descriptor
            .patch(payload, &descriptor.counters(), &mut out)
            .expect("the payload is the one that was parsed");
        assert_eq!(out[..len], payload[..len]);
    }
    if let Some(duration) = opus::duration(payload) {
        assert!(duration.as_millis() <= 120);
    }
});
