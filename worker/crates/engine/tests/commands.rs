//! Commands: refused with a reason, repeated without harm.

mod table;

use parley_wire::{
    EndpointId, EndpointTiles, ErrorCode, Medium, Reply, Request, RoomId, SendRole, TileWish,
};
use table::{Table, room};
use uuid::Uuid;

#[test]
fn repeated_commands_are_answered_like_the_first() {
    let mut table = Table::new();
    let seat = table.join(&[], 0, |_| {});
    let open = Box::new(table.seats[seat].open.clone());
    table.done(Request::RoomOpen { room: room() });
    table.done(Request::EndpointOpen(open));
    assert!(table.seats[seat].far.is_connected());
    table.run(1_000);
    assert_eq!(table.engine.stats().endpoints.len(), 1);
    table.assert_sound();
    table.done(Request::RoomClose { room: room() });
    table.done(Request::RoomClose { room: room() });
    assert!(table.seats[seat].is_closed);
}

#[test]
fn what_is_not_there_is_named() {
    let mut table = Table::new();
    let nobody = EndpointId(Uuid::from_u128(9));
    let mut elsewhere = table.parameters(0, &[], 0);
    elsewhere.room = RoomId(Uuid::from_u128(2));
    let cases = [
        (
            Request::EndpointOpen(Box::new(elsewhere)),
            ErrorCode::RoomNotFound,
        ),
        (
            Request::EndpointEnter {
                endpoint: nobody,
                entered: true,
            },
            ErrorCode::EndpointNotFound,
        ),
        (
            Request::EndpointTiles(EndpointTiles {
                endpoint: nobody,
                tiles: Vec::new(),
            }),
            ErrorCode::EndpointNotFound,
        ),
    ];
    for (request, code) in cases {
        assert_eq!(table.ask(request).err(), Some(code));
    }
    let seat = table.join(&[], 1, |_| {});
    let wish = |mid: &str| TileWish {
        mid: mid.to_owned(),
        show: None,
        width: 1,
        height: 1,
    };
    for mid in ["v0", "nothing"] {
        let endpoint = table.seats[seat].id;
        let request = EndpointTiles {
            endpoint,
            tiles: vec![wish("t0"), wish(mid)],
        };
        let answer = table.ask(Request::EndpointTiles(request));
        assert_eq!(answer.err(), Some(ErrorCode::LineNotFound));
    }
    assert!(matches!(table.ask(Request::Ping), Ok(Reply::Done)));
}

#[test]
fn parameters_that_cannot_work_are_refused_and_nothing_is_left_of_them() {
    let mut table = Table::new();
    type Edit = fn(&mut parley_wire::EndpointOpen);
    let cases: [(Edit, ErrorCode); 9] = [
        (
            |open| open.ice.local_pwd.clear(),
            ErrorCode::InvalidParameters,
        ),
        (
            |open| open.dtls.fingerprints.clear(),
            ErrorCode::InvalidParameters,
        ),
        (
            |open| open.send[1].ssrc = open.send[0].ssrc,
            ErrorCode::InvalidParameters,
        ),
        (
            |open| open.send[1].mid = open.send[0].mid.clone(),
            ErrorCode::InvalidParameters,
        ),
        (
            |open| open.send[0].medium = Medium::Video,
            ErrorCode::InvalidParameters,
        ),
        (
            |open| open.send[0].role = SendRole::Tile,
            ErrorCode::InvalidParameters,
        ),
        (
            |open| open.send[0].codecs.clear(),
            ErrorCode::InvalidParameters,
        ),
        (
            |open| open.receive[1].rids = vec!["r".to_owned(); 9],
            ErrorCode::LimitReached,
        ),
        (
            |open| open.receive[0].mid = "x".repeat(33),
            ErrorCode::LimitReached,
        ),
    ];
    for (number, (edit, code)) in cases.into_iter().enumerate() {
        let mut open = table.parameters(0, &[], 0);
        edit(&mut open);
        let answer = table.ask(Request::EndpointOpen(Box::new(open)));
        assert_eq!(answer.err(), Some(code), "case {number}");
    }
    assert_eq!(table.engine.stats().endpoints.len(), 0);
    let seat = table.join(&[], 0, |_| {});
    let mut same_name = table.parameters(1, &[], 0);
    same_name.ice.local_ufrag = table.seats[seat].open.ice.local_ufrag.clone();
    let answer = table.ask(Request::EndpointOpen(Box::new(same_name)));
    assert_eq!(answer.err(), Some(ErrorCode::AlreadyExists));
    table.run(1_000);
    table.assert_sound();
}
