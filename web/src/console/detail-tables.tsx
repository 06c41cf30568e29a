// The people and the events of one conference as tables.
import type { Conferencecall, ConferenceView } from "@parley/client";
import { useMemo, useState } from "react";
import { Button } from "react-aria-components";
import { ConfirmBox } from "../look/dialog.tsx";
import { Icon } from "../look/icon.tsx";
import { Name } from "../look/name.tsx";
import { readTime } from "../look/people.ts";
import { ProblemNotice } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";
import { isolated } from "../text/bidi.ts";
import type { NumberedEvent } from "./api.ts";
import { removersOf } from "./history.ts";
import { StatusChip } from "./status-chip.tsx";
import { TableBox } from "./table-box.tsx";

/** Everybody who was ever in; those who are in come first. */
export function JoinTable(props: {
  readonly joins: readonly Conferencecall[];
  readonly events: readonly NumberedEvent[];
  readonly view: ConferenceView | null;
  readonly onKick: (id: string) => Promise<unknown>;
}) {
  const { t, clock } = useSurroundings();
  const [kicking, setKicking] = useState<Conferencecall | null>(null);
  const [failure, setFailure] = useState<unknown>(null);
  const removers = useMemo(() => removersOf(props.events), [props.events]);
  if (props.joins.length === 0) return <p className="muted">{t("people_empty")}</p>;
  const is_out = ({ status }: Conferencecall): boolean => status === "leaved";
  const sorted = [
    ...props.joins.filter((join) => !is_out(join)),
    ...props.joins.filter(is_out).toReversed(),
  ];
  return (
    <>
      {failure !== null && <ProblemNotice thrown={failure} />}
      <TableBox label={t("tab_people")} is_plain>
        <thead>
          <tr>
            <th scope="col">{t("column_name")}</th>
            <th scope="col">{t("column_state")}</th>
            <th scope="col">{t("column_role")}</th>
            <th scope="col">{t("column_since")}</th>
            <th scope="col">{t("column_until")}</th>
            <th scope="col">{t("column_reason")}</th>
            <th scope="col" className="actions">
              {t("column_actions")}
            </th>
          </tr>
        </thead>
        <tbody>
          {sorted.map((join) => {
            const [since, until] = [readTime(join.tm_joined), readTime(join.tm_leaved)];
            const person = props.view?.people.find(({ id }) => id === join.id);
            const name = join.name || t("somebody");
            return (
              <tr key={join.id}>
                <th scope="row">
                  <Name of={name} />
                  <span className="signs">
                    {!is_out(join) && join.muted && (
                      <Sign icon="microphone_off" text={t("state_muted")} />
                    )}
                    {!is_out(join) && join.camera && <Sign icon="camera" text={t("camera")} />}
                    {!is_out(join) && join.screen && (
                      <Sign icon="screen" text={t("state_sharing")} />
                    )}
                    {!is_out(join) && join.hand && <Sign icon="hand" text={t("state_hand")} />}
                    {person?.is_speaking && !join.muted && (
                      <span className="chip good">
                        <Icon name="waves" />
                        {t("state_speaking")}
                      </span>
                    )}
                  </span>
                </th>
                <td>
                  <StatusChip status={join.status} />
                </td>
                <td>
                  {t(`role_${join.role}`)}
                  {join.label && (
                    <span className="muted sub">
                      <Name of={join.label} />
                    </span>
                  )}
                </td>
                <td className="muted">{since && clock(since, true)}</td>
                <td className="muted">{until && clock(until, true)}</td>
                <td>{reasonOf(join, removers.get(join.id), props.joins, t)}</td>
                <td className="actions">
                  {(join.status === "joined" || join.status === "joining") && props.view && (
                    <Button
                      className="button small danger"
                      aria-label={t("kick_named", { name })}
                      onPress={() => setKicking(join)}
                    >
                      {t("kick")}
                    </Button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </TableBox>
      {kicking && (
        <ConfirmBox
          question={t("remove_question", { name: kicking.name || t("somebody") })}
          consequence={t("remove_consequence", { name: kicking.name || t("somebody") })}
          confirm={t("kick")}
          onClose={() => setKicking(null)}
          onConfirm={() => {
            setKicking(null);
            props.onKick(kicking.id).catch((thrown: unknown) => setFailure(thrown));
          }}
        />
      )}
    </>
  );
}

type Translate = ReturnType<typeof useSurroundings>["t"];

// Why somebody is out, and for who was removed: by whom.
function reasonOf(
  { leave_reason }: Conferencecall,
  remover: NumberedEvent["actor"] | undefined,
  joins: readonly Conferencecall[],
  t: Translate,
): string {
  if (leave_reason === "") return "";
  if (leave_reason === "kicked" && remover)
    return t("reason_kicked_by", { by: byWhom(remover, joins, t) });
  return t(`reason_${leave_reason}`);
}

/** "by Ada", "by an access key": who did something, as the end of a sentence. */
export function byWhom(
  { type, id }: NumberedEvent["actor"],
  joins: readonly Conferencecall[],
  t: Translate,
): string {
  if (type === "agent" || type === "accesskey") return t(`ended_by_${type}`);
  if (type !== "conferencecall") return t("ended_by_system");
  return t("ended_by_name", { name: joins.find((join) => join.id === id)?.name || t("somebody") });
}

function Sign({
  icon,
  text,
}: {
  readonly icon: "microphone_off" | "camera" | "screen" | "hand";
  readonly text: string;
}) {
  return (
    <span className="sign" role="img" aria-label={text} title={text}>
      <Icon name={icon} />
    </span>
  );
}

// Newest first, and no more than a screen can bear; the rest is one click away.
const events_first = 200;

/** The journal, newest first. */
export function EventTable(props: {
  readonly events: readonly NumberedEvent[];
  readonly joins: readonly Conferencecall[];
}) {
  const { t, clock } = useSurroundings();
  const [limit, setLimit] = useState(events_first);
  const names = new Map(props.joins.map(({ id, name }) => [id, name]));
  if (props.events.length === 0) return <p className="muted">{t("events_empty")}</p>;
  const shown = props.events.slice(-limit).toReversed();
  return (
    <>
      <TableBox label={t("tab_events")} is_plain>
        <thead>
          <tr>
            <th scope="col">{t("event_number")}</th>
            <th scope="col">{t("event_time")}</th>
            <th scope="col">{t("event_type")}</th>
            <th scope="col">{t("event_about")}</th>
            <th scope="col">{t("event_by")}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((event) => {
            const at = readTime(event.tm);
            return (
              <tr key={event.seq}>
                <td className="mono">{event.seq}</td>
                <td className="mono">{at && clock(at, true)}</td>
                <td className="mono">{event.type}</td>
                <td className="about">{aboutOf(event, names)}</td>
                <td className="muted">
                  <Name
                    of={
                      (event.actor.id !== null && names.get(event.actor.id)) || actorText(event, t)
                    }
                  />
                </td>
              </tr>
            );
          })}
        </tbody>
      </TableBox>
      {props.events.length > limit && (
        <Button className="button" onPress={() => setLimit(limit * 4)}>
          {t("list_more")}
        </Button>
      )}
    </>
  );
}

function actorText(event: NumberedEvent, t: Translate): string {
  switch (event.actor.type) {
    case "agent":
      return t("actor_agent");
    case "accesskey":
      return t("actor_accesskey");
    case "conferencecall":
      return t("actor_conferencecall");
    default:
      return t("actor_system");
  }
}

function aboutOf({ type, data }: NumberedEvent, names: ReadonlyMap<string, string>): string {
  const text = (name: string): string => {
    const value = data[name];
    return typeof value === "string" ? value : "";
  };
  const facts = type.startsWith("conferencecall_")
    ? [text("name"), text("leave_reason")]
    : type.startsWith("conference_message_")
      ? [text("owner_name"), text("text")]
      : type === "conference_active_speaker"
        ? [names.get(text("conferencecall_id")) ?? ""]
        : [text("name"), text("status")];
  return facts
    .filter(Boolean)
    .map((fact) => isolated(fact))
    .join(" · ");
}
