// What watching and joining share: the view, the chat, the commands, and how it all ends.
import { createChat } from "./chat.ts";
import type { Chat, ConferenceOptions, WatchNotices } from "./conference.ts";
import { createEmitter, type Emitter } from "./emitter.ts";
import { endedBy } from "./ended-by.ts";
import { type LiveLink, openBrowserSocket, openLiveLink, type Socket } from "./live-link.ts";
import { Problem, unreachable } from "./problem.ts";
import { empty_view, markHeard, reduceFrame, type SpeakersFrame, withoutVoices } from "./reduce.ts";
import { createServerClock } from "./server-clock.ts";
import { browserTiming, type Timing } from "./timing.ts";
import type { ConferenceView, EndedBy, Ending, EndingReason } from "./view.ts";
import type { ServerFrame } from "./wire.ts";

/** Ports of the core; tests give their own. */
export interface CorePorts {
  readonly timing: Timing;
  readonly openSocket: (url: string, token: string) => Socket;
}

/** The browser's ports. */
export const browserPorts: CorePorts = { timing: browserTiming, openSocket: openBrowserSocket };

/** What a joined conference does with what the core sees. */
export interface CoreListener {
  /** A frame, after the view has it. */
  frame?(frame: ServerFrame): void;
  ready?(boot_id: string): void;
  lost?(): void;
  /** The end; the core has closed its socket. */
  ended?(ending: Ending): void;
}

/** The shared half of a conference. */
export interface Core {
  readonly view: ConferenceView;
  readonly chat: Chat;
  readonly link: LiveLink;
  /** The server's time, milliseconds since 1970; null before it has said any. */
  serverNow(): number | null;
  /** Resolves at the first frame, rejects when it ends before. */
  readonly started: Promise<void>;
  /** The media path is being repaired (since when, which attempt), or flows again (null). */
  repairing(repair: { readonly since_ms: number; readonly attempt: number } | null): void;
  /** Ends it, once. */
  finish(ending: Ending): void;
  mute(conferencecall_id: string): Promise<void>;
  kick(conferencecall_id: string): Promise<void>;
  end(): Promise<void>;
}

/** How long the first connection may take. */
export const core_limits = { start_ms: 15_000 };

const endings: Readonly<Record<number, readonly [EndingReason, string, string]>> = {
  4401: ["denied", "INVALID_CREDENTIALS", "The link is not valid"],
  4403: ["kicked", "PERMISSION_DENIED", "A host removed you"],
  4404: [
    "vanished",
    "CONFERENCECALL_NOT_FOUND",
    "There is no such conference, or the join is over",
  ],
  4409: ["taken_over", "STATE_INVALID", "The conference was opened elsewhere with the same join"],
  4410: ["ended", "STATE_INVALID", "The conference has ended"],
};

/** The ending that a close code of the live socket, and what it said beside it, mean. A socket without a join cannot lose its seat: for it 4404 means that the conference does not exist. */
export function endingOf(code: number, has_join: boolean, said = ""): Ending {
  if (code === 4401 && said === "TOKEN_EXPIRED") {
    return { reason: "denied", problem: new Problem(said, "The link has expired") };
  }
  if (said === "TOKEN_REVOKED") {
    // Whoever is in by it was removed with it; whoever comes by it finds it closed.
    const problem = new Problem(said, "The token was taken back");
    return { reason: has_join ? "kicked" : "denied", problem };
  }
  const [reason, server_reason, message] = endings[code] ?? [
    "failed",
    "SERVER_UNREACHABLE",
    "The connection was closed",
  ];
  const is_missing = code === 4404 && !has_join;
  return {
    reason: is_missing ? "not_found" : reason,
    problem: new Problem(is_missing ? "CONFERENCE_NOT_FOUND" : server_reason, message),
  };
}

/** Origin of the server without a slash at its end. */
export function serverOf(options: ConferenceOptions): string {
  return (options.server ?? globalThis.location.origin).replace(/\/+$/, "");
}

