// The dialogs of a meeting that are open now.
import type { Devices, JoinedConference, OwnView } from "@parley/client";
import { ConfirmBox } from "../look/dialog.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { type MeetingSettings, SettingsBox, ShortcutsBox } from "./boxes.tsx";
import { InviteBox } from "./invite-box.tsx";
import type { MeetingControls } from "./use-meeting-controls.ts";

/** Shows what was asked for, or nothing. */
export function Questions(props: {
  readonly conference: JoinedConference;
  readonly devices: Devices;
  readonly own: OwnView;
  readonly settings: MeetingSettings;
  readonly meeting: MeetingControls;
}) {
  const { t } = useSurroundings();
  const { conference, meeting } = props;
  const { question } = meeting;
  const close = (): void => meeting.ask(null);
  if (!question) return null;
  switch (question.kind) {
    case "settings":
      return (
        <SettingsBox
          devices={props.devices}
          can_send={meeting.controls.can_send}
          is_microphone_on={props.own.microphone.state === "live"}
          settings={props.settings}
          onClose={close}
        />
      );
    case "invite":
      return <InviteBox conference={conference} onClose={close} />;
    case "help":
      return <ShortcutsBox onClose={close} />;
    case "end":
      return (
        <ConfirmBox
          question={t("end_question")}
          consequence={t("end_consequence")}
          confirm={t("end_now")}
          onClose={close}
          onConfirm={() => {
            close();
            meeting.run(conference.end());
          }}
        />
      );
    case "kick": {
      const name = question.person.name || t("somebody");
      return (
        <ConfirmBox
          question={t("remove_question", { name })}
          consequence={t("remove_consequence", { name })}
          confirm={t("remove_person")}
          onClose={close}
          onConfirm={() => {
            close();
            meeting.run(conference.kick(question.person.id));
          }}
        />
      );
    }
  }
}
