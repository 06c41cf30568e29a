// The stage: everybody's tile, one large picture where there is one, pages where not all fit.
import type { ConferenceView, JoinedConference, OwnView, Person, Source } from "@parley/client";
import { type CSSProperties, useRef, useState } from "react";
import { Button } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { useSize } from "../look/use-size.ts";
import { Listeners } from "./listeners.tsx";
import type { PersonCommands } from "./person-menu.tsx";
import { spoke } from "./seating.ts";
import { type Area, type Box, planStage } from "./stage-layout.ts";
import { keyOf, orderTiles, type Pin, pickLarge, sends, sharesAfter } from "./stage-subjects.ts";
import { TileBox } from "./tile-box.tsx";

// A tile's foot with some air, CSS pixels.
const name_height = 52;

interface Seats {
  readonly order: readonly string[];
  readonly spoke: readonly string[];
  /** Who shares a screen, the latest last. */
  readonly shares: readonly string[];
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
  const seats = useRef<Seats>({ order: [], spoke: [], shares: [] });

  const me = view.people.find(({ is_me }) => is_me) ?? null;
  const present = view.people.filter((person) => person.is_me || person.status === "joined");
  const has_company = useRef(false);
  if (present.length > 1) has_company.current = true;
  const senders = present.filter(sends);
  const shares = sharesAfter(seats.current.shares, senders);
  const large = pickLarge(senders, shares, pin);
  const is_large = (person_id: string, source: Source): boolean =>
    large?.person.id === person_id && large.source === source;
  const people = senders
    .filter((person) => !(person.is_me && props.is_self_hidden) && !is_large(person.id, "camera"))
    .map(({ id }) => id);
  const screens = shares.filter((id) => !is_large(id, "screen")).map((id) => keyOf(id, "screen"));
  const count = people.length + screens.length;
  const plan = planStage(area, count, large !== null);
  const heard =
    view.active_speaker === null
      ? seats.current.spoke
      : spoke(seats.current.spoke, view.active_speaker);
  const { per_page } = plan;
  const kept = me?.id ?? null;
  const seated = orderTiles({
    ...{ before: seats.current.order, people, screens, spoke: heard, per_page, kept },
  });
  seats.current = { order: seated.people, spoke: heard, shares };

  const page_count = Math.max(1, Math.ceil(count / per_page));
  const page_now = Math.min(page, page_count - 1);
  const shown = seated.all.slice(page_now * per_page, (page_now + 1) * per_page);
  // The last page of a grid has larger tiles; beside a large picture everything keeps its place.
  const boxes = large || page_count === 1 ? plan : planStage(area, shown.length, false);
  const place = new Map<string, Box>();
  for (const [at, key] of shown.entries()) {
    const box = boxes.tiles[at];
    if (box) place.set(key, box);
  }
  const hands = view.people.filter(({ hand }) => hand).map(({ id }) => id);
  const tile = (person: Person, source: Source) => {
    const key = keyOf(person.id, source);
    const has_all = is_large(person.id, source);
    const box = has_all ? boxes.large : place.get(key);
    if (!box) return null;
    return (
      <TileBox
        key={key}
        conference={conference}
        own={own}
        subject={{ person, source }}
        box={box}
        is_large={has_all}
        is_pinned={pin?.person_id === person.id && pin.source === source}
        is_lost={view.connection !== "live" && view.connection !== "connecting" && !person.is_me}
        hand_position={hands.length > 1 ? hands.indexOf(person.id) + 1 : 0}
        commands={props.commands}
      />
    );
  };
  return (
    <main className="stage" aria-label={t("meeting_people")}>
      <div className={is_still ? "stage-field is-still" : "stage-field"} ref={field}>
        {/* In order of arrival, whatever the places are: elements that never move keep their pictures. */}
        {senders.flatMap((person) => [
          tile(person, "camera"),
          person.screen ? tile(person, "screen") : null,
        ])}
        {present.length === 1 && (
          <div className="alone" style={aboveName(area, boxes.tiles[0])}>
            <p>{t(has_company.current ? "alone_again" : "alone")}</p>
            {props.commands.invite && (
              <Button className="button primary" onPress={props.commands.invite}>
                <Icon name="link" />
                {t("invite")}
              </Button>
            )}
          </div>
        )}
        {present.length > 1 && senders.length === 0 && (
          <p className="alone">{t("only_listeners")}</p>
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
      <Listeners people={present.filter((person) => !sends(person))} />
    </main>
  );
}

// On the lower part of the only picture, where the name below it stays readable.
function aboveName(area: Area, box: Box | undefined): CSSProperties {
  return box ? { insetBlockEnd: area.height - box.top - box.height + name_height } : {};
}
