// One conference as the console sees it: live while it lasts, by its journal always.
import { type Conference, Problem, type WatchedConference, watchConference } from "@parley/client";
import { useEffect, useState } from "react";
import { reportFault } from "../look/report.ts";
import type { Api, NumberedEvent } from "./api.ts";
import { firstGap, mergeEvents } from "./history.ts";

/** What is known about a conference. */
export interface ConferenceKnown {
  /** null until the first answer. */
  readonly conference: Conference | null;
  /** Set while it is watched live. */
  readonly watched: WatchedConference | null;
  readonly events: readonly NumberedEvent[];
  readonly failure: unknown;
}

const nothing: ConferenceKnown = { conference: null, watched: null, events: [], failure: null };

/** Follows a conference. */
export function useConference(api: Api, id: string): ConferenceKnown {
  const [known, setKnown] = useState<ConferenceKnown>(nothing);
  useEffect(() => {
    const stop = new AbortController();
    let watched: WatchedConference | null = null;
    let events: readonly NumberedEvent[] = [];
    let is_filling = false;
    const change = (part: Partial<ConferenceKnown>): void => {
      if (!stop.signal.aborted) setKnown((before) => ({ ...before, ...part }));
    };
    const fail = (failure: unknown): void => {
      // A socket has no status of HTTP; its refusals are told by their reason.
      if (isRefusal(failure)) api.refused();
      else change({ failure });
    };
    const add = (more: readonly NumberedEvent[]): void => {
      events = mergeEvents(events, more);
      change({ events });
    };
    // Reads what is missing; while that runs, live events wait in the list.
    const fill = async (): Promise<void> => {
      if (is_filling) return;
      is_filling = true;
      try {
        const gap = events.length === 0 ? 1 : firstGap(events);
        if (gap !== null) add(await api.events(id, gap - 1));
      } finally {
        is_filling = false;
      }
    };
    const readOnce = async (): Promise<void> => {
      const conference = await api.conference(id);
      change({ conference });
      await fill();
    };
    const follow = (conference: WatchedConference): void => {
      watched = conference;
      if (stop.signal.aborted) {
        conference.close().catch(reportFault);
        return;
      }
      conference.on("event", ({ seq, event }) => {
        add([{ ...event, seq }]);
        if (firstGap(events) !== null) fill().catch(fail);
      });
      conference.on("change", (view) => {
        if (view.conference) change({ conference: view.conference });
      });
      conference.on("ended", ({ reason, problem }) => {
        change({ watched: null });
        if (reason === "denied") fail(problem);
        else readOnce().catch(fail);
      });
      change({ watched: conference, conference: conference.view.conference });
      fill().catch(fail);
    };
    watchConference({ conference_id: id, token: api.token, signal: stop.signal }).then(
      follow,
      (thrown: unknown) => {
        if (stop.signal.aborted) return;
        const has_ended = thrown instanceof Problem && thrown.reason === "STATE_INVALID";
        if (has_ended) readOnce().catch(fail);
        else fail(thrown);
      },
    );
    return () => {
      stop.abort();
      watched?.close().catch(reportFault);
    };
  }, [api, id]);
  return known;
}

const refusals: ReadonlySet<string> = new Set([
  "INVALID_CREDENTIALS",
  "AUTHENTICATION_REQUIRED",
  "TOKEN_EXPIRED",
  "TOKEN_REVOKED",
]);

const isRefusal = (thrown: unknown): boolean =>
  thrown instanceof Problem && refusals.has(thrown.reason);
