// One WebSocket as the rest of this room sees it: text in and out, a bound on what waits, an end.
import type { WebSocket } from "ws";
import type { Clock } from "../kernel/clock.ts";
import type { Budget, Scope } from "./budget.ts";
import { close_codes, close_reasons, socket_limits } from "./limits.ts";

/** A client's connection. */
export interface Connection {
  readonly is_open: boolean;
  /** Sends a frame; a reader that does not keep up is closed with 4413. Harmless on a closed one. */
  send(text: string): void;
  /** Resolves when so little waits that more may be made, or when it is closed. */
  drained(): Promise<void>;
  /** Counts bytes that are kept for it, beside what waits to be sent; negative: no longer. */
  hold(bytes: number): void;
  /** Reads no further until {@link resume}: the client's own system holds what it sends. */
  pause(): void;
  resume(): void;
  /** Closes, once; what was sent before still goes out. `reason` where it is another than that of the code. */
  close(code: number, reason?: string): void;
  /** Where frames go. Nothing is read before. Called once. */
  onFrame(take: (text: string) => void): void;
  /** Calls `ended` when it is closed, at once if it is. */
  onClose(ended: () => void): void;
}

/** Wraps a WebSocket whose handshake is done. */
export function wrapSocket(
  socket: WebSocket,
  ports: { readonly clock: Clock; readonly budget: Budget; readonly scopes: readonly Scope[] },
): Connection {
  const endings: (() => void)[] = [];
  let drains: (() => void)[] = [];
  let take: ((text: string) => void) | null = null;
  let is_open = true;
  // Bytes that wait to be sent.
  let outgoing = 0;
  socket.pause();

  const wake = (): void => {
    const woken = drains;
    drains = [];
    for (const one of woken) one();
  };
  const end = (): void => {
    if (!is_open) return;
    is_open = false;
    share.leave();
    wake();
    for (const ended of endings.splice(0)) ended();
  };
  const close = (code: number, reason?: string): void => {
    if (!is_open) return;
    end();
    closeSoon(socket, ports.clock, code, reason);
  };
  const share = ports.budget.open(ports.scopes, () => close(close_codes.too_slow));
  socket.on("message", (data, is_binary) => {
    if (!is_open) return;
    if (is_binary) close(close_codes.bad_frame);
    else take?.(data.toString());
  });
  socket.on("close", end);
  // A protocol error (too large, bad UTF-8) is followed by the library's own close.
  socket.on("error", end);
  return {
    get is_open() {
      return is_open;
    },
    send(text) {
      if (!is_open) return;
      const bytes = Buffer.byteLength(text);
      if (outgoing + bytes > socket_limits.outgoing_bytes_max) {
        close(close_codes.too_slow);
        return;
      }
      outgoing += bytes;
      share.take(bytes);
      if (!is_open) return;
      socket.send(text, () => {
        outgoing -= bytes;
        share.give(bytes);
        if (outgoing <= socket_limits.outgoing_low_bytes) wake();
      });
    },
    drained() {
      if (!is_open || outgoing <= socket_limits.outgoing_low_bytes) return Promise.resolve();
      return new Promise((resolve) => drains.push(resolve));
    },
    hold(bytes) {
      if (bytes > 0) share.take(bytes);
      else share.give(-bytes);
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close,
    onFrame(taker) {
      take = taker;
      socket.resume();
    },
    onClose(ended) {
      if (is_open) endings.push(ended);
      else ended();
    },
  };
}

/** Closes with a code, and ends the connection where the other side does not answer in time: a reader that does not read does not read the closing either. */
export function closeSoon(socket: WebSocket, clock: Clock, code: number, reason?: string): void {
  socket.close(code, reason ?? close_reasons.get(code) ?? "");
  // The answer to the closing is read as well.
  socket.resume();
  const timer = clock.after(socket_limits.closing_grace_ms, () => socket.terminate());
  socket.once("close", () => timer.cancel());
}
