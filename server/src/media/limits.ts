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
/** Milliseconds before a worker that died young is started again, doubled each time. */
export const restart_delay_ms = 20;
/** Milliseconds, the longest such delay. */
export const restart_delay_ms_max = 5_000;
/** Milliseconds after which a worker counts as having lived. */
export const lived_ms = 10_000;
/** Milliseconds for a worker to say goodbye to everybody at the end. */
export const shutdown_timeout_ms = 1_000;
