// Handshakes that never end, on a real server with TLS: each is destroyed in time, and its descriptor is free.
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { get } from "node:https";
import { connect, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { createHttp, type Http } from "../src/http/index.ts";
import { readConfig } from "../src/kernel/config.ts";
import { limits } from "../src/kernel/limits.ts";
import { silentLog } from "../src/kernel/log.ts";
import { makeKey, selfSigned } from "../src/startup/self-signed.ts";
import { type Rest, startRest, test_secret } from "./rest.ts";

const day_ms = 86_400_000;
let rest: Rest;
let http: Http;
let port: number;
let cert: string;
before(async () => {
  rest = await startRest();
  const key = makeKey();
  cert = selfSigned({
    key,
    names: ["localhost", "127.0.0.1"],
    serial: Buffer.from([1]),
    not_before_ms: Date.now() - day_ms,
    not_after_ms: Date.now() + day_ms,
  });
  const { clock, ids, store, authenticator, customers, routes } = rest;
  http = await createHttp({
    ...{ clock, ids, store, authenticator, customers, routes },
    config: readConfig({ argv: [], env: { PARLEY_HTTP_PORT: "0" }, file: () => null }).config,
    log: silentLog(),
    secret: test_secret,
    tls: { cert, key },
    conferenceId: (_, id) => id,
    callerByKey: rest.conferences.conferencecalls.callerByKey,
    isDraining: () => false,
    health: async () => ({ ok: true, parts: {} }),
    metrics: { text: async () => "", answered: () => undefined },
    pages: null,
    sdk: null,
  });
  port = Number(new URL(await http.listen()).port);
});
after(async () => {
  await http?.close();
  await rest?.close();
});

const dial = async (): Promise<Socket> => {
  // Whoever wants to harm does not answer an end with an end.
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  socket.on("error", () => socket.destroy());
  return socket;
};

/** What a client says first, and what it says in answer to a server where it hears one. */
function beginHandshake(socket: Socket, hears: boolean): void {
  const wire = new Duplex({
    read: () => undefined,
    write(chunk, _encoding, done) {
      socket.write(chunk);
      done();
    },
  });
  if (hears) socket.on("data", (chunk) => wire.push(chunk));
  const client = connectTls({ socket: wire, ca: cert, host: "127.0.0.1" });
  client.on("error", () => socket.destroy());
}

const open = (): Promise<number> =>
  new Promise((done, fail) =>
    http.server.getConnections((error, count) => (error ? fail(error) : done(count))),
  );
const descriptors = (): number | null =>
  existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : null;

const answered = (): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    get({ host: "127.0.0.1", port, path: "/ping", ca: cert, agent: false }, (reply) => {
      reply.resume().once("end", () => resolve(reply.statusCode));
    }).on("error", reject);
  });

test("a_handshake_that_never_ends_is_destroyed_in_time_and_its_descriptor_is_free", async (t) => {
  assert.equal(await answered(), 200);
  while ((await open()) > 0) await new Promise((done) => setTimeout(done, 10));
  const before_it = descriptors();
  const each = 20;
  const sockets: Socket[] = [];
  const timers: NodeJS.Timeout[] = [];
  t.after(() => {
    for (const timer of timers) clearInterval(timer);
    for (const socket of sockets) socket.destroy();
  });
  const began = performance.now();
  for (let count = 0; count < each; count += 1) {
    const [silent, half, deaf, finished] = [await dial(), await dial(), await dial(), await dial()];
    sockets.push(silent, half, deaf, finished);
    // A record that says it is longer than what comes, a byte at a time.
    half.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]));
    timers.push(setInterval(() => half.write(Buffer.from([0])), 500));
    // Says hello and hears nothing.
    beginHandshake(deaf, false);
    // Ends the handshake, and never asks anything.
    beginHandshake(finished, true);
  }
  assert.equal(await open(), sockets.length);
  assert.equal(await answered(), 200, "others are served meanwhile");
  const late_ms =
    limits.tls_handshake_timeout_ms +
    limits.header_timeout_ms +
    limits.slow_sender_check_interval_ms +
    limits.close_grace_ms +
    5_000;
  while ((await open()) > 0) {
    assert.ok(performance.now() - began < late_ms, `${await open()} are still there`);
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.ok(performance.now() - began >= limits.tls_handshake_timeout_ms - 50, "slow is not dead");
  for (const timer of timers) clearInterval(timer);
  for (const socket of sockets) socket.destroy();
  await Promise.all(sockets.map((socket) => (socket.closed ? undefined : once(socket, "close"))));
  const after_it = descriptors();
  if (before_it !== null && after_it !== null) {
    t.diagnostic(`${before_it} descriptors before, ${after_it} after`);
    assert.ok(after_it <= before_it + 4, `${before_it} descriptors before, ${after_it} after`);
  }
});
