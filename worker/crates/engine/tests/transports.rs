//! What the engine promises about who may talk to it, and about those who fall silent.

mod table;

use std::net::SocketAddr;

use parley_engine::limits;
use parley_wire::{
    DtlsParameters, DtlsRole, EndReason, EndpointOpen, EndpointRestart, ErrorCode, Event,
    Fingerprint, Request, Source,
};
use table::{Picture, Table, ice};

fn ends(table: &Table) -> Vec<EndReason> {
    let reasons = table.events().into_iter().filter_map(|event| match event {
        Event::EndpointEnded { reason, .. } => Some(reason),
        _ => None,
    });
    reasons.collect()
}

fn has(table: &Table, wanted: impl Fn(&Event) -> bool) -> bool {
    table.events().iter().any(wanted)
}

#[test]
fn an_endpoint_connects_and_the_server_is_told_how() {
    let mut table = Table::new();
    let seat = table.join(&[], 0, |_| {});
    let id = table.seats[seat].id;
    let told = table.events().into_iter().find_map(|event| match event {
        Event::EndpointConnected { endpoint, detail } if endpoint == id => Some(detail),
        _ => None,
    });
    let told = told.unwrap();
    assert!(
        told.contains("DTLS 1.2, AEAD_AES_256_GCM, udp 198.51.100.1:50000"),
        "{told}"
    );
    table.assert_sound();
}

/// The SCTP INIT of Chromium 156, which opens its data channels.
const INIT: [u8; 44] = [
    0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0x2d, 0x78, 0x81, 0x63, 1, 0, 0, 0x1e, 0x66, 0xc1, 0x1b,
    0x0b, 0, 0x50, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xc8, 1, 0x31, 0x2f, 0xc0, 0, 0, 4, 0x80, 8, 0, 6,
    0x82, 0xc0, 0, 0,
];

#[test]
fn a_data_channel_is_refused_as_soon_as_it_is_opened_and_nothing_else_is_answered() {
    let mut table = Table::new();
    let seat = table.join(&[], 0, |_| {});
    let send = |table: &mut Table, packet: &[u8]| {
        let now = table.now;
        table.seats[seat].far.send_data(now, packet).unwrap();
        table.step();
    };
    send(&mut table, &INIT);
    let told = std::mem::take(&mut table.seats[seat].data);
    assert_eq!(told.len(), 1);
    assert_eq!(told[0][4..8], INIT[16..20], "the tag of the INIT");
    assert_eq!(told[0][12], 2, "an INIT ACK");

    // In a burst few are answered.
    for _ in 0..50 {
        send(&mut table, &INIT);
    }
    let told = std::mem::take(&mut table.seats[seat].data);
    assert_eq!(told.len(), limits::CHANNEL_ANSWERS_MAX as usize - 1);
    table.run(limits::CHANNEL_ANSWERS_INTERVAL_US / 1_000);
    send(&mut table, &INIT);
    assert_eq!(std::mem::take(&mut table.seats[seat].data).len(), 1);

    table.run(limits::CHANNEL_ANSWERS_INTERVAL_US / 1_000);
    for length in 0..INIT.len() {
        send(&mut table, &INIT[..length]);
    }
    send(&mut table, b"hello");
    send(&mut table, &[0; 1_000]);
    assert_eq!(table.seats[seat].data, Vec::<Vec<u8>>::new());
    assert!(!table.seats[seat].is_closed);
    assert_eq!(ends(&table), []);
    table.assert_sound();
}

#[test]
fn a_certificate_that_is_not_the_offered_one_never_gets_media() {
    let mut table = Table::new();
    let seat = table.sit_down(&[], 0, |open| {
        let value = vec!["00"; 32].join(":");
        let algorithm = "sha-256".to_owned();
        open.dtls = DtlsParameters {
            fingerprints: vec![Fingerprint { algorithm, value }],
            role: DtlsRole::Server,
        };
    });
    table.run(200);
    assert_eq!(ends(&table), [EndReason::FingerprintMismatch]);
    assert!(!has(&table, |event| matches!(
        event,
        Event::EndpointConnected { .. }
    )));
    assert!(table.seats[seat].got.is_empty());
    let endpoint = table.seats[seat].id;
    let enter = Request::EndpointEnter {
        endpoint,
        entered: true,
    };
    assert_eq!(table.ask(enter).err(), Some(ErrorCode::EndpointNotFound));
}

