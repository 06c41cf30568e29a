// Every bound of the server that an operator does not set, with its unit and its reason. A bound that is hit is a problem or a counter.

/** See each line. Those that depend on the machine or the customer are in the configuration instead (`limits.*`). */
export const limits = {
  /** Bytes of a request's body: a large offer is 30 kB, a large flow 100 kB. Above: 413. */
  body_bytes_max: 256 * 1024,
  /** Bytes of a request's line and headers together. Above: 431, or 414 where the URL alone is as long. */
  header_bytes_max: 16 * 1024,
  /** Levels of nesting in a JSON body. Above: INVALID_JSON_BODY. */
  json_depth_max: 32,
  /** Milliseconds from a connection's first byte to the end of its headers; slow senders hold a socket each. */
  header_timeout_ms: 8_000,
  /** Milliseconds between looks at who sends too slowly. */
  slow_sender_check_interval_ms: 1_000,
  /** Milliseconds for a whole request, body included. */
  request_timeout_ms: 10_000,
  /** Milliseconds that an idle connection is kept; above the 60 s of usual proxies, so that they close first. */
  keep_alive_timeout_ms: 65_000,
  /** Milliseconds that an answer may lie unread by its client. Above: the connection is destroyed. */
  unread_answer_timeout_ms: 30_000,
  /** Milliseconds for a TLS handshake. Above: the connection is destroyed. */
  tls_handshake_timeout_ms: 8_000,
  /** Milliseconds between the last byte of a connection that we close and its destruction. */
  close_grace_ms: 1_000,
  /** Milliseconds that connections have to take their last answers when the server ends. Then they are destroyed: whoever supervises it is waiting. */
  end_grace_ms: 300,
  /** Events in one page of a conference's history. */
  events_page_max: 1_000,
  /** Bytes of one page of conferences or of events: it ends after the item that brings it there. */
  page_bytes_max: 4 * 1024 * 1024,
  /** Bytes that any list's answer may take: a page, one item of the largest more (two flows and `data`, each within a body's bound), and what stands around items. Reserved while it is read. */
  list_bytes_max: 6 * 1024 * 1024,
  /** Lists of one customer that may wait for their turn to be read. Above: 429. */
  reads_waiting_max: 500,
  /** Milliseconds that a list may wait for its turn to be read. Above: 429. */
  read_wait_ms: 5_000,
  /** Bytes from which on an answer is counted while it waits for its reader. */
  large_answer_bytes: 64 * 1024,
  /** Milliseconds that the reader of a large answer may take. Then the connection ends. */
  answer_timeout_ms: 60_000,
  /** Times that a transaction is run again after the database refused the order of two writes. */
  transaction_attempts_max: 5,
  /** Milliseconds that one statement may take. Above: SERVICE_UNAVAILABLE. */
  statement_timeout_ms: 10_000,
  /** Milliseconds beyond that in which the database must have said so. Above: its connection is given up, and SERVICE_UNAVAILABLE. */
  answer_grace_ms: 2_000,
  /** Milliseconds between questions on the connection that holds the database's lock, and for each answer. Above: the connection is given up, and the lock taken again on another. */
  lock_check_interval_ms: 5_000 as number,
  lock_answer_timeout_ms: 5_000 as number,
  /** Milliseconds to wait for a connection of the pool. Above: SERVICE_UNAVAILABLE. */
  connection_timeout_ms: 5_000,
  /** MiB that a first start writes beside what `limits.disk_free_min` keeps: the private database's files, log and programs. */
  first_start_disk_mib: 160,
  /** Milliseconds between looks where a name as `media.announced_address` leads: the lifetime of usual dynamic names. */
  announced_refresh_ms: 60_000,
  /** Addresses of that name that are told: each is two candidates in every answer. Further ones are left out. */
  announced_addresses_max: 8,
  /** Files that the data folder's file system must still have room for. Below: the server does not start. */
  data_dir_files_min: 2_000,
} as const;
