// Attacks, each a program with an end: what somebody does who wants to stop the service or get in.
import { createSocket } from "node:dgram";
import { readdirSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { WebSocket } from "ws";
import type { Parley } from "../harness/parley.ts";

/** What an attack aims at. */
export interface Target {
  readonly parley: Parley;
  /** Milliseconds that it goes on. */
  readonly duration_ms: number;
}

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));
const lasts = async (duration_ms: number, step: (count: number) => Promise<void>) => {
  const end = performance.now() + duration_ms;
  for (let count = 0; performance.now() < end; count += 1) await step(count);
};
const wsUrl = (parley: Parley, path: string): string =>
  `${parley.url.replace(/^http/, "ws")}${path}`;
const addressOf = (count: number): string =>
  `198.51.${Math.floor(count / 250) % 250}.${(count % 250) + 1}`;

/** Bytes of memory that the server holds. */
export function residentBytes(parley: Parley): number {
  const status = readFileSync(`/proc/${parley.pid()}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

/** Descriptors that the server holds. */
export const descriptors = (parley: Parley): number =>
  readdirSync(`/proc/${parley.pid()}/fd`).length;

/** A2: one customer opens many sockets, subscribes, and reads nothing, while much happens. */
export async function slowReaders({ parley, duration_ms }: Target): Promise<void> {
  const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
    type: "conference",
  });
  const sockets = Array.from({ length: 40 }, () => {
    const socket = new WebSocket(wsUrl(parley, `/v1.0/ws?token=${parley.token}`));
    socket.on("error", () => socket.terminate());
    socket.once("open", () => {
      socket.send(JSON.stringify({ type: "subscribe", topics: ["conference"] }));
      socket.pause();
    });
    return socket;
  });
  const data = { text: "x".repeat(60_000) };
  await lasts(duration_ms, async () => {
    await parley.api("PUT", `/v1.0/conferences/${id}`, { data });
    await pause(20);
  });
  for (const socket of sockets) socket.terminate();
  await parley.api("DELETE", `/v1.0/conferences/${id}`);
}

const raw = (parley: Parley, text: string): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(new URL(parley.url).port), "127.0.0.1");
    socket.once("connect", () => {
      socket.write(text);
      resolve(socket);
    });
    socket.on("error", reject);
  });

/** A3: upgrades of nobody, which say nothing more and answer nothing. Calls `meanwhile` while they are there. */
export async function idleUpgrades(
  { parley, duration_ms }: Target,
  meanwhile: () => Promise<void>,
): Promise<void> {
  const sockets: Socket[] = [];
  await lasts(duration_ms, async (count) => {
    const socket = await raw(
      parley,
      `GET /v1.0/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nX-Forwarded-For: ${addressOf(count)}\r\n\r\n`,
    );
    socket.removeAllListeners("error").on("error", () => socket.destroy());
    sockets.push(socket);
    if (count % 100 === 50) await meanwhile();
    if (sockets.length > 800) sockets.shift()?.destroy();
  });
  for (const socket of sockets) socket.destroy();
}

/** A4, A10: very many log-ins at once, from many addresses. Gives how often each status was answered. */
export async function logInStorm(
  { parley, duration_ms }: Target,
  nameOf: (count: number) => string,
): Promise<Map<number, number>> {
  const statuses = new Map<number, number>();
  let count = 0;
  await lasts(duration_ms, async () => {
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        count += 1;
        const reply = await fetch(`${parley.url}/auth/login`, {
          method: "POST",
          headers: { "x-forwarded-for": addressOf(count) },
          body: JSON.stringify({ username: nameOf(count), password: `wrong password ${count}` }),
        });
        await reply.arrayBuffer();
        statuses.set(reply.status, (statuses.get(reply.status) ?? 0) + 1);
      }),
    );
  });
  return statuses;
}

/** A6: connections that never finish their request. */
export async function slowLoris({ parley, duration_ms }: Target): Promise<void> {
  const sockets: Socket[] = [];
  await lasts(duration_ms, async (count) => {
    if (count < 1_500) {
      const socket = await raw(parley, "GET /ping HTTP/1.1\r\nHost: x\r\nX-Slow: ");
      socket.removeAllListeners("error").on("error", () => socket.destroy());
      sockets.push(socket);
    } else await pause(50);
  });
  // Left open on purpose: the server has to end them.
  for (const socket of sockets) socket.unref();
}

/** A8: STUN checks of nobody from forged transactions. Gives bytes out and bytes that came back. */
export async function stunSpoof(
  { duration_ms }: Target,
  media_port: number,
): Promise<{ readonly sent: number; readonly got: number }> {
  const socket = createSocket("udp4");
  let [sent, got] = [0, 0];
  socket.on("message", (data) => {
    got += data.length;
  });
  await lasts(duration_ms, async (count) => {
    // A binding request with a user name that nobody has, and USE-CANDIDATE.
    const user = Buffer.from(`nobody${count}:stranger`.padEnd(24, "x").slice(0, 24));
    const attributes = Buffer.concat([
      Buffer.from([0x00, 0x06, 0x00, user.length]),
      user,
      Buffer.from([0x00, 0x25, 0x00, 0x00]),
    ]);
    const header = Buffer.alloc(20);
    header.writeUInt16BE(0x0001, 0);
    header.writeUInt16BE(attributes.length, 2);
    header.writeUInt32BE(0x2112a442, 4);
    header.writeUInt32BE(count, 8);
    const packet = Buffer.concat([header, attributes]);
    sent += packet.length;
    await new Promise<void>((done) => socket.send(packet, media_port, "127.0.0.1", () => done()));
    if (count % 50 === 0) await pause(1);
  });
  await pause(100);
  socket.close();
  return { sent, got };
}

/** A9: one address takes all the connections of ICE over TCP that it can get. Gives how many were left to it. */
export async function iceTcpHog(
  { duration_ms }: Target,
  media_port: number,
): Promise<{ readonly asked: number; readonly kept: number }> {
  const sockets: Socket[] = [];
  let asked = 0;
  await lasts(duration_ms, async () => {
    if (asked < 1_000) {
      asked += 1;
      const socket = connect(media_port, "127.0.0.1");
      socket.on("error", () => socket.destroy());
      // Reads, so that an end is noticed.
      socket.resume();
      sockets.push(socket);
      await pause(1);
    } else await pause(50);
  });
  const kept = sockets.filter((socket) => !socket.destroyed && socket.readyState === "open").length;
  for (const socket of sockets) socket.destroy();
  return { asked, kept };
}

/** A11: who was thrown out tries again and again. Gives the answers. */
export async function bannedToken(
  { parley, duration_ms }: Target,
  conference_id: string,
  token: string,
): Promise<Set<string>> {
  const answers = new Set<string>();
  const ask = async (method: string, path: string) => {
    const reply = await fetch(`${parley.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(method === "POST" ? { body: JSON.stringify({ offer: "v=0" }) } : {}),
    });
    const { error } = (await reply.json()) as { error?: { reason: string } };
    answers.add(`${reply.status} ${error?.reason}`);
  };
  await lasts(duration_ms, async () => {
    await ask("POST", `/v1.0/conferences/${conference_id}/conferencecalls`);
    await ask("GET", `/v1.0/conferences/${conference_id}/messages`);
    await ask("POST", `/v1.0/conferences/${conference_id}/join_tokens`);
    await pause(50);
  });
  return answers;
}

/** A5: a page of another port writes with the cookie that the browser adds. Gives the statuses. */
export async function foreignPage({ parley, duration_ms }: Target): Promise<Set<number>> {
  const statuses = new Set<number>();
  await lasts(duration_ms, async () => {
    const reply = await fetch(`${parley.url}/v1.0/conferences`, {
      method: "POST",
      headers: {
        cookie: `token=${parley.token}`,
        origin: "http://127.0.0.1:9",
        "sec-fetch-site": "same-site",
      },
      body: JSON.stringify({ type: "conference" }),
    });
    await reply.arrayBuffer();
    statuses.add(reply.status);
    await pause(50);
  });
  return statuses;
}

/** A12: strangers ask what runs here. Gives all that they were told. */
export async function strangers({ parley, duration_ms }: Target): Promise<string> {
  let told = "";
  await lasts(duration_ms, async () => {
    for (const path of ["/health", "/metrics", "/ping"]) {
      const reply = await fetch(`${parley.url}${path}`, {
        headers: { "x-forwarded-for": "203.0.113.7" },
      });
      told = `${told}${await reply.text()}\n`.slice(-20_000);
    }
    await pause(50);
  });
  return told;
}
