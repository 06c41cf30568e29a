// How a test file is run: each test and each file has a time, so that whatever hangs fails with its name.

/** Milliseconds for a test: the slowest whole-system ones take half a minute. */
const test_timeout_ms = 120_000;
/** Milliseconds for a file, whatever it does; `PARLEY_TEST_FILE_TIMEOUT_MS` sets others. */
export const file_timeout_ms = 900_000;

/** Node's flags for the process of one file. Once its tests are over it ends, whatever a failed one left open; test-limit.ts ends one that does not come so far. */
export const testFlags = (timeout_ms: number = test_timeout_ms): string[] => [
  `--test-timeout=${timeout_ms}`,
  "--test-force-exit",
  "--import",
  "./tools/test-limit.ts",
];
