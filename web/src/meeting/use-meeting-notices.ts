// Turns what happens in the conference into notices for the eye and announcements for the ear.
import { type Devices, type JoinedConference, type Person, Problem } from "@parley/client";
import { useEffect, useRef } from "react";
import type { Announcer } from "../look/announcer.ts";
import { someNames } from "../look/people.ts";
import { sentenceFor } from "../look/problem-notice.tsx";
import type { Surroundings } from "../look/surroundings.tsx";
import type { Toasts } from "./toasts.tsx";

/** Joins and leaves within this time become one notice. */
const gather_ms = 600;
/** Letters of a message in its notice; the whole stands in the chat. */
const letters_shown = 100;

/** How somebody came or went. */
type Passing = "joined" | "left" | "removed" | "lost";

function goingOf(leave_reason: Person["leave_reason"]): Passing {
  switch (leave_reason) {
    case "kicked":
      return "removed";
    case "vanished":
    case "connect_failed":
    case "node_lost":
    case "room_failed":
      return "lost";
    default:
      return "left";
  }
}

/** Watches `conference` and tells. Messages are told only while `is_chat_open` is false. */
export function useMeetingNotices(given: {
  readonly conference: JoinedConference;
  readonly devices: Devices;
  readonly is_chat_open: boolean;
  readonly toasts: Toasts;
  readonly announcer: Announcer;
  readonly t: Surroundings["t"];
}): void {
  const latest = useRef(given);
  latest.current = given;
  const { conference, devices } = given;
  useEffect(() => {
    const tell = (topic: string, text: string, is_bad = false): void => {
      latest.current.toasts.add(text, is_bad);
      latest.current.announcer.say(topic, text);
    };
    const gathered: Record<Passing, string[]> = { joined: [], left: [], removed: [], lost: [] };
    const timers: Partial<Record<Passing, ReturnType<typeof setTimeout>>> = {};
    const gather = (kind: Passing, name: string): void => {
      gathered[kind].push(name || latest.current.t("somebody"));
      timers[kind] ??= setTimeout(() => {
        const { names, count } = someNames(gathered[kind]);
        const total = gathered[kind].length;
        gathered[kind] = [];
        delete timers[kind];
        const shown = count === 0 ? names : `${names} +${count}`;
        tell(kind, latest.current.t(`toast_${kind}`, { names: shown, count: total }));
      }, gather_ms);
    };
    let unheard = 0;
    let hands = new Set(conference.view.people.filter(({ hand }) => hand).map(({ id }) => id));
    let was_muted_by_host = conference.own.is_muted_by_host;
    let connection = conference.view.connection;
    const stops = [
      conference.on("joined", ({ name, is_me }) => {
        if (!is_me) gather("joined", name);
      }),
      conference.on("left", ({ name, is_me, leave_reason }) => {
        if (!is_me) gather(goingOf(leave_reason), name);
      }),
      conference.on("message", ({ owner_name, text }) => {
        const { t, is_chat_open, announcer, toasts } = latest.current;
        const letters = [...text];
        const shown =
          letters.length > letters_shown ? `${letters.slice(0, letters_shown).join("")}…` : text;
        const sentence = t("toast_message", { name: owner_name || t("somebody"), text: shown });
        if (!is_chat_open) toasts.add(sentence);
        unheard = conference.view.chat.unread;
        announcer.say(
          "message",
          unheard > 1 && !is_chat_open ? t("toast_messages", { count: unheard }) : sentence,
        );
      }),
      conference.on("change", (view) => {
        const { t } = latest.current;
        const now = new Set(view.people.filter(({ hand }) => hand).map(({ id }) => id));
        for (const person of view.people) {
          if (now.has(person.id) && !hands.has(person.id) && !person.is_me)
            tell("hand", t("toast_hand", { name: person.name || t("somebody") }));
        }
        hands = now;
        if (connection === "reconnecting" && view.connection === "live")
          tell("connection", t("reconnected"));
        if (view.connection === "reconnecting" && connection === "live")
          latest.current.announcer.say("connection", t("reconnecting"));
        connection = view.connection;
      }),
      conference.on("own", (own) => {
        if (own.is_muted_by_host && !was_muted_by_host)
          tell("muted", latest.current.t("toast_muted_by_host"));
        was_muted_by_host = own.is_muted_by_host;
      }),
      devices.on("appeared", ({ device }) => {
        if (device.label)
          tell("device", latest.current.t("device_appeared", { name: device.label }));
      }),
      conference.on("problem", (problem) => {
        if (problem instanceof Problem && problem.reason === "SCREEN_CANCELLED") return;
        tell("problem", sentenceFor(problem, latest.current.t), true);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      for (const timer of Object.values(timers)) clearTimeout(timer);
    };
  }, [conference, devices]);
}
