// The line to one worker: requests out, replies and events in, in order. Whatever breaks it (silence,
// noise, a full pipe, a gap in the events) ends it as a whole with a reason; nothing is dropped.
import type { Clock, Timer } from "../kernel/clock.ts";
import type { Log } from "../kernel/log.ts";
import {
  end_timeout_ms,
  message_length_max,
  queued_bytes_max,
  request_timeout_ms,
  requests_max,
  start_timeout_ms,
} from "./limits.ts";
import type { WorkerProcess } from "./process.ts";
import {
  type Command,
  type ErrorCode,
  type Event,
  type Hello,
  type Message,
  PROTOCOL_VERSION,
  type Reply,
  type Request,
} from "./wire.ts";

/** The worker said no. Nothing changed there. */
export class WorkerRefusal extends Error {
  override readonly name = "WorkerRefusal";
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string) {
    super(`${code}: ${message}`);
    this.code = code;
  }
}

/** The worker is gone; whether the request was done is unknown. */
export class WorkerGone extends Error {
  override readonly name = "WorkerGone";
}

/** A line to a living worker. */
export interface Channel {
  /** Resolves with the worker's first line. Errors: {@link WorkerGone}. */
  readonly hello: Promise<Hello>;
  /** Asks and waits for the answer. Errors: {@link WorkerRefusal}, {@link WorkerGone}. */
  request(request: Request, timeout_ms?: number): Promise<Reply>;
  /** Whether anything came since the last call. */
  heard(): boolean;
  /** Ends it and kills the process. */
  break(reason: string): void;
  /** Resolves with the reason once the process is gone; also when the system does not end it, a while after it was told to. */
  readonly ended: Promise<string>;
}

interface Pending {
  readonly type: Request["type"];
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: Timer;
}

/** Opens the line to a process that was just started. Events are handed over in order. */
export function openChannel(ports: {
  process: WorkerProcess;
  clock: Clock;
  log: Log;
  onEvent: (event: Event) => void;
}): Channel {
  const { process, clock, log } = ports;
  const pending = new Map<number, Pending>();
  const hello = Promise.withResolvers<Hello>();
  // Whoever waits for it sees the failure; without anybody waiting it is in the log by `ended`.
  hello.promise.catch(() => undefined);
  let next_id = 1;
  let next_seq = 1;
  let broken: string | null = null;
  let has_greeted = false;
  let was_heard = true;
  let kept: Timer | null = null;
  const given_up = Promise.withResolvers<string>();

  const breakOff = (reason: string): void => {
    if (broken !== null) return;
    broken = reason;
    greeting.cancel();
    const gone = new WorkerGone(reason);
    hello.reject(gone);
    for (const each of pending.values()) {
      each.timer.cancel();
      each.reject(gone);
    }
    pending.clear();
    process.kill();
    kept = clock.after(end_timeout_ms, () => given_up.resolve(reason));
  };
  const greeting = clock.after(start_timeout_ms, () => breakOff("it said nothing after its start"));

  const take = (message: Message): void => {
    switch (message.type) {
      case "hello":
        if (message.protocol_version !== PROTOCOL_VERSION) {
          breakOff(`it speaks version ${message.protocol_version}, not ${PROTOCOL_VERSION}`);
          return;
        }
        has_greeted = true;
        greeting.cancel();
        hello.resolve(message);
        return;
      case "reply":
      case "error": {
        const asked = pending.get(message.id);
        if (!asked) {
          breakOff("it answered what was not asked");
          return;
        }
        pending.delete(message.id);
        asked.timer.cancel();
        if (message.type === "reply") asked.resolve(message.reply);
        else asked.reject(new WorkerRefusal(message.code, message.message));
        return;
      }
      case "event":
        if (message.seq !== next_seq) {
          breakOff(`its event ${next_seq} is missing, ${message.seq} came`);
          return;
        }
        next_seq += 1;
        ports.onEvent(message.event);
        return;
      default:
        breakOff("it sent a message of an unknown type");
    }
  };

  readLines(
    process.output,
    (line) => {
      if (broken !== null) return;
      was_heard = true;
      let message: Message;
      try {
        message = JSON.parse(line) as Message;
      } catch (cause) {
        log.error({ err: cause }, "media worker wrote a line that is not JSON");
        breakOff("it wrote a line that is not JSON");
        return;
      }
      if (!has_greeted && message.type !== "hello") breakOff("its first line is not hello");
      else take(message);
    },
    () => breakOff("it wrote an endless line"),
  );
  readLines(
    process.errors,
    (line) => logWorkerLine(log, line),
    () => undefined,
  );
  process.input.on("error", (cause) => breakOff(`its input failed: ${cause.message}`));
  process.output.on("error", (cause) => breakOff(`its output failed: ${cause.message}`));
  // Its log is for reading only: without it the worker is as good.
  process.errors.on("error", (cause) => log.warn({ err: cause }, "media worker's log failed"));

  // The system may hold a process that was ended; its successor is tried all the same.
  const ended = Promise.race([process.ended, given_up.promise]).then((end) => {
    const reason = broken ?? end;
    breakOff(end);
    kept?.cancel();
    return reason;
  });

  return {
    hello: hello.promise,
    ended,
    break: breakOff,
    heard() {
      const answer = was_heard;
      was_heard = false;
      return answer;
    },
    request(request, timeout_ms = request_timeout_ms) {
      if (broken !== null) return Promise.reject(new WorkerGone(broken));
      if (pending.size >= requests_max || process.input.writableLength > queued_bytes_max) {
        breakOff("it does not read what it is sent");
        return Promise.reject(new WorkerGone("it does not read what it is sent"));
      }
      const id = next_id;
      next_id += 1;
      const command: Command = { id, request };
      return new Promise<Reply>((resolve, reject) => {
        const timer = clock.after(timeout_ms, () =>
          breakOff(`it did not answer ${request.type} within ${timeout_ms} ms`),
        );
        pending.set(id, { type: request.type, resolve, reject, timer });
        try {
          process.input.write(`${JSON.stringify(command)}\n`);
        } catch (cause) {
          breakOff(`its input failed: ${cause instanceof Error ? cause.message : String(cause)}`);
        }
      });
    },
  };
}

function readLines(
  source: WorkerProcess["output"],
  onLine: (line: string) => void,
  onEndless: () => void,
): void {
  let rest = "";
  source.setEncoding("utf8");
  source.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") onLine(line);
    if (rest.length > message_length_max) {
      rest = "";
      onEndless();
    }
  });
}

// The worker's own lines keep their level; what is not one of its lines (a panic) is worth a warning.
function logWorkerLine(log: Log, line: string): void {
  if (line.startsWith("{")) {
    try {
      const { level, message, ...fields } = JSON.parse(line) as Record<string, unknown>;
      const at = level === "error" || level === "warn" || level === "info" ? level : "debug";
      log[at](fields, typeof message === "string" ? `media worker: ${message}` : "media worker");
      return;
    } catch (cause) {
      log.debug({ err: cause }, "media worker wrote half a line to its log");
    }
  }
  log.warn({ line: line.slice(0, 1000) }, "media worker wrote to its log");
}
