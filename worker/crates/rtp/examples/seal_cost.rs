//! Prints what sealing and opening one packet of 1,000 payload bytes costs, per profile.
//!
//! `cargo run --release -p parley-rtp --example seal_cost`

#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]

use std::hint::black_box;
use std::time::Instant;

use parley_rtp::limits::PACKET_BYTES_MAX;
use parley_rtp::srtp::{Master, Opener, OpenerState, Plain, Profile, Sealer};

const PACKETS: u32 = 200_000;
const PAYLOAD: usize = 1_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("ns per packet of {PAYLOAD} bytes: seal whole, seal with a 4-byte prefix, open");
    for profile in [
        Profile::AesGcm256,
        Profile::AesGcm128,
        Profile::AesCm128Sha80,
    ] {
        let key = vec![7; profile.key_len()];
        let salt = vec![9; profile.salt_len()];
        let master = Master::new(profile, &key, &salt)?;
        let sealer = Sealer::new(&master, 0)?;
        let opener = Opener::new(&master, OpenerState::default())?;
        let payload = vec![0x5a; PAYLOAD];
        let mut out = vec![0; PACKET_BYTES_MAX];

        let whole = time(|index| {
            let plain = Plain {
                header_len: 20,
                prefix: &[],
                payload: &payload,
                ssrc: 1,
                index,
            };
            sealer
                .seal_rtp(black_box(&mut out), &plain)
                .map(|len| assert_eq!(len, sealed(profile)))
        })?;
        let prefixed = time(|index| {
            let (prefix, payload) = (&[1, 2, 3, 4], &payload[4..]);
            let plain = Plain {
                header_len: 20,
                prefix,
                payload,
                ssrc: 1,
                index,
            };
            sealer
                .seal_rtp(black_box(&mut out), &plain)
                .map(|len| assert_eq!(len, sealed(profile)))
        })?;
        let plain = Plain {
            header_len: 20,
            prefix: &[],
            payload: &payload,
            ssrc: 1,
            index: 1,
        };
        let len = sealer.seal_rtp(&mut out, &plain)?;
        let packet = out[..len].to_vec();
        let open = time(|_| {
            out[..len].copy_from_slice(&packet);
            opener
                .open_rtp(black_box(&mut out[..len]), 20, 1, 1)
                .map(|_| ())
        })?;
        println!("{profile:?}: {whole:.0} {prefixed:.0} {open:.0}");
    }
    Ok(())
}

fn sealed(profile: Profile) -> usize {
    20 + PAYLOAD + profile.tag_len()
}

/// The best of five rounds, so that a busy machine shows least.
fn time<E>(mut work: impl FnMut(u64) -> Result<(), E>) -> Result<f64, E> {
    let mut best = f64::INFINITY;
    for round in 0..5u64 {
        let start = Instant::now();
        for step in 0..u64::from(PACKETS) {
            work(round * u64::from(PACKETS) + step + 2)?;
        }
        best = best.min(start.elapsed().as_nanos() as f64 / f64::from(PACKETS));
    }
    Ok(best)
}
