// Decides how a broken conference is repaired. Pure: facts and time in, steps out; join.ts carries them out.
//
//          path_dead                     restart failed or too slow
//   up ──────────────► restarting_ice ─────────────────────────────► resuming_new
//   │  other boot id, rejoin                 1 s without media          ▲   │ each 5 s
//   └──────────────────────────► resuming_same ────────────────────────┘◄──┘
//   all of them ── media flows ──► up

/** What was seen. */
export type RecoveryFact =
  /** The live socket gave its first frame. */
  | { readonly type: "socket_ready"; readonly boot_id: string }
  /** The live socket closed; it reconnects by itself. */
  | { readonly type: "socket_lost" }
  /** The server asks for a new join of the media half. */
  | { readonly type: "rejoin_asked" }
  /** Nothing arrives on the media path any more, or ICE says so. */
  | { readonly type: "path_dead" }
  /** DTLS or the whole connection failed: a restart of ICE cannot help. */
  | { readonly type: "connection_failed" }
  /** Media packets arrive (again). */
  | { readonly type: "path_alive" }
  /** The step that was asked for was refused or threw. */
  | { readonly type: "step_failed" }
  /** The user does not want to wait. */
  | { readonly type: "now" };

/** What to do. */
export type RecoveryStep =
  | { readonly type: "restart_ice" }
  /** POST the join again with `resume`: on the same RTCPeerConnection or on a new one. */
  | { readonly type: "resume"; readonly on: "same" | "new" };

/** The machine. */
export interface Recovery {
  /** Takes a fact, gives the step to do now, if any. */
  handle(now_ms: number, fact: RecoveryFact): RecoveryStep | null;
  /** Like {@link handle}, for time that has passed. */
  tick(now_ms: number): RecoveryStep | null;
  /** When to call {@link tick}; null when nothing is pending. */
  deadline_ms(): number | null;
  readonly state: "up" | "restarting_ice" | "resuming_same" | "resuming_new";
  /** Number of the running attempt, from 1; 0 while up. */
  readonly attempt: number;
}

/** How long each way is given before the next is tried. */
export const recovery_limits = {
  restart_ms: 2_500,
  restart_count_max: 2,
  resume_same_ms: 1_000,
  resume_new_ms: 5_000,
  /** After a refusal: at once pressing on would only be refused again. */
  refused_ms: 500,
  refused_ms_max: 5_000,
};

/** Makes the machine; it starts `up`. */
export function createRecovery(): Recovery {
  let state: Recovery["state"] = "up";
  let attempt = 0;
  let restarts = 0;
  let boot_id: string | null = null;
  let is_socket_ready = false;
  let due: number | null = null;
  let pending: RecoveryStep | null = null;
  let refused_ms = recovery_limits.refused_ms;

  const begin = (now_ms: number, step: RecoveryStep): RecoveryStep | null => {
    if (step.type === "restart_ice") {
      state = "restarting_ice";
      due = now_ms + recovery_limits.restart_ms;
    } else {
      state = step.on === "same" ? "resuming_same" : "resuming_new";
      due =
        now_ms +
        (step.on === "same" ? recovery_limits.resume_same_ms : recovery_limits.resume_new_ms);
    }
    attempt += 1;
    // Without the server nothing can be repaired: the step waits for the socket, which tries all the time.
    if (!is_socket_ready) {
      pending = step;
      due = null;
      return null;
    }
    pending = null;
    if (step.type === "restart_ice") restarts += 1;
    return step;
  };

  const next = (now_ms: number): RecoveryStep | null =>
    state === "restarting_ice" && restarts < recovery_limits.restart_count_max
      ? begin(now_ms, { type: "restart_ice" })
      : begin(now_ms, { type: "resume", on: "new" });

  const machine: Recovery = {
    get state() {
      return state;
    },
    get attempt() {
      return attempt;
    },
    deadline_ms: () => due,
    tick(now_ms) {
      if (due === null || now_ms < due) return null;
      return next(now_ms);
    },
    handle(now_ms, fact) {
      switch (fact.type) {
        case "socket_ready": {
          is_socket_ready = true;
          const is_other = boot_id !== null && boot_id !== fact.boot_id;
          boot_id = fact.boot_id;
          if (is_other) return begin(now_ms, { type: "resume", on: "same" });
          return pending ? begin(now_ms, pending) : null;
        }
        case "socket_lost":
          is_socket_ready = false;
          return null;
        case "rejoin_asked":
          return state === "up" || state === "restarting_ice"
            ? begin(now_ms, { type: "resume", on: "same" })
            : null;
        case "path_dead":
          return state === "up" ? begin(now_ms, { type: "restart_ice" }) : null;
        case "connection_failed":
          return state === "resuming_new" ? null : begin(now_ms, { type: "resume", on: "new" });
        case "path_alive":
          state = "up";
          attempt = 0;
          restarts = 0;
          due = null;
          pending = null;
          refused_ms = recovery_limits.refused_ms;
          return null;
        case "step_failed":
          if (state === "up" || pending) return null;
          due = now_ms + refused_ms;
          refused_ms = Math.min(refused_ms * 2, recovery_limits.refused_ms_max);
          return null;
        case "now":
          return state === "up" ? null : next(now_ms);
      }
    },
  };
  return machine;
}
