// The last page: what happened, and the way back where there is one.
import type { Ending } from "@parley/client";
import { type ReactNode, useEffect, useRef } from "react";
import { Button } from "react-aria-components";
import { Icon } from "../look/icon.tsx";
import { sentenceFor } from "../look/problem-notice.tsx";
import { useSurroundings } from "../look/surroundings.tsx";

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

/** The page after the end of a conference or of a join that failed. */
export function Ended(props: { readonly ending: Ending; readonly onRejoin: () => void }) {
  const { t } = useSurroundings();
  const { reason, problem } = props.ending;
  const is_unreachable = reason === "failed" && problem?.reason === "SERVER_UNREACHABLE";
  const can_return = reason !== "denied" && reason !== "not_found" && reason !== "ended";
  const message = problem ? sentenceFor(problem, t) : "";
  return (
    <Farewell
      title={is_unreachable ? t("end_unreachable") : t(`end_${reason}`)}
      text={is_unreachable ? t("end_unreachable_text") : t(`end_${reason}_text`, { message })}
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
