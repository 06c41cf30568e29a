// The catalogue of event types. An event is a line of the journal; nothing else announces anything.
import type { AccesskeyId, AgentId, ConferencecallId } from "./id.ts";

/** Every type of event, with the sentence that the manual prints. Append-only: receivers compare these names. */
export const events = {
  conference_created: "A conference was created.",
  conference_updated: "A conference changed: its fields, status or who is in it.",
  conference_deleted: "A conference reached `terminated`. Exactly once per conference.",
  conference_active_speaker: "Somebody else became the one who speaks most.",
  conference_message_created: "A chat message was written.",
  conference_message_updated: "A chat message changed, for example its reactions.",
  conference_message_deleted: "A chat message was deleted.",
  conferencecall_joining: "Somebody started to join.",
  conferencecall_joined: "Somebody is connected and in the room.",
  conferencecall_updated: "A join changed: name, camera, screen or raised hand.",
  conferencecall_muted: "A microphone went off.",
  conferencecall_unmuted: "A microphone went on.",
  conferencecall_leaving: "Somebody is being removed.",
  conferencecall_leaved: "Somebody has left.",
  call_created: "A call was created.",
  call_progressing: "A call was answered.",
  call_hangup: "A call ended.",
} as const;

/** The name of an event. */
export type EventType = keyof typeof events;

/** Every name, in the order of the catalogue. */
export const eventTypes = Object.keys(events) as readonly EventType[];

/** Who caused a change. `system`: nobody asked, e.g. a timeout. */
export type Actor =
  | { readonly type: "agent"; readonly id: AgentId }
  | { readonly type: "accesskey"; readonly id: AccesskeyId }
  | { readonly type: "conferencecall"; readonly id: ConferencecallId }
  | { readonly type: "system"; readonly id: null };

/** The actor of what happens by itself. */
export const system: Actor = { type: "system", id: null };
