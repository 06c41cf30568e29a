// The few HTTP requests that a conference needs.
import type { Invitation } from "./conference.ts";
import { Problem, problemFromWire, unreachable } from "./problem.ts";
import type { AnsweredLine, JoinAnswer, WireError } from "./wire.ts";

/** Where and as whom requests go. */
export interface RestAccess {
  /** Origin without a slash at its end. */
  readonly server: string;
  readonly token: string;
}

/** What of a sending line cannot be read from an offer any more: its SSRCs. */
export interface SentLine {
  readonly mid: string;
  readonly rid?: string;
  readonly ssrc: number;
  readonly rtx_ssrc?: number;
}

/** Body of a join. */
export interface JoinBody {
  readonly offer: string;
  readonly name?: string;
  readonly audio?: "voices" | "mix";
  readonly muted: boolean;
  readonly camera: boolean;
  readonly screen: boolean;
  readonly resume?: {
    readonly conferencecall_id: string;
    readonly resume_key: string;
    readonly lines?: readonly SentLine[];
  };
}

/** How long a request may take. */
export const rest_limits = { request_ms: 10_000 };

/** A join that the server accepted. */
export interface Accepted extends JoinAnswer {
  /** Path of the join for PATCH and DELETE. */
  readonly location: string;
}

async function request(
  access: RestAccess,
  path: string,
  init: RequestInit & { readonly signal?: AbortSignal | null },
): Promise<Response> {
  const deadline = AbortSignal.timeout(rest_limits.request_ms);
  let response: Response;
  try {
    response = await fetch(access.server + path, {
      ...init,
      // The token travels in a header, so that no address with a token in it exists.
      headers: { ...init.headers, Authorization: `Bearer ${access.token}` },
      credentials: "omit",
      cache: "no-store",
      signal: init.signal ? AbortSignal.any([init.signal, deadline]) : deadline,
    });
  } catch (thrown) {
    if (init.signal?.aborted) throw init.signal.reason;
    throw unreachable(access.server, thrown);
  }
  if (response.ok) return response;
  throw await readProblem(response);
}

async function readProblem(response: Response): Promise<Problem> {
  const retry = Number(response.headers.get("Retry-After") ?? Number.NaN);
  const retry_after_s = Number.isFinite(retry) ? retry : null;
  try {
    const body = (await response.json()) as { error: WireError };
    return problemFromWire(body.error, response.status, retry_after_s);
  } catch (thrown) {
    // A proxy in between answers in its own words.
    return new Problem("SERVER_UNREACHABLE", `The server answered ${response.status}`, {
      http: response.status,
      retry_after_s,
      cause: thrown,
    });
  }
}

/** Joins or resumes. `idempotency_key`: the same for retries of one join. Errors: the server's, SERVER_UNREACHABLE, ANSWER_INVALID. */
export async function postJoin(
  access: RestAccess,
  conference_id: string,
  body: JoinBody,
  idempotency_key: string | null,
  signal?: AbortSignal,
): Promise<Accepted> {
  const response = await request(access, `/v1.0/conferences/${conference_id}/conferencecalls`, {
    method: "POST",
    headers: {
      "Content-Type": "application/json",
      ...(idempotency_key === null ? {} : { "Idempotency-Key": idempotency_key }),
    },
    body: JSON.stringify(body),
    signal: signal ?? null,
  });
  const answer = (await response.json()) as Partial<JoinAnswer>;
  const lines: readonly AnsweredLine[] | undefined = answer.lines;
  if (!answer.conferencecall?.id || !answer.answer || !answer.resume_key || !lines) {
    throw new Problem("ANSWER_INVALID", "The server's answer to the join is incomplete");
  }
  return {
    conferencecall: answer.conferencecall,
    answer: answer.answer,
    resume_key: answer.resume_key,
    lines,
    location: `/v1.0/conferencecalls/${answer.conferencecall.id}`,
  };
}

/** Restarts ICE; gives the server's fragment. */
export async function patchRestart(
  access: RestAccess,
  location: string,
  fragment: string,
): Promise<string> {
  const response = await request(access, location, {
    method: "PATCH",
    headers: { "Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*" },
    body: fragment,
  });
  return await response.text();
}

/** Leaves. `is_last_breath`: the page is going away, the browser finishes the request alone. */
export async function deleteJoin(
  access: RestAccess,
  location: string,
  is_last_breath: boolean,
): Promise<void> {
  await request(access, location, { method: "DELETE", keepalive: is_last_breath });
}

/** Ids of the links that this token made and that are good, newest first. Errors: the server's, SERVER_UNREACHABLE. */
export async function listJoinTokens(access: RestAccess, conference_id: string): Promise<string[]> {
  const found: string[] = [];
  let page_token = "";
  do {
    const query = new URLSearchParams({ page_size: "100" });
    if (page_token !== "") query.set("page_token", page_token);
    const response = await request(
      access,
      `/v1.0/conferences/${conference_id}/join_tokens?${query}`,
      { method: "GET" },
    );
    const page = (await response.json()) as {
      readonly result?: readonly { readonly id: string }[];
      readonly next_page_token?: string;
    };
    if (!page.result) {
      throw new Problem("ANSWER_INVALID", "The server's answer to the list of links is incomplete");
    }
    found.push(...page.result.map(({ id }) => id));
    page_token = page.next_page_token ?? "";
  } while (page_token !== "");
  return found;
}

/** Makes a link into a conference. Errors: the server's, SERVER_UNREACHABLE. */
export async function postJoinToken(
  access: RestAccess,
  conference_id: string,
  body: object,
): Promise<Invitation> {
  const response = await request(access, `/v1.0/conferences/${conference_id}/join_tokens`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = (await response.json()) as Partial<Invitation>;
  const { id, token, url } = answer;
  if (!id || !token || !url) {
    throw new Problem("ANSWER_INVALID", "The server's answer to the invitation is incomplete");
  }
  return { id, token, url };
}
