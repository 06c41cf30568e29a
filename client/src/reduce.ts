// Turns what the server says into the view that pages show. Pure: frame in, new view and notices out.
import type { ChatView, ConferenceView, PendingMessage, Person } from "./view.ts";
import type {
  Conference,
  Conferencecall,
  JournalEvent,
  Message,
  ServerFrame,
  You,
} from "./wire.ts";

/** The view before anything is known. */
export const empty_view: ConferenceView = {
  connection: "connecting",
  reconnect: null,
  ending: null,
  conference: null,
  you: null,
  people: [],
  active_speaker: null,
  chat: { messages: [], pending: [], unread: 0, has_earlier: false },
  seq: 0,
};

/** A notice that follows from a frame, beside the changed view. */
export type Noticed =
  | { readonly type: "event"; readonly seq: number; readonly event: JournalEvent }
  | { readonly type: "joined"; readonly person: Person }
  | { readonly type: "left"; readonly person: Person }
  | { readonly type: "message"; readonly message: Message };

/** A view and what happened on the way to it. */
export interface Reduced {
  readonly view: ConferenceView;
  readonly noticed: readonly Noticed[];
}

const nil_uuid = "00000000-0000-0000-0000-000000000000";
/** How many messages a snapshot holds at most; a full one says that there may be earlier ones. */
const snapshot_messages_max = 100;

const same = (view: ConferenceView): Reduced => ({ view, noticed: [] });

/** Applies a frame. Frames that carry no state of the conference (pings, answers, slots) leave the view as it is. */
export function reduceFrame(view: ConferenceView, frame: ServerFrame): Reduced {
  if (!("type" in frame)) return same(view);
  switch (frame.type) {
    case "snapshot":
      return reduceSnapshot(view, frame);
    case "resumed":
      return same({ ...view, you: frame.you });
    case "event":
      return reduceEvent(view, frame.seq, frame.event);
    case "speakers":
      return same(markHeard(view, frame));
    default:
      return same(view);
  }
}

/** Who speaks, as the server says it. */
export type SpeakersFrame = Extract<ServerFrame, { type: "speakers" }>;

/** The view with those marked who speak; as it is where nothing is known. */
export function markHeard(view: ConferenceView, frame: SpeakersFrame | null): ConferenceView {
  if (!frame) return view;
  const people = markSpeakers(view.people, frame.active, new Set(frame.speaking));
  return { ...view, active_speaker: frame.active, people };
}

/** The view of somebody who hears nobody: while the connection is cut no one is shown as speaking. */
export function withoutVoices(view: ConferenceView): ConferenceView {
  const is_silent = view.people.every((person) => !person.is_speaking && !person.is_active_speaker);
  if (is_silent && view.active_speaker === null) return view;
  return { ...view, active_speaker: null, people: markSpeakers(view.people, null, new Set()) };
}

function reduceSnapshot(
  view: ConferenceView,
  frame: Extract<ServerFrame, { type: "snapshot" }>,
): Reduced {
  const speaking = new Set(view.people.filter((person) => person.is_speaking).map(({ id }) => id));
  const people = frame.conferencecalls
    .filter((call) => call.status !== "leaved")
    .map((call) => show(call, frame.you, view.active_speaker, speaking));
  // After a gap too long to resume: what was loaded stays, what was missed is put in its place.
  const known = new Set(view.chat.messages.map(({ id }) => id));
  const is_first = view.conference === null;
  const fresh = frame.messages.filter(({ id }) => !known.has(id));
  const chat: ChatView = {
    messages: mergeMessages(view.chat.messages, frame.messages),
    pending: view.chat.pending,
    unread: is_first ? 0 : view.chat.unread + fresh.filter((m) => !isMine(m, frame.you)).length,
    has_earlier: is_first
      ? frame.messages.length >= snapshot_messages_max
      : view.chat.has_earlier || frame.messages.length >= snapshot_messages_max,
  };
  return {
    view: { ...view, conference: frame.conference, you: frame.you, people, chat, seq: frame.seq },
    noticed: is_first
      ? []
      : fresh
          .filter((message) => !isMine(message, frame.you))
          .map((message) => ({ type: "message", message })),
  };
}

