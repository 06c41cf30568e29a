// State machines as tables: the first state is initial, a state without exits is final.

/** A machine over the states `S`. */
export interface Machine<S extends string> {
  readonly states: readonly S[];
  readonly initial: S;
  /** Whether the step is in the table. */
  allows(from: S, to: S): boolean;
  /** Whether nothing follows. */
  isFinal(state: S): boolean;
  /** States from which `to` can be entered; for `where status in (…)`. */
  sources(to: S): readonly S[];
  /** Whether the text names a state. */
  isState(text: string): text is S;
  readonly table: Readonly<Record<S, readonly S[]>>;
}

/** Makes a machine from its table of allowed steps. */
export function machine<const T extends Record<string, readonly (keyof T & string)[]>>(
  table: T,
): Machine<keyof T & string> {
  type S = keyof T & string;
  const states = Object.keys(table) as S[];
  const initial = states[0];
  if (initial === undefined) throw new Error("a machine needs a state");
  const exits = (state: S): readonly S[] => table[state] ?? [];
  return {
    states,
    initial,
    allows: (from, to) => exits(from).includes(to),
    isFinal: (state) => exits(state).length === 0,
    sources: (to) => states.filter((from) => exits(from).includes(to)),
    isState: (text): text is S => Object.hasOwn(table, text),
    table: table as Readonly<Record<S, readonly S[]>>,
  };
}
