// The only place that reads the environment: one schema, from which the values, `--help` and the manual page follow.
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import { nearest } from "./nearest.ts";

/** A text that is shown to nobody: prints `***` wherever it is printed. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  /** The text itself, for the one place that needs it. */
  reveal(): string {
    return this.#text;
  }
  /** Whether there is any text. */
  get is_set(): boolean {
    return this.#text !== "";
  }
  toString(): string {
    return "***";
  }
  toJSON(): string {
    return "***";
  }
  [inspect.custom](): string {
    return "***";
  }
}

/** A configuration that cannot be used. The message says which key, where it came from and what is wrong. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

interface Field<T> {
  readonly fallback: T;
  /** What the manual shows as default where the value itself says nothing. */
  readonly shown: string | null;
  readonly unit: string;
  readonly doc: string;
  /** Makes a value of what a file (any JSON), the environment or a flag (text) gave; throws a sentence. */
  readonly read: (given: unknown) => T;
}
type Section = { readonly [key: string]: Section | Field<unknown> };
type Values<S> = S extends Field<infer T> ? T : { readonly [K in keyof S]: Values<S[K]> };

const isField = (entry: Section | Field<unknown>): entry is Field<unknown> =>
  typeof entry["read"] === "function";

const readText = (given: unknown): string => {
  if (typeof given !== "string") throw new Error("must be a text");
  return given;
};

const text = (fallback: string, doc: string, shown?: string): Field<string> => ({
  fallback,
  shown: shown ?? null,
  unit: "text",
  doc,
  read: readText,
});

const secret = (
  doc: string,
  shown: string,
  length_min = 0,
  check: (value: string) => void = () => undefined,
): Field<Secret> => ({
  fallback: new Secret(""),
  shown,
  unit: "secret",
  doc,
  read: (given) => {
    const value = readText(given);
    if (value.length < length_min) throw new Error(`must have ${length_min} characters or more`);
    check(value);
    return new Secret(value);
  },
});

const checkDatabaseUrl = (value: string): void => {
  if (value === "" || /^postgres(ql)?:\/\//.test(value)) return;
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(value)?.[0];
  throw new Error(
    `must begin with postgres://${scheme ? `, not with ${scheme} (only PostgreSQL is supported)` : ""}`,
  );
};

const integer = (
  fallback: number,
  unit: string,
  doc: string,
  bounds: { min?: number; max?: number } = {},
): Field<number> => {
  const { min = 0, max = 2 ** 31 - 1 } = bounds;
  return {
    fallback,
    shown: null,
    unit,
    doc,
    read: (given) => {
      const value = typeof given === "string" && given.trim() !== "" ? Number(given) : given;
      if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
        throw new Error(`must be an integer from ${min} to ${max}`);
      }
      return value;
    },
  };
};

const port = (fallback: number, doc: string): Field<number> =>
  integer(fallback, "port", `${doc} 0: any free one.`, { max: 65535 });

const flag = (fallback: boolean, doc: string): Field<boolean> => ({
  fallback,
  shown: null,
  unit: "true or false",
  doc,
  read: (given) => {
    if (given === true || given === "true" || given === "1" || given === "") return true;
    if (given === false || given === "false" || given === "0") return false;
    throw new Error("must be true or false");
  },
});

const oneOf = <const T extends string>(
  fallback: T,
  values: readonly T[],
  doc: string,
): Field<T> => ({
  fallback,
  shown: null,
  unit: values.map((value) => value || "(empty)").join(", "),
  doc,
  read: (given) => {
    const found = values.find((value) => value === given);
    if (found === undefined) throw new Error(`must be one of ${values.join(", ")}`);
    return found;
  },
});

const list = (doc: string): Field<readonly string[]> => ({
  fallback: [],
  shown: "none",
  unit: "texts, separated by commas",
  doc,
  read: (given) => {
    const items = Array.isArray(given) ? given.map(readText) : readText(given).split(",");
    return items.map((item) => item.trim()).filter((item) => item !== "");
  },
});

