// The time line of a conference: one lane a person, when they were in, when they talked.
import { useMemo, useRef } from "react";
import { useSurroundings } from "../look/surroundings.tsx";
import { useSize } from "../look/use-size.ts";
import { contained, isolated } from "../text/bidi.ts";
import type { NumberedEvent } from "./api.ts";
import { type Lane, type Span, type Timeline, ticksOf, timelineOf } from "./history.ts";

const sizes = { name: 130, lane: 40, bar: 18, talk: 10, axis: 26, foot: 30, tick_gap: 110 };

/** Draws the journal along time. A table with the same facts is one tab away. */
export function TimelineDrawing(props: {
  readonly events: readonly NumberedEvent[];
  readonly now: number;
}) {
  const { t, clock } = useSurroundings();
  const field = useRef<HTMLDivElement>(null);
  const { width } = useSize(field);
  const timeline = useMemo(() => timelineOf(props.events, props.now), [props.events, props.now]);
  const content = (): React.ReactNode => {
    if (!timeline) return <p className="muted">{t("timeline_empty")}</p>;
    if (width === 0) return null;
    const height = sizes.axis + timeline.lanes.length * sizes.lane + sizes.foot;
    const span: Span = timeline;
    const right = width - 16;
    const x = (at: number): number =>
      sizes.name + ((at - span.from) / (span.to - span.from)) * (right - sizes.name);
    const ticks = ticksOf(span, Math.max(2, Math.floor((right - sizes.name) / sizes.tick_gap)));
    const has_seconds = span.to - span.from < 20 * 60_000;
    return (
      <svg
        className="timeline"
        width={width}
        height={height}
        role="img"
        aria-label={t("timeline_label")}
      >
        <title>{t("timeline_label")}</title>
        {ticks.map((at) => (
          <g key={at}>
            <line
              className="grid"
              x1={x(at)}
              x2={x(at)}
              y1={sizes.axis - 6}
              y2={height - sizes.foot + 4}
            />
            <text className="tick-text" x={x(at)} y={14} textAnchor="middle">
              {clock(new Date(at), has_seconds)}
            </text>
          </g>
        ))}
        {timeline.lanes.map((lane, at) => (
          <LaneDrawing key={lane.id} lane={lane} top={sizes.axis + at * sizes.lane} x={x} />
        ))}
        {timeline.marks.map((mark) => (
          <g key={`${mark.kind}${mark.at}${mark.name}`} className={`mark is-${mark.kind}`}>
            <title>
              {t("mark_line", {
                time: clock(new Date(mark.at), true),
                what: t(`mark_${mark.kind}`),
                name: mark.name,
              })}
            </title>
            <path d={shapeOf(mark.kind, x(mark.at), height - sizes.foot + 12)} />
          </g>
        ))}
        <line
          className="grid"
          x1={sizes.name}
          x2={right}
          y1={height - sizes.foot + 4}
          y2={height - sizes.foot + 4}
        />
      </svg>
    );
  };
  return (
    <div className="timeline-field" ref={field}>
      {content()}
      {timeline && (
        <p className="legend muted">
          <span>
            <i className="legend-in" />
            {t("fact_in_room")}
          </span>
          <span>
            <i />
            {t("state_speaking")}
          </span>
          {legendOf(timeline).map((kind) => (
            <span key={kind}>
              <svg className={`legend-mark is-${kind}`} viewBox="0 0 12 12" aria-hidden="true">
                <path d={shapeOf(kind, 6, 6)} />
              </svg>
              {t(`mark_${kind}`)}
            </span>
          ))}
        </p>
      )}
    </div>
  );
}

type MarkKind = "message" | "hand" | "kicked" | "ended";

// Told apart by shape, not by colour alone: a dot, a triangle, a diamond, a square.
function shapeOf(kind: MarkKind, x: number, y: number): string {
  switch (kind) {
    case "message":
      return `M${x - 4} ${y} a4 4 0 1 0 8 0 a4 4 0 1 0 -8 0 Z`;
    case "hand":
      return `M${x} ${y - 5} l5 9 h-10 Z`;
    case "kicked":
      return `M${x} ${y - 6} l6 6 l-6 6 l-6 -6 Z`;
    case "ended":
      return `M${x - 4} ${y - 4} h8 v8 h-8 Z`;
  }
}

// Only what is drawn is explained.
function legendOf({ lanes, marks }: Timeline): MarkKind[] {
  const drawn = new Set<string>(marks.map(({ kind }) => kind));
  if (lanes.some(({ raised }) => raised.length > 0)) drawn.add("hand");
  return (["message", "hand", "kicked", "ended"] as const).filter((kind) => drawn.has(kind));
}

// As many letters as have room beside the lanes; a letter may be several code units.
function shortened(name: string): string {
  const letters = [...contained(name)];
  return letters.length > 17 ? `${letters.slice(0, 16).join("")}…` : letters.join("");
}

function LaneDrawing(props: {
  readonly lane: Lane;
  readonly top: number;
  readonly x: (at: number) => number;
}) {
  const { t } = useSurroundings();
  const { lane, top, x } = props;
  const bar = (span: Span): { x: number; width: number } => ({
    x: x(span.from),
    width: Math.max(2, x(span.to) - x(span.from)),
  });
  const name = lane.name || t("somebody");
  return (
    <g>
      <text className="lane-name" x={0} y={top + 15}>
        {isolated(shortened(name))}
      </text>
      <text className="tick-text" x={0} y={top + 29}>
        {lane.role === "host"
          ? t("role_host")
          : lane.role === "listener"
            ? t("role_listener")
            : t("role_member")}
      </text>
      <rect
        className={lane.is_in ? "present" : "present is-gone"}
        {...bar(lane.present)}
        y={top + 4}
        height={sizes.bar}
        rx={5}
      />
      {lane.talked.map((span) => (
        <rect
          key={span.from}
          className="talked"
          {...bar(span)}
          y={top + 4 + (sizes.bar - sizes.talk) / 2}
          height={sizes.talk}
          rx={5}
        />
      ))}
      {lane.raised.map((at) => (
        <path key={at} className="raised" d={shapeOf("hand", x(at), top + 5)} />
      ))}
    </g>
  );
}
