//! SRTP and SRTCP: nothing that was not sealed with the key opens, and no window moves.
#![no_main]

use libfuzzer_sys::fuzz_target;
use parley_rtp::srtp::{Master, Opener, OpenerState, Profile};

fuzz_target!(|input: (u8, u8, u64, Vec<u8>)| {
    let (profile, header_len, index, packet) = input;
    let profile = match profile % 3 {
        0 => Profile::AesCm128Sha80,
        1 => Profile::AesGcm128,
        _ => Profile::AesGcm256,
    };
    let master = Master::new(
        profile,
        &vec![7; profile.key_len()],
        &vec![9; profile.salt_len()],
    )
    .expect("the lengths are the profile's");
    let mut opener = Opener::new(&master, OpenerState::default()).expect("the key is whole");
    let mut damaged = packet.clone();
    assert!(opener.open_rtp(&mut damaged, usize::from(header_len), 1, index >> 16).is_err());
    assert!(opener.open_rtcp(&mut packet.clone()).is_err());
    assert_eq!(opener.state(), &OpenerState::default());
});