const schema = {
  config: text(
    "",
    "A JSON file with these keys, nested by section.",
    "parley.json, if there is one",
  ),
  data_dir: text("./data", "Folder of the private database, certificates and files."),
  drain_timeout_ms: integer(30_000, "ms", "On SIGTERM: how long running calls may go on."),
  http: {
    host: text("127.0.0.1", "Address to listen on."),
    port: port(8080, "Port of REST, live sockets and pages."),
    public_url: text(
      "",
      "How others reach this server, without a path: used in links.",
      "the address that it listens on",
    ),
    tls: oneOf(
      "off",
      ["off", "self-signed", "files"],
      "HTTPS: `self-signed` makes a certificate and keeps it in the data folder, `files` takes http.cert and http.key.",
    ),
    cert: text("", "PEM file: certificate and chain, for http.tls `files`.", "none"),
    key: text("", "PEM file: private key, for http.tls `files`.", "none"),
    trusted_proxies: list("Addresses or networks whose X-Forwarded-* headers are believed."),
    allowed_origins: list(
      "Origins of other sites whose pages may call this server (CORS), with tokens and keys only, and show its meeting page in a frame. `*`: all.",
    ),
    vitals_token: secret(
      "Lets who sends it as `Authorization: Bearer` read GET /health in full and GET /metrics. 16 characters or more.",
      "none: a super admin's token",
      16,
    ),
    vitals_addresses: list(
      "Addresses or networks that may read them without a token. A proxy that is not in http.trusted_proxies makes all its clients one address.",
    ),
  },
  auth: {
    secret: secret(
      "Key that signs tokens, 32 characters or more.",
      "made on the first start and kept in the data folder",
      32,
    ),
    query_tokens: flag(true, "Whether `?token=` and `?accesskey=` are accepted."),
    token_lifetime_ms: integer(604_800_000, "ms", "How long a log-in token is good for."),
  },
  admin: {
    username: text("admin", "Name of the first administrator."),
    password: secret(
      "Password of the first administrator. Set: it is enforced at every start.",
      "made on the first start and printed once",
      8,
    ),
  },
  database: {
    url: secret(
      "PostgreSQL 15 or newer, as `postgres://user:password@host/database`.",
      "a private server in the data folder",
      0,
      checkDatabaseUrl,
    ),
    connections_max: integer(16, "connections", "Size of the pool.", { min: 2, max: 1000 }),
  },
  media: {
    host: text("0.0.0.0", "Address on which media workers receive."),
    port: port(
      20_000,
      "UDP and TCP port of the first media worker; each further one takes the next.",
    ),
    announced_address: text(
      "",
      "Address that browsers are told, e.g. the public one behind a NAT. A name is resolved, again each minute; all its addresses are told.",
      "every address of media.host",
    ),
    worker_count: integer(0, "processes", "Media workers. 0: one per core.", { max: 256 }),
    room_deaths_max: integer(
      3,
      "deaths",
      "A room that was there when its worker died this often within media.room_deaths_window_ms, or that failed this often by itself, is closed.",
      { min: 2, max: 100 },
    ),
    room_deaths_window_ms: integer(60_000, "ms", "How long such a death counts.", { min: 1_000 }),
    worker_bin: text("", "The media worker's program.", "the one that was built here"),
    worker_uid: integer(
      65_533,
      "user id",
      "User and group that a media worker becomes once its ports are open, where the server is root. Nothing else should run as it. 0: stays root.",
      { max: 2 ** 31 - 2 },
    ),
    worker_filter: flag(
      true,
      "On Linux: a media worker gives up all system calls that it does not need.",
    ),
  },
  limits: {
    auth_rate: integer(10, "requests/s", "Per address, on `/auth/*`. 0: no limit."),
    auth_burst: integer(20, "requests", "At once, where auth_rate is not used up."),
    password_checks_max: integer(
      1,
      "passwords",
      "Hashed at once, each 20 ms in a thread of its own and 19 MiB. More wait.",
      { min: 1, max: 64 },
    ),
    password_checks_waiting_max: integer(
      64,
      "passwords",
      "Waiting to be hashed; as many again from where that person has logged in before, who go first. Above: 429.",
      { min: 1, max: 10_000 },
    ),
    password_checks_waiting_per_address_max: integer(
      16,
      "passwords",
      "Of them, from one address (IPv6: one /64), or of one customer that makes log-ins.",
      { min: 1 },
    ),
    password_checks_waiting_per_username_max: integer(
      4,
      "passwords",
      "Of them, for one user name.",
      { min: 1 },
    ),
    password_checks_wait_ms: integer(10_000, "ms", "How long one waits to be hashed. Then: 429.", {
      min: 100,
      max: 25_000,
    }),
    password_guesses_free: integer(
      5,
      "passwords",
      "Wrong ones for one user name before the next has to wait: until then 429. From where that person has logged in before they are counted apart.",
      { min: 1, max: 1000 },
    ),
    password_delay_ms: integer(
      1_000,
      "ms",
      "The first such wait; each further one is twice as long.",
      {
        min: 1,
        max: 3_600_000,
      },
    ),
    password_delay_max_ms: integer(60_000, "ms", "The longest such wait.", {
      min: 1,
      max: 3_600_000,
    }),
    password_forget_ms: integer(
      3_600_000,
      "ms",
      "Without a wrong password until those before are forgotten.",
      { min: 1 },
    ),
    rest_rate: integer(1000, "requests/s", "Per access key or token, on `/v1.0/*`. 0: no limit."),
    rest_burst: integer(2000, "requests", "At once, where rest_rate is not used up."),
    join_rate: integer(5, "joins/s", "Per join token. 0: no limit."),
    join_burst: integer(20, "joins", "At once, where join_rate is not used up."),
    connections_max: integer(
      20_000,
      "connections",
      "Of HTTP and live sockets, in all. Above: 503 and closed.",
      { min: 1 },
    ),
    connections_per_address_max: integer(
      4_000,
      "connections",
      "Of one address, or IPv6 /64; trusted proxies are not counted. Above: 429 and closed.",
      { min: 1 },
    ),
    media_unproven_bytes_max: integer(
      3_000,
      "bytes",
      "That a media worker begins to send to an address before that has proven that it wants them. Beyond: withheld until it has.",
      { min: 500, max: 65_536 },
    ),
    media_tcp_unconfirmed_max: integer(
      512,
      "connections",
      "To the TCP port of one media worker that have not proven whose they are. Beyond: the oldest is closed.",
      { min: 1, max: 4_096 },
    ),
    media_tcp_unconfirmed_per_address_max: integer(
      32,
      "connections",
      "The same, from one IP address (IPv6: from one /64).",
      { min: 1, max: 4_096 },
    ),
    database_silent_ms: integer(
      400,
      "ms",
      "Without a byte from the database though it was asked. Then requests are answered 503 at once until a probe is answered. Slow is not silent: below it everybody waits.",
      { min: 50, max: 60_000 },
    ),
    database_look_ms: integer(
      50,
      "ms",
      "Between looks at that. Looks are counted, so that a stall of the server itself stops nothing.",
      { min: 10, max: 10_000 },
    ),
    database_probe_interval_ms: integer(
      200,
      "ms",
      "From one probe of a silent database to the next.",
      { min: 10, max: 60_000 },
    ),
    disk_free_min: integer(
      64,
      "MiB",
      "Free space of data_dir that the private database needs. Below: the server does not start. 0: not looked at.",
    ),
    disk_free_write_min: integer(
      24,
      "MiB",
      "Free space of data_dir that the private database needs to stay alive. Below: writes are answered 507, reads and media go on. 0: not looked at.",
    ),
    disk_free_warn: integer(1024, "MiB", "Free space of data_dir below which a start warns."),
    vanished_hold_ms: integer(
      2_000,
      "ms",
      "After 6 s without a sign of life, for a join whose client has no live socket and so does not resume: then it is over. Others are held for 20 s.",
      { max: 20_000 },
    ),
    conference_calls_max: integer(1000, "joins", "Present in one conference.", { min: 1 }),
    sockets_max: integer(10_000, "sockets", "Live and event sockets whose credential was judged.", {
      min: 1,
    }),
    sockets_per_customer_max: integer(5_000, "sockets", "Of them, of one customer.", { min: 1 }),
    sockets_unproven_max: integer(
      512,
      "sockets",
      "Beside them, those whose credential is being judged or was refused.",
      { min: 1 },
    ),
    sockets_unproven_per_address_max: integer(32, "sockets", "Of them, of one address.", {
      min: 1,
    }),
    sockets_bytes_max: integer(
      512 * 1024 * 1024,
      "bytes",
      "Waiting to be sent to all sockets together; the fullest is closed first.",
      { min: 1024 * 1024 },
    ),
    sockets_customer_bytes_max: integer(
      128 * 1024 * 1024,
      "bytes",
      "Of them, to those of one customer.",
      { min: 1024 * 1024 },
    ),
    http_bytes_max: integer(
      256 * 1024 * 1024,
      "bytes",
      "Of large answers that wait for their readers. Above: 429.",
      { min: 1024 * 1024 },
    ),
    http_bytes_per_caller_max: integer(
      64 * 1024 * 1024,
      "bytes",
      "Of them, for one access key or token. One answer is always given.",
      { min: 1024 * 1024 },
    ),
    http_reading_bytes_max: integer(
      128 * 1024 * 1024,
      "bytes",
      "Reserved for lists while they are read from the database, 6 MiB each. More wait, 5 s at most: then 429.",
      { min: 1024 * 1024 },
    ),
    http_reading_bytes_per_customer_max: integer(
      48 * 1024 * 1024,
      "bytes",
      "Of them, for one customer. One list is always read.",
      { min: 1024 * 1024 },
    ),
    agents_max: integer(10_000, "agents", "People who log in for one customer.", { min: 1 }),
    accesskeys_max: integer(1_000, "access keys", "Good ones of one customer.", { min: 1 }),
    conferences_max: integer(10_000, "conferences", "Of one customer, without those that ended.", {
      min: 1,
    }),
    conference_messages_max: integer(100_000, "messages", "In the chat of one conference.", {
      min: 1,
    }),
    token_joins_max: integer(
      5,
      "joins",
      "Present with one join token at a time, where the token does not say (`max_joins`).",
      { min: 1 },
    ),
    join_tokens_max: integer(10_000, "join tokens", "Good ones of one conference.", { min: 1 }),
    host_join_tokens_max: integer(
      100,
      "join tokens",
      "Good ones that were made with one host's join token.",
    ),
  },
  sip: {
    host: text("0.0.0.0", "Reserved for the SIP listeners: address."),
    udp_port: port(5060, "Reserved for the SIP listeners: UDP."),
    tcp_port: port(5060, "Reserved for the SIP listeners: TCP."),
    tls_port: port(5061, "Reserved for the SIP listeners: TLS."),
  },
  nats: { url: secret("Reserved for clusters: NATS servers.", "in this process") },
  storage: { url: secret("Reserved for recordings: an S3 bucket.", "a folder in the data folder") },
  line: { base_url: text("", "Reserved for messages over LINE: host of its API.", "LINE's own") },
  outside: {
    allowed_addresses: list(
      "Reserved for webhooks and other outgoing HTTP: private networks that it may reach.",
    ),
  },
  log: {
    level: oneOf(
      "info",
      ["error", "warn", "info", "debug", "silent"],
      "Least severity that is logged.",
    ),
    personal: flag(false, "Whether names, addresses, SDP and texts appear in the log."),
  },
} satisfies Section;

