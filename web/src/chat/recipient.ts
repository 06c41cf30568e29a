// Whom a message is for, while people come and go.

/** Whom a message goes to now. `gone`: to nobody, until somebody else is chosen. */
export type Recipient<One> =
  | { readonly kind: "everyone" }
  | { readonly kind: "one"; readonly one: One }
  | { readonly kind: "gone" };

/** What was meant for one person (`to`; null: for all) must not reach all because that person left. */
export function recipientOf<One extends { readonly id: string }>(
  to: { readonly id: string } | null,
  present: readonly One[],
): Recipient<One> {
  if (to === null) return { kind: "everyone" };
  const one = present.find(({ id }) => id === to.id);
  return one ? { kind: "one", one } : { kind: "gone" };
}
