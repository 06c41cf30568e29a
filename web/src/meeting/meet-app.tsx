// The meeting page from link to farewell: before joining, inside, over.
import { type Devices, type Ending, type JoinedConference, openDevices } from "@parley/client";
import { useCallback, useEffect, useState } from "react";
import { useSurroundings } from "../look/surroundings.tsx";
import type { MeetingAddress } from "./address.ts";
import { BeforeJoining } from "./before-joining.tsx";
import { Ended, Farewell } from "./ended.tsx";
import { endingFor } from "./ending.ts";
import { Meeting } from "./meeting.tsx";

type Stage =
  | { readonly kind: "before" }
  | { readonly kind: "inside"; readonly conference: JoinedConference }
  | { readonly kind: "over"; readonly ending: Ending };

/** The whole page. `address` is null for a link that is not complete. */
export function MeetApp({ address }: { readonly address: MeetingAddress | null }) {
  const { t } = useSurroundings();
  const [stage, setStage] = useState<Stage>({ kind: "before" });
  const [devices, setDevices] = useState<Devices | null>(null);
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
      (thrown: unknown) => setStage({ kind: "over", ending: endingFor(thrown) }),
    );
    return () => {
      is_gone = true;
      opened?.close();
    };
  }, []);

  const over = useCallback(
    (ending: Ending): void => {
      devices?.closeCamera();
      devices?.closeMicrophone();
      setStage({ kind: "over", ending });
    },
    [devices],
  );

  if (!address) {
    return <Farewell title={t("link_incomplete")} text={t("link_incomplete_text")} />;
  }
  if (stage.kind === "over") {
    return <Ended ending={stage.ending} onRejoin={() => setStage({ kind: "before" })} />;
  }
  if (!devices) return <p className="hidden-text">{t("loading")}</p>;
  if (stage.kind === "inside") {
    return <Meeting conference={stage.conference} devices={devices} onOver={over} />;
  }
  return (
    <BeforeJoining
      address={address}
      devices={devices}
      onJoined={(conference) => setStage({ kind: "inside", conference })}
      onOver={over}
    />
  );
}
