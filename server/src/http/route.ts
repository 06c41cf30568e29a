// What a route is: one object from which routing, judging, the answer, the manual and the contract follow.
import type { IncomingHttpHeaders } from "node:http";
import type { Static, TObject, TSchema } from "typebox";
import type { Caller, CustomerCaller } from "../domain/customer/index.ts";
import type { Tx } from "../store/index.ts";

/** Who may ask: `customer` people and keys of a customer, `any` also somebody with a join token, `none` everybody. */
export type Auth = "none" | "customer" | "any";
/** What {@link Auth} lets through. */
export type CallerOf<A extends Auth> = A extends "none"
  ? null
  : A extends "customer"
    ? CustomerCaller
    : Caller;

/** Keeps the answer for a repeated request, in the transaction that made it. Absent without an `Idempotency-Key`. */
export type Sealed = (
  tx: Tx,
  shown: object | string,
  given?: { status?: number; headers?: Headers; content_type?: string },
) => Promise<void>;

type Headers = Readonly<Record<string, string>>;

/** A request as a route sees it: judged by its schemas. */
export interface Ask<A extends Auth, P, Q, B> {
  readonly caller: CallerOf<A>;
  /** Whether the caller's credential stood in the query: a client that cannot send headers. */
  readonly by_query: boolean;
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** The body as text, where it came in one of the route's `texts` types; else null. */
  readonly text: { readonly type: string; readonly body: string } | null;
  readonly headers: IncomingHttpHeaders;
  /** Of who asked, behind trusted proxies. */
  readonly address: string;
  readonly request_id: string;
  /** Whether it came over TLS, also in front of a trusted proxy. */
  readonly is_secure: boolean;
  /** To be called inside the transaction with what will be answered; what a route does not seal is kept afterwards. */
  readonly sealed: Sealed | undefined;
}

/** An answer with more than a body. A route may also give just the body: 200, JSON. */
export class Answer {
  readonly status: number;
  readonly headers: Headers;
  /** An object becomes JSON, a text is sent as it is, null is no body. */
  readonly body: object | string | null;
  readonly content_type: string;

  constructor(given: {
    status?: number;
    headers?: Headers;
    body?: object | string | null;
    content_type?: string;
  }) {
    this.status = given.status ?? 200;
    this.headers = given.headers ?? {};
    this.body = given.body ?? null;
    this.content_type = given.content_type ?? json_type;
  }
}

/** The type of nearly every answer. */
export const json_type = "application/json; charset=utf-8";

/** One possible answer, for the manual. */
export interface ReplyDoc {
  readonly description: string;
  readonly schema?: TSchema;
  /** Types of text that it may be instead of JSON, e.g. `application/sdp`. */
  readonly texts?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** What {@link route} takes. */
export interface RouteDefinition<
  A extends Auth,
  P extends TObject,
  Q extends TObject,
  B extends TSchema,
> {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** With parameters in braces, each of which `params` describes: `/v1.0/conferences/{id}`. */
  readonly path: string;
  /** What generated clients call it, verb first: `createConference`. */
  readonly operation: string;
  readonly auth: A;
  /** The chapter of the manual. */
  readonly tag: string;
  /** One line for the list of routes. */
  readonly summary: string;
  /** More than the summary, Markdown. */
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  /** The JSON body; a route without one ignores what is sent. */
  readonly body?: B;
  /** Whether a body with a member that the schema does not know is refused; elsewhere it is ignored and named in `X-Ignored-Members`. */
  readonly is_closed?: boolean;
  /** Whether `?resume_key=` lets in who made the conferencecall that the path names. */
  readonly by_resume_key?: boolean;
  /** Whether it begins something that outlives the request: refused while the server ends. */
  readonly starts?: boolean;
  /** Whether it answers with a list from the database: as many are read at a time as memory has room for. */
  readonly is_list?: boolean;
  /** Other types that the body may have, e.g. `application/sdp`; then `ask.text` holds it and `ask.body` is empty. */
  readonly texts?: readonly string[];
  /**
   * Methods of what it makes, which pages of other origins are told with its own: clients of WHIP look for PATCH here before they
   * trickle to the address that they get.
   */
  readonly made_takes?: readonly string[];
  /** By status; at least the one of success. */
  readonly replies: Readonly<Record<number, ReplyDoc>>;
  /** Reasons of this route; those that every route has are added. */
  readonly problems?: readonly string[];
  /** Shell command for the manual; one is made where this is missing. */
  readonly example?: string;
  run(
    ask: Ask<A, Static<P>, Static<Q>, Static<B>>,
  ): object | string | Answer | Promise<object | string | Answer>;
  /** For a repeat with the same `Idempotency-Key`: an answer in place of the kept one where that is not good any more; null: it is. */
  renew?(ask: Ask<A, Static<P>, Static<Q>, Static<B>>, kept: Answer): Promise<Answer | null>;
}

/** A route, whatever its parameters. */
export type AnyRoute = Omit<RouteDefinition<Auth, TObject, TObject, TSchema>, "run" | "renew"> & {
  renew?(ask: Ask<Auth, never, never, never>, kept: Answer): Promise<Answer | null>;
  run(
    ask: Ask<Auth, never, never, never>,
  ): object | string | Answer | Promise<object | string | Answer>;
};

/** Defines a route. `ask` is typed by the schemas. */
export function route<
  A extends Auth,
  P extends TObject = TObject<Record<never, never>>,
  Q extends TObject = TObject<Record<never, never>>,
  B extends TSchema = TSchema,
>(definition: RouteDefinition<A, P, Q, B>): AnyRoute {
  // What differs is only which types `run` may rely on; the edge gives it just what the schemas let through.
  return definition as unknown as AnyRoute;
}
