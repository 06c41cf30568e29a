// Names as others see them: of people, conferences, keys, customers, and labels. One way to read them, wherever they come in.
import { problems } from "./problem.ts";

// What turns the text around it the other way, or is a command to a terminal: controls, line ends, marks and isolates of direction,
// halves of surrogate pairs, tags, and what is invisible by itself. Joiners stay: emoji and several scripts are written with them.
const stripped = new RegExp(
  `[${[
    "\\p{Cc}\\p{Cs}\\p{Co}\\u00ad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u200b\\u200e\\u200f",
    "\\u2028-\\u202e\\u2060-\\u206f\\u2800\\u3164\\ufeff\\uffa0\\ufff0-\\ufffb",
    "\\u{1bca0}-\\u{1bca3}\\u{1d173}-\\u{1d17a}\\u{e0000}-\\u{e0fff}",
  ].join("")}]`,
  "gu",
);
const blanks = /[\p{Z}\t\n\v\f\r]+/gu;
const visible = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** The text as a name: composed (NFC), in one line, without what cannot be seen or turns other text around. "" where nothing is left to see. */
export function cleanName(text: string): string {
  const clean = text.replace(blanks, " ").replace(stripped, "").replace(/ {2,}/g, " ").trim();
  return visible.test(clean) ? clean.normalize("NFC") : "";
}

/** As {@link cleanName}, for one that was given: refuses what has characters and none to see. Errors: INVALID_ARGUMENT. */
export function readName(text: string, field: string): string {
  const clean = cleanName(text);
  if (clean === "" && text !== "") {
    throw problems.INVALID_ARGUMENT({
      message: `${field} has no character that can be seen`,
      details: [{ field }],
    });
  }
  return clean;
}
