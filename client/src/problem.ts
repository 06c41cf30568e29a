// One error type for everything that can go wrong in the SDK, told apart by `reason`.
import type { WireError } from "./wire.ts";

/** Reasons that arise in the browser. Every other reason is one of the server's, as its manual lists them. */
export type BrowserReason =
  /** The user or the system forbids the device. */
  | "DEVICE_PERMISSION_DENIED"
  /** There is no such device. */
  | "DEVICE_NOT_FOUND"
  /** Another program holds the device, or it failed. */
  | "DEVICE_BUSY"
  /** The device was pulled out or taken away while in use. */
  | "DEVICE_LOST"
  /** The user closed the screen chooser. */
  | "SCREEN_CANCELLED"
  /** Devices exist on https:// pages and on localhost only. */
  | "PAGE_INSECURE"
  /** This browser lacks something that is needed; the message says what. */
  | "BROWSER_UNSUPPORTED"
  /** No answer from the server. */
  | "SERVER_UNREACHABLE"
  /** The server answers, but no media path could be opened: a firewall, usually. */
  | "MEDIA_UNREACHABLE"
  /** The command was not answered in time. */
  | "COMMAND_TIMEOUT"
  /** The conference was left or closed before. */
  | "CONFERENCE_CLOSED"
  /** More tiles are in use than were offered at the join. */
  | "TILES_EXHAUSTED"
  /** The server sent what this SDK does not understand. */
  | "ANSWER_INVALID";

/** An expected failure of the SDK or of the server. */
export class Problem extends Error {
  /** What went wrong, for programs. */
  readonly reason: BrowserReason | (string & {});
  /** HTTP status where an HTTP answer said so; else 0. */
  readonly http: number;
  /** The server's id of the request; "" when there is none. */
  readonly request_id: string;
  readonly details: readonly Readonly<Record<string, unknown>>[];
  /** Seconds after which trying again makes sense; null when not known. */
  readonly retry_after_s: number | null;

  constructor(
    reason: BrowserReason | (string & {}),
    message: string,
    given: {
      http?: number;
      request_id?: string;
      details?: readonly Readonly<Record<string, unknown>>[];
      retry_after_s?: number | null;
      cause?: unknown;
    } = {},
  ) {
    super(message, given.cause === undefined ? undefined : { cause: given.cause });
    this.name = "Problem";
    this.reason = reason;
    this.http = given.http ?? 0;
    this.request_id = given.request_id ?? "";
    this.details = given.details ?? [];
    this.retry_after_s = given.retry_after_s ?? null;
  }
}

/** Makes a {@link Problem} of the server's error object. */
export function problemFromWire(
  error: WireError,
  http: number = 0,
  retry_after_s: number | null = null,
): Problem {
  return new Problem(error.reason, error.message, {
    http,
    request_id: error.request_id ?? "",
    details: error.details ?? [],
    retry_after_s,
  });
}

/** No answer from `server` (an origin). A page of another site cannot tell a server that is down from one that refuses its origin, so both are said. */
export function unreachable(server: string, cause?: unknown): Problem {
  const page = globalThis.location?.origin;
  const is_foreign = page !== undefined && page !== server;
  const message = is_foreign
    ? `The server ${server} does not answer, or it does not allow this page (CORS): add "${page}" to its setting http.allowed_origins`
    : "The server does not answer";
  return new Problem("SERVER_UNREACHABLE", message, {
    ...(cause === undefined ? {} : { cause }),
    details: is_foreign ? [{ server, page_origin: page, setting: "http.allowed_origins" }] : [],
  });
}

/** What `getUserMedia` and `getDisplayMedia` throw, as a {@link Problem}. */
export function problemFromDevice(
  thrown: unknown,
  kind: "microphone" | "camera" | "screen",
): Problem {
  if (thrown instanceof Problem) return thrown;
  const name = thrown instanceof Error ? thrown.name : "";
  const make = (reason: BrowserReason, message: string): Problem =>
    new Problem(reason, message, { details: [{ device: kind }], cause: thrown });
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      // Chromium says NotAllowedError both when the chooser is closed and when the system forbids it.
      return kind === "screen" && !/system/i.test(String(thrown))
        ? make("SCREEN_CANCELLED", "No screen was chosen")
        : make("DEVICE_PERMISSION_DENIED", `The ${kind} may not be used`);
    case "NotFoundError":
    case "OverconstrainedError":
      return make("DEVICE_NOT_FOUND", `There is no such ${kind}`);
    case "NotReadableError":
    case "AbortError":
      return make("DEVICE_BUSY", `The ${kind} is in use elsewhere or does not start`);
    default:
      return make("DEVICE_BUSY", `The ${kind} does not start`);
  }
}
