// SIGTERM while people are still there: what is refused, what goes on, and how soon it is over once the last call has ended.
// Runs alone: measures how long the server takes to end.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { obs_offer } from "../../server/test/offers.ts";
import { launchChromium, needs_chromium } from "../harness/chromium.ts";
import { joinMeeting, people } from "../harness/meeting.ts";
import { isAlive, startParley, until } from "../harness/parley.ts";

/** Milliseconds from the end of the last call to the end of the process, on a machine where a program starts within `usual_spawn_ms`. */
const end_ms_max = 1_000;
const usual_spawn_ms = 100;

/** How much slower this machine is at the moment than one that has time. */
function slowness(): number {
  const began = performance.now();
  spawnSync(process.execPath, ["-e", "0"]);
  return Math.max(1, (performance.now() - began) / usual_spawn_ms);
}

test(
  "a_server_that_is_told_to_end_is_gone_within_a_second_of_its_last_call_whoever_holds_a_connection",
  needs_chromium,
  async (t) => {
    const parley = await startParley({ PARLEY_LOG_LEVEL: "debug" });
    let is_over = false;
    t.after(async () => {
      if (!is_over) await parley.stop();
    });
    const browser = await launchChromium();
    t.after(() => browser.close());
    const { port, host } = new URL(parley.url);
    const id = await parley.conference();
    const path = `/v1.0/conferences/${id}`;
    const { token } = await parley.link(id, "Player");
    const dial = async (text: string): Promise<Socket> => {
      const socket = connect(Number(port), "127.0.0.1");
      t.after(() => socket.destroy());
      await once(socket, "connect");
      socket.on("error", () => socket.destroy());
      socket.write(text);
      return socket;
    };
    const get = (what: string): string =>
      `GET ${what} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${parley.token}\r\n\r\n`;

    // The last call, with whatever connections a browser keeps.
    await joinMeeting(parley, browser, id, people.ada);
    // Kept alive behind an answer; and with a second request behind the first.
    const kept = await dial(get("/ping"));
    await once(kept, "data");
    const behind = await dial(get("/ping") + get(path));
    await once(behind, "data");
    // Half a head, and half a body.
    await dial(`GET /ping HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `);
    await dial(
      `POST /v1.0/conferences HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${parley.token}\r\nContent-Length: 100\r\n\r\n{"type"`,
    );
    // Answers that nobody reads: more than the system keeps for a connection.
    const unread = await dial(get("/v1.0/openapi.json").repeat(100));
    unread.pause();
    // A join that never connects and does not read its answer.
    const player = await dial(
      `POST ${path}/conferencecalls HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/sdp\r\nContent-Length: ${obs_offer.length}\r\n\r\n${obs_offer}`,
    );
    player.pause();
    // Sockets whose clients do not answer the closing.
    for (const where of [`${path}/live?token=${token}`, `/v1.0/ws?token=${parley.token}`]) {
      const socket = new WebSocket(`${parley.url.replace(/^http/, "ws")}${where}`);
      t.after(() => socket.terminate());
      await once(socket, "open");
      socket.on("error", () => socket.terminate());
      socket.pause();
    }
    await until("one has joined and one never will", async () => {
      const { result } = await parley.api<{ result: { status: string }[] }>(
        "GET",
        `/v1.0/conferencecalls?conference_id=${id}`,
      );
      return (
        result
          .map(({ status }) => status)
          .sort()
          .join() === "joined,joining"
      );
    });

    const pid = parley.pid();
    process.kill(pid, "SIGTERM");
    await until("it drains", () => parley.log.some((line) => line.includes('"msg":"stopping"')));
    for (const [target, body] of [
      ["/v1.0/conferences", { type: "conference" }],
      [`${path}/join_tokens`, { name: "Late", role: "member" }],
      [`${path}/conferencecalls`, { offer: obs_offer }],
    ] as const) {
      const refused = await fetch(`${parley.url}${target}`, {
        method: "POST",
        headers: { authorization: `Bearer ${target.endsWith("calls") ? token : parley.token}` },
        body: JSON.stringify(body),
      });
      assert.equal(refused.status, 503, target);
      assert.ok(Number(refused.headers.get("retry-after")) >= 1, target);
      assert.equal(refused.headers.get("connection"), "close", target);
      await refused.arrayBuffer();
    }
    const read = await fetch(`${parley.url}${path}`, {
      headers: { authorization: `Bearer ${parley.token}` },
    });
    assert.equal(read.status, 200, "who is there goes on");
    await read.arrayBuffer();
    assert.ok(isAlive(pid), "the call is waited for");

    const slow = slowness();
    await parley.api("DELETE", path);
    const began = performance.now();
    await until("the server is gone", () => !isAlive(pid), 30_000);
    const took_ms = performance.now() - began;
    is_over = true;
    t.diagnostic(`gone ${Math.round(took_ms)} ms after the last call, machine slow by ${slow}`);
    const allowed_ms = end_ms_max * Math.max(slow, slowness());
    assert.ok(took_ms <= allowed_ms, `${took_ms} ms, ${allowed_ms} ms allowed`);
    const parts = parley.log.flatMap(
      (line) => /"part":"(\w+)","msg":"closed"/.exec(line)?.slice(1) ?? [],
    );
    assert.ok(["http", "realtime", "media", "database"].every((part) => parts.includes(part)));
    assert.match(parley.log.at(-1) ?? "", /"msg":"stopped"/);
  },
);
