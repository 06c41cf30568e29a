//! SCTP over DTLS (RFC 8261): data channels are not served, and whoever opens one learns it at once.
//!
//! An INIT is answered by an INIT ACK, and the COOKIE ECHO that follows by a COOKIE ACK and an ABORT:
//! dcSCTP, which is in Chromium, takes no ABORT before, and the connection of werift counts as connected
//! only once its association was. Each has a packet of its own, since a page of Chromium crashes of the
//! two in one. Nothing is kept: the far side's tag is in the cookie. Everything else is answered by silence.

use crc::{CRC_32_ISCSI, Crc, Table};

/// Common header (RFC 9260 section 3.1): ports, verification tag, checksum. Units: bytes.
const HEADER_BYTES: usize = 12;
/// What every INIT has (section 3.3.2), with its chunk header. Units: bytes.
const INIT_BYTES_MIN: usize = 20;
const INIT: u8 = 1;
const INIT_ACK: u8 = 2;
const ABORT: u8 = 6;
const COOKIE_ECHO: u8 = 10;
const COOKIE_ACK: u8 = 11;
/// Type and length of the parameter that brings the cookie (section 3.3.3.1).
const COOKIE: [u8; 4] = [0, 7, 0, 8];
/// The tag that we are addressed by. Units: none. It need not be a secret, as it must without DTLS.
const OUR_TAG: [u8; 4] = *b"none";

static CHECKSUM: Crc<u32, Table<1>> = Crc::<u32, Table<1>>::new(&CRC_32_ISCSI);

/// The packets that answer one, none of them longer than it; none where it begins no association.
pub(crate) fn answers(packet: &[u8]) -> Vec<Vec<u8>> {
    let mut answers = addressed_answers(packet).unwrap_or_default();
    for answer in &mut answers {
        let checksum = checksum_of(answer);
        answer[8..HEADER_BYTES].copy_from_slice(&checksum);
    }
    // An INIT of WebRTC names its extensions (RFC 8831 section 6.1), so that it is longer.
    answers.retain(|answer| answer.len() <= packet.len());
    answers
}

/// The same without their checksums.
fn addressed_answers(packet: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (header, chunks) = packet.split_at_checked(HEADER_BYTES)?;
    let (ports, rest) = header.split_first_chunk::<4>()?;
    let (tag, checksum) = rest.split_first_chunk::<4>()?;
    let (chunk_header, _) = chunks.split_first_chunk::<4>()?;
    let [kind, _flags, length @ ..] = *chunk_header;
    let length = usize::from(u16::from_be_bytes(length));
    let value = chunks.get(4..length)?;
    let [from_high, from_low, to_high, to_low] = *ports;
    let has_ports = [from_high, from_low] != [0; 2] && [to_high, to_low] != [0; 2];
    if !has_ports || checksum != checksum_of(packet) {
        return None;
    }
    let address = |their_tag: &[u8; 4], chunk: &[u8]| {
        let ports = [to_high, to_low, from_high, from_low];
        [&ports, their_tag, &[0; 4], chunk].concat()
    };
    match kind {
        INIT => {
            let their_tag = value.first_chunk::<4>()?;
            let rest = value.get(4..INIT_BYTES_MIN - 4)?;
            // It stands alone in its packet (section 4.3), padded to a multiple of four.
            let is_alone = length.next_multiple_of(4) == chunks.len();
            if *tag != [0; 4] || *their_tag == [0; 4] || !is_alone {
                return None;
            }
            // Window, streams and first number are as good as theirs: none will be used.
            let chunk = [&[INIT_ACK, 0, 0, 28], &OUR_TAG, rest, &COOKIE, their_tag].concat();
            Some(vec![address(their_tag, &chunk)])
        }
        COOKIE_ECHO => {
            let their_tag: [u8; 4] = value.try_into().ok()?;
            if *tag != OUR_TAG || their_tag == [0; 4] {
                return None;
            }
            Some(
                [COOKIE_ACK, ABORT]
                    .map(|kind| address(&their_tag, &[kind, 0, 0, 4]))
                    .into(),
            )
        }
        _ => None,
    }
}

