// Puts the real parts together: settings, ports, nouns, edges. The only place that knows them all.
import { join } from "node:path";
import { createAccesskeys, createAuthenticator } from "./domain/accesskey/index.ts";
import {
  createAttendance,
  createConferences,
  createJoins,
  createShowing,
  type Joins,
  talkRoom,
} from "./domain/conference/index.ts";
import { createCustomers, createRevocations, createTokens } from "./domain/customer/index.ts";
import { createTalk } from "./domain/talk/index.ts";
import { createHttp, createRoutes } from "./http/index.ts";
import { joinRoutes } from "./http/join.ts";
import { messageRoutes } from "./http/messages.ts";
import { createRate } from "./http/rate.ts";
import { createSystemClock } from "./kernel/clock.ts";
import { type Config, helpText, readConfig } from "./kernel/config.ts";
import { createIds } from "./kernel/id.ts";
import { createLog, type Log } from "./kernel/log.ts";
import { problems } from "./kernel/problem.ts";
import { createMedia, spawnWorkerProcess } from "./media/index.ts";
import { createRealtime } from "./realtime/index.ts";
import * as sdp from "./sdp/index.ts";
import { type Announced, createAnnounced } from "./startup/announced.ts";
import { tlsCredentials } from "./startup/certificate.ts";
import { checkDataDir } from "./startup/data-dir.ts";
import { createVitals } from "./startup/health.ts";
import { createMetrics } from "./startup/metrics.ts";
import { checkPorts, explainListening } from "./startup/ports.ts";
import { allOrRefusals, refuseStart } from "./startup/refusal.ts";
import { keptFile } from "./startup/secrets.ts";
import { createShutdown, type Shutdown } from "./startup/shutdown.ts";
import { versionText } from "./startup/version.ts";
import { explainWorker, workerProgram } from "./startup/worker-program.ts";
import { openStore, type Store } from "./store/index.ts";

/** What every part is given. */
interface Ground {
  readonly config: Config;
  readonly clock: ReturnType<typeof createSystemClock>;
  readonly ids: ReturnType<typeof createIds>;
  readonly log: Log;
  readonly shutdown: Shutdown;
}

async function start(config: Config, log: Log): Promise<void> {
  const clock = createSystemClock();
  const ids = createIds(() => clock.now() / 1000);
  const shutdown = createShutdown({ clock, log, drain_timeout_ms: config.drain_timeout_ms });
  const ground: Ground = { config, clock, ids, log, shutdown };
  checkDataDir(config, log);
  const announced = await createAnnounced(config, { clock, log });
  shutdown.opened("announced address", async () => announced.close());
  await checkPorts(config, { clock, log });
  // Both take their time to start; neither needs the other.
  const opened = await allOrRefusals(database(ground), workers(ground, announced));
  const metrics = createMetrics({ now_s: () => clock.monotonic_ms() / 1000 });
  const [store, media] = [metrics.store(opened[0]), metrics.media(opened[1])];
  const { secret, tokens, revocations, customers, accesskeys, authenticator } = callers(
    ground,
    store,
  );
  const admin = await customers.bootstrap({
    username: config.admin.username,
    password: config.admin.password.is_set ? config.admin.password.reveal() : null,
  });

  let url = "";
  const conferences = createConferences({
    ...{ store, clock, ids, log, tokens, revocations },
    publicUrl: () => url,
    limits: config.limits,
  });
  const { conferencecalls } = conferences;
  const attendance = createAttendance({
    media,
    store,
    conferences,
    conferencecalls,
    clock,
    log,
    vanished_hold_ms: config.limits.vanished_hold_ms,
  });
  shutdown.opened("attendance", async () => attendance.close());
  conferences.attach(attendance);
  await attendance.recover();
  await conferences.start();
  shutdown.opened("conferences", () => conferences.close());
  shutdown.drains(() => attendance.seats.connected === 0);
  const talk = createTalk({ store, clock, ids, room: talkRoom, limits: config.limits });
  const showing = createShowing({ media, attendance, conferencecalls });
  const joins = createJoins({
    ...{ media, sdp, attendance, conferences, conferencecalls, clock, ids, log },
  });

  const realtime = createRealtime({
    ...{
      store,
      conferences,
      conferencecalls,
      talk,
      attendance,
      showing,
      authenticator,
      revocations,
      clock,
      log,
    },
    limits: config.limits,
    trusted_proxies: config.http.trusted_proxies,
    public_url: config.http.public_url,
    boot_id: ids.next(),
  });

  metrics.watch({
    ...{ store, media },
    people: () => attendance.seats.size,
    sockets: () => realtime.count,
  });
  const vitals = createVitals({ store, media, isDraining: () => shutdown.is_draining });
  const { join_rate, join_burst } = config.limits;
  const http = await createHttp({
    ...{ config, clock, ids, log, store, authenticator, customers, secret },
    ...vitals,
    sockets: realtime,
    conferenceId: conferences.idFor,
    callerByKey: conferences.conferencecalls.callerByKey,
    isDraining: () => shutdown.is_draining,
    metrics,
    tls: tlsCredentials(config, { clock, ids }),
    routes: [
      ...createRoutes({
        ...{ customers, accesskeys, authenticator, conferences },
        token_lifetime_ms: config.auth.token_lifetime_ms,
      }),
      ...joinRoutes({
        joins: metrics.joins(refusingWhileDraining(joins, shutdown)),
        showing,
        rate: createRate(clock, join_rate, join_burst),
      }),
      ...messageRoutes({ talk }),
    ],
    pages: join(import.meta.dirname, "../../web/dist"),
    sdk: join(import.meta.dirname, "../../client/dist"),
  });
  const listening = await http.listen().catch((reason: unknown) => {
    throw explainListening(config, reason) ?? reason;
  });
  shutdown.opened("http", () => http.close());
  shutdown.opened("realtime", async () => realtime.close());
  url = config.http.public_url || listening;
  announce({ url, listening, admin, media: media.health() });
}

