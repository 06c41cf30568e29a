// Before joining: who is in, how I look and sound, under which name.
import {
  type Devices,
  type Ending,
  type JoinedConference,
  joinConference,
  type Person,
  Problem,
  type Seat,
  type WatchedConference,
  watchConference,
} from "@parley/client";
import { type KeyboardEvent, useCallback, useEffect, useRef, useState } from "react";
import { Button, FieldError, Input, Label, TextField, ToggleButton } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { hueOf, initials, someNames } from "../look/people.ts";
import { readPreference, writePreference } from "../look/preferences.ts";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { reportFault } from "../look/report.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import { useNotice } from "../look/use-notice.ts";
import { isolated } from "../text/bidi.ts";
import type { TextKey } from "../text/index.ts";
import type { MeetingAddress } from "./address.ts";
import { DeviceChoices } from "./device-choices.tsx";
import { deviceTexts } from "./device-problem.ts";
import { endingFor } from "./ending.ts";
import { LevelMeter } from "./level-meter.tsx";
import { useOtherTab } from "./other-tabs.ts";
import { Picture } from "./picture.tsx";

const name_length_max = 100;

/** The page before joining. */
export function BeforeJoining(props: {
  readonly address: MeetingAddress;
  readonly devices: Devices;
  readonly onJoined: (conference: JoinedConference) => void;
  readonly onOver: (ending: Ending) => void;
}) {
  const { t } = useSurroundings();
  const { address, onOver } = props;
  const [watched, setWatched] = useState<WatchedConference | null>(null);
  useEffect(() => {
    const stop = new AbortController();
    let open: WatchedConference | null = null;
    watchConference({
      conference_id: address.conference_id,
      token: address.token,
      signal: stop.signal,
    }).then(
      (conference) => {
        open = conference;
        if (stop.signal.aborted) conference.close().catch(reportFault);
        else setWatched(conference);
      },
      (thrown: unknown) => {
        if (!stop.signal.aborted) onOver(endingFor(thrown));
      },
    );
    return () => {
      stop.abort();
      open?.close().catch(reportFault);
    };
  }, [address, onOver]);
  if (!watched) {
    return (
      <main className="before" aria-busy="true">
        <p className="muted">{t("loading")}</p>
      </main>
    );
  }
  return <Lobby {...props} watched={watched} />;
}

