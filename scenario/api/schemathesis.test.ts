// schemathesis, a program that nobody here wrote, asks everything that our own description allows and much that it does not, as every
// kind of caller: no answer is a fault, none leaves the description, none repeats a secret. What it leaves out is said in schemathesis/.
// PARLEY_TEST_SEED replays a run; PARLEY_TEST_CALLER_S: seconds for each caller, with everything that schemathesis can do.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium_offer, offers } from "../../server/test/offers.ts";
import { type Parley, startParley } from "../harness/parley.ts";
import { needs_python, pythonEnvironment } from "../harness/python.ts";

const seed = Number(process.env["PARLEY_TEST_SEED"] ?? 20_261_126);
// Requests drawn for each operation and caller where no time is given.
const examples = 4;
const soak_s = Number(process.env["PARLEY_TEST_CALLER_S"] ?? 0);
const files = join(import.meta.dirname, "schemathesis");
const password = "a password of a test";
// Resources of each kind that may be ended in place of those that the run lives on.
const spares_count = 12;
const logins_count = 3;

type Path = Readonly<Record<string, string>>;
type Place = "none" | "header" | "cookie" | "token" | "accesskey";

/** What hooks.py is told. */
interface Given {
  readonly url: string;
  /** Where the caller has its credential; `token` and `accesskey` stand in the query. */
  readonly place: Place;
  readonly credential: string;
  /** Texts that no answer may hold. */
  readonly secrets: readonly string[];
  /** Values of path parameters that name something, by path. */
  readonly known: Readonly<Record<string, readonly Path[]>>;
  /** Ids of what must not be ended. */
  readonly kept: readonly string[];
  /** What is ended in its place. */
  readonly spares: {
    readonly [kind: string]: readonly ({ path: Path; credential?: string } | string)[];
  };
  readonly offers: readonly string[];
  /** Where it tells what was answered: statuses by operation. */
  readonly answered: string;
}