#[test]
fn strangers_learn_nothing_and_never_get_more_bytes_than_they_sent() {
    let mut table = Table::new();
    let seat = table.join(&[], 0, |_| {});
    let stranger: SocketAddr = ([203, 0, 113, 9], 9).into();
    let mut fresh = table.far_end(&table.seats[seat].open.clone());
    fresh.advance(table.now).unwrap();
    // A recorded check with one bit of its integrity changed, and its fingerprint with it.
    let mut forged = fresh.transmit().unwrap();
    let length = forged.len();
    forged[length - 10] ^= 1;
    let attempts: Vec<Vec<u8>> = vec![
        forged,
        vec![22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        vec![128; 60],
        vec![128, 200, 0, 1, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0, 0],
        vec![0; 20],
        vec![7; 40],
        Vec::new(),
        vec![
            0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ],
    ];
    for attempt in &attempts {
        let back = table.inject(stranger, attempt);
        assert!(back <= attempt.len(), "{back} bytes for {}", attempt.len());
    }
    assert_eq!(table.counter("dropped_foreign_address"), 3);
    assert_eq!(table.counter("dropped_unknown_kind"), 2);
    assert!(table.counter("dropped_malformed") >= 3);
    let known = parley_engine::Address::Udp(stranger);
    assert!(!table.engine.knows(known));
}

#[test]
fn an_endpoint_that_never_connects_ends_after_its_time() {
    let mut table = Table::new();
    let seat = table.sit_down(&[], 0, |_| {});
    table.seats[seat].is_wired = false;
    table.run(limits::CONNECT_TIMEOUT_US / 1_000 - 1_000);
    assert_eq!(ends(&table), []);
    table.run(2_500);
    assert_eq!(ends(&table), [EndReason::ConnectTimeout]);
}

#[test]
fn silence_stops_writing_and_a_sign_of_life_starts_it_again_with_a_key_frame() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    assert_eq!(table.seats[viewer].got.len(), 1);

    table.seats[viewer].is_wired = false;
    for number in 2..200 {
        table.picture(camera, "cam", None, Picture::delta(number, 1));
        table.run(40);
    }
    assert!(has(&table, |event| matches!(
        event,
        Event::EndpointSilent { .. }
    )));
    let address = table.seats[viewer].address;
    let before = table.bytes_out[&address];
    for number in 200..250 {
        table.picture(camera, "cam", None, Picture::delta(number, 1));
        table.run(40);
    }
    assert_eq!(
        table.bytes_out[&address], before,
        "something was written into silence"
    );

    table.seats[viewer].is_wired = true;
    table.seats[camera].key_frames_wanted.clear();
    table.run(3_000);
    assert!(has(&table, |event| matches!(
        event,
        Event::EndpointBack { .. }
    )));
    assert!(!table.seats[camera].key_frames_wanted.is_empty());
    table.picture(camera, "cam", None, Picture::delta(250, 1));
    assert_eq!(
        table.seats[viewer].got.len(),
        1,
        "a picture that nobody can decode was sent"
    );
    table.picture(camera, "cam", None, Picture::key(251, 1));
    let got = &table.seats[viewer].got;
    assert_eq!(got.len(), 2);
    let lost = got[1].index - got[0].index - 1;
    let written_at_most = limits::SILENT_AFTER_US / 40_000 + 30;
    assert!(
        lost <= written_at_most,
        "{lost} numbers were used up in silence"
    );
    table.assert_sound();
}

