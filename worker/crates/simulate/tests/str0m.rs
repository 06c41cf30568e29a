//! An independent implementation at the far end: str0m's ICE, DTLS, SRTP, RTCP, NACK and simulcast
//! against ours, in virtual time.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::net::SocketAddr;

use parley_rtp::time::Micros;
use parley_simulate::network::{Conditions, InFlight};
use parley_simulate::offer::{Layers, Role, describe};
use parley_simulate::sense::{Ear, Eye};
use parley_simulate::source::{Camera, Voice};
use parley_simulate::stage::Stage;
use parley_wire::{
    EndpointId, EndpointTiles, Event as ServerEvent, Fingerprint, Request, Source, TileSource,
    TileWish,
};
use str0m::format::Codec;
use str0m::media::{MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{ExtensionValues, RtpWrite};
use str0m::{Candidate, Event, IceCreds, Input, Output, Rtc};

/// One str0m and what it publishes and perceives.
struct Other {
    rtc: Rtc,
    id: EndpointId,
    address: SocketAddr,
    voice: Option<Voice>,
    cameras: Vec<Camera>,
    next_sequence: Vec<u64>,
    ear: Ear,
    eye: Eye,
    voice_ssrc: u32,
    tile: Option<u32>,
    is_connected: bool,
    key_frames_wanted: u32,
}

impl Other {
    fn join(stage: &mut Stage, number: u32, role: Role) -> Self {
        let mut rtc = Rtc::builder()
            .set_rtp_mode(true)
            .clear_codecs()
            .enable_vp8(true)
            .enable_opus(true, false)
            .build(stage.instant());
        let address: SocketAddr = ([203, 0, 113, number as u8], 4_000).into();
        rtc.add_local_candidate(Candidate::host(address, "udp").unwrap());
        rtc.add_remote_candidate(Candidate::host(stage.server(), "udp").unwrap());
        let mut direct = rtc.direct_api();
        let value = direct.local_dtls_fingerprint().to_string();
        let (algorithm, value) = value.split_once(' ').unwrap();
        let fingerprint = Fingerprint {
            algorithm: algorithm.to_owned(),
            value: value.to_owned(),
        };
        let mut open = describe(stage.room(), number, role, fingerprint);
        let local = direct.local_ice_credentials();
        (open.ice.remote_ufrag, open.ice.remote_pwd) = (local.ufrag, local.pass);
        direct.set_ice_controlling(true);
        direct.set_remote_ice_credentials(IceCreds {
            ufrag: open.ice.local_ufrag.clone(),
            pass: open.ice.local_pwd.clone(),
        });
        let server = stage.fingerprint();
        let server = format!("{} {}", server.algorithm, server.value);
        direct.set_remote_fingerprint(server.parse().unwrap());
        direct.start_dtls(true).unwrap();
        direct.enable_twcc_feedback();
        let (mut voice_ssrc, mut tile) = (0, None);
        for line in &open.send {
            let mid = Mid::from(line.mid.as_str());
            let is_voice = line.rtx_ssrc.is_none();
            let kind = if is_voice {
                MediaKind::Audio
            } else {
                MediaKind::Video
            };
            direct.declare_media(mid, kind);
            direct.expect_stream_rx(line.ssrc.into(), line.rtx_ssrc.map(Into::into), mid, None);
            if is_voice {
                voice_ssrc = line.ssrc;
            } else {
                tile = Some(line.ssrc);
            }
        }
        let mut cameras = Vec::new();
        if role.voice_hz.is_some() {
            direct.declare_media("mic".into(), MediaKind::Audio);
            let ssrc = number * 1_000 + 1;
            direct.declare_stream_tx(ssrc.into(), None, "mic".into(), None);
        }
        if role.camera.is_some() {
            direct.declare_media("cam".into(), MediaKind::Video);
            let layers = [
                ("q", (320, 180), 1),
                ("h", (640, 360), 2),
                ("f", (1_280, 720), 5),
            ];
            for (at, (rid, size, packets)) in layers.into_iter().enumerate() {
                let ssrc = number * 1_000 + 10 + at as u32;
                let rtx = Some((ssrc + 100).into());
                direct.declare_stream_tx(ssrc.into(), rtx, "cam".into(), Some(rid.into()));
                cameras.push(Camera::new(stage.now, ssrc, Some(rid), size, packets));
            }
        }
        let id = open.endpoint;
        stage.ask(Request::EndpointOpen(Box::new(open)));
        Self {
            rtc,
            id,
            address,
            voice: role.voice_hz.map(|hz| Voice::new(stage.now, hz).unwrap()),
            next_sequence: vec![10_000; cameras.len() + 1],
            cameras,
            ear: Ear::new().unwrap(),
            eye: Eye::default(),
            voice_ssrc,
            tile,
            is_connected: false,
            key_frames_wanted: 0,
        }
    }

    fn step(&mut self, stage: &mut Stage) {
        let now = stage.instant();
        let own = self.address;
        let arrived: Vec<_> = stage
            .outside
            .extract_if(.., |packet| packet.to == own)
            .collect();
        for packet in arrived {
            let received = Receive::new(Protocol::Udp, packet.from, packet.to, &packet.bytes);
            self.rtc
                .handle_input(Input::Receive(now, received.unwrap()))
                .unwrap();
            self.drain(&mut stage.network, stage.now);
        }
        if self.is_connected {
            self.publish(stage);
        }
        self.rtc.handle_input(Input::Timeout(now)).unwrap();
        self.drain(&mut stage.network, stage.now);
        self.ear.advance(stage.now);
    }

    fn publish(&mut self, stage: &mut Stage) {
        let pt = |rtc: &Rtc, codec| {
            rtc.codec_config()
                .find(|params| params.spec().codec == codec)
                .unwrap()
                .pt()
        };
        let (opus, vp8) = (pt(&self.rtc, Codec::Opus), pt(&self.rtc, Codec::Vp8));
        let instant = stage.instant();
        if let Some(frame) = self
            .voice
            .as_mut()
            .and_then(|v| v.advance(stage.now).unwrap())
        {
            let exts = ExtensionValues {
                audio_level: Some(-(frame.level.attenuation_db as i8)),
                voice_activity: Some(true),
                ..ExtensionValues::default()
            };
            let sequence = self.next_sequence[0];
            self.next_sequence[0] += 1;
            let write = RtpWrite::new(
                opus,
                sequence.into(),
                frame.timestamp,
                instant,
                frame.payload,
            )
            .ext_vals(exts);
            let mut direct = self.rtc.direct_api();
            direct
                .stream_tx_by_mid("mic".into(), None)
                .unwrap()
                .write_rtp(write);
        }
        for (at, camera) in self.cameras.iter_mut().enumerate() {
            for packet in camera.advance(stage.now) {
                let sequence = self.next_sequence[at + 1];
                self.next_sequence[at + 1] += 1;
                let write = RtpWrite::new(
                    vp8,
                    sequence.into(),
                    packet.timestamp,
                    instant,
                    packet.payload,
                )
                .marker(packet.marker)
                .nackable(true);
                let mut direct = self.rtc.direct_api();
                direct
                    .stream_tx(&camera.ssrc.into())
                    .unwrap()
                    .write_rtp(write);
            }
        }
    }

    fn drain(&mut self, network: &mut parley_simulate::network::Network, now: Micros) {
        loop {
            match self.rtc.poll_output().unwrap() {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    let bytes = transmit.contents.to_vec();
                    let (from, to) = (self.address, transmit.destination);
                    network.send(now, InFlight { from, to, bytes });
                }
                Output::Event(Event::Connected) => {
                    self.is_connected = true;
                    self.cameras
                        .iter_mut()
                        .for_each(|camera| camera.films = true);
                }
                Output::Event(Event::KeyframeRequest(request)) => {
                    self.key_frames_wanted += 1;
                    let rid = request.rid.map(|rid| rid.to_string());
                    for camera in &mut self.cameras {
                        if camera.rid == rid.as_deref() {
                            camera.want_key_frame();
                        }
                    }
                }
                Output::Event(Event::RtpPacket(packet)) => self.perceive(&packet, now),
                Output::Event(_) => {}
            }
        }
    }

    fn perceive(&mut self, packet: &str0m::rtp::RtpPacket, now: Micros) {
        let (ssrc, timestamp) = (*packet.header.ssrc, packet.header.timestamp);
        if ssrc == self.voice_ssrc {
            self.ear.packet(
                now,
                packet.header.sequence_number,
                timestamp,
                &packet.payload,
            );
        } else if self.tile == Some(ssrc) {
            let marker = packet.header.marker;
            let asks = self
                .eye
                .packet(now, *packet.seq_no, timestamp, marker, &packet.payload);
            if asks {
                let mut direct = self.rtc.direct_api();
                if let Some(line) = direct.stream_rx(&ssrc.into()) {
                    line.request_keyframe(str0m::media::KeyframeRequestKind::Pli);
                }
            }
        }
    }
}

