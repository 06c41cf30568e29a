// Inside a conference.
import {
  type Devices,
  type Ending,
  type JoinedConference,
  type Person,
  Problem,
} from "@parley/client";
import { useCallback, useEffect, useMemo, useState } from "react";
import { Button, Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { ChatPanel } from "../chat/chat-panel.tsx";
import { createAnnouncer } from "../look/announcer.ts";
import { ConfirmBox } from "../look/dialog.tsx";
import { Icon } from "../look/icon.tsx";
import { LiveRegion } from "../look/live-region.tsx";
import { readPreference, writePreference } from "../look/preferences.ts";
import { sentenceFor } from "../look/problem-notice.tsx";
import { reportFault } from "../look/report.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import { useNotice } from "../look/use-notice.ts";
import { Banners } from "./banners.tsx";
import { type MeetingSettings, SettingsBox, ShortcutsBox } from "./boxes.tsx";
import { ControlBar, type Controls, type PanelName } from "./control-bar.tsx";
import { deviceTexts } from "./device-problem.ts";
import { PeoplePanel } from "./people-panel.tsx";
import type { PersonCommands } from "./person-menu.tsx";
import { QualityBars } from "./quality-bars.tsx";
import type { ShortcutAction } from "./shortcuts.ts";
import { type Pin, Stage } from "./stage.tsx";
import { ToastList, useToasts } from "./toasts.tsx";
import { useMediaQuery } from "./use-media-query.ts";
import { useMeetingNotices } from "./use-meeting-notices.ts";
import { useShortcuts } from "./use-shortcuts.ts";

type Question =
  | { readonly kind: "kick"; readonly person: Person }
  | { readonly kind: "end" | "settings" | "help" };

/** The meeting. `onOver` is called once, when it is over for whatever reason. */
export function Meeting(props: {
  readonly conference: JoinedConference;
  readonly devices: Devices;
  readonly onOver: (ending: Ending) => void;
}) {
  const surroundings = useSurroundings();
  const { t } = surroundings;
  const { conference, devices, onOver } = props;
  const view = useNotice(
    conference,
    "change",
    useCallback(() => conference.view, [conference]),
  );
  const own = useNotice(
    conference,
    "own",
    useCallback(() => conference.own, [conference]),
  );
  const [panel, setPanel] = useState<PanelName | null>(null);
  const [is_talking, setTalking] = useState(false);
  const [pin, setPin] = useState<Pin | null>(null);
  const [question, setQuestion] = useState<Question | null>(null);
  const settings = useMeetingSettings();
  const toasts = useToasts();
  const announcer = useMemo(() => createAnnouncer(), []);
  const is_narrow = useMediaQuery("(max-width: 700px)");
  useMeetingNotices({ conference, devices, is_chat_open: panel === "chat", toasts, announcer, t });
  useScreenAwake();
  useEffect(() => {
    if (conference.view.ending) onOver(conference.view.ending);
    return conference.on("ended", onOver);
  }, [conference, onOver]);
  const title = view.conference?.name || t("conference_unnamed");
  useEffect(() => {
    document.title = view.chat.unread > 0 ? `(${view.chat.unread}) ${title}` : title;
  }, [title, view.chat.unread]);

  const fail = (thrown: unknown, kind: "microphone" | "camera" = "microphone"): void => {
    if (!(thrown instanceof Problem)) reportFault(thrown);
    else if (thrown.reason === "SCREEN_CANCELLED" || thrown.reason === "CONFERENCE_CLOSED") return;
    const texts = thrown instanceof Problem ? deviceTexts(kind, thrown) : null;
    const text = texts ? `${t(texts.title)}. ${t(texts.fix)}` : sentenceFor(thrown, t);
    toasts.add(text, true);
    announcer.say("problem", text);
  };
  const run = (what: Promise<void>, kind?: "microphone" | "camera"): void => {
    what.catch((thrown: unknown) => fail(thrown, kind));
  };
  const may = view.you?.may ?? [];
  const me = view.people.find(({ is_me }) => is_me) ?? null;
  const commands: PersonCommands = {
    may_mute: may.includes("mute"),
    may_kick: may.includes("kick"),
    pin: setPin,
    mute: (person) => run(conference.mute(person.id)),
    kick: (person) => setQuestion({ kind: "kick", person }),
  };
  const controls: Controls = {
    can_send: view.you?.role !== "listener",
    can_share: devices.view.can_share_screen,
    is_microphone_on: own.microphone.state === "live" || own.microphone.state === "starting",
    is_camera_on: own.camera.state === "live" || own.camera.state === "starting",
    is_screen_on: own.screen.state === "live" || own.screen.state === "starting",
    is_hand_up: me?.hand ?? false,
    panel,
    unread: view.chat.unread,
    may_end: may.includes("end"),
    microphone: (is_on) => run(conference.setMicrophone(is_on), "microphone"),
    camera: (is_on) => run(conference.setCamera(is_on), "camera"),
    screen: (is_on) => run(conference.setScreen(is_on)),
    hand: (is_up) => run(conference.setHand(is_up)),
    showPanel: setPanel,
    full: () => run(toggleFullScreen()),
    settings: () => setQuestion({ kind: "settings" }),
    help: () => setQuestion({ kind: "help" }),
    leave: () => run(conference.leave()),
    end: () => setQuestion({ kind: "end" }),
  };
  useShortcuts({
    is_enabled: settings.has_shortcuts,
    act: (action) => {
      if (action === "talk" && controls.can_send && !controls.is_microphone_on) setTalking(true);
      actOn(action, controls);
    },
    talkEnd: () => {
      // Held over a microphone that was on anyway: nothing to take back.
      if (is_talking) controls.microphone(false);
      setTalking(false);
    },
  });
  const people_count = view.people.filter(({ status }) => status === "joined").length;
  const close = (): void => setQuestion(null);
  return (
    <div className={`meeting ${panel ? "has-panel" : ""}`}>
      <header className="top">
        <h1>{title}</h1>
        <Elapsed />
        <span className="grow" />
        <span className="muted top-people">{t("people_count", { count: people_count })}</span>
        <QualityBars quality={own.quality} />
      </header>
      <div className="notices">
        <Banners
          conference={conference}
          view={view}
          own={own}
          devices={devices}
          is_talking={is_talking}
          run={run}
        />
        <ToastList toasts={toasts} />
      </div>
      <Stage
        conference={conference}
        view={view}
        own={own}
        pin={pin}
        is_self_hidden={settings.is_self_hidden}
        commands={commands}
      />
      {panel && (
        <SidePanel panel={panel} onPanel={setPanel} unread={view.chat.unread}>
          {{
            chat: (
              <ChatPanel
                chat={conference.chat}
                view={view.chat}
                people={view.people}
                my_id={conference.conferencecall_id}
              />
            ),
            people: <PeoplePanel conference={conference} view={view} commands={commands} />,
          }}
        </SidePanel>
      )}
      <ControlBar controls={controls} is_narrow={is_narrow} />
      <LiveRegion announcer={announcer} />
      {question?.kind === "settings" && (
        <SettingsBox
          devices={devices}
          can_send={controls.can_send}
          is_microphone_on={own.microphone.state === "live"}
          settings={settings}
          onClose={close}
        />
      )}
      {question?.kind === "help" && <ShortcutsBox onClose={close} />}
      {question?.kind === "end" && (
        <ConfirmBox
          question={t("end_question")}
          consequence={t("end_consequence")}
          confirm={t("end_now")}
          onClose={close}
          onConfirm={() => {
            close();
            run(conference.end());
          }}
        />
      )}
      {question?.kind === "kick" && (
        <ConfirmBox
          question={t("remove_question", { name: question.person.name })}
          consequence={t("remove_consequence", { name: question.person.name })}
          confirm={t("remove_person")}
          onClose={close}
          onConfirm={() => {
            close();
            run(conference.kick(question.person.id));
          }}
        />
      )}
    </div>
  );
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
      controls.full();
      return;
    case "help":
      controls.help();
      return;
    case "escape":
      controls.showPanel(null);
      return;
  }
}

