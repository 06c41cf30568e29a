//! The TypeScript face of the wire: one generated file, in the order of `lib.rs`.

use ts_rs::{Config, TS};

use crate::{
    Capabilities, Certificate, Codec, CodecParameters, Command, Configure, Configured, Confinement,
    DtlsParameters, DtlsRole, EndReason, EndpointId, EndpointOpen, EndpointPublish,
    EndpointRestart, EndpointSnapshot, EndpointStats, EndpointTiles, ErrorCode, Event, Fingerprint,
    HeaderExtensions, Hello, IceParameters, Medium, Message, PROTOCOL_VERSION, PublishState,
    ReceiveLine, Reply, Request, RestoredEndpoint, RoomId, SendLine, SendRole, Source,
    SsrcParameters, Stats, TileReason, TileSource, TileState, TileWish, VoiceSlot, WorkerLimits,
};

/// First lines of the generated file.
const HEAD: &str = "// Generated from worker/crates/wire by `npm run contract`. Do not edit.\n\
    /** The messages between the server and a media worker. Described in worker/crates/wire. */\n";

/// Writes the TypeScript declarations of every message, ready to be stored as `wire.ts`.
#[must_use]
pub fn typescript() -> String {
    let config = Config::default();
    let mut text = String::from(HEAD);
    text.push_str(&format!(
        "export const PROTOCOL_VERSION = {PROTOCOL_VERSION};\n"
    ));
    macro_rules! declare {
        ($($name:ty),* $(,)?) => { $(declare::<$name>(&config, &mut text);)* };
    }
    declare!(
        RoomId,
        EndpointId,
        Command,
        Request,
        Configure,
        WorkerLimits,
        Confinement,
        Certificate,
        Fingerprint,
        EndpointOpen,
        IceParameters,
        DtlsParameters,
        DtlsRole,
        HeaderExtensions,
        Medium,
        Source,
        Codec,
        CodecParameters,
        SsrcParameters,
        ReceiveLine,
        SendRole,
        SendLine,
        EndpointRestart,
        EndpointPublish,
        PublishState,
        EndpointTiles,
        TileWish,
        TileSource,
        RestoredEndpoint,
        EndpointSnapshot,
        Message,
        Hello,
        Capabilities,
        Reply,
        Configured,
        ErrorCode,
        Event,
        EndReason,
        VoiceSlot,
        TileReason,
        TileState,
        Stats,
        EndpointStats,
    );
    let mut lines = text
        .lines()
        .map(str::trim_end)
        .collect::<Vec<_>>()
        .join("\n");
    lines.push('\n');
    lines
}

fn declare<T: TS>(config: &Config, text: &mut String) {
    text.push('\n');
    if let Some(docs) = T::docs() {
        text.push_str(docs.trim_end());
        text.push('\n');
    }
    text.push_str("export ");
    text.push_str(T::decl(config).trim_end());
    text.push('\n');
}
