// Joining without our SDK: raw RTCPeerConnections and one HTTP request each, in a real Chromium against a whole Parley.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { needs_chromium, type Persona, personPage, seen, tonesHeard } from "../harness/chromium.ts";
import { until } from "../harness/parley.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";

const ann: Persona = { name: "Ann", tone_hz: 440, color: "red" };
const bob: Persona = { name: "Bob", tone_hz: 880, color: "blue" };

/** What a raw join in the page did. */
interface RawJoin {
  readonly status: number;
  readonly type: string;
  readonly location: string;
  readonly etag: string;
  readonly roles: string[];
}

runForAllTests();

interface Shows {
  /** Shows every picture that a connection gets. */
  showPictures(pc: RTCPeerConnection): void;
}

const enter = async (persona: Persona): Promise<Page> => {
  const page = await personPage(browser, persona);
  await page.addInitScript(() => {
    (window as unknown as Shows).showPictures = (pc) => {
      pc.ontrack = ({ track }) => {
        if (track.kind !== "video") return;
        const video = document.createElement("video");
        video.autoplay = true;
        video.muted = true;
        video.srcObject = new MediaStream([track]);
        document.body.append(video);
      };
    };
  });
  // An empty page of this origin: only the script runs in it.
  await page.route(`${parley.url}/empty`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<!doctype html>" }),
  );
  await page.goto(`${parley.url}/empty`);
  return page;
};

// One sound line and one picture line each way, in the form of WHIP or of JSON.
const join = (page: Page, url: string, token: string, form: "sdp" | "json"): Promise<RawJoin> =>
  page.evaluate(
    async ({ url, token, form }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: "max-bundle" });
      (window as unknown as { pc: RTCPeerConnection }).pc = pc;
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      for (const track of media.getTracks()) pc.addTransceiver(track, { direction: "sendrecv" });
      (window as unknown as Shows).showPictures(pc);
      await pc.setLocalDescription();
      const offer = pc.localDescription?.sdp ?? "";
      const reply = await fetch(url, {
        method: "POST",
        headers: {
          Authorization: `Bearer ${token}`,
          "Content-Type": form === "sdp" ? "application/sdp" : "application/json",
        },
        body: form === "sdp" ? offer : JSON.stringify({ offer }),
      });
      const text = await reply.text();
      if (!reply.ok) throw new Error(`${reply.status} ${text}`);
      const body =
        form === "sdp"
          ? { answer: text, lines: [] }
          : (JSON.parse(text) as { answer: string; lines: { role: string }[] });
      await pc.setRemoteDescription({ type: "answer", sdp: body.answer });
      return {
        status: reply.status,
        type: reply.headers.get("content-type") ?? "",
        location: reply.headers.get("location") ?? "",
        etag: reply.headers.get("etag") ?? "",
        roles: body.lines.map(({ role }) => role),
      };
    },
    { url, token, form },
  );

const joinAs = async (page: Page, conference_id: string, name: string, form: "sdp" | "json") => {
  const { token } = await parley.link(conference_id, name);
  const made = await join(
    page,
    `${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`,
    token,
    form,
  );
  return { ...made, token };
};

// The server waits for running calls when it is stopped, so none are left behind.
const end = async (conference_id: string, ...pages: Page[]): Promise<void> => {
  await parley.api("DELETE", `/v1.0/conferences/${conference_id}`);
  await Promise.all(pages.map((page) => page.close()));
};

const hears = (page: Page, tone_hz: number): Promise<boolean> =>
  until(`hears ${tone_hz} Hz`, async () => (await tonesHeard(page)).includes(tone_hz));
const sees = (page: Page, color: string): Promise<unknown> =>
  until(`sees ${color}`, async () =>
    (await seen(page)).some((picture) => picture.color === color && picture.frames > 5),
  );

test(
  "two_raw_connections_see_and_hear_each_other_after_one_request_each",
  needs_chromium,
  async () => {
    const conference_id = await parley.conference();
    const [a, b] = [await enter(ann), await enter(bob)];
    const first = await joinAs(a, conference_id, "Ann", "sdp");
    assert.equal(first.status, 201);
    assert.equal(first.type, "application/sdp");
    assert.match(first.location, /^\/v1\.0\/conferencecalls\/[0-9a-f-]{36}$/);
    assert.match(first.etag, /^".+"$/);
    const second = await joinAs(b, conference_id, "Bob", "json");
    assert.deepEqual(second.roles, ["microphone+mix", "camera+active_speaker"]);
    await Promise.all([hears(a, bob.tone_hz), hears(b, ann.tone_hz)]);
    await Promise.all([sees(a, bob.color), sees(b, ann.color)]);
    // Nobody hears themselves.
    assert.equal((await tonesHeard(a)).includes(ann.tone_hz), false);
    const call = await parley.api<{ status: string; name: string }>("GET", first.location);
    assert.deepEqual([call.status, call.name], ["joined", "Ann"]);
    await end(conference_id, a, b);
  },
);

