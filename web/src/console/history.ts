// What a conference's journal tells: who was in when, who talked, what was written. Pure: events in, facts out.
import type { Conferencecall, JournalEvent, Message } from "@parley/client";
import { readTime } from "../look/people.ts";
import type { NumberedEvent } from "./api.ts";

/** Adds events to a journal; in order, none twice, whatever order they come in. */
export function mergeEvents(
  known: readonly NumberedEvent[],
  more: readonly NumberedEvent[],
): readonly NumberedEvent[] {
  if (more.length === 0) return known;
  const last = known.at(-1)?.seq ?? 0;
  // Usually the next one comes at the end.
  if (more.every(({ seq }, at) => seq > (at === 0 ? last : (more[at - 1]?.seq ?? 0))))
    return [...known, ...more];
  const by_seq = new Map([...known, ...more].map((event) => [event.seq, event]));
  return [...by_seq.values()].sort((one, other) => one.seq - other.seq);
}

/** First number that is missing between the events, or null. */
export function firstGap(events: readonly NumberedEvent[]): number | null {
  for (const [at, { seq }] of events.entries()) if (seq !== at + 1) return at + 1;
  return null;
}

const isJoinEvent = (type: string): boolean => type.startsWith("conferencecall_");

/** Every join there ever was, as it stands after the last event, in order of arrival. */
export function joinsOf(events: readonly NumberedEvent[]): Conferencecall[] {
  const joins = new Map<string, Conferencecall>();
  for (const { type, data } of events) {
    const id = data["id"];
    if (isJoinEvent(type) && typeof id === "string")
      joins.set(id, data as unknown as Conferencecall);
  }
  return [...joins.values()];
}

/** Who removed somebody, by the removed join. */
export function removersOf(events: readonly NumberedEvent[]): Map<string, JournalEvent["actor"]> {
  const removers = new Map<string, JournalEvent["actor"]>();
  for (const { type, data, actor } of events) {
    const id = data["id"];
    // The first word counts: what follows are the steps of the server.
    if (isJoinEvent(type) && data["leave_reason"] === "kicked" && typeof id === "string")
      if (!removers.has(id)) removers.set(id, actor);
  }
  return removers;
}

/** Every message there ever was, oldest first, without the deleted ones. */
export function messagesOf(events: readonly NumberedEvent[]): Message[] {
  const messages = new Map<string, Message>();
  for (const { type, data } of events) {
    const id = data["id"];
    if (typeof id !== "string") continue;
    if (type === "conference_message_created") messages.set(id, data as unknown as Message);
    if (type === "conference_message_deleted") messages.delete(id);
  }
  return [...messages.values()];
}

/** A stretch of time, in milliseconds since 1970. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** One person's line of the time line. */
export interface Lane {
  readonly id: string;
  readonly name: string;
  readonly role: string;
  readonly present: Span;
  readonly is_in: boolean;
  readonly talked: readonly Span[];
  readonly raised: readonly number[];
}

/** Something that happened to the conference or somebody. */
export interface Mark {
  readonly at: number;
  readonly kind: "message" | "kicked" | "ended";
  readonly name: string;
}

/** A conference drawn along time. */
export interface Timeline {
  readonly from: number;
  readonly to: number;
  readonly lanes: readonly Lane[];
  readonly marks: readonly Mark[];
}

/** The time line of a journal, up to `now` while the conference lasts. */
export function timelineOf(events: readonly NumberedEvent[], now: number): Timeline | null {
  const joins = joinsOf(events).filter(({ tm_joined }) => readTime(tm_joined) !== null);
  if (joins.length === 0) return null;
  const starts = joins.map(({ tm_joined }) => readTime(tm_joined)?.getTime() ?? now);
  const ended = events.find(({ type }) => type === "conference_deleted");
  const end = ended ? (readTime(ended.tm)?.getTime() ?? now) : now;
  const from = Math.min(...starts);
  const to = Math.max(end, from + 1_000, ...joins.map((join) => leftAt(join) ?? 0));
  const talks = talksOf(events, to);
  const raised = raisesOf(events);
  return {
    from,
    to,
    lanes: joins.map((join, at) => {
      const until = leftAt(join) ?? to;
      return {
        id: join.id,
        name: join.name,
        role: join.role,
        is_in: leftAt(join) === null,
        present: { from: starts[at] ?? from, to: until },
        talked: (talks.get(join.id) ?? []).map((span) => ({
          from: span.from,
          to: Math.min(span.to, until),
        })),
        raised: raised.get(join.id) ?? [],
      };
    }),
    marks: marksOf(events),
  };
}

