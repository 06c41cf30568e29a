//! Pictures: which layer a tile shows, how it goes from one to another, and what is asked of whom.

mod table;

use parley_engine::limits;
use parley_wire::{
    Codec, EndpointId, Event, Message, Request, SendRole, Source, TileReason, TileSource,
};
use table::{H264, Picture, Table, VP8, read_picture};

const LADDER: [&str; 3] = ["q", "h", "f"];

fn sized(picture: Picture, rid: &str) -> Picture {
    let size = match rid {
        "q" => (320, 180),
        "h" => (640, 360),
        _ => (1280, 720),
    };
    Picture { size, ..picture }
}

/// All layers send a key frame.
fn key_frames(table: &mut Table, camera: usize, number: u16, tag: u8) {
    for rid in LADDER {
        table.picture(
            camera,
            "cam",
            Some(rid),
            sized(Picture::key(number, tag), rid),
        );
    }
}

fn deltas(table: &mut Table, camera: usize, rids: &[&str], numbers: std::ops::Range<u16>, tag: u8) {
    for number in numbers {
        for rid in rids {
            table.picture(
                camera,
                "cam",
                Some(rid),
                sized(Picture::delta(number, tag), rid),
            );
        }
        table.run(33);
    }
}

fn rid_shown(table: &Table, viewer: usize) -> Option<String> {
    table
        .tiles_of(viewer)
        .first()
        .and_then(|tile| tile.rid.clone())
}

#[test]
fn the_first_packet_of_a_camera_is_already_seen() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 7));
    let got = &table.seats[viewer].got;
    assert_eq!(got.len(), 1);
    assert_eq!(
        got[0].ssrc,
        table.seats[viewer].line(SendRole::Tile, 0).ssrc
    );
    assert_eq!(got[0].payload_type, VP8);
    assert_eq!(read_picture(&got[0].payload).2, 7);
    table.assert_sound();
}

#[test]
fn a_tile_gets_the_layer_of_its_size() {
    for (size, rid) in [((100, 60), "q"), ((640, 360), "h"), ((1920, 1080), "f")] {
        let mut table = Table::new();
        let viewer = table.join(&[], 1, |_| {});
        let camera = table.join(&LADDER, 0, |_| {});
        key_frames(&mut table, camera, 1, 1);
        table.tile(viewer, 0, Some((camera, Source::Camera)), size);
        key_frames(&mut table, camera, 2, 1);
        assert_eq!(rid_shown(&table, viewer).as_deref(), Some(rid));
    }
}

#[test]
fn a_switch_keeps_the_old_source_until_the_new_ones_key_frame_and_never_breaks_the_numbers() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let red = table.join(&[], 0, |_| {});
    let blue = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((red, Source::Camera)), (640, 360));
    table.picture(red, "cam", None, Picture::key(100, 1));
    table.picture(blue, "cam", None, Picture::key(7_000, 2));
    // Too old to be repeated.
    table.run(1_100);
    table.seats[blue].key_frames_wanted.clear();
    table.tile(viewer, 0, Some((blue, Source::Camera)), (640, 360));
    assert_eq!(
        table.seats[blue].key_frames_wanted.len(),
        1,
        "the new source is asked at once"
    );
    table.picture(blue, "cam", None, Picture::delta(7_001, 2));
    table.run(33);
    table.picture(red, "cam", None, Picture::delta(101, 1));
    table.run(33);
    table.picture(blue, "cam", None, Picture::key(7_002, 2));
    table.picture(red, "cam", None, Picture::delta(102, 1));
    table.run(33);
    table.picture(blue, "cam", None, Picture::delta(7_003, 2));

    let got = &table.seats[viewer].got;
    let tags: Vec<u8> = got.iter().map(|got| read_picture(&got.payload).2).collect();
    assert_eq!(
        tags,
        [1, 1, 2, 2],
        "old source until the key frame, then only the new one"
    );
    for pair in got.windows(2) {
        assert_eq!(pair[1].index, pair[0].index + 1);
        let (before, after) = (
            read_picture(&pair[0].payload),
            read_picture(&pair[1].payload),
        );
        assert_eq!(after.0, (before.0 + 1) & 0x7fff, "picture ids go on by one");
        assert_eq!(after.1, before.1.wrapping_add(1), "TL0PICIDX too");
        let ticks = pair[1].timestamp.wrapping_sub(pair[0].timestamp);
        let passed = (pair[1].at.0 - pair[0].at.0) * 9 / 100;
        assert!(
            u64::from(ticks).abs_diff(passed) <= 90,
            "{ticks} ticks for {passed}"
        );
    }
    assert_eq!(
        table.seats[viewer].got_on(got[0].ssrc).len(),
        got.len(),
        "one SSRC for ever"
    );
    table.assert_sound();
}

