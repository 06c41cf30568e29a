// JSON from strangers: what JSON.parse lets pass and a server should not is refused first, in one linear scan.
import { limits } from "../kernel/limits.ts";
import { isExact } from "../kernel/number.ts";
import { problems } from "../kernel/problem.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });

// Members that change what objects are in careless code.
const refused_names = new Set(["__proto__", "constructor", "prototype"]);

/** Decodes a body as UTF-8. Errors: INVALID_JSON_BODY. */
export function readText(body: Uint8Array): string {
  try {
    return utf8.decode(body);
  } catch (cause) {
    throw problems.INVALID_JSON_BODY({ message: "the body is not UTF-8", cause });
  }
}

/** Whether a body begins as SDP or a fragment of it does, which no JSON does. Cost: its first line. */
export function looksLikeSdp(body: Uint8Array): boolean {
  const start = Buffer.from(body.buffer, body.byteOffset, Math.min(body.length, 64));
  return /^(?:\u00ef\u00bb\u00bf)?\s*(?:v=0\s|[ma]=[a-z])/.test(start.toString("latin1"));
}

/**
 * Parses JSON. Refuses nesting deeper than `json_depth_max`, members named twice or `__proto__`, `constructor`, `prototype`,
 * the character U+0000 and halves of surrogate pairs: the database could not keep them. Refuses numbers that a double cannot hold
 * as they are written: what comes back would be another number.
 * Errors: INVALID_JSON_BODY with the place. Cost: O(n).
 */
export function readJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const message = cause instanceof SyntaxError ? describeSyntax(text, cause) : "not JSON";
    throw problems.INVALID_JSON_BODY({ message, cause });
  }
  scan(text);
  return value;
}

// V8 quotes the text in its message; only the position is passed on.
function describeSyntax(text: string, error: SyntaxError): string {
  const at = /position (\d+)/.exec(error.message)?.[1];
  if (/end of JSON input|Unterminated/.test(error.message)) {
    return "the body is not JSON: it ends too early";
  }
  if (at === undefined) return "the body is not JSON";
  const line = text.slice(0, Number(at)).split("\n").length;
  return `the body is not JSON: character ${at}, line ${line}`;
}

const refuse = (message: string): never => {
  throw problems.INVALID_JSON_BODY({ message });
};

// The text is known to be JSON, so that only structure is followed here: strings, and what is open around them.
function scan(text: string): void {
  const open: (Set<string> | null)[] = [];
  let at = 0;
  let is_name = false;
  while (at < text.length) {
    switch (text.charCodeAt(at)) {
      case 0x2d: // -
      case 0x30: // 0
      case 0x31:
      case 0x32:
      case 0x33:
      case 0x34:
      case 0x35:
      case 0x36:
      case 0x37:
      case 0x38:
      case 0x39: {
        let end = at + 1;
        while (/[\d.eE+-]/.test(text[end] ?? "")) end += 1;
        const literal = text.slice(at, end);
        if (!isExact(literal)) refuse(`character ${at}: the number is beyond double precision`);
        at = end - 1;
        break;
      }
      case 0x7b: // {
        open.push(new Set());
        is_name = true;
        break;
      case 0x5b: // [
        open.push(null);
        is_name = false;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        open.pop();
        is_name = false;
        break;
      case 0x2c: // ,
        is_name = open.at(-1) instanceof Set;
        break;
      case 0x22: {
        const end = endOfString(text, at);
        const names = open.at(-1);
        const raw = text.slice(at + 1, end);
        // Without an escape the text is its own value; only escapes can hide U+0000 or half a pair.
        const value = raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
        if (!value.isWellFormed() || value.includes("\u0000")) {
          refuse(`character ${at}: a text holds U+0000 or half of a surrogate pair`);
        }
        if (is_name && names) {
          if (refused_names.has(value)) refuse(`a member may not be named ${value}`);
          if (names.has(value)) {
            refuse(
              `character ${at}: a member named ${JSON.stringify(value.slice(0, 64))} stands twice`,
            );
          }
          names.add(value);
          is_name = false;
        }
        at = end;
        break;
      }
    }
    if (open.length > limits.json_depth_max) {
      refuse(`character ${at}: nested deeper than ${limits.json_depth_max} levels`);
    }
    at += 1;
  }
}

// Position of the closing quote of the string that opens at `start`.
function endOfString(text: string, start: number): number {
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes += 1;
    if (slashes % 2 === 0) return quote;
    at = quote + 1;
  }
}
