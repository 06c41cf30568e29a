// Clients that three generators make of the description that a server gives of itself: each compiles and lives the whole life of a
// conference, and all three tell the same of it. Their versions are fixed in generated-clients/.
import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { chromium_offer } from "../../server/test/offers.ts";
import { type Parley, startParley } from "../harness/parley.ts";
import { needs_python, pythonEnvironment } from "../harness/python.ts";

const run = promisify(execFile);
const sources = join(import.meta.dirname, "generated-clients");
const has_go = spawnSync("go", ["list", "-m"], { cwd: join(sources, "go") }).status === 0;
const needs_go = {
  skip:
    !has_go && process.env["CI"] !== "true"
      ? "Go is not installed: tools/setup-system installs it"
      : false,
};
// The generator in Go and all that it needs are compiled the first time.
const slow_ms = 400_000;

let parley: Parley;
let folder: string;
let login: { readonly username: string; readonly password: string };
before(async () => {
  folder = mkdtempSync(join(tmpdir(), "parley-clients-"));
  parley = await startParley();
  login = { username: "developer", password: "a password of a developer" };
  await parley.api("POST", "/v1.0/customers", { name: "Developer", ...login });
  const reply = await fetch(`${parley.url}/v1.0/openapi.json`);
  writeFileSync(join(folder, "openapi.json"), await reply.text());
});
after(async () => {
  await parley?.stop();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

/** A copy of a language's sources, into which is generated. */
function workshop(language: string): string {
  const place = join(folder, language);
  cpSync(join(sources, language), place, { recursive: true });
  return place;
}

/** Runs a program to its end and gives both outputs; they are in the failure, too. */
async function made(
  place: string,
  env: NodeJS.ProcessEnv,
  program: string,
  ...args: string[]
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await run(program, args, {
      cwd: place,
      env: { ...process.env, ...env },
      maxBuffer: 2 ** 24,
    });
  } catch (failed) {
    const { stdout = "", stderr = "" } = failed as { stdout?: string; stderr?: string };
    throw new Error(`${program} ${args.join(" ").slice(0, 200)}:\n${stdout}\n${stderr}`, {
      cause: failed,
    });
  }
}

const given = (): string => JSON.stringify({ url: parley.url, ...login, offer: chromium_offer });

function assertLife({ stdout }: { stdout: string }, language: string): void {
  const { events, ...life } = JSON.parse(stdout) as { events: string[] };
  assert.deepEqual(life, {
    conference: [`made by ${language}`, "progressing"],
    link: true,
    answer: true,
    calls: [["Ada", "member"]],
    messages: ["hello"],
    kicked: "kicked",
    refused: ["TOKEN_REVOKED", "CONFERENCECALL_NOT_FOUND", "AUTHENTICATION_REQUIRED"],
    ended: true,
    first: true,
  });
  // The media side confirms a kick a moment later.
  assert.deepEqual(
    events.filter((type) => type !== "conferencecall_leaved" && type !== "call_hangup"),
    [
      "conference_created",
      "call_created",
      "conferencecall_joining",
      "conference_message_created",
      "conferencecall_leaving",
    ],
  );
}

test("a_client_in_typescript_lives_the_whole_life", { timeout: slow_ms }, async () => {
  const place = workshop("typescript");
  await made(place, {}, "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund");
  const bin = join(place, "node_modules", ".bin");
  await made(place, {}, join(bin, "openapi-typescript"), "../openapi.json", "-o", "parley.d.ts");
  await made(place, {}, join(bin, "tsc"), "-p", ".");
  assertLife(await made(place, {}, process.execPath, "life.ts", given()), "TypeScript");
});

test("a_client_in_python_lives_the_whole_life", { ...needs_python, timeout: slow_ms }, async () => {
  const place = workshop("python");
  const { bin, python, prepare } = pythonEnvironment(
    "generated-client",
    join(place, "requirements.txt"),
  );
  await prepare();
  const env = {
    PATH: `${bin}${delimiter}${process.env["PATH"]}`,
    PYTHONPATH: join(place, "client"),
  };
  const generator = join(bin, "openapi-python-client");
  const path = ["--path", "../openapi.json", "--output-path", "client"];
  const { stderr } = await made(place, env, generator, "generate", ...path);
  // It makes no methods for bodies of SDP; the JSON form has one.
  assert.deepEqual(
    [...stderr.matchAll(/WARNING.*?\n\n(.*?)\n/gs)].map(([, why]) => why).toSorted(),
    [
      "Unsupported content type application/sdp",
      "Unsupported content type application/trickle-ice-sdpfrag",
    ],
    stderr,
  );
  assertLife(await made(place, env, python, "life.py", given()), "Python");
});

test("a_client_in_go_lives_the_whole_life", { ...needs_go, timeout: slow_ms }, async () => {
  const place = workshop("go");
  // As the other program in Go is built, so that what both need is compiled once.
  const env = { CGO_ENABLED: "0", GOFLAGS: "-mod=readonly" };
  await made(place, env, "go", "tool", "oapi-codegen", "-config", "config.yaml", "../openapi.json");
  const program = join(place, "life");
  await made(place, env, "go", "build", "-o", program, ".");
  assertLife(await made(place, env, program, given()), "Go");
});
