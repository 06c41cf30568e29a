// Topics of the event socket: `customer_id:<id>[:<resource>[:<resource id>]]`, matched by whole segments. Pure.
import { isUuid } from "../kernel/id.ts";
import { problems } from "../kernel/problem.ts";
import { socket_limits } from "./limits.ts";

/** What of an event decides who hears it. */
export interface TopicFacts {
  readonly customer_id: string;
  readonly conference_id: string;
  readonly type: string;
  readonly data: object;
}

/** The resource that an event is about: what stands before the first underscore of its type. */
export const resourceOf = (type: string): string => type.split("_", 1)[0] ?? type;

/** The topic that an event goes out on. Messages belong to their conference. */
export function topicOf(event: TopicFacts): string {
  const resource = resourceOf(event.type);
  const { id } = event.data as { readonly id?: unknown };
  const resource_id = resource === "conference" ? event.conference_id : String(id);
  return `customer_id:${event.customer_id}:${resource}:${resource_id}`;
}

/** Reads a topic for this customer; the older form without a scope means the customer's own. Errors: INVALID_ARGUMENT, PERMISSION_DENIED. */
export function readTopic(text: unknown, customer_id: string): string {
  const refuse = (message: string) =>
    problems.INVALID_ARGUMENT({ message, details: [{ field: "topics" }] });
  if (typeof text !== "string" || text === "" || text.length > socket_limits.topic_length_max) {
    throw refuse(`a topic is a text of 1 to ${socket_limits.topic_length_max} characters`);
  }
  const segments = text.toLowerCase().split(":");
  const scoped = segments[0]?.endsWith("_id")
    ? segments
    : ["customer_id", customer_id, ...segments];
  const [scope, scope_id, resource, resource_id, ...more] = scoped;
  if (scope !== "customer_id") throw refuse(`there is no scope "${String(scope)}"`);
  // A foreign customer and one that does not exist get the same answer.
  if (scope_id !== customer_id) {
    throw problems.PERMISSION_DENIED({
      message: "this credential may not hear that topic",
      details: [{ topic: text }],
    });
  }
  const is_right =
    more.length === 0 &&
    (resource === undefined || /^[a-z]{1,32}$/.test(resource)) &&
    (resource_id === undefined || isUuid(resource_id));
  if (!is_right) throw refuse("a topic is customer_id:<id>[:<resource>[:<resource id>]]");
  return scoped.join(":");
}

/** Whether somebody with these topics hears the event: by its own topic, and joins also by their conference's. */
export function hears(topics: ReadonlySet<string>, event: TopicFacts): boolean {
  const resource = resourceOf(event.type);
  const scope = `customer_id:${event.customer_id}`;
  const own = topicOf(event);
  const is_of_conference = resource === "conferencecall" || resource === "conference";
  return (
    topics.has(scope) ||
    topics.has(`${scope}:${resource}`) ||
    topics.has(own) ||
    (is_of_conference && topics.has(`${scope}:conference:${event.conference_id}`))
  );
}
