// Five thousand clients that send, read and end as slowly as they can: everybody else is answered, and afterwards every descriptor is free.
// Runs alone: takes most of the descriptors that a process may have.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { after, before, test } from "node:test";
import { limits } from "../../server/src/kernel/limits.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";
import { addBystander, askMeanwhile, assertUnharmed, type Bystander } from "./meanwhile.ts";
import { descriptors } from "./programs.ts";

const clients = 5_000;
/** One address may have `limits.connections_per_address_max`, so these come from several. */
const addresses = 10;
/** Thousands of connections are taken within seconds, on the cores on which they are made. */
const p99_ms_max = 1_000;
const dialing_at_once = 500;
/** Of so many clients one has large answers sent and reads none: what waits for each fills buffers of the system, megabytes. */
const one_deaf_of = 50;

const descriptors_max = (() => {
  const line = /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return Number(line?.[1] ?? Number.POSITIVE_INFINITY);
})();

let parley: Parley;
let other: Bystander;
before(async () => {
  parley = await startParley();
  other = await addBystander(parley);
});
after(() => parley?.stop());

type Way = (socket: Socket, host: string) => void;

/** Sends a bit every so often, for as long as the other side takes it. */
const drip = (socket: Socket, text: string): void => {
  const timer = setInterval(() => socket.write(text), 1_000);
  socket.once("close", () => clearInterval(timer));
};

const ways = {
  says_nothing: () => undefined,
  sends_its_head_bit_by_bit(socket, host) {
    socket.write(`GET /ping HTTP/1.1\r\nHost: ${host}\r\n`);
    drip(socket, "X-Slow: x\r\n");
  },
  sends_its_body_bit_by_bit(socket, host) {
    socket.write(`POST /auth/login HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 200000\r\n\r\n`);
    drip(socket, " ");
  },
  never_ends_its_upgrade(socket, host) {
    socket.write(
      `GET /v1.0/ws HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n`,
    );
  },
} satisfies Readonly<Record<string, Way>>;

const readNoneOfManyAnswers: Way = (socket, host) => {
  socket.write(`GET /v1.0/openapi.json HTTP/1.1\r\nHost: ${host}\r\n\r\n`.repeat(50));
};

function dial(port: number, count: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: "127.0.0.1",
      localAddress: `127.0.1.${1 + (count % addresses)}`,
      // Whoever wants to harm does not answer an end with an end.
      allowHalfOpen: true,
    });
    socket.once("error", reject);
    socket.once("connect", () => {
      socket.off("error", reject).on("error", () => socket.destroy());
      socket.pause();
      resolve(socket);
    });
  });
}

test("five_thousand_slow_clients_keep_nobody_waiting_and_leave_no_descriptor_behind", {
  skip:
    process.platform !== "linux"
      ? "needs many loopback addresses and /proc"
      : descriptors_max < 2 * clients
        ? `only ${descriptors_max} descriptors for a process: ulimit -Hn`
        : false,
  timeout: 300_000,
}, async (t) => {
  const { port, host } = new URL(parley.url);
  // The pool of the database opens what it needs.
  const ask = () => parley.api("GET", "/v1.0/conferences");
  for (let round = 0; round < 3; round += 1) await Promise.all(Array.from({ length: 40 }, ask));
  const before_it = descriptors(parley);

  const sockets: Socket[] = [];
  const slowly = Object.values(ways);
  let most = 0;
  const noticed = await askMeanwhile(parley, other, async () => {
    for (let from = 0; from < clients; from += dialing_at_once) {
      const some = await Promise.all(
        Array.from({ length: dialing_at_once }, (_, at) => dial(Number(port), from + at)),
      );
      for (const [at, socket] of some.entries()) {
        const count = from + at;
        const way =
          count % one_deaf_of === 0 ? readNoneOfManyAnswers : slowly[count % slowly.length];
        way?.(socket, host);
      }
      sockets.push(...some);
      most = Math.max(most, descriptors(parley));
    }
    // Nobody here ends: the server does, each in its own time.
    await until(
      "the server has ended them",
      () => descriptors(parley) <= before_it + 30,
      limits.keep_alive_timeout_ms + limits.unread_answer_timeout_ms + 30_000,
    );
  });
  assert.equal(sockets.length, clients);
  t.diagnostic(
    `${before_it} descriptors before, ${most} at most, ${descriptors(parley)} after; ${JSON.stringify(noticed)}`,
  );
  assert.ok(most > before_it + clients / 10, `never more than ${most} at once: that is no attack`);
  assertUnharmed(noticed, p99_ms_max);
  for (const socket of sockets) socket.destroy();
  await until("the bystander's are gone, too", () => descriptors(parley) <= before_it + 5, 90_000);
});
