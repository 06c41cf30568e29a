// Choosing microphone, camera and speaker, before joining and inside.
import type { DeviceKindView, Devices } from "@parley/client";
import { useCallback } from "react";
import { Button } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { Icon } from "../look/icon.tsx";
import { reportFault } from "../look/report.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import { useNotice } from "../look/use-notice.ts";

// Stands for the system's own choice; device ids are never empty.
const system = "";

/** Three choices and the test sound. A choice that fails shows its reason where the device itself is shown. */
export function DeviceChoices(props: { readonly devices: Devices; readonly can_send: boolean }) {
  const { t } = useSurroundings();
  const { devices } = props;
  const view = useNotice(
    devices,
    "change",
    useCallback(() => devices.view, [devices]),
  );
  const options = (kind: DeviceKindView): (readonly [string, string])[] => [
    [system, t("system_default")],
    ...kind.list.map(
      ({ device_id, label }, at) =>
        [device_id, label || t("device_unnamed", { number: at + 1 })] as const,
    ),
  ];
  const chosenIn = (kind: DeviceKindView): string =>
    kind.list.some(({ device_id }) => device_id === kind.device_id)
      ? (kind.device_id ?? system)
      : system;
  // The device's own state tells what went wrong; here is nothing to add.
  const chosen = (choosing: Promise<void>): void => {
    choosing.catch(reportFault);
  };
  return (
    <div className="device-choices">
      {props.can_send && (
        <>
          <Choice
            label={t("microphone")}
            value={chosenIn(view.microphones)}
            options={options(view.microphones)}
            onChange={(id) => chosen(devices.chooseMicrophone(id || null))}
          />
          <Choice
            label={t("camera")}
            value={chosenIn(view.cameras)}
            options={options(view.cameras)}
            onChange={(id) => chosen(devices.chooseCamera(id || null))}
          />
        </>
      )}
      <div className="speaker-choice">
        {view.can_choose_speaker && (
          <Choice
            label={t("speaker")}
            value={chosenIn(view.speakers)}
            options={options(view.speakers)}
            onChange={(id) => chosen(devices.chooseSpeaker(id || null))}
          />
        )}
        <Button className="button" onPress={() => chosen(devices.testSpeaker())}>
          <Icon name="sound" />
          {t("test_sound")}
        </Button>
      </div>
    </div>
  );
}
