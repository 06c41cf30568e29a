// Reads from the journal who ended a conference, or this join of it. Pure.
import type { EndedBy } from "./view.ts";
import type { JournalEvent } from "./wire.ts";

/** Who ended it, where this event says so; null for every other event. */
export function endedBy(
  event: JournalEvent,
  conferencecall_id: string | null,
  people: readonly { readonly id: string; readonly name: string }[],
): EndedBy | null {
  const { data, actor, cause, tm, type } = event;
  const is_kick =
    type === "conferencecall_leaving" &&
    data["id"] === conferencecall_id &&
    data["leave_reason"] === "kicked";
  // The end itself follows when everybody is out; whoever began it is its author.
  const is_end = type === "conference_updated" && data["status"] === "terminating";
  if (!is_kick && !is_end) return null;
  const name = people.find(({ id }) => id === actor.id)?.name ?? "";
  return { type: actor.type as EndedBy["type"], name, cause: cause ?? "", tm };
}
