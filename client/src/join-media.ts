// The media half of a join: opens the connection, watches it, repairs it as recovery.ts decides.

import { newClientId } from "./chat.ts";
import type { JoinOptions, Seat } from "./conference.ts";
import type { Devices } from "./devices.ts";
import { type MediaConnection, openMediaConnection } from "./media-connection.ts";
import { createOwn } from "./own.ts";
import { Problem } from "./problem.ts";
import {
  arrivals,
  createPathWatch,
  framesDecoded,
  hasKeys,
  measureQuality,
  type StatsSample,
  unknown_quality,
} from "./quality.ts";
import { createRecovery, type RecoveryFact, type RecoveryStep } from "./recovery.ts";
import { type Accepted, type JoinBody, patchRestart, postJoin, type RestAccess } from "./rest.ts";
import { createTiles, type Tiles } from "./tiles.ts";
import type { Timer, Timing } from "./timing.ts";
import type { Ending, OwnView } from "./view.ts";
import { createVoices, type Voices } from "./voices.ts";

/** Bounds of the media half. */
export const media_limits = {
  /** How often the path is looked at. */
  look_ms: 500,
  /** The same while a repair runs. */
  look_repairing_ms: 100,
  /** Looks between the two ends of a measurement. */
  looks_measured: 4,
  /** The first media path must be open by then. */
  first_path_ms: 15_000,
  /** A new connection waits so long for its first pictures before the elements are swapped anyway. */
  first_frame_ms: 1_000,
  /** Voice lines in `voices` mode: the microphone's own and two more. */
  voice_count: 3,
  /** A place that was given away must be taken within this time: as long as the server holds a seat without any sign of life. */
  handed_over_ms: 20_000,
  join_tries: 3,
};