#[test]
fn a_seat_is_held_for_a_while_and_then_it_has_vanished() {
    let mut table = Table::new();
    let seat = table.join(&[], 0, |_| {});
    table.seats[seat].is_wired = false;
    let held_ms = (limits::SILENT_AFTER_US + limits::SEAT_HELD_US) / 1_000;
    table.run(held_ms - 2_000);
    assert_eq!(ends(&table), []);
    table.run(5_000);
    assert_eq!(ends(&table), [EndReason::Vanished]);
}

#[test]
fn an_ice_restart_keeps_the_old_path_until_the_new_one_is_checked() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));

    let endpoint = table.seats[viewer].id;
    let restart = || EndpointRestart {
        endpoint,
        ice: ice(0, 1),
        dtls: None,
    };
    table.done(Request::EndpointRestart(restart()));
    table.done(Request::EndpointRestart(restart()));
    table.picture(camera, "cam", None, Picture::delta(2, 1));
    assert_eq!(
        table.seats[viewer].got.len(),
        2,
        "the old path serves meanwhile"
    );

    // The browser checks with the new credentials from another port.
    let mut open = table.seats[viewer].open.clone();
    open.ice = ice(0, 1);
    let mut fresh = table.far_end(&open);
    fresh.leave_dtls_to_others();
    let new_address: SocketAddr = ([198, 51, 100, 1], 50_001).into();
    table.capture(new_address);
    table.visit(&mut fresh, new_address);
    table.seats[viewer].address = new_address;
    table.picture(camera, "cam", None, Picture::delta(3, 1));
    assert_eq!(
        table.seats[viewer].got.len(),
        3,
        "packets follow to the new path"
    );
    let indices: Vec<u64> = table.seats[viewer]
        .got
        .iter()
        .map(|got| got.index)
        .collect();
    assert_eq!(indices[2], indices[0] + 2, "nothing was lost");
    table.assert_sound();
}

#[test]
fn a_new_dtls_association_brings_new_keys_to_the_same_endpoint() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    for number in 2..100 {
        table.picture(camera, "cam", None, Picture::delta(number, 1));
    }
    let mut open = table.seats[viewer].open.clone();
    open.ice = ice(0, 1);
    table.done(Request::EndpointRestart(EndpointRestart {
        endpoint: open.endpoint,
        ice: open.ice.clone(),
        dtls: Some(open.dtls.clone()),
    }));
    table.seats[viewer].far = table.far_end(&open);
    table.seats[viewer].got.clear();
    table.run(100);
    assert!(table.seats[viewer].far.is_connected());
    let connected = |event: &&Event| matches!(event, Event::EndpointConnected { .. });
    assert_eq!(table.events().iter().filter(connected).count(), 3);
    table.picture(camera, "cam", None, Picture::key(100, 1));
    table.picture(camera, "cam", None, Picture::delta(101, 1));
    assert_eq!(table.seats[viewer].got.len(), 2);
    table.assert_sound();
}

#[test]
fn a_kick_says_goodbye_and_a_second_one_changes_nothing() {
    let mut table = Table::new();
    let seat = table.join(&[], 0, |_| {});
    let endpoint = table.seats[seat].id;
    table.done(Request::EndpointClose { endpoint });
    assert!(table.seats[seat].is_closed);
    table.done(Request::EndpointClose { endpoint });
    assert_eq!(
        ends(&table),
        [],
        "who was closed by the server did not end by itself"
    );
    assert_eq!(table.engine.stats().endpoints.len(), 0);
}

#[test]
fn we_begin_the_handshake_where_the_far_side_waits_for_it() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |open| open.dtls.role = DtlsRole::Client);
    let camera = table.join(&[], 0, |open| open.dtls.role = DtlsRole::Client);
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    assert_eq!(table.seats[viewer].got.len(), 1);

    // A new association of the far side is waited for as well.
    let mut open = table.seats[viewer].open.clone();
    open.ice = ice(0, 1);
    table.done(Request::EndpointRestart(EndpointRestart {
        endpoint: open.endpoint,
        ice: open.ice.clone(),
        dtls: Some(open.dtls.clone()),
    }));
    table.seats[viewer].far = table.far_end(&open);
    table.seats[viewer].got.clear();
    table.run(100);
    assert!(table.seats[viewer].far.is_connected());
    table.picture(camera, "cam", None, Picture::key(100, 1));
    assert_eq!(table.seats[viewer].got.len(), 1);
    table.assert_sound();
}

