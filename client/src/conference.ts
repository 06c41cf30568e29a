// The public face of a conference: what a page holds after watching or joining one.
import type { Devices } from "./devices.ts";
import type { Notices } from "./emitter.ts";
import type { Problem } from "./problem.ts";
import type { Tile, TileSize } from "./tile.ts";
import type { ConferenceView, Ending, OwnView, Person } from "./view.ts";
import type { JournalEvent, Message, Role, Source } from "./wire.ts";

/** What both {@link watchConference} and {@link joinConference} need. */
export interface ConferenceOptions {
  readonly conference_id: string;
  /** A join token; for watching also a customer's token or an access key. Never logged, never put into a page's address. */
  readonly token: string;
  /** Where the server is, e.g. "https://meet.example.org". Default: where the page came from. */
  readonly server?: string;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A link for others, made by a host. Its token is a secret. */
export interface Invitation {
  /** Names the token, e.g. to take it back. */
  readonly id: string;
  readonly token: string;
  /** The meeting page with the token in its fragment. */
  readonly url: string;
}

/** A place in a conference that another page of the same person gave away. Secret: whoever has it takes the place. */
export interface Seat {
  readonly conferencecall_id: string;
  readonly resume_key: string;
}

/** What {@link joinConference} takes beyond that. */
export interface JoinOptions extends ConferenceOptions {
  /** Shown to the others. Default: the name of the join token. */
  readonly name?: string;
  /** Goes on with this place ({@link JoinedConference.handOver}) instead of taking a new one; where it is given up by now, a new one is taken. */
  readonly seat?: Seat;
  /** Devices that were opened before joining; they stay open afterwards. Default: own ones, closed at the end. */
  readonly devices?: Devices;
  /** Join with a live microphone. Default: true. Where it cannot be opened, the join goes on without it and `own.microphone` says why. */
  readonly microphone?: boolean;
  /** Join with a live camera. Default: false. */
  readonly camera?: boolean;
  /** `voices` (default): the loudest others on lines of their own; `mix`: one line, mixed by the server, for weak devices. */
  readonly mode?: "voices" | "mix";
  /** Video lines to receive, which is how many tiles may be in use at once. Default 25, at most 48. */
  readonly tile_count?: number;
  /** STUN or TURN servers, where the network needs them. */
  readonly ice_servers?: readonly RTCIceServer[];
  /** Media over relays only. For tests and privacy. */
  readonly ice_transport_policy?: RTCIceTransportPolicy;
}

/** What a watched conference tells. */
export interface WatchNotices {
  /** `view` was replaced. At most one notice per task of the browser. */
  change: ConferenceView;
  /** A journal event, in order, none twice; after `view` contains it. */
  event: { readonly seq: number; readonly event: JournalEvent };
  /** Somebody came in. */
  joined: Person;
  /** Somebody left. */
  left: Person;
  /** A message of somebody else arrived. */
  message: Message;
  /** It is over. The last notice. */
  ended: Ending;
}

/** What a joined conference tells beyond that. */
export interface JoinNotices extends WatchNotices {
  /** `own` was replaced. */
  own: OwnView;
  /** Something failed that does not end the conference, e.g. a device was pulled out. */
  problem: Problem;
}

/** Sending and reading messages. */
export interface Chat {
  /** Sends a message; resolves when it is stored. Survives reconnects and is stored once. Until then it is in `view.chat.pending`.
   *  `to`: only this person sees it. Errors: the server's refusal (`INVALID_ARGUMENT`, `STATE_INVALID`, …), CONFERENCE_CLOSED. */
  send(text: string, to?: string | null): Promise<Message>;
  /** Sends a failed message again. */
  retry(client_id: string): Promise<Message>;
  /** Forgets a failed message. */
  discard(client_id: string): void;
  /** Empties a message; its place stays. Own ones, and as a host all. Errors: TALK_MESSAGE_NOT_FOUND, PERMISSION_DENIED. */
  remove(message_id: string): Promise<void>;
  /** Sets or takes back my reaction, one emoji. Errors: TALK_MESSAGE_NOT_FOUND, INVALID_ARGUMENT. */
  react(message_id: string, emoji: string, is_on: boolean): Promise<void>;
  /** Loads up to 100 earlier messages into `view.chat.messages`; false when there are none. */
  loadEarlier(): Promise<boolean>;
  /** Sets `view.chat.unread` to 0; call it while the chat is on the screen. */
  markRead(): void;
}

/** A conference that is being looked at, without sending or receiving media. */
export interface WatchedConference<Events extends WatchNotices = WatchNotices>
  extends Notices<Events> {
  readonly conference_id: string;
  /** Replaced, never changed; the same value between two `change` notices, as React's useSyncExternalStore wants it. */
  readonly view: ConferenceView;
  readonly chat: Chat;
  /** The server's time, milliseconds since 1970, whatever this computer's clock says; null before the server has said it (within a second). */
  serverNow(): number | null;
  /** Mutes somebody's microphone; only that person can unmute. Hosts. */
  mute(conferencecall_id: string): Promise<void>;
  /** Removes somebody. Hosts. */
  kick(conferencecall_id: string): Promise<void>;
  /** Ends the conference for all. Hosts. */
  end(): Promise<void>;
  /** Stops looking; of a joined conference: the same as `leave()`. */
  close(): Promise<void>;
}

/** A conference that this browser is in. */
export interface JoinedConference extends WatchedConference<JoinNotices> {
  /** My own join; stays the same over reconnects and server restarts. */
  readonly conferencecall_id: string;
  readonly devices: Devices;
  /** Replaced, never changed. */
  readonly own: OwnView;
  /** Switches the microphone. Off is a mute: silence is sent, the device stays open. Errors: DEVICE_…, PERMISSION_DENIED (listener). */
  setMicrophone(is_live: boolean): Promise<void>;
  /** Switches the camera; off closes the device. Errors as {@link setMicrophone}. */
  setCamera(is_live: boolean): Promise<void>;
  /** Starts (asks which) or stops sharing a screen. Must be called from a click. Errors: SCREEN_CANCELLED, DEVICE_…. */
  setScreen(is_live: boolean): Promise<void>;
  /** Takes a free video line to show people on. Give it back with `tile.release()`. Errors: TILES_EXHAUSTED. */
  takeTile(): Tile;
  /** Short for `takeTile()` and `tile.show(…)`. */
  showTile(conferencecall_id: string, source: Source, size: TileSize): Tile;
  /** Raises or lowers my hand. */
  setHand(is_raised: boolean): Promise<void>;
  /** Changes my name. */
  rename(name: string): Promise<void>;
  /** Makes a link for others. Hosts. `max_joins`: people who may be in with it at a time, 5 when left out; `expires_in`: seconds, at most as long as my own.
   *  Errors: PERMISSION_DENIED, STATE_INVALID, INVALID_ARGUMENT, LIMIT_EXCEEDED. */
  invite(given: {
    readonly role: Role;
    readonly name?: string;
    readonly max_joins?: number;
    readonly expires_in?: number;
  }): Promise<Invitation>;
  /** Ids of the links that my token made and that let people in: not those that have expired, were taken back, or brought somebody who was removed. Hosts. Errors: PERMISSION_DENIED. */
  invitations(): Promise<readonly string[]>;
  /** How loud one person is for me, 0..1. In `mix` mode without effect. */
  setVolume(conferencecall_id: string, volume: number): void;
  /** How loud one person is for me, 0..1; 1 unless it was set. */
  volumeOf(conferencecall_id: string): number;
  /** Starts sound that the browser held back; must be called from a click. */
  startAudio(): Promise<void>;
  /** Repairs the connection now instead of waiting for the next attempt. */
  reconnectNow(): void;
  /** Gives this place away, for {@link JoinOptions.seat} of another page within 20 s; it is over here with reason `taken_over`. The others notice nothing. */
  handOver(): Seat;
  /** Leaves; resolves when everything is closed, also when the server cannot be reached. */
  leave(): Promise<void>;
}
