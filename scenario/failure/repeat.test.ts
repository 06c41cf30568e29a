// A join whose answer was lost because the server died in the middle of it, asked for again with the same Idempotency-Key.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startDatabaseProxy } from "../../server/test/database-proxy.ts";
import { chromium_offer } from "../../server/test/offers.ts";
import { type Postgres, startPostgres } from "../harness/database.ts";
import { type Parley, startParley, until } from "../harness/parley.ts";

let postgres: Postgres;
let proxy: Awaited<ReturnType<typeof startDatabaseProxy>>;
before(async () => {
  postgres = await startPostgres(60);
  proxy = await startDatabaseProxy(postgres.url);
});
after(async () => {
  await proxy?.close();
  await postgres?.stop();
});

interface Joined {
  readonly conferencecall: { readonly id: string; readonly status: string };
  readonly answer: string;
  readonly resume_key: string;
}

async function join(parley: Parley, id: string, token: string, key: string): Promise<Joined> {
  const reply = await fetch(`${parley.url}/v1.0/conferences/${id}/conferencecalls`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "idempotency-key": key,
    },
    body: JSON.stringify({ offer: chromium_offer }),
  });
  const text = await reply.text();
  assert.equal(reply.status, 201, text);
  assert.match(reply.headers.get("etag") ?? "", /^".+"$/);
  return JSON.parse(text) as Joined;
}

const line = (sdp: string, name: string): string =>
  new RegExp(`^a=${name}:(.*)\r$`, "m").exec(sdp)?.[1] ?? "";

for (const moment of ["before", "after"] as const) {
  test(`a_join_whose_server_is_killed_${moment}_its_commit_is_one_join_when_it_is_asked_for_again`, async () => {
    let parley = await startParley({
      PARLEY_DATABASE_URL: proxy.url,
      PARLEY_MEDIA_WORKER_COUNT: "1",
    });
    try {
      const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
        type: "conference",
      });
      const { token } = await parley.link(id, "Ann");
      const key = `a-join-${moment}`;
      const caught = proxy.catchCommit(moment);
      const lost = assert.rejects(join(parley, id, token, key));
      await caught;
      parley = await parley.killAndRestart();
      await lost;

      const first = await join(parley, id, token, key);
      const again = await join(parley, id, token, key);
      assert.deepEqual(again, first);
      const { result } = await parley.api<{ result: { id: string; status: string }[] }>(
        "GET",
        `/v1.0/conferencecalls?conference_id=${id}`,
      );
      assert.deepEqual(
        result.map(({ id: one, status }) => [one, status]),
        [[first.conferencecall.id, "joining"]],
      );
      // The answer is of the worker that runs now, which waits for this client.
      const other = await join(parley, id, token, `${key}-another`);
      assert.equal(line(first.answer, "fingerprint"), line(other.answer, "fingerprint"));
      await until("the worker has both endpoints, and only them", async () => {
        const headers = { authorization: `Bearer ${parley.token}` };
        const metrics = await (await fetch(`${parley.url}/metrics`, { headers })).text();
        return /^parley_media_endpoints\{[^}]*\} 2$/m.test(metrics);
      });
      await parley.api("DELETE", `/v1.0/conferences/${id}`);
    } finally {
      await parley.stop();
    }
  });
}
