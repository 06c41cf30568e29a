// The same link in several tabs of one browser: they know of each other, and one can take the place of another.
import type { JoinedConference, Seat } from "@parley/client";
import { useCallback, useEffect, useRef, useState } from "react";
import { openTabs, type Tabs } from "../look/tabs.ts";
import type { MeetingAddress } from "./address.ts";

type Word =
  | { readonly type: "who" }
  | { readonly type: "here" | "gone"; readonly tab: string }
  | { readonly type: "give"; readonly tab: string; readonly to: string }
  | { readonly type: "seat"; readonly to: string; readonly seat: Seat };

/** How long another tab may take to give its place away; one that does not answer sleeps or has crashed. */
const give_ms = 3_000;

// The same link only: other links into the same conference are other people. The end of a token is its signature.
const channelOf = ({ conference_id, token }: MeetingAddress): string =>
  `seat.${conference_id}.${token.slice(-24)}`;

const newTab = (): string => Array.from(crypto.getRandomValues(new Uint32Array(4))).join("-");

/** Before joining: whether this link is in use in another tab, and how to take its place. */
export function useOtherTab(address: MeetingAddress): {
  readonly is_there: boolean;
  /** The place of the other tab; null where it does not answer. */
  takePlace(): Promise<Seat | null>;
} {
  const [others, setOthers] = useState<readonly string[]>([]);
  const [tab] = useState(newTab);
  const tabs = useRef<Tabs<Word> | null>(null);
  const take = useRef<((seat: Seat) => void) | null>(null);
  useEffect(() => {
    const opened = openTabs<Word>(channelOf(address), (word) => {
      if (word.type === "here")
        setOthers((before) => [...before.filter((one) => one !== word.tab), word.tab]);
      if (word.type === "gone") setOthers((before) => before.filter((one) => one !== word.tab));
      if (word.type === "seat" && word.to === tab) take.current?.(word.seat);
    });
    tabs.current = opened;
    opened.tell({ type: "who" });
    return () => opened.close();
  }, [address, tab]);
  const latest = others.at(-1);
  const takePlace = useCallback(
    () =>
      new Promise<Seat | null>((resolve) => {
        if (latest === undefined) return resolve(null);
        const timer = setTimeout(() => {
          // Asleep or gone: nothing of it is waited for any more.
          setOthers((before) => before.filter((one) => one !== latest));
          resolve(null);
        }, give_ms);
        take.current = (seat) => {
          clearTimeout(timer);
          resolve(seat);
        };
        tabs.current?.tell({ type: "give", tab: latest, to: tab });
      }),
    [latest, tab],
  );
  return { is_there: latest !== undefined, takePlace };
}

/** Inside: tells the other tabs that this link is in use here, and gives the place away when one asks. */
export function usePlaceHere(address: MeetingAddress, conference: JoinedConference | null): void {
  useEffect(() => {
    if (!conference) return;
    const tab = newTab();
    const tabs = openTabs<Word>(channelOf(address), (word) => {
      if (word.type === "who") tabs.tell({ type: "here", tab });
      if (word.type === "give" && word.tab === tab)
        tabs.tell({ type: "seat", to: word.to, seat: conference.handOver() });
    });
    tabs.tell({ type: "here", tab });
    const leave = (): void => tabs.tell({ type: "gone", tab });
    globalThis.addEventListener("pagehide", leave);
    return () => {
      globalThis.removeEventListener("pagehide", leave);
      leave();
      tabs.close();
    };
  }, [address, conference]);
}
