// One conference: who is in, what happened, what can be done; live while it lasts.
import { type ConferenceView, Problem, type WatchedConference } from "@parley/client";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { Button, Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { ChatPanel } from "../chat/chat-panel.tsx";
import { CopyButton } from "../look/copy-button.tsx";
import { ConfirmBox } from "../look/dialog.tsx";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { readTime } from "../look/people.ts";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { useNotice } from "../look/use-notice.ts";
import { escaped, isolated } from "../text/bidi.ts";
import type { Api } from "./api.ts";
import { byWhom, EventTable, JoinTable } from "./detail-tables.tsx";
import { endOf, joinsOf, messagesOf, peakOf, personMinutes } from "./history.ts";
import { MakeLink } from "./make-link.tsx";
import { all_conferences, type DetailTab, detail_tabs, writeRoute } from "./route.ts";
import { StatusChip } from "./status-chip.tsx";
import { TimelineDrawing } from "./timeline-drawing.tsx";
import { type ConferenceKnown, useConference } from "./use-conference.ts";

/** The page of one conference. */
export function ConferenceDetail(props: {
  readonly api: Api;
  readonly id: string;
  readonly tab: DetailTab;
}) {
  const { t } = useSurroundings();
  const known = useConference(props.api, props.id);
  const back = (
    <p className="crumb">
      <a href={writeRoute(all_conferences)}>{t("detail_back")}</a>
    </p>
  );
  if (!known.conference) {
    return (
      <>
        {back}
        {known.failure === null ? (
          <p className="muted">{t("loading")}</p>
        ) : (
          <Unreadable thrown={known.failure} />
        )}
      </>
    );
  }
  return (
    <>
      {back}
      {known.watched ? (
        <Live {...props} known={known} watched={known.watched} />
      ) : (
        <Facts {...props} known={known} watched={null} view={null} />
      )}
    </>
  );
}

// Only a server that answered can say that there is no such conference.
function Unreadable({ thrown }: { readonly thrown: unknown }) {
  const { t } = useSurroundings();
  const reason = thrown instanceof Problem ? thrown.reason : "";
  if (reason === "CONFERENCE_NOT_FOUND" || reason === "INVALID_ID") {
    return (
      <>
        <h1>{t("detail_not_found")}</h1>
        <p className="lead">{t("detail_not_found_text")}</p>
      </>
    );
  }
  return (
    <>
      <h1>{t("detail_failed")}</h1>
      <ProblemNotice thrown={thrown} />
      <p>
        <Button className="button" onPress={() => location.reload()}>
          {t("try_again")}
        </Button>
      </p>
    </>
  );
}

interface DetailProps {
  readonly api: Api;
  readonly id: string;
  readonly tab: DetailTab;
  readonly known: ConferenceKnown;
}

function Live(props: DetailProps & { readonly watched: WatchedConference }) {
  const { watched } = props;
  const view = useNotice(
    watched,
    "change",
    useCallback(() => watched.view, [watched]),
  );
  return <Facts {...props} view={view} />;
}

function Facts(
  props: DetailProps & {
    readonly watched: WatchedConference | null;
    readonly view: ConferenceView | null;
  },
) {
  const { t, decimal } = useSurroundings();
  const { known, view, watched } = props;
  const { events, conference } = known;
  const now = useServerNow(watched, events);
  const joins = useMemo(() => joinsOf(events), [events]);
  const messages = useMemo(() => messagesOf(events), [events]);
  if (!conference) return null;
  const talking = view?.people.find(({ is_active_speaker }) => is_active_speaker);
  const facts: readonly (readonly [string, string, string?])[] = [
    [
      t("fact_in_room"),
      String(conference.conferencecall_ids.length),
      t("fact_peak", { count: peakOf(joins) }),
    ],
    [t("fact_minutes"), decimal(personMinutes(joins, now))],
    [t("fact_talking"), talking?.name || t("nobody")],
    [t("fact_messages"), String(messages.length)],
    [t("fact_events"), String(events.length)],
  ];
  const panels: Record<DetailTab, () => ReactNode> = {
    timeline: () => <TimelineDrawing events={events} now={now} />,
    people: () => <JoinTable joins={joins} events={events} view={view} onKick={props.api.kick} />,
    events: () => <EventTable events={events} joins={joins} />,
    chat: () => (
      <div className="chat-frame">
        <p className="muted">{watched && t("chat_console_note")}</p>
        <ChatPanel
          chat={watched?.chat ?? null}
          view={view?.chat ?? { messages, pending: [], unread: 0, has_earlier: false }}
          people={view?.people ?? []}
          my_ids={null}
        />
      </div>
    ),
    json: () => (
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
      <pre className="json" tabIndex={0}>
        {escaped(JSON.stringify(conference, null, 2))}
      </pre>
    ),
  };
  return (
    <>
      <Head {...props} />
      {known.failure !== null && <ProblemNotice thrown={known.failure} />}
      <dl className="facts">
        {facts.map(([name, value, note]) => (
          <div key={name} className="fact" title={value}>
            <dt>{name}</dt>
            <dd>
              <Name of={value} />
              {note !== undefined && <i>{note}</i>}
            </dd>
          </div>
        ))}
      </dl>
      <Tabs
        className="card detail-tabs"
        selectedKey={props.tab}
        onSelectionChange={(key) => {
          const tab = detail_tabs.find((one) => one === key) ?? "timeline";
          location.replace(writeRoute({ view: "conference", id: props.id, tab }));
        }}
      >
        <TabList className="line-tabs" aria-label={isolated(conference.name || t("conference"))}>
          {detail_tabs.map((tab) => (
            <Tab key={tab} id={tab} className="line-tab">
              {t(`tab_${tab}`)}
            </Tab>
          ))}
        </TabList>
        {detail_tabs.map((tab) => (
          <TabPanel key={tab} id={tab} className="line-panel">
            {panels[tab]()}
          </TabPanel>
        ))}
      </Tabs>
    </>
  );
}

function Head(props: DetailProps & { readonly view: ConferenceView | null }) {
  const { t, moment, duration } = useSurroundings();
  const { known, api, id } = props;
  const title = known.conference?.name || t("conference_unnamed");
  useEffect(() => {
    document.title = `${isolated(title)} · Parley`;
  }, [title]);
  const [open, setOpen] = useState<"link" | "end" | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const { conference } = known;
  if (!conference) return null;
  const created = readTime(conference.tm_create);
  const is_live = props.view?.connection === "live";
  const is_open = conference.status === "progressing" || conference.status === "starting";
  return (
    <>
      <div className="head">
        <h1>
          <Name of={title} />
        </h1>
        <StatusChip status={conference.status} />
        {props.view && (
          <span className={`chip ${is_live ? "good" : "warn"}`} role="status">
            <span className="dot" aria-hidden="true" />
            {t(is_live ? "live" : "reconnecting")}
          </span>
        )}
        <span className="grow" />
        {is_open && (
          <div className="row">
            <Button className="button primary" onPress={() => setOpen("link")}>
              <Icon name="link" />
              {t("link_make")}
            </Button>
            <Button className="button danger" onPress={() => setOpen("end")}>
              {t("end_conference")}
            </Button>
          </div>
        )}
      </div>
      {conference.detail && (
        <p>
          <Name of={conference.detail} />
        </p>
      )}
      <p className="id-line muted">
        <code>{conference.id}</code>
        <CopyButton text={conference.id} label={`${t("copy")}: ${conference.id}`} />
        <span>
          {t(`type_${conference.type}`)}
          {created && ` · ${t("detail_created", { time: moment(created) })}`}
          {` · ${conference.timeout > 0 ? t("detail_ends_after", { time: duration(conference.timeout) }) : t("detail_never_ends")}`}
        </span>
      </p>
      <EndLine events={known.events} />
      {failure !== null && <ProblemNotice thrown={failure} />}
      {open === "link" && <MakeLink api={api} conference_id={id} onClose={() => setOpen(null)} />}
      {open === "end" && (
        <ConfirmBox
          question={t("end_question")}
          consequence={t("end_consequence")}
          confirm={t("end_now")}
          onClose={() => setOpen(null)}
          onConfirm={() => {
            setOpen(null);
            // What it changes arrives as events.
            api.endConference(id).catch((thrown: unknown) => setFailure(thrown));
          }}
        />
      )}
    </>
  );
}

// When it ended, why and by whom.
function EndLine({ events }: { readonly events: ConferenceKnown["events"] }) {
  const { t, moment } = useSurroundings();
  const end = useMemo(() => endOf(events), [events]);
  if (!end) return null;
  const by =
    end.cause === "timeout"
      ? t("ended_by_timeout")
      : end.cause === "room_failed"
        ? t("ended_by_failure")
        : end.cause === "ejected"
          ? t("ended_by_other")
          : byWhom(end.actor, joinsOf(events), t);
  return <p className="muted">{t("ended_line", { time: moment(new Date(end.at)), by })}</p>;
}

/** The server's time, once a second while something is live; a reader's own clock may be wrong. Later than everything that was told. */
function useServerNow(
  watched: WatchedConference | null,
  events: ConferenceKnown["events"],
): number {
  const [heard, setHeard] = useState(0);
  useEffect(() => {
    if (!watched) return;
    const read = (): void => setHeard(watched.serverNow() ?? 0);
    read();
    const timer = setInterval(read, 1_000);
    return () => clearInterval(timer);
  }, [watched]);
  return Math.max(heard, readTime(events.at(-1)?.tm ?? "")?.getTime() ?? 0);
}
