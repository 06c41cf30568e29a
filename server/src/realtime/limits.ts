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
  /** Bytes that wait to be sent to one reader: a snapshot of a thousand people, or half a minute of a very busy conference. Above: closed with 4413. */
  outgoing_bytes_max: 8 * 1024 * 1024,
  /** Events that wait while a socket reads what it missed. Above: closed with 4413. */
  waiting_events_max: 2_000,
  /** Events that a live socket replays; who missed more gets a snapshot. */
  resume_events_max: 1_000,
  /** Events read from the journal at once. */
  page_events: 250,
  /** Messages in a snapshot. */
  snapshot_messages: 100,
  /** Milliseconds between the pings that readers see. */
  ping_interval_ms: 1_000,
  /** Milliseconds between the protocol's own pings, and without an answer until a socket is dead. */
  alive_interval_ms: 10_000,
  alive_timeout_ms: 30_000,
  /** Milliseconds between two looks at whether a customer's credential still counts. */
  recheck_interval_ms: 1_000,
  /** Sockets of this process, about 20 kB each. Above: 503. */
  sockets_max: 10_000,
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
