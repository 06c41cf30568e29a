// What is known about a conference, as one immutable value that is replaced at each change.
import type { Problem } from "./problem.ts";
import type { Conference, Conferencecall, Message, You } from "./wire.ts";

/** Somebody in the conference. */
export interface Person extends Conferencecall {
  /** It is this browser. */
  readonly is_me: boolean;
  /** Is heard right now. */
  readonly is_speaking: boolean;
  /** Spoke last; at most one person. */
  readonly is_active_speaker: boolean;
}

/** How well something arrives: `good`, `poor` (losses or delays that are noticed), `lost` (nothing arrives). */
export type QualityLevel = "unknown" | "good" | "poor" | "lost";

/** Measured quality of the connection or of one tile, over the last two seconds. */
export interface Quality {
  readonly level: QualityLevel;
  /** Share of packets that did not arrive, 0..100. */
  readonly loss_percent: number;
  readonly round_trip_ms: number | null;
  readonly jitter_ms: number | null;
  readonly bits_per_second: number;
  /** Of a picture; 0 without one. */
  readonly width: number;
  readonly height: number;
  readonly frames_per_second: number;
  /** "VP8", "opus", …; "" when not known. */
  readonly codec: string;
}

/** How the connection to the server stands.
 *  `connecting`: first time; `live`: all well; `reconnecting`: it is being repaired, last pictures stay; `ended`: over, see `ending`. */
export type ConnectionState = "connecting" | "live" | "reconnecting" | "ended";

/** Why it is over.
 *  `left` own wish · `kicked` a host removed me · `ended` the conference is over · `taken_over` the same join is open in another tab ·
 *  `vanished` the server gave my seat up, joining anew helps · `denied` the link is not valid (any more) · `not_found` no such conference ·
 *  `media_unreachable` no media path · `failed` anything else, see `problem`. */
export type EndingReason =
  | "left"
  | "kicked"
  | "ended"
  | "taken_over"
  | "vanished"
  | "denied"
  | "not_found"
  | "media_unreachable"
  | "failed";

/** Who ended it, and when. */
export interface EndedBy {
  /** `conferencecall`: somebody in the conference; `agent` and `accesskey`: its owner, from outside; `system`: the server, e.g. when its time was over. */
  readonly type: "agent" | "accesskey" | "conferencecall" | "system";
  /** The name of somebody in the conference; "" for others. */
  readonly name: string;
  /** `timeout`, `deleted`, … as the journal says it; "" when it does not. */
  readonly cause: string;
  /** As the wire writes times. */
  readonly tm: string;
}

/** The end of a connection. */
export interface Ending {
  readonly reason: EndingReason;
  readonly problem: Problem | null;
  /** For `kicked` and `ended`, where the server has told it before. */
  readonly by?: EndedBy | null;
}

/** A message that the server has not confirmed yet. */
export interface PendingMessage {
  readonly client_id: string;
  readonly text: string;
  readonly target_conferencecall_id: string | null;
  /** `sending` also over a reconnect; `failed`: refused, `problem` says why. */
  readonly state: "sending" | "failed";
  readonly problem: Problem | null;
}

/** The chat. */
export interface ChatView {
  /** Oldest first; as much as has been loaded. */
  readonly messages: readonly Message[];
  /** Own messages on their way. */
  readonly pending: readonly PendingMessage[];
  /** Messages of others since the last `chat.markRead()`. History that was there at the join does not count. */
  readonly unread: number;
  /** `chat.loadEarlier()` would bring more. */
  readonly has_earlier: boolean;
}

/** Everything about a conference that a page shows, but for the media itself. */
export interface ConferenceView {
  readonly connection: ConnectionState;
  /** Set while `reconnecting`: since when (`performance.now()`), and the number of the running attempt. */
  readonly reconnect: { readonly since_ms: number; readonly attempt: number } | null;
  /** Set when `ended`. */
  readonly ending: Ending | null;
  /** null until the first answer. */
  readonly conference: Conference | null;
  readonly you: You | null;
  /** All who have not left, in order of arrival; `joining` ones too (see `status`). */
  readonly people: readonly Person[];
  readonly active_speaker: string | null;
  readonly chat: ChatView;
  /** Sequence number of the last journal event that is contained. */
  readonly seq: number;
}

/** State of one of my own sources.
 *  `off`: not sent · `starting` · `live` · `failed`: see `problem`. A muted microphone is `off` but stays open, so that it is back at once. */
export interface OwnSource {
  readonly state: "off" | "starting" | "live" | "failed";
  readonly problem: Problem | null;
  /** Own picture for the page (mirroring is up to it); null when not live. For the microphone: for level meters. */
  readonly media: MediaStream | null;
}

/** My own part in it. */
export interface OwnView {
  readonly microphone: OwnSource;
  readonly camera: OwnSource;
  readonly screen: OwnSource;
  /** A host muted me; cleared when I unmute. */
  readonly is_muted_by_host: boolean;
  /** The browser plays no sound until the user clicks something: show a button that calls `startAudio()`. */
  readonly is_audio_blocked: boolean;
  /** Of the whole connection. */
  readonly quality: Quality;
}
