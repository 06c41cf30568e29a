// A program that speaks lines of JSON (python/far_end.py says which) as somebody who joins.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import type { TestContext } from "node:test";
import { until } from "../harness/parley.ts";
import type { FarEnd, Variant } from "./client.ts";

/** What one says about itself. */
export interface Event {
  readonly event: string;
  readonly status?: number;
  readonly type?: string;
  readonly location?: string;
  readonly text?: string;
  readonly state?: string;
  readonly db?: Record<string, number>;
  readonly color?: string;
  /** Of programs that receive on several lines: which one, and what its packets say. */
  readonly mid?: string;
  readonly kind?: string;
  readonly ssrc?: number;
  readonly mid_in_packets?: string;
}

/** A far end whose program can be looked into. */
export interface ProgramEnd extends FarEnd {
  tones(): readonly number[];
  pictures(color: string): number;
  readonly events: readonly Event[];
  say(word: string): void;
}

// A tone is sent at -12 dB of full scale; the onset of one leaks a little into another's probe.
const audible_db = -30;
const start_ms = 30_000;

/** A program that runs, before anybody knows whether it was answered. */
type Program = Omit<ProgramEnd, "location" | "answer">;

/** Starts the program; it ends with the test. `leaves` is what its `leave` does. */
export function startProgram(
  t: TestContext,
  [program, ...words]: readonly [string, ...string[]],
  settings: object,
  leaves: Variant["leaves"],
): Program {
  const child = spawn(program, [...words, JSON.stringify(settings)]);
  const events: Event[] = [];
  const log: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) =>
    events.push(JSON.parse(line) as Event),
  );
  createInterface({ input: child.stderr }).on("line", (line) => log.push(line));
  // Whoever is killed cannot read any more.
  child.stdin.on("error", (reason) => log.push(String(reason)));
  t.after(() => end(child));
  // Once it has left its end is its own affair.
  let is_leaving = false;
  const is =
    (...wanted: readonly string[]) =>
    (): boolean => {
      if (!is_leaving && child.exitCode !== null) throw new Error(`it ended: ${log.join("\n")}`);
      return events.some(({ state = "" }) => wanted.includes(state));
    };
  return {
    events,
    isConnected: is("connected"),
    // In some the connection's own state stays when the far side closes it, and only that of its keys goes on.
    isClosed: is("closed", "dtls closed"),
    tones() {
      const { db = {} } = events.findLast(({ event }) => event === "heard") ?? {};
      return Object.keys(db)
        .map(Number)
        .filter((tone_hz) => (db[tone_hz] ?? -200) > audible_db);
    },
    pictures: (color) => events.filter((event) => event.color === color).length,
    say: (word) => child.stdin.write(`${word}\n`),
    async leave() {
      is_leaving = true;
      if (leaves === "vanishes") return end(child, "SIGKILL");
      if (leaves === "closes") return end(child);
      child.stdin.write("leave\n");
      const left = await until("DELETE is answered", () =>
        events.find(({ event }) => event === "left"),
      );
      assert.equal(left.status, 200);
    },
  };
}

/** Starts a program that tells its answer, and waits for it; a refusal throws. */
export async function startFarEnd(
  t: TestContext,
  command: readonly [string, ...string[]],
  settings: object,
  leaves: Variant["leaves"],
): Promise<ProgramEnd> {
  const program = startProgram(t, command, settings, leaves);
  const answered = await until(
    `${command.at(-1)} was answered`,
    () => {
      program.isConnected();
      return program.events.find(({ event }) => event === "answered");
    },
    start_ms,
  );
  assert.deepEqual([answered.status, answered.type], [201, "application/sdp"], answered.text ?? "");
  return { ...program, location: answered.location ?? "", answer: answered.text ?? "" };
}

// The end of its input ends it; who does not go then is ended.
async function end(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  if (signal) child.kill(signal);
  child.stdin?.end();
  const late = setTimeout(() => child.kill("SIGKILL"), 5_000);
  await gone;
  clearTimeout(late);
}
