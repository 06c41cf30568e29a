// What a join publishes and wants to see, while it lasts: the media half of the live socket's commands.
import type { Actor } from "../../kernel/event.ts";
import type { CallId, ConferencecallId, ConferenceId } from "../../kernel/id.ts";
import { problems } from "../../kernel/problem.ts";
import type { Media, PublishState, TileWish } from "../../media/index.ts";
import type { Source } from "../../sdp/index.ts";
import {
  type Conferencecall,
  type ConferencecallRow,
  conferencecallProblems,
  showConferencecall,
} from "../conferencecall/index.ts";
import { actorOf, type Caller, mayHost } from "../customer/index.ts";
import type { MediaAttendance } from "./attendance.ts";
import type { Conferencecalls } from "./conferencecalls.ts";
import { ownRow } from "./join.ts";
import { madeJoin } from "./resume-key.ts";
import { inTurn, type Seat } from "./seat.ts";

/** Pixels of a tile's side that are believed; an 8K screen has fewer. */
export const tile_pixels_max = 16_384;
/** Wishes of one command; an offer has at most as many lines. */
export const tile_wishes_max = 64;
/** Layers named for one line. */
export const layers_max = 4;

/** Which sources are live; absent: as before. */
export interface PublishRequest {
  readonly microphone?: boolean;
  readonly camera?: boolean;
  readonly screen?: boolean;
  /** Layers that live, by source. */
  readonly rids?: Partial<Record<"camera" | "screen", readonly string[]>>;
}

/** Whose picture a tile should show, and how large it is there. */
export interface TileRequest {
  readonly mid: string;
  /** Null: nobody's. */
  readonly conferencecall_id: string | null;
  readonly source?: "camera" | "screen";
  /** Device pixels. */
  readonly width: number;
  readonly height: number;
}

/** What a join can do to its media; each is idempotent. */
export interface Showing {
  /** Says what of one's own is live. Errors: CONFERENCECALL_NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT, STATE_INVALID. Emits: conferencecall_muted, conferencecall_unmuted, conferencecall_updated. */
  publish(caller: Caller, id: ConferencecallId, state: PublishRequest): Promise<Conferencecall>;
  /**
   * What a request without a live socket changes: {@link publish} by who made the join, or the customer; a host may switch
   * off the microphone of others. Errors: as publish and mute.
   */
  change(caller: Caller, id: ConferencecallId, state: PublishRequest): Promise<Conferencecall>;
  /** Says what one's own tiles should show; tiles not named keep what they show. Errors: CONFERENCECALL_NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT. */
  tiles(caller: Caller, id: ConferencecallId, wishes: readonly TileRequest[]): Promise<void>;
  /** Switches somebody's microphone off; only they switch it on again. Errors: CONFERENCECALL_NOT_FOUND, PERMISSION_DENIED. Emits: conferencecall_muted. */
  mute(caller: Caller, id: ConferencecallId, by: ConferencecallId | null): Promise<Conferencecall>;
}

const sources = ["microphone", "camera", "screen"] as const;