/** Ports of the media half. */
export interface JoinMediaPorts {
  readonly access: RestAccess;
  readonly options: JoinOptions & { readonly tile_count: number };
  readonly devices: Devices;
  readonly timing: Timing;
  readonly command: (type: string, fields: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly owned: (own: OwnView) => void;
  readonly failed: (problem: Problem) => void;
  /** A repair runs (since when, which attempt), or all is well again (null). */
  readonly repairing: (repair: { since_ms: number; attempt: number } | null) => void;
  readonly ended: (ending: Ending) => void;
}

/** The media half. */
export interface JoinMedia {
  /** Opens devices, offers, posts. Gives the path of the join as soon as the server has accepted; `opened` resolves when the answer is set, too. */
  join(): Promise<{ readonly location: string; readonly opened: Promise<void> }>;
  conferencecallId(): string;
  /** What another page needs to go on with this join. Throws before {@link JoinMedia.join}. */
  seat(): Seat;
  readonly tiles: Tiles;
  readonly voices: Voices;
  own(): OwnView;
  setMicrophone(is_live: boolean): Promise<void>;
  setCamera(is_live: boolean): Promise<void>;
  setScreen(is_live: boolean): Promise<void>;
  /** A host muted this join. */
  silence(): void;
  /** Somebody cannot see our picture in the codec in which we send it. */
  sendIn(line: "camera" | "screen", codecs: readonly string[]): void;
  notice(fact: RecoveryFact): void;
  /** Ends everything at once; `is_handed_over`: but for the connection itself, whose end would end the join that another page goes on with. */
  close(is_handed_over?: boolean): void;
}

/** Makes the media half; nothing happens before {@link JoinMedia.join}. */
export function createJoinMedia(ports: JoinMediaPorts): JoinMedia {
  const { access, options, devices, timing } = ports;
  const recovery = createRecovery();
  const path = createPathWatch();
  const samples: StatsSample[] = [];
  let accepted: Accepted | null = null;
  let connection: MediaConnection | null = null;
  let is_closed = false;
  let has_had_path = false;
  /** Looks count only once the answer of the running step is set. */
  let is_watching = false;
  let repair_since_ms: number | null = null;
  let stepping: Timer | null = null;
  let looking: Timer | null = null;
  let step_number = 0;

  let own: OwnView = {
    microphone: { state: "off", problem: null, media: null },
    camera: { state: "off", problem: null, media: null },
    screen: { state: "off", problem: null, media: null },
    is_muted_by_host: false,
    is_audio_blocked: false,
    quality: unknown_quality,
  };
  const setOwn = (part: Partial<OwnView>): void => {
    own = { ...own, ...part };
    ports.owned(own);
  };
  const sending = createOwn({
    devices,
    changed: (sources) => setOwn(sources),
    // Before the join there is nobody to tell; the join itself carries the state.
    publish: async (publication) => {
      if (accepted && !isListener()) await ports.command("publish", { ...publication });
    },
    failed: ports.failed,
  });
  const isListener = (): boolean => accepted?.conferencecall.role === "listener";
  const publish = (): void => {
    if (!isListener()) ports.command("publish", { ...sending.publication() }).catch(fail);
  };
  const requireVoice = (is_live: boolean): void => {
    if (is_live && isListener()) {
      throw new Problem("PERMISSION_DENIED", "Listeners do not send sound or pictures");
    }
  };
  const voices = createVoices((is_audio_blocked) => {
    if (own.is_audio_blocked !== is_audio_blocked) setOwn({ is_audio_blocked });
  });
  const fail = (thrown: unknown): void =>
    ports.failed(
      thrown instanceof Problem
        ? thrown
        : new Problem("SERVER_UNREACHABLE", "The server does not answer", { cause: thrown }),
    );
  const tiles = createTiles(options.tile_count, timing, (orders) => {
    if (accepted) ports.command("tiles", { tiles: orders }).catch(fail);
  });
  const stopFollowingSpeaker = devices.on("change", (view) => {
    if (view.speakers.device_id !== speaker) {
      speaker = view.speakers.device_id;
      voices.setSpeaker(speaker).catch(fail);
    }
  });
  let speaker = devices.view.speakers.device_id;

  // ---- connections

  const open = (): MediaConnection => {
    const made: MediaConnection = openMediaConnection(
      {
        voice_count: options.mode === "mix" ? 1 : media_limits.voice_count,
        tile_count: options.tile_count,
      },
      {
        iceServers: [...(options.ice_servers ?? [])],
        iceTransportPolicy: options.ice_transport_policy ?? "all",
      },
      (state, ice_state) => {
        if (made !== connection && made !== coming) return;
        if (state === "failed") notice({ type: "connection_failed" });
        else if (ice_state === "failed" && made === connection) notice({ type: "path_dead" });
        else if (state === "connected") pathOpened();
      },
    );
    return made;
  };
  /** A new connection that has not taken over yet. */
  let coming: MediaConnection | null = null;

  const codecs_wanted = new Map<"camera" | "screen", readonly string[]>();

  const show = (shown: MediaConnection): void => {
    for (const [line, codecs] of codecs_wanted) shown.sendIn(line, codecs).catch(fail);
    const voice_mids = shown.voiceMids();
    const tile_mids = shown.tileMids();
    voices.play(
      voice_mids.map((_, line) => shown.voiceTrack(line)),
      voice_mids,
    );
    tiles.connect(
      tile_mids,
      tile_mids.map((_, line) => shown.tileTrack(line)),
    );
  };

  const body = (offer: string, resume?: JoinBody["resume"]): JoinBody => {
    const state = sending.publication();
    return {
      offer,
      ...(options.name === undefined ? {} : { name: options.name }),
      audio: options.mode ?? "voices",
      muted: !state.microphone,
      camera: state.camera,
      screen: state.screen,
      ...(resume ? { resume } : {}),
    };
  };

  const join: JoinMedia["join"] = async () => {
    const first = open();
    connection = first;
    await Promise.all([
      // Where a device fails, the join goes on without it; `own` says why.
      (options.microphone ?? true) ? sending.setMicrophone(true).catch(fail) : undefined,
      options.camera ? sending.setCamera(true).catch(fail) : undefined,
    ]);
    await sending.attach(first);
    const offer = await first.offer(false);
    const key = newClientId();
    accepted = (await takeSeat(offer)) ?? (await postWithRetries(body(offer), key));
    if (is_closed) throw new Problem("CONFERENCE_CLOSED", "The conference was left");
    return { location: accepted.location, opened: begin(first, accepted) };
  };

  /** Goes on with the place that was given to us; null where there is none (any more). */
  const takeSeat = async (offer: string): Promise<Accepted | null> => {
    if (!options.seat) return null;
    try {
      return await postJoin(
        access,
        options.conference_id,
        body(offer, options.seat),
        null,
        options.signal,
      );
    } catch (thrown) {
      if (thrown instanceof Problem && thrown.http === 404) return null;
      throw thrown;
    }
  };

  const begin = async (first: MediaConnection, given: Accepted): Promise<void> => {
    if (isListener()) {
      // The role is known only now: what was opened for nothing is closed again.
      sending.silence();
      devices.closeMicrophone();
      if (sending.sources.camera.state !== "off") await sending.setCamera(false);
    }
    // The lines are known before the answer is: what the live socket says of them meanwhile is not lost.
    show(first);
    await first.answer(given.answer);
    if (is_closed) return;
    is_watching = true;
    repair_since_ms = null;
    lookLater();
    stepping = timing.after(media_limits.first_path_ms, () => {
      if (!has_had_path) ports.ended({ reason: "media_unreachable", problem: unreachable() });
    });
  };

  const postWithRetries = async (given: JoinBody, key: string): Promise<Accepted> => {
    for (let tried = 1; ; tried += 1) {
      try {
        return await postJoin(access, options.conference_id, given, key, options.signal);
      } catch (thrown) {
        // The key makes a repeated POST harmless: the server answers the first one again.
        const is_worth_repeating =
          thrown instanceof Problem &&
          thrown.reason === "SERVER_UNREACHABLE" &&
          thrown.http === 0 &&
          tried < media_limits.join_tries;
        if (!is_worth_repeating) throw thrown;
      }
    }
  };

  // ---- watching

  const lookLater = (): void => {
    const pause_ms =
      recovery.state === "up" ? media_limits.look_ms : media_limits.look_repairing_ms;
    looking = timing.after(pause_ms, () => {
      look()
        .catch((thrown: unknown) => {
          // A connection that was closed meanwhile has no statistics.
          if (!is_closed) fail(thrown);
        })
        .finally(() => {
          if (!is_closed) lookLater();
        });
    });
  };
  const look = async (): Promise<void> => {
    const seen = connection;
    if (is_closed || !seen || !is_watching) return;
    const sample = await seen.sample(timing.now_ms());
    if (is_closed || seen !== connection || !is_watching) return;
    const verdict = path.look(sample.at_ms, arrivals(sample));
    if (verdict === "alive" && hasKeys(sample)) pathOpened();
    else if (verdict === "dead" && has_had_path) notice({ type: "path_dead" });
    const before = samples[0];
    if (before) {
      setQuality(before, sample);
      tiles.measure(before, sample);
    }
    samples.push(sample);
    if (samples.length > media_limits.looks_measured) samples.shift();
  };
  const setQuality = (before: StatsSample, sample: StatsSample): void => {
    const quality = measureQuality(before, sample, null, false);
    const level = recovery.state === "up" ? quality.level : "lost";
    if (level !== own.quality.level || quality.bits_per_second !== own.quality.bits_per_second) {
      setOwn({ quality: { ...quality, level } });
    }
  };

  const pathOpened = (): void => {
    if (!is_watching || coming) return;
    if (!has_had_path) {
      has_had_path = true;
      stepping?.cancel();
    }
    if (recovery.state !== "up") notice({ type: "path_alive" });
  };

  // ---- repairing

  const arm = (): void => {
    if (!has_had_path) return;
    stepping?.cancel();
    const due = recovery.deadline_ms();
    if (due === null) return;
    stepping = timing.after(Math.max(0, due - timing.now_ms()), () => {
      carry(recovery.tick(timing.now_ms()));
    });
  };
  const carry = (step: RecoveryStep | null): void => {
    tellRepair();
    arm();
    if (step) perform(step).catch((thrown: unknown) => stepFailed(thrown));
  };
  let is_published = false;
  const notice = (fact: RecoveryFact): void => {
    if (is_closed) return;
    if (fact.type === "socket_ready" && !is_published) {
      // The join could not say which layers live, and a switch may have been thrown since.
      is_published = true;
      publish();
    }
    carry(recovery.handle(timing.now_ms(), fact));
  };
  const tellRepair = (): void => {
    if (recovery.state === "up") {
      if (repair_since_ms === null) return;
      repair_since_ms = null;
      ports.repairing(null);
      return;
    }
    repair_since_ms ??= timing.now_ms();
    ports.repairing({ since_ms: repair_since_ms, attempt: recovery.attempt });
  };

  const stepFailed = (thrown: unknown): void => {
    if (is_closed) return;
    const problem = thrown instanceof Problem ? thrown : null;
    if (problem?.http === 404 && recovery.state !== "restarting_ice") {
      ports.ended({ reason: "vanished", problem });
      return;
    }
    if (problem?.http === 401) {
      ports.ended({ reason: "denied", problem });
      return;
    }
    // What the server refuses on this connection (its endpoint or its keys are lost) it may grant on a new one.
    const is_refused = problem !== null && problem.http >= 400 && problem.http < 500;
    const is_on_same = recovery.state === "restarting_ice" || recovery.state === "resuming_same";
    if (is_refused && is_on_same && problem.http !== 429) {
      notice({ type: "connection_failed" });
      return;
    }
    fail(thrown);
    notice({ type: "step_failed" });
  };

  const perform = async (step: RecoveryStep): Promise<void> => {
    step_number += 1;
    const mine = step_number;
    const is_stale = (): boolean => is_closed || mine !== step_number;
    is_watching = false;
    samples.length = 0;
    if (step.type === "restart_ice") await restart(is_stale);
    else if (step.on === "same") await resumeSame(is_stale);
    else await resumeNew(is_stale);
  };
  const watchAgain = (): void => {
    path.reset(timing.now_ms());
    is_watching = true;
  };

  const restart = async (is_stale: () => boolean): Promise<void> => {
    if (!connection || !accepted) return;
    await connection.offer(true);
    const fragment = await patchRestart(access, accepted.location, connection.restartFragment());
    if (is_stale()) return;
    await connection.answerFragment(fragment);
    watchAgain();
  };

  const resume = async (
    offer: string,
    lines: NonNullable<JoinBody["resume"]>["lines"],
  ): Promise<Accepted | null> => {
    if (!accepted) return null;
    const { resume_key } = accepted;
    return await postJoin(
      access,
      options.conference_id,
      body(offer, {
        conferencecall_id: accepted.conferencecall.id,
        resume_key,
        ...(lines ? { lines } : {}),
      }),
      null,
    );
  };
  const resumed = (again: Accepted): void => {
    accepted = again;
    watchAgain();
    publish();
    tiles.sendAll();
  };

  const resumeSame = async (is_stale: () => boolean): Promise<void> => {
    if (!connection) return;
    // This connection no longer writes mid and rid into its packets, so the server must be told the SSRCs.
    const lines = await connection.sentLines();
    const offer = await connection.offer(true);
    const again = await resume(offer, lines);
    if (!again || is_stale()) return;
    await connection.answer(again.answer);
    resumed(again);
  };

  const resumeNew = async (is_stale: () => boolean): Promise<void> => {
    coming?.close();
    const fresh = open();
    coming = fresh;
    try {
      await sending.attach(fresh);
      const offer = await fresh.offer(false);
      const again = await resume(offer, undefined);
      if (!again || is_stale()) {
        if (coming === fresh) coming = null;
        fresh.close();
        return;
      }
      await fresh.answer(again.answer);
      accepted = again;
      publish();
      tiles.sendAll();
      await firstFrames(fresh, is_stale);
    } catch (thrown) {
      if (coming === fresh) coming = null;
      fresh.close();
      throw thrown;
    }
    if (is_stale()) return;
    const old = connection;
    connection = fresh;
    coming = null;
    show(fresh);
    watchAgain();
    old?.close();
    pathOpened();
  };

  /** Waits until the new connection has decoded a picture for each tile that shows one, so that no element blanks. */
  const firstFrames = async (fresh: MediaConnection, is_stale: () => boolean): Promise<void> => {
    const until_ms = timing.now_ms() + media_limits.first_frame_ms;
    const mids = fresh.tileMids();
    for (;;) {
      const sample = await fresh.sample(timing.now_ms());
      const is_there = tiles
        .busyLines()
        .every((line) => framesDecoded(sample, mids[line] ?? "") > 0);
      const has_path = arrivals(sample) > 0;
      if (is_stale() || (has_path && (is_there || timing.now_ms() >= until_ms))) return;
      await new Promise<void>((done) => timing.after(25, done));
    }
  };

  // The browser says when the network changed; a dead path is then found out at once instead of by silence.
  const onNetwork = (): void => {
    if (has_had_path && recovery.state === "up") notice({ type: "path_dead" });
  };
  globalThis.addEventListener?.("online", onNetwork);

  return {
    join,
    conferencecallId: () => accepted?.conferencecall.id ?? "",
    seat() {
      if (!accepted) throw new Problem("CONFERENCE_CLOSED", "There is no join to give away");
      return {
        conferencecall_id: accepted.conferencecall.id,
        resume_key: accepted.resume_key,
      };
    },
    tiles,
    voices,
    own: () => own,
    async setMicrophone(is_live) {
      requireVoice(is_live);
      if (is_live && own.is_muted_by_host) setOwn({ is_muted_by_host: false });
      await sending.setMicrophone(is_live);
    },
    async setCamera(is_live) {
      requireVoice(is_live);
      await sending.setCamera(is_live);
    },
    async setScreen(is_live) {
      requireVoice(is_live);
      await sending.setScreen(is_live);
    },
    silence() {
      sending.silence();
      setOwn({ is_muted_by_host: true });
    },
    sendIn(line, codecs) {
      codecs_wanted.set(line, codecs);
      connection?.sendIn(line, codecs).catch(fail);
    },
    notice,
    close(is_handed_over = false) {
      if (is_closed) return;
      is_closed = true;
      step_number += 1;
      stepping?.cancel();
      looking?.cancel();
      globalThis.removeEventListener?.("online", onNetwork);
      stopFollowingSpeaker();
      sending.close();
      tiles.close();
      voices.close();
      const [open_one, open_other] = [connection, coming];
      const hangUp = (): void => {
        open_other?.close();
        open_one?.close();
      };
      if (is_handed_over) timing.after(media_limits.handed_over_ms, hangUp);
      else hangUp();
    },
  };
}

const unreachable = (): Problem =>
  new Problem("MEDIA_UNREACHABLE", "No path for sound and pictures could be opened");