/** Every setting, by section. */
export type Config = Values<typeof schema>;

/** What `readConfig` looks at; the process's own by default. */
export interface ConfigSources {
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Text of a file, null when there is none. */
  readonly file?: (path: string) => string | null;
}

const fields: ReadonlyMap<string, Field<unknown>> = new Map(walk(schema, ""));

function* walk(section: Section, prefix: string): Generator<[string, Field<unknown>]> {
  for (const [key, entry] of Object.entries(section)) {
    if (isField(entry)) yield [prefix + key, entry];
    else yield* walk(entry, `${prefix}${key}.`);
  }
}

const prefix = "PARLEY_";
// What tests are told by the same way and is no setting.
const test_prefix = "PARLEY_TEST_";
const variable = (key: string): string => prefix + key.toUpperCase().replaceAll(".", "_");

/** What was asked for instead of a start: `--help`, `--version`. */
export type Asks = "help" | "version";

/**
 * Reads the settings: defaults, then the file, the environment and flags (`--http.port 80`, `--http.port=80`), later ones win.
 * Errors: {@link ConfigError} for unknown keys and values that are not allowed, all of them, a line each; none where `asks` is set.
 */
export function readConfig(sources: ConfigSources = {}): { config: Config; asks: Asks | null } {
  const given = new Map<string, unknown>();
  const flags = readFlags(sources.argv ?? process.argv.slice(2));
  const variables = readVariables(sources.env ?? process.env);
  const named = flags.values.get("config") ?? variables.values.get("config");
  const file = readFile(named, sources.file ?? readFileIfAny);
  const layers = [file, variables, flags];
  for (const { values } of layers) for (const [key, value] of values) given.set(key, value);
  const config = build(schema, "", given) as Config;
  const faults = [
    ...layers.flatMap((one) => one.faults),
    ...faultsOfReserved(given),
    ...faultsTogether(config),
  ];
  if (faults.length > 0 && flags.asks === null) throw new ConfigError(faults.join("\n"));
  return { config, asks: flags.asks };
}

