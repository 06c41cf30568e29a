// Commands of one live socket: limited, judged, carried out in order, answered once.

import type { PublishRequest } from "../domain/conference/index.ts";
import { type ConferencecallRow, conferencecallProblems } from "../domain/conferencecall/index.ts";
import type { ConferencecallId, MessageId } from "../kernel/id.ts";
import { readName } from "../kernel/name.ts";
import { readPageQuery } from "../kernel/page.ts";
import { Problem, problems } from "../kernel/problem.ts";
import {
  type ClientFrame,
  type Command,
  type CommandFields,
  type CommandId,
  type CommandType,
  readCommand,
  readFrame,
  requireExact,
} from "./frames.ts";
import { socket_limits } from "./limits.ts";
import type { LivePorts, LiveRequest } from "./live.ts";

/** Commands of one socket. */
export interface Commands {
  /** Takes a frame; its answer comes later. `bad_frame`: it was no command at all. */
  take(text: string, answer: (text: string) => void): "taken" | "bad_frame";
}

/** Media commands wait for each other, and the rest for each other: a slow worker holds up no chat. */
type Lane = "media" | "rest";
const laneOf = (type: CommandType): Lane =>
  type === "publish" || type === "tiles" || type === "mute" ? "media" : "rest";

/** Makes them. */
export function createCommands(
  ports: LivePorts & {
    readonly request: LiveRequest;
    readonly own: ConferencecallRow | null;
    readonly may: ReadonlySet<CommandType>;
    /** Resolves when the reader has taken what was made for it. */
    readonly drained: () => Promise<void>;
  },
): Commands {
  const { clock, log, may } = ports;
  const lanes: Record<Lane, Promise<void>> = { media: Promise.resolve(), rest: Promise.resolve() };
  let waiting = 0;
  let waiting_bytes = 0;
  let tokens: number = socket_limits.commands_burst;
  let filled_at_ms = clock.monotonic_ms();

  const takeToken = (): boolean => {
    const now_ms = clock.monotonic_ms();
    const grown = ((now_ms - filled_at_ms) * socket_limits.commands_per_second) / 1000;
    tokens = Math.min(socket_limits.commands_burst, tokens + grown);
    filled_at_ms = now_ms;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };

  const read = (frame: ClientFrame, bytes: number): Command => {
    const is_full =
      waiting >= socket_limits.commands_waiting_max ||
      waiting_bytes + bytes > socket_limits.commands_waiting_bytes_max;
    if (!takeToken() || is_full) {
      throw problems.RATE_LIMIT_EXCEEDED({
        message: `more than ${socket_limits.commands_per_second} commands a second`,
        details: [{ limited_by: "socket" }],
        retry_after_s: 1,
      });
    }
    requireExact(frame);
    const command = readCommand(frame.fields);
    if (!may.has(command.type)) {
      throw problems.PERMISSION_DENIED({
        message: `this token may not ${command.type.replace("_", " ")} here`,
        details: [{ command: command.type }],
      });
    }
    return command;
  };

  return {
    take(text, answer) {
      const bytes = Buffer.byteLength(text);
      if (bytes > socket_limits.frame_bytes_max) return "bad_frame";
      const frame = readFrame(text);
      if (!frame || frame.id === null) return "bad_frame";
      const { id } = frame;
      const refuse = (thrown: unknown): void => answer(refusal(id, thrown, ports));
      let command: Command;
      try {
        command = read(frame, bytes);
      } catch (thrown) {
        refuse(thrown);
        return "taken";
      }
      waiting += 1;
      waiting_bytes += bytes;
      const lane = laneOf(command.type);
      lanes[lane] = lanes[lane]
        // Who does not take the answers gives no further ones to make.
        .then(() => ports.drained())
        .then(() => carryOut(ports, command))
        .then((ok) => answer(JSON.stringify({ id, ok })), refuse)
        .catch((err: unknown) => log.error({ err }, "an answer could not be sent"))
        .finally(() => {
          waiting -= 1;
          waiting_bytes -= bytes;
        });
      return "taken";
    },
  };
}

