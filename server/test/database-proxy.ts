// A way between a server and its database that a test can make slow, or cut without telling anybody.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The way; all that goes over it can be held up. */
export interface DatabaseProxy {
  /** The database as it is reached over this way. */
  readonly url: string;
  /** Milliseconds that what is asked is under way; what was asked before is not caught up. */
  delay_ms: number;
  /** Milliseconds by which the machine was late with what was under way, at most, since `delay_ms` was set. */
  readonly late_ms: number;
  /** Connections that stand. */
  readonly open: number;
  /** Holds the next commit back before the database has it, or its answer afterwards, for ever; resolves when it has come to that. */
  catchCommit(moment: "before" | "after"): Promise<void>;
  /** The next `count` commits take place, each on a connection that breaks when all of them have, before their answers come. */
  loseCommits(count: number): Promise<void>;
  /** From the next commit on nothing comes through any more, on no connection, and nothing is lost; resolves when it has come to that. */
  holdFromCommit(): Promise<void>;
  /** Lets through what was held, in its order, and what comes. */
  letGo(): void;
  /** On the connections that stand nothing comes any more, and they do not end either; new ones are as before. */
  cutWithoutAWord(): void;
  close(): Promise<void>;
}

/** Opens a way to the database at `url`: one of {@link testServerUrl}, on a Unix socket. */
export async function startDatabaseProxy(url: string): Promise<DatabaseProxy> {
  const target = new URL(url.replace("@/", "@localhost/"));
  const folder = target.searchParams.get("host");
  const port = target.searchParams.get("port");
  const ways = new Set<{ is_cut: boolean; near: Socket; far: Socket }>();
  let delay_ms = 0;
  let late_ms = 0;
  let catching: { moment: "before" | "after"; caught: () => void } | null = null;
  let losing: { count: number; left: number; lost: Socket[]; all: () => void } | null = null;
  let holding: (() => void) | null = null;
  let held: (() => void)[] | null = null;
  /** Passes something on: now, or with all that is held. */
  const pass = (on: () => void): void => {
    if (held) held.push(on);
    else on();
  };
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect(`${folder}/.s.PGSQL.${port}`);
    const way = { is_cut: false, near, far };
    ways.add(way);
    let due_ms = 0;
    let answered: (() => void) | null = null;
    near.on("data", (bytes) => {
      const now_ms = performance.now();
      // Never before what was asked earlier.
      due_ms = Math.max(due_ms, now_ms + delay_ms);
      if (way.is_cut) return;
      if (catching && bytes.includes("commit\0")) {
        const { moment, caught } = catching;
        catching = null;
        if (moment === "before") {
          way.is_cut = true;
          // What was not committed is rolled back when the server is gone.
          near.once("end", () => far.destroy());
          caught();
          return;
        }
        answered = caught;
      }
      if (holding && bytes.includes("commit\0")) {
        held = [];
        holding();
        holding = null;
      }
      if (losing && bytes.includes("commit\0")) {
        const mine = losing;
        mine.left -= 1;
        if (mine.left === 0) losing = null;
        answered = () => {
          mine.lost.push(near);
          if (mine.lost.length < mine.count) return;
          for (const one of mine.lost) one.destroy();
          mine.all();
        };
      }
      if (due_ms === now_ms) pass(() => far.write(bytes));
      else {
        const due = due_ms;
        setTimeout(() => {
          late_ms = Math.max(late_ms, performance.now() - due);
          if (!way.is_cut) pass(() => far.write(bytes));
        }, due - now_ms).unref();
      }
    });
    far.on("data", (bytes) => {
      if (answered) way.is_cut = true;
      answered?.();
      if (!way.is_cut) pass(() => near.write(bytes));
    });
    near.on("end", () => {
      if (!way.is_cut) near.end();
    });
    // Each is heard of by its `close`.
    for (const end of [near, far]) end.on("error", () => undefined);
    near.once("close", () => {
      ways.delete(way);
      // Whoever is cut off is not told: the other side goes on as if nothing was.
      if (!way.is_cut) far.destroy();
    });
    far.once("close", () => {
      if (!way.is_cut) near.destroy();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: near_port } = server.address() as AddressInfo;
  const cut = new Set<Socket>();
  return {
    url: `postgres://${target.username}:${target.password}@127.0.0.1:${near_port}${target.pathname}`,
    get delay_ms() {
      return delay_ms;
    },
    set delay_ms(given) {
      delay_ms = given;
      late_ms = 0;
    },
    get late_ms() {
      return late_ms;
    },
    get open() {
      return ways.size;
    },
    catchCommit: (moment) =>
      new Promise((resolve) => {
        catching = { moment, caught: resolve };
      }),
    holdFromCommit: () =>
      new Promise((resolve) => {
        holding = resolve;
      }),
    letGo() {
      const all = held ?? [];
      held = null;
      for (const on of all) on();
    },
    loseCommits: (count) =>
      new Promise((resolve) => {
        losing = { count, left: count, lost: [], all: resolve };
      }),
    cutWithoutAWord() {
      for (const way of ways) {
        way.is_cut = true;
        cut.add(way.far);
      }
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const { near, far } of ways) {
        near.destroy();
        far.destroy();
      }
      for (const far of cut) far.destroy();
      await closed;
    },
  };
}
