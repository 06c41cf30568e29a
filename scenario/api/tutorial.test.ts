// The calls of the published tutorial, made with curl as the tutorial makes them, against a whole running Parley.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, test } from "node:test";
import { type Parley, startParley, until } from "../harness/parley.ts";

let parley: Parley;
before(async () => {
  parley = await startParley({ PARLEY_LOG_LEVEL: "debug" });
});
after(() => parley.stop());

/** Runs curl without any header of ours; returns status and parsed body. */
function curl(...args: string[]): { status: number; body: Record<string, unknown> } {
  const out = execFileSync("curl", ["-sS", "-k", "--location", "-w", "\n%{http_code}", ...args], {
    encoding: "utf8",
  });
  const cut = out.lastIndexOf("\n");
  const text = out.slice(0, cut);
  return {
    status: Number(out.slice(cut + 1)),
    body: text === "" ? {} : (JSON.parse(text) as Record<string, unknown>),
  };
}

const nil = "00000000-0000-0000-0000-000000000000";
const never = "9999-01-01 00:00:00.000000";
const timestamp = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/;

test("create_with_a_json_body_and_no_content_type_answers_a_progressing_conference", () => {
  const { status, body } = curl(
    "--request",
    "POST",
    `${parley.url}/v1.0/conferences?token=${parley.token}`,
    "--data-raw",
    `{
    "type": "conference",
    "name": "test conference",
    "detail": "test conference for example"
}`,
  );
  assert.equal(status, 200);
  assert.equal(body["status"], "progressing");
  assert.equal(body["type"], "conference");
  assert.equal(body["name"], "test conference");
  assert.equal(body["detail"], "test conference for example");
  assert.equal(body["timeout"], 0);
  assert.deepEqual(body["data"], {});
  assert.deepEqual(body["pre_actions"], []);
  assert.deepEqual(body["post_actions"], []);
  assert.deepEqual(body["conferencecall_ids"], []);
  assert.equal(body["recording_id"], nil);
  assert.deepEqual(body["recording_ids"], []);
  assert.match(String(body["tm_create"]), timestamp);
  assert.equal(body["tm_delete"], never);
});

test("list_and_detail_show_what_was_created_newest_first_in_pages", () => {
  const ids = [1, 2, 3].map((count) => {
    const { body } = curl(
      "-X",
      "POST",
      `${parley.url}/v1.0/conferences?token=${parley.token}`,
      "--data-raw",
      JSON.stringify({ type: "conference", name: `page ${count}` }),
    );
    return String(body["id"]);
  });
  const first = curl(`${parley.url}/v1.0/conferences?page_size=2&token=${parley.token}`).body;
  const shown = (first["result"] as { id: string; tm_create: string }[]) ?? [];
  assert.deepEqual(
    shown.map(({ id }) => id),
    [ids[2], ids[1]],
  );
  assert.equal(first["next_page_token"], shown[1]?.tm_create);
  const token = String(first["next_page_token"]).replace(" ", "+");
  const second = curl(
    `${parley.url}/v1.0/conferences?page_size=1&page_token=${token}&token=${parley.token}`,
  ).body;
  assert.equal((second["result"] as { id: string }[])[0]?.id, ids[0]);

  const one = curl(
    "--request",
    "GET",
    `${parley.url}/v1.0/conferences/${ids[0]}?token=${parley.token}`,
  );
  assert.equal(one.status, 200);
  assert.equal(one.body["name"], "page 1");
});

test("kick_of_an_unknown_conferencecall_is_a_typed_404", () => {
  const { status, body } = curl(
    "--request",
    "DELETE",
    `${parley.url}/v1.0/conferencecalls/4833755c-f5d0-4bf2-a101-7d3a7e5e586f?token=${parley.token}`,
  );
  assert.equal(status, 404);
  const error = body["error"] as Record<string, unknown>;
  assert.equal(error["status"], "NOT_FOUND");
  assert.equal(error["reason"], "CONFERENCECALL_NOT_FOUND");
  assert.match(String(error["request_id"]), /^[A-Za-z0-9_-]{1,64}$/);
});

test("line_set_up_without_a_channel_says_that_none_is_configured", () => {
  const setup = (body: string) =>
    curl(
      "--request",
      "POST",
      `${parley.url}/v1.0/conversations/setup?token=${parley.token}`,
      "--header",
      "Content-Type: application/json",
      "--data-raw",
      body,
    );
  const line = setup('{"reference_type": "line"}');
  assert.equal(line.status, 409);
  assert.equal(
    (line.body["error"] as Record<string, unknown>)["reason"],
    "CONVERSATION_ACCOUNT_NOT_CONFIGURED",
  );
  assert.equal(setup('{"reference_type": "message"}').status, 200);
  assert.equal(setup('{"reference_type": "pigeon"}').status, 400);
});

test("no_token_and_a_wrong_token_are_told_apart", () => {
  const none = curl(`${parley.url}/v1.0/conferences`);
  assert.equal(none.status, 401);
  assert.equal(
    (none.body["error"] as Record<string, unknown>)["reason"],
    "AUTHENTICATION_REQUIRED",
  );
  const wrong = curl(`${parley.url}/v1.0/conferences?token=${parley.token}x`);
  assert.equal(wrong.status, 401);
  assert.equal((wrong.body["error"] as Record<string, unknown>)["reason"], "INVALID_CREDENTIALS");
});

test("no_token_password_or_key_is_in_anything_that_was_printed", async () => {
  // curl ran synchronously: what the server printed meanwhile is still in the pipe.
  await until("requests are logged", () => parley.log.join("\n").includes("/v1.0/conferences"));
  const printed = parley.log.join("\n");
  assert.ok(!printed.includes(parley.token));
  assert.ok(!/eyJ[A-Za-z0-9_-]+\./.test(printed), "no JSON web token in the log");
  assert.ok(!printed.includes("correct horse"));
});
