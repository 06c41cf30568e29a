// Large answers wait in memory until their reader has taken them: of one caller and of all no more than so many bytes, and not for ever.
import type { FastifyInstance } from "fastify";
import { rateAddress } from "../kernel/address.ts";
import type { Clock } from "../kernel/clock.ts";
import { limits } from "../kernel/limits.ts";
import { problems } from "../kernel/problem.ts";

/** How many bytes may wait (`limits.*`). */
export interface OutgoingLimits {
  readonly http_bytes_max: number;
  readonly http_bytes_per_caller_max: number;
}

/** Counts what waits; beyond the bounds an answer becomes 429, and who takes too long is cut off. */
export function boundOutgoing(
  app: FastifyInstance,
  ports: { readonly clock: Clock; readonly limits: OutgoingLimits },
): void {
  const { http_bytes_max, http_bytes_per_caller_max } = ports.limits;
  const held = new Map<string, number>();
  let total = 0;

  const add = (who: string, bytes: number): void => {
    total += bytes;
    const now = (held.get(who) ?? 0) + bytes;
    if (now > 0) held.set(who, now);
    else held.delete(who);
  };

  app.addHook("onSend", (request, reply, payload, done) => {
    const bytes = sizeOf(payload);
    // A connection that is gone holds nothing, and would not say again that it went.
    if (bytes < limits.large_answer_bytes || request.raw.socket.destroyed) {
      done(null, payload);
      return;
    }
    const who = request.caller_label || rateAddress(request.ip);
    const mine = held.get(who) ?? 0;
    // One answer goes out however large it is.
    const is_over =
      (mine > 0 && mine + bytes > http_bytes_per_caller_max) ||
      (total > 0 && total + bytes > http_bytes_max);
    if (is_over) {
      done(
        problems.RATE_LIMIT_EXCEEDED({
          message: "too many large answers wait for their reader",
          retry_after_s: 1,
          details: [{ limited_by: mine > 0 ? "caller" : "server" }],
        }),
      );
      return;
    }
    add(who, bytes);
    const late = ports.clock.after(limits.answer_timeout_ms, () => request.raw.socket.destroy());
    // An answer that waits behind another on its connection is not told when that is gone, so the connection is asked, too.
    const { socket } = request.raw;
    const release = (): void => {
      late.cancel();
      reply.raw.off("close", release);
      socket.off("close", release);
      add(who, -bytes);
    };
    reply.raw.once("close", release);
    socket.once("close", release);
    done(null, payload);
  });
}

// A file is read as its reader takes it.
function sizeOf(payload: unknown): number {
  if (typeof payload === "string") return Buffer.byteLength(payload);
  return payload instanceof Uint8Array ? payload.length : 0;
}
