// Joining a conference: one POST, one live socket, and what it takes to stay in.
import type {
  JoinedConference,
  JoinNotices,
  JoinOptions,
  Seat,
  WatchNotices,
} from "./conference.ts";
import { browserPorts, type Core, type CorePorts, createCore, serverOf } from "./core.ts";
import { type Devices, openDevices } from "./devices.ts";
import { createEmitter, type Emitter } from "./emitter.ts";
import { createJoinMedia, type JoinMedia } from "./join-media.ts";
import { Problem } from "./problem.ts";
import { deleteJoin, listJoinTokens, postJoinToken, type RestAccess } from "./rest.ts";
import type { Ending, OwnView } from "./view.ts";
import type { JournalEvent, ServerFrame } from "./wire.ts";

/** Video lines that are offered where the page names no number, and at most. */
const tile_limits = { tile_count: 25, tile_count_max: 48 };

/** Joins a conference with microphone and camera; resolves when the server has accepted and the state is known. The media path opens meanwhile: `view.connection` becomes `live`.
 *  Errors: INVALID_CREDENTIALS, TOKEN_EXPIRED, TOKEN_REVOKED, CONFERENCE_NOT_FOUND, STATE_INVALID (it has ended), CONFERENCE_FULL, SERVER_UNREACHABLE, BROWSER_UNSUPPORTED, the signal's reason. */
export async function joinConference(
  options: JoinOptions,
  ports: CorePorts = browserPorts,
): Promise<JoinedConference> {
  if (!("RTCPeerConnection" in globalThis)) {
    throw new Problem("BROWSER_UNSUPPORTED", "This browser has no WebRTC");
  }
  const tile_count = options.tile_count ?? tile_limits.tile_count;
  if (!(tile_count >= 0 && tile_count <= tile_limits.tile_count_max)) {
    throw new RangeError(`tile_count is not within 0..${tile_limits.tile_count_max}`);
  }
  const devices = options.devices ?? (await openDevices());
  const emitter = createEmitter<JoinNotices>();
  const access = { server: serverOf(options), token: options.token };
  const conference: { core: Core | null } = { core: null };
  const media = createJoinMedia({
    access,
    options: { ...options, tile_count },
    devices,
    timing: ports.timing,
    command: async (type, fields) => {
      await conference.core?.link.command(type, fields);
    },
    owned: (own) => emitter.emit("own", own),
    failed: (problem) => emitter.emit("problem", problem),
    repairing: (repair) => conference.core?.repairing(repair),
    ended: (ending) => conference.core?.finish(ending),
  });
  const closeDevices = (): void => {
    if (!options.devices) devices.close();
  };
  try {
    const { location, opened } = await media.join();
    let is_handed_over = false;
    let leaving: Promise<void> = Promise.resolve();
    // Closing the page leaves: others should not see an empty chair for 20 s.
    const onPageHide = (): void => {
      deleteJoin(access, location, true).catch(unheard);
    };
    const close = (ending: Ending): void => {
      globalThis.removeEventListener("pagehide", onPageHide);
      media.close(is_handed_over);
      closeDevices();
      if (ending.reason !== "left" && ending.reason !== "media_unreachable") return;
      leaving = deleteJoin(access, location, false).catch((thrown: unknown) => {
        // The seat is given up after 20 s anyway; leaving must not fail for the one who leaves.
        emitter.emit("problem", asProblem(thrown));
      });
    };
    globalThis.addEventListener("pagehide", onPageHide);
    const core = createCore(
      options,
      media.conferencecallId(),
      // JoinNotices has all that WatchNotices has; the emitter only ever emits those.
      emitter as unknown as Emitter<WatchNotices>,
      { ...listenFor(media), ended: close },
      ports,
    );
    conference.core = core;
    const handOver = (): Seat => {
      const seat = media.seat();
      is_handed_over = true;
      core.finish({ reason: "taken_over", problem: null });
      return seat;
    };
    const leave = async (): Promise<void> => {
      core.finish({ reason: "left", problem: null });
      await leaving;
    };
    // The socket opens beside the media path: whom to show is asked for while the browser still sets the answer.
    opened.catch((cause: unknown) => {
      const problem = new Problem("ANSWER_INVALID", "The browser refused the server's answer", {
        cause,
      });
      core.finish({ reason: "media_unreachable", problem });
    });
    await core.started;
    return createHandle({ options, access, core, media, devices, emitter, leave, handOver });
  } catch (thrown) {
    media.close();
    closeDevices();
    throw thrown;
  }
}

