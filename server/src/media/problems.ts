// How the media side can fail a request.
import { catalogue } from "../kernel/problem.ts";

/** Problems of the media port. */
export const mediaProblems = catalogue({
  MEDIA_UNAVAILABLE: {
    status: "UNAVAILABLE",
    title: "The media side is not available at the moment",
  },
  MEDIA_REFUSED: { status: "INTERNAL", title: "The media side refused this" },
  MEDIA_LIMIT_REACHED: {
    status: "RESOURCE_EXHAUSTED",
    title: "A limit of the media side has been reached",
  },
  MEDIA_LINE_NOT_FOUND: {
    status: "INVALID_ARGUMENT",
    title: "The join has no such line",
  },
  MEDIA_ENDPOINT_NOT_FOUND: {
    status: "NOT_FOUND",
    title: "The media half of this join no longer exists",
  },
});

/** A worker did not come up at the server's first start. What an operator can do about it depends on `what`. */
export class WorkerStartFailure extends Error {
  override readonly name = "WorkerStartFailure";
  /** `address`: its port is taken or its address is not this machine's; `program`: it cannot be run; `other`: see the message. */
  readonly what: "address" | "program" | "other";
  readonly worker: number;
  /** Where it was to receive, `host:port`. */
  readonly address: string;
  constructor(given: {
    what: WorkerStartFailure["what"];
    worker: number;
    address: string;
    cause: unknown;
  }) {
    const why = given.cause instanceof Error ? given.cause.message : String(given.cause);
    super(`media worker ${given.worker} did not start: ${why}`, { cause: given.cause });
    this.what = given.what;
    this.worker = given.worker;
    this.address = given.address;
  }
}