#[test]
fn key_frame_requests_of_many_viewers_are_one_each_half_second() {
    let mut table = Table::new();
    let viewers: Vec<usize> = (0..5).map(|_| table.join(&[], 1, |_| {})).collect();
    let camera = table.join(&[], 0, |_| {});
    for viewer in &viewers {
        table.tile(*viewer, 0, Some((camera, Source::Camera)), (640, 360));
    }
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.run(1_000);
    table.seats[camera].key_frames_wanted.clear();
    let start = table.now;
    for number in 0..20 {
        for viewer in &viewers {
            let ssrc = table.seats[*viewer].line(SendRole::Tile, 0).ssrc;
            table.seats[*viewer].far.want_key_frame(ssrc);
        }
        table.picture(camera, "cam", None, Picture::delta(2 + number, 1));
        table.run(100);
    }
    let asked: Vec<u64> = table.seats[camera]
        .key_frames_wanted
        .iter()
        .map(|(at, _)| (at.0 - start.0) / 100_000)
        .collect();
    assert_eq!(asked, [0, 5, 10, 15]);
}

#[test]
fn a_newcomers_key_frame_is_asked_for_while_they_still_connect() {
    let mut table = Table::new();
    let camera = table.join(&[], 0, |_| {});
    table.picture(camera, "cam", None, Picture::key(1, 1));
    for number in 0..20 {
        table.run(100);
        table.picture(camera, "cam", None, Picture::delta(2 + number, 1));
    }
    table.seats[camera].key_frames_wanted.clear();
    // Nobody has said what they want to see.
    let viewer = table.join(&[], 1, |_| {});
    assert_eq!(table.seats[camera].key_frames_wanted.len(), 1);
    table.picture(camera, "cam", None, Picture::key(22, 1));
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.run(10);
    assert!(shown(&table, viewer).is_some());
    assert_eq!(table.seats[camera].key_frames_wanted.len(), 1);
    // Somebody who sees nobody wants no key frame, nor does one who comes while there is a young one.
    table.join(&[], 0, |_| {});
    table.join(&[], 1, |_| {});
    assert_eq!(table.seats[camera].key_frames_wanted.len(), 1);
}

#[test]
fn a_request_right_after_a_key_frame_is_put_off_until_the_encoder_listens() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.run(1_000);
    table.picture(camera, "cam", None, Picture::key(1, 1));
    let key_frame = table.now;
    table.seats[camera].key_frames_wanted.clear();
    table.run(50);
    let ssrc = table.seats[viewer].line(SendRole::Tile, 0).ssrc;
    table.seats[viewer].far.want_key_frame(ssrc);
    table.run(600);
    let wanted = &table.seats[camera].key_frames_wanted;
    let after = wanted[0].0.0 - key_frame.0;
    assert!(
        (limits::KEY_FRAME_QUIET_US..330_000).contains(&after),
        "asked after {after} us"
    );
}

#[test]
fn a_layer_that_falls_silent_gives_way_and_comes_back() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&LADDER, 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (1280, 720));
    key_frames(&mut table, camera, 1, 1);
    deltas(&mut table, camera, &LADDER, 2..20, 1);
    assert_eq!(rid_shown(&table, viewer).as_deref(), Some("f"));
    deltas(&mut table, camera, &["q", "h"], 20..60, 1);
    key_frames(&mut table, camera, 60, 1);
    // The key frame of "f" among them shows that it is back; without it "h" would be shown.
    deltas(&mut table, camera, &["q", "h"], 61..100, 1);
    table.picture(camera, "cam", Some("h"), sized(Picture::key(101, 1), "h"));
    assert_eq!(rid_shown(&table, viewer).as_deref(), Some("h"));
    deltas(&mut table, camera, &LADDER, 101..120, 1);
    key_frames(&mut table, camera, 121, 1);
    assert_eq!(rid_shown(&table, viewer).as_deref(), Some("f"));
    table.assert_sound();
}

#[test]
fn a_layer_that_the_client_says_is_off_is_not_waited_for() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&LADDER, 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (1280, 720));
    key_frames(&mut table, camera, 1, 1);
    key_frames(&mut table, camera, 2, 1);
    assert_eq!(rid_shown(&table, viewer).as_deref(), Some("f"));
    table.publish(camera, "cam", false, Some(&["q", "h"]));
    table.picture(camera, "cam", Some("h"), sized(Picture::key(3, 1), "h"));
    assert_eq!(rid_shown(&table, viewer).as_deref(), Some("h"));
}

