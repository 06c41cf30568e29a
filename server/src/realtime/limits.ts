// Every bound of the two sockets, with its unit and its reason.

/** See each line. */
export const socket_limits = {
  /** Bytes of a client's frame. Above: closed with 4400. */
  frame_bytes_max: 64 * 1024,
  /** Bytes at which the library itself ends a connection, before the frame is in memory. */
  payload_bytes_max: 128 * 1024,
  /** Commands a second, and at once. Above: RATE_LIMIT_EXCEEDED. */
  commands_per_second: 20,
  commands_burst: 100,
  /** Commands that wait for their turn on one socket. Above: RATE_LIMIT_EXCEEDED. */
  commands_waiting_max: 200,
  /** Bytes of frames that wait for their turn on one socket. Above: RATE_LIMIT_EXCEEDED on a live socket; on an event socket nothing more is read meanwhile. */
  commands_waiting_bytes_max: 256 * 1024,
  /** Bytes that wait to be sent to one reader: a snapshot of a thousand people, or half a minute of a very busy conference. Above: closed with 4413. */
  outgoing_bytes_max: 8 * 1024 * 1024,
  /** Bytes below which a reader counts as keeping up: the next page or answer is made then. */
  outgoing_low_bytes: 256 * 1024,
  /** Bytes that wait for all sockets of one join token. Above: the fullest is closed with 4413. For a customer and in all: `limits.*` of the configuration. */
  join_bytes_max: 16 * 1024 * 1024,
  /** Events that wait while a socket reads what it missed, and their bytes. Above: closed with 4413. */
  waiting_events_max: 2_000,
  waiting_bytes_max: 4 * 1024 * 1024,
  /** Events that a live socket replays; who missed more gets a snapshot. */
  resume_events_max: 1_000,
  /** Events read from the journal at once, and their bytes: it ends after the one that brings it there. */
  page_events: 50,
  page_bytes: 1024 * 1024,
  /** Messages in a snapshot. */
  snapshot_messages: 100,
  /** Milliseconds between the pings that readers see. */
  ping_interval_ms: 1_000,
  /** Milliseconds between the protocol's own pings, and without an answer until a socket is dead. */
  alive_interval_ms: 10_000,
  alive_timeout_ms: 30_000,
  /** Milliseconds between two looks at whether a customer's credential still counts. */
  recheck_interval_ms: 1_000,
  /** Milliseconds that a socket may take to prove who it is. Above: ended. */
  proof_timeout_ms: 5_000,
  /** Milliseconds from our closing to the end of the connection, answered or not. */
  closing_grace_ms: 2_000,
  /** Sockets of one join token, and of one agent or access key. Above: closed with 4429. */
  sockets_per_join_max: 20,
  sockets_per_customer_caller_max: 2_000,
  /** Characters of a name. */
  name_length_max: 100,
  /** Tiles in one command, as many as lines in an offer. */
  tiles_max: 64,
  /** Topics of one event socket, and characters of each. Above: refused. */
  topics_max: 1_000,
  topic_length_max: 300,
  /** Events that an event socket replays; who missed more is told of a gap. */
  resume_customer_events_max: 10_000,
} as const;

/** Close codes (docs/design/live-socket.md). */
export const close_codes = {
  bad_frame: 4400,
  credential: 4401,
  removed: 4403,
  not_found: 4404,
  taken_over: 4409,
  ended: 4410,
  too_slow: 4413,
  too_many: 4429,
  restarting: 1012,
  fault: 1011,
} as const;

/** What a close frame says beside its code. */
export const close_reasons: ReadonlyMap<number, string> = new Map([
  [close_codes.bad_frame, "bad frame"],
  [close_codes.credential, "INVALID_CREDENTIALS"],
  [close_codes.removed, "removed"],
  [close_codes.not_found, "not found"],
  [close_codes.taken_over, "taken over by another socket"],
  [close_codes.ended, "conference ended"],
  [close_codes.too_slow, "reader too slow"],
  [close_codes.too_many, "too many sockets"],
  [close_codes.restarting, "server restarts"],
  [close_codes.fault, "a fault of ours"],
]);
