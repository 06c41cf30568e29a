// The chat: what was written, by whom, and the field to write in.
import type { Chat, ChatView, Message, PendingMessage, Person } from "@parley/client";
import { type KeyboardEvent, useEffect, useLayoutEffect, useRef, useState } from "react";
import { Button, Label, TextArea, TextField } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { readTime } from "../look/people.ts";
import { ProblemNotice, sentenceFor } from "../look/problem-notice.tsx";
import { reportFault } from "../look/report.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import { MessageText } from "./message-text.tsx";
import { recipientOf } from "./recipient.ts";

const text_length_max = 4_000;
const nil_uuid = "00000000-0000-0000-0000-000000000000";
const everyone = "everyone";

/** Messages, oldest first, and the field below. `my_ids`: this join and earlier ones of mine; null for who writes as the customer. Without `chat` one can only read. */
export function ChatPanel(props: {
  readonly chat: Chat | null;
  readonly view: ChatView;
  readonly people: readonly Person[];
  readonly my_ids: ReadonlySet<string> | null;
}) {
  const { t } = useSurroundings();
  const { chat, view } = props;
  const log = useRef<HTMLDivElement>(null);
  const is_at_end = useRef(true);
  const [failure, setFailure] = useState<unknown>(null);

  // The newest stays in sight, unless somebody has scrolled up to read.
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at after each change of the messages
  useLayoutEffect(() => {
    if (log.current && is_at_end.current) log.current.scrollTop = log.current.scrollHeight;
  }, [view.messages, view.pending]);
  useEffect(() => {
    if (view.unread === 0 || !chat) return;
    const read = (): void => {
      if (document.visibilityState === "visible") chat.markRead();
    };
    read();
    document.addEventListener("visibilitychange", read);
    return () => document.removeEventListener("visibilitychange", read);
  }, [chat, view.unread]);

  const loadEarlier = (): void => {
    if (!chat) return;
    const before = log.current?.scrollHeight ?? 0;
    chat.loadEarlier().then(
      () => {
        setFailure(null);
        requestAnimationFrame(() => {
          if (log.current) log.current.scrollTop = log.current.scrollHeight - before;
        });
      },
      (thrown: unknown) => setFailure(thrown),
    );
  };
  return (
    <div className="chat">
      <div
        className="chat-log"
        ref={log}
        role="log"
        // Spoken by the page's announcer, which does not let a busy chat talk without end.
        aria-live="off"
        aria-label={t("chat_log")}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
        tabIndex={0}
        onScroll={({ currentTarget: at }) => {
          is_at_end.current = at.scrollHeight - at.scrollTop - at.clientHeight < 40;
        }}
      >
        {view.has_earlier ? (
          <Button className="button small" onPress={loadEarlier}>
            {t("chat_earlier")}
          </Button>
        ) : (
          <p className="chat-note">{t(view.messages.length === 0 ? "chat_empty" : "chat_note")}</p>
        )}
        <ol>
          {view.messages.map((message, at) => (
            <MessageItem
              key={message.id}
              message={message}
              is_continued={continues(view.messages[at - 1], message)}
              people={props.people}
              my_ids={props.my_ids}
            />
          ))}
          {chat &&
            view.pending.map((pending) => (
              <PendingItem key={pending.client_id} pending={pending} chat={chat} />
            ))}
        </ol>
        {failure !== null && <ProblemNotice thrown={failure} />}
      </div>
      {chat && <Composer chat={chat} people={props.people} my_ids={props.my_ids} />}
    </div>
  );
}

const minutes_together = 5;

function continues(before: Message | undefined, message: Message): boolean {
  if (!before || before.type === "system" || message.type === "system") return false;
  const from = readTime(before.tm_create)?.getTime() ?? 0;
  const to = readTime(message.tm_create)?.getTime() ?? 0;
  return (
    before.owner_id === message.owner_id &&
    before.owner_name === message.owner_name &&
    before.target_conferencecall_id === message.target_conferencecall_id &&
    to - from < minutes_together * 60_000
  );
}

