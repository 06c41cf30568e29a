// A failure in words: what happened, the server's reason and the id under which its log knows it.
import { Problem } from "@parley/client";
import { isolated } from "../text/bidi.ts";
import { problemText } from "./problem-texts.ts";
import type { Surroundings } from "./surroundings.tsx";
import { useSurroundings } from "./surroundings.tsx";

/** The sentence for a failure. What the pages know by reason is said in the reader's language, the rest as the server says it. */
export function sentenceFor(thrown: unknown, t: Surroundings["t"]): string {
  if (!(thrown instanceof Problem))
    return thrown instanceof Error ? thrown.message : String(thrown);
  const text = problemText(thrown);
  return text === null ? isolated(thrown.message) : t(text);
}

/** Shows a failure. */
export function ProblemNotice({ thrown }: { readonly thrown: unknown }) {
  const { t } = useSurroundings();
  const problem = thrown instanceof Problem ? thrown : null;
  const unexplained = problem && problemText(problem) === null ? problem : null;
  return (
    <div className="notice bad" role="alert">
      <strong>{t("problem_title")}</strong>
      <span>{sentenceFor(thrown, t)}</span>
      {/* Where the pages have words of their own, the server's fields add nothing for a reader. */}
      {unexplained?.details.map((detail) => (
        <span key={JSON.stringify(detail)} className="mono">
          {Object.entries(detail)
            .map(([name, value]) => `${name}: ${isolated(String(value))}`)
            .join(" · ")}
        </span>
      ))}
      {problem && (
        <span className="id">
          <code>{problem.reason}</code>
          {problem.request_id && ` · ${t("request_id", { id: problem.request_id })}`}
        </span>
      )}
    </div>
  );
}
