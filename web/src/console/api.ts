// The REST API as the console uses it.
import { type Conference, type Conferencecall, type JournalEvent, Problem } from "@parley/client";

/** A page of a list. */
export interface Page<Item> {
  readonly result: readonly Item[];
  readonly next_page_token: string;
}

/** An access key as it is listed; `token` only right after it was created. */
export interface Accesskey {
  readonly id: string;
  readonly name: string;
  readonly detail: string;
  readonly token_prefix: string;
  readonly tm_create: string;
  readonly tm_expire: string;
  readonly token?: string;
}

/** A journal event with its number. */
export interface NumberedEvent extends JournalEvent {
  readonly seq: number;
}

/** A link for one person. */
export interface JoinLink {
  readonly token: string;
  readonly url: string;
}

/** What one looks for in the list of conferences. */
export interface ConferenceFilter {
  readonly status: string;
  readonly type: string;
  /** Part of name, detail or id. */
  readonly text: string;
  /** Days as `YYYY-MM-DD`, of the reader's own time; both count. */
  readonly from: string;
  readonly until: string;
}

/** Calls of one log-in. Errors of each: the server's refusals, SERVER_UNREACHABLE. */
export interface Api {
  readonly token: string;
  /** The token was refused elsewhere, e.g. by a socket: the same as a call that answers 401. */
  refused(): void;
  conferences(filter: ConferenceFilter, page_token?: string): Promise<Page<Conference>>;
  conference(id: string): Promise<Conference>;
  createConference(given: {
    readonly name: string;
    readonly detail: string;
    readonly type: string;
    readonly timeout: number;
  }): Promise<Conference>;
  endConference(id: string): Promise<Conference>;
  kick(conferencecall_id: string): Promise<Conferencecall>;
  /** The whole journal after `seq`, page by page. */
  events(id: string, seq: number): Promise<NumberedEvent[]>;
  createLink(
    id: string,
    given: { readonly name: string; readonly role: string; readonly expires_in: number },
  ): Promise<JoinLink>;
  accesskeys(): Promise<Page<Accesskey>>;
  createAccesskey(given: { readonly name: string; readonly expire: number }): Promise<Accesskey>;
  deleteAccesskey(id: string): Promise<Accesskey>;
}

/** Items of one page of a list, and events of one page. */
const page_sizes = { list: 100, events: 500 };

/** Makes the calls of a log-in. `refused` is told when the token is not accepted (any more). */
export function createApi(token: string, refused: () => void): Api {
  const call = async <Answer>(method: string, path: string, body?: object): Promise<Answer> => {
    try {
      return await ask<Answer>(method, `/v1.0${path}`, body, token);
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.http === 401) refused();
      throw thrown;
    }
  };
  const query = (values: Record<string, string | number>): string => {
    const given = Object.entries(values).filter(([, value]) => value !== "");
    return given.length === 0
      ? ""
      : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`;
  };
  return {
    token,
    refused,
    conferences: ({ status, type, text, from, until }, page_token = "") =>
      call(
        "GET",
        `/conferences${query({
          ...{ status, type, search: text.trim(), page_size: page_sizes.list, page_token },
          ...{ created_from: beginOf(from, 0), created_to: beginOf(until, 1) },
        })}`,
      ),
    conference: (id) => call("GET", `/conferences/${id}`),
    createConference: (given) => call("POST", "/conferences", given),
    endConference: (id) => call("DELETE", `/conferences/${id}`),
    kick: (id) => call("DELETE", `/conferencecalls/${id}`),
    async events(id, seq) {
      const found: NumberedEvent[] = [];
      let after: number | null = seq;
      while (after !== null) {
        const page: { result: NumberedEvent[]; next_after: number | null } = await call(
          "GET",
          `/conferences/${id}/events${query({ after, limit: page_sizes.events })}`,
        );
        found.push(...page.result);
        after = page.next_after;
      }
      return found;
    },
    createLink: (id, given) => call("POST", `/conferences/${id}/join_tokens`, given),
    accesskeys: () => call("GET", `/accesskeys${query({ page_size: page_sizes.list })}`),
    createAccesskey: (given) => call("POST", "/accesskeys", given),
    deleteAccesskey: (id) => call("DELETE", `/accesskeys/${id}`),
  };
}

/** The begin of a day, or of one that many days later, as the server reads times; "" for no day. */
function beginOf(day: string, days_later: number): string {
  const at = new Date(`${day}T00:00:00`);
  if (day === "" || Number.isNaN(at.getTime())) return "";
  at.setDate(at.getDate() + days_later);
  return at.toISOString();
}

/** Logs in. Errors: INVALID_CREDENTIALS, RATE_LIMIT_EXCEEDED, SERVER_UNREACHABLE. */
export function logIn(
  username: string,
  password: string,
): Promise<{ readonly username: string; readonly token: string }> {
  return ask("POST", "/auth/login", { username, password }, null);
}

/** Ends the log-in on the server. Errors: SERVER_UNREACHABLE. */
export async function logOut(token: string): Promise<void> {
  try {
    await ask("POST", "/auth/logout", {}, token);
  } catch (thrown) {
    // What is not accepted (any more) is over already.
    if (!(thrown instanceof Problem && thrown.http === 401)) throw thrown;
  }
}

async function ask<Answer>(
  method: string,
  path: string,
  body: object | undefined,
  token: string | null,
): Promise<Answer> {
  let reply: Response;
  let text: string;
  try {
    reply = await fetch(path, {
      method,
      headers: {
        ...(body ? { "content-type": "application/json" } : {}),
        ...(token ? { authorization: `Bearer ${token}` } : {}),
      },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    text = await reply.text();
  } catch (thrown) {
    throw new Problem("SERVER_UNREACHABLE", "The server does not answer", { cause: thrown });
  }
  const answer = parse(text);
  if (reply.ok && answer !== null) return answer as Answer;
  const error = (
    answer as {
      error?: { reason?: string; message?: string; request_id?: string; details?: [] };
    } | null
  )?.error;
  throw new Problem(
    error?.reason ?? "ANSWER_INVALID",
    error?.message ?? `The server answered ${reply.status} with something else than JSON`,
    {
      http: reply.status,
      request_id: error?.request_id ?? reply.headers.get("x-request-id") ?? "",
      details: error?.details ?? [],
    },
  );
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not JSON: a proxy's page, for example. The caller says so.
    return null;
  }
}
