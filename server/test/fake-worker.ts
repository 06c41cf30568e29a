// A media worker without media, for tests: real frames over real pipes, and a hand on what it tells.
import { PassThrough } from "node:stream";
import { readConfig } from "../src/kernel/config.ts";
import type {
  Command,
  EndpointId,
  EndpointOpen,
  Event,
  Message,
  Reply,
  Request,
  SpawnWorker,
  WorkerProcess,
} from "../src/media/index.ts";
import { PROTOCOL_VERSION } from "../src/media/wire.ts";

/** An endpoint as a worker is told to open it, without lines. */
export const endpointWithoutLines = (endpoint: EndpointId, room: string): EndpointOpen => ({
  room,
  endpoint,
  ice: { local_ufrag: "aaaa", local_pwd: "b", remote_ufrag: "cccc", remote_pwd: "d" },
  dtls: { fingerprints: [], role: "server" },
  extensions: {
    mid: 4,
    rid: null,
    repaired_rid: null,
    audio_level: null,
    abs_send_time: null,
    transport_cc: null,
    playout_delay: null,
  },
  receive: [],
  send: [],
  cname: "c",
  entered: true,
});

/** Header extensions that it claims to understand: those of the real one. */
const extensions = [
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
  "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
];

/** What workers are given where a test is not about it: the configuration's own. */
export const media_settings = (() => {
  const { config } = readConfig({ argv: [], env: {}, file: () => null });
  return { media: config.media, limits: config.limits };
})();

/** One fake process. */
export interface FakeWorker extends WorkerProcess {
  readonly index: number;
  /** Every request in the order of its arrival. */
  readonly requests: Request[];
  readonly rooms: Set<string>;
  readonly endpoints: Map<EndpointId, EndpointOpen>;
  /** Tells an event. */
  tell(event: Event): void;
  /** Writes a line as it is. */
  write(line: string): void;
  /** Dies, as by kill -9. */
  die(reason?: string): void;
  /** Stops answering and beating, as by SIGSTOP. */
  freeze(): void;
}

/** All that was started, and how each behaves. */
export interface FakeWorkers {
  readonly spawn: SpawnWorker;
  readonly started: FakeWorker[];
  /** The running one in a place. Throws when there is none. */
  at(index: number): FakeWorker;
  /** Answers a request itself; undefined leaves it to the usual answer, null says nothing. */
  answer: (request: Request, worker: FakeWorker) => Reply | { code: string } | null | undefined;
  /** Whether endpoints say at once that they are connected. */
  connects: boolean;
  /** Endpoints that `restore` gives up. */
  lost: Set<EndpointId>;
  protocol_version: number;
}

/** Makes workers that answer everything, beat only when told to, and remember. */
export function createFakeWorkers(): FakeWorkers {
  const started: FakeWorker[] = [];
  const fakes: FakeWorkers = {
    started,
    answer: () => undefined,
    connects: false,
    lost: new Set(),
    protocol_version: PROTOCOL_VERSION,
    at(index) {
      const worker = started.filter((each) => each.index === index).at(-1);
      if (!worker) throw new Error(`no worker was started in place ${index}`);
      return worker;
    },
    spawn: (index) => {
      const worker = createFakeWorker(index, started.length + 1, fakes);
      started.push(worker);
      return worker;
    },
  };
  return fakes;
}

