// `npm run reset-password -- <user name>`: sets somebody's password anew, on the database itself, while the server is down.
import { createCustomers, createTokens } from "./domain/customer/index.ts";
import { createSystemClock } from "./kernel/clock.ts";
import { type Config, ConfigError, readConfig } from "./kernel/config.ts";
import { type CustomerId, createIds, isUuid } from "./kernel/id.ts";
import { createLog, type Log } from "./kernel/log.ts";
import { checkDataDir, requireDatabase } from "./startup/data-dir.ts";
import { refuseStart } from "./startup/refusal.ts";
import { keptFile } from "./startup/secrets.ts";
import { openStore } from "./store/index.ts";

const usage = `npm run reset-password -- <user name> [--customer <id>] [--stdin] [settings]

Sets the password anew and ends every log-in of that person. The new one is made up and printed, or, with --stdin,
read from standard input (its first line). --customer names whose, where several customers have somebody of that name.
Settings are those of the server (--data_dir, --database.url …): name the same database. The server must be stopped.
`;
const password_length_min = 8;

interface Wish {
  readonly username: string;
  readonly customer_id: CustomerId | null;
  readonly is_from_stdin: boolean;
  readonly settings: readonly string[];
}

// Null where nobody is named.
function readArguments(argv: readonly string[]): Wish | null {
  const settings: string[] = [];
  let username: string | null = null;
  let customer_id: CustomerId | null = null;
  let is_from_stdin = false;
  for (let at = 0; at < argv.length; at += 1) {
    const arg = argv[at] ?? "";
    if (arg === "--stdin") is_from_stdin = true;
    else if (arg === "--customer") {
      at += 1;
      const id = (argv[at] ?? "").toLowerCase();
      if (!isUuid(id)) throw new ConfigError("--customer wants the id of a customer");
      customer_id = id as CustomerId;
    } else if (arg.startsWith("--")) {
      settings.push(arg);
      const next = argv[at + 1];
      if (!arg.includes("=") && next !== undefined && !next.startsWith("--")) {
        settings.push(next);
        at += 1;
      }
    } else if (username === null) username = arg;
    else throw new ConfigError(`one user name, not two: ${username}, ${arg}`);
  }
  if (username === null) return null;
  return { username, customer_id, is_from_stdin, settings };
}

async function readPassword(): Promise<string> {
  let text = "";
  for await (const chunk of process.stdin) text += String(chunk);
  const password = text.split(/\r?\n/, 1)[0] ?? "";
  if (password.length < password_length_min) {
    throw new ConfigError(`a password has ${password_length_min} characters or more`);
  }
  return password;
}

async function reset(wish: Wish, config: Config, log: Log): Promise<string> {
  const clock = createSystemClock();
  const ids = createIds(() => clock.now() / 1000);
  const given = wish.is_from_stdin ? await readPassword() : null;
  requireDatabase(config);
  checkDataDir(config, log);
  const store = await openStore(
    {
      url: config.database.url,
      data_dir: config.data_dir,
      connections_max: config.database.connections_max,
      limits: config.limits,
    },
    { clock, ids, log, onLost: (reason) => log.error({ err: reason }, "the database was lost") },
  );
  try {
    const secret = config.auth.secret.is_set
      ? config.auth.secret.reveal()
      : keptFile(config.data_dir, "auth.secret", () => ids.secret(43));
    const tokens = createTokens({ clock, ids, log, secret, lifetime_ms: 1_000 });
    const { limits } = config;
    const customers = createCustomers({ store, clock, ids, log, tokens, limits });
    const password = given ?? ids.secret(20);
    const { username, customer_id } = wish;
    const agent = await customers.resetPassword({ username, customer_id }, password);
    if (!agent) {
      throw new ConfigError(
        `there is nobody, or not just one, who logs in as ${username}: --customer names whose`,
      );
    }
    const lines = [`${username} of customer ${agent.customer_id} has a new password`];
    if (given === null) lines.push(`password  ${password}  (shown this once)`);
    if (username === config.admin.username && config.admin.password.is_set) {
      lines.push("the setting admin.password sets it again at the next start");
    }
    return lines.join("\n");
  } finally {
    await store.close();
  }
}

let log: Log | null = null;
try {
  const wish = readArguments(process.argv.slice(2));
  if (wish === null) {
    process.stderr.write(usage);
    process.exit(2);
  }
  const { config } = readConfig({ argv: wish.settings });
  // What a start tells at `info` is of no interest here.
  log = createLog({ ...config.log, level: config.log.level === "debug" ? "debug" : "error" });
  process.stdout.write(`${await reset(wish, config, log)}\n`);
  process.exit(0);
} catch (reason) {
  process.exit(refuseStart(reason, log, "the password was not changed"));
}
