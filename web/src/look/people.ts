// Small facts about people: initials, a colour of their own, who comes first in a list.
import { isolated } from "../text/bidi.ts";

/** At most two letters that stand for a name. */
export function initials(name: string): string {
  const words = name
    .trim()
    .split(/[\s._-]+/u)
    .filter((word) => /\p{L}|\p{N}/u.test(word));
  const first = words[0];
  if (first === undefined) return "?";
  const letters = [first, ...(words.length > 1 ? [words[words.length - 1] as string] : [])].map(
    (word) => [...word].find((sign) => /\p{L}|\p{N}/u.test(sign)) ?? "",
  );
  return letters.join("").toLocaleUpperCase();
}

/** Number of colours for people without a picture. */
export const hue_count = 8;

/** A colour's number for somebody: always the same for the same id. */
export function hueOf(id: string): number {
  let sum = 7;
  for (const sign of id) sum = (sum * 31 + (sign.codePointAt(0) ?? 0)) >>> 0;
  return sum % hue_count;
}

/** Joins up to three names: "Ada, Ben"; the rest is a number. In their order, whatever scripts they are in. */
export function someNames(names: readonly string[]): { names: string; count: number } {
  const named = names.slice(0, 3).map((name) => isolated(name));
  return { names: named.join(", "), count: Math.max(0, names.length - 3) };
}

/** Times of the wire (`YYYY-MM-DD HH:MM:SS.ffffff` UTC) as a date; null for "not yet". */
export function readTime(text: string): Date | null {
  if (!text || text.startsWith("9999")) return null;
  const at = new Date(`${text.slice(0, 10)}T${text.slice(11, 23)}Z`);
  return Number.isNaN(at.getTime()) ? null : at;
}
