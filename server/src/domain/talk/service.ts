// Use cases of a conference's chat. One chat per conference; it begins with the first message and is only read after the conference's end.
import type { Clock } from "../../kernel/clock.ts";
import type { Actor, EventType } from "../../kernel/event.ts";
import type { ConferencecallId, ConferenceId, Ids, MessageId } from "../../kernel/id.ts";
import { isUuid } from "../../kernel/id.ts";
import { cutPage, type Page, type PageQuery } from "../../kernel/page.ts";
import { problems } from "../../kernel/problem.ts";
import { readReference } from "../../kernel/wire.ts";
import type { Database, Store, Tx } from "../../store/index.ts";
import { actorOf, type Caller, mayHost, mayManage, seesConference } from "../customer/index.ts";
import { talkProblems } from "./problems.ts";
import {
  type Message,
  type MessageRow,
  type NewMessage,
  type ReactionRow,
  showMessage,
  talk_limits,
} from "./record.ts";
import type { TalkConference, TalkPerson, TalkRoom } from "./room.ts";
import * as talkStore from "./store.ts";

/** Writes as this join, which the caller was found to own; absent: as the caller, whose newest join it is where a join token asks. */
export interface As {
  readonly as?: ConferencecallId;
}

/** Use cases of the chat. A foreign conference answers as an unknown one, a message that the caller may not read as one that does not exist. */
export interface Talk {
  /** Newest first. Errors: CONFERENCE_NOT_FOUND. */
  list(caller: Caller, conference_id: ConferenceId, query: PageQuery): Promise<Page<Message>>;
  /** The last messages that these readers see (null: all), oldest first; `db` may be a view's. For the live socket. */
  tail(
    db: Database,
    conference_id: ConferenceId,
    readers: ReadonlySet<ConferencecallId> | null,
    count: number,
  ): Promise<Message[]>;
  /** Writes a message; with a `client_id` that this author used before, gives that message.
   *  Errors: CONFERENCE_NOT_FOUND, STATE_INVALID (the conference is over, or the caller is not in it), INVALID_ARGUMENT, LIMIT_EXCEEDED. Emits: conference_message_created. */
  post(
    caller: Caller,
    conference_id: ConferenceId,
    input: NewMessage,
    given?: As & { readonly sealed?: (tx: Tx, shown: Message) => Promise<void> },
  ): Promise<Message>;
  /** Empties a message; by its author, hosts and the customer. Idempotent. Errors: TALK_MESSAGE_NOT_FOUND, PERMISSION_DENIED, STATE_INVALID. Emits: conference_message_deleted. */
  remove(caller: Caller, conference_id: ConferenceId, id: MessageId, given?: As): Promise<Message>;
  /** Adds a reaction; idempotent. Errors: TALK_MESSAGE_NOT_FOUND, INVALID_ARGUMENT, LIMIT_EXCEEDED, STATE_INVALID. Emits: conference_message_updated. */
  react(
    caller: Caller,
    conference_id: ConferenceId,
    id: MessageId,
    emoji: string,
    given?: As,
  ): Promise<Message>;
  /** Takes a reaction back; idempotent. Errors as {@link react}. Emits: conference_message_updated. */
  unreact(
    caller: Caller,
    conference_id: ConferenceId,
    id: MessageId,
    emoji: string,
    given?: As,
  ): Promise<Message>;
}

/** Conferences whose messages were counted; then they are counted again. */
const counts_max = 10_000;

interface Author {
  readonly actor: Actor & { readonly id: string };
  readonly name: string;
}