const { bin, prepare } = pythonEnvironment("schemathesis", join(files, "requirements.txt"));
let parley: Parley;
let folder: string;
before(async () => {
  if (needs_python.skip) return;
  folder = mkdtempSync(join(tmpdir(), "parley-schemathesis-"));
  [parley] = await Promise.all([
    startParley({
      PARLEY_LIMITS_AUTH_RATE: "0",
      PARLEY_LIMITS_REST_RATE: "0",
      PARLEY_LIMITS_JOIN_RATE: "0",
    }),
    prepare(),
  ]);
});
after(async () => {
  await parley?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** Asks as somebody; anything but 2xx is a fault of the test. */
async function ask<T = { id: string }>(
  token: string | null,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const reply = await fetch(parley.url + path, {
    method,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  assert.ok(reply.ok, `${method} ${path} answered ${reply.status}: ${text}`);
  return JSON.parse(text) as T;
}

const times = <T>(count: number, make: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => make(index)));

let customers = 0;
async function newCustomer(): Promise<{ id: string; username: string; token: string }> {
  customers += 1;
  const username = `customer-${customers}`;
  const { id } = await ask(parley.token, "POST", "/v1.0/customers", {
    ...{ name: username, username, password },
  });
  return { id, username, token: await logIn(username) };
}

const logIn = async (username: string): Promise<string> =>
  (await ask<{ token: string }>(null, "POST", "/auth/login", { username, password })).token;

interface Link {
  readonly id: string;
  readonly token: string;
}
const link = (token: string, conference_id: string, role: string): Promise<Link> =>
  ask<Link>(token, "POST", `/v1.0/conferences/${conference_id}/join_tokens`, { role });

/** A conference in which something has happened. */
async function conference(token: string) {
  const { id } = await ask(token, "POST", "/v1.0/conferences", { type: "conference" });
  const { id: message_id } = await ask(token, "POST", `/v1.0/conferences/${id}/messages`, {
    text: "hello",
  });
  const call = await newCall(token, id);
  return { id, message_id, call };
}

async function newCall(token: string, conference_id: string): Promise<string> {
  const { token: joining } = await link(token, conference_id, "member");
  const { conferencecall } = await ask<{ conferencecall: { id: string } }>(
    joining,
    "POST",
    `/v1.0/conferences/${conference_id}/conferencecalls`,
    { offer: chromium_offer },
  );
  return conferencecall.id;
}

/** What a customer has, and may lose. */
async function belongings(token: string) {
  const { id, message_id, call } = await conference(token);
  const agents = await ask<{ result: { id: string }[] }>(token, "GET", "/v1.0/agents");
  const newAgent = (index: number) =>
    ask(token, "POST", "/v1.0/agents", { username: `spare-${index}`, password });
  const newKey = () => ask<Link>(token, "POST", "/v1.0/accesskeys", {});
  const key = await newKey();
  const join_token = await link(token, id, "listener");
  const spares = {
    agents: (await times(logins_count, newAgent)).map(({ id: spare }) => ({ path: { id: spare } })),
    accesskeys: (await times(spares_count, newKey)).map(({ id: spare }) => ({
      path: { id: spare },
    })),
    conferences: (
      await times(spares_count, () =>
        ask(token, "POST", "/v1.0/conferences", { type: "conference" }),
      )
    ).map(({ id: spare }) => ({ path: { id: spare } })),
    join_tokens: (await times(spares_count, () => link(token, id, "member"))).map((spare) => ({
      path: { id, token_id: spare.id },
    })),
  };
  const own_agents = agents.result.map((agent) => ({ id: agent.id }));
  return {
    key,
    known: {
      ...ofConference({ id, message_id }),
      "/v1.0/conferences/{id}/join_tokens/{token_id}": [{ id, token_id: join_token.id }],
      "/v1.0/conferencecalls/{id}": [{ id: call }],
      "/v1.0/agents/{id}": own_agents,
      "/v1.0/accesskeys/{id}": [{ id: key.id }],
    },
    kept: [id, key.id, join_token.id, ...own_agents.map((agent) => agent.id)],
    spares,
  };
}

const ofConference = ({ id, message_id }: { id: string; message_id: string }) => ({
  ...Object.fromEntries(
    ["", "/join_tokens", "/events", "/conferencecalls", "/messages"].map((path) => [
      `/v1.0/conferences/{id}${path}`,
      [{ id }],
    ]),
  ),
  "/v1.0/conferences/{id}/messages/{message_id}": [{ id, message_id }],
  "/v1.0/conferences/{id}/messages/{message_id}/reactions": [{ id, message_id }],
  "/v1.0/conferences/{id}/messages/{message_id}/reactions/{emoji}": [
    { id, message_id, emoji: "👍" },
  ],
});

/** A log-in or access key of a customer. */
async function asCustomer(place: Place, is_super = false): Promise<Given> {
  const customer = is_super ? null : await newCustomer();
  const token = customer?.token ?? parley.token;
  const { key, known, kept, spares } = await belongings(token);
  const own = await ask(token, "GET", "/v1.0/customer");
  // A customer of its own logs out: the tokens of one that is super are not ours to end.
  const logins = await times(logins_count, async () =>
    customer ? logIn(customer.username) : (await newCustomer()).token,
  );
  return {
    url: parley.url,
    place,
    credential: place === "accesskey" ? key.token : token,
    secrets: [token, key.token, password, parley.token, ...logins],
    known: { ...known, "/v1.0/customers/{id}": [{ id: own.id }] },
    kept,
    spares: { ...spares, logins },
    ...about(),
  };
}

/** A join token of a role. */
async function asPerson(place: Place, role: "host" | "member" | "listener"): Promise<Given> {
  const { token } = await newCustomer();
  const { id, message_id, call } = await conference(token);
  const own = await link(token, id, role);
  const made = role === "host" ? await link(own.token, id, "member") : await link(token, id, role);
  const conferences = await times(spares_count, async () => {
    const spare = await ask(token, "POST", "/v1.0/conferences", { type: "conference" });
    return { path: { id: spare.id }, credential: (await link(token, spare.id, role)).token };
  });
  const join_tokens = await times(spares_count, async () => ({
    path: { id, token_id: (await link(role === "host" ? own.token : token, id, "listener")).id },
  }));
  return {
    url: parley.url,
    place,
    credential: own.token,
    secrets: [own.token, made.token, token, password],
    known: {
      ...ofConference({ id, message_id }),
      "/v1.0/conferences/{id}/join_tokens/{token_id}": [{ id, token_id: made.id }],
      "/v1.0/conferencecalls/{id}": [{ id: call }],
    },
    kept: [id, own.id, made.id],
    spares: {
      conferences,
      join_tokens,
      logins: conferences.map(({ credential }) => credential),
    },
    ...about(),
  };
}

let files_count = 0;
const about = () => {
  files_count += 1;
  return {
    offers: Object.values(offers),
    answered: join(folder, `answered-${files_count}.json`),
  };
};

async function asNobody(): Promise<Given> {
  const given = await asCustomer("header");
  return { ...given, place: "none" };
}

// Operations that may get no success: a password is not drawn, who does not connect is gone before a PATCH, and so on.
const unlucky_max = 6;
// Operations that somebody was answered with success.
const succeeded = new Set<string>();

/** Lets schemathesis ask as this caller. Gives what it says when all is well. */
async function examine(
  name: string,
  given: Given,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const told_by = join(folder, `${name}.json`);
  writeFileSync(told_by, JSON.stringify(given), { mode: 0o600 });
  const child = spawn(
    join(bin, "schemathesis"),
    [
      ...["--config-file", join(files, "schemathesis.toml")],
      ...["run", `${parley.url}/v1.0/openapi.json`],
      ...["--seed", String(seed), "--no-color", ...args],
    ],
    {
      // It keeps a folder where it runs.
      cwd: folder,
      env: {
        ...process.env,
        SCHEMATHESIS_HOOKS: join(files, "hooks.py"),
        PARLEY_SCHEMATHESIS: told_by,
        PYTHONDONTWRITEBYTECODE: "1",
        PYTHONHASHSEED: "0",
        PYTHONUTF8: "1",
      },
      stdio: ["ignore", "pipe", "pipe"],
      signal,
    },
  );
  let told = "";
  for (const output of [child.stdout, child.stderr]) {
    output.setEncoding("utf8").on("data", (text: string) => {
      told += text;
    });
  }
  const code = await new Promise<number | null>((done, fail) => {
    child.once("error", fail).once("close", done);
  });
  assert.equal(code, 0, `PARLEY_TEST_SEED=${seed} replays this:\n${told}`);
  const statuses = JSON.parse(readFileSync(given.answered, "utf8")) as Record<string, number[]>;
  for (const [operation, some] of Object.entries(statuses)) {
    if (some.some((status) => status < 300)) succeeded.add(operation);
  }
  return told;
}

// Boundaries of each value and what follows from what take longest, and differ between customers and people; drawn requests do for all.
type Phase = "coverage" | "fuzzing" | "stateful";
const callers: Readonly<Record<string, [make: () => Promise<Given>, phases: readonly Phase[]]>> = {
  nobody: [asNobody, ["fuzzing"]],
  a_super_admin: [() => asCustomer("header", true), ["fuzzing"]],
  a_log_in: [() => asCustomer("token"), ["coverage", "fuzzing", "stateful"]],
  a_cookie: [() => asCustomer("cookie"), ["fuzzing"]],
  an_access_key: [() => asCustomer("accesskey"), ["fuzzing"]],
  a_host: [() => asPerson("header", "host"), ["coverage", "fuzzing"]],
  a_member: [() => asPerson("token", "member"), ["fuzzing", "stateful"]],
  a_listener: [() => asPerson("header", "listener"), ["fuzzing"]],
};

// How requests are drawn. `soak` is everything that schemathesis can do, until the time is up.
const ways: Readonly<Record<Phase | "soak", { words: string; args: readonly string[] }>> = {
  coverage: { words: "at_the_boundaries_of_values", args: ["--phases", "coverage"] },
  fuzzing: {
    words: "by_chance",
    args: ["--phases", "fuzzing", "--max-examples", String(examples)],
  },
  stateful: {
    words: "in_what_follows_from_answers",
    args: ["--phases", "stateful", "--max-examples", String(examples)],
  },
  soak: { words: "for_long", args: ["--max-time", String(soak_s)] },
};

// A caller takes half a minute on a machine to itself, and many times that beside others.
const caller_timeout_ms = 300_000 + soak_s * 1_000;
for (const [name, [make, phases]] of Object.entries(callers)) {
  for (const way of soak_s > 0 ? (["soak"] as const) : phases) {
    const title = `no_answer_to_${name}_is_wrong_${ways[way].words}`;
    test(title, { ...needs_python, timeout: caller_timeout_ms }, async (t) => {
      const told = await examine(`${name}-${way}`, await make(), ways[way].args, t.signal);
      t.diagnostic(`seed ${seed}: ${/\d+ generated.*/.exec(told)?.[0]}`);
    });
  }
}

test("nearly_every_operation_did_for_somebody_what_it_is_for", needs_python, async () => {
  const { paths } = await ask<{ paths: Record<string, Record<string, { operationId: string }>> }>(
    null,
    "GET",
    "/v1.0/openapi.json",
  );
  const all = Object.values(paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  );
  const unlucky = all.filter((operation) => !succeeded.has(operation));
  assert.ok(unlucky.length <= unlucky_max, `nobody succeeded with ${unlucky.join(", ")}`);
});