#[test]
fn a_successor_goes_on_in_either_role() {
    for role in [DtlsRole::Server, DtlsRole::Client] {
        let mut table = Table::new();
        let viewer = table.join(&[], 1, |open| open.dtls.role = role);
        let camera = table.join(&[], 0, |open| open.dtls.role = role);
        table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
        table.picture(camera, "cam", None, Picture::key(1, 1));
        table.run(1_500);
        table.replace_engine();
        table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
        table.picture(camera, "cam", None, Picture::key(2, 1));
        assert_eq!(table.seats[viewer].got.len(), 2, "{role:?}");
        table.assert_sound();
    }
}

#[test]
fn nobody_begins_where_the_connection_is_on_hold() {
    let mut table = Table::new();
    let seat = table.sit_down(&[], 0, |open| open.dtls.role = DtlsRole::Hold);
    table.run(1_000);
    assert!(!table.seats[seat].far.is_connected());
    assert_eq!(ends(&table), []);
    table.run(limits::CONNECT_TIMEOUT_US / 1_000 + 1_500);
    assert_eq!(ends(&table), [EndReason::ConnectTimeout]);
}

/// Somebody looks at a camera; their address, and what they have got.
fn watching(edit: impl Fn(&mut EndpointOpen)) -> (Table, usize, usize) {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, &edit);
    let camera = table.join(&[], 0, &edit);
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    assert_eq!(table.seats[viewer].got.len(), 1);
    (table, viewer, camera)
}

const ELSEWHERE: ([u8; 4], u16) = ([203, 0, 113, 77], 50_000);

/// A nominating check of a seat's own, with its right credentials.
#[allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
fn check_of(table: &Table, seat: usize) -> Vec<u8> {
    let mut far = table.far_end(&table.seats[seat].open.clone());
    far.advance(table.now).unwrap();
    far.transmit().unwrap()
}

#[test]
fn media_does_not_go_to_an_address_that_never_asked_for_it() {
    let (mut table, viewer, camera) = watching(|_| {});
    let victim: SocketAddr = ELSEWHERE.into();
    let check = check_of(&table, viewer);
    let mut came = 0;
    for round in 0..20_u16 {
        came += check.len();
        table.inject(victim, &check);
        for number in 0..25 {
            table.picture(
                camera,
                "cam",
                None,
                Picture::delta(2 + round * 25 + number, 1),
            );
            table.run(40);
        }
    }
    let went = table.bytes_out[&victim];
    assert!(went <= came * limits::UNPROVEN_FACTOR, "{went} for {came}");
    assert_eq!(table.seats[viewer].got.len(), 1 + 20 * 25);
    assert_eq!(table.counter("media_moved"), 0);
    table.assert_sound();
}

#[test]
fn checks_from_elsewhere_are_no_consent_for_the_address_that_media_goes_to() {
    let (mut table, viewer, camera) = watching(|_| {});
    // The viewer's own address is given up, and somebody else may have it now.
    table.seats[viewer].is_wired = false;
    let victim: SocketAddr = ELSEWHERE.into();
    let check = check_of(&table, viewer);
    for _ in 0..10 {
        table.inject(victim, &check);
        table.run(1_000);
    }
    let before = table.bytes_out[&table.seats[viewer].address];
    table.picture(camera, "cam", None, Picture::key(2, 1));
    table.run(1_000);
    assert_eq!(table.bytes_out[&table.seats[viewer].address], before);
    assert!(has(&table, |event| matches!(
        event,
        Event::EndpointSilent { .. }
    )));
}

