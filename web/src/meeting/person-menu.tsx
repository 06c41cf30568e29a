// What can be done about one person: show large, mute, remove.
import type { Person, Source } from "@parley/client";
import { Button, Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { useSurroundings } from "../look/surroundings.tsx";

/** What the meeting can do about people. */
export interface PersonCommands {
  readonly may_mute: boolean;
  readonly may_kick: boolean;
  /** Offers a link for others; null for who may not. */
  readonly invite: (() => void) | null;
  /** Shows somebody large; null ends it. */
  pin(subject: { readonly person_id: string; readonly source: Source } | null): void;
  mute(person: Person): void;
  /** Asks first. */
  kick(person: Person): void;
}

/** The menu of one person. */
export function PersonMenu(props: {
  readonly person: Person;
  readonly source: Source;
  readonly is_pinned: boolean;
  readonly commands: PersonCommands;
  readonly className?: string;
}) {
  const { t } = useSurroundings();
  const { person, source, commands, is_pinned } = props;
  const act = (key: string | number): void => {
    if (key === "pin") commands.pin(is_pinned ? null : { person_id: person.id, source });
    if (key === "mute") commands.mute(person);
    if (key === "kick") commands.kick(person);
  };
  const name = person.name || t("somebody");
  return (
    <MenuTrigger>
      <Button
        className={`icon-button ${props.className ?? ""}`}
        aria-label={t("more_for", { name: source === "screen" ? t("screen_of", { name }) : name })}
      >
        <Icon name="more" />
      </Button>
      <Popover className="popover">
        <Menu className="menu" onAction={act}>
          <MenuItem className="menu-item" id="pin">
            <Icon name="pin" />
            {t(is_pinned ? "unpin" : "pin")}
          </MenuItem>
          {commands.may_mute && !person.is_me && !person.muted && (
            <MenuItem className="menu-item" id="mute">
              <Icon name="microphone_off" />
              {t("mute_person")}
            </MenuItem>
          )}
          {commands.may_kick && !person.is_me && (
            <MenuItem className="menu-item danger" id="kick">
              <Icon name="leave" />
              {t("remove_person")}
            </MenuItem>
          )}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