function createFakeWorker(index: number, pid: number, fakes: FakeWorkers): FakeWorker {
  const input = new PassThrough();
  const output = new PassThrough();
  const errors = new PassThrough();
  const ended = Promise.withResolvers<string>();
  let seq = 0;
  let is_frozen = false;
  let is_dead = false;
  let port = 40_000 + index;
  const send = (message: Message): void => {
    if (!is_dead && !is_frozen) output.write(`${JSON.stringify(message)}\n`);
  };
  const worker: FakeWorker = {
    index,
    pid,
    input,
    output,
    errors,
    requests: [],
    rooms: new Set(),
    endpoints: new Map(),
    ended: ended.promise,
    kill: () => worker.die("was ended by SIGKILL"),
    tell(event) {
      seq += 1;
      send({ type: "event", seq, event });
    },
    write: (line) => {
      output.write(`${line}\n`);
    },
    die(reason = "was ended by SIGKILL") {
      if (is_dead) return;
      is_dead = true;
      output.end();
      ended.resolve(reason);
    },
    freeze() {
      is_frozen = true;
    },
  };

  const usual = (request: Request): Reply | { code: string } => {
    switch (request.type) {
      case "configure": {
        const asked = Number(request.udp.slice(request.udp.lastIndexOf(":") + 1));
        port = asked === 0 ? port : asked;
        const host = request.udp.slice(0, request.udp.lastIndexOf(":"));
        return {
          type: "configured",
          udp: `${host}:${port}`,
          tcp: request.tcp === null ? null : `${host}:${port}`,
          fingerprint: { algorithm: "sha-256", value: fingerprintOf(index) },
          certificate: request.certificate ?? { certificate: `c${index}`, private_key: "k" },
        };
      }
      case "room_open":
        worker.rooms.add(request.room);
        return { type: "done" };
      case "room_close":
        worker.rooms.delete(request.room);
        for (const [id, open] of worker.endpoints) {
          if (open.room === request.room) worker.endpoints.delete(id);
        }
        return { type: "done" };
      case "endpoint_open": {
        const { type: _, ...open } = request;
        if (!worker.rooms.has(open.room)) return { code: "room_not_found" };
        const held = worker.endpoints.get(open.endpoint);
        if (held && JSON.stringify(held) !== JSON.stringify(open))
          return { code: "already_exists" };
        worker.endpoints.set(open.endpoint, open);
        return { type: "done" };
      }
      case "endpoint_close":
        worker.endpoints.delete(request.endpoint);
        return { type: "done" };
      case "endpoint_restart":
      case "endpoint_publish":
      case "endpoint_tiles":
      case "endpoint_enter":
        return worker.endpoints.has(request.endpoint)
          ? { type: "done" }
          : { code: "endpoint_not_found" };
      case "restore": {
        const resumed: EndpointId[] = [];
        for (const { open } of request.endpoints) {
          worker.rooms.add(open.room);
          if (fakes.lost.has(open.endpoint)) continue;
          worker.endpoints.set(open.endpoint, open);
          resumed.push(open.endpoint);
        }
        return { type: "restored", resumed, lost: [...fakes.lost] };
      }
      case "stats":
        return { type: "stats", cpu_us: 1, memory_bytes: 1, counters: {}, endpoints: [] };
      case "ping":
      case "shutdown":
        return { type: "done" };
      default:
        throw new Error(`a request that the fake does not know: ${JSON.stringify(request)}`);
    }
  };

  const take = ({ id, request }: Command): void => {
    if (is_dead || is_frozen) return;
    worker.requests.push(request);
    const told = fakes.answer(request, worker);
    const given = told === undefined ? usual(request) : told;
    if (given === null) return;
    if ("code" in given) {
      send({ type: "error", id, code: given.code as never, message: "the fake refuses" });
      return;
    }
    send({ type: "reply", id, reply: given });
    if (request.type === "endpoint_open" && fakes.connects) {
      worker.tell({ type: "endpoint_connected", endpoint: request.endpoint, detail: "fake" });
    }
    if (request.type === "shutdown") worker.die("exited with 0");
  };

  let rest = "";
  input.setEncoding("utf8");
  input.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(JSON.parse(line) as Command);
  });
  input.on("end", () => worker.die("exited with 0"));
  // After the caller has its hands on it, as a process would.
  setImmediate(() =>
    send({
      type: "hello",
      protocol_version: fakes.protocol_version,
      worker_version: "fake",
      capabilities: {
        mix: ["opus", "g722", "pcmu", "pcma"],
        forward: ["opus", "vp8", "h264"],
        extensions,
      },
    }),
  );
  return worker;
}

const fingerprintOf = (index: number): string =>
  Array.from({ length: 32 }, (_, byte) =>
    ((byte + index) % 256).toString(16).toUpperCase().padStart(2, "0"),
  ).join(":");
