// Joining by one POST: the offer is judged, the join written, the endpoint opened, the answer given.
// docs/design/join.md is the contract.
import type { Clock } from "../../kernel/clock.ts";
import type { Actor } from "../../kernel/event.ts";
import {
  type CallId,
  type ConferencecallId,
  type ConferenceId,
  hashSecret,
  type Ids,
} from "../../kernel/id.ts";
import type { Log } from "../../kernel/log.ts";
import { Problem, problems } from "../../kernel/problem.ts";
import type { EndpointOpen, Media, RoomTransport } from "../../media/index.ts";
import type * as Sdp from "../../sdp/index.ts";
import type {
  AnswerPlan,
  IceCredentials,
  KnownSsrc,
  LineRole,
  Mint,
  Source,
} from "../../sdp/index.ts";
import type { Tx } from "../../store/index.ts";
import {
  type Conferencecall,
  type ConferencecallRow,
  conferencecallProblems,
  showConferencecall,
} from "../conferencecall/index.ts";
import { type Caller, mayManage, type Role } from "../customer/index.ts";
import type { MediaAttendance } from "./attendance.ts";
import { type Conferencecalls, connect_timeout_ms, type NewJoin } from "./conferencecalls.ts";
import { metadata_bytes_max, requireBytes } from "./input.ts";
import { conferenceProblems } from "./problems.ts";
import { isResumeKey, madeJoin } from "./resume-key.ts";
import { inTurn, type Seat } from "./seat.ts";
import type { Conferences } from "./service.ts";

/** What a join asks for. */
export interface JoinRequest {
  readonly offer: string;
  readonly name?: string;
  readonly label?: string;
  readonly metadata?: Record<string, unknown>;
  readonly audio?: "voices" | "mix";
  /** Whether the microphone starts off. */
  readonly muted?: boolean;
  /** Whether camera and screen are live from the start; absent: what the form of the request implies. */
  readonly camera?: boolean;
  readonly screen?: boolean;
  readonly resume?: {
    readonly conferencecall_id: string;
    readonly resume_key: string;
    readonly lines?: readonly {
      readonly mid: string;
      readonly rid?: string;
      readonly ssrc: number;
      readonly rtx_ssrc?: number;
    }[];
  };
}

/** What a join gets. */
export interface JoinReply {
  readonly conferencecall: Conferencecall;
  readonly answer: string;
  /** Lets this join be taken up again; stored as a hash only. */
  readonly resume_key: string;
  readonly lines: readonly { readonly mid: string; readonly role: LineRole }[];
  /** Identifies the ICE session, with its quotes. */
  readonly etag: string;
}

/** What a PATCH gets: a fragment where ICE was restarted. */
export interface TrickleReply {
  readonly etag: string;
  readonly fragment: string | null;
}

/** Joining, and what belongs to the HTTP resource of a join. */
export interface Joins {
  /**
   * Joins, or takes a join up again.
   * Errors: CONFERENCE_NOT_FOUND, STATE_INVALID, CONFERENCE_FULL, SDP_MALFORMED, SDP_TOO_LARGE, OFFER_UNSUPPORTED, MEDIA_UNAVAILABLE;
   * for a resume CONFERENCECALL_NOT_FOUND, PERMISSION_DENIED, STATE_INVALID (needs a new connection). Emits: call_created, conferencecall_joining, later conferencecall_joined.
   */
  join(
    caller: Caller,
    conference_id: ConferenceId,
    request: JoinRequest,
    /** Keeps the answer of a new join in the transaction that writes it. */
    sealed?: (tx: Tx, reply: JoinReply) => Promise<void>,
  ): Promise<JoinReply>;
  /**
   * For who asks again for a join that was answered before: null where that answer is good, or the join is over; an answer
   * of the same join where its media half is gone, with the process that gave the first one or with a worker.
   * Errors: those of {@link join} for its offer, CONFERENCECALL_NOT_FOUND.
   */
  renew(
    conference_id: ConferenceId,
    id: ConferencecallId,
    request: JoinRequest,
  ): Promise<Omit<JoinReply, "resume_key"> | null>;
  /**
   * Takes a trickled fragment, or restarts ICE where it brings new credentials.
   * Errors: CONFERENCECALL_NOT_FOUND, PERMISSION_DENIED, PRECONDITION_REQUIRED (428), PRECONDITION_FAILED (412), SDP_MALFORMED. Source: RFC 9725 section 4.3.
   */
  trickle(
    caller: Caller,
    id: ConferencecallId,
    fragment: string,
    if_match: string | null,
  ): Promise<TrickleReply>;
}

