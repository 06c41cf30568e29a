// What our programs in Node do alike; the lines that they speak are those of python/far_end.py.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createRtpStream, createVp8Frames, rtpPayload } from "./rtp.ts";

/** What such a program is told. */
export interface Settings {
  readonly url: string;
  readonly token: string;
  readonly tone_hz: number;
  readonly color: string;
  /** A Python with PyAV, which encodes and decodes for it. */
  readonly python: string;
}

export type Kind = "audio" | "video";
/** What these programs offer and send. */
export const payload_types = { audio: 111, video: 96 } as const;
export const ssrcs = { audio: 0x0a0d10, video: 0x51de0 } as const;

/** The settings that the program was started with. */
export const settings = <T extends Settings>(): T => JSON.parse(process.argv[2] ?? "{}") as T;

export function say(event: string, facts: object = {}): void {
  process.stdout.write(`${JSON.stringify({ event, ...facts })}\n`);
}

const folder = join(import.meta.dirname, "../python");

/** Sends packets of a tone and a picture over and over, at their pace. */
export function sendMedia(
  { python, tone_hz, color }: Settings,
  send: (kind: Kind, packet: Buffer) => void,
): void {
  const made = spawnSync(
    python,
    [join(folder, "media_files.py"), "packets", String(tone_hz), color],
    { encoding: "utf8", maxBuffer: 2 ** 24 },
  );
  if (made.status !== 0) throw new Error(made.stderr);
  const packets = JSON.parse(made.stdout) as Record<Kind, string[]>;
  const begin = (kind: Kind, clock_hz: number, rate: number, loop: readonly Buffer[]): void => {
    const stream = createRtpStream(ssrcs[kind], payload_types[kind], kind === "video");
    const began = performance.now();
    let count = 0;
    const next = (): void => {
      for (; count < ((performance.now() - began) / 1000) * rate; count += 1) {
        const payload = loop[count % loop.length] ?? Buffer.alloc(0);
        for (const packet of stream.pack(payload, clock_hz / rate)) send(kind, packet);
      }
    };
    setInterval(next, 10);
  };
  const bytes = (list: readonly string[]): Buffer[] =>
    list.map((text) => Buffer.from(text, "base64"));
  begin("audio", 48_000, 50, bytes(packets.audio).slice(0, 100));
  begin("video", 90_000, 15, bytes(packets.video));
}

/** Ears and eyes for RTP as it comes. */
export function createSenses({ python }: Settings): (kind: Kind, packet: Buffer) => void {
  const child = spawn(python, [join(folder, "senses.py")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  // Its lines come whole, and ours do not break them.
  createInterface({ input: child.stdout }).on("line", (line) => process.stdout.write(`${line}\n`));
  const frames = createVp8Frames();
  return (kind, packet) => {
    const found = rtpPayload(packet);
    if (found === null) return;
    const whole = kind === "audio" ? found.payload : frames.take(found.payload, found.is_last);
    if (whole) child.stdin.write(`${kind} ${whole.toString("base64")}\n`);
  };
}

/** POSTs the offer, gives the answer and where the join is. */
export async function postOffer(
  { url, token }: Settings,
  offer: string,
): Promise<{ answer: string; where: string }> {
  const reply = await fetch(url, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/sdp" },
    body: offer,
  });
  const text = await reply.text();
  const location = reply.headers.get("location");
  say("answered", {
    status: reply.status,
    type: reply.headers.get("content-type"),
    location,
    text,
  });
  if (reply.status !== 201) process.exit(0);
  return { answer: text, where: new URL(location ?? "", url).href };
}

/** Obeys `leave`; ends the program after `close` when its input ends. */
export function obey({ token }: Settings, where: string, close: () => unknown): void {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", async () => {
    const { status } = await fetch(where, {
      method: "DELETE",
      headers: { authorization: `Bearer ${token}` },
    });
    say("left", { status });
  });
  lines.on("close", async () => {
    await close();
    process.exit(0);
  });
}
