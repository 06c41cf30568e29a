// /metrics as Prometheus reads it: its own checker finds nothing, each kind of thing is measured, and the dashboard asks for nothing that is not there.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { type Parley, startParley } from "../harness/parley.ts";

const has_promtool = spawnSync("promtool", ["--version"]).status === 0;
const needs_promtool = {
  skip:
    !has_promtool && process.env["CI"] !== "true"
      ? "promtool is not installed: tools/setup-system installs it"
      : false,
};

let parley: Parley;
let text: string;
before(async () => {
  parley = await startParley();
  const id = await parley.conference();
  await parley.api("GET", `/v1.0/conferences/${id}`);
  await parley.api("GET", "/v1.0/nothing/here", undefined, 404);
  await parley.api("GET", `/v1.0/conferences/${crypto.randomUUID()}`, undefined, 404);
  await parley.api("POST", `/v1.0/conferences/${id}/conferencecalls`, { offer: "v=0" }, 422);
  const reply = await fetch(`${parley.url}/metrics`, {
    headers: { authorization: `Bearer ${parley.token}` },
  });
  assert.equal(reply.status, 200);
  text = await reply.text();
});
after(async () => {
  await parley?.stop();
});

/** Names of the time series. */
const series = (): Set<string> =>
  new Set([...text.matchAll(/^([a-z_][a-z0-9_]*)(?:\{| )/gm)].map(([, name = ""]) => name));

test("prometheus_own_checker_finds_nothing", needs_promtool, () => {
  const { status, stdout, stderr } = spawnSync("promtool", ["check", "metrics"], {
    input: text,
    encoding: "utf8",
  });
  assert.equal(status, 0, stdout + stderr);
  assert.equal(stderr.trim(), "");
});

test("what_only_grows_is_a_counter_and_what_moves_is_a_gauge", () => {
  const types = new Map(
    [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = "", type = ""]) => [name, type]),
  );
  for (const [name, type] of types) {
    assert.equal(name.endsWith("_total"), type === "counter", `${name} is a ${type}`);
  }
  assert.equal(types.get("parley_media_datagrams_in_total"), "counter");
  assert.equal(types.get("parley_media_mixers"), "gauge");
});

test("requests_joins_people_sockets_database_workers_and_quality_are_measured", () => {
  const found = (line: RegExp): void => assert.match(text, line);
  found(
    /^parley_http_request_duration_seconds_count\{method="GET",route="\/v1\.0\/conferences\/:id",status="4xx"\} 1$/m,
  );
  found(
    /^parley_http_request_duration_seconds_count\{method="any",route="other",status="4xx"\} \d/m,
  );
  found(/^parley_joins_total\{outcome="OFFER_UNSUPPORTED"\} 1$/m);
  found(/^parley_people 0$/m);
  found(/^parley_sockets 0$/m);
  found(/^parley_database_transaction_duration_seconds_count\{outcome="done"\} [1-9]/m);
  found(/^parley_media_request_duration_seconds_count\{verb="open_room",outcome="done"\} 1$/m);
  found(/^parley_media_mixers\{worker="0"\} 0$/m);
  found(/^parley_media_round_trip_seconds\{share="p95"\} /m);
  found(/^parley_media_rtp_retransmitted_total\{worker="0"\} 0$/m);
  found(/^parley_media_worker_deaths_total\{worker="0"\} 0$/m);
});

test("the_dashboard_asks_only_for_what_is_measured", () => {
  const path = join(import.meta.dirname, "../../deploy/grafana-dashboard.json");
  const dashboard = JSON.parse(readFileSync(path, "utf8")) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const known = series();
  let asked = 0;
  for (const { title, targets } of dashboard.panels) {
    for (const { expr } of targets) {
      for (const [name] of expr.matchAll(/\b(?:parley|nodejs|process)_[a-z0-9_]+/g)) {
        asked += 1;
        // A histogram without an observation yet has its type, but no series.
        const is_there =
          known.has(name) ||
          text.includes(`# TYPE ${name.replace(/_(bucket|count|sum)$/, "")} histogram`);
        assert.ok(is_there, `${title}: ${name} is not measured`);
      }
    }
  }
  assert.ok(asked > 20);
});
