//! RTCP: every item and every list inside it can be walked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parley_rtp::limits::RTCP_ITEMS_MAX;
use parley_rtp::rtcp::{Item, items};

fuzz_target!(|packet: &[u8]| {
    let mut count = 0;
    for item in items(packet) {
        count += 1;
        match item {
            Ok(Item::SenderReport { reports, .. } | Item::ReceiverReport { reports, .. }) => {
                assert!(reports.iter().count() <= 31);
            }
            Ok(Item::Description { names }) => assert!(names.iter().count() <= 31),
            Ok(Item::Goodbye { ssrcs }) => assert!(ssrcs.iter().count() <= 31),
            Ok(Item::Nack { lost, .. }) => assert!(lost.iter().count() <= packet.len() * 17 / 4),
            Ok(Item::FullIntra { requests, .. }) => {
                assert!(requests.iter().count() <= packet.len() / 8);
            }
            Ok(Item::DelaySince { blocks, .. }) => {
                assert!(blocks.iter().count() <= packet.len() / 12);
            }
            Ok(_) | Err(_) => {}
        }
    }
    assert!(count <= RTCP_ITEMS_MAX + 1);
});
