//! The vectors of RFC 3711 and RFC 7714, and of the reference implementation (libsrtp 2's
//! `srtp_driver`) where the RFCs have none for whole packets.

use super::cipher::Cipher;
use super::master::Derived;
use super::{Master, Opener, OpenerState, Plain, Profile, Sealer};
use crate::bytes::hex;
use crate::error::RtpError;

const ALL: [Profile; 3] = [
    Profile::AesCm128Sha80,
    Profile::AesGcm128,
    Profile::AesGcm256,
];

fn bytes(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    let mut out = vec![0; digits.len() / 2];
    assert!(
        hex::decode_into(&digits, &mut out),
        "not hexadecimal: {text}"
    );
    out
}

fn derived(profile: Profile, key: &str, salt: &str) -> Derived {
    let mut keys = Derived {
        profile,
        key: [0; 32],
        auth: [0; 20],
        salt: [0; 14],
    };
    let (key, salt) = (bytes(key), bytes(salt));
    keys.key[..key.len()].copy_from_slice(&key);
    keys.salt[..salt.len()].copy_from_slice(&salt);
    keys
}

/// Seals with keys as packets see them; returns header, ciphertext, tag.
fn seal(keys: &Derived, header: &str, payload: &str, ssrc: u32, index: u64) -> Vec<u8> {
    let cipher = Cipher::new(keys).unwrap();
    let (header, payload) = (bytes(header), bytes(payload));
    let mut body = vec![0; payload.len()];
    let mut tag = vec![0; cipher.tag_len()];
    cipher
        .seal_rtp(&header, [&[], &payload], &mut body, &mut tag, (ssrc, index))
        .unwrap();
    [header, body, tag].concat()
}

#[test]
fn rfc_3711_b2_counter_mode_key_stream() {
    let keys = derived(
        Profile::AesCm128Sha80,
        "2B7E151628AED2A6ABF7158809CF4F3C",
        "F0F1F2F3F4F5F6F7F8F9FAFBFCFD",
    );
    let sealed = seal(&keys, "", &"00".repeat(48), 0, 0);
    assert_eq!(
        sealed[..48],
        bytes(
            "E03EAD0935C95E80E166B16DD92B4EB4
             D23513162B02D0F72A43A2FE4A5F97AB
             41E95B3BB0A2E8DD477901E4FCA894C0"
        )
    );
}