#[test]
fn a_muted_camera_leaves_its_tiles_idle_and_its_packets_go_nowhere() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.publish(camera, "cam", true, None);
    assert_eq!(table.tiles_of(viewer)[0].show, None);
    table.picture(camera, "cam", None, Picture::key(2, 1));
    assert_eq!(table.seats[viewer].got.len(), 1);
    assert_eq!(table.counter("dropped_muted"), 1);
    table.publish(camera, "cam", false, None);
    table.picture(camera, "cam", None, Picture::key(3, 1));
    assert_eq!(table.seats[viewer].got.len(), 2);
    assert!(table.tiles_of(viewer)[0].show.is_some());
}

#[test]
fn screen_and_camera_are_two_sources() {
    let mut table = Table::new();
    let viewer = table.join(&[], 2, |_| {});
    let both = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((both, Source::Camera)), (640, 360));
    table.tile(viewer, 1, Some((both, Source::Screen)), (640, 360));
    table.picture(both, "cam", None, Picture::key(1, 1));
    table.picture(both, "screen", None, Picture::key(1, 2));
    let tag = |place| {
        let ssrc = table.seats[viewer].line(SendRole::Tile, place).ssrc;
        table.seats[viewer]
            .got_on(ssrc)
            .iter()
            .map(|g| read_picture(&g.payload).2)
            .collect::<Vec<_>>()
    };
    assert_eq!((tag(0), tag(1)), (vec![1], vec![2]));
}

#[test]
fn a_tile_without_the_sources_codec_stays_idle() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |open| {
        let line = open
            .send
            .iter_mut()
            .find(|line| line.role == SendRole::Tile);
        line.unwrap()
            .codecs
            .retain(|codec| codec.payload_type == H264);
    });
    let camera = table.join(&[], 0, |open| {
        open.receive[1]
            .codecs
            .retain(|codec| codec.payload_type == VP8);
    });
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.run(500);
    assert!(table.seats[viewer].got.is_empty());
}

#[test]
fn lost_packets_are_repeated_on_the_rtx_ssrc_and_the_picture_is_whole() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.lose(viewer, 2);
    table.lose(viewer, 3);
    for number in 2..10 {
        table.picture(camera, "cam", None, Picture::delta(number, number as u8));
        table.run(5);
    }
    table.run(200);
    let got = &table.seats[viewer].got;
    let mut tags: Vec<u8> = got.iter().map(|got| read_picture(&got.payload).2).collect();
    tags.sort_unstable();
    assert_eq!(tags, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let repaired: Vec<&table::Got> = got.iter().filter(|got| got.is_repair).collect();
    assert_eq!(repaired.len(), 2);
    let first = read_picture(&got[0].payload).0;
    for got in repaired {
        let (id, _, tag, _) = read_picture(&got.payload);
        assert_eq!(
            id,
            (first + u16::from(tag) - 1) & 0x7fff,
            "as it was sent first"
        );
    }
    assert_eq!(table.counter("rtp_retransmitted"), 2);
    table.assert_sound();
}

#[test]
fn what_a_publisher_lost_is_asked_for_and_reaches_the_viewers() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.seats[camera].is_wired = false;
    table.picture(camera, "cam", None, Picture::delta(2, 2));
    table.seats[camera].is_wired = true;
    for number in 3..8 {
        table.picture(camera, "cam", None, Picture::delta(number, number as u8));
        table.run(10);
    }
    table.run(100);
    assert_eq!(table.seats[camera].far.counters().resent, 1);
    let got = &table.seats[viewer].got;
    let mut tags: Vec<u8> = got.iter().map(|got| read_picture(&got.payload).2).collect();
    tags.sort_unstable();
    assert_eq!(tags, [1, 2, 3, 4, 5, 6, 7]);
    table.assert_sound();
}

#[test]
fn a_camera_that_starts_anew_on_another_ssrc_is_seen_again() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    let other = parley_simulate::far::FarPacket {
        ssrc: 77,
        rtx: None,
        payload_type: VP8,
        marker: true,
        timestamp: 5,
        mid: Some("cam"),
        rid: None,
        level: None,
        payload: &Picture::key(9_000, 2).payload(),
    };
    table.run(33);
    let now = table.now;
    table.seats[camera].far.send(now, &other);
    table.step();
    let got = &table.seats[viewer].got;
    assert_eq!(got.len(), 2);
    assert_eq!(got[1].index, got[0].index + 1);
    assert_eq!(
        read_picture(&got[1].payload).0,
        read_picture(&got[0].payload).0 + 1
    );
    table.assert_sound();
}

