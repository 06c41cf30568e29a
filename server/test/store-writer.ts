// Run as a process of its own by tests that kill it: writes to a private database and prints each write that was acknowledged.
import { createSystemClock } from "../src/kernel/clock.ts";
import { Secret } from "../src/kernel/config.ts";
import { system } from "../src/kernel/event.ts";
import { type ConferenceId, type CustomerId, createIds } from "../src/kernel/id.ts";
import { silentLog } from "../src/kernel/log.ts";
import { openStore } from "../src/store/index.ts";
import { usual_limits } from "./database.ts";

const [data_dir = "", mode = "", ...conferences] = process.argv.slice(2);
const clock = createSystemClock();
const ids = createIds(() => clock.now() / 1000);
const store = await openStore(
  { url: new Secret(""), data_dir, connections_max: 8, limits: usual_limits },
  {
    clock,
    ids,
    log: silentLog(),
    onLost(reason) {
      throw reason;
    },
  },
);
process.stdout.write("open\n");

const customer_id = ids.next<CustomerId>();
async function write(conference_id: string): Promise<void> {
  for (;;) {
    const id = await store.transaction(async (tx) =>
      tx.append({
        customer_id,
        conference_id: conference_id as ConferenceId,
        type: "conference_updated",
        data: {},
        actor: system,
      }),
    );
    process.stdout.write(`${id}\n`);
  }
}
if (mode === "write") await Promise.all(conferences.map(write));
// Otherwise it holds the database until it is killed.
else setInterval(() => process.stdout.write(""), 1_000);
