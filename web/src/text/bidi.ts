// Keeps what people write (names, titles, messages) from rearranging the sentence it is put into. UAX #9; pure.

const [first_strong, pop] = ["\u2068", "\u2069"];
/** Marks that start or end an embedding or an override: they reach beyond what they were written for. */
const overrides = /[\u202a-\u202e]/gu;
/** Anything that ends a paragraph would end an isolate with it. */
const breaks = /[\r\n\u0085\u2028\u2029]+/gu;
/** Anything that can turn the direction of its neighbours: right-to-left letters and numbers, and marks of direction. */
const turning =
  /[\u0590-\u08ff\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;

/** A text without marks that would reach beyond it; isolates that are whole stay. */
export function contained(text: string): string {
  if (!turning.test(text) && !/[\r\n\u0085\u2028\u2029]/u.test(text)) return text;
  const signs = [...text.replace(overrides, "").replace(breaks, " ")];
  const opened: number[] = [];
  const stray = new Set<number>();
  for (const [at, sign] of signs.entries()) {
    if (/[\u2066-\u2068]/u.test(sign)) opened.push(at);
    else if (sign === pop && opened.pop() === undefined) stray.add(at);
  }
  for (const at of opened) stray.add(at);
  return signs.filter((_, at) => !stray.has(at)).join("");
}

/** A text that stands in a left-to-right or right-to-left sentence as one piece. What cannot turn anything is left as it is. */
export function isolated(text: string, direction: "ltr" | "rtl" = "ltr"): string {
  const is_harmless = direction === "ltr" && !turning.test(text);
  return is_harmless ? text.replace(breaks, " ") : `${first_strong}${contained(text)}${pop}`;
}

/** Writes marks of direction as escapes, for texts in which every character counts (JSON). */
export function escaped(json: string): string {
  return json.replace(
    /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (mark) => `\\u${(mark.codePointAt(0) ?? 0).toString(16).padStart(4, "0")}`,
  );
}
