// One person, or one shared screen, on the stage.
import type { JoinedConference, OwnView, Quality } from "@parley/client";
import { type CSSProperties, useState } from "react";
import { Icon } from "../look/icon.tsx";
import { hueOf, initials } from "../look/people.ts";
import { useSurroundings } from "../look/surroundings.tsx";
import { isolated } from "../text/bidi.ts";
import { type PersonCommands, PersonMenu } from "./person-menu.tsx";
import { Picture } from "./picture.tsx";
import { QualityBars } from "./quality-bars.tsx";
import { RemotePicture } from "./remote-picture.tsx";
import type { Box } from "./stage-layout.ts";
import type { TileSubject } from "./stage-subjects.ts";

/** A tile at its place. */
export function TileBox(props: {
  readonly conference: JoinedConference;
  readonly own: OwnView;
  readonly subject: TileSubject;
  readonly box: Box;
  readonly is_large: boolean;
  readonly is_pinned: boolean;
  readonly is_lost: boolean;
  readonly hand_position: number;
  readonly commands: PersonCommands;
}) {
  const { t } = useSurroundings();
  const { conference, own, subject, box } = props;
  const { person, source } = subject;
  const [quality, setQuality] = useState<Quality | null>(null);
  const [is_showing, setShowing] = useState(false);
  const is_camera = source === "camera";
  const name = person.name || t("somebody");
  const label = is_camera
    ? person.is_me
      ? t("you_named", { name })
      : isolated(name)
    : person.is_me
      ? t("your_screen")
      : t("screen_of", { name });
  const own_media = is_camera ? own.camera.media : own.screen.media;
  const has_picture = person.is_me ? own_media !== null : is_showing;
  const is_speaking = is_camera && person.is_speaking && !person.muted;
  const classes = [
    "tile",
    is_speaking ? "is-speaking" : "",
    is_camera && person.is_active_speaker ? "is-active" : "",
    is_camera ? "" : "is-screen",
    props.is_large ? "is-large" : "",
    props.is_lost ? "is-lost" : "",
    box.width < 190 ? "is-small" : "",
  ];
  const place: CSSProperties = {
    insetInlineStart: box.start,
    insetBlockStart: box.top,
    inlineSize: box.width,
    blockSize: box.height,
  };
  return (
    <article className={classes.filter(Boolean).join(" ")} style={place} aria-label={label}>
      {!has_picture && (
        <div className="avatar-field" aria-hidden="true">
          <span className={`avatar hue-${hueOf(person.id)}`}>
            {is_camera ? initials(person.name) : <Icon name="screen" />}
          </span>
        </div>
      )}
      {person.is_me ? (
        <Picture
          media={own_media}
          is_visible={own_media !== null}
          is_mirrored={is_camera}
          is_whole={!is_camera}
        />
      ) : (
        <RemotePicture
          conference={conference}
          subject={subject}
          is_live={is_camera ? person.camera : person.screen}
          width={box.width}
          height={box.height}
          onQuality={setQuality}
          onShowing={setShowing}
        />
      )}
      <TileBadges {...props} is_speaking={is_speaking} />
      <footer className="tile-foot">
        <span className="tile-name">
          {is_camera ? (
            <>
              <Icon name={person.muted ? "microphone_off" : is_speaking ? "waves" : "microphone"} />
              {person.muted && <span className="hidden-text">{t("state_muted")}</span>}
            </>
          ) : (
            <Icon name="screen" />
          )}
          <span className="tile-name-text">{label}</span>
        </span>
        <QualityBars quality={person.is_me ? own.quality : quality} about={label} />
      </footer>
      <PersonMenu
        person={person}
        source={source}
        is_pinned={props.is_pinned}
        commands={props.commands}
        className="tile-menu"
      />
    </article>
  );
}

function TileBadges(props: {
  readonly subject: TileSubject;
  readonly hand_position: number;
  readonly is_pinned: boolean;
  readonly is_speaking: boolean;
}) {
  const { t } = useSurroundings();
  const { person, source } = props.subject;
  return (
    <div className="tile-badges">
      {source === "camera" && person.hand && (
        <span className="chip hand">
          <Icon name="hand" />
          <span className="hidden-text">{t("state_hand")}</span>
          {props.hand_position > 0 && props.hand_position}
        </span>
      )}
      {props.is_speaking && (
        <span className="chip over speaking-word">
          <Icon name="waves" />
          {t("state_speaking")}
        </span>
      )}
      {props.is_pinned && (
        <span className="chip over">
          <Icon name="pin" />
          <span className="hidden-text">{t("state_pinned")}</span>
        </span>
      )}
    </div>
  );
}
