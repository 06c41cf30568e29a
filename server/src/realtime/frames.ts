// Frames of the live socket: what is written, and how commands are read.
import { type Static, Type } from "typebox";
import { Compile } from "typebox/compile";
import { talk_limits } from "../domain/talk/index.ts";
import { isExact } from "../kernel/number.ts";
import { problems } from "../kernel/problem.ts";
import { writeTimestamp } from "../kernel/wire.ts";
import { mid_length_max } from "../sdp/index.ts";
import type { JournalEvent } from "../store/index.ts";
import { socket_limits } from "./limits.ts";

const texts = new WeakMap<JournalEvent, string>();

/** An event as a frame; made once for all its readers. */
export function eventFrame(event: JournalEvent): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  const { id, type, data, actor, cause } = event;
  const shown = { id, type, data, tm: writeTimestamp(event.tm), actor, cause };
  const text = JSON.stringify({ type: "event", seq: event.seq, event: shown });
  texts.set(event, text);
  return text;
}

const uuid = Type.String({ format: "uuid" });
const mid = Type.String({ minLength: 1, maxLength: mid_length_max });
const pixels = Type.Integer({ minimum: 0, maximum: 16_384 });

const commands = {
  publish: Type.Object({
    microphone: Type.Optional(Type.Boolean()),
    camera: Type.Optional(Type.Boolean()),
    screen: Type.Optional(Type.Boolean()),
    rids: Type.Optional(
      Type.Object({
        camera: Type.Optional(
          Type.Array(Type.String({ minLength: 1, maxLength: 16 }), { maxItems: 4 }),
        ),
      }),
    ),
  }),
  tiles: Type.Object({
    tiles: Type.Array(
      Type.Object({
        mid,
        conferencecall_id: Type.Union([uuid, Type.Null()]),
        source: Type.Enum(["camera", "screen"]),
        width: pixels,
        height: pixels,
      }),
      { maxItems: socket_limits.tiles_max },
    ),
  }),
  chat: Type.Object({
    text: Type.String({ minLength: 1 }),
    target_conferencecall_id: Type.Optional(uuid),
    client_id: Type.Optional(
      Type.String({ minLength: 1, maxLength: talk_limits.client_id_length_max }),
    ),
  }),
  messages: Type.Object({
    before: Type.Optional(Type.String({ maxLength: 64 })),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
  }),
  delete_message: Type.Object({ message_id: uuid }),
  react: Type.Object({
    message_id: uuid,
    emoji: Type.String({ minLength: 1, maxLength: talk_limits.emoji_length_max }),
    is_on: Type.Boolean(),
  }),
  hand: Type.Object({ raised: Type.Boolean() }),
  rename: Type.Object({
    name: Type.String({ maxLength: socket_limits.name_length_max }),
  }),
  mute: Type.Object({ conferencecall_id: uuid }),
  kick: Type.Object({ conferencecall_id: uuid, ban: Type.Optional(Type.Boolean()) }),
  end: Type.Object({}),
} as const;

/** The name of a command. */
export type CommandType = keyof typeof commands;
/** A command's fields, judged. */
export type CommandFields<T extends CommandType> = Static<(typeof commands)[T]>;
/** A judged command. */
export type Command = {
  [T in CommandType]: { readonly type: T; readonly fields: CommandFields<T> };
}[CommandType];

/** Names of all commands, in the order of the manual. */
export const command_types = Object.keys(commands) as readonly CommandType[];

const compiled = new Map(Object.entries(commands).map(([type, schema]) => [type, Compile(schema)]));

/** A command's name for its answer. */
export type CommandId = number | string;

/** A frame of the client: `id` null when there is none that could be answered. */
export interface ClientFrame {
  readonly id: CommandId | null;
  readonly fields: Readonly<Record<string, unknown>>;
  /** The name of a member whose number a double cannot hold as it is written; null where there is none. */
  readonly inexact: string | null;
}

/** Refuses a frame with a number that would become another one, as bodies with such a number are. Errors: INVALID_ARGUMENT. */
export function requireExact({ inexact }: ClientFrame): void {
  if (inexact === null) return;
  throw problems.INVALID_ARGUMENT({
    message: `${inexact}: the number is beyond double precision`,
    details: [{ field: inexact }],
  });
}

/** What `JSON.parse` tells of a value beside itself; the compiler's library does not know it yet. */
type Reviver = (
  this: unknown,
  key: string,
  value: unknown,
  context: { readonly source?: string },
) => unknown;

/** Reads a frame; null when it is no JSON object. */
export function readFrame(text: string): ClientFrame | null {
  let value: unknown;
  let inexact: string | null = null;
  const revive: Reviver = function (key, inner, { source }) {
    if (key === "__proto__") return undefined;
    if (typeof inner === "number" && source !== undefined && !isExact(source)) {
      inexact ??= Array.isArray(this) ? `item ${key} of a list` : key.slice(0, 64);
      return undefined;
    }
    return inner;
  };
  try {
    value = JSON.parse(text, revive as (key: string, inner: unknown) => unknown);
  } catch {
    // What it was does not matter: the caller closes the socket with the code for it.
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const fields = value as Record<string, unknown>;
  const { id } = fields as { id?: unknown };
  const is_id =
    (typeof id === "number" && Number.isFinite(id)) ||
    (typeof id === "string" && id.length > 0 && id.length <= 64);
  return { id: is_id ? (id as CommandId) : null, fields, inexact };
}

/** Judges a command. Errors: INVALID_ARGUMENT, with the field. */
export function readCommand(fields: ClientFrame["fields"]): Command {
  const type = fields["type"];
  const check = typeof type === "string" ? compiled.get(type) : undefined;
  if (!check) {
    throw problems.INVALID_ARGUMENT({
      message: `type is none of ${command_types.join(", ")}`,
      details: [{ field: "type" }],
    });
  }
  if (!check.Check(fields)) {
    const [error] = check.Errors(fields);
    const field = (error?.instancePath ?? "").slice(1).replaceAll("/", ".");
    throw problems.INVALID_ARGUMENT({
      message: `${field || type} ${error?.message ?? "is not allowed"}`,
      details: [{ field: field || String(type) }],
    });
  }
  return { type, fields } as unknown as Command;
}
