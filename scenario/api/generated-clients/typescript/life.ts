// The whole life of a conference by openapi-fetch with the types that openapi-typescript makes of our description. Tells what came of it.
import createClient from "openapi-fetch";
import type { components, paths } from "./parley.d.ts";

interface Given {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly offer: string;
}
declare const process: { readonly argv: string[]; readonly stdout: { write(text: string): void } };

type Event = components["schemas"]["Event"];

const { url, username, password, offer } = JSON.parse(process.argv[2] ?? "") as Given;
const as = (token: string) =>
  createClient<paths>({ baseUrl: url, headers: { authorization: `Bearer ${token}` } });

/** What is there only when all went well. */
function there<T>({ data, error }: { data?: T; error?: components["schemas"]["Problem"] }): T {
  if (error) throw new Error(`${error.error.reason}: ${error.error.message}`);
  if (data === undefined) throw new Error("neither an answer nor a problem");
  return data;
}
const reasonOf = ({ error }: { error?: components["schemas"]["Problem"] }) => error?.error.reason;

const { token } = there(await as("").POST("/auth/login", { body: { username, password } }));
const client = as(token);
const conference = there(
  await client.POST("/v1.0/conferences", {
    body: { type: "conference", name: "made by TypeScript" },
  }),
);
const path = { id: conference.id };
const link = there(
  await client.POST("/v1.0/conferences/{id}/join_tokens", {
    params: { path },
    body: { name: "Ada", role: "member" },
  }),
);
const person = as(link.token);
const join = () =>
  person.POST("/v1.0/conferences/{id}/conferencecalls", { params: { path }, body: { offer } });
// SDP answers SDP, JSON answers JSON.
const joined = there(await join());
if (typeof joined === "string") throw new Error("JSON was answered with SDP");
const call = joined.conferencecall;
const calls = there(
  await client.GET("/v1.0/conferencecalls", {
    params: { query: { conference_id: conference.id } },
  }),
);
const message = there(
  await client.POST("/v1.0/conferences/{id}/messages", {
    params: { path },
    body: { text: "hello" },
  }),
);
const messages = there(await client.GET("/v1.0/conferences/{id}/messages", { params: { path } }));
const kicked = there(
  await client.DELETE("/v1.0/conferencecalls/{id}", { params: { path: { id: call.id } } }),
);
const refused = await join();
const missing = await client.GET("/v1.0/conferencecalls/{id}", { params: { path } });
const stranger = await as("no token").GET("/v1.0/conferences/{id}", { params: { path } });

const events: Event[] = [];
for (let after: number | null = 0; after !== null; ) {
  const page: components["schemas"]["EventPage"] = there(
    await client.GET("/v1.0/conferences/{id}/events", {
      params: { path, query: { after, limit: 2 } },
    }),
  );
  events.push(...page.result);
  after = page.next_after;
}
const ended = there(await client.DELETE("/v1.0/conferences/{id}", { params: { path } }));
const first = there(
  await client.GET("/v1.0/conferences", { params: { query: { page_size: 1, status: "all" } } }),
);

const told = {
  conference: [conference.name, conference.status],
  link: link.url.startsWith(`${url}/meet/`),
  answer: joined.answer.startsWith("v=0"),
  calls: calls.result.filter(({ id }) => id === call.id).map(({ name, role }) => [name, role]),
  messages: messages.result.filter(({ id }) => id === message.id).map(({ text }) => text),
  kicked: kicked.leave_reason,
  refused: [refused, missing, stranger].map(reasonOf),
  events: events.map(({ type }) => type),
  ended: ["terminating", "terminated"].includes(ended.status),
  first: first.result[0]?.id === conference.id,
};
process.stdout.write(`${JSON.stringify(told)}\n`);