#[test]
fn one_video_line_follows_the_active_speaker() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |open| {
        let line = open
            .send
            .iter_mut()
            .find(|line| line.role == SendRole::Tile);
        line.unwrap().role = SendRole::ActiveSpeaker;
    });
    let one = table.join(&[], 0, |_| {});
    table.picture(one, "cam", None, Picture::key(1, 1));
    table.run(200);
    table.picture(one, "cam", None, Picture::key(2, 1));
    assert_eq!(
        table.seats[viewer].got.len(),
        2,
        "who is alone is shown without speaking"
    );
    let two = table.join(&[], 0, |_| {});
    table.picture(two, "cam", None, Picture::key(1, 2));
    table.talk(2_000, &[(one, 127), (two, 20)]);
    table.picture(two, "cam", None, Picture::key(2, 2));
    assert_eq!(shown(&table, viewer), Some(table.seats[two].id));
    table.talk(3_000, &[(one, 20), (two, 127)]);
    table.picture(one, "cam", None, Picture::key(3, 1));
    assert_eq!(shown(&table, viewer), Some(table.seats[one].id));
}

fn shown(table: &Table, viewer: usize) -> Option<EndpointId> {
    table.tiles_of(viewer)[0].show.map(|show| show.endpoint)
}

#[test]
fn who_has_not_entered_is_not_seen_and_sees_nothing() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 1, |open| open.entered = false);
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.tile(camera, 0, Some((viewer, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.picture(viewer, "cam", None, Picture::key(1, 2));
    assert!(table.seats[viewer].got.is_empty() && table.seats[camera].got.is_empty());
    table.run(1_100);
    let endpoint = table.seats[camera].id;
    table.done(Request::EndpointEnter {
        endpoint,
        entered: true,
    });
    table.picture(camera, "cam", None, Picture::key(2, 1));
    table.picture(viewer, "cam", None, Picture::key(2, 2));
    assert_eq!(
        (table.seats[viewer].got.len(), table.seats[camera].got.len()),
        (1, 1)
    );
    table.done(Request::EndpointEnter {
        endpoint,
        entered: false,
    });
    table.picture(camera, "cam", None, Picture::key(3, 1));
    table.picture(viewer, "cam", None, Picture::key(3, 2));
    assert_eq!(
        (table.seats[viewer].got.len(), table.seats[camera].got.len()),
        (1, 1)
    );
    assert!(table.seats[camera].far.is_connected());
    assert!(
        !table
            .events()
            .iter()
            .any(|event| matches!(event, Event::EndpointEnded { .. }))
    );
}

#[test]
fn a_closed_publisher_leaves_its_tiles_idle() {
    let mut table = Table::new();
    let viewer = table.join(&[], 1, |_| {});
    let camera = table.join(&[], 0, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.picture(camera, "cam", None, Picture::key(1, 1));
    let endpoint = table.seats[camera].id;
    table.done(Request::EndpointClose { endpoint });
    assert_eq!(table.tiles_of(viewer)[0].show, None);
    table.run(1_000);
    table.assert_sound();
}

/// Who is on which tile.
fn owners(table: &Table, viewer: usize) -> Vec<Option<(EndpointId, Source)>> {
    let tiles = table.tiles_of(viewer);
    tiles
        .iter()
        .map(|tile| {
            tile.show
                .map(|TileSource { endpoint, source }| (endpoint, source))
        })
        .collect()
}

/// All cameras send a picture and their owners talk this loud, 30 times.
fn meet(table: &mut Table, people: &[(usize, u8)], first: u16) {
    for number in first..first + 30 {
        for (seat, level) in people {
            let picture = if number % 10 == 0 {
                Picture::key(number, *seat as u8)
            } else {
                Picture::delta(number, *seat as u8)
            };
            table.picture(*seat, "cam", None, picture);
            table.voice(*seat, *level);
            table.voice(*seat, *level);
        }
        table.run(40);
    }
}

#[test]
fn tiles_that_nobody_ordered_fill_by_speaker_order_and_what_is_shown_stays_on_its_line() {
    let mut table = Table::new();
    let people: Vec<usize> = (0..3).map(|_| table.join(&[], 0, |_| {})).collect();
    let viewer = table.join(&[], 2, |_| {});
    let id = |table: &Table, place: usize| Some((table.seats[people[place]].id, Source::Camera));
    let silent = [(people[0], 110), (people[1], 110), (people[2], 110)];
    meet(&mut table, &silent, 10);
    let before = owners(&table, viewer);
    assert_eq!(before, [id(&table, 0), id(&table, 1)]);
    // The third one speaks: it is seen, and one of the others stays where it was.
    meet(
        &mut table,
        &[(people[0], 110), (people[1], 110), (people[2], 20)],
        40,
    );
    meet(
        &mut table,
        &[(people[0], 110), (people[1], 110), (people[2], 20)],
        70,
    );
    let after = owners(&table, viewer);
    assert!(after.contains(&id(&table, 2)), "{after:?}");
    assert_eq!(after.iter().zip(&before).filter(|(a, b)| a == b).count(), 1);
    // Whoever asks gets what they ask for, and nothing else.
    table.tile(viewer, 0, Some((people[1], Source::Camera)), (640, 360));
    meet(&mut table, &silent, 100);
    assert_eq!(owners(&table, viewer), [id(&table, 1), None]);
    table.assert_sound();
}

#[test]
fn a_viewer_without_the_publishers_codec_is_told_and_the_publisher_is_asked_for_another() {
    let mut table = Table::new();
    let camera = table.join(&[], 0, |_| {});
    let viewer = table.join(&[], 1, |open| {
        for line in &mut open.send {
            line.codecs.retain(|codec| codec.codec != Codec::Vp8);
        }
    });
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    table.run(300);
    let reason = |table: &Table| table.tiles_of(viewer)[0].reason;
    assert_eq!(reason(&table), Some(TileReason::Paused), "nothing is sent");
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.run(300);
    assert_eq!(reason(&table), Some(TileReason::Codec));
    let wanted = |table: &Table| -> Vec<(EndpointId, String, Vec<Codec>)> {
        let events = table.messages.iter().filter_map(|message| match message {
            Message::Event {
                event:
                    Event::PublishCodecWanted {
                        endpoint,
                        mid,
                        codecs,
                        ..
                    },
                ..
            } => Some((*endpoint, mid.clone(), codecs.clone())),
            _ => None,
        });
        events.collect()
    };
    for number in 2..60 {
        table.picture(camera, "cam", None, Picture::delta(number, 1));
        table.run(33);
    }
    let id = table.seats[camera].id;
    assert_eq!(
        wanted(&table),
        [(id, "cam".to_owned(), vec![Codec::H264])],
        "asked once"
    );
    table.publish(camera, "cam", true, None);
    table.run(300);
    assert_eq!(reason(&table), Some(TileReason::Paused));
    table.tile(viewer, 0, None, (640, 360));
    table.run(300);
    assert_eq!(reason(&table), Some(TileReason::None));
}

#[test]
fn a_tile_that_shows_what_it_should_gives_no_reason() {
    let mut table = Table::new();
    let camera = table.join(&[], 0, |_| {});
    let viewer = table.join(&[], 1, |_| {});
    table.tile(viewer, 0, Some((camera, Source::Camera)), (640, 360));
    for number in 1..20 {
        table.picture(camera, "cam", None, Picture::key(number, 1));
        table.run(33);
    }
    let tiles = table.tiles_of(viewer);
    assert!(tiles[0].show.is_some());
    assert_eq!(tiles[0].reason, None);
}

#[test]
fn a_mid_of_32_bytes_is_a_line_like_any_other_and_a_longer_one_is_refused() {
    let mut table = Table::new();
    let camera = table.join(&[], 0, |_| {});
    let long = "m".repeat(32);
    let viewer = table.join(&[], 1, |open| {
        for line in &mut open.send {
            if line.role == SendRole::Tile {
                line.mid.clone_from(&long);
            }
        }
    });
    table.picture(camera, "cam", None, Picture::key(1, 1));
    table.run(1_500);
    table.picture(camera, "cam", None, Picture::key(2, 1));
    table.run(100);
    let tiles = table.tiles_of(viewer);
    assert_eq!(tiles[0].mid, long);
    assert!(tiles[0].show.is_some());
    for place in 0..2 {
        let mut open = table.parameters(9 + place, &[], 1);
        let mid = "m".repeat(33);
        if place == 0 {
            open.receive[0].mid = mid;
        } else {
            open.send[0].mid = mid;
        }
        let refused = table.ask(Request::EndpointOpen(Box::new(open)));
        assert_eq!(refused.err(), Some(parley_wire::ErrorCode::LimitReached));
    }
    table.assert_sound();
}
