// What the server says, as it says it: records of the REST API and frames of the live socket.

/** What somebody may do in a conference; set by the join token. Customers and access keys act as `host`. */
export type Role = "host" | "member" | "listener";

/** A conference as the server shows it. Times are `YYYY-MM-DD HH:MM:SS.ffffff` UTC; the year 9999 means "not yet". */
export interface Conference {
  readonly id: string;
  readonly customer_id: string;
  readonly type: "conference" | "connect";
  readonly status: "starting" | "progressing" | "terminating" | "terminated";
  readonly name: string;
  readonly detail: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Seconds after which it ends by itself; 0 = never. */
  readonly timeout: number;
  /** Who is in now. */
  readonly conferencecall_ids: readonly string[];
  readonly tm_create: string;
  readonly tm_update: string;
  readonly tm_delete: string;
}

/** Why a join ended; "" while it lasts. */
export type LeaveReason =
  | ""
  | "left"
  | "kicked"
  | "ended"
  | "timeout"
  | "vanished"
  | "connect_failed"
  | "room_failed"
  | "ejected"
  | "node_lost";

/** One join of a conference as the server shows it. */
export interface Conferencecall {
  readonly id: string;
  readonly customer_id: string;
  readonly conference_id: string;
  readonly reference_type: string;
  readonly reference_id: string;
  readonly status: "joining" | "joined" | "leaving" | "leaved";
  readonly name: string;
  readonly role: Role;
  /** A short free text of the join token, e.g. a department; "" when unset. */
  readonly label: string;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** The microphone is not live. */
  readonly muted: boolean;
  /** The camera is live. */
  readonly camera: boolean;
  /** A screen is being shared. */
  readonly screen: boolean;
  /** The hand is raised. */
  readonly hand: boolean;
  readonly leave_reason: LeaveReason;
  readonly tm_create: string;
  readonly tm_update: string;
  readonly tm_joined: string;
  readonly tm_leaved: string;
}

/** One reaction to a message. */
export interface Reaction {
  readonly emoji: string;
  readonly owner_type: "agent" | "accesskey" | "conferencecall" | "system";
  readonly owner_id: string;
  readonly tm_create: string;
}

/** One message of the conference's chat as the server shows it. */
export interface Message {
  readonly id: string;
  readonly conference_id: string;
  /** Who wrote it: somebody in the conference, or a user of the API. */
  readonly owner_type: "agent" | "accesskey" | "conferencecall" | "system";
  readonly owner_id: string;
  /** The author's name when it was written. */
  readonly owner_name: string;
  /** Set for a private message: only this person, the author and the customer see it; else the nil UUID. */
  readonly target_conferencecall_id: string;
  readonly type: "normal" | "system";
  /** "" when the message was deleted. */
  readonly text: string;
  readonly metadata: { readonly reactions: readonly Reaction[] };
  readonly tm_create: string;
  readonly tm_update: string;
  /** The year 9999 unless deleted. */
  readonly tm_delete: string;
}

/** What a video line carries. */
export type Source = "camera" | "screen";

/** Who the server takes the owner of this socket to be. */
export interface You {
  /** null where the socket only watches. */
  readonly conferencecall_id: string | null;
  readonly role: Role;
  readonly name: string;
  /** Names of the commands that will be accepted. */
  readonly may: readonly string[];
}

/** One entry of the conference's journal. */
export interface JournalEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly tm: string;
  readonly actor: { readonly type: string; readonly id: string | null };
  readonly cause: string | null;
}

/** Why a tile is not as it should be: nothing asked for or published, off at the moment, a codec that this browser cannot show, or a path that carries only a smaller picture. */
export type TileReason = "none" | "paused" | "codec" | "bandwidth";

/** What the server really shows on one video line. */
export interface TileShown {
  readonly mid: string;
  readonly conferencecall_id: string | null;
  readonly source: Source | null;
  readonly rid: string | null;
  readonly reason: TileReason | null;
}

/** Whose voice fills one audio line. */
export interface VoiceSlot {
  readonly mid: string;
  readonly conferencecall_id: string | null;
}

/** Every frame the server sends on the live socket. */
export type ServerFrame =
  | {
      readonly type: "snapshot";
      readonly seq: number;
      readonly conference: Conference;
      readonly conferencecalls: readonly Conferencecall[];
      readonly messages: readonly Message[];
      readonly you: You;
      readonly boot_id: string;
      readonly ping_interval_ms: number;
    }
  | {
      readonly type: "resumed";
      readonly seq: number;
      readonly you: You;
      readonly boot_id: string;
      readonly ping_interval_ms: number;
    }
  | { readonly type: "event"; readonly seq: number; readonly event: JournalEvent }
  | {
      readonly type: "speakers";
      readonly active: string | null;
      readonly speaking: readonly string[];
    }
  | { readonly type: "voices"; readonly slots: readonly VoiceSlot[] }
  | { readonly type: "tiles"; readonly tiles: readonly TileShown[] }
  | {
      readonly type: "publish_codec_wanted";
      readonly source: Source;
      readonly codecs: readonly string[];
    }
  | { readonly type: "rejoin"; readonly reason: string }
  | { readonly type: "ping"; readonly tm: string }
  | { readonly id: number; readonly ok: Readonly<Record<string, unknown>> }
  | { readonly id: number; readonly error: WireError };

/** The server's error object. */
export interface WireError {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly request_id?: string;
  readonly details?: readonly Readonly<Record<string, unknown>>[];
}

/** What one line of our offer became. */
export interface AnsweredLine {
  readonly mid: string;
  /** `microphone`, `camera`, `screen`, `voice`, `mix`, `tile`, `active_speaker` or `rejected`; two roles are joined by `+`. */
  readonly role: string;
}

/** The server's answer to a join. */
export interface JoinAnswer {
  readonly conferencecall: Conferencecall;
  /** The SDP answer. */
  readonly answer: string;
  readonly resume_key: string;
  readonly lines: readonly AnsweredLine[];
}
