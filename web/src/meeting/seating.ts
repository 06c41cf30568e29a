// Who sits where: people keep their places while others come and go, and whoever speaks is on the first page.

/** The new order of people on the stage.
 *  `before`: the order until now. `present`: who is there now, in order of arrival. `speaking`: who spoke last, latest first.
 *  `kept`: never moved off the first page (myself). */
export function seat(
  before: readonly string[],
  present: readonly string[],
  speaking: readonly string[],
  per_page: number,
  kept: string | null,
): string[] {
  const here = new Set(present);
  const order = before.filter((id) => here.has(id));
  const seated = new Set(order);
  for (const id of present) if (!seated.has(id)) order.push(id);

  const speaker = speaking[0];
  const at = speaker === undefined ? -1 : order.indexOf(speaker);
  if (speaker === undefined || at < per_page) return order;
  // The speaker changes places with the one on the first page who has been silent for longest.
  const silence = (id: string): number => {
    const rank = speaking.indexOf(id);
    return rank === -1 ? Number.POSITIVE_INFINITY : rank;
  };
  let place = -1;
  for (let other = 0; other < Math.min(per_page, order.length); other += 1) {
    const id = order[other] as string;
    if (id === kept) continue;
    if (place === -1 || silence(id) >= silence(order[place] as string)) place = other;
  }
  if (place === -1) return order;
  order[at] = order[place] as string;
  order[place] = speaker;
  return order;
}

/** Puts `id` in front of those who spoke; at most `limit` are remembered. */
export function spoke(before: readonly string[], id: string, limit = 50): readonly string[] {
  return before[0] === id
    ? before
    : [id, ...before.filter((other) => other !== id)].slice(0, limit);
}