function refusal(id: CommandId, thrown: unknown, ports: LivePorts): string {
  let problem: Problem;
  if (thrown instanceof Problem) problem = thrown;
  else {
    ports.log.error({ err: thrown }, "a command met a fault of ours");
    problem = problems.INTERNAL({ cause: thrown });
  }
  const { reason, message, details, kind } = problem;
  return JSON.stringify({
    id,
    error: { status: kind.status, reason, message, ...(details.length > 0 ? { details } : {}) },
  });
}

type Carrying = LivePorts & {
  readonly request: LiveRequest;
  readonly own: ConferencecallRow | null;
};

async function carryOut(ports: Carrying, command: Command): Promise<object> {
  const { request, own, talk, showing, conferencecalls } = ports;
  const { caller, conference_id } = request;
  const as = own ? { as: own.id } : {};
  switch (command.type) {
    case "publish":
      return {
        conferencecall: await showing.publish(caller, mine(own), readPublication(command.fields)),
      };
    case "tiles":
      await showing.tiles(caller, mine(own), command.fields.tiles);
      return {};
    case "chat":
      return { message: await talk.post(caller, conference_id, command.fields, as) };
    case "messages": {
      const { before, limit } = command.fields;
      const query = readPageQuery({
        ...(before === undefined ? {} : { page_token: before }),
        ...(limit === undefined ? {} : { page_size: limit }),
      });
      const page = await talk.list(caller, conference_id, query);
      return { messages: page.result.toReversed(), next_page_token: page.next_page_token };
    }
    case "delete_message": {
      const id = command.fields.message_id as MessageId;
      return { message: await talk.remove(caller, conference_id, id, as) };
    }
    case "react": {
      const { message_id, emoji, is_on } = command.fields;
      const change = is_on ? talk.react : talk.unreact;
      return {
        message: await change(caller, conference_id, message_id as MessageId, emoji, as),
      };
    }
    case "hand":
      return await changeMine(ports, { hand: command.fields.raised });
    case "rename":
      return await changeMine(ports, { name: requireName(command.fields.name) });
    case "mute": {
      const id = await here(ports, command.fields.conferencecall_id);
      return { conferencecall: await showing.mute(caller, id, own?.id ?? null) };
    }
    case "kick": {
      const id = await here(ports, command.fields.conferencecall_id);
      const { ban = true } = command.fields;
      return { conferencecall: await conferencecalls.kick(caller, id, { ban }) };
    }
    case "end":
      return { conference: await ports.conferences.end(caller, conference_id) };
  }
}

/** Leaves absent what was not said: `undefined` would be a value. */
function readPublication(fields: CommandFields<"publish">): PublishRequest {
  const { microphone, camera, screen, rids } = fields;
  return {
    ...(microphone === undefined ? {} : { microphone }),
    ...(camera === undefined ? {} : { camera }),
    ...(screen === undefined ? {} : { screen }),
    ...(rids?.camera === undefined ? {} : { rids: { camera: rids.camera } }),
  };
}

function mine(own: ConferencecallRow | null): ConferencecallId {
  // `may` lets nobody come here without a join.
  if (!own) throw problems.PERMISSION_DENIED();
  return own.id;
}

async function changeMine(
  ports: Carrying,
  changes: { readonly hand?: boolean; readonly name?: string },
): Promise<object> {
  const id = mine(ports.own);
  const row = await ports.conferencecalls.update(id, changes, { type: "conferencecall", id });
  if (!row) throw problems.STATE_INVALID({ message: "this join is over" });
  return {};
}

/** A join of this conference; one of another answers as an unknown one. */
async function here(ports: Carrying, id: string): Promise<ConferencecallId> {
  const row = await ports.conferencecalls.rowFor(ports.request.caller, id as ConferencecallId);
  if (row.conference_id !== ports.request.conference_id) {
    throw conferencecallProblems.CONFERENCECALL_NOT_FOUND();
  }
  return row.id;
}

function requireName(given: string): string {
  const name = readName(given, "name");
  if (name !== "") return name;
  throw problems.INVALID_ARGUMENT({ message: "name is empty", details: [{ field: "name" }] });
}