#[test]
fn a_switch_of_networks_costs_one_round_trip() {
    let (mut table, viewer, camera) = watching(|_| {});
    let there: SocketAddr = ELSEWHERE.into();
    table.capture(there);
    let mut far = table.far_end(&table.seats[viewer].open.clone());
    far.leave_dtls_to_others();
    table.visit(&mut far, there);
    assert_eq!(table.counter("media_moved"), 1);
    table.seats[viewer].address = there;
    table.picture(camera, "cam", None, Picture::delta(2, 1));
    assert_eq!(table.seats[viewer].got.len(), 2);
    table.assert_sound();
}

#[test]
fn a_packet_that_authenticates_moves_media_for_who_answers_no_checks() {
    let mut table = Table::new();
    let viewer = table.sit_down(&[], 1, |_| {});
    table.seats[viewer].far.leave_checks_unanswered();
    table.run(1_000);
    assert!(table.seats[viewer].far.is_connected());
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    assert_eq!(table.seats[viewer].got.len(), 1);

    let there: SocketAddr = ELSEWHERE.into();
    let check = check_of(&table, viewer);
    table.inject(there, &check);
    table.picture(camera, "cam", None, Picture::delta(2, 1));
    assert_eq!(table.seats[viewer].got.len(), 2, "not yet");
    table.seats[viewer].address = there;
    table.voice(viewer, 20);
    table.picture(camera, "cam", None, Picture::delta(3, 1));
    assert_eq!(table.seats[viewer].got.len(), 3);
    table.run(10_000);
    table.picture(camera, "cam", None, Picture::key(4, 1));
    assert_eq!(table.seats[viewer].got.len(), 4);
    table.assert_sound();
}

#[test]
fn who_answers_no_checks_connects_in_both_roles() {
    for role in [DtlsRole::Server, DtlsRole::Client] {
        let mut table = Table::new();
        let seat = table.sit_down(&[], 0, |open| open.dtls.role = role);
        table.seats[seat].far.leave_checks_unanswered();
        // It checks each 2.5 s, and each check lets three times its bytes out.
        table.run(8_000);
        assert!(table.seats[seat].far.is_connected(), "{role:?}");
    }
}

#[test]
fn a_handshake_that_somebody_else_wants_sent_is_small() {
    for role in [DtlsRole::Server, DtlsRole::Client] {
        let mut table = Table::new();
        let seat = table.sit_down(&[], 0, |open| open.dtls.role = role);
        table.seats[seat].is_wired = false;
        let victim: SocketAddr = ELSEWHERE.into();
        table.capture(victim);
        let mut far = table.far_end(&table.seats[seat].open.clone());
        far.leave_checks_unanswered();
        far.advance(table.now).unwrap();
        let check = far.transmit().unwrap();
        let mut came = check.len();
        table.inject(victim, &check);
        for mut packet in table.take_captured(victim) {
            far.handle(table.now, &mut packet).unwrap();
        }
        // With us as the server: a ClientHello, again and again.
        let hello = far.transmit();
        for _ in 0..10 {
            if let Some(hello) = &hello {
                came += hello.len();
                table.inject(victim, hello);
            }
            table.run(1_000);
            let went = table.bytes_out[&victim];
            assert!(
                went <= came * limits::UNPROVEN_FACTOR && went <= 3_000 + came,
                "{role:?}: {went} for {came}"
            );
        }
        assert_eq!(table.counter("media_moved"), 0);
    }
}

#[test]
fn an_address_is_not_taken_from_its_owner_by_the_check_of_another() {
    let (mut table, viewer, camera) = watching(|_| {});
    let owned = table.seats[camera].address;
    let check = check_of(&table, viewer);
    for number in 2..50 {
        table.inject(owned, &check);
        table.picture(camera, "cam", None, Picture::delta(number, 1));
        table.run(40);
    }
    assert_eq!(table.seats[viewer].got.len(), 49);
    assert_eq!(table.counter("addresses_taken_over"), 0);

    // Who is really there now can show it, and then it is theirs.
    table.seats[camera].is_wired = false;
    table.capture(owned);
    let mut far = table.far_end(&table.seats[viewer].open.clone());
    far.leave_dtls_to_others();
    table.run(2_000);
    table.visit(&mut far, owned);
    assert_eq!(table.counter("addresses_taken_over"), 1);
}