/// CRC32c of a packet with zeros where it stands, in the order of the wire (RFC 9260 appendix A).
fn checksum_of(packet: &[u8]) -> [u8; 4] {
    let mut digest = CHECKSUM.digest();
    let (ports_and_tag, rest) = packet.split_at(packet.len().min(8));
    digest.update(ports_and_tag);
    digest.update(&[0; 4]);
    digest.update(rest.get(4..).unwrap_or_default());
    digest.finalize().to_le_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An INIT of Chromium 156 (dcSCTP), as it left its DTLS.
    const RECORDED: &str =
        "13881388000000002d7881630100001e66c11b0b00500000ffffffffc801312fc00000048008000682c00000";

    fn recorded() -> Vec<u8> {
        (0..RECORDED.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&RECORDED[at..at + 2], 16).unwrap())
            .collect()
    }

    /// The only answer to a packet, if there is one.
    fn answer(packet: &[u8]) -> Option<Vec<u8>> {
        let mut all = answers(packet);
        assert!(all.len() < 2);
        all.pop()
    }

    fn sealed(mut packet: Vec<u8>) -> Vec<u8> {
        let checksum = checksum_of(&packet);
        packet[8..12].copy_from_slice(&checksum);
        packet
    }

    /// What a far end makes of our INIT ACK, with data behind it as browsers have.
    fn echo(acknowledged: &[u8]) -> Vec<u8> {
        let mut packet = vec![0x13, 0x88, 0x13, 0x88];
        packet.extend(&acknowledged[16..20]);
        packet.extend([0; 4]);
        packet.extend([COOKIE_ECHO, 0, 0, 8]);
        packet.extend(&acknowledged[36..40]);
        packet.extend([0, 3, 0, 17, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 50, 2, 0, 0, 0]);
        sealed(packet)
    }

    #[test]
    fn an_init_is_acknowledged_and_the_association_made_and_aborted_by_the_tag_of_the_init() {
        let init = recorded();
        let acknowledged = answer(&init).unwrap();
        assert_eq!(acknowledged.len(), 40);
        assert_eq!(acknowledged[..4], [0x13, 0x88, 0x13, 0x88]);
        assert_eq!(acknowledged[4..8], init[16..20]);
        assert_eq!(acknowledged[8..12], checksum_of(&acknowledged));
        assert_eq!(acknowledged[12..16], [INIT_ACK, 0, 0, 28]);
        let after_cookie = answers(&echo(&acknowledged));
        let kinds: Vec<u8> = after_cookie.iter().map(|packet| packet[12]).collect();
        assert_eq!(kinds, [COOKIE_ACK, ABORT]);
        for packet in &after_cookie {
            assert_eq!(packet.len(), 16);
            assert_eq!(packet[4..8], init[16..20]);
            assert_eq!(packet[8..12], checksum_of(packet));
            assert_eq!(packet[13..], [0, 0, 4]);
            // What answers an answer would never end.
            assert_eq!(answer(packet), None);
        }
        assert_eq!(answer(&acknowledged), None);
    }

    #[test]
    fn ports_are_turned_round() {
        let mut init = recorded();
        init[..4].copy_from_slice(&[1, 2, 3, 4]);
        let acknowledged = answer(&sealed(init)).unwrap();
        assert_eq!(acknowledged[..4], [3, 4, 1, 2]);
    }

    type Damage = (&'static str, fn(&mut Vec<u8>));

    #[test]
    fn what_is_no_sound_init_is_not_answered() {
        let damages: [Damage; 10] = [
            ("no source port", |packet| packet[..2].fill(0)),
            ("no destination port", |packet| packet[2..4].fill(0)),
            ("a verification tag", |packet| packet[7] = 1),
            ("another kind", |packet| packet[12] = 0),
            ("too short a length", |packet| {
                packet[14..16].copy_from_slice(&[0, 16]);
            }),
            ("too long a length", |packet| packet[14..16].fill(255)),
            ("no initiate tag", |packet| packet[16..20].fill(0)),
            ("a chunk behind it", |packet| packet.extend([14, 0, 0, 4])),
            ("half of it", |packet| packet.truncate(30)),
            ("no extensions", |packet| {
                packet.truncate(32);
                packet[15] = 20;
            }),
        ];
        for (name, damage) in damages {
            let mut packet = recorded();
            damage(&mut packet);
            assert_eq!(answer(&sealed(packet)), None, "{name}");
        }
        let mut wrong_checksum = recorded();
        wrong_checksum[8] ^= 1;
        assert_eq!(answer(&wrong_checksum), None);
    }

    #[test]
    fn what_is_no_sound_cookie_is_not_answered() {
        let sound = echo(&answer(&recorded()).unwrap());
        let damages: [Damage; 4] = [
            ("another tag", |packet| packet[4] ^= 1),
            ("no cookie", |packet| packet[15] = 4),
            ("a longer cookie", |packet| packet[15] = 12),
            ("a cookie without a tag", |packet| packet[16..20].fill(0)),
        ];
        for (name, damage) in damages {
            let mut packet = sound.clone();
            damage(&mut packet);
            assert_eq!(answers(&sealed(packet)).len(), 0, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_by_no_more_than_came(
            packet in prop::collection::vec(any::<u8>(), 0..100),
            is_sealed in any::<bool>(),
        ) {
            let packet = if is_sealed && packet.len() >= HEADER_BYTES { sealed(packet) } else { packet };
            for reply in answers(&packet) {
                prop_assert!(reply.len() <= packet.len());
            }
        }

        #[test]
        fn any_damaged_packet_is_answered_by_no_more_than_came_and_never_an_answer_by_another(
            is_init in any::<bool>(),
            changes in prop::collection::vec((0..60_usize, any::<u8>()), 0..4),
            length in HEADER_BYTES..140,
        ) {
            let init = recorded();
            let mut packet = if is_init { init } else { echo(&answer(&init).unwrap()) };
            packet.truncate(length);
            for (at, byte) in changes {
                if let Some(place) = packet.get_mut(at) {
                    *place = byte;
                }
            }
            let packet = sealed(packet);
            for reply in answers(&packet) {
                prop_assert!(reply.len() <= packet.len());
                prop_assert_eq!(answers(&reply).len(), 0);
            }
        }
    }
}
