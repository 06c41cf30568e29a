// Expected failures. Thrown where they are known, answered in one place (http/problem-reply.ts, realtime).

/** The closed set of error statuses and their HTTP codes (platform.md section 5). */
export const statuses = {
  INVALID_ARGUMENT: 400,
  UNAUTHENTICATED: 401,
  PAYMENT_REQUIRED: 402,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  FAILED_PRECONDITION: 409,
  RESOURCE_EXHAUSTED: 429,
  UNAVAILABLE: 503,
  INTERNAL: 500,
} as const;

/** A status of {@link statuses}. */
export type Status = keyof typeof statuses;

/** One entry of a catalogue: status, sentence for people, and HTTP code where it is not the status's own. */
export interface ProblemKind {
  readonly status: Status;
  readonly title: string;
  /** Only where HTTP has a better code than the status's own, e.g. 405, 406, 408, 412, 413, 415, 422, 426, 501. */
  readonly http?: number;
}

/** One detail of a problem: which field, what is wrong; or which limit. */
export type ProblemDetail = Readonly<Record<string, string | number | boolean>>;

/** An expected failure. `message` is for the caller, `cause` for the log. */
export class Problem extends Error {
  readonly reason: string;
  readonly kind: ProblemKind;
  readonly details: readonly ProblemDetail[];
  /** Seconds after which trying again makes sense, rounded up, where that is known. */
  readonly retry_after_s: number | null;

  constructor(
    reason: string,
    kind: ProblemKind,
    given: {
      message?: string;
      details?: readonly ProblemDetail[];
      retry_after_s?: number;
      cause?: unknown;
    } = {},
  ) {
    super(
      given.message ?? kind.title,
      given.cause === undefined ? undefined : { cause: given.cause },
    );
    this.name = "Problem";
    this.reason = reason;
    this.kind = kind;
    this.details = given.details ?? [];
    this.retry_after_s = given.retry_after_s ?? null;
  }

  /** HTTP status code. */
  get http(): number {
    return this.kind.http ?? statuses[this.kind.status];
  }
}

type Thrower<Reason extends string> = {
  readonly [R in Reason]: (given?: ConstructorParameters<typeof Problem>[2]) => Problem;
};

const registry = new Map<string, ProblemKind>();

/** Declares a noun's problems; the result has a maker per reason: `throw problems.STATE_INVALID({ message })`. A reason may stand in several catalogues with equal meaning. */
export function catalogue<const K extends Record<string, ProblemKind>>(
  kinds: K,
): Thrower<keyof K & string> {
  const makers: Record<string, (given?: ConstructorParameters<typeof Problem>[2]) => Problem> = {};
  for (const [reason, kind] of Object.entries(kinds)) {
    registry.set(reason, kind);
    makers[reason] = (given) => new Problem(reason, kind, given);
  }
  return makers as Thrower<keyof K & string>;
}

/** Every problem declared so far, for the manual and the contract. */
export const declaredProblems = (): ReadonlyMap<string, ProblemKind> => registry;

/** Problems that belong to no noun. */
export const problems = catalogue({
  INVALID_ARGUMENT: { status: "INVALID_ARGUMENT", title: "A value is not allowed" },
  INVALID_JSON_BODY: { status: "INVALID_ARGUMENT", title: "The body is not JSON" },
  INVALID_ID: { status: "INVALID_ARGUMENT", title: "The id is not a UUID" },
  INVALID_REQUEST_PARAMETER: {
    status: "INVALID_ARGUMENT",
    title: "A query parameter is not allowed",
  },
  MISSING_REQUEST_PARAMETER: { status: "INVALID_ARGUMENT", title: "A parameter is missing" },
  AUTHENTICATION_REQUIRED: {
    status: "UNAUTHENTICATED",
    title: "This needs a token or an access key",
  },
  INVALID_CREDENTIALS: {
    status: "UNAUTHENTICATED",
    title: "The credentials are wrong",
  },
  TOKEN_EXPIRED: { status: "UNAUTHENTICATED", title: "The token has expired" },
  TOKEN_REVOKED: { status: "UNAUTHENTICATED", title: "The token was taken back" },
  PERMISSION_DENIED: { status: "PERMISSION_DENIED", title: "This token may not do that" },
  FOREIGN_ORIGIN: {
    status: "PERMISSION_DENIED",
    title: "A page of another origin may not do this with a cookie",
  },
  UPGRADE_REQUIRED: {
    status: "INVALID_ARGUMENT",
    title: "This is a WebSocket: connect with an upgrade",
    http: 426,
  },
  ROUTE_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such route" },
  RESOURCE_NOT_FOUND: { status: "NOT_FOUND", title: "There is no such resource" },
  STATE_INVALID: { status: "FAILED_PRECONDITION", title: "The state does not allow this now" },
  RATE_LIMIT_EXCEEDED: { status: "RESOURCE_EXHAUSTED", title: "Too many requests" },
  LIMIT_EXCEEDED: { status: "RESOURCE_EXHAUSTED", title: "A limit has been reached" },
  SERVICE_UNAVAILABLE: { status: "UNAVAILABLE", title: "Not available at the moment" },
  STORAGE_FULL: {
    status: "RESOURCE_EXHAUSTED",
    title: "There is no space left to store this; reading goes on",
    http: 507,
  },
  REQUEST_TIMEOUT: {
    status: "UNAVAILABLE",
    title: "The request did not come in time",
    http: 408,
  },
  INTERNAL: { status: "INTERNAL", title: "Something went wrong on our side" },
});
