// What another customer notices while something happens: they ask from a process of their own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Parley } from "../harness/parley.ts";

/** 99th percentiles of how long answers took. */
export interface Noticed {
  /** Of another customer's requests. */
  readonly p99_ms: number;
  /** Of files, for which the server needs a thread of the pool. */
  readonly file_p99_ms: number;
  /** Of requests to a server that does nothing, at the same time. */
  readonly machine_p99_ms: number;
}

/** Another customer: their token, and a conference of theirs. */
export interface Bystander {
  readonly token: string;
  readonly conference_id: string;
}

// A request passes the bystander, the server, the database and comes back; each may wait for the machine. A file is looked
// for, opened, read and closed, each in the pool and back.
const hops = 4;
const file_hops = 8;

/** Makes a customer with a conference. */
export async function addBystander(parley: Parley): Promise<Bystander> {
  const login = { username: "bystander", password: "a password of a bystander" };
  await parley.api("POST", "/v1.0/customers", { name: "Bystander", ...login });
  const reply = await fetch(`${parley.url}/auth/login`, {
    method: "POST",
    body: JSON.stringify(login),
  });
  const { token } = (await reply.json()) as { token: string };
  const made = await fetch(`${parley.url}/v1.0/conferences`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
    body: JSON.stringify({ type: "conference" }),
  });
  return { token, conference_id: ((await made.json()) as { id: string }).id };
}

/** Runs something while the bystander asks. Errors: they were answered anything but 2xx, or `run` failed. */
export async function askMeanwhile(
  parley: Parley,
  { token, conference_id }: Bystander,
  run: () => Promise<unknown>,
): Promise<Noticed> {
  const process_of_theirs = spawn(
    process.execPath,
    ["scenario/attack/bystander.ts", parley.url, `/v1.0/conferences/${conference_id}`, token],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const over = new AbortController();
  const told = once(createInterface({ input: process_of_theirs.stdout }), "line", {
    signal: over.signal,
  }) as Promise<[string]>;
  // They end early only where they were refused; what they were told is on standard error.
  process_of_theirs.once("exit", () => setImmediate(() => over.abort(new Error("they gave up"))));
  try {
    await run();
  } finally {
    process_of_theirs.stdin.end();
  }
  const [line] = await told;
  return JSON.parse(line) as Noticed;
}

/** That nobody was kept waiting for longer than `p99_ms_max` and what the machine itself adds. */
export function assertUnharmed(
  { p99_ms, file_p99_ms, machine_p99_ms }: Noticed,
  p99_ms_max = 100,
): void {
  for (const [what, took_ms, waits] of [
    ["another customer", p99_ms, hops],
    ["a file", file_p99_ms, file_hops],
  ] as const) {
    if (took_ms < p99_ms_max + waits * machine_p99_ms) continue;
    throw new Error(
      `p99 of ${what} ${took_ms} ms where the machine itself takes ${machine_p99_ms} ms`,
    );
  }
}
