// Flow actions as data: which types there are and what their options may hold. They run when flows exist.
import { type Static, type TProperties, type TSchema, Type } from "typebox";
import { Compile } from "typebox/compile";
import { catalogue, problems } from "../../kernel/problem.ts";
import { nil_uuid } from "../../kernel/wire.ts";

/** One action of a flow, echoed exactly as it was given; a nil `id` or `next_id` stays nil. */
export const Action = Type.Object(
  {
    id: Type.String({ format: "uuid", description: "Target for jumps; nil = none." }),
    next_id: Type.String({
      format: "uuid",
      description: "What follows; nil = the next in the list.",
    }),
    type: Type.String({ description: "What to do, e.g. `talk`." }),
    option: Type.Record(Type.String(), Type.Unknown(), { description: "Settings of the type." }),
  },
  { title: "Action", description: "One action of a flow." },
);
/** What {@link Action} describes. */
export type Action = Static<typeof Action>;

/** An action as a caller writes it: everything but `type` may be left out. */
export const ActionInput = Type.Object(
  {
    id: Type.Optional(Type.String({ format: "uuid" })),
    next_id: Type.Optional(Type.String({ format: "uuid" })),
    type: Type.String(),
    option: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
  },
  { title: "ActionInput", description: "An action to store; `type` decides what `option` holds." },
);
/** What {@link ActionInput} describes. */
export type ActionInput = Static<typeof ActionInput>;

/** Problems of actions. */
export const flowProblems = catalogue({
  INVALID_ACTION_TYPE: { status: "INVALID_ARGUMENT", title: "There is no such action" },
});

/** Actions in one list. */
export const actions_max = 100;

const text = Type.String();
const uuid = Type.String({ format: "uuid" });
const flag = Type.Boolean();
const duration_ms = Type.Integer({ minimum: 0, maximum: 86_400_000 });
const duration_s = Type.Integer({ minimum: 0, maximum: 86_400 });
const address = Type.Object({ type: text, target: text });
const language = Type.String({ minLength: 1, maxLength: 64 });
const comparison = Type.Enum(["==", "!=", ">", ">=", "<", "<="]);
const any = Type.Unknown();

// Required members by name; the second table holds those that may be absent.
type Options = { readonly needs?: TProperties; readonly takes?: Record<string, TSchema> };

