// What the controls of a meeting show and do, for the bar, the keyboard and the tiles alike.
import {
  type ConferenceView,
  type Devices,
  type JoinedConference,
  type OwnView,
  type Person,
  Problem,
} from "@parley/client";
import { useRef, useState } from "react";
import type { Announcer } from "../look/announcer.ts";
import { sentenceFor } from "../look/problem-notice.tsx";
import { reportFault } from "../look/report.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import type { Controls, PanelName } from "./control-bar.tsx";
import { deviceTexts } from "./device-problem.ts";
import type { PersonCommands } from "./person-menu.tsx";
import type { ShortcutAction } from "./shortcuts.ts";
import type { Pin } from "./stage-subjects.ts";
import type { Toasts } from "./toasts.tsx";
import { useShortcuts } from "./use-shortcuts.ts";

/** A dialog that is open. */
export type Question =
  | { readonly kind: "kick"; readonly person: Person }
  | { readonly kind: "end" | "settings" | "help" | "invite" };

/** The controls and what they have opened. */
export interface MeetingControls {
  readonly controls: Controls;
  readonly commands: PersonCommands;
  readonly pin: Pin | null;
  readonly question: Question | null;
  /** The key that talks is held over a microphone that was off. */
  readonly is_talking: boolean;
  /** Waits for something and says so when it fails. */
  run(what: Promise<void>, kind?: "microphone" | "camera"): void;
  ask(question: Question | null): void;
}

/** The controls of a conference. */
export function useMeetingControls(given: {
  readonly conference: JoinedConference;
  readonly devices: Devices;
  readonly view: ConferenceView;
  readonly own: OwnView;
  readonly panel: PanelName | null;
  readonly setPanel: (panel: PanelName | null) => void;
  readonly has_shortcuts: boolean;
  readonly toasts: Toasts;
  readonly announcer: Announcer;
  /** Set while a lost place is being taken again: leaving then means not to. */
  readonly onGiveUp: (() => void) | null;
}): MeetingControls {
  const { conference, devices, view, own, panel, setPanel } = given;
  const [pin, setPin] = useState<Pin | null>(null);
  const [question, ask] = useState<Question | null>(null);
  const run = useRun(given.toasts, given.announcer);
  const may = view.you?.may ?? [];
  const may_invite = view.you?.role === "host";
  const is_on = ({ state }: OwnView["camera"]): boolean => state === "live" || state === "starting";
  const commands: PersonCommands = {
    may_mute: may.includes("mute"),
    may_kick: may.includes("kick"),
    invite: may_invite ? () => ask({ kind: "invite" }) : null,
    pin: setPin,
    mute: (person) => run(conference.mute(person.id)),
    kick: (person) => ask({ kind: "kick", person }),
  };
  const controls: Controls = {
    can_send: view.you?.role !== "listener",
    can_share: devices.view.can_share_screen,
    can_fill_screen: document.fullscreenEnabled === true,
    is_microphone_on: is_on(own.microphone),
    is_camera_on: is_on(own.camera),
    is_screen_on: is_on(own.screen),
    is_hand_up: view.people.find(({ is_me }) => is_me)?.hand ?? false,
    panel,
    unread: view.chat.unread,
    may_end: may.includes("end"),
    microphone: (is_live) => run(conference.setMicrophone(is_live), "microphone"),
    camera: (is_live) => run(conference.setCamera(is_live), "camera"),
    screen: (is_live) => run(conference.setScreen(is_live)),
    hand: (is_up) => run(conference.setHand(is_up)),
    showPanel: setPanel,
    full: () => run(toggleFullScreen()),
    invite: commands.invite,
    settings: () => ask({ kind: "settings" }),
    help: () => ask({ kind: "help" }),
    leave: () => (given.onGiveUp ? given.onGiveUp() : run(conference.leave())),
    end: () => ask({ kind: "end" }),
  };
  const is_talking = useKeys(controls, given.has_shortcuts);
  return { controls, commands, pin, question, is_talking, run, ask };
}

function useRun(toasts: Toasts, announcer: Announcer): MeetingControls["run"] {
  const { t } = useSurroundings();
  return (what, kind = "microphone") => {
    what.catch((thrown: unknown) => {
      if (!(thrown instanceof Problem)) reportFault(thrown);
      else if (thrown.reason === "SCREEN_CANCELLED" || thrown.reason === "CONFERENCE_CLOSED")
        return;
      // A device that does not open has its banner, with the fix, until it opens or is given up.
      else if (deviceTexts(kind, thrown)) return;
      const text = sentenceFor(thrown, t);
      toasts.add(text, true);
      announcer.say("problem", text);
    });
  };
}

function useKeys(controls: Controls, is_enabled: boolean): boolean {
  const [is_talking, setTalking] = useState(false);
  // Beside the state, since a short press ends before the page is drawn anew.
  const talks = useRef(false);
  const talk = (does: boolean): void => {
    talks.current = does;
    setTalking(does);
  };
  useShortcuts({
    is_enabled,
    act(action) {
      if (action === "talk" && controls.can_send && !controls.is_microphone_on) talk(true);
      actOn(action, controls);
    },
    talkEnd() {
      // Held over a microphone that was on anyway: nothing to take back.
      if (!talks.current) return;
      talk(false);
      controls.microphone(false);
    },
  });
  return is_talking;
}

function actOn(action: ShortcutAction, controls: Controls): void {
  switch (action) {
    case "microphone":
      if (controls.can_send) controls.microphone(!controls.is_microphone_on);
      return;
    case "talk":
      if (controls.can_send && !controls.is_microphone_on) controls.microphone(true);
      return;
    case "camera":
      if (controls.can_send) controls.camera(!controls.is_camera_on);
      return;
    case "share":
      if (controls.can_send && controls.can_share) controls.screen(!controls.is_screen_on);
      return;
    case "hand":
      controls.hand(!controls.is_hand_up);
      return;
    case "chat":
      controls.showPanel(controls.panel === "chat" ? null : "chat");
      return;
    case "people":
      controls.showPanel(controls.panel === "people" ? null : "people");
      return;
    case "full":
      if (controls.can_fill_screen) controls.full();
      return;
    case "help":
      controls.help();
      return;
    case "escape":
      controls.showPanel(null);
      return;
  }
}

async function toggleFullScreen(): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen();
}
