// The stage: everybody's tile, one large picture where there is one, pages where not all fit.
import type { ConferenceView, JoinedConference, OwnView, Person, Source } from "@parley/client";
import { type CSSProperties, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { useSize } from "../look/use-size.ts";
import type { PersonCommands } from "./person-menu.tsx";
import type { TileSubject } from "./remote-picture.tsx";
import { seat, spoke } from "./seating.ts";
import { type Area, type Box, planStage } from "./stage-layout.ts";
import { TileBox } from "./tile-box.tsx";

/** What is shown large by choice. */
export interface Pin {
  readonly person_id: string;
  readonly source: Source;
}

// A tile's foot with some air, CSS pixels.
const name_height = 52;

interface Seats {
  readonly order: readonly string[];
  readonly spoke: readonly string[];
}

/** Everybody in the conference. */
export function Stage(props: {
  readonly conference: JoinedConference;
  readonly view: ConferenceView;
  readonly own: OwnView;
  readonly pin: Pin | null;
  readonly is_self_hidden: boolean;
  readonly commands: PersonCommands;
}) {
  const { t } = useSurroundings();
  const { conference, view, own, pin } = props;
  const field = useRef<HTMLDivElement>(null);
  const area = useSize(field);
  // When the stage itself changes its size, tiles follow at once: moving slowly they would cover each other.
  const area_before = useRef(area);
  const is_still = area_before.current !== area;
  area_before.current = area;
  const [page, setPage] = useState(0);
  const seats = useRef<Seats>({ order: [], spoke: [] });

  const me = view.people.find(({ is_me }) => is_me) ?? null;
  const present = view.people.filter((person) => person.is_me || person.status === "joined");
  const large = pickLarge(present, pin);
  const tiled = present.filter(
    (person) =>
      !(person.is_me && props.is_self_hidden) &&
      !(large?.source === "camera" && large.person.id === person.id),
  );
  const plan = planStage(area, tiled.length, large !== null);
  const by_id = new Map(tiled.map((person) => [person.id, person]));
  const heard =
    view.active_speaker === null
      ? seats.current.spoke
      : spoke(seats.current.spoke, view.active_speaker);
  const order = seat(seats.current.order, [...by_id.keys()], heard, plan.per_page, me?.id ?? null);
  seats.current = { order, spoke: heard };

  const page_count = Math.max(1, Math.ceil(order.length / plan.per_page));
  const page_now = Math.min(page, page_count - 1);
  const shown = order.slice(page_now * plan.per_page, (page_now + 1) * plan.per_page);
  // The last page of a grid has larger tiles; beside a large picture everything keeps its place.
  const boxes = large || page_count === 1 ? plan : planStage(area, shown.length, false);
  const place = new Map<string, Box>();
  for (const [at, id] of shown.entries()) {
    const box = boxes.tiles[at];
    if (box) place.set(id, box);
  }
  const hands = view.people.filter(({ hand }) => hand).map(({ id }) => id);
  const tile = (subject: TileSubject, box: Box, is_large: boolean) => (
    <TileBox
      key={`${subject.person.id}:${subject.source}`}
      conference={conference}
      own={own}
      subject={subject}
      box={box}
      is_large={is_large}
      is_pinned={pin?.person_id === subject.person.id && pin.source === subject.source}
      is_lost={view.connection === "reconnecting" && !subject.person.is_me}
      hand_position={hands.length > 1 ? hands.indexOf(subject.person.id) + 1 : 0}
      commands={props.commands}
    />
  );
  return (
    <main className="stage" aria-label={t("meeting_people")}>
      <div className={is_still ? "stage-field is-still" : "stage-field"} ref={field}>
        {/* In order of arrival, whatever the places are: elements that never move keep their pictures. */}
        {present.map((person) => {
          const box = place.get(person.id);
          if (large?.source === "camera" && large.person.id === person.id && boxes.large)
            return tile(large, boxes.large, true);
          return box ? tile({ person, source: "camera" }, box, false) : null;
        })}
        {large?.source === "screen" && boxes.large && tile(large, boxes.large, true)}
        {present.length === 1 && (
          <p className="alone" style={aboveName(area, boxes.tiles[0])}>
            {t("alone")}
          </p>
        )}
      </div>
      {page_count > 1 && (
        <nav className="pages">
          <Button
            className="icon-button"
            aria-label={t("page_previous")}
            isDisabled={page_now === 0}
            onPress={() => setPage(page_now - 1)}
          >
            <Icon name="back" />
          </Button>
          <span aria-live="polite">{t("page_of", { page: page_now + 1, count: page_count })}</span>
          <Button
            className="icon-button"
            aria-label={t("page_next")}
            isDisabled={page_now === page_count - 1}
            onPress={() => setPage(page_now + 1)}
          >
            <Icon name="forward" />
          </Button>
        </nav>
      )}
    </main>
  );
}

// On the lower part of the only picture, where the name below it stays readable.
function aboveName(area: Area, box: Box | undefined): CSSProperties {
  return box ? { insetBlockEnd: area.height - box.top - box.height + name_height } : {};
}

// A choice of the viewer comes first, then whoever of the others shares a screen. One's own screen would show itself in itself.
function pickLarge(present: readonly Person[], pin: Pin | null): TileSubject | null {
  const pinned = present.find(({ id }) => id === pin?.person_id);
  if (pinned && pin && (pin.source === "camera" || pinned.screen))
    return { person: pinned, source: pin.source };
  const sharing = present.find(({ screen, is_me }) => screen && !is_me);
  return sharing ? { person: sharing, source: "screen" } : null;
}
