// What the published wire format spells in its own way: timestamps, "never" and "nothing".
import type { Instant } from "./clock.ts";

/** Stands for "no reference" (conference.md section 9). Exists on the wire only; inside it is null. */
export const nil_uuid = "00000000-0000-0000-0000-000000000000";

/** Stands for "has not happened" (conference.md section 9). Exists on the wire only; inside it is null. */
export const never = "9999-01-01 00:00:00.000000";

/** Writes an instant as `YYYY-MM-DD HH:MM:SS.ffffff` UTC; null becomes {@link never}. */
export function writeTimestamp(at: Instant | null): string {
  if (at === null) return never;
  const iso = new Date(Math.floor(at / 1000)).toISOString();
  return `${iso.slice(0, 10)} ${iso.slice(11, 23)}${String(at % 1000).padStart(3, "0")}`;
}

/** Writes an instant as HTTP's headers want it (RFC 9110 section 5.6.7). */
export const writeHttpDate = (at: Instant): string => new Date(at / 1000).toUTCString();

const timestamp =
  /^(\d{4})-(\d{2})-(\d{2})[Tt_ +](\d{2}):(\d{2}):(\d{2})(?:[.,](\d{1,9}))?(?:([Zz])|([+ -])(\d{2}):?(\d{2}))?$/;

/** Reads a timestamp in the specification's form or RFC 3339, with any offset; null when it is neither. What is finer than a microsecond is cut. */
export function readTimestamp(text: string): Instant | null {
  const match = timestamp.exec(text.trim());
  if (!match) return null;
  const [, year, month, day, hour, minute, second, fraction = "", , sign, ...offset] = match;
  // RFC 3339 section 5.6: a leap second is the last of its minute.
  const whole = second === "60" ? "59" : second;
  const iso = `${year}-${month}-${day}T${hour}:${minute}:${whole}Z`;
  const ms = Date.parse(iso);
  // Date.parse rolls 31 February over; such a date is refused by comparing it with what was read.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== iso.slice(0, 19)) return null;
  const [hours = 0, minutes = 0] = sign === undefined ? [] : offset.map(Number);
  if (hours > 23 || minutes > 59) return null;
  // A + that stood in a query may have become a space.
  const ahead_ms = (sign === "-" ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  return (ms - ahead_ms) * 1000 + Number(fraction.slice(0, 6).padEnd(6, "0"));
}

/** Writes an optional reference; null becomes {@link nil_uuid}. */
export const writeReference = (id: string | null): string => id ?? nil_uuid;

/** Reads an optional reference; the nil UUID and "" become null. */
export const readReference = (id: string | null | undefined): string | null =>
  !id || id === nil_uuid ? null : id;