function build(section: Section, path: string, given: ReadonlyMap<string, unknown>): object {
  const out: Record<string, unknown> = {};
  for (const [key, entry] of Object.entries(section)) {
    const name = path + key;
    out[key] = isField(entry)
      ? given.has(name)
        ? given.get(name)
        : entry.fallback
      : build(entry, `${name}.`, given);
  }
  return Object.freeze(out);
}

// What is told by these keys is not built yet. An address alone opens nothing, and 0 opens nothing either: such values harm nobody.
const not_built: Readonly<Record<string, string>> = {
  sip: "SIP phones and trunks",
  nats: "clusters",
  storage: "recordings",
  line: "messages over LINE",
  outside: "webhooks and other outgoing HTTP",
};
const harmless_hosts = new Set(["0.0.0.0", "127.0.0.1", "::", "::1", "localhost"]);

function faultsOfReserved(given: ReadonlyMap<string, unknown>): string[] {
  return [...given].flatMap(([key, value]) => {
    const fallback = fields.get(key)?.fallback;
    const feature = not_built[key.split(".", 1)[0] ?? ""];
    const is_harmless =
      value === fallback ||
      value === 0 ||
      (Array.isArray(value) && value.length === 0) ||
      (value instanceof Secret && !value.is_set) ||
      (key === "sip.host" && harmless_hosts.has(String(value)));
    if (feature === undefined || is_harmless) return [];
    return [
      `${key} (${variable(key)}): a known setting of what this version does not have yet (${feature}), so that it has no effect. Leave it out until a version has that`,
    ];
  });
}

