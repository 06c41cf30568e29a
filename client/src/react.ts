// React hooks: the SDK in components, safe in StrictMode. An entry of its own, so that pages without React need none.
import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";
import type { JoinedConference, JoinOptions, WatchedConference } from "./conference.ts";
import type { Devices, DevicesView } from "./devices.ts";
import { joinConference } from "./join.ts";
import { Problem } from "./problem.ts";
import type { Tile, TileView } from "./tile.ts";
import type { ConferenceView, Ending, OwnView } from "./view.ts";
import type { Source } from "./wire.ts";

/** How a join that a component asked for stands. */
export type ConferenceState =
  /** The options are null. */
  | { readonly status: "idle"; readonly conference: null }
  | { readonly status: "joining"; readonly conference: null }
  | { readonly status: "joined"; readonly conference: JoinedConference }
  /** It is over; the last view can still be read. */
  | { readonly status: "ended"; readonly conference: JoinedConference; readonly ending: Ending }
  /** The join was refused, or the server cannot be reached. */
  | { readonly status: "failed"; readonly conference: null; readonly problem: Problem };

const idle: ConferenceState = { status: "idle", conference: null };
const joining: ConferenceState = { status: "joining", conference: null };

/**
 * Joins while the component is mounted and leaves when it is not; null: not (yet). Joins anew when server, conference or token change;
 * the other options are read at the join. Mounting twice in a row, as StrictMode does, joins once.
 */
export function useConference(options: JoinOptions | null): ConferenceState {
  const [state, setState] = useState<ConferenceState>(options === null ? idle : joining);
  const latest = useRef(options);
  latest.current = options;
  const key =
    options && JSON.stringify([options.server ?? null, options.conference_id, options.token]);
  useEffect(() => {
    const wanted = latest.current;
    if (key === null || wanted === null) {
      setState(idle);
      return;
    }
    let is_wanted = true;
    let leave = (): void => undefined;
    setState(joining);
    // A task later, so that a mount which is taken back at once asks the server and the person for nothing.
    const timer = setTimeout(() => {
      const joined = joinConference(wanted);
      // Left after the join rather than broken off: a request that was broken off may have taken a seat.
      leave = () => void joined.then((conference) => conference.leave()).catch(nobodyWaits);
      joined.then(
        (conference) => {
          if (!is_wanted) return;
          conference.on("ended", (ending) => {
            if (is_wanted) setState({ status: "ended", conference, ending });
          });
          const { ending } = conference.view;
          setState(
            ending ? { status: "ended", conference, ending } : { status: "joined", conference },
          );
        },
        (thrown: unknown) => {
          if (is_wanted)
            setState({ status: "failed", conference: null, problem: asProblem(thrown) });
        },
      );
    });
    return () => {
      is_wanted = false;
      clearTimeout(timer);
      leave();
    };
  }, [key]);
  return state;
}

/** The component is gone; a refusal of its join concerns nobody, and leaving does not fail. */
const nobodyWaits = (): void => undefined;

const asProblem = (thrown: unknown): Problem =>
  thrown instanceof Problem
    ? thrown
    : new Problem("BROWSER_UNSUPPORTED", String(thrown), { cause: thrown });

/** What is known about a conference; draws the component anew at each change. */
export function useView(conference: WatchedConference): ConferenceView {
  const subscribe = useCallback(
    // A joined conference tells all that a watched one does; only the latter's notices are used.
    (changed: () => void) => conference.on("change", changed),
    [conference],
  );
  return useSyncExternalStore(subscribe, () => conference.view);
}

/** State of one's own microphone, camera and screen. */
export function useOwn(conference: JoinedConference): OwnView {
  const subscribe = useCallback(
    (changed: () => void) => conference.on("own", changed),
    [conference],
  );
  return useSyncExternalStore(subscribe, () => conference.own);
}

/** State of the devices: lists, choices, what is open. */
export function useDevices(devices: Devices): DevicesView {
  const subscribe = useCallback((changed: () => void) => devices.on("change", changed), [devices]);
  return useSyncExternalStore(subscribe, () => devices.view);
}

/** A picture in a component. */
export interface TileHook {
  /** For the `ref` of a video element; what it needs (muted, autoplay, size) is set on it. */
  readonly ref: (element: HTMLVideoElement | null) => void;
  /** State of the tile; null while there is no element or no free line. */
  readonly view: TileView | null;
}

/**
 * Shows somebody's camera or screen in a video element: takes a line, tells the size that the element has, gives the line back. Where all lines
 * are in use it waits for a change of the conference and tries again.
 */
export function useTile(
  conference: JoinedConference,
  conferencecall_id: string | null,
  source: Source = "camera",
): TileHook {
  const [element, ref] = useState<HTMLVideoElement | null>(null);
  const [tile, setTile] = useState<Tile | null>(null);
  const [view, setView] = useState<TileView | null>(null);
  const is_wanted = element !== null && conferencecall_id !== null;
  useEffect(() => {
    if (!is_wanted) return;
    let taken: Tile | null = null;
    const take = (): void => {
      if (taken) return;
      try {
        taken = conference.takeTile();
      } catch (thrown) {
        // All lines are in use: the next change may free one.
        if (thrown instanceof Problem && thrown.reason === "TILES_EXHAUSTED") return;
        throw thrown;
      }
      setTile(taken);
      setView(taken.view);
      taken.on("change", setView);
    };
    take();
    const stop = conference.on("change", take);
    return () => {
      stop();
      taken?.release();
      setTile(null);
      setView(null);
    };
  }, [conference, is_wanted]);
  useEffect(() => {
    if (!tile || !element) return;
    Object.assign(element, { muted: true, autoplay: true, playsInline: true });
    element.srcObject = tile.media;
    return () => {
      element.srcObject = null;
    };
  }, [tile, element]);
  useEffect(() => {
    if (!tile || !element || conferencecall_id === null) return;
    const size = (): { width: number; height: number } => ({
      width: Math.round(element.clientWidth * devicePixelRatio),
      height: Math.round(element.clientHeight * devicePixelRatio),
    });
    tile.show(conferencecall_id, source, size());
    const observer = new ResizeObserver(() => tile.resize(size()));
    observer.observe(element);
    return () => observer.disconnect();
  }, [tile, element, conferencecall_id, source]);
  return { ref, view };
}