/** Makes the commands. */
export function createShowing(ports: {
  media: Media;
  attendance: Pick<MediaAttendance, "seats">;
  conferencecalls: Pick<Conferencecalls, "present" | "rowFor" | "update">;
}): Showing {
  const { media, conferencecalls } = ports;
  const { seats } = ports.attendance;

  const update = async (
    row: ConferencecallRow,
    changes: { muted?: boolean; camera?: boolean; screen?: boolean },
    actor: Actor,
  ): Promise<Conferencecall> => {
    const updated = await conferencecalls.update(row.id, changes, actor);
    if (!updated) {
      throw conferencecallProblems.CONFERENCECALL_NOT_FOUND({ message: "this join has ended" });
    }
    return showConferencecall(updated);
  };

  // A lost endpoint is opened by its resume with what the client then says; there is nobody to tell.
  const tell = async (seat: Seat | undefined, lines: PublishState[]): Promise<void> => {
    if (!seat || seat.state === "lost" || lines.length === 0) return;
    await inTurn(seat, () => media.publish({ endpoint: seat.endpoint, lines }));
  };

  // Names the endpoints of people in a conference. Somebody who was joined before a restart of this server has no seat
  // until they are back, but the same endpoint: the worker shows it as soon as it is there.
  const endpointsOf = async (
    ids: readonly ConferencecallId[],
    conference_id: ConferenceId,
  ): Promise<ReadonlyMap<ConferencecallId, CallId>> => {
    const endpoints = new Map(
      seats.of(conference_id).map((seat) => [seat.conferencecall_id, seat.endpoint]),
    );
    if (ids.every((id) => endpoints.has(id))) return endpoints;
    for (const row of await conferencecalls.present(conference_id)) {
      endpoints.set(row.id, row.reference_id);
    }
    return endpoints;
  };

  const commands: Showing = {
    async change(caller, id, state) {
      const row = await conferencecalls.rowFor(caller, id);
      if (caller.type !== "participant" || madeJoin(caller, row)) {
        return commands.publish(caller, id, state);
      }
      const is_mute =
        state.microphone === false && state.camera === undefined && state.screen === undefined;
      if (!is_mute) {
        throw problems.PERMISSION_DENIED({
          message: "of other people's, a host switches off the microphone only",
        });
      }
      const people = await conferencecalls.present(row.conference_id);
      const by = people.find(({ token_jti }) => token_jti === caller.jti);
      return commands.mute(caller, id, by?.id ?? null);
    },

    async publish(caller, id, state) {
      const row = await ownRow(conferencecalls, caller, id);
      if (row.role === "listener" && sources.some((source) => state[source] === true)) {
        throw problems.PERMISSION_DENIED({ message: "listeners do not publish" });
      }
      const seat = seats.get(id);
      const lines = sources.flatMap((source) => linesFor(seat, source, state, row));
      await tell(seat, lines);
      return update(
        row,
        {
          ...(state.microphone === undefined ? {} : { muted: !state.microphone }),
          ...(state.camera === undefined ? {} : { camera: state.camera }),
          ...(state.screen === undefined ? {} : { screen: state.screen }),
        },
        // The customer acts for somebody who came with a token of theirs.
        caller.type !== "participant" && row.token_jti !== null
          ? actorOf(caller)
          : { type: "conferencecall", id },
      );
    },

    async tiles(caller, id, wishes) {
      const row = await ownRow(conferencecalls, caller, id);
      const seat = seats.get(id);
      if (!seat) {
        throw conferencecallProblems.CONFERENCECALL_NOT_FOUND({
          message: "the media half of this join is gone: resume it",
        });
      }
      if (wishes.length > tile_wishes_max) {
        throw problems.INVALID_ARGUMENT({
          message: `at most ${tile_wishes_max} tiles`,
          details: [{ field: "tiles", limit: tile_wishes_max }],
        });
      }
      for (const wish of wishes) requireTile(seat, wish);
      if (seat.state === "lost" || wishes.length === 0) return;
      const shown = wishes.flatMap((wish) => wish.conferencecall_id ?? []) as ConferencecallId[];
      await inTurn(seat, async () => {
        const endpoints = await endpointsOf(shown, row.conference_id);
        const asked = wishes.map((wish): TileWish => {
          const id = wish.conferencecall_id as ConferencecallId | null;
          // Somebody who has just left, or is of another conference, has no picture.
          const endpoint = id === null ? undefined : endpoints.get(id);
          return {
            mid: wish.mid,
            show: endpoint === undefined ? null : { endpoint, source: wish.source ?? "camera" },
            width: wish.width,
            height: wish.height,
          };
        });
        await media.tiles(seat.endpoint, asked);
      });
    },

    async mute(caller, id, by) {
      const row = await conferencecalls.rowFor(caller, id);
      if (!mayHost(caller)) {
        throw problems.PERMISSION_DENIED({ message: "only hosts mute other people" });
      }
      const seat = seats.get(id);
      const mid = seat?.sources.get("microphone");
      await tell(seat, mid === undefined ? [] : [{ mid, muted: true, rids: null }]);
      return update(row, { muted: true }, actorOf(caller, by));
    },
  };
  return commands;
}

function linesFor(
  seat: Seat | undefined,
  source: Source,
  state: PublishRequest,
  row: ConferencecallRow,
): PublishState[] {
  const rids = source === "microphone" ? undefined : state.rids?.[source];
  const is_live = state[source];
  if (is_live === undefined && rids === undefined) return [];
  const mid = seat?.sources.get(source);
  if (mid === undefined) {
    // What is not offered can be off, but not on.
    if (is_live !== true || !seat) return [];
    throw problems.INVALID_ARGUMENT({
      message: `the offer of this join has no line for the ${source}`,
      details: [{ field: source }],
    });
  }
  if (rids && (rids.length > layers_max || rids.some((rid) => rid.length > 16))) {
    throw problems.INVALID_ARGUMENT({
      message: `at most ${layers_max} layers of up to 16 characters`,
      details: [{ field: `rids.${source}` }],
    });
  }
  const was_live = source === "microphone" ? !row.muted : row[source];
  return [{ mid, muted: !(is_live ?? was_live), rids: rids ? [...rids] : null }];
}

function requireTile(seat: Seat, wish: TileRequest): void {
  const line = seat.send.get(wish.mid);
  if (line?.medium !== "video") {
    throw problems.INVALID_ARGUMENT({
      message: "this join has no such tile",
      details: [{ field: "mid", value: wish.mid.slice(0, 32) }],
    });
  }
  for (const side of ["width", "height"] as const) {
    const value = wish[side];
    if (!Number.isInteger(value) || value < 0 || value > tile_pixels_max) {
      throw problems.INVALID_ARGUMENT({
        message: `${side} is an integer from 0 to ${tile_pixels_max} device pixels`,
        details: [{ field: side }],
      });
    }
  }
}
