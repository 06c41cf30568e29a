// The dialogs of a meeting: settings and the list of shortcuts.
import type { Devices } from "@parley/client";
import { Checkbox } from "react-aria-components";
import { Choice } from "../look/choice.tsx";
import { DialogBox } from "../look/dialog.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { isLanguage, languages, type TextKey } from "../text/index.ts";
import { DeviceChoices } from "./device-choices.tsx";
import { LevelMeter } from "./level-meter.tsx";
import { shortcuts } from "./shortcuts.ts";

/** What the settings hold beside devices, language and appearance. */
export interface MeetingSettings {
  readonly is_self_hidden: boolean;
  readonly has_shortcuts: boolean;
  hideSelf(is_hidden: boolean): void;
  useShortcuts(are_used: boolean): void;
}

/** The settings. */
export function SettingsBox(props: {
  readonly devices: Devices;
  readonly can_send: boolean;
  readonly is_microphone_on: boolean;
  readonly settings: MeetingSettings;
  readonly onClose: () => void;
}) {
  const { t, language, theme, setLanguage, setTheme } = useSurroundings();
  const { settings } = props;
  return (
    <DialogBox title={t("settings")} onClose={props.onClose}>
      {props.can_send && <LevelMeter devices={props.devices} is_on={props.is_microphone_on} />}
      <DeviceChoices devices={props.devices} can_send={props.can_send} />
      <div className="device-choices">
        <Choice
          label={t("language")}
          value={language}
          options={Object.entries(languages).map(([code, { name }]) => [code, name] as const)}
          onChange={(code) => {
            if (isLanguage(code)) setLanguage(code);
          }}
        />
        <Choice
          label={t("theme")}
          value={theme}
          options={[
            ["system", t("theme_system")],
            ["dark", t("theme_dark")],
            ["light", t("theme_light")],
          ]}
          onChange={setTheme}
        />
      </div>
      <Tick label={t("hide_self")} is_on={settings.is_self_hidden} onChange={settings.hideSelf} />
      <Tick
        label={t("shortcuts_enabled")}
        is_on={settings.has_shortcuts}
        onChange={settings.useShortcuts}
      />
    </DialogBox>
  );
}

function Tick(props: {
  readonly label: string;
  readonly is_on: boolean;
  readonly onChange: (is_on: boolean) => void;
}) {
  return (
    <Checkbox className="tick" isSelected={props.is_on} onChange={props.onChange}>
      <span className="tick-box" aria-hidden="true">
        <svg viewBox="0 0 24 24" className="icon" aria-hidden="true">
          <path d="M5 13l4 4L19 7" />
        </svg>
      </span>
      {props.label}
    </Checkbox>
  );
}

const isTextKey = (caption: string): caption is TextKey => caption.startsWith("key_");

/** The list of shortcuts. */
export function ShortcutsBox({ onClose }: { readonly onClose: () => void }) {
  const { t } = useSurroundings();
  return (
    <DialogBox title={t("shortcuts")} onClose={onClose}>
      <dl className="shortcut-list">
        {shortcuts.map(({ action, caption, text }) => (
          <div key={action}>
            <dt>
              <kbd>{isTextKey(caption) ? t(caption) : caption}</kbd>
            </dt>
            <dd>{t(text)}</dd>
          </div>
        ))}
      </dl>
    </DialogBox>
  );
}