function faultsTogether({ http, limits }: Config): string[] {
  const faults: string[] = [];
  if (limits.database_look_ms * 2 > limits.database_silent_ms) {
    faults.push("limits.database_look_ms must be at most half of limits.database_silent_ms");
  }
  if (http.tls === "files" && (http.cert === "" || http.key === "")) {
    faults.push("http.tls is `files`: http.cert and http.key must name PEM files");
  }
  if (http.public_url !== "" && !/^https?:\/\/[^/]+$/.test(http.public_url)) {
    faults.push("http.public_url must be http:// or https:// and a host, without a path");
  }
  return faults;
}

/** Where values are put, and what was wrong with those that cannot be used. */
interface Layer {
  readonly values: Map<string, unknown>;
  readonly faults: string[];
}

const layer = (): Layer => ({ values: new Map(), faults: [] });

function take({ values, faults }: Layer, key: string, source: string, value: unknown): void {
  const field = fields.get(key);
  if (!field) {
    faults.push(unknownKey(source, key));
    return;
  }
  try {
    values.set(key, field.read(value));
  } catch (reason) {
    faults.push(`${source}: ${reason instanceof Error ? reason.message : reason}`);
  }
}

function readFlags(argv: readonly string[]): Layer & { readonly asks: Asks | null } {
  const flags = layer();
  let asks: Asks | null = null;
  for (let at = 0; at < argv.length; at += 1) {
    const arg = argv[at] ?? "";
    if (arg === "--help" || arg === "-h" || arg === "--version") {
      asks ??= arg === "--version" ? "version" : "help";
      continue;
    }
    if (!arg.startsWith("--")) {
      flags.faults.push(`${arg}: settings are given as --key value`);
      continue;
    }
    const equals = arg.indexOf("=");
    const key = equals < 0 ? arg.slice(2) : arg.slice(2, equals);
    let value = equals < 0 ? "" : arg.slice(equals + 1);
    const next = argv[at + 1];
    if (equals < 0 && next !== undefined && !next.startsWith("--")) {
      value = next;
      at += 1;
    }
    take(flags, key, `--${key}`, value);
  }
  return { ...flags, asks };
}

