// Puts the real parts together: settings, ports, nouns, edges. The only place that knows them all.
import { createCustomers, createTokens } from "./domain/customer/index.ts";
import { createSystemClock } from "./kernel/clock.ts";
import { type Config, ConfigError, readConfig } from "./kernel/config.ts";
import { createIds } from "./kernel/id.ts";
import { createLog, type Log } from "./kernel/log.ts";
import { keptFile } from "./startup/secrets.ts";
import { createShutdown } from "./startup/shutdown.ts";
import { openStore } from "./store/index.ts";

/** Opens everything, prints where it is, and `ready`. */
async function start(config: Config, log: Log): Promise<void> {
  const clock = createSystemClock();
  const ids = createIds(() => clock.now() / 1000);
  const shutdown = createShutdown({ clock, log, drain_timeout_ms: config.drain_timeout_ms });

  const store = await openStore(
    {
      url: config.database.url,
      data_dir: config.data_dir,
      connections_max: config.database.connections_max,
    },
    {
      clock,
      ids,
      log,
      onLost(reason) {
        log.fatal({ err: reason }, "the database belongs to another server now");
        shutdown.stop("database lost", { code: 1 });
      },
    },
  );
  shutdown.opened("database", store.close);

  const tokens = createTokens({
    clock,
    ids,
    log,
    secret: config.auth.secret.is_set
      ? config.auth.secret.reveal()
      : keptFile(config.data_dir, "auth.secret", () => ids.secret(43)),
    lifetime_ms: config.auth.token_lifetime_ms,
  });
  const customers = createCustomers({ store, clock, ids, log, tokens });
  const admin = await customers.bootstrap({
    username: config.admin.username,
    password: config.admin.password.is_set ? config.admin.password.reveal() : null,
  });
  announce(admin);
}

function announce(admin: { username: string; password: string | null }): void {
  const lines = [`Admin     ${admin.username}`];
  if (admin.password !== null) {
    lines.push(`Password  ${admin.password}   (shown this once; admin.password sets your own)`);
  }
  process.stdout.write(`${lines.join("\n")}\n`);
}

function readSettings(): Config {
  try {
    const { config, help } = readConfig();
    if (help === null) return config;
    process.stdout.write(help);
    process.exit(0);
  } catch (reason) {
    if (!(reason instanceof ConfigError)) throw reason;
    process.stderr.write(`parley: ${reason.message}\n`);
    process.exit(2);
  }
}

const config = readSettings();
const log = createLog(config.log);
// Whoever read our output is gone; the log goes on elsewhere.
process.stdout.on("error", (err) => log.debug({ err }, "standard output is closed"));
process.on("uncaughtException", (err) => {
  log.fatal({ err }, "a fault in the server");
  process.exit(1);
});
start(config, log).catch((reason: unknown) => {
  if (reason instanceof ConfigError) process.stderr.write(`parley: ${reason.message}\n`);
  else log.fatal({ err: reason }, "the server did not start");
  process.exit(reason instanceof ConfigError ? 2 : 1);
});