function SidePanel(props: {
  readonly panel: PanelName;
  readonly unread: number;
  readonly onPanel: (panel: PanelName | null) => void;
  readonly children: Readonly<Record<PanelName, React.ReactNode>>;
}) {
  const { t } = useSurroundings();
  const { panel, onPanel } = props;
  return (
    <aside className="side" aria-label={t(panel)}>
      <Tabs
        className="side-tabs"
        selectedKey={panel}
        onSelectionChange={(key) => onPanel(key === "people" ? "people" : "chat")}
      >
        <div className="side-head">
          <TabList className="tab-list" aria-label={t(panel)}>
            <Tab className="tab" id="chat">
              {t("chat")}
              {panel !== "chat" && props.unread > 0 && (
                <span className="count">{props.unread}</span>
              )}
            </Tab>
            <Tab className="tab" id="people">
              {t("people")}
            </Tab>
          </TabList>
          <Button className="icon-button" aria-label={t("close")} onPress={() => onPanel(null)}>
            <Icon name="close" />
          </Button>
        </div>
        <TabPanel className="tab-panel" id="chat">
          {props.children.chat}
        </TabPanel>
        <TabPanel className="tab-panel" id="people">
          {props.children.people}
        </TabPanel>
      </Tabs>
    </aside>
  );
}

function Elapsed() {
  const [since] = useState(() => performance.now());
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const timer = setInterval(
      () => setSeconds(Math.floor((performance.now() - since) / 1000)),
      1_000,
    );
    return () => clearInterval(timer);
  }, [since]);
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const shown = (parts[0] === 0 ? parts.slice(1) : parts)
    .map((part, at) => (at === 0 ? String(part) : String(part).padStart(2, "0")))
    .join(":");
  return (
    <span className="time" role="timer" aria-live="off">
      {shown}
    </span>
  );
}

function useMeetingSettings(): MeetingSettings {
  const [is_self_hidden, setSelfHidden] = useState(() => readPreference("hide_self") === "on");
  const [has_shortcuts, setShortcuts] = useState(() => readPreference("shortcuts") !== "off");
  return {
    is_self_hidden,
    has_shortcuts,
    hideSelf(is_hidden) {
      writePreference("hide_self", is_hidden ? "on" : null);
      setSelfHidden(is_hidden);
    },
    useShortcuts(are_used) {
      writePreference("shortcuts", are_used ? null : "off");
      setShortcuts(are_used);
    },
  };
}

async function toggleFullScreen(): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen();
}

// Keeps a phone's screen on. It is a kindness of the browser: where it is refused (low battery), the meeting goes on.
function useScreenAwake(): void {
  useEffect(() => {
    let lock: WakeLockSentinel | null = null;
    let is_gone = false;
    const ask = (): void => {
      if (!("wakeLock" in navigator) || document.visibilityState !== "visible") return;
      navigator.wakeLock.request("screen").then((got) => {
        if (is_gone) got.release().catch(reportFault);
        else lock = got;
      }, refusedKindness);
    };
    ask();
    document.addEventListener("visibilitychange", ask);
    return () => {
      is_gone = true;
      document.removeEventListener("visibilitychange", ask);
      lock?.release().catch(reportFault);
    };
  }, []);
}

function refusedKindness(thrown: unknown): void {
  if (!(thrown instanceof DOMException)) reportFault(thrown);
}
