// The last page: what happened, and the way back where there is one.
import type { EndedBy, Ending } from "@parley/client";
import { type ReactNode, useEffect, useRef } from "react";
import { Button } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { readTime } from "../look/people.ts";
import { sentenceFor } from "../look/problem-notice.tsx";
import { type Surroundings, useSurroundings } from "../look/surroundings.tsx";
import type { TextKey } from "../text/index.ts";

/** A page with one thing to say. The heading takes the focus, so that screen readers say it. */
export function Farewell(props: {
  readonly title: string;
  readonly text: string;
  readonly children?: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    heading.current?.focus();
    document.title = props.title;
  }, [props.title]);
  return (
    <main className="farewell">
      <span className="farewell-sign">
        <Icon name="leave" />
      </span>
      <h1 ref={heading} tabIndex={-1}>
        {props.title}
      </h1>
      <p className="muted">{props.text}</p>
      {props.children}
    </main>
  );
}

// Ends that somebody wanted: a reason's code would look like a fault.
const expected: ReadonlySet<Ending["reason"]> = new Set(["left", "kicked", "ended", "taken_over"]);

// By whom and when, where that is known.
function endedText(
  reason: "kicked" | "ended",
  by: EndedBy,
  { t, clock }: Pick<Surroundings, "t" | "clock">,
): string {
  const at = readTime(by.tm);
  const time = at ? clock(at) : "";
  if (by.cause === "timeout") return t("end_by_timeout", { time });
  if (by.cause === "room_failed") return t("end_by_failure", { time });
  if (by.cause === "ejected") return t("end_by_other", { time });
  const who = by.type === "conferencecall" ? by.name || t("somebody") : null;
  if (reason === "kicked")
    return who ? t("kicked_by_person", { name: who, time }) : t("kicked_by_owner", { time });
  return who ? t("end_by_person", { name: who, time }) : t("end_by_owner", { time });
}

// What is wrong with the link, where the server has said it.
function deniedText(problem: Ending["problem"]): TextKey {
  if (problem?.reason === "TOKEN_EXPIRED") return "end_expired_text";
  if (problem?.reason === "TOKEN_REVOKED") return "end_revoked_text";
  return "end_denied_text";
}

/** The page after the end of a conference or of a join that failed. */
export function Ended(props: { readonly ending: Ending; readonly onRejoin: () => void }) {
  const { t, clock } = useSurroundings();
  const { reason, problem, by } = props.ending;
  const is_unreachable = reason === "failed" && problem?.reason === "SERVER_UNREACHABLE";
  const can_return =
    reason !== "kicked" && reason !== "denied" && reason !== "not_found" && reason !== "ended";
  const message = problem ? sentenceFor(problem, t) : "";
  return (
    <Farewell
      title={is_unreachable ? t("end_unreachable") : t(`end_${reason}`)}
      text={
        is_unreachable
          ? t("end_unreachable_text")
          : by && (reason === "kicked" || reason === "ended")
            ? endedText(reason, by, { t, clock })
            : t(reason === "denied" ? deniedText(problem) : `end_${reason}_text`, { message })
      }
    >
      {can_return && (
        <Button className="button primary" onPress={props.onRejoin} autoFocus={false}>
          {reason === "failed" || reason === "media_unreachable" ? t("try_again") : t("rejoin")}
        </Button>
      )}
      {problem && !expected.has(reason) && (
        <p className="muted small-print">
          <code>{problem.reason}</code>
          {problem.request_id && ` · ${t("request_id", { id: problem.request_id })}`}
        </p>
      )}
    </Farewell>
  );
}