function reduceEvent(view: ConferenceView, seq: number, event: JournalEvent): Reduced {
  // What a resumed socket repeats was applied before.
  if (seq <= view.seq) return same(view);
  const applied = applyEvent({ ...view, seq }, event);
  return { view: applied.view, noticed: [{ type: "event", seq, event }, ...applied.noticed] };
}

function applyEvent(view: ConferenceView, event: JournalEvent): Reduced {
  if (event.type === "conference_active_speaker") {
    const active = event.data["conferencecall_id"];
    return same({ ...view, active_speaker: typeof active === "string" ? active : null });
  }
  if (event.type.startsWith("conference_message_")) {
    return applyMessage(view, event.data as unknown as Message);
  }
  if (event.type.startsWith("conferencecall_")) {
    return applyConferencecall(view, event.data as unknown as Conferencecall);
  }
  if (event.type.startsWith("conference_")) {
    return same({ ...view, conference: event.data as unknown as Conference });
  }
  return same(view);
}

function applyConferencecall(view: ConferenceView, call: Conferencecall): Reduced {
  const before = view.people.find(({ id }) => id === call.id);
  if (call.status === "leaved") {
    if (!before) return same(view);
    const person: Person = { ...before, ...call, is_speaking: false, is_active_speaker: false };
    return {
      view: { ...view, people: view.people.filter(({ id }) => id !== call.id) },
      noticed: [{ type: "left", person }],
    };
  }
  const person = show(
    call,
    view.you,
    view.active_speaker,
    new Set(before?.is_speaking ? [call.id] : []),
  );
  const people = before
    ? view.people.map((other) => (other.id === call.id ? person : other))
    : [...view.people, person];
  const has_come = call.status === "joined" && before?.status !== "joined";
  return {
    view: { ...view, people },
    noticed: has_come ? [{ type: "joined", person }] : [],
  };
}

function applyMessage(view: ConferenceView, message: Message): Reduced {
  const is_known = view.chat.messages.some(({ id }) => id === message.id);
  const is_new = !is_known && message.text !== "";
  const is_others = !isMine(message, view.you);
  const chat: ChatView = {
    ...view.chat,
    messages: mergeMessages(view.chat.messages, [message]),
    pending: is_new && !is_others ? withoutStored(view.chat.pending, message) : view.chat.pending,
    unread: view.chat.unread + (is_new && is_others ? 1 : 0),
  };
  return {
    view: { ...view, chat },
    noticed: is_new && is_others ? [{ type: "message", message }] : [],
  };
}

// The event of an own message may come before the answer to what sent it; until then it would stand in the chat twice. It does
// not say which one it is, but they come in their order.
function withoutStored(
  pending: readonly PendingMessage[],
  { text, target_conferencecall_id }: Message,
): readonly PendingMessage[] {
  const stored = pending.find(
    (entry) =>
      entry.state === "sending" &&
      entry.text === text &&
      (entry.target_conferencecall_id ?? nil_uuid) === target_conferencecall_id,
  );
  return stored ? pending.filter((entry) => entry !== stored) : pending;
}

/** Puts messages into a list by id and time of creation; a message that is there already is replaced. */
export function mergeMessages(
  known: readonly Message[],
  more: readonly Message[],
): readonly Message[] {
  const byId = new Map(known.map((message) => [message.id, message]));
  for (const message of more) byId.set(message.id, message);
  return [...byId.values()].toSorted((a, b) =>
    a.tm_create === b.tm_create ? (a.id < b.id ? -1 : 1) : a.tm_create < b.tm_create ? -1 : 1,
  );
}

const isMine = (message: Message, you: You | null): boolean =>
  you?.conferencecall_id != null && message.owner_id === you.conferencecall_id;

const show = (
  call: Conferencecall,
  you: You | null,
  active: string | null,
  speaking: ReadonlySet<string>,
): Person => ({
  ...call,
  is_me: you?.conferencecall_id === call.id,
  is_speaking: speaking.has(call.id),
  is_active_speaker: active === call.id,
});

/** Keeps every person that did not change as the same object, so that a page redraws only who did. */
function markSpeakers(
  people: readonly Person[],
  active: string | null,
  speaking: ReadonlySet<string>,
): readonly Person[] {
  return people.map((person) => {
    const is_speaking = speaking.has(person.id);
    const is_active_speaker = active === person.id;
    return person.is_speaking === is_speaking && person.is_active_speaker === is_active_speaker
      ? person
      : { ...person, is_speaking, is_active_speaker };
  });
}
