// Bounds of the border to the workers.

/** Milliseconds from the start of a worker to its first line and its configuration; making a certificate takes 200. */
export const start_timeout_ms = 5_000;
/** Milliseconds for one request; the worker answers in well under one. Later it counts as hung. */
export const request_timeout_ms = 2_000;
/** Milliseconds between looks at a worker's heartbeat, which comes as often. */
export const heartbeat_interval_ms = 100;
/** Looks without a sign of life, after which a worker is taken for hung and replaced. */
export const missed_heartbeats_max = 4;
/** Requests under way with one worker; a join needs two. */
export const requests_max = 10_000;
/** Bytes that wait in the pipe to one worker, which then is not reading. */
export const queued_bytes_max = 32 * 1024 * 1024;
/** Characters of one line from a worker; a snapshot message is kept below 1 MiB by the worker. */
export const message_length_max = 8 * 1024 * 1024;
/** Milliseconds that a request waits for a worker's successor. */
export const successor_timeout_ms = 2_000;
/** Milliseconds before the second try to replace a worker, doubled with each further one; the first comes at once. */
export const restart_delay_ms = 20;
/** Milliseconds, the longest such delay. Well below the age to which a snapshot is used (3 s, taken each second). */
export const restart_delay_ms_max = 1_000;
/** Milliseconds without a successor after which its endpoints are given up: their snapshots are too old by then, and
 *  people are told to join again, on another worker where there is one. */
export const abandon_timeout_ms = 3_000;
/** Milliseconds for a process that was ended to be gone; later its successor is tried all the same. */
export const end_timeout_ms = 1_000;
/** Milliseconds that rooms which may have ended their worker are watched before others join them on the next one. */
export const probation_ms_first = 250;
/** Milliseconds, the longest such time. Endpoints that waited longer than their snapshot is good for join again. */
export const probation_ms_max = 4_000;
/** Deaths with the same room there, or failures of the room, after which it is closed; `media.room_deaths_max`. */
export const room_deaths_max = 3;
/** Milliseconds within which they count; `media.room_deaths_window_ms`. */
export const room_deaths_window_ms = 60_000;
/** Closed rooms that /health names, the latest. */
export const quarantined_shown_max = 20;
/** Milliseconds after which a worker counts as having lived. */
export const lived_ms = 10_000;
/** Milliseconds for a worker to say goodbye to everybody at the end. */
export const shutdown_timeout_ms = 1_000;
