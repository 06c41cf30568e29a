import assert from "node:assert/strict";
import { test } from "node:test";
import { createRecovery, recovery_limits } from "./recovery.ts";

const started = () => {
  const recovery = createRecovery();
  assert.equal(recovery.handle(0, { type: "socket_ready", boot_id: "a" }), null);
  return recovery;
};

test("a_dead_path_restarts_ice_and_all_is_well_when_packets_come", () => {
  const recovery = started();
  assert.deepEqual(recovery.handle(10, { type: "path_dead" }), { type: "restart_ice" });
  assert.equal(recovery.state, "restarting_ice");
  assert.equal(recovery.handle(60, { type: "path_alive" }), null);
  assert.equal(recovery.state, "up");
  assert.equal(recovery.attempt, 0);
  assert.equal(recovery.deadline_ms(), null);
});

test("restarts_that_do_not_help_end_in_a_new_connection_again_and_again", () => {
  const recovery = started();
  recovery.handle(0, { type: "path_dead" });
  let now = recovery.deadline_ms() ?? 0;
  assert.equal(recovery.tick(now - 1), null);
  assert.deepEqual(recovery.tick(now), { type: "restart_ice" });
  for (let time = 0; time < 3; time += 1) {
    now = recovery.deadline_ms() ?? 0;
    assert.deepEqual(recovery.tick(now), { type: "resume", on: "new" });
  }
  assert.equal(recovery.attempt, 5);
});

test("a_restarted_server_is_resumed_on_the_same_connection_and_after_a_second_on_a_new_one", () => {
  const recovery = started();
  recovery.handle(100, { type: "socket_lost" });
  assert.deepEqual(recovery.handle(200, { type: "socket_ready", boot_id: "b" }), {
    type: "resume",
    on: "same",
  });
  assert.equal(recovery.deadline_ms(), 200 + recovery_limits.resume_same_ms);
  assert.deepEqual(recovery.tick(200 + recovery_limits.resume_same_ms), {
    type: "resume",
    on: "new",
  });
});

test("the_same_server_after_a_cut_needs_nothing", () => {
  const recovery = started();
  recovery.handle(100, { type: "socket_lost" });
  assert.equal(recovery.handle(200, { type: "socket_ready", boot_id: "a" }), null);
  assert.equal(recovery.state, "up");
});

test("without_the_server_a_repair_waits_for_the_socket", () => {
  const recovery = started();
  recovery.handle(100, { type: "socket_lost" });
  assert.equal(recovery.handle(150, { type: "path_dead" }), null);
  assert.equal(recovery.state, "restarting_ice");
  assert.equal(recovery.deadline_ms(), null);
  assert.deepEqual(recovery.handle(900, { type: "socket_ready", boot_id: "a" }), {
    type: "restart_ice",
  });
});

test("a_rejoin_hint_resumes_once", () => {
  const recovery = started();
  assert.deepEqual(recovery.handle(10, { type: "rejoin_asked" }), { type: "resume", on: "same" });
  assert.equal(recovery.handle(11, { type: "rejoin_asked" }), null);
});

test("a_failed_connection_goes_straight_to_a_new_one", () => {
  const recovery = started();
  assert.deepEqual(recovery.handle(10, { type: "connection_failed" }), {
    type: "resume",
    on: "new",
  });
  assert.equal(recovery.handle(11, { type: "connection_failed" }), null);
});

test("refusals_are_not_hammered", () => {
  const recovery = started();
  recovery.handle(0, { type: "rejoin_asked" });
  const pauses: number[] = [];
  let now = 0;
  for (let time = 0; time < 6; time += 1) {
    recovery.handle(now, { type: "step_failed" });
    pauses.push((recovery.deadline_ms() ?? 0) - now);
    now = recovery.deadline_ms() ?? 0;
    assert.ok(recovery.tick(now));
  }
  assert.deepEqual(pauses, [500, 1_000, 2_000, 4_000, 5_000, 5_000]);
});

test("the_user_can_ask_for_the_next_attempt_now", () => {
  const recovery = started();
  assert.equal(recovery.handle(5, { type: "now" }), null);
  recovery.handle(10, { type: "path_dead" });
  assert.deepEqual(recovery.handle(20, { type: "now" }), { type: "restart_ice" });
});
