// Inside a conference.
import type { Devices, Ending, JoinedConference } from "@parley/client";
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { ChatPanel } from "../chat/chat-panel.tsx";
import { createAnnouncer } from "../look/announcer.ts";
import { Icon } from "../look/icon.tsx";
import { LiveRegion } from "../look/live-region.tsx";
import { Name } from "../look/name.tsx";
import { readPreference, writePreference } from "../look/preferences.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import { useMediaQuery } from "../look/use-media-query.ts";
import { useNotice } from "../look/use-notice.ts";
import { isolated } from "../text/bidi.ts";
import { Banners, Returning } from "./banners.tsx";
import { ControlBar, type PanelName } from "./control-bar.tsx";
import { Elapsed } from "./elapsed.tsx";
import type { Return } from "./meet-app.tsx";
import { addJoin, mineOf } from "./mine.ts";
import { PeoplePanel } from "./people-panel.tsx";
import { QualityBars } from "./quality-bars.tsx";
import { Questions } from "./questions.tsx";
import { SidePanel } from "./side-panel.tsx";
import { Stage } from "./stage.tsx";
import { ToastList, useToasts } from "./toasts.tsx";
import { useMeetingControls } from "./use-meeting-controls.ts";
import { useMeetingNotices } from "./use-meeting-notices.ts";
import { useMeetingSettings } from "./use-meeting-settings.ts";
import { useScreenAwake } from "./use-screen-awake.ts";
import { useVolumes } from "./use-volumes.ts";

/** The meeting. `onOver` is called once for each join, when it is over for whatever reason. */
export function Meeting(props: {
  readonly conference: JoinedConference;
  readonly devices: Devices;
  /** How this join came about. */
  readonly returned: Return;
  /** It is over, and a new join is on its way. */
  readonly is_returning: boolean;
  readonly onOver: (ending: Ending, conference: JoinedConference) => void;
  /** The new join is not waited for any more. */
  readonly onGiveUp: () => void;
}) {
  const { t } = useSurroundings();
  const { conference, devices, onOver, returned, is_returning } = props;
  const readView = useCallback(() => conference.view, [conference]);
  const readOwn = useCallback(() => conference.own, [conference]);
  const view = useNotice(conference, "change", readView);
  const own = useNotice(conference, "own", readOwn);
  const [panel, setPanel] = useState<PanelName | null>(null);
  const settings = useMeetingSettings();
  const toasts = useToasts();
  const announcer = useMemo(() => createAnnouncer(), []);
  const is_narrow = useMediaQuery("(max-width: 700px)");
  const { has_shortcuts, is_self_hidden } = settings;
  const meeting = useMeetingControls({
    ...{ conference, devices, view, own, panel, setPanel, has_shortcuts, toasts, announcer },
    onGiveUp: is_returning ? props.onGiveUp : null,
  });
  const { commands, run } = meeting;
  useMeetingNotices({ conference, devices, is_chat_open: panel === "chat", toasts, announcer, t });
  useVolumes(conference);
  useScreenAwake();
  useEffect(() => {
    // While a new join is on its way the old one has told its end already.
    if (is_returning) return;
    if (conference.view.ending) onOver(conference.view.ending, conference);
    return conference.on("ended", (ending) => onOver(ending, conference));
  }, [conference, onOver, is_returning]);
  const { add } = toasts;
  const told = useRef<JoinedConference | null>(null);
  useEffect(() => {
    if (returned === "none" || told.current === conference) return;
    told.current = conference;
    const text = t(`toast_${returned}`);
    add(text);
    announcer.say("connection", text);
  }, [conference, returned, add, announcer, t]);
  const { unread } = view.chat;
  const title = view.conference?.name || t("conference_unnamed");
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${isolated(title)}` : isolated(title);
  }, [title, unread]);
  const joins = useMemo(() => {
    const { conference_id, conferencecall_id } = conference;
    const added = addJoin(readPreference("joins"), conference_id, conferencecall_id);
    writePreference("joins", added.kept);
    return added.joins;
  }, [conference]);
  const my_ids = useMemo(
    () => mineOf(joins, conference.conferencecall_id, view.people),
    [joins, conference, view.people],
  );
  const people_count = view.people.filter(
    ({ status, is_me }) => status === "joined" || is_me,
  ).length;
  return (
    <div className={`meeting ${panel ? "has-panel" : ""}`}>
      <header className="top">
        <h1>
          <Name of={title} />
        </h1>
        <Elapsed conference={conference} since={view.conference?.tm_create ?? ""} />
        <span className="grow" />
        <span className="muted top-people">
          <Icon name="people" />
          <span aria-hidden="true">{people_count}</span>
          <span className="top-people-words">{t("people_count", { count: people_count })}</span>
        </span>
        <QualityBars quality={own.quality} about={t("quality_own")} />
      </header>
      {is_returning ? (
        <Returning onGiveUp={props.onGiveUp} />
      ) : (
        <Banners {...{ conference, view, own, devices, run }} is_talking={meeting.is_talking} />
      )}
      <div className="notices">
        <ToastList toasts={toasts} />
      </div>
      <Stage {...{ conference, view, own, commands, is_self_hidden }} pin={meeting.pin} />
      {panel && (
        <SidePanel panel={panel} onPanel={setPanel} unread={unread}>
          {{
            chat: (
              <ChatPanel
                chat={conference.chat}
                view={view.chat}
                people={view.people}
                my_ids={my_ids}
              />
            ),
            people: <PeoplePanel conference={conference} view={view} commands={commands} />,
          }}
        </SidePanel>
      )}
      <ControlBar controls={meeting.controls} is_narrow={is_narrow} />
      <LiveRegion announcer={announcer} />
      <Questions {...{ conference, devices, own, settings, meeting }} />
    </div>
  );
}
