// What is on the stage: who has a tile, which screens are shown, and what is large. Pure.
import type { Person, Source } from "@parley/client";
import { seat } from "./seating.ts";

/** What a tile is about. */
export interface TileSubject {
  readonly person: Person;
  readonly source: Source;
}

/** What is shown large by choice. */
export interface Pin {
  readonly person_id: string;
  readonly source: Source;
}

/** Names a subject; a person's camera is named like the person. */
export const keyOf = (person_id: string, source: Source): string =>
  source === "camera" ? person_id : `${person_id}:screen`;

/** Who shares a screen, the latest last. Those who were sharing already when one came in are told apart by their last change. */
export function sharesAfter(before: readonly string[], present: readonly Person[]): string[] {
  const sharing = present.filter(({ screen }) => screen);
  const still = new Set(sharing.map(({ id }) => id));
  const known = new Set(before);
  const fresh = sharing
    .filter(({ id }) => !known.has(id))
    .toSorted((one, other) => (one.tm_update < other.tm_update ? -1 : 1));
  return [...before.filter((id) => still.has(id)), ...fresh.map(({ id }) => id)];
}

/** A choice of the viewer comes first, then the newest screen of the others. One's own would show itself in itself. */
export function pickLarge(
  present: readonly Person[],
  shares: readonly string[],
  pin: Pin | null,
): TileSubject | null {
  const pinned = present.find(({ id }) => id === pin?.person_id);
  const is_there = pinned && pin && (pin.source === "screen" ? pinned.screen : sends(pinned));
  if (is_there) return { person: pinned, source: pin.source };
  const newest = shares.findLast((id) => present.some((one) => one.id === id && !one.is_me));
  const person = present.find(({ id }) => id === newest);
  return person ? { person, source: "screen" } : null;
}

/** Whether somebody can be heard and seen; who only listens has no tile. */
export const sends = ({ role }: Person): boolean => role !== "listener";

/** The order of all tiles: people keep their places, screens come at the end of the first page. */
export function orderTiles(given: {
  readonly before: readonly string[];
  readonly people: readonly string[];
  readonly screens: readonly string[];
  readonly spoke: readonly string[];
  readonly per_page: number;
  readonly kept: string | null;
}): { readonly people: readonly string[]; readonly all: readonly string[] } {
  const { screens } = given;
  const room = Math.max(1, given.per_page - screens.length);
  const people = seat(given.before, given.people, given.spoke, room, given.kept);
  return { people, all: [...people.slice(0, room), ...screens, ...people.slice(room)] };
}