/** The types of action with their options (calls-and-flows.md section 5.4). */
const action_options: Readonly<Record<string, Options>> = {
  agent_call: { needs: { agent_id: uuid } },
  amd: { takes: { machine_handle: Type.Enum(["hangup", "continue"]), async: flag } },
  answer: {},
  beep: {},
  block: {},
  branch: {
    takes: {
      variable: text,
      target_ids: Type.Record(Type.String(), uuid),
      default_target_id: uuid,
    },
  },
  call: {
    needs: { destinations: Type.Array(address) },
    takes: {
      source: address,
      flow_id: uuid,
      actions: Type.Array(ActionInput),
      chained: flag,
      early_execution: flag,
      anonymous: text,
    },
  },
  condition_call_digits: { takes: { length: Type.Integer(), key: text, false_target_id: uuid } },
  condition_call_status: { needs: { status: text }, takes: { false_target_id: uuid } },
  condition_datetime: {
    needs: { condition: comparison },
    takes: {
      minute: Type.Integer({ minimum: -1, maximum: 59 }),
      hour: Type.Integer({ minimum: -1, maximum: 23 }),
      day: Type.Integer({ minimum: -1, maximum: 31 }),
      month: Type.Integer({ minimum: 0, maximum: 12 }),
      weekdays: Type.Array(Type.Integer({ minimum: 0, maximum: 6 })),
      false_target_id: uuid,
    },
  },
  condition_variable: {
    needs: { condition: comparison, variable: text },
    takes: {
      value_type: Type.Enum(["string", "number", "length"]),
      value_string: text,
      value_number: Type.Number(),
      value_length: Type.Integer(),
      false_target_id: uuid,
    },
  },
  confbridge_join: { needs: { confbridge_id: uuid } },
  conference_join: { needs: { conference_id: uuid } },
  connect: {
    needs: { destinations: Type.Array(address) },
    takes: {
      source: address,
      early_media: flag,
      relay_reason: flag,
      anonymous: text,
      unchained: flag,
    },
  },
  conversation_send: { needs: { conversation_id: uuid, text }, takes: { sync: flag } },
  digits_receive: {
    takes: { duration: duration_ms, length: Type.Integer({ minimum: 0 }), key: text },
  },
  digits_send: {
    needs: { digits: Type.String({ pattern: "^[0-9A-D#*]{1,100}$" }) },
    takes: {
      duration: Type.Integer({ minimum: 100, maximum: 1000 }),
      interval: Type.Integer({ minimum: 0, maximum: 5000 }),
    },
  },
  echo: { takes: { duration: duration_ms } },
  email_send: {
    needs: { destinations: Type.Array(address) },
    takes: { subject: text, content: text, attachments: Type.Array(any) },
  },
  external_media_start: {
    needs: { external_host: text },
    takes: {
      encapsulation: text,
      transport: text,
      transport_data: text,
      connection_type: text,
      format: text,
      direction_listen: text,
      direction_speak: text,
      data: text,
    },
  },
  external_media_stop: {},
  fetch: { needs: { event_url: text }, takes: { event_method: text } },
  fetch_flow: { needs: { flow_id: uuid } },
  goto: { needs: { target_id: uuid }, takes: { loop_count: Type.Integer({ minimum: 0 }) } },
  hangup: { takes: { reason: text, reference_id: uuid } },
  hangup_relay: { needs: { reference_id: uuid } },
  message_send: { needs: { destinations: Type.Array(address), text }, takes: { source: address } },
  mute: { takes: { direction: Type.Enum(["", "in", "out", "both"]) } },
  play: { needs: { stream_urls: Type.Array(text, { minItems: 1, maxItems: 100 }) } },
  queue_join: { needs: { queue_id: uuid } },
  recording_start: {
    takes: {
      format: Type.Enum(["wav"]),
      end_of_silence: duration_s,
      end_of_key: Type.Enum(["", "none", "any", "*", "#"]),
      duration: duration_s,
      beep_start: any,
      on_end_flow_id: uuid,
    },
  },
  recording_stop: {},
  sleep: { needs: { duration: duration_ms } },
  stop: {},
  stream_echo: { takes: { duration: duration_ms } },
  talk: {
    needs: { text: Type.String({ minLength: 1, maxLength: 5_000 }) },
    takes: {
      language,
      gender: Type.Enum(["", "male", "female", "neutral"]),
      provider: Type.Enum(["", "gcp", "aws"]),
      voice_id: text,
      digits_handle: Type.Enum(["", "next"]),
      async: flag,
    },
  },
  transcribe_recording: { needs: { language }, takes: { provider: text, on_end_flow_id: uuid } },
  transcribe_start: {
    needs: { language },
    takes: {
      provider: text,
      direction: Type.Enum(["", "in", "out", "both"]),
      on_end_flow_id: uuid,
    },
  },
  transcribe_stop: {},
  variable_set: { needs: { key: text }, takes: { value: text } },
  webhook_send: {
    needs: { uri: text },
    takes: { sync: flag, method: text, data_type: text, data: text },
  },
};

/** Every type that a list may hold, in alphabetical order. */
export const action_types: readonly string[] = Object.keys(action_options);

// A list inside a conference cannot join again: it would nest without end (calls-and-flows.md F3).
const refused_inside = new Set(["conference_join"]);

const compiled = new Map(
  Object.entries(action_options).map(([type, { needs = {}, takes = {} }]) => [
    type,
    Compile(
      Type.Object({
        ...needs,
        ...Object.fromEntries(
          Object.entries(takes).map(([key, schema]) => [key, Type.Optional(schema)]),
        ),
      }),
    ),
  ]),
);

/**
 * Judges a list of actions for a conference and completes missing members (`id` and `next_id` nil, `option` empty).
 * Errors: INVALID_ACTION_TYPE, INVALID_ARGUMENT with the position of the fault.
 */
export function readActions(list: readonly ActionInput[], field: string): Action[] {
  if (list.length > actions_max) {
    throw problems.INVALID_ARGUMENT({
      message: `${field} has more than ${actions_max} actions`,
      details: [{ field }],
    });
  }
  return list.map((action, at) => {
    const place = `${field}.${at}`;
    const options = compiled.get(action.type);
    if (!options || refused_inside.has(action.type)) {
      throw flowProblems.INVALID_ACTION_TYPE({
        message: options
          ? `${action.type} cannot stand inside a conference's own list`
          : `there is no action ${JSON.stringify(action.type.slice(0, 64))}`,
        details: [{ field: `${place}.type` }],
      });
    }
    const option = action.option ?? {};
    if (!options.Check(option)) {
      const [error] = options.Errors(option);
      throw problems.INVALID_ARGUMENT({
        message: `${place}.option${(error?.instancePath ?? "").replaceAll("/", ".")} ${error?.message ?? "is not allowed"}`,
        details: [{ field: `${place}.option${(error?.instancePath ?? "").replaceAll("/", ".")}` }],
      });
    }
    return {
      id: action.id ?? nil_uuid,
      next_id: action.next_id ?? nil_uuid,
      type: action.type,
      option,
    };
  });
}
