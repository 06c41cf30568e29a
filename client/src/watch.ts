// Looking at a conference without media: for consoles, and for "who is already in" before joining.
import type { ConferenceOptions, WatchedConference } from "./conference.ts";
import { browserPorts, type CorePorts, createCore, createWatchEmitter } from "./core.ts";

/** Watches a conference; resolves when its state is known.
 *  Errors: INVALID_CREDENTIALS, TOKEN_EXPIRED, TOKEN_REVOKED, CONFERENCE_NOT_FOUND, STATE_INVALID (it has ended), SERVER_UNREACHABLE. */
export async function watchConference(
  options: ConferenceOptions,
  ports: CorePorts = browserPorts,
): Promise<WatchedConference> {
  const emitter = createWatchEmitter();
  const core = createCore(options, null, emitter, {}, ports);
  await core.started;
  return {
    conference_id: options.conference_id,
    on: emitter.on,
    get view() {
      return core.view;
    },
    chat: core.chat,
    serverNow: core.serverNow,
    mute: core.mute,
    kick: core.kick,
    end: core.end,
    async close() {
      core.finish({ reason: "left", problem: null });
    },
  };
}
