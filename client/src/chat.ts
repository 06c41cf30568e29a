// Sends messages exactly once over a connection that may break, and loads what was written before.
import type { Chat } from "./conference.ts";
import { Problem } from "./problem.ts";
import { mergeMessages } from "./reduce.ts";
import type { ChatView, PendingMessage } from "./view.ts";
import type { Message } from "./wire.ts";

/** Ports of the chat. */
export interface ChatPorts {
  readonly command: (
    type: string,
    fields: Readonly<Record<string, unknown>>,
  ) => Promise<Readonly<Record<string, unknown>>>;
  readonly read: () => ChatView;
  readonly write: (part: Partial<ChatView>) => void;
  readonly is_closed: () => boolean;
}

/** Tries of one message; each waits as long as a command may take, so a message outlives a cut of some minutes. */
const tries_max = 10;
const page_size = 100;

/** Makes the chat of a conference. */
export function createChat(ports: ChatPorts): Chat {
  const setPending = (client_id: string, next: PendingMessage | null): void => {
    const { pending } = ports.read();
    const others = pending.filter((entry) => entry.client_id !== client_id);
    const is_known = others.length !== pending.length;
    if (next === null) {
      if (is_known) ports.write({ pending: others });
      return;
    }
    ports.write({
      pending: is_known
        ? pending.map((entry) => (entry.client_id === client_id ? next : entry))
        : [...others, next],
    });
  };

  const deliver = async (message: PendingMessage): Promise<Message> => {
    const { client_id, text, target_conferencecall_id } = message;
    setPending(client_id, { ...message, state: "sending", problem: null });
    for (let tried = 1; ; tried += 1) {
      try {
        // The server knows a repeated message by its client_id and answers with the first one.
        const ok = await ports.command("chat", {
          client_id,
          text,
          ...(target_conferencecall_id === null ? {} : { target_conferencecall_id }),
        });
        const stored = ok["message"] as Message;
        const { messages, pending } = ports.read();
        ports.write({
          messages: mergeMessages(messages, [stored]),
          pending: pending.filter((entry) => entry.client_id !== client_id),
        });
        return stored;
      } catch (thrown) {
        const problem =
          thrown instanceof Problem
            ? thrown
            : new Problem("SERVER_UNREACHABLE", "The message was not sent", { cause: thrown });
        const is_worth_repeating =
          problem.reason === "COMMAND_TIMEOUT" && tried < tries_max && !ports.is_closed();
        if (is_worth_repeating) continue;
        setPending(client_id, { ...message, state: "failed", problem });
        throw problem;
      }
    }
  };

  const change = async (type: string, fields: Readonly<Record<string, unknown>>): Promise<void> => {
    const ok = await ports.command(type, fields);
    ports.write({ messages: mergeMessages(ports.read().messages, [ok["message"] as Message]) });
  };

  return {
    send: (text, to = null) =>
      deliver({
        client_id: newClientId(),
        text,
        target_conferencecall_id: to,
        state: "sending",
        problem: null,
      }),
    retry(client_id) {
      const message = ports.read().pending.find((entry) => entry.client_id === client_id);
      return message
        ? deliver(message)
        : Promise.reject(new Problem("RESOURCE_NOT_FOUND", "There is no such pending message"));
    },
    remove: (message_id) => change("delete_message", { message_id }),
    react: (message_id, emoji, is_on) => change("react", { message_id, emoji, is_on }),
    discard: (client_id) => setPending(client_id, null),
    async loadEarlier() {
      const first = ports.read().messages[0];
      if (!ports.read().has_earlier || !first) return false;
      const ok = await ports.command("messages", { before: first.tm_create, limit: page_size });
      const earlier = ok["messages"] as readonly Message[];
      ports.write({
        messages: mergeMessages(ports.read().messages, earlier),
        has_earlier: ok["next_page_token"] !== "",
      });
      return earlier.length > 0;
    },
    markRead() {
      if (ports.read().unread > 0) ports.write({ unread: 0 });
    },
  };
}

/** 128 random bits; crypto.randomUUID exists on secure pages only. */
export function newClientId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
