// One WebSocket as the rest of this room sees it: text in and out, a bound on what waits, an end.
import type { WebSocket } from "ws";
import { close_codes, socket_limits } from "./limits.ts";

/** A client's connection. */
export interface Connection {
  readonly is_open: boolean;
  /** Sends a frame; a reader that does not keep up is closed with 4413. Harmless on a closed one. */
  send(text: string): void;
  /** Closes, once; what was sent before still goes out. */
  close(code: number): void;
  /** Where frames go. Those that came before are given at once. Called once. */
  onFrame(take: (text: string) => void): void;
  /** Calls `ended` when it is closed, at once if it is. */
  onClose(ended: () => void): void;
}

/** Frames that may come before somebody takes them. */
const early_frames_max = 100;

/** Wraps a WebSocket whose handshake is done. */
export function wrapSocket(socket: WebSocket): Connection {
  const endings: (() => void)[] = [];
  let early: string[] = [];
  let take: ((text: string) => void) | null = null;
  let is_open = true;

  const end = (): void => {
    if (!is_open) return;
    is_open = false;
    for (const ended of endings.splice(0)) ended();
  };
  const close = (code: number): void => {
    if (!is_open) return;
    end();
    socket.close(code);
  };
  socket.on("message", (data, is_binary) => {
    if (!is_open) return;
    if (is_binary) {
      close(close_codes.bad_frame);
      return;
    }
    const text = data.toString();
    if (take) take(text);
    else if (early.length < early_frames_max) early.push(text);
    else close(close_codes.bad_frame);
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
      if (socket.bufferedAmount > socket_limits.outgoing_bytes_max) {
        close(close_codes.too_slow);
        // The reader does not read, so it would not read the closing either.
        setImmediate(() => socket.terminate());
        return;
      }
      socket.send(text);
    },
    close,
    onFrame(taker) {
      take = taker;
      const waited = early;
      early = [];
      for (const text of waited) taker(text);
    },
    onClose(ended) {
      if (is_open) endings.push(ended);
      else ended();
    },
  };
}
