// The live socket seen from the browser: connects, reconnects, resumes by sequence, answers commands. Knows nothing of media.
import { Problem, problemFromWire } from "./problem.ts";
import type { Timer, Timing } from "./timing.ts";
import type { ServerFrame } from "./wire.ts";

/** What is needed of a WebSocket. */
export interface Socket {
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

/** Where a link reports to. */
export interface LinkListener {
  /** A frame came; answers to commands are not shown here. */
  frame(frame: ServerFrame): void;
  /** The first frame of a new socket came. */
  ready(boot_id: string): void;
  /** The socket is gone; the link tries again by itself. */
  lost(attempt: number): void;
  /** The server said why it will not be opened again. */
  refused(code: number, said: string): void;
}

/** The link. */
export interface LiveLink {
  /** Sends a command; resolves with its answer. A command that was not answered when the socket broke is sent again on the next one: all commands are idempotent.
   *  Errors: the server's refusal, COMMAND_TIMEOUT, CONFERENCE_CLOSED. */
  command(
    type: string,
    fields: Readonly<Record<string, unknown>>,
  ): Promise<Readonly<Record<string, unknown>>>;
  /** Tries again now instead of after the pause. */
  reconnectNow(): void;
  /** Closes for good; unanswered commands fail. */
  close(): void;
}

/** Bounds of the link. */
export const link_limits = {
  /** First pause before another try; grows by half each time, but not above the second figure as long as a restart of the server may take. */
  retry_ms_min: 30,
  retry_ms_restarting: 120,
  restarting_ms: 5_000,
  retry_ms_max: 2_000,
  /** A try that has brought no first frame by then is given up. */
  open_ms: 5_000,
  /** Missing pings before the socket counts as dead. */
  pings_missed_max: 4,
  command_ms: 15_000,
  /** Unanswered commands at a time. */
  commands_max: 256,
};

/** Close codes after which trying again is of no use (docs/design/live-socket.md). */
const final_codes: ReadonlySet<number> = new Set([4401, 4403, 4404, 4409, 4410]);

interface Waiting {
  readonly text: string;
  readonly resolve: (ok: Readonly<Record<string, unknown>>) => void;
  readonly reject: (problem: Problem) => void;
  readonly timer: Timer;
}

/** Opens the link. `address(after)` gives the socket's URL; `after` is null for the first one. */
export function openLiveLink(ports: {
  readonly open: (url: string) => Socket;
  readonly address: (after: number | null) => string;
  readonly timing: Timing;
  readonly listener: LinkListener;
}): LiveLink {
  const { timing, listener } = ports;
  const waiting = new Map<number, Waiting>();
  let socket: Socket | null = null;
  let seq: number | null = null;
  let is_ready = false;
  let is_closed = false;
  let attempt = 0;
  let pause_ms = link_limits.retry_ms_min;
  let lost_ms: number | null = null;
  let command_id = 0;
  let silence: Timer | null = null;
  let retry: Timer | null = null;
  let ping_interval_ms = 1_000;

  const watchSilence = (limit_ms: number): void => {
    silence?.cancel();
    silence = timing.after(limit_ms, () => drop(1006));
  };

  const failAll = (problem: Problem): void => {
    for (const entry of waiting.values()) {
      entry.timer.cancel();
      entry.reject(problem);
    }
    waiting.clear();
  };

  const finish = (code: number, said: string): void => {
    is_closed = true;
    retry?.cancel();
    failAll(new Problem("CONFERENCE_CLOSED", "The conference is closed"));
    listener.refused(code, said);
  };

  function drop(code: number, said = ""): void {
    silence?.cancel();
    if (socket) {
      socket.onmessage = null;
      socket.onclose = null;
      socket.close();
    }
    socket = null;
    is_ready = false;
    if (is_closed) return;
    if (final_codes.has(code)) {
      finish(code, said);
      return;
    }
    attempt += 1;
    listener.lost(attempt);
    lost_ms ??= timing.now_ms();
    const is_restarting = timing.now_ms() - lost_ms < link_limits.restarting_ms;
    if (attempt > 1) {
      pause_ms = Math.min(
        pause_ms * 1.5,
        is_restarting ? link_limits.retry_ms_restarting : link_limits.retry_ms_max,
      );
    }
    retry?.cancel();
    // The first tries go out at once, so that a restarted server is found in no time; later ones are spread.
    retry = timing.after(attempt < 4 ? pause_ms : pause_ms * (0.75 + timing.random() / 2), connect);
  }

  function connect(): void {
    if (is_closed) return;
    const opened = ports.open(ports.address(seq));
    socket = opened;
    opened.onmessage = (event) => receive(String(event.data));
    opened.onclose = (event) => drop(event.code, event.reason);
    watchSilence(link_limits.open_ms);
  }

  function receive(text: string): void {
    let frame: ServerFrame;
    try {
      frame = JSON.parse(text) as ServerFrame;
    } catch {
      // Nothing after a broken frame can be trusted: a new socket resumes from the last whole one.
      drop(1006);
      return;
    }
    watchSilence(ping_interval_ms * link_limits.pings_missed_max);
    if (!("type" in frame)) {
      answer(frame);
      return;
    }
    if (frame.type === "snapshot" || frame.type === "resumed") {
      if (frame.type === "snapshot") seq = frame.seq;
      ping_interval_ms = frame.ping_interval_ms;
      listener.frame(frame);
      is_ready = true;
      attempt = 0;
      pause_ms = link_limits.retry_ms_min;
      lost_ms = null;
      for (const entry of waiting.values()) socket?.send(entry.text);
      listener.ready(frame.boot_id);
      return;
    }
    listener.frame(frame);
    // After the listener: had it thrown, the event would be asked for again.
    if (frame.type === "event") seq = Math.max(seq ?? 0, frame.seq);
  }

  function answer(frame: Extract<ServerFrame, { id: number }>): void {
    const entry = waiting.get(frame.id);
    if (!entry) return;
    waiting.delete(frame.id);
    entry.timer.cancel();
    if ("ok" in frame) entry.resolve(frame.ok);
    else entry.reject(problemFromWire(frame.error));
  }

  connect();
  return {
    command: (type, fields) =>
      new Promise((resolve, reject) => {
        if (is_closed) {
          return reject(new Problem("CONFERENCE_CLOSED", "The conference is closed"));
        }
        if (waiting.size >= link_limits.commands_max) {
          return reject(new Problem("COMMAND_TIMEOUT", "Too many commands are waiting"));
        }
        command_id += 1;
        const id = command_id;
        const timer = timing.after(link_limits.command_ms, () => {
          waiting.delete(id);
          reject(new Problem("COMMAND_TIMEOUT", `The server did not answer "${type}" in time`));
        });
        const text = JSON.stringify({ id, type, ...fields });
        waiting.set(id, { text, resolve, reject, timer });
        if (is_ready) socket?.send(text);
      }),
    reconnectNow() {
      if (is_closed || is_ready) return;
      retry?.cancel();
      if (socket) drop(1006);
      retry?.cancel();
      connect();
    },
    close() {
      if (is_closed) return;
      is_closed = true;
      retry?.cancel();
      silence?.cancel();
      failAll(new Problem("CONFERENCE_CLOSED", "The conference is closed"));
      if (socket) {
        socket.onmessage = null;
        socket.onclose = null;
        socket.close(1000);
      }
      socket = null;
    },
  };
}

/** What a subprotocol may consist of (RFC 9110 section 5.6.2); a token with anything else is no token of ours. */
const protocol_token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Answers as the server does to a token that it does not know. */
function refusedSocket(): Socket {
  const refused: Socket = {
    onmessage: null,
    onclose: null,
    send: () => undefined,
    close: () => undefined,
  };
  queueMicrotask(() => refused.onclose?.({ code: 4401, reason: "the token has odd characters" }));
  return refused;
}

/** The browser's WebSocket as a {@link Socket}. The token travels as a subprotocol: a page cannot set headers, and addresses end up in logs. */
export function openBrowserSocket(url: string, token: string): Socket {
  if (!protocol_token.test(token)) return refusedSocket();
  const socket = new WebSocket(url, ["parley.v1", `bearer.${token}`]);
  const wrapped: Socket = {
    onmessage: null,
    onclose: null,
    send: (text) => socket.send(text),
    close: (code) => socket.close(code),
  };
  socket.onmessage = (event) => wrapped.onmessage?.({ data: event.data });
  socket.onclose = (event) => wrapped.onclose?.({ code: event.code, reason: event.reason });
  return wrapped;
}