fn run(stage: &mut Stage, others: &mut [&mut Other], ms: u64) {
    for _ in 0..ms {
        stage.run(1);
        for other in others.iter_mut() {
            other.step(stage);
        }
    }
}

fn watch(stage: &mut Stage, viewer: EndpointId, publisher: EndpointId, size: (u32, u32)) {
    let show = Some(TileSource {
        endpoint: publisher,
        source: Source::Camera,
    });
    let (width, height) = size;
    let tiles = vec![TileWish {
        mid: "tile0".to_owned(),
        show,
        width,
        height,
    }];
    stage.ask(Request::EndpointTiles(EndpointTiles {
        endpoint: viewer,
        tiles,
    }));
}

#[test]
fn str0m_publishes_simulcast_and_str0m_sees_the_layer_it_asks_for() {
    for (seed, loss_percent) in [(1, 0.0), (2, 3.0)] {
        let mut stage = Stage::new(seed, Conditions::good());
        let publishes = Role {
            voice_hz: Some(440.0),
            camera: Some(Layers::Three),
            ..Role::default()
        };
        let mut publisher = Other::join(&mut stage, 1, publishes);
        let watches = Role {
            voices: 1,
            tiles: 1,
            ..Role::default()
        };
        let mut viewer = Other::join(&mut stage, 2, watches);
        let (from, to) = (publisher.id, viewer.id);
        run(&mut stage, &mut [&mut publisher, &mut viewer], 500);
        assert!(
            publisher.is_connected && viewer.is_connected,
            "seed {seed}: ICE and DTLS"
        );
        let connected = |event: &&ServerEvent| {
            matches!(event, ServerEvent::EndpointConnected { detail, .. }
                if detail.contains("AES_256_GCM"))
        };
        assert_eq!(stage.events().filter(connected).count(), 2, "seed {seed}");
        stage.network.set_conditions(Conditions {
            loss_percent,
            ..Conditions::good()
        });
        for (size, camera) in [
            ((320, 180), 1_010),
            ((1_280, 720), 1_012),
            ((640, 360), 1_011),
        ] {
            watch(&mut stage, to, from, size);
            run(&mut stage, &mut [&mut publisher, &mut viewer], 4_000);
            let shown = viewer.eye.shown.iter().rev().take(30);
            assert!(
                shown.clone().all(|shown| shown.camera == camera),
                "seed {seed}: asked for {size:?}, saw {:?}",
                viewer.eye.shown.last()
            );
            assert_eq!(shown.count(), 30, "seed {seed}");
        }
        let frames = viewer.eye.shown.len();
        assert!(frames > 320, "seed {seed}: {frames} frames in 12 s");
        assert_eq!(viewer.eye.strange, 0, "seed {seed}");
        assert!(
            publisher.key_frames_wanted > 0,
            "seed {seed}: it is asked for key frames"
        );
        let sound = &viewer.ear.sound[48_000..];
        let tone = parley_dsp::tone::amplitude_of(440.0, sound, 48_000);
        assert!(
            (0.15..0.35).contains(&tone),
            "seed {seed}: the voice is heard as {tone}"
        );
        let stats = stage.stats();
        for name in [
            "dropped_unauthenticated",
            "dropped_malformed",
            "dropped_unknown_ssrc",
        ] {
            assert_eq!(stats.counters[name], 0, "seed {seed}: {name}");
        }
        if loss_percent > 0.0 {
            assert!(
                stats.counters["rtp_retransmitted"] > 0,
                "seed {seed}: its NACKs are answered"
            );
            assert!(
                stats.counters["nacks_out"] > 0,
                "seed {seed}: and it answers ours"
            );
        }
    }
}