/** Whether an `If-Match` lets through who has this tag: `*`, or the tag in the list, compared strongly, so that no weak one fits (RFC 9110 section 13.1.1). */
export function matchesEtag(if_match: string, etag: string): boolean {
  if (if_match.trim() === "*") return true;
  return [...if_match.matchAll(/(W\/)?("[^"]*")/g)].some(
    ([, weak, tag]) => weak === undefined && tag === etag,
  );
}

// Characters of our ICE user name fragment and password: 72 and 192 random bits (RFC 8445 section 5.3 asks for 24 and 128).
const ufrag_length = 12;
const pwd_length = 32;
// 256 random bits.
const resume_key_length = 43;

/** Makes the use cases. */
export function createJoins(ports: {
  media: Media;
  sdp: Pick<
    typeof Sdp,
    "readOffer" | "planAnswer" | "writeAnswer" | "readFragment" | "writeFragment"
  >;
  attendance: Pick<MediaAttendance, "seats" | "roomInDoubt" | "joinInDoubt" | "lost">;
  conferences: Pick<Conferences, "rowFor">;
  conferencecalls: Conferencecalls;
  clock: Clock;
  ids: Ids;
  log: Log;
}): Joins {
  const { media, sdp, conferences, conferencecalls, clock, ids, log } = ports;
  const { attendance } = ports;
  const { seats } = attendance;

  const mintIce = (): IceCredentials => ({
    ufrag: iceText(ids.secret(ufrag_length)),
    pwd: iceText(ids.secret(pwd_length)),
  });
  const mintEtag = (): string => `"${ids.secret(16)}"`;

  const judge = (
    request: JoinRequest,
    role: Role,
    mint: Mint,
  ): { plan: AnswerPlan; live: Record<Source, boolean> } => {
    const { mix, forward, extensions } = media.capabilities();
    // Without a word on it everything offered is live, as WHIP means it; the JSON form says so.
    const live = {
      microphone: !(request.muted ?? false),
      camera: request.camera ?? true,
      screen: request.screen ?? true,
    };
    const plan = sdp.planAnswer(
      sdp.readOffer(request.offer),
      {
        mix,
        forward,
        extensions,
        may_publish: role !== "listener",
        audio: request.audio ?? "voices",
        muted: { microphone: !live.microphone, camera: !live.camera, screen: !live.screen },
        known: (request.resume?.lines ?? []).map(readKnown),
      },
      mint,
    );
    const has = (source: Source): boolean => plan.receive.some((line) => line.source === source);
    return {
      plan,
      live: {
        microphone: live.microphone && has("microphone"),
        camera: live.camera && has("camera"),
        screen: live.screen && has("screen"),
      },
    };
  };

  const answer = (seat: Seat, plan: AnswerPlan, transport: RoomTransport): string =>
    sdp.writeAnswer(plan, {
      ice: seat.local_ice,
      fingerprint: transport.fingerprint,
      dtls_role: seat.dtls_role,
      candidates: transport.candidates,
      session_id: seat.session_id,
      session_version: seat.session_version,
      cname: seat.cname,
    });

  const makeSeat = (
    row: Pick<ConferencecallRow, "id" | "conference_id" | "customer_id" | "reference_id">,
    plan: AnswerPlan,
  ): Seat => ({
    conferencecall_id: row.id,
    conference_id: row.conference_id,
    customer_id: row.customer_id,
    endpoint: row.reference_id,
    etag: mintEtag(),
    local_ice: mintIce(),
    remote_ice: plan.ice,
    remote_fingerprints: plan.fingerprints,
    dtls_role: plan.dtls_roles[0],
    session_id: `${ids.number(2 ** 31)}${ids.number(2 ** 20)}`,
    session_version: 1,
    cname: ids.secret(16),
    ...linesOf(plan),
    state: "connecting",
    voices: [],
    tiles: [],
    codecs_wanted: [],
    queue: Promise.resolve(),
  });

  const open = (seat: Seat, plan: AnswerPlan): Promise<void> =>
    media.openEndpoint(endpointOf(seat, plan));

  // Whatever the worker says, it is forgotten here and its successor does not get it.
  const closeQuietly = (seat: Seat): Promise<void> =>
    media.closeEndpoint(seat.endpoint).catch((cause: unknown) => {
      log.warn({ err: cause, conferencecall_id: seat.conferencecall_id }, "endpoint not closed");
    });

  // The room was closed under a join: that the conference has ended says more than what failed because of it.
  const endedMeanwhile = async (
    caller: Caller,
    conference_id: ConferenceId,
    cause: unknown,
  ): Promise<unknown> => {
    if (!(cause instanceof Problem) || !cause.reason.startsWith("MEDIA_")) return cause;
    const row = await conferences.rowFor(caller, conference_id).catch(() => null);
    if (row === null || row.status === "progressing") return cause;
    return conferenceProblems.STATE_INVALID({
      message: `the conference is ${row.status}: nobody can join it`,
      details: [{ status: row.status }],
      cause,
    });
  };

  const joinAnew = async (
    caller: Caller,
    conference_id: ConferenceId,
    request: JoinRequest,
    sealed?: (tx: Tx, reply: JoinReply) => Promise<void>,
  ): Promise<JoinReply> => {
    const role: Role = caller.type === "participant" ? caller.role : "host";
    requireBytes("metadata", request.metadata ?? {}, metadata_bytes_max);
    const { plan, live } = judge(request, role, createMint(ids));
    // Placing it again is harmless; a room that its worker lost is opened by that.
    await media.openRoom(conference_id);
    const transport = media.transport(conference_id);
    const id = ids.next<ConferencecallId>();
    const call_id = ids.next<CallId>();
    const seat = makeSeat(
      { id, conference_id, customer_id: caller.customer_id, reference_id: call_id },
      plan,
    );
    const resume_key = ids.secret(resume_key_length);
    const text = answer(seat, plan, transport);
    const reply = (row: ConferencecallRow): JoinReply => ({
      conferencecall: showConferencecall(row),
      answer: text,
      resume_key,
      lines: plan.lines,
      etag: seat.etag,
    });
    const given = caller.type === "participant" ? caller : null;
    // The media worker opens the endpoint while the database writes the join: nobody can connect to
    // it before the answer is out, and who asks waits for the slower of the two only.
    seats.add(seat);
    const opening = open(seat, plan);
    // A kept answer must be one that works: such a join is written once its endpoint stands.
    const seal = async (tx: Tx, row: ConferencecallRow): Promise<void> => {
      await opening;
      await sealed?.(tx, reply(row));
    };
    const joining: NewJoin = {
      id,
      call_id,
      conference_id,
      name: request.name ?? given?.name ?? "",
      role,
      label: given?.label || (request.label ?? ""),
      metadata: { ...request.metadata, ...given?.metadata },
      muted: !live.microphone,
      camera: live.camera,
      screen: live.screen,
      token_jti: given?.jti ?? null,
      resume_hash: hashSecret(resume_key),
    };
    const [written, opened] = await Promise.allSettled([
      conferencecalls.startJoining(caller, joining, sealed && seal),
      opening,
    ]);
    if (written.status === "rejected") {
      if (seats.get(id) === seat) seats.remove(seat);
      if (opened.status === "fulfilled") await closeQuietly(seat);
      if (isInDoubt(written.reason)) attendance.joinInDoubt(seat, true);
      throw written.reason;
    }
    if (opened.status === "rejected") {
      if (seats.get(id) === seat) seats.remove(seat);
      await conferencecalls.leave(id, "connect_failed").catch((cause: unknown) => {
        log.warn({ err: cause, conferencecall_id: id }, "a failed join is ended later");
        attendance.joinInDoubt(seat, true);
      });
      throw opened.reason;
    }
    // Somebody may have ended the join while its endpoint was being opened.
    if (seats.get(id) !== seat) {
      await closeQuietly(seat);
      throw conferenceProblems.STATE_INVALID({ message: "the join was ended while it was made" });
    }
    return reply(written.value);
  };

  // The same RTCPeerConnection with its keys still in place: only ICE begins anew. Chromium keeps its
  // DTLS association as long as neither fingerprint changes, so a new one would wait for ever.
  const restartInPlace = async (seat: Seat, plan: AnswerPlan): Promise<void> => {
    const local_ice = mintIce();
    await media.restartEndpoint({
      endpoint: seat.endpoint,
      ice: wireIce(local_ice, plan.ice),
      dtls: null,
    });
    seat.local_ice = local_ice;
    seat.remote_ice = plan.ice;
    seat.etag = mintEtag();
    seat.session_version += 1;
  };

  const replace = async (old: Seat | undefined, row: ConferencecallRow, plan: AnswerPlan) => {
    const before = old?.state;
    if (old) old.state = "replacing";
    try {
      await media.openRoom(row.conference_id);
      await media.closeEndpoint(row.reference_id);
    } catch (cause) {
      // What was told of it meanwhile went by unheard.
      if (old && before && seats.get(row.id) === old) {
        if (media.hasEndpoint(old.endpoint)) old.state = before;
        else attendance.lost(old);
      }
      throw cause;
    }
    const seat: Seat = {
      ...makeSeat(row, plan),
      ...(old
        ? { session_id: old.session_id, session_version: old.session_version + 1, cname: old.cname }
        : {}),
    };
    seats.add(seat);
    await open(seat, plan).catch((cause: unknown) => {
      if (seats.get(row.id) === seat) attendance.lost(seat);
      throw cause;
    });
    return seat;
  };

  // Null: it ended meanwhile.
  const writeResumed = async (
    { id, status }: ConferencecallRow,
    live: Record<Source, boolean>,
    is_same: boolean,
  ): Promise<ConferencecallRow | null> => {
    if (!is_same) {
      // Replaces the deadline of the held seat: from here on it is a matter of connecting.
      const at = clock.steady_now() + connect_timeout_ms * 1000;
      const reason = status === "joined" ? "vanished" : "connect_failed";
      await conferencecalls.setDeadline(id, at, reason);
    }
    const actor: Actor = { type: "conferencecall", id };
    const { microphone, camera, screen } = live;
    return await conferencecalls.update(id, { muted: !microphone, camera, screen }, actor);
  };

  const resume = async (
    caller: Caller,
    conference_id: ConferenceId,
    request: JoinRequest & { resume: NonNullable<JoinRequest["resume"]> },
  ): Promise<JoinReply> => {
    const id = request.resume.conferencecall_id as ConferencecallId;
    const row = await ownRow(conferencecalls, caller, id);
    const is_present = row.status === "joining" || row.status === "joined";
    if (row.conference_id !== conference_id || !is_present) {
      throw conferencecallProblems.CONFERENCECALL_NOT_FOUND({
        message: "this join has ended: join anew",
      });
    }
    if (!isResumeKey(request.resume.resume_key, row.resume_hash)) {
      throw problems.PERMISSION_DENIED({ message: "the resume_key is not that of this join" });
    }
    const known = seats.get(id);
    const run = async (): Promise<JoinReply> => {
      const before = seats.get(id);
      const { plan, live } = judge(request, row.role, createMint(ids, before));
      const is_same =
        before !== undefined &&
        (before.state === "connected" || before.state === "silent") &&
        media.hasEndpoint(before.endpoint) &&
        sameFingerprints(before, plan) &&
        plan.dtls_roles.includes(before.dtls_role) &&
        sameLines(before, plan);
      if (before?.state === "lost" && sameFingerprints(before, plan)) {
        // Its keys are gone with the worker, and as our certificate is still the same, the browser would not make new ones.
        throw conferenceProblems.STATE_INVALID({
          message: "the keys of this connection are lost: resume from a new one",
          details: [{ field: "offer", problem: "known fingerprint" }],
        });
      }
      if (is_same) await restartInPlace(before, plan);
      const reply = await takeUp(row, plan, live, is_same ? { same: before } : { old: before });
      return { ...reply, resume_key: request.resume.resume_key };
    };
    return known ? inTurn(known, run) : run();
  };

  // The media half of a join that is there: as it stands, or a new one in place of the old.
  const takeUp = async (
    row: ConferencecallRow,
    plan: AnswerPlan,
    live: Record<Source, boolean>,
    given: { same: Seat } | { old: Seat | undefined },
  ): Promise<Omit<JoinReply, "resume_key">> => {
    const is_same = "same" in given;
    const seat = is_same ? given.same : await replace(given.old, row, plan);
    const updated = await writeResumed(row, live, is_same).catch((cause: unknown) => {
      // It may have ended while its endpoint was replaced.
      attendance.joinInDoubt(seat, false);
      throw cause;
    });
    if (!updated) {
      if (seats.get(row.id) === seat) seats.remove(seat);
      await closeQuietly(seat);
      throw conferencecallProblems.CONFERENCECALL_NOT_FOUND({
        message: "this join has ended: join anew",
      });
    }
    log.info({ conferencecall_id: row.id, is_same }, "join resumed");
    return {
      conferencecall: showConferencecall(updated),
      answer: answer(seat, plan, media.transport(row.conference_id)),
      lines: plan.lines,
      etag: seat.etag,
    };
  };

  return {
    async join(caller, conference_id, request, sealed) {
      const conference = await conferences.rowFor(caller, conference_id);
      if (conference.status !== "progressing") {
        throw conferenceProblems.STATE_INVALID({
          message: `the conference is ${conference.status}: nobody can join it`,
          details: [{ status: conference.status }],
        });
      }
      const { resume: again, ...anew } = request;
      try {
        return await (again
          ? resume(caller, conference_id, { ...anew, resume: again })
          : joinAnew(caller, conference_id, request, sealed));
      } catch (cause) {
        // It may have opened the room of a conference that ended at the same moment.
        attendance.roomInDoubt?.(conference_id);
        throw await endedMeanwhile(caller, conference_id, cause);
      }
    },

    async renew(conference_id, id, request) {
      const run = async (): Promise<Omit<JoinReply, "resume_key"> | null> => {
        const row = await conferencecalls.row(id);
        const is_present = row?.status === "joining" || row?.status === "joined";
        if (!is_present || row.conference_id !== conference_id) return null;
        if (media.hasEndpoint(row.reference_id)) return null;
        const old = seats.get(id);
        const { plan, live } = judge(request, row.role, createMint(ids, old));
        return await takeUp(row, plan, live, { old });
      };
      const known = seats.get(id);
      return await (known ? inTurn(known, run) : run());
    },

    async trickle(caller, id, text, if_match) {
      await ownRow(conferencecalls, caller, id);
      const seat = seats.get(id);
      if (!seat || seat.state === "lost") {
        throw conferencecallProblems.CONFERENCECALL_NOT_FOUND({
          message: "the media half of this join is gone: resume it, or join anew",
        });
      }
      return inTurn(seat, async () => {
        if (if_match === null) throw conferenceProblems.PRECONDITION_REQUIRED();
        // A resume may have taken its place while this waited.
        if (seats.get(id) !== seat || !matchesEtag(if_match, seat.etag)) {
          throw conferenceProblems.PRECONDITION_FAILED();
        }
        const { ice } = sdp.readFragment(text, seat.remote_ice);
        const is_new =
          ice !== null && (ice.ufrag !== seat.remote_ice.ufrag || ice.pwd !== seat.remote_ice.pwd);
        if (is_new) {
          const local_ice = mintIce();
          await media.restartEndpoint({
            endpoint: seat.endpoint,
            ice: wireIce(local_ice, ice),
            dtls: null,
          });
          seat.local_ice = local_ice;
          seat.remote_ice = ice;
          seat.etag = mintEtag();
          seat.session_version += 1;
        } else if (if_match.trim() !== "*" || ice === null) {
          // A lite agent learns addresses from checks: there is nothing to do with a candidate.
          return { etag: seat.etag, fragment: null };
        }
        // The same credentials again: a restart whose answer was lost gets that answer.
        const { candidates } = media.transport(seat.conference_id);
        return {
          etag: seat.etag,
          fragment: sdp.writeFragment({ ice: seat.local_ice, candidates, ...seat.tagged }),
        };
      });
    },
  };
}

/** The row of a join whose media the caller may move: who made it, or the customer. Errors: CONFERENCECALL_NOT_FOUND, PERMISSION_DENIED. */
export async function ownRow(
  conferencecalls: Pick<Conferencecalls, "rowFor">,
  caller: Caller,
  id: ConferencecallId,
): Promise<ConferencecallRow> {
  const row = await conferencecalls.rowFor(caller, id);
  const is_own = caller.type === "participant" ? madeJoin(caller, row) : mayManage(caller);
  if (!is_own) {
    throw problems.PERMISSION_DENIED({ message: "this join was made with another token" });
  }
  return row;
}

// ids.secret writes base64url; ICE has + and / in its place (RFC 8839 section 5.4).
const iceText = (secret: string): string => secret.replaceAll("-", "+").replaceAll("_", "/");

// What the domain refused was not written.
const isInDoubt = (cause: unknown): boolean => !(cause instanceof Problem) || cause.http >= 500;

const readKnown = (line: {
  mid: string;
  rid?: string;
  ssrc: number;
  rtx_ssrc?: number;
}): KnownSsrc => ({
  mid: line.mid,
  rid: line.rid ?? null,
  ssrc: line.ssrc,
  rtx_ssrc: line.rtx_ssrc ?? null,
});

const wireIce = (local: IceCredentials, remote: IceCredentials): EndpointOpen["ice"] => ({
  local_ufrag: local.ufrag,
  local_pwd: local.pwd,
  remote_ufrag: remote.ufrag,
  remote_pwd: remote.pwd,
});

const endpointOf = (seat: Seat, plan: AnswerPlan): EndpointOpen => ({
  room: seat.conference_id,
  endpoint: seat.endpoint,
  ice: wireIce(seat.local_ice, plan.ice),
  dtls: { fingerprints: [...plan.fingerprints], role: seat.dtls_role },
  extensions: plan.extensions,
  receive: [...plan.receive],
  send: [...plan.send],
  cname: seat.cname,
  entered: true,
});

const linesOf = (plan: AnswerPlan): Pick<Seat, "sources" | "send" | "tagged"> => ({
  sources: new Map(plan.receive.map(({ source, mid }) => [source, mid])),
  send: new Map(plan.send.map((line) => [line.mid, line])),
  tagged: plan.tagged,
});

// Draws SSRCs that differ within the endpoint. A line that we filled before keeps its own, since an
// answer to the same connection must not change them.
function createMint(ids: Ids, before?: Seat): Mint {
  const drawn = new Set<number>();
  const known = [...(before?.send.values() ?? [])].flatMap(({ ssrc, rtx_ssrc }) =>
    rtx_ssrc === null ? [ssrc] : [ssrc, rtx_ssrc],
  );
  return {
    ssrc() {
      const again = known.shift();
      if (again !== undefined) return again;
      for (;;) {
        const ssrc = ids.number(2 ** 32 - 1) + 1;
        if (drawn.has(ssrc)) continue;
        drawn.add(ssrc);
        return ssrc;
      }
    },
  };
}

const sameFingerprints = (seat: Seat, plan: AnswerPlan): boolean => {
  const held = new Set(seat.remote_fingerprints.map(({ value }) => value));
  return plan.fingerprints.every(({ value }) => held.has(value));
};

const sameLines = (seat: Seat, plan: AnswerPlan): boolean =>
  plan.send.length === seat.send.size &&
  plan.send.every(({ mid, role, ssrc }) => {
    const held = seat.send.get(mid);
    return held?.role === role && held.ssrc === ssrc;
  });