/** The page is gone, and whoever could be told with it; the server gives the seat up by itself. */
const unheard = (): void => undefined;

const asProblem = (thrown: unknown): Problem =>
  thrown instanceof Problem
    ? thrown
    : new Problem("SERVER_UNREACHABLE", "The server does not answer", { cause: thrown });

/** Hands the frames that concern media to the media half. */
function listenFor(media: JoinMedia): {
  frame(frame: ServerFrame): void;
  ready(boot_id: string): void;
  lost(): void;
} {
  return {
    frame(frame) {
      if (!("type" in frame)) return;
      if (frame.type === "voices") media.voices.assign(frame.slots);
      else if (frame.type === "tiles") media.tiles.showing(frame.tiles);
      else if (frame.type === "publish_codec_wanted") media.sendIn(frame.source, frame.codecs);
      else if (frame.type === "rejoin") media.notice({ type: "rejoin_asked" });
      else if (frame.type === "event" && isMuteOfMe(frame.event, media.conferencecallId())) {
        media.silence();
      }
    },
    ready(boot_id) {
      media.notice({ type: "socket_ready", boot_id });
    },
    lost: () => media.notice({ type: "socket_lost" }),
  };
}

/** Somebody else muted this join. */
function isMuteOfMe(event: JournalEvent, conferencecall_id: string): boolean {
  return (
    event.type === "conferencecall_muted" &&
    event.data["id"] === conferencecall_id &&
    event.actor.id !== conferencecall_id
  );
}

function createHandle(given: {
  readonly options: JoinOptions;
  readonly access: RestAccess;
  readonly core: Core;
  readonly media: JoinMedia;
  readonly devices: Devices;
  readonly emitter: Emitter<JoinNotices>;
  readonly leave: () => Promise<void>;
  readonly handOver: () => Seat;
}): JoinedConference {
  const { core, media, devices, emitter } = given;
  const order = async (type: string, fields: Record<string, unknown>): Promise<void> => {
    await core.link.command(type, fields);
  };
  return {
    conference_id: given.options.conference_id,
    conferencecall_id: media.conferencecallId(),
    devices,
    on: emitter.on,
    get view() {
      return core.view;
    },
    get own(): OwnView {
      return media.own();
    },
    chat: core.chat,
    serverNow: core.serverNow,
    mute: core.mute,
    kick: core.kick,
    end: core.end,
    setMicrophone: (is_live) => media.setMicrophone(is_live),
    setCamera: (is_live) => media.setCamera(is_live),
    setScreen: (is_live) => media.setScreen(is_live),
    takeTile: () => media.tiles.take(),
    showTile(conferencecall_id, source, size) {
      const tile = media.tiles.take();
      tile.show(conferencecall_id, source, size);
      return tile;
    },
    setHand: (is_raised) => order("hand", { raised: is_raised }),
    rename: (name) => order("rename", { name }),
    invite: (invited) => postJoinToken(given.access, given.options.conference_id, invited),
    invitations: () => listJoinTokens(given.access, given.options.conference_id),
    setVolume: (id, volume) => media.voices.setVolume(id, volume),
    volumeOf: (id) => media.voices.volumeOf(id),
    startAudio: () => media.voices.start(),
    reconnectNow() {
      core.link.reconnectNow();
      media.notice({ type: "now" });
    },
    handOver: given.handOver,
    leave: given.leave,
    close: given.leave,
  };
}