test("an_ice_restart_by_patch_keeps_sound_and_picture", needs_chromium, async () => {
  const conference_id = await parley.conference();
  const [a, b] = [await enter(ann), await enter(bob)];
  const joined = await joinAs(a, conference_id, "Ann", "json");
  await joinAs(b, conference_id, "Bob", "json");
  await hears(b, ann.tone_hz);
  const restarted = await a.evaluate(
    async ({ url, token }) => {
      const { pc } = window as unknown as { pc: RTCPeerConnection };
      await pc.setLocalDescription(await pc.createOffer({ iceRestart: true }));
      const offer = pc.localDescription?.sdp ?? "";
      const pick = (name: string): string => new RegExp(`a=${name}:(\\S+)`).exec(offer)?.[1] ?? "";
      const reply = await fetch(url, {
        method: "PATCH",
        headers: {
          Authorization: `Bearer ${token}`,
          "Content-Type": "application/trickle-ice-sdpfrag",
          "If-Match": "*",
        },
        body: `a=ice-ufrag:${pick("ice-ufrag")}\r\na=ice-pwd:${pick("ice-pwd")}\r\n`,
      });
      const fragment = await reply.text();
      const ours = (name: string): string =>
        new RegExp(`a=${name}:(\\S+)`).exec(fragment)?.[1] ?? "";
      const answer = (pc.currentRemoteDescription?.sdp ?? "")
        .replaceAll(/a=ice-ufrag:\S+/g, `a=ice-ufrag:${ours("ice-ufrag")}`)
        .replaceAll(/a=ice-pwd:\S+/g, `a=ice-pwd:${ours("ice-pwd")}`);
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
      return { status: reply.status, etag: reply.headers.get("etag") };
    },
    { url: `${parley.url}${joined.location}`, token: joined.token },
  );
  assert.equal(restarted.status, 200);
  assert.notEqual(restarted.etag, joined.etag);
  const before = (await seen(a))[0]?.frames ?? 0;
  await until("pictures go on", async () => ((await seen(a))[0]?.frames ?? 0) > before + 15);
  await hears(a, bob.tone_hz);
  await hears(b, ann.tone_hz);
  await end(conference_id, a, b);
});

test("a_worker_killed_in_a_call_is_replaced_without_anybody_noticing", needs_chromium, async () => {
  const conference_id = await parley.conference();
  const [a, b] = [await enter(ann), await enter(bob)];
  const joined = await joinAs(a, conference_id, "Ann", "json");
  await joinAs(b, conference_id, "Bob", "json");
  await Promise.all([hears(a, bob.tone_hz), hears(b, ann.tone_hz)]);
  await Promise.all([sees(a, bob.color), sees(b, ann.color)]);
  const states = (page: Page): Promise<string[]> =>
    page.evaluate(() => {
      const known = window as unknown as { pc: RTCPeerConnection; states?: string[] };
      if (!known.states) {
        const list: string[] = [];
        known.states = list;
        known.pc.addEventListener("connectionstatechange", () =>
          list.push(known.pc.connectionState),
        );
      }
      return known.states;
    });
  await states(a);
  const since = performance.now();
  const before = await parley.workers();
  // The keys of both are in the server's memory a second after they are in place.
  await until("a second has passed", () => performance.now() > since + 1_500);
  for (const pid of before) process.kill(pid, "SIGKILL");
  await until("workers are replaced", async () => {
    const now = await parley.workers();
    return now.length === before.length && now.every((pid) => !before.includes(pid));
  });
  const frames = (await seen(a))[0]?.frames ?? 0;
  await until("pictures go on", async () => ((await seen(a))[0]?.frames ?? 0) > frames + 15);
  await Promise.all([hears(a, bob.tone_hz), hears(b, ann.tone_hz)]);
  assert.deepEqual(await states(a), []);
  const call = await parley.api<{ status: string }>("GET", joined.location);
  assert.equal(call.status, "joined");
  await end(conference_id, a, b);
});

test("closing_the_connection_leaves_and_delete_does_too", needs_chromium, async () => {
  const conference_id = await parley.conference();
  const [a, b] = [await enter(ann), await enter(bob)];
  const first = await joinAs(a, conference_id, "Ann", "json");
  const second = await joinAs(b, conference_id, "Bob", "sdp");
  await Promise.all([hears(a, bob.tone_hz), hears(b, ann.tone_hz)]);
  const state = async (location: string): Promise<string> => {
    const call = await parley.api<{ status: string; leave_reason: string }>("GET", location);
    return `${call.status} ${call.leave_reason}`;
  };
  await a.evaluate(() => (window as unknown as { pc: RTCPeerConnection }).pc.close());
  await until("Ann has left", async () => (await state(first.location)) === "leaved left");
  const gone = await fetch(`${parley.url}${second.location}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${second.token}` },
  });
  assert.equal(gone.status, 200);
  assert.equal(await state(second.location), "leaved left");
  await until("Bob's connection was closed from the other side", () =>
    b.evaluate(() => {
      const { pc } = window as unknown as { pc: RTCPeerConnection };
      return (
        pc.connectionState === "closed" ||
        pc.connectionState === "failed" ||
        pc.getReceivers().every(({ transport }) => transport?.state === "closed")
      );
    }),
  );
  await end(conference_id, a, b);
});