function readVariables(env: Readonly<Record<string, string | undefined>>): Layer {
  const keys = new Map([...fields.keys()].map((key) => [variable(key), key]));
  const variables = layer();
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(prefix) || name.startsWith(test_prefix) || value === undefined) continue;
    const key = keys.get(name);
    if (key === undefined) {
      const near = nearest(name, [...keys.keys()]);
      variables.faults.push(`${name}: there is no such setting; did you mean ${near}?`);
      continue;
    }
    take(variables, key, name, value);
  }
  return variables;
}

function readFileIfAny(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "ENOENT") return null;
    throw new ConfigError(`${path}: ${reason instanceof Error ? reason.message : reason}`);
  }
}

function readFile(named: unknown, read: (path: string) => string | null): Layer {
  const path = typeof named === "string" && named !== "" ? named : "parley.json";
  const file = layer();
  let content: string | null;
  try {
    content = read(path);
  } catch (reason) {
    if (!(reason instanceof ConfigError)) throw reason;
    file.faults.push(reason.message);
    return file;
  }
  if (content === null) {
    if (named) file.faults.push(`${path}: there is no such file`);
    return file;
  }
  try {
    collect(JSON.parse(content), "", path, file);
  } catch (reason) {
    file.faults.push(`${path}: not JSON: ${reason instanceof Error ? reason.message : reason}`);
  }
  return file;
}

function collect(node: unknown, key: string, path: string, file: Layer): void {
  if (fields.has(key)) {
    take(file, key, `${path}: ${key}`, node);
  } else if (typeof node === "object" && node !== null && !Array.isArray(node)) {
    for (const [name, value] of Object.entries(node)) {
      collect(value, key === "" ? name : `${key}.${name}`, path, file);
    }
  } else {
    file.faults.push(unknownKey(`${path}: ${key}`, key));
  }
}

function unknownKey(source: string, key: string): string {
  return `${source}: there is no such setting; did you mean ${nearest(key, [...fields.keys()])}?`;
}

const shownDefault = (field: Field<unknown>): string =>
  field.shown ?? (field.fallback === "" ? "(empty)" : String(field.fallback));

/** What `--help` prints. */
export function helpText(): string {
  const lines = [...fields].map(
    ([key, field]) =>
      `  --${key}\n      ${field.doc}\n      ${variable(key)} · ${field.unit} · default: ${shownDefault(field)}`,
  );
  return `Settings, each as a flag, in the environment, or in parley.json:\n\n${lines.join("\n")}\n`;
}

/** The manual page of the settings, Markdown. */
export function configManual(): string {
  const rows = [...fields].map(
    ([key, field]) =>
      `| \`${key}\` | \`${variable(key)}\` | ${field.unit} | ${shownDefault(field)} | ${field.doc} |`,
  );
  return `# Settings

Generated from the schema by \`npm run contract\`. Defaults, then the file, then the environment, then flags: later ones win.
A key is nested in the file (\`{"http": {"port": 8080}}\`), dotted as a flag (\`--http.port 8080\`). An unknown key stops the start.

| Key | Environment | Unit | Default | |
|---|---|---|---|---|
${rows.join("\n")}
`;
}

/** The schema as data, for \`contract/config.json\`. */
export function configContract(): object {
  return Object.fromEntries(
    [...fields].map(([key, field]) => [
      key,
      { variable: variable(key), unit: field.unit, default: shownDefault(field), doc: field.doc },
    ]),
  );
}
