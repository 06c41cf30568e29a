//! What an offer and its answer come to: the parameters with which the server opens an endpoint.

use parley_rtp::header::ExtensionIds;
use parley_wire::{
    Codec, CodecParameters, DtlsParameters, DtlsRole, EndpointId, EndpointOpen, Fingerprint,
    HeaderExtensions, IceParameters, Medium, ReceiveLine, RoomId, SendLine, SendRole, Source,
};
use uuid::Uuid;

/// Payload type of Opus.
pub const OPUS: u8 = 111;
/// Payload type of VP8.
pub const VP8: u8 = 96;
/// Payload type of its retransmissions.
pub const RTX: u8 = 97;
const EXTENSIONS: HeaderExtensions = HeaderExtensions {
    mid: Some(4),
    rid: Some(10),
    repaired_rid: Some(11),
    audio_level: Some(1),
    abs_send_time: None,
    transport_cc: Some(3),
    playout_delay: None,
};

/// What somebody brings to the stage and wants from it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Role {
    /// Whistles this note.
    pub voice_hz: Option<f64>,
    /// Films, in one layer or in three.
    pub camera: Option<Layers>,
    /// Lines for others' voices.
    pub voices: usize,
    /// A line for the mix.
    pub mix: bool,
    /// Lines for others' pictures.
    pub tiles: usize,
}

/// How a camera is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layers {
    /// One picture of 640 x 360.
    One,
    /// Rids `q`, `h`, `f`: 320 x 180, 640 x 360, 1280 x 720.
    Three,
}

/// What the server would make of an offer of this role. Ids, names and SSRCs follow from `number`.
pub fn describe(room: RoomId, number: u32, role: Role, fingerprint: Fingerprint) -> EndpointOpen {
    let mut receive = Vec::new();
    if role.voice_hz.is_some() {
        receive.push(receive_line("mic", Source::Microphone, &[]));
    }
    if let Some(layers) = role.camera {
        let rids: &[&str] = if layers == Layers::Three {
            &["q", "h", "f"]
        } else {
            &[]
        };
        receive.push(receive_line("cam", Source::Camera, rids));
    }
    let voices = (0..role.voices).map(|at| (format!("voice{at}"), SendRole::Voice));
    let mix = role.mix.then(|| ("mix".to_owned(), SendRole::Mix));
    let tiles = (0..role.tiles).map(|at| (format!("tile{at}"), SendRole::Tile));
    let send = voices
        .chain(mix)
        .chain(tiles)
        .enumerate()
        .map(|(at, (mid, send_role))| {
            let ssrc = number * 1_000 + 500 + at as u32;
            let is_video = send_role == SendRole::Tile;
            SendLine {
                mid,
                medium: if is_video {
                    Medium::Video
                } else {
                    Medium::Audio
                },
                role: send_role,
                codecs: vec![if is_video { vp8() } else { opus() }],
                ssrc,
                rtx_ssrc: is_video.then_some(ssrc + 100),
            }
        });
    EndpointOpen {
        room,
        endpoint: EndpointId(Uuid::from_u128(u128::from(number) + 100)),
        ice: IceParameters {
            local_ufrag: format!("server{number}"),
            local_pwd: format!("server-password-of-enough-length-{number}"),
            remote_ufrag: format!("far{number}"),
            remote_pwd: format!("far-password-of-enough-length-{number}"),
        },
        dtls: DtlsParameters {
            fingerprints: vec![fingerprint],
            role: DtlsRole::Server,
        },
        extensions: EXTENSIONS,
        receive,
        send: send.collect(),
        cname: "parley".to_owned(),
        entered: true,
    }
}

/// The header extensions of every endpoint of ours.
pub fn extension_ids() -> ExtensionIds {
    ExtensionIds {
        mid: EXTENSIONS.mid,
        rid: EXTENSIONS.rid,
        repaired_rid: EXTENSIONS.repaired_rid,
        audio_level: EXTENSIONS.audio_level,
        abs_send_time: EXTENSIONS.abs_send_time,
        transport_cc: EXTENSIONS.transport_cc,
        playout_delay: EXTENSIONS.playout_delay,
    }
}

fn receive_line(mid: &str, source: Source, rids: &[&str]) -> ReceiveLine {
    let is_video = source != Source::Microphone;
    ReceiveLine {
        mid: mid.to_owned(),
        medium: if is_video {
            Medium::Video
        } else {
            Medium::Audio
        },
        source,
        codecs: vec![if is_video { vp8() } else { opus() }],
        rids: rids.iter().map(|rid| (*rid).to_owned()).collect(),
        ssrcs: Vec::new(),
        muted: false,
    }
}

fn opus() -> CodecParameters {
    let on = |name: &str| (name.to_owned(), "1".to_owned());
    CodecParameters {
        codec: Codec::Opus,
        payload_type: OPUS,
        rtx_payload_type: None,
        clock_rate: 48_000,
        channels: 2,
        parameters: [on("usedtx"), on("useinbandfec")].into(),
        nack: false,
        pli: false,
        transport_cc: true,
    }
}

fn vp8() -> CodecParameters {
    CodecParameters {
        codec: Codec::Vp8,
        payload_type: VP8,
        rtx_payload_type: Some(RTX),
        clock_rate: 90_000,
        channels: 0,
        parameters: [].into(),
        nack: true,
        pli: true,
        transport_cc: true,
    }
}