// Who asks: customers, keys, tokens.
function callers({ config, clock, ids, log, shutdown }: Ground, store: Store) {
  const secret = config.auth.secret.is_set
    ? config.auth.secret.reveal()
    : keptFile(config.data_dir, "auth.secret", () => ids.secret(43));
  const { token_lifetime_ms, query_tokens } = config.auth;
  const tokens = createTokens({ clock, ids, log, secret, lifetime_ms: token_lifetime_ms });
  const customers = createCustomers({
    ...{ store, clock, ids, log, tokens },
    limits: config.limits,
  });
  const accesskeys = createAccesskeys({ store, clock, ids, limits: config.limits });
  const revocations = createRevocations({ store, clock, log });
  shutdown.opened("revocations", async () => revocations.close());
  const authenticator = createAuthenticator({
    ...{ clock, tokens, customers, accesskeys, revocations, query_tokens },
  });
  return { secret, tokens, revocations, customers, accesskeys, authenticator };
}

// A server that waits for its calls to end takes no new ones; who was in may come back.
const refusingWhileDraining = (joins: Joins, shutdown: Shutdown): Joins => ({
  ...joins,
  async join(caller, conference_id, request, sealed) {
    if (shutdown.is_draining && !request.resume) {
      throw problems.SERVICE_UNAVAILABLE({ message: "This server is stopping", retry_after_s: 5 });
    }
    return await joins.join(caller, conference_id, request, sealed);
  },
});

async function database({ config, clock, ids, log, shutdown }: Ground): Promise<Store> {
  const store = await openStore(
    {
      url: config.database.url,
      data_dir: config.data_dir,
      connections_max: config.database.connections_max,
      limits: config.limits,
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
  return store;
}

async function workers(
  { config, clock, log, shutdown }: Ground,
  { addresses }: Announced,
): Promise<ReturnType<typeof createMedia>> {
  const program = workerProgram(config.media.worker_bin);
  const spawn = spawnWorkerProcess(program);
  const { media: section, limits } = config;
  const media = createMedia({
    ...{ config: section, limits, clock, log, spawn, announced: addresses },
  });
  await media.start().catch((reason: unknown) => {
    throw explainWorker(config.media, program, reason);
  });
  shutdown.opened("media", () => media.close());
  return media;
}

// For people, and in the last line for programs.
function announce(given: {
  url: string;
  listening: string;
  admin: { username: string; password: string | null };
  media: readonly { readonly address: string | null }[];
}): void {
  const { url, admin } = given;
  const [first] = given.media;
  const media_port = Number(first?.address?.split(":").at(-1) ?? 0);
  const ready = {
    http: given.listening,
    console: `${url}/`,
    api: `${url}/v1.0`,
    docs: `${url}/docs/`,
    media_port,
    media: given.media.map(({ address }) => address),
  };
  const lines = [
    `console   ${url}/`,
    `admin     ${admin.username}`,
    admin.password === null
      ? "password  (shown on the first start only)"
      : `password  ${admin.password}  (shown this once; the setting admin.password sets your own)`,
    `ready ${JSON.stringify(ready)}`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

function readSettings(): Config {
  try {
    const { config, asks } = readConfig();
    if (asks === null) return config;
    process.stdout.write(asks === "help" ? helpText() : `${versionText()}\n`);
    process.exit(0);
  } catch (reason) {
    process.exit(refuseStart(reason, null));
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
start(config, log).catch((reason: unknown) => process.exit(refuseStart(reason, log)));
