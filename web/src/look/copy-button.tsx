// Copies a text and says whether it worked.
import { useState } from "react";
import { Button } from "react-aria-components";
import { copyText } from "./copy-text.ts";
import { Icon } from "./icon.tsx";
import { reportFault } from "./report.ts";
import { useSurroundings } from "./surroundings.tsx";

/** A button that copies `text`. Without a caption it shows its sign only and `label` is its name. */
export function CopyButton(props: {
  readonly text: string;
  readonly label: string;
  readonly caption?: string;
  readonly className?: string;
  /** It is what one came for: takes the focus when it appears. */
  readonly has_focus?: boolean;
}) {
  const { t } = useSurroundings();
  const [outcome, setOutcome] = useState<"none" | "copied" | "failed">("none");
  const copy = (): void => {
    copyText(props.text).then(
      (is_copied) => setOutcome(is_copied ? "copied" : "failed"),
      reportFault,
    );
  };
  return (
    <>
      <Button
        className={props.className ?? (props.caption === undefined ? "icon-button" : "button")}
        aria-label={props.label}
        autoFocus={props.has_focus ?? false}
        onPress={copy}
        onBlur={() => setOutcome("none")}
      >
        <Icon name={outcome === "copied" ? "check" : "copy"} />
        {props.caption !== undefined && (outcome === "copied" ? t("copied") : props.caption)}
      </Button>
      <span className="hidden-text" role="status">
        {outcome === "copied" ? t("copied") : ""}
      </span>
      {outcome === "failed" && <span className="notice warn">{t("copy_failed")}</span>}
    </>
  );
}
