// What needs a decision or patience right now, above the stage.
import type { ConferenceView, Devices, JoinedConference, OwnView } from "@parley/client";
import { type ReactNode, useEffect, useState } from "react";
import { Button } from "react-aria-components";
import { Icon, type IconName } from "../look/icon.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { deviceTexts } from "./device-problem.ts";

/** When somebody counts as talking into a muted microphone. */
const talking_limits = {
  read_ms: 200,
  level_min: 0.22,
  reads_of: 8,
  reads_min: 4,
  shown_ms: 6_000,
  pause_ms: 30_000,
};

/** All banners, the most pressing first. */
export function Banners(props: {
  readonly conference: JoinedConference;
  readonly view: ConferenceView;
  readonly own: OwnView;
  readonly devices: Devices;
  /** The key that talks is held. */
  readonly is_talking: boolean;
  readonly run: (what: Promise<void>) => void;
}) {
  const { t } = useSurroundings();
  const { conference, view, own, devices, run } = props;
  const is_unheard = useTalkingWhileMuted(devices, own);
  const [is_problem_read, setProblemRead] = useState<unknown>(null);
  const problem = own.camera.problem ?? own.microphone.problem;
  const kind = own.camera.problem ? "camera" : "microphone";
  const texts = problem && problem !== is_problem_read ? deviceTexts(kind, problem) : null;
  return (
    <div className="banners">
      {view.connection === "connecting" && (
        <Banner icon="forward" tone="calm" text={t("connecting")} />
      )}
      {view.connection === "reconnecting" && (
        <Banner
          icon="warning"
          tone="warn"
          text={
            view.reconnect && view.reconnect.attempt > 1
              ? t("reconnecting_attempt", { attempt: view.reconnect.attempt })
              : t("reconnecting")
          }
        >
          <Button className="button small" onPress={() => conference.reconnectNow()}>
            {t("reconnect_now")}
          </Button>
        </Banner>
      )}
      {own.is_audio_blocked && (
        <Banner icon="sound" tone="warn" text={t("audio_blocked")}>
          <Button className="button small primary" onPress={() => run(conference.startAudio())}>
            {t("audio_start")}
          </Button>
        </Banner>
      )}
      {own.screen.state === "live" && (
        <Banner icon="screen" tone="calm" text={t("sharing_now")}>
          <Button className="button small" onPress={() => run(conference.setScreen(false))}>
            {t("stop_sharing")}
          </Button>
        </Banner>
      )}
      {props.is_talking && <Banner icon="microphone" tone="calm" text={t("talking_with_space")} />}
      {is_unheard && (
        <Banner icon="microphone_off" tone="warn" text={t("talking_muted")}>
          <Button className="button small" onPress={() => run(conference.setMicrophone(true))}>
            {t("unmute")}
          </Button>
        </Banner>
      )}
      {texts && (
        <Banner
          icon="warning"
          tone="warn"
          text={
            <>
              <strong>{t(texts.title)}.</strong> {t(texts.fix)}
            </>
          }
        >
          <Button
            className="button small"
            onPress={() =>
              run(kind === "camera" ? conference.setCamera(true) : conference.setMicrophone(true))
            }
          >
            {t("try_again")}
          </Button>
          <Button
            className="icon-button"
            aria-label={t("close")}
            onPress={() => setProblemRead(problem)}
          >
            <Icon name="close" />
          </Button>
        </Banner>
      )}
    </div>
  );
}

/** Instead of all others while a lost place is being taken again. */
export function Returning({ onGiveUp }: { readonly onGiveUp: () => void }) {
  const { t } = useSurroundings();
  return (
    <div className="banners">
      <Banner icon="warning" tone="warn" text={t("returning")}>
        <Button className="button small" onPress={onGiveUp}>
          {t("leave_conference")}
        </Button>
      </Banner>
    </div>
  );
}

function Banner(props: {
  readonly icon: IconName;
  readonly tone: "calm" | "warn";
  readonly text: ReactNode;
  readonly children?: ReactNode;
}) {
  return (
    <div className={`banner is-${props.tone}`} role="status">
      <Icon name={props.icon} />
      <span>{props.text}</span>
      {props.children}
    </div>
  );
}

function useTalkingWhileMuted(devices: Devices, own: OwnView): boolean {
  const [is_talking, setTalking] = useState(false);
  const is_muted = own.microphone.state === "off";
  useEffect(() => {
    if (!is_muted) return;
    let reads: boolean[] = [];
    let quiet_until = 0;
    const timer = setInterval(() => {
      const now = performance.now();
      reads = [...reads, devices.microphoneLevel() > talking_limits.level_min].slice(
        -talking_limits.reads_of,
      );
      const is_loud = reads.filter(Boolean).length >= talking_limits.reads_min;
      if (is_loud && now > quiet_until) {
        quiet_until = now + talking_limits.pause_ms;
        setTalking(true);
      } else if (now > quiet_until - talking_limits.pause_ms + talking_limits.shown_ms) {
        setTalking(false);
      }
    }, talking_limits.read_ms);
    return () => {
      clearInterval(timer);
      setTalking(false);
    };
  }, [devices, is_muted]);
  return is_talking;
}
