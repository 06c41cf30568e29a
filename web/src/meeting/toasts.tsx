// Short notices at the edge of the stage that go away by themselves. Screen readers hear them from the announcer instead.
import { useCallback, useEffect, useRef, useState } from "react";

/** How long a notice stays, and how many at once. */
const toast_limits = { shown_ms: 5_000, count_max: 3 };

/** A notice on the page. */
export interface Toast {
  readonly id: number;
  readonly text: string;
  readonly is_bad: boolean;
}

/** The notices that are shown now, and how to add one. */
export interface Toasts {
  readonly list: readonly Toast[];
  add(text: string, is_bad?: boolean): void;
}

/** Keeps the notices of a component. */
export function useToasts(): Toasts {
  const [list, setList] = useState<readonly Toast[]>([]);
  const next = useRef(1);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());
  useEffect(() => {
    const running = timers.current;
    return () => {
      for (const timer of running) clearTimeout(timer);
    };
  }, []);
  const add = useCallback((text: string, is_bad = false) => {
    const id = next.current;
    next.current += 1;
    // The same words twice at once say nothing more.
    setList((before) =>
      [...before.filter((toast) => toast.text !== text), { id, text, is_bad }].slice(
        -toast_limits.count_max,
      ),
    );
    const timer = setTimeout(() => {
      timers.current.delete(timer);
      setList((before) => before.filter((toast) => toast.id !== id));
    }, toast_limits.shown_ms);
    timers.current.add(timer);
  }, []);
  return { list, add };
}

/** Shows the notices. */
export function ToastList({ toasts }: { readonly toasts: Toasts }) {
  return (
    <div className="toasts" aria-hidden="true">
      {toasts.list.map(({ id, text, is_bad }) => (
        <p key={id} className={is_bad ? "toast is-bad" : "toast"}>
          {text}
        </p>
      ))}
    </div>
  );
}
