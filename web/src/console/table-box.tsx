// A table that may be wider than its place: it scrolls by itself, also by keyboard.
import type { ReactNode } from "react";

/** Holds a table. `label` names the region for who scrolls it by keyboard. */
export function TableBox(props: {
  readonly label: string;
  readonly is_plain?: boolean;
  readonly children: ReactNode;
}) {
  return (
    <section
      className={props.is_plain ? "table-box plain" : "table-box"}
      aria-label={props.label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrolled region must be reachable by keyboard
      tabIndex={0}
    >
      <table>{props.children}</table>
    </section>
  );
}