function Lobby(props: {
  readonly address: MeetingAddress;
  readonly devices: Devices;
  readonly watched: WatchedConference;
  readonly onJoined: (conference: JoinedConference) => void;
  readonly onOver: (ending: Ending) => void;
}) {
  const { t } = useSurroundings();
  const { watched, devices, onOver } = props;
  const view = useNotice(
    watched,
    "change",
    useCallback(() => watched.view, [watched]),
  );
  useEffect(
    () =>
      watched.on("ended", (ending) => {
        // Closing it, which every join does, ends the looking only.
        if (ending.reason !== "left") onOver(ending);
      }),
    [watched, onOver],
  );
  const can_send = view.you?.role !== "listener";
  const wish = useDeviceWishes(devices, can_send);
  const [name, setName] = useState(() => view.you?.name || readPreference("name") || "");
  const name_field = useRef<HTMLInputElement>(null);
  const [is_name_missing, setNameMissing] = useState(false);
  const [is_joining, setJoining] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const title = view.conference?.name || t("conference_unnamed");
  useEffect(() => {
    document.title = isolated(title);
  }, [title]);

  const other = useOtherTab(props.address);
  const enter = (name: string, seat: Seat | null): void => {
    setJoining(true);
    setFailure(null);
    joinConference({
      ...props.address,
      ...(name === "" ? {} : { name }),
      ...(seat ? { seat } : {}),
      devices,
      microphone: wish.microphone && devices.view.microphone.state !== "failed",
      camera: wish.camera && devices.view.camera.state !== "failed",
    }).then(props.onJoined, (thrown: unknown) => {
      setJoining(false);
      const ending = endingFor(thrown);
      if (ending.reason === "failed") setFailure(thrown);
      else onOver(ending);
    });
  };
  const goOnHere = (): void => {
    if (is_joining) return;
    setJoining(true);
    // Without an answer there is no place to take: one joins as always.
    other.takePlace().then((seat) => enter(name.trim(), seat), reportFault);
  };
  const join = (): void => {
    const said = name.trim();
    setNameMissing(said === "");
    if (said === "") name_field.current?.focus();
    if (said === "" || is_joining) return;
    writePreference("name", said);
    enter(said, null);
  };
  const joinByEnter = (event: KeyboardEvent): void => {
    if (event.key !== "Enter" || event.nativeEvent.isComposing) return;
    event.preventDefault();
    join();
  };

  return (
    <main className="before">
      {can_send && <Preview devices={devices} wish={wish} name={name} />}
      <section className="before-form">
        <div>
          <p className="muted">{t("conference")}</p>
          <h1>
            <Name of={title} />
          </h1>
          {view.conference?.detail && (
            <p className="muted">
              <Name of={view.conference.detail} />
            </p>
          )}
        </div>
        <WhoIsIn people={view.people.filter(({ status }) => status === "joined")} />
        {other.is_there && (
          <div className="notice" role="status">
            <strong>{t("other_tab")}</strong>
            <span>{t("other_tab_text")}</span>
            <Button className={`button primary ${is_joining ? "is-busy" : ""}`} onPress={goOnHere}>
              {t("use_here")}
            </Button>
          </div>
        )}
        {/* No form is submitted: a frame sandboxed without `allow-forms` lets none. */}
        <form
          noValidate
          onSubmit={(event) => {
            event.preventDefault();
            join();
          }}
        >
          <TextField
            className="field"
            name="name"
            value={name}
            onChange={setName}
            maxLength={name_length_max}
            isInvalid={is_name_missing && name.trim() === ""}
            autoComplete="name"
          >
            <Label>{t("your_name")}</Label>
            <Input ref={name_field} dir="auto" onKeyDown={joinByEnter} />
            <FieldError>{t("name_missing")}</FieldError>
          </TextField>
          <Button
            onPress={join}
            className={`button join ${other.is_there ? "" : "primary"} ${is_joining ? "is-busy" : ""}`}
          >
            {is_joining ? t("joining") : t("join_now")}
          </Button>
        </form>
        {failure !== null && <ProblemNotice thrown={failure} />}
        <p className="muted">{t(can_send ? "devices_note" : "listener_note")}</p>
        {!can_send && <DeviceChoices devices={devices} can_send={false} />}
      </section>
      {can_send && (
        <section className="before-devices" aria-label={t("your_devices")}>
          <DeviceChoices devices={devices} can_send />
        </section>
      )}
    </main>
  );
}

function WhoIsIn({ people }: { readonly people: readonly Person[] }) {
  const { t } = useSurroundings();
  if (people.length === 0) return <p className="muted">{t("nobody_in")}</p>;
  const known = people.map(({ name }) => name || t("somebody"));
  const { names, count } = someNames(known);
  return (
    <div className="who-is-in">
      <span className="faces" aria-hidden="true">
        {people.slice(0, 3).map((person) => (
          <b key={person.id} className={`hue-${hueOf(person.id)}`}>
            {initials(person.name)}
          </b>
        ))}
      </span>
      <span className="muted">
        {count === 0
          ? t("people_in", { names, count: people.length })
          : t("people_in_more", { names, count })}
      </span>
    </div>
  );
}

interface DeviceWishes {
  readonly microphone: boolean;
  readonly camera: boolean;
  set(kind: "microphone" | "camera", is_on: boolean): void;
  open(kind: "microphone" | "camera"): void;
}

