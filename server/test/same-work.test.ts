// What belongs to another customer costs the database exactly what an unknown id costs: the same statements with as many rows, so that time tells nothing.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { talkRoom } from "../src/domain/conference/index.ts";
import { createTalk } from "../src/domain/talk/index.ts";
import { messageRoutes } from "../src/http/messages.ts";
import { createManualClock } from "../src/kernel/clock.ts";
import type { ConferenceId } from "../src/kernel/id.ts";
import { newJoin } from "./attendance.ts";
import { type Rest, startRest } from "./rest.ts";

const unknown = "4833755c-f5d0-4bf2-a101-7d3a7e5e586f";
const nil = "00000000-0000-0000-0000-000000000000";
const heavy = { text: "x".repeat(60_000) };

let rest: Rest;
/** Statements of the request that is watched, with how many rows each gave. */
let seen: string[] | null = null;
const { query } = pg.Client.prototype;

before(async () => {
  rest = await startRest({
    // Nothing but the requests asks the database: no timer comes, and whoever was judged is not judged again.
    clock: createManualClock(),
    more_routes: (parts) =>
      messageRoutes({
        talk: createTalk({ ...parts, room: talkRoom, limits: { conference_messages_max: 1_000 } }),
      }),
  });
  pg.Client.prototype.query = function (this: pg.Client, ...given: unknown[]) {
    const told: unknown = Reflect.apply(query, this, given);
    const text = (given[0] as { text?: string }).text ?? String(given[0]);
    // Whether the database is alive is asked beside all requests.
    const into = text === "select 1" ? null : seen;
    const at = into?.push(text) ?? 0;
    if (into && told instanceof Promise) {
      told.then(
        ({ rowCount }: pg.QueryResult) => {
          into[at - 1] = `${text} gave ${rowCount}`;
        },
        () => undefined,
      );
    }
    return told;
  } as typeof query;
});
after(async () => {
  pg.Client.prototype.query = query;
  await rest?.close();
});

/** Everything that somebody has, and can be named in a path. */
async function belongings(token: string): Promise<Record<string, string>> {
  const ask = async (method: string, path: string, body?: object) => {
    const reply = await rest.ask(method, path, { token, ...(body ? { body } : {}) });
    assert.ok(reply.status < 300, `${method} ${path} ${reply.text}`);
    return reply.body;
  };
  const conference = (await ask("POST", "/v1.0/conferences", { type: "conference", data: heavy }))
    .id as ConferenceId;
  const path = `/v1.0/conferences/${conference}`;
  const join = await rest.conferences.conferencecalls.startJoining(
    await rest.authenticator.authenticate(token),
    newJoin(rest.ids, conference),
  );
  return {
    conferences: conference,
    conferencecalls: join.id,
    accesskeys: (await ask("POST", "/v1.0/accesskeys", {})).id,
    agents: (
      await ask("POST", "/v1.0/agents", {
        username: `agent-of-${conference}`,
        password: "long enough",
      })
    ).id,
    customers: (await ask("GET", "/v1.0/customer")).id,
    token_id: (await ask("POST", `${path}/join_tokens`, { name: "Ann" })).id,
    message_id: (await ask("POST", `${path}/messages`, { text: "hello" })).id,
  };
}

/** Bodies that are allowed, so that a request gets as far as its id. */
const bodies: Readonly<Record<string, object>> = {
  "POST /v1.0/conferences/{id}/messages": { text: "a word" },
  "PUT /v1.0/conferences/{id}": { name: "mine now", data: heavy },
};

test("a_foreign_id_costs_the_database_what_an_unknown_one_costs_on_every_route", async (t) => {
  const theirs = await belongings(rest.token);
  const token = await rest.otherCustomer("curious");
  const own = await belongings(token);
  const links = await rest.ask("POST", `/v1.0/conferences/${own["conferences"]}/join_tokens`, {
    token,
    body: { name: "Eve", role: "host" },
  });
  const key = await rest.ask("POST", "/v1.0/accesskeys", { token, body: {} });
  const callers = { log_in: token, link: links.body.token, access_key: key.body.token };

  let compared = 0;
  for (const { method, path } of rest.routes) {
    const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? "");
    if (names.length === 0) continue;
    const noun = path.split("/")[2] ?? "";
    assert.ok(noun in theirs, `nothing of this kind is made: ${path}`);
    // Each name in the path foreign while those before it are one's own.
    for (const [at, name] of names.entries()) {
      const fill = (id: string): string =>
        names.reduce((filled, one, place) => {
          const mine = own[place === 0 ? noun : one];
          return filled.replace(`{${one}}`, place < at ? (mine ?? nil) : place === at ? id : nil);
        }, path);
      const foreign = theirs[at === 0 ? noun : name];
      if (foreign === undefined) continue;
      for (const [who, credential] of Object.entries(callers)) {
        const body = bodies[`${method} ${path}`] ?? {};
        const watch = async (id: string) => {
          const statements: string[] = [];
          seen = statements;
          const reply = await rest.ask(method, fill(id), {
            token: credential,
            ...(method === "GET" || method === "DELETE" ? {} : { body }),
            headers: { "x-request-id": "same" },
          });
          seen = null;
          return { status: reply.status, text: reply.text, statements };
        };
        // Who asks is judged once; after that it is known.
        await watch(unknown);
        const what = `${method} ${path} with another's ${name}, asked by ${who}`;
        for (const is_kept of [false, true]) {
          if (noun === "conferences" && at === 0) {
            // Whether the owner has read it lately must make no difference either.
            await rest.ask("PUT", `/v1.0/conferences/${foreign}`, { body: { name: "changed" } });
            if (is_kept) await rest.ask("GET", `/v1.0/conferences/${foreign}`);
          }
          assert.deepEqual(await watch(foreign), await watch(unknown), what);
        }
        compared += 1;
      }
    }
  }
  t.diagnostic(`${compared} pairs compared`);
  assert.ok(compared >= 40, `${compared} pairs`);
});