function MessageItem(props: {
  readonly message: Message;
  readonly is_continued: boolean;
  readonly people: readonly Person[];
  readonly my_ids: ReadonlySet<string> | null;
}) {
  const { t, clock } = useSurroundings();
  const { message, my_ids } = props;
  const at = readTime(message.tm_create);
  if (message.type === "system")
    return (
      <li className="chat-note">
        <Name of={message.text} />
      </li>
    );
  const target = message.target_conferencecall_id;
  const is_private = target !== nil_uuid && target !== "";
  const target_name = props.people.find(({ id }) => id === target)?.name || t("somebody");
  const is_mine = my_ids?.has(message.owner_id) ?? false;
  return (
    <li
      className={`message ${is_mine ? "is-mine" : ""} ${props.is_continued ? "is-continued" : ""}`}
    >
      {!props.is_continued && (
        <p className="message-head">
          <b>{is_mine ? t("you") : <Name of={message.owner_name || t("somebody")} />}</b>
          {at && <time dateTime={at.toISOString()}>{clock(at)}</time>}
          {is_private && (
            <span className="chip warn">
              <Icon name="lock" />
              {my_ids?.has(target)
                ? t("chat_private_from")
                : is_mine
                  ? t("chat_private_own", { name: target_name })
                  : t("chat_private_to", { name: target_name })}
            </span>
          )}
        </p>
      )}
      {message.text === "" ? (
        <p className="muted">{t("chat_deleted")}</p>
      ) : (
        <MessageText text={message.text} />
      )}
    </li>
  );
}

function PendingItem({ pending, chat }: { readonly pending: PendingMessage; readonly chat: Chat }) {
  const { t } = useSurroundings();
  const has_failed = pending.state === "failed";
  return (
    <li className="message is-mine is-pending">
      <p className="message-head">
        <b>{t("you")}</b>
        <span className="muted">{t(has_failed ? "chat_failed" : "chat_sending")}</span>
      </p>
      <MessageText text={pending.text} />
      {has_failed && (
        <div className="notice bad">
          <span>{sentenceFor(pending.problem, t)}</span>
          <span className="row">
            <Button
              className="button small"
              onPress={() => chat.retry(pending.client_id).catch(reportFault)}
            >
              {t("try_again")}
            </Button>
            <Button className="button small" onPress={() => chat.discard(pending.client_id)}>
              {t("chat_discard")}
            </Button>
          </span>
        </div>
      )}
    </li>
  );
}

function Composer(props: {
  readonly chat: Chat;
  readonly people: readonly Person[];
  readonly my_ids: ReadonlySet<string> | null;
}) {
  const { t } = useSurroundings();
  const [text, setText] = useState("");
  const [to, setTo] = useState<Pick<Person, "id" | "name"> | null>(null);
  const others = props.people.filter((person) => !person.is_me && person.status === "joined");
  const recipient = recipientOf(to, others);
  const is_target_gone = to !== null && recipient.kind === "gone";
  const nameOf = ({ name }: Pick<Person, "name">): string => name || t("somebody");
  const targets = is_target_gone ? [...others, to] : others;
  const length = [...text].length;
  const is_too_long = length > text_length_max;
  const can_send = text.trim() !== "" && !is_too_long && !is_target_gone;

  const send = (): void => {
    if (!can_send) return;
    setText("");
    // A refusal stays with the message, which is then shown as not sent.
    const to_id = recipient.kind === "one" ? recipient.one.id : null;
    props.chat.send(text.trim(), to_id).catch(reportFault);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <div className="composer">
      {targets.length > 0 && props.my_ids !== null && (
        <Choice
          label={t("chat_to")}
          value={to?.id ?? everyone}
          options={[
            [everyone, t("chat_everyone")],
            ...targets.map((person) => [person.id, nameOf(person)] as const),
          ]}
          onChange={(id) => setTo(targets.find((person) => person.id === id) ?? null)}
        />
      )}
      {is_target_gone && (
        <p className="field-error" role="alert">
          {t("chat_target_gone", { name: nameOf(to) })}
        </p>
      )}
      <div className="composer-line">
        <TextField className="grow" value={text} onChange={setText} isInvalid={is_too_long}>
          <Label className="hidden-text">{t("chat_write")}</Label>
          <TextArea
            className="input"
            dir="auto"
            rows={Math.min(5, Math.max(1, text.split("\n").length))}
            placeholder={
              to ? t("chat_write_person", { name: nameOf(to) }) : t("chat_write_everyone")
            }
            onKeyDown={onKeyDown}
          />
        </TextField>
        <Button
          onPress={send}
          className="round primary-round"
          aria-label={t("chat_send")}
          isDisabled={!can_send}
        >
          <Icon name="send" />
        </Button>
      </div>
      {is_too_long && (
        <p className="field-error" role="alert">
          {t("chat_too_long", { limit: text_length_max, count: length })}
        </p>
      )}
    </div>
  );
}
