// The controls of a meeting. Every toggle is named for its thing and is pressed while that is on.
import { Button, Menu, MenuItem, MenuTrigger, Popover, ToggleButton } from "react-aria-components";
import { Icon, type IconName } from "../look/icon.tsx";
import { useSurroundings } from "../look/surroundings.tsx";

/** Which side panel is open. */
export type PanelName = "chat" | "people";

/** What the controls show and do. */
export interface Controls {
  readonly can_send: boolean;
  readonly can_share: boolean;
  /** Not on every phone, and not in a frame that may not. */
  readonly can_fill_screen: boolean;
  readonly is_microphone_on: boolean;
  readonly is_camera_on: boolean;
  readonly is_screen_on: boolean;
  readonly is_hand_up: boolean;
  readonly panel: PanelName | null;
  readonly unread: number;
  readonly may_end: boolean;
  microphone(is_on: boolean): void;
  camera(is_on: boolean): void;
  screen(is_on: boolean): void;
  hand(is_up: boolean): void;
  showPanel(panel: PanelName | null): void;
  full(): void;
  /** Offers a link for others; null for who may not. */
  readonly invite: (() => void) | null;
  settings(): void;
  help(): void;
  leave(): void;
  /** Asks first. */
  end(): void;
}

/** The bar at the bottom. `is_narrow`: what is rarely needed moves into the menu. */
export function ControlBar(props: { readonly controls: Controls; readonly is_narrow: boolean }) {
  const { t } = useSurroundings();
  const { controls, is_narrow } = props;
  const { unread, panel } = controls;
  return (
    <nav className="bar" aria-label={t("meeting_controls")}>
      {controls.can_send && (
        <>
          <Toggle
            name={t("microphone")}
            icon={controls.is_microphone_on ? "microphone" : "microphone_off"}
            is_on={controls.is_microphone_on}
            is_alarming
            keys="M"
            onChange={controls.microphone}
          />
          <Toggle
            name={t("camera")}
            icon={controls.is_camera_on ? "camera" : "camera_off"}
            is_on={controls.is_camera_on}
            is_alarming
            keys="V"
            onChange={controls.camera}
          />
          {!is_narrow && controls.can_share && (
            <Toggle
              name={t("share_screen")}
              caption={t("share")}
              icon="screen"
              is_on={controls.is_screen_on}
              keys="D"
              onChange={controls.screen}
            />
          )}
        </>
      )}
      {!is_narrow && (
        <Toggle
          name={t("raise_hand")}
          caption={t("hand")}
          icon="hand"
          is_on={controls.is_hand_up}
          keys="R"
          onChange={controls.hand}
        />
      )}
      <span className="bar-gap" />
      <Toggle
        name={unread > 0 ? t("chat_unread", { count: unread }) : t("chat")}
        caption={t("chat")}
        icon="chat"
        is_on={panel === "chat"}
        keys="C"
        count={unread}
        onChange={(is_on) => controls.showPanel(is_on ? "chat" : null)}
      />
      {!is_narrow && (
        <Toggle
          name={t("people")}
          icon="people"
          is_on={panel === "people"}
          keys="P"
          onChange={(is_on) => controls.showPanel(is_on ? "people" : null)}
        />
      )}
      <MoreMenu controls={controls} is_narrow={is_narrow} />
      <span className="bar-gap" />
      <LeaveControl controls={controls} />
    </nav>
  );
}

function Toggle(props: {
  readonly name: string;
  readonly caption?: string;
  readonly icon: IconName;
  readonly is_on: boolean;
  /** Off is worth noticing. */
  readonly is_alarming?: boolean;
  readonly keys: string;
  /** A number at the sign; the name says it in words. */
  readonly count?: number;
  readonly onChange: (is_on: boolean) => void;
}) {
  const { count = 0 } = props;
  return (
    <ToggleButton
      className={`control ${props.is_alarming ? "is-alarming" : ""}`}
      aria-label={props.name}
      aria-keyshortcuts={props.keys}
      isSelected={props.is_on}
      onChange={props.onChange}
    >
      <span
        className="round"
        {...(count > 0 ? { "data-count": count > 99 ? "99+" : String(count) } : {})}
      >
        <Icon name={props.icon} />
      </span>
      <small aria-hidden="true">{props.caption ?? props.name}</small>
    </ToggleButton>
  );
}

function MoreMenu({
  controls,
  is_narrow,
}: {
  readonly controls: Controls;
  readonly is_narrow: boolean;
}) {
  const { t } = useSurroundings();
  const act = (key: string | number): void => {
    if (key === "share") controls.screen(!controls.is_screen_on);
    if (key === "hand") controls.hand(!controls.is_hand_up);
    if (key === "people") controls.showPanel("people");
    if (key === "invite") controls.invite?.();
    if (key === "settings") controls.settings();
    if (key === "full") controls.full();
    if (key === "help") controls.help();
  };
  return (
    <MenuTrigger>
      <Button className="control" aria-label={t("more")}>
        <span className="round">
          <Icon name="more" />
        </span>
        <small aria-hidden="true">{t("more")}</small>
      </Button>
      <Popover className="popover" placement="top">
        <Menu className="menu" onAction={act}>
          {is_narrow && (
            <MenuItem className="menu-item" id="people">
              <Icon name="people" />
              {t("people")}
            </MenuItem>
          )}
          {is_narrow && (
            <MenuItem className="menu-item" id="hand">
              <Icon name="hand" />
              {t("raise_hand")}
              {controls.is_hand_up && <Icon name="check" />}
            </MenuItem>
          )}
          {is_narrow && controls.can_share && (
            <MenuItem className="menu-item" id="share">
              <Icon name="screen" />
              {t(controls.is_screen_on ? "stop_sharing" : "share_screen")}
            </MenuItem>
          )}
          {controls.invite && (
            <MenuItem className="menu-item" id="invite">
              <Icon name="link" />
              {t("invite")}
            </MenuItem>
          )}
          <MenuItem className="menu-item" id="settings">
            <Icon name="settings" />
            {t("settings")}
          </MenuItem>
          {controls.can_fill_screen && (
            <MenuItem className="menu-item" id="full" textValue={t("full_screen")}>
              <Icon name="full" />
              {t("full_screen")}
              <kbd>S</kbd>
            </MenuItem>
          )}
          <MenuItem className="menu-item" id="help" textValue={t("shortcuts")}>
            <Icon name="keyboard" />
            {t("shortcuts")}
            <kbd>?</kbd>
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}

function LeaveControl({ controls }: { readonly controls: Controls }) {
  const { t } = useSurroundings();
  const face = (
    <>
      <span className="round end">
        <Icon name="leave" />
      </span>
      <small aria-hidden="true">{t("leave")}</small>
    </>
  );
  if (!controls.may_end) {
    return (
      <Button className="control" aria-label={t("leave")} onPress={controls.leave}>
        {face}
      </Button>
    );
  }
  return (
    <MenuTrigger>
      <Button className="control" aria-label={t("leave")}>
        {face}
      </Button>
      <Popover className="popover" placement="top end">
        <Menu
          className="menu"
          onAction={(key) => (key === "end" ? controls.end() : controls.leave())}
        >
          <MenuItem className="menu-item" id="leave">
            <Icon name="out" />
            {t("leave_conference")}
          </MenuItem>
          <MenuItem className="menu-item danger" id="end">
            <Icon name="leave" />
            {t("end_for_all")}
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