/** Makes the use cases. */
export function createTalk(ports: {
  store: Store;
  clock: Clock;
  ids: Ids;
  room: TalkRoom;
  limits: { readonly conference_messages_max: number };
}): Talk {
  const { store, clock, ids, room } = ports;
  const { conference_messages_max: messages_max } = ports.limits;
  // Counting a hundred thousand for each message would take longer than writing it.
  const counts = new Map<ConferenceId, number>();

  const requireRoom = async (db: Database, conference_id: ConferenceId): Promise<void> => {
    const known = counts.get(conference_id);
    const count = known ?? (await talkStore.count(db, conference_id, messages_max));
    if (known === undefined) {
      if (counts.size >= counts_max) counts.clear();
      counts.set(conference_id, count);
    }
    if (count < messages_max) return;
    throw problems.LIMIT_EXCEEDED({
      message: `a conference has ${messages_max} messages`,
      details: [{ limit: messages_max }],
    });
  };

  const visible = (caller: Caller, conference: TalkConference | null): TalkConference => {
    if (!conference || !seesConference(caller, conference)) throw conferenceNotFound();
    return conference;
  };
  const readersOf = async (
    caller: Caller,
    db: Database,
  ): Promise<ReadonlySet<ConferencecallId> | null> =>
    caller.type === "participant" ? await room.idsOf(db, caller) : null;

  const personOf = async (
    db: Database,
    caller: Caller,
    as: ConferencecallId | undefined,
  ): Promise<TalkPerson | null> => {
    if (as !== undefined) return await room.person(db, as);
    return caller.type === "participant" ? await room.personOf(db, caller) : null;
  };

  /** Holds the conference and finds who writes. */
  const enter = async (
    tx: Tx,
    caller: Caller,
    conference_id: ConferenceId,
    { as }: As = {},
  ): Promise<Author> => {
    const conference = visible(caller, await room.hold(tx, caller.customer_id, conference_id));
    if (conference.is_over) {
      throw problems.STATE_INVALID({ message: "the conference is over: its chat is only read" });
    }
    if (caller.type !== "participant" && as === undefined) {
      const actor = actorOf(caller);
      if (actor.id === null || !mayManage(caller)) throw problems.PERMISSION_DENIED();
      return { actor, name: "" };
    }
    const person = await personOf(tx.db, caller, as);
    if (!person?.is_joined) {
      throw problems.STATE_INVALID({ message: "only people in the conference write in its chat" });
    }
    return { actor: { type: "conferencecall", id: person.id }, name: person.name };
  };

  const announce = (tx: Tx, type: EventType, row: MessageRow, actor: Actor): void => {
    const audience =
      row.target_conferencecall_id === null
        ? null
        : [
            row.target_conferencecall_id,
            ...(row.owner_type === "conferencecall" ? [row.owner_id as ConferencecallId] : []),
          ];
    tx.append({
      customer_id: row.customer_id,
      conference_id: row.conference_id,
      type,
      data: showMessage(row),
      actor,
      ...(audience ? { audience } : {}),
    });
  };

  /** The message, if the caller may read it. */
  const readable = async (
    db: Database,
    caller: Caller,
    conference_id: ConferenceId,
    id: MessageId,
  ): Promise<MessageRow> => {
    const row = await talkStore.find(db, conference_id, id);
    const readers = await readersOf(caller, db);
    const is_readable =
      row !== null &&
      (row.target_conferencecall_id === null ||
        readers === null ||
        readers.has(row.target_conferencecall_id) ||
        readers.has(row.owner_id as ConferencecallId));
    if (!is_readable) throw talkProblems.TALK_MESSAGE_NOT_FOUND();
    return row;
  };

  const requireTarget = async (
    db: Database,
    conference_id: ConferenceId,
    given: string | undefined,
  ): Promise<ConferencecallId | null> => {
    const target = readReference(given) as ConferencecallId | null;
    if (target === null) return null;
    const person: TalkPerson | null = isUuid(target) ? await room.person(db, target) : null;
    if (person?.conference_id !== conference_id || !person.is_joined) {
      throw problems.INVALID_ARGUMENT({
        message: "target_conferencecall_id names nobody who is in this conference",
        details: [{ field: "target_conferencecall_id" }],
      });
    }
    return person.id;
  };

  const changeReactions = (
    caller: Caller,
    conference_id: ConferenceId,
    id: MessageId,
    given: As | undefined,
    change: (before: readonly ReactionRow[], author: Author) => readonly ReactionRow[],
  ): Promise<Message> =>
    store.transaction(async (tx) => {
      const author = await enter(tx, caller, conference_id, given);
      const row = await readable(tx.db, caller, conference_id, id);
      if (row.tm_delete !== null) throw talkProblems.TALK_MESSAGE_NOT_FOUND();
      const reactions = change(row.reactions, author);
      if (reactions === row.reactions) return showMessage(row);
      const changed = await talkStore.update(tx.db, id, { reactions, tm_update: clock.now() });
      announce(tx, "conference_message_updated", changed, author.actor);
      return showMessage(changed);
    });

  return {
    async list(caller, conference_id, query) {
      visible(caller, await room.find(store.db, caller.customer_id, conference_id));
      const readers = await readersOf(caller, store.db);
      const rows = await talkStore.page(store.db, conference_id, query, readers);
      return cutPage(rows, query, showMessage);
    },

    async tail(db, conference_id, readers, count) {
      const query = { size: count, before: null };
      const rows = await talkStore.page(db, conference_id, query, readers);
      return rows.slice(0, count).reverse().map(showMessage);
    },

    async post(caller, conference_id, input, given) {
      const text = requireText(input.text);
      const client_id = requireClientId(input.client_id);
      let is_new = false;
      const message = await store.transaction(async (tx) => {
        is_new = false;
        const author = await enter(tx, caller, conference_id, given);
        const known =
          client_id === null
            ? null
            : await talkStore.findByClientId(tx.db, conference_id, author.actor.id, client_id);
        if (known) return showMessage(known);
        await requireRoom(tx.db, conference_id);
        const row: MessageRow = {
          id: ids.next<MessageId>(),
          customer_id: caller.customer_id,
          conference_id,
          owner_type: author.actor.type,
          owner_id: author.actor.id,
          owner_name: author.name,
          target_conferencecall_id: await requireTarget(
            tx.db,
            conference_id,
            input.target_conferencecall_id,
          ),
          type: "normal",
          text,
          reactions: [],
          client_id,
          tm_create: clock.now(),
          tm_update: null,
          tm_delete: null,
        };
        await talkStore.insert(tx.db, row);
        is_new = true;
        announce(tx, "conference_message_created", row, author.actor);
        const shown = showMessage(row);
        await given?.sealed?.(tx, shown);
        return shown;
      });
      const count = counts.get(conference_id);
      if (is_new && count !== undefined) counts.set(conference_id, count + 1);
      return message;
    },

    remove: (caller, conference_id, id, given) =>
      store.transaction(async (tx) => {
        const conference = visible(caller, await room.hold(tx, caller.customer_id, conference_id));
        const row = await readable(tx.db, caller, conference_id, id);
        const person = await personOf(tx.db, caller, given?.as);
        const actor: Actor = person ? { type: "conferencecall", id: person.id } : actorOf(caller);
        const readers = await readersOf(caller, tx.db);
        const is_author =
          row.owner_id === actor.id || (readers?.has(row.owner_id as ConferencecallId) ?? false);
        if (!is_author && !mayHost(caller)) {
          throw problems.PERMISSION_DENIED({
            message: "only its author, hosts and the customer delete a message",
          });
        }
        // The customer may clear a message from the history for ever after.
        if (conference.is_over && !mayManage(caller)) {
          throw problems.STATE_INVALID({
            message: "the conference is over: its chat is only read",
          });
        }
        if (row.tm_delete !== null) return showMessage(row);
        const now = clock.now();
        const removed = await talkStore.update(tx.db, id, {
          text: "",
          reactions: [],
          tm_update: now,
          tm_delete: now,
        });
        announce(tx, "conference_message_deleted", removed, actor);
        return showMessage(removed);
      }),

    async react(caller, conference_id, id, text, given) {
      const emoji = requireEmoji(text);
      return changeReactions(caller, conference_id, id, given, (before, author) => {
        if (before.some((one) => isOf(one, author, emoji))) return before;
        if (before.length >= talk_limits.reactions_max) {
          throw problems.LIMIT_EXCEEDED({
            message: `a message takes ${talk_limits.reactions_max} reactions`,
            details: [{ limit: talk_limits.reactions_max }],
          });
        }
        const { type, id: owner_id } = author.actor;
        return [...before, { emoji, owner_type: type, owner_id, tm_create: clock.now() }];
      });
    },

    async unreact(caller, conference_id, id, text, given) {
      const emoji = requireEmoji(text);
      return changeReactions(caller, conference_id, id, given, (before, author) =>
        before.some((one) => isOf(one, author, emoji))
          ? before.filter((one) => !isOf(one, author, emoji))
          : before,
      );
    },
  };
}