// Opens what is wished for, and remembers the wish for the next time.
function useDeviceWishes(devices: Devices, can_send: boolean): DeviceWishes {
  const [microphone, setMicrophone] = useState(() => readPreference("microphone") !== "off");
  const [camera, setCamera] = useState(() => readPreference("camera") !== "off");
  const open = useCallback(
    (kind: "microphone" | "camera"): void => {
      const opening = kind === "microphone" ? devices.openMicrophone() : devices.openCamera();
      opening.catch((thrown: unknown) => {
        // The device's state carries the same problem to the page; only a fault of ours is news.
        if (!(thrown instanceof Problem)) reportFault(thrown);
      });
    },
    [devices],
  );
  // Asked for once, when it is known that this link may send.
  // biome-ignore lint/correctness/useExhaustiveDependencies: later wishes open or close by themselves
  useEffect(() => {
    if (!can_send) return;
    if (microphone) open("microphone");
    if (camera) open("camera");
  }, [can_send]);
  return {
    microphone: microphone && can_send,
    camera: camera && can_send,
    open,
    set(kind, is_on) {
      writePreference(kind, is_on ? null : "off");
      if (kind === "microphone") setMicrophone(is_on);
      else setCamera(is_on);
      if (is_on) open(kind);
      else if (kind === "microphone") devices.closeMicrophone();
      else devices.closeCamera();
    },
  };
}

function Preview(props: {
  readonly devices: Devices;
  readonly wish: DeviceWishes;
  readonly name: string;
}) {
  const { t } = useSurroundings();
  const { devices, wish } = props;
  const view = useNotice(
    devices,
    "change",
    useCallback(() => devices.view, [devices]),
  );
  const { camera, microphone } = view;
  return (
    <section className="preview" aria-label={t("your_camera")}>
      <div className="camera-box">
        <Picture media={camera.media} is_visible={camera.state === "open"} is_mirrored />
        {camera.state !== "open" && (
          <div className="camera-absent">
            <Icon name="camera_off" />
            <span>{t(camera.state === "opening" ? "camera_starting" : "camera_is_off")}</span>
          </div>
        )}
        <div className="preview-controls">
          <ToggleButton
            className="round over"
            aria-label={t("microphone")}
            isSelected={wish.microphone && microphone.state !== "failed"}
            onChange={(is_on) => wish.set("microphone", is_on)}
          >
            <Icon
              name={
                wish.microphone && microphone.state !== "failed" ? "microphone" : "microphone_off"
              }
            />
          </ToggleButton>
          <ToggleButton
            className="round over"
            aria-label={t("camera")}
            isSelected={wish.camera && camera.state !== "failed"}
            onChange={(is_on) => wish.set("camera", is_on)}
          >
            <Icon name={wish.camera && camera.state !== "failed" ? "camera" : "camera_off"} />
          </ToggleButton>
        </div>
      </div>
      <LevelMeter devices={devices} is_on={microphone.state === "open"} />
      {deviceFaults(view).map(({ kinds, titles, fix }) => (
        <div key={fix} className="notice warn" role="status">
          {titles.map((title) => (
            <strong key={title}>{t(title)}</strong>
          ))}
          <span>{t(fix)}</span>
          <Button
            className="button small"
            onPress={() => {
              for (const kind of kinds) wish.open(kind);
            }}
          >
            {t("try_again")}
          </Button>
        </div>
      ))}
    </section>
  );
}

interface DeviceFault {
  readonly kinds: readonly ("microphone" | "camera")[];
  readonly titles: readonly TextKey[];
  readonly fix: TextKey;
}

// What keeps microphone and camera from opening; one notice where the same helps both.
function deviceFaults(view: Devices["view"]): DeviceFault[] {
  const faults: DeviceFault[] = [];
  for (const kind of ["microphone", "camera"] as const) {
    const { problem } = view[kind];
    const texts = problem && deviceTexts(kind, problem);
    if (!texts) continue;
    const same = faults.findIndex(({ fix }) => fix === texts.fix);
    const other = faults[same];
    if (!other) faults.push({ kinds: [kind], titles: [texts.title], fix: texts.fix });
    else {
      const titles = [...new Set([...other.titles, texts.title])];
      faults[same] = { kinds: [...other.kinds, kind], titles, fix: texts.fix };
    }
  }
  return faults;
}
