// A state by word and colour.
import { useSurroundings } from "../look/surroundings.tsx";
import type { TextKey } from "../text/index.ts";

type Status = Extract<TextKey, `status_${string}`> extends `status_${infer Name}` ? Name : never;

const tones: Record<Status, string> = {
  starting: "warn",
  progressing: "good",
  terminating: "warn",
  terminated: "",
  joining: "warn",
  joined: "good",
  leaving: "warn",
  leaved: "",
};

/** The state of a conference or of a join. */
export function StatusChip({ status }: { readonly status: Status }) {
  const { t } = useSurroundings();
  return (
    <span className={`chip ${tones[status]}`}>
      <span className="dot" aria-hidden="true" />
      {t(`status_${status}`)}
    </span>
  );
}
