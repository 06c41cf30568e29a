// A way between a server and its database that a test can make slow, or cut without telling anybody.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** The way; all that goes over it can be held up. */
export interface DatabaseProxy {
  /** The database as it is reached over this way. */
  readonly url: string;
  /** Milliseconds that what is asked is under way; what was asked before is not caught up. */
  delay_ms: number;
  /** Connections that stand. */
  readonly open: number;
  /** Holds the next commit back before the database has it, or its answer afterwards, for ever; resolves when it has come to that. */
  catchCommit(moment: "before" | "after"): Promise<void>;
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
  let catching: { moment: "before" | "after"; caught: () => void } | null = null;
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
      if (due_ms === now_ms) far.write(bytes);
      else setTimeout(() => !way.is_cut && far.write(bytes), due_ms - now_ms).unref();
    });
    far.on("data", (bytes) => {
      if (answered) way.is_cut = true;
      answered?.();
      if (!way.is_cut) near.write(bytes);
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
    },
    get open() {
      return ways.size;
    },
    catchCommit: (moment) =>
      new Promise((resolve) => {
        catching = { moment, caught: resolve };
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