test("an_offer_that_cannot_work_is_answered_with_the_reason", needs_chromium, async () => {
  const conference_id = await parley.conference();
  const { token } = await parley.link(conference_id, "Ann");
  const post = (type: string, body: string): Promise<Response> =>
    fetch(`${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": type },
      body,
    });
  const reason = async (reply: Response): Promise<string> =>
    ((await reply.json()) as { error: { reason: string } }).error.reason;
  const nonsense = await post("application/sdp", "hello");
  assert.equal(nonsense.status, 400);
  assert.equal(await reason(nonsense), "SDP_MALFORMED");
  const dataOnly = await post(
    "application/sdp",
    `v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-ufrag:abcd\r\na=ice-pwd:${"x".repeat(24)}\r\na=fingerprint:sha-256 ${"AA:".repeat(31)}AA\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n`,
  );
  assert.equal(dataOnly.status, 422);
  assert.equal(await reason(dataOnly), "OFFER_UNSUPPORTED");
});

/** What a page knows of its connection. */
interface Connection {
  readonly state: string;
  readonly channel: string;
  /** From `connected` to the end of the channel, ms. */
  readonly closed_ms: number;
}

/** Joins with an offer whose first line is a data channel, so that this line names the transport of all. Gives the first line of the answer. */
const joinWithChannel = async (
  page: Page,
  conference_id: string,
  name: string,
  policy: RTCBundlePolicy,
): Promise<string> => {
  const { token } = await parley.link(conference_id, name);
  return page.evaluate(
    async ({ url, token, policy }) => {
      const pc = new RTCPeerConnection({ bundlePolicy: policy });
      const channel = pc.createDataChannel("chat");
      const times = { connected: 0, closed: 0 };
      pc.onconnectionstatechange = () => {
        if (pc.connectionState === "connected") times.connected ||= performance.now();
      };
      channel.onclose = () => {
        times.closed = performance.now();
      };
      (window as unknown as { connection: () => Connection }).connection = () => ({
        state: pc.connectionState,
        channel: channel.readyState,
        closed_ms: times.closed - times.connected,
      });
      // A first offer of the channel alone gives it the first line.
      await pc.setLocalDescription();
      const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
      for (const track of media.getTracks()) pc.addTransceiver(track, { direction: "sendrecv" });
      (window as unknown as Shows).showPictures(pc);
      await pc.setLocalDescription();
      const reply = await fetch(url, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/sdp" },
        body: pc.localDescription?.sdp ?? "",
      });
      const answer = await reply.text();
      if (!reply.ok) throw new Error(`${reply.status} ${answer}`);
      await pc.setRemoteDescription({ type: "answer", sdp: answer });
      return answer.split("\r\n").find((line) => line.startsWith("m=")) ?? "";
    },
    {
      url: `${parley.url}/v1.0/conferences/${conference_id}/conferencecalls`,
      token,
      policy,
    },
  );
};

const connection = (page: Page): Promise<Connection> =>
  page.evaluate(() => (window as unknown as { connection: () => Connection }).connection());

// libwebrtc asks again for more than a minute where nobody answers.
const closed_ms_max = 10_000;

for (const policy of ["max-bundle", "balanced", "max-compat"] as const) {
  test(
    `a_page_with_${policy}_whose_first_line_is_a_data_channel_hears_and_is_heard`,
    needs_chromium,
    async () => {
      const id = await parley.conference();
      const [a, b] = [await enter(ann), await enter(bob)];
      for (const [page, name] of [
        [a, "Ann"],
        [b, "Bob"],
      ] as const) {
        const line = await joinWithChannel(page, id, name, policy);
        assert.match(line, /^m=application [1-9]\d* UDP\/DTLS\/SCTP webrtc-datachannel$/);
      }
      await Promise.all([hears(a, bob.tone_hz), hears(b, ann.tone_hz)]);
      await Promise.all([sees(a, bob.color), sees(b, ann.color)]);
      for (const page of [a, b]) {
        await until(
          "the channel is closed",
          async () => (await connection(page)).channel === "closed",
        );
        const { state, closed_ms } = await connection(page);
        assert.equal(state, "connected");
        assert.ok(closed_ms < closed_ms_max, `closed after ${closed_ms} ms`);
      }
      await end(id, a, b);
    },
  );
}