const leftAt = ({ tm_leaved }: Conferencecall): number | null =>
  readTime(tm_leaved)?.getTime() ?? null;

function talksOf(events: readonly NumberedEvent[], end: number): Map<string, Span[]> {
  const talks = new Map<string, Span[]>();
  let talker: string | null = null;
  let since = 0;
  const stop = (at: number): void => {
    if (talker !== null && at > since) {
      talks.set(talker, [...(talks.get(talker) ?? []), { from: since, to: at }]);
    }
  };
  for (const { type, data, tm } of events) {
    if (type !== "conference_active_speaker") continue;
    const at = readTime(tm)?.getTime() ?? since;
    stop(at);
    const id = data["conferencecall_id"];
    talker = typeof id === "string" ? id : null;
    since = at;
  }
  stop(end);
  return talks;
}

function raisesOf(events: readonly NumberedEvent[]): Map<string, number[]> {
  const raised = new Map<string, number[]>();
  const up = new Set<string>();
  for (const { type, data, tm } of events) {
    const id = data["id"];
    if (!isJoinEvent(type) || typeof id !== "string") continue;
    if (data["hand"] === true && !up.has(id)) {
      up.add(id);
      raised.set(id, [...(raised.get(id) ?? []), readTime(tm)?.getTime() ?? 0]);
    }
    if (data["hand"] !== true) up.delete(id);
  }
  return raised;
}

function marksOf(events: readonly NumberedEvent[]): Mark[] {
  const marks: Mark[] = [];
  const kicked = new Set<unknown>();
  for (const { type, data, tm } of events) {
    const at = readTime(tm)?.getTime();
    if (at === undefined) continue;
    if (type === "conference_message_created")
      marks.push({ at, kind: "message", name: String(data["owner_name"] ?? "") });
    if (type === "conference_deleted") marks.push({ at, kind: "ended", name: "" });
    if (isJoinEvent(type) && data["leave_reason"] === "kicked" && !kicked.has(data["id"])) {
      kicked.add(data["id"]);
      marks.push({ at, kind: "kicked", name: String(data["name"] ?? "") });
    }
  }
  return marks;
}

/** Who began the end of a conference, why and when. */
export interface EndFact {
  readonly at: number;
  readonly cause: string;
  readonly actor: NumberedEvent["actor"];
}

/** How a conference ended; null while nobody has ended it. */
export function endOf(events: readonly NumberedEvent[]): EndFact | null {
  const begun = events.find(
    ({ type, data }) =>
      type === "conference_deleted" ||
      (type === "conference_updated" && data["status"] === "terminating"),
  );
  if (!begun) return null;
  const { actor, cause, tm } = begun;
  return { at: readTime(tm)?.getTime() ?? 0, cause: cause ?? "", actor };
}

/** Minutes that people spent in the conference, added up. */
export function personMinutes(joins: readonly Conferencecall[], now: number): number {
  const total = joins.reduce((sum, join) => {
    const from = readTime(join.tm_joined)?.getTime();
    return from === undefined ? sum : sum + Math.max(0, (leftAt(join) ?? now) - from);
  }, 0);
  return total / 60_000;
}

/** Most people who were in at the same moment. */
export function peakOf(joins: readonly Conferencecall[]): number {
  const changes = joins.flatMap((join) => {
    const from = readTime(join.tm_joined)?.getTime();
    if (from === undefined) return [];
    const to = leftAt(join);
    return to === null ? [[from, 1] as const] : [[from, 1] as const, [to, -1] as const];
  });
  // At the same instant the one who leaves goes first.
  changes.sort(([at, by], [other_at, other_by]) => at - other_at || by - other_by);
  let now = 0;
  let most = 0;
  for (const [, by] of changes) {
    now += by;
    most = Math.max(most, now);
  }
  return most;
}

/** Round moments for the axis of a time line: at most `count_max`, at whole seconds, minutes or hours. */
export function ticksOf({ from, to }: Span, count_max: number): number[] {
  const steps_s = [
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400,
  ];
  const step =
    (steps_s.find((seconds) => (to - from) / (seconds * 1000) <= count_max) ?? 604_800) * 1000;
  const ticks: number[] = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) ticks.push(at);
  return ticks;
}
