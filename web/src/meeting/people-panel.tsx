// The list of people: who is in, in which role, and what a host can do about them.
import type { ConferenceView, JoinedConference, Person } from "@parley/client";
import { useState } from "react";
import { Button, Input, Label, SearchField } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { hueOf, initials } from "../look/people.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import type { PersonCommands } from "./person-menu.tsx";
import { sends } from "./stage-subjects.ts";
import { setVolumeOf } from "./use-volumes.ts";

// A list that fits on one screen needs no search.
const search_from = 8;

/** Everybody who has not left: myself, raised hands in their order, then by name. */
export function PeoplePanel(props: {
  readonly conference: JoinedConference;
  readonly view: ConferenceView;
  readonly commands: PersonCommands;
}) {
  const { t, language } = useSurroundings();
  const [wanted, setWanted] = useState("");
  const { people } = props.view;
  const hands = people.filter(({ hand }) => hand);
  const sorted = [
    ...people.filter(({ is_me }) => is_me),
    ...hands.filter(({ is_me }) => !is_me),
    ...people
      .filter(({ is_me, hand }) => !is_me && !hand)
      .sort((one, other) => one.name.localeCompare(other.name, language)),
  ];
  const found = sorted.filter(({ name }) =>
    name.toLocaleLowerCase().includes(wanted.trim().toLocaleLowerCase()),
  );
  return (
    <div className="people">
      {props.commands.invite && (
        <Button className="button people-invite" onPress={props.commands.invite}>
          <Icon name="link" />
          {t("invite")}
        </Button>
      )}
      {people.length >= search_from && (
        <SearchField className="field people-search" value={wanted} onChange={setWanted}>
          <Label className="hidden-text">{t("people_search")}</Label>
          <Input placeholder={t("people_search")} />
        </SearchField>
      )}
      {found.length === 0 && <p className="muted people-none">{t("people_none_found")}</p>}
      <ul aria-label={t("people_in_room")}>
        {found.map((person) => (
          <PersonRow
            key={person.id}
            person={person}
            hand_position={hands.indexOf(person) + 1}
            {...props}
          />
        ))}
      </ul>
    </div>
  );
}

function PersonRow(props: {
  readonly person: Person;
  readonly hand_position: number;
  readonly conference: JoinedConference;
  readonly commands: PersonCommands;
}) {
  const { t } = useSurroundings();
  const { person, commands } = props;
  const [volume, setVolume] = useState(() =>
    Math.round(props.conference.volumeOf(person.id) * 100),
  );
  const name = person.name || t("somebody");
  // Who only listens has no voice that could be louder, softer or off.
  const has_voice = sends(person);
  return (
    <li className="person">
      <span className={`avatar small hue-${hueOf(person.id)}`} aria-hidden="true">
        {initials(person.name)}
      </span>
      <div className="grow">
        <p className="person-name">
          {person.is_me ? t("you_named", { name }) : <Name of={name} />}
        </p>
        <p className="person-states muted">
          <span>{t(`role_${person.role}`)}</span>
          {person.label && (
            <span>
              <Name of={person.label} />
            </span>
          )}
          {person.status === "joining" && <span>{t("state_joining")}</span>}
          {person.is_speaking && !person.muted && (
            <span className="chip good">
              <Icon name="waves" />
              {t("state_speaking")}
            </span>
          )}
          {person.hand && (
            <span className="chip warn">
              <Icon name="hand" />
              {t("hand_order", { position: props.hand_position })}
            </span>
          )}
          {person.screen && (
            <span className="chip">
              <Icon name="screen" />
              {t("state_sharing")}
            </span>
          )}
        </p>
        {has_voice && !person.is_me && person.status === "joined" && (
          <label className="volume">
            <Icon name="sound" />
            <input
              type="range"
              min={0}
              max={100}
              value={volume}
              aria-label={t("volume_of", { name })}
              onChange={(event) => {
                const loudness = event.currentTarget.valueAsNumber;
                setVolume(loudness);
                setVolumeOf(props.conference, person, loudness / 100);
              }}
            />
          </label>
        )}
      </div>
      {!has_voice ? null : person.muted ? (
        <span className="person-sign is-muted" role="img" aria-label={t("state_muted")}>
          <Icon name="microphone_off" />
        </span>
      ) : commands.may_mute && !person.is_me ? (
        <Button
          className="icon-button"
          aria-label={t("mute_named", { name })}
          onPress={() => commands.mute(person)}
        >
          <Icon name="microphone" />
        </Button>
      ) : (
        <span className="person-sign">
          <Icon name="microphone" />
        </span>
      )}
      {commands.may_kick && !person.is_me && (
        <Button
          className="icon-button"
          aria-label={t("remove_named", { name })}
          onPress={() => commands.kick(person)}
        >
          <Icon name="close" />
        </Button>
      )}
    </li>
  );
}
