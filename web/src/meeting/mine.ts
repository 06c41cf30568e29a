// Who I was before: my joins in this browser, so that what I wrote stays mine after I came back. Pure.
import type { Person } from "@parley/client";

/** Conferences and joins that are remembered. */
const remembered = { conferences: 20, joins: 50 };

type Joins = Readonly<Record<string, readonly string[]>>;

/** Adds a join to those of a conference, as `kept` remembers them; gives all of them, and what to keep. */
export function addJoin(
  kept: string | null,
  conference_id: string,
  conferencecall_id: string,
): { readonly joins: readonly string[]; readonly kept: string } {
  const { [conference_id]: before = [], ...others } = readJoins(kept);
  const joins = [...before.filter((id) => id !== conferencecall_id), conferencecall_id].slice(
    -remembered.joins,
  );
  const rest = Object.fromEntries(Object.entries(others).slice(1 - remembered.conferences));
  return { joins, kept: JSON.stringify({ ...rest, [conference_id]: joins }) };
}

/** Which joins are mine: of those remembered, all but the ones that somebody else is in with now (a second tab of this browser). */
export function mineOf(
  joins: readonly string[],
  conferencecall_id: string,
  people: readonly Person[],
): ReadonlySet<string> {
  const others = new Set(people.filter(({ is_me }) => !is_me).map(({ id }) => id));
  return new Set([...joins.filter((id) => !others.has(id)), conferencecall_id]);
}

function readJoins(kept: string | null): Joins {
  try {
    const read: unknown = JSON.parse(kept ?? "{}");
    if (typeof read !== "object" || read === null) return {};
    return Object.fromEntries(
      Object.entries(read).filter(([, ids]) => Array.isArray(ids)),
    ) as Joins;
  } catch {
    // Somebody else wrote there; the next join mends it.
    return {};
  }
}