#[test]
fn rfc_3711_b3_key_derivation() {
    let master = Master::new(
        Profile::AesCm128Sha80,
        &bytes("E1F97A0D3E018BE0D64FA32C06DE4139"),
        &bytes("0EC675AD498AFEEBB6960B3AABE6"),
    )
    .unwrap();
    let keys = master.rtp_keys().unwrap();
    assert_eq!(keys.key[..16], bytes("C61E7A93744F39EE10734AFE3FF7A087"));
    assert_eq!(keys.salt[..], bytes("30CBBC08863D8C85D49DB34A9AE1"));
    assert_eq!(
        keys.auth[..],
        bytes("CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
    );
}

#[test]
fn rfc_7714_16_1_aes_128_gcm() {
    let keys = derived(
        Profile::AesGcm128,
        "000102030405060708090a0b0c0d0e0f",
        "517569642070726f2071756f",
    );
    let sealed = seal(&keys, HEADER_7714, PAYLOAD_7714, 0x5501_a0b2, 0xf17b);
    assert_eq!(
        sealed[12..],
        bytes(
            "f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a 51c7d19b 36de3adf
             8833899d 7f27beb1 6a9152cf 765ee439 0cce"
        )
    );
}

#[test]
fn rfc_7714_16_2_aes_256_gcm() {
    let keys = derived(
        Profile::AesGcm256,
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
        "517569642070726f2071756f",
    );
    let sealed = seal(&keys, HEADER_7714, PAYLOAD_7714, 0x5501_a0b2, 0xf17b);
    assert_eq!(
        sealed[12..],
        bytes(
            "32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02 76ffae0f 1ba63799
             b87b7aa3 db36dfff d6b0f9bb 7878d7a7 6c13"
        )
    );
}

#[test]
fn rfc_7714_17_1_srtcp_aes_128_gcm() {
    let keys = derived(
        Profile::AesGcm128,
        "000102030405060708090a0b0c0d0e0f",
        "517569642070726f2071756f",
    );
    let cipher = Cipher::new(&keys).unwrap();
    let mut packet = bytes(REPORT_7714);
    cipher.seal_rtcp(&mut packet, 0x5d4).unwrap();
    assert_eq!(
        packet,
        bytes(
            "81c8000d 4d617273 63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1
             730d6fda 4ce09b46 86303ded 0bb9275b c84aa458 96cf4d2f c5abf872 45d9eade 800005d4"
        )
    );
}

#[test]
fn libsrtp_counter_mode_rtp_and_rtcp_packets() {
    let master = Master::new(
        Profile::AesCm128Sha80,
        &bytes("e1f97a0d3e018be0d64fa32c06de4139"),
        &bytes("0ec675ad498afeebb6960b3aabe6"),
    )
    .unwrap();
    let sealed = seal(
        &master.rtp_keys().unwrap(),
        "800f1234 decafbad cafebabe",
        &"ab".repeat(16),
        0xcafe_babe,
        0x1234,
    );
    assert_eq!(
        sealed[12..],
        bytes("4e55dc4c e79978d8 8ca4d215 949d2402 b78d6acc 99ea179b 8dbb")
    );

    let mut report = bytes("81c8000b cafebabe abababab abababab abababab abababab");
    let mut sealer = Sealer::new(&master, 1).unwrap();
    sealer.seal_rtcp(&mut report).unwrap();
    assert_eq!(
        report,
        bytes(
            "81c8000b cafebabe 7128035b e487b9bd bef89041 f977a5a8 80000001 993e08cd 54d6c123 0798"
        )
    );
}

#[test]
fn what_is_sealed_opens_in_every_profile_whole_or_with_a_prefix() {
    for profile in ALL {
        let master = test_master(profile);
        let sealer = Sealer::new(&master, 0).unwrap();
        let opener = Opener::new(&master, OpenerState::default()).unwrap();
        for prefix in [&b""[..], b"pre"] {
            let mut packet = vec![0; 200];
            packet[0] = 0x80;
            let plain = Plain {
                header_len: 12,
                prefix,
                payload: b"payload",
                ssrc: 0,
                index: 0x1_2345_6789,
            };
            let len = sealer.seal_rtp(&mut packet, &plain).unwrap();
            assert_eq!(len, 12 + prefix.len() + 7 + profile.tag_len());
            let opened = opener
                .open_rtp(&mut packet[..len], 12, 0, plain.index)
                .unwrap();
            assert_eq!(*opened, [prefix, b"payload"].concat());
        }
    }
}

#[test]
fn one_changed_bit_anywhere_is_refused() {
    for profile in ALL {
        let master = test_master(profile);
        let sealer = Sealer::new(&master, 0).unwrap();
        let opener = Opener::new(&master, OpenerState::default()).unwrap();
        let mut packet = vec![0; 64];
        let plain = Plain {
            header_len: 12,
            prefix: &[],
            payload: b"some payload",
            ssrc: 9,
            index: 70_000,
        };
        let len = sealer.seal_rtp(&mut packet, &plain).unwrap();
        for bit in 0..len * 8 {
            let mut damaged = packet[..len].to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let refused = opener.open_rtp(&mut damaged, 12, 9, 70_000);
            assert_eq!(
                refused.err(),
                Some(RtpError::Unauthenticated),
                "{profile:?} bit {bit}"
            );
        }
        let mut other_index = packet[..len].to_vec();
        assert!(
            opener
                .open_rtp(&mut other_index, 12, 9, 70_000 + 65_536)
                .is_err()
        );
    }
}

#[test]
fn a_replayed_rtcp_packet_is_refused_and_another_senders_same_index_is_not() {
    for profile in ALL {
        let master = test_master(profile);
        let mut first = Sealer::new(&master, 0).unwrap();
        let mut second = Sealer::new(&master, 0).unwrap();
        let mut opener = Opener::new(&master, OpenerState::default()).unwrap();
        let mut from_one = bytes("80c90001 00000001");
        let mut from_two = bytes("80c90001 00000002");
        first.seal_rtcp(&mut from_one).unwrap();
        second.seal_rtcp(&mut from_two).unwrap();

        assert_eq!(
            opener.open_rtcp(&mut from_one.clone()).unwrap(),
            bytes("80c90001 00000001")
        );
        assert_eq!(opener.open_rtcp(&mut from_one), Err(RtpError::Replayed));
        assert_eq!(
            opener.open_rtcp(&mut from_two).unwrap(),
            bytes("80c90001 00000002")
        );
    }
}

#[test]
fn a_forged_rtcp_packet_does_not_move_the_window() {
    let master = test_master(Profile::AesGcm256);
    let mut sealer = Sealer::new(&master, 5).unwrap();
    let mut opener = Opener::new(&master, OpenerState::default()).unwrap();
    let mut real = bytes("80c90001 00000001");
    sealer.seal_rtcp(&mut real).unwrap();
    let mut forged = real.clone();
    // Claims a far higher index.
    let at = forged.len() - 2;
    forged[at] ^= 0x40;
    assert_eq!(
        opener.open_rtcp(&mut forged),
        Err(RtpError::Unauthenticated)
    );
    assert!(opener.open_rtcp(&mut real).is_ok());
}

#[test]
fn a_restored_opener_still_refuses_what_the_dead_one_has_seen() {
    let master = test_master(Profile::AesGcm128);
    let mut sealer = Sealer::new(&master, 0).unwrap();
    let mut opener = Opener::new(&master, OpenerState::default()).unwrap();
    let mut packet = bytes("80c90001 00000001");
    sealer.seal_rtcp(&mut packet).unwrap();
    opener.open_rtcp(&mut packet.clone()).unwrap();

    let saved = serde_json::to_string(&(&master, opener.state())).unwrap();
    let (master, state): (Master, OpenerState) = serde_json::from_str(&saved).unwrap();
    let mut restored = Opener::new(&master, state).unwrap();
    assert_eq!(restored.open_rtcp(&mut packet), Err(RtpError::Replayed));
}

#[test]
fn the_least_recently_heard_rtcp_sender_makes_room() {
    let mut state = OpenerState::default();
    for ssrc in 0..=crate::limits::RTCP_SENDERS_MAX as u32 {
        state.window(ssrc).mark(7);
        state.window(1).mark(7);
    }
    assert_eq!(state.check(0, 7), Ok(()), "the first one was forgotten");
    assert_eq!(
        state.check(1, 7),
        Err(RtpError::Replayed),
        "the busy one was kept"
    );
    assert_eq!(state.check(2, 7), Err(RtpError::Replayed));
}

#[test]
fn a_used_up_index_space_is_refused_instead_of_repeating() {
    let master = test_master(Profile::AesGcm256);
    let mut sealer = Sealer::new(&master, 1 << 31).unwrap();
    let mut packet = bytes("80c90001 00000001");
    assert_eq!(sealer.seal_rtcp(&mut packet), Err(RtpError::KeyExhausted));
    assert_eq!(packet, bytes("80c90001 00000001"));
    let plain = Plain {
        header_len: 12,
        prefix: &[],
        payload: &[],
        ssrc: 1,
        index: 1 << 48,
    };
    assert_eq!(
        sealer.seal_rtp(&mut [0; 100], &plain),
        Err(RtpError::KeyExhausted)
    );
}

#[test]
fn dtls_material_is_split_in_the_order_of_rfc_5764() {
    let material: Vec<u8> = (0..60).collect();
    let (client, server) = Master::from_dtls(Profile::AesCm128Sha80, &material).unwrap();
    assert_eq!(
        client,
        Master::new(Profile::AesCm128Sha80, &material[..16], &material[32..46]).unwrap()
    );
    assert_eq!(
        server,
        Master::new(Profile::AesCm128Sha80, &material[16..32], &material[46..]).unwrap()
    );
    assert_eq!(
        Master::from_dtls(Profile::AesGcm128, &material),
        Err(RtpError::KeyLength)
    );
}

#[test]
fn keys_do_not_print() {
    let text = format!("{:?}", test_master(Profile::AesGcm256));
    assert_eq!(text, "Master(AesGcm256, ***)");
}

fn test_master(profile: Profile) -> Master {
    let key: Vec<u8> = (1..=profile.key_len() as u8).collect();
    let salt: Vec<u8> = (101..101 + profile.salt_len() as u8).collect();
    Master::new(profile, &key, &salt).unwrap()
}

const HEADER_7714: &str = "8040f17b 8041f8d3 5501a0b2";
const PAYLOAD_7714: &str = "47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070 61727465
     73207472 6573";
const REPORT_7714: &str = "81c8000d 4d617273 4e545031 4e545032 52545020 0000042a 0000e930 4c756e61
     deadbeef deadbeef deadbeef deadbeef deadbeef";
