// The view of the oldest payloads (platform.md section 2): the same resource, rendered differently, never stored.
import { never } from "../kernel/wire.ts";

// The members that a conference had then.
const conference_members = [
  "id",
  "user_id",
  "type",
  "status",
  "name",
  "detail",
  "conferencecall_ids",
  "recording_id",
  "recording_ids",
  "tm_create",
  "tm_update",
  "tm_delete",
] as const;

/** Renders one resource or a list of them as they were: `user_id` for the customer, "" for times that have not come. */
export function legacyView(shown: object, user_id: number): object {
  if ("result" in shown && Array.isArray(shown.result)) {
    return { ...shown, result: shown.result.map((one: object) => legacyView(one, user_id)) };
  }
  if (!("customer_id" in shown)) return shown;
  const { customer_id: _, ...rest } = shown as Record<string, unknown>;
  const old: Record<string, unknown> = {};
  for (const [key, value] of Object.entries<unknown>({ user_id, ...rest })) {
    old[key] = value === never ? "" : value;
  }
  if (!("conferencecall_ids" in old)) return old;
  old["status"] = "";
  return Object.fromEntries(conference_members.map((key) => [key, old[key]]));
}