/** Opens the live socket of a conference, tied to a join or not. */
export function createCore(
  options: ConferenceOptions,
  conferencecall_id: string | null,
  emitter: Emitter<WatchNotices>,
  listener: CoreListener,
  ports: CorePorts = browserPorts,
): Core {
  const { timing } = ports;
  let view: ConferenceView = empty_view;
  let has_finished = false;
  const start = Promise.withResolvers<void>();
  start.promise.catch(toldToWhoeverWaits);

  // Live is who has both: the socket, and media that flows.
  let is_socket_live = false;
  let socket_lost: { since_ms: number; attempt: number } | null = null;
  /** What the server said last of who speaks; null since the socket broke. */
  let speakers: SpeakersFrame | null = null;
  const clock = createServerClock();
  let ended_by: EndedBy | null = null;
  let repair: { readonly since_ms: number; readonly attempt: number } | null = null;
  const tellConnection = (): void => {
    if (has_finished || (view.connection === "connecting" && !is_socket_live)) return;
    const reconnect = socket_lost ?? repair;
    const connection = reconnect || !is_socket_live ? "reconnecting" : "live";
    if (connection === "live" && view.connection === "live") return;
    // Whoever spoke when the connection broke is not heard any more.
    const heard = connection === "live" ? markHeard(view, speakers) : withoutVoices(view);
    patch({ ...heard, connection, reconnect });
  };

  const patch = (part: Partial<ConferenceView>): void => {
    view = { ...view, ...part };
    emitter.emit("change", view);
  };
  const finish = (ending: Ending): void => {
    if (has_finished) return;
    has_finished = true;
    deadline.cancel();
    options.signal?.removeEventListener("abort", onAbort);
    link.close();
    patch({ connection: "ended", reconnect: null, ending });
    start.reject(ending.problem ?? new Problem("CONFERENCE_CLOSED", "The conference was left"));
    listener.ended?.(ending);
    emitter.emit("ended", ending);
  };
  const apply = (frame: ServerFrame): void => {
    if ("type" in frame && frame.type === "ping") clock.heard(frame.tm, timing.now_ms());
    if ("type" in frame && frame.type === "speakers") speakers = frame;
    const reduced = reduceFrame(view, frame);
    const seen = view.connection === "reconnecting" ? withoutVoices(reduced.view) : reduced.view;
    if (seen !== view) patch(seen);
    if ("type" in frame && frame.type === "event") {
      // The first word counts: what follows are the steps of the server.
      ended_by ??= endedBy(frame.event, conferencecall_id, view.people);
    }
    for (const notice of reduced.noticed) {
      if (notice.type === "event") emitter.emit("event", notice);
      else if (notice.type === "message") emitter.emit("message", notice.message);
      else emitter.emit(notice.type, notice.person);
    }
    listener.frame?.(frame);
  };

  const address = (after: number | null): string => {
    const url = new URL(
      `${serverOf(options).replace(/^http/, "ws")}/v1.0/conferences/${options.conference_id}/live`,
    );
    if (conferencecall_id !== null) url.searchParams.set("conferencecall_id", conferencecall_id);
    if (after !== null) url.searchParams.set("after", String(after));
    return url.href;
  };
  const deadline = timing.after(core_limits.start_ms, () => {
    finish({
      reason: "failed",
      problem: unreachable(serverOf(options)),
    });
  });
  const onAbort = (): void => {
    start.reject(options.signal?.reason);
    finish({ reason: "left", problem: null });
  };
  const link = openLiveLink({
    open: (url) => ports.openSocket(url, options.token),
    address,
    timing,
    listener: {
      frame: apply,
      ready(boot_id) {
        deadline.cancel();
        options.signal?.removeEventListener("abort", onAbort);
        is_socket_live = true;
        socket_lost = null;
        // First the listener: another server means that the media has to be repaired, and is not live yet.
        listener.ready?.(boot_id);
        tellConnection();
        start.resolve();
      },
      lost(attempt) {
        if (has_finished) return;
        is_socket_live = false;
        speakers = null;
        socket_lost = { since_ms: view.reconnect?.since_ms ?? timing.now_ms(), attempt };
        tellConnection();
        listener.lost?.();
      },
      refused: (code, said) => {
        const ending = endingOf(code, conferencecall_id !== null, said);
        const has_author = ending.reason === "kicked" || ending.reason === "ended";
        finish(has_author ? { ...ending, by: ended_by } : ending);
      },
    },
  });
  if (options.signal?.aborted) onAbort();
  else options.signal?.addEventListener("abort", onAbort, { once: true });

  const chat = createChat({
    command: link.command,
    read: () => view.chat,
    write: (part) => patch({ chat: { ...view.chat, ...part } }),
    is_closed: () => has_finished,
  });
  const order = async (type: string, fields: Record<string, unknown>): Promise<void> => {
    await link.command(type, fields);
  };
  return {
    get view() {
      return view;
    },
    chat,
    link,
    serverNow: () => clock.at(timing.now_ms()),
    started: start.promise,
    repairing(running) {
      repair = running;
      tellConnection();
    },
    finish,
    mute: (id) => order("mute", { conferencecall_id: id }),
    kick: (id) => order("kick", { conferencecall_id: id }),
    end: () => order("end", {}),
  };
}

/** Whoever awaits `started` gets the error itself; that nobody awaits it yet must not make it an uncaught one. */
const toldToWhoeverWaits = (): void => undefined;

/** The emitter of a watched conference. */
export const createWatchEmitter = (): Emitter<WatchNotices> => createEmitter<WatchNotices>();