const conferenceNotFound = () => talkProblems.CONFERENCE_NOT_FOUND();

const isOf = (reaction: ReactionRow, author: Author, emoji: string): boolean =>
  reaction.emoji === emoji && reaction.owner_id === author.actor.id;

const bad = (field: string, message: string) =>
  problems.INVALID_ARGUMENT({ message, details: [{ field }] });

function requireText(text: string): string {
  // Half a character, and the NUL that PostgreSQL stores nowhere.
  if (!text.isWellFormed() || text.includes("\0")) throw bad("text", "text is not valid Unicode");
  if (text.trim() === "") throw bad("text", "text is empty");
  if (text.length > talk_limits.text_length_max && [...text].length > talk_limits.text_length_max) {
    throw bad("text", `text has more than ${talk_limits.text_length_max} characters`);
  }
  return text;
}

function requireClientId(client_id: string | undefined): string | null {
  if (client_id === undefined) return null;
  if (!/^[\w-]+$/.test(client_id) || client_id.length > talk_limits.client_id_length_max) {
    throw bad(
      "client_id",
      `client_id is 1 to ${talk_limits.client_id_length_max} letters, digits, - and _`,
    );
  }
  return client_id;
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

function requireEmoji(emoji: string): string {
  const is_emoji =
    emoji.length <= talk_limits.emoji_length_max &&
    emoji.isWellFormed() &&
    /\p{Extended_Pictographic}|\p{Emoji_Presentation}|\p{Regional_Indicator}|\u20e3/u.test(emoji) &&
    [...graphemes.segment(emoji)].length === 1;
  if (!is_emoji) throw bad("emoji", "emoji is not one emoji");
  return emoji;
}
