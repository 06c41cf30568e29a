// The list of conferences, live, with its filters in the address.
import type { Conference } from "@parley/client";
import { useCallback, useEffect, useRef, useState } from "react";
import { Button, Input, Label, SearchField } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { readTime } from "../look/people.ts";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import type { Api, ConferenceFilter, Page } from "./api.ts";
import { CreateConference } from "./create-conference.tsx";
import { CallBlock, curlFor } from "./curl.tsx";
import { all_conferences, type Route, writeRoute } from "./route.ts";
import { StatusChip } from "./status-chip.tsx";
import { TableBox } from "./table-box.tsx";
import { useCustomerEvents } from "./use-customer-events.ts";

type ListRoute = Extract<Route, { view: "conferences" }>;

/** As long as a search may be, and how long one has to pause in typing. */
const search_length_max = 200;
const settle_ms = 250;

/** The list. */
export function ConferenceList({ api, route }: { readonly api: Api; readonly route: ListRoute }) {
  const { t, clock } = useSurroundings();
  const [is_creating, setCreating] = useState(false);
  const { page, failure, reload, more, shown_at } = usePages(api, route);
  const is_live = useCustomerEvents(api, reload);
  const go = (change: Partial<ListRoute>): void => {
    location.replace(writeRoute({ ...route, ...change }));
  };
  const found = page?.result ?? [];
  const is_filtered = [route.status, route.type, route.text.trim(), route.from, route.until].some(
    (wish) => wish !== "",
  );
  return (
    <>
      <div className="head">
        <h1>{t("conferences")}</h1>
        <span className={`chip ${is_live ? "good" : ""}`} role="status">
          <span className="dot" aria-hidden="true" />
          {is_live ? t("live") : t("live_not", { time: clock(shown_at, true) })}
        </span>
        <span className="grow" />
        <Button className="button primary" onPress={() => setCreating(true)}>
          <Icon name="plus" />
          {t("conference_new")}
        </Button>
      </div>
      <search className="filters">
        <SearchField className="field grow" value={route.text} onChange={(text) => go({ text })}>
          <Label>{t("filter_text")}</Label>
          <Input dir="auto" maxLength={search_length_max} />
        </SearchField>
        <Choice
          label={t("filter_status")}
          value={route.status}
          options={[
            ["", t("filter_open")],
            ["all", t("filter_everything")],
            ["starting", t("status_starting")],
            ["progressing", t("status_progressing")],
            ["terminating", t("status_terminating")],
            ["terminated", t("status_terminated")],
          ]}
          onChange={(status) => go({ status })}
        />
        <Choice
          label={t("filter_type")}
          value={route.type}
          options={[
            ["", t("filter_all")],
            ["conference", t("type_conference")],
            ["connect", t("type_connect")],
          ]}
          onChange={(type) => go({ type })}
        />
        <label className="field">
          <span className="label">{t("filter_from")}</span>
          <input
            type="date"
            value={route.from}
            max={route.until}
            onChange={({ currentTarget }) => go({ from: currentTarget.value })}
          />
        </label>
        <label className="field">
          <span className="label">{t("filter_until")}</span>
          <input
            type="date"
            value={route.until}
            min={route.from}
            onChange={({ currentTarget }) => go({ until: currentTarget.value })}
          />
        </label>
      </search>
      {failure !== null && <ProblemNotice thrown={failure} />}
      {page === null && failure === null && <p className="muted">{t("loading")}</p>}
      {page !== null && found.length > 0 && <ConferenceTable conferences={found} />}
      {page !== null && found.length === 0 && is_filtered && (
        <div className="empty">
          <p>{t("conferences_none_found")}</p>
          <a className="button" href={writeRoute(all_conferences)}>
            {t("filters_clear")}
          </a>
        </div>
      )}
      {page !== null && found.length === 0 && !is_filtered && (
        <EmptyList onCreate={() => setCreating(true)} />
      )}
      {page !== null && page.next_page_token !== "" && (
        <Button className="button" onPress={more}>
          {t("list_more")}
        </Button>
      )}
      {is_creating && (
        <CreateConference
          api={api}
          onClose={() => setCreating(false)}
          onCreated={(conference) => {
            setCreating(false);
            location.hash = writeRoute({ view: "conference", id: conference.id, tab: "timeline" });
          }}
        />
      )}
    </>
  );
}

