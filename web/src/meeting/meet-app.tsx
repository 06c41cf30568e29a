// The meeting page from link to farewell: before joining, inside, over.
import { type Devices, type Ending, type JoinedConference, openDevices } from "@parley/client";
import { useCallback, useEffect, useRef, useState } from "react";
import { reportFault } from "../look/report.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import type { MeetingAddress } from "./address.ts";
import { BeforeJoining } from "./before-joining.tsx";
import { Ended, Farewell } from "./ended.tsx";
import { endingFor } from "./ending.ts";
import { Meeting } from "./meeting.tsx";
import { usePlaceHere } from "./other-tabs.ts";
import { mayRejoin, rejoin, silent_after_ms } from "./rejoin.ts";
import { useTimeAway } from "./use-time-away.ts";

/** How one came in: by hand, or back by itself (silently after a long time). */
export type Return = "none" | "back" | "back_silent";

type Stage =
  | { readonly kind: "before" }
  | {
      readonly kind: "inside";
      readonly conference: JoinedConference;
      readonly returned: Return;
      /** The place is lost and a new one is being taken. */
      readonly is_returning: boolean;
    }
  | { readonly kind: "over"; readonly ending: Ending };

/** The whole page. `address` is null for a link that is not complete. */
export function MeetApp({ address }: { readonly address: MeetingAddress | null }) {
  const { t } = useSurroundings();
  const [devices, setDevices] = useState<Devices | null>(null);
  const [failure, setFailure] = useState<Ending | null>(null);
  useEffect(() => {
    let opened: Devices | null = null;
    let is_gone = false;
    openDevices().then(
      (found) => {
        if (is_gone) found.close();
        else {
          opened = found;
          setDevices(found);
        }
      },
      (thrown: unknown) => setFailure(endingFor(thrown)),
    );
    return () => {
      is_gone = true;
      opened?.close();
    };
  }, []);
  if (!address) {
    return <Farewell title={t("link_incomplete")} text={t("link_incomplete_text")} />;
  }
  if (failure) return <Ended ending={failure} onRejoin={() => location.reload()} />;
  if (!devices) return <p className="hidden-text">{t("loading")}</p>;
  return <Visit address={address} devices={devices} />;
}

/** One link, with devices. */
function Visit({
  address,
  devices,
}: {
  readonly address: MeetingAddress;
  readonly devices: Devices;
}) {
  const [stage, setStage] = useState<Stage>({ kind: "before" });
  const inside = stage.kind === "inside" && !stage.is_returning ? stage.conference : null;
  usePlaceHere(address, inside);
  const timeAway = useTimeAway(inside);
  const returns = useRef<readonly number[]>([]);
  const returning = useRef<AbortController | null>(null);
  useEffect(() => () => returning.current?.abort(), []);

  const over = useCallback(
    (ending: Ending): void => {
      devices.closeCamera();
      devices.closeMicrophone();
      setStage({ kind: "over", ending });
    },
    [devices],
  );
  const comeBack = useCallback(
    (old: JoinedConference, away_ms: number): void => {
      const stop = new AbortController();
      returning.current = stop;
      returns.current = [...returns.current, performance.now()].slice(-10);
      const is_silent = away_ms > silent_after_ms;
      if (is_silent) {
        devices.closeCamera();
        devices.closeMicrophone();
      }
      setStage({ kind: "inside", conference: old, returned: "none", is_returning: true });
      rejoin({ address, old, devices, is_silent, signal: stop.signal }).then(
        (found) => {
          if ("reason" in found) over(found);
          else if (stop.signal.aborted) found.leave().catch(reportFault);
          else
            setStage({
              kind: "inside",
              conference: found,
              returned: is_silent ? "back_silent" : "back",
              is_returning: false,
            });
        },
        (thrown: unknown) => {
          if (!stop.signal.aborted) over(endingFor(thrown));
        },
      );
    },
    [address, devices, over],
  );
  const away = useRef(timeAway);
  away.current = timeAway;
  const end = useCallback(
    (ending: Ending, conference: JoinedConference): void => {
      // Slept, stalled, or the server lost the place: the link still opens the door.
      if (ending.reason === "vanished" && mayRejoin(returns.current, performance.now()))
        comeBack(conference, away.current());
      else over(ending);
    },
    [comeBack, over],
  );

  if (stage.kind === "over") {
    return <Ended ending={stage.ending} onRejoin={() => setStage({ kind: "before" })} />;
  }
  if (stage.kind === "inside") {
    return (
      <Meeting
        conference={stage.conference}
        devices={devices}
        returned={stage.returned}
        is_returning={stage.is_returning}
        onOver={end}
        onGiveUp={() => {
          returning.current?.abort();
          over({ reason: "left", problem: null });
        }}
      />
    );
  }
  return (
    <BeforeJoining
      address={address}
      devices={devices}
      onJoined={(conference) =>
        setStage({ kind: "inside", conference, returned: "none", is_returning: false })
      }
      onOver={over}
    />
  );
}