function EmptyList({ onCreate }: { readonly onCreate: () => void }) {
  const { t } = useSurroundings();
  return (
    <div className="empty">
      <h2>{t("conferences_none")}</h2>
      <p className="muted">{t("conferences_none_text")}</p>
      <CallBlock
        text={curlFor("POST", "/v1.0/conferences", {
          type: "conference",
          name: "test conference",
          detail: "test conference for example",
        })}
      />
      <div className="row">
        <Button className="button primary" onPress={onCreate}>
          <Icon name="plus" />
          {t("conference_new")}
        </Button>
        <a className="button" href={writeRoute({ view: "start" })}>
          {t("nav_start")}
        </a>
      </div>
    </div>
  );
}

function ConferenceTable({ conferences }: { readonly conferences: readonly Conference[] }) {
  const { t, moment } = useSurroundings();
  return (
    <TableBox label={t("conferences")}>
      <thead>
        <tr>
          <th scope="col">{t("column_name")}</th>
          <th scope="col">{t("column_state")}</th>
          <th scope="col">{t("column_people")}</th>
          <th scope="col">{t("column_type")}</th>
          <th scope="col">{t("column_created")}</th>
        </tr>
      </thead>
      <tbody>
        {conferences.map((conference) => {
          const created = readTime(conference.tm_create);
          const count = conference.conferencecall_ids.length;
          return (
            <tr key={conference.id}>
              <th scope="row">
                <a href={writeRoute({ view: "conference", id: conference.id, tab: "timeline" })}>
                  <Name of={conference.name || t("conference_unnamed")} />
                </a>
                {conference.detail && (
                  <span className="muted sub">
                    <Name of={conference.detail} />
                  </span>
                )}
              </th>
              <td>
                <StatusChip status={conference.status} />
              </td>
              <td className={count > 0 ? "" : "muted"}>{t("people_in_cell", { count })}</td>
              <td>{t(`type_${conference.type}`)}</td>
              <td className="muted">{created && moment(created)}</td>
            </tr>
          );
        })}
      </tbody>
    </TableBox>
  );
}

/** A value once it has not changed for a time. */
function useSettled(value: string, ms: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return settled;
}

interface Pages {
  readonly page: Page<Conference> | null;
  readonly failure: unknown;
  readonly shown_at: Date;
  reload(): void;
  more(): void;
}

function usePages(api: Api, filter: ConferenceFilter): Pages {
  const { status, type, from, until } = filter;
  // The server is not asked at each letter.
  const text = useSettled(filter.text, settle_ms);
  const [page, setPage] = useState<Page<Conference> | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const [shown_at, setShownAt] = useState(() => new Date());
  const turn = useRef(0);
  const page_count = useRef(1);
  const load = useCallback(
    async (count: number): Promise<void> => {
      turn.current += 1;
      const mine = turn.current;
      let found: Page<Conference> = await api.conferences({ status, type, text, from, until });
      for (let at = 1; at < count && found.next_page_token !== ""; at += 1) {
        const next = await api.conferences(
          { status, type, text, from, until },
          found.next_page_token,
        );
        found = { ...next, result: [...found.result, ...next.result] };
      }
      // Only the answer to the latest question counts.
      if (mine !== turn.current) return;
      page_count.current = count;
      setPage(found);
      setFailure(null);
      setShownAt(new Date());
    },
    [api, status, type, text, from, until],
  );
  const start = useCallback(
    (count: number): void => {
      load(count).catch((thrown: unknown) => setFailure(thrown));
    },
    [load],
  );
  useEffect(() => start(1), [start]);
  const reload = useCallback(() => start(page_count.current), [start]);
  const more = useCallback(() => start(page_count.current + 1), [start]);
  return { page, failure, shown_at, reload, more };
}
