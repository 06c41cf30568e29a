// The manual page names what the code does: commands, close codes, limits.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { command_types } from "./frames.ts";
import { close_codes, socket_limits } from "./limits.ts";

const page = (name: string): string =>
  readFileSync(join(import.meta.dirname, "../../../docs/design", name), "utf8");

test("the_page_of_the_live_socket_names_every_command_and_no_other", () => {
  const [, commands = ""] = page("live-socket.md").split("## Client to server");
  const named = [...(commands.split("\n## ")[0]?.matchAll(/^\| `(\w+)` \|/gm) ?? [])].map(
    ([, name]) => name ?? "",
  );
  assert.deepEqual(named.filter((name) => name !== "type").sort(), [...command_types].sort());
});

test("the_page_of_the_live_socket_names_every_close_code_and_limit", () => {
  const text = page("live-socket.md");
  for (const code of Object.values(close_codes)) {
    assert.ok(text.includes(String(code)), `close code ${code}`);
  }
  assert.ok(text.includes(`${socket_limits.commands_per_second} commands a second`));
  assert.ok(text.includes(`burst ${socket_limits.commands_burst}`));
  assert.ok(text.includes(`at most ${socket_limits.frame_bytes_max / 1024} KiB`));
  assert.ok(text.includes(`at most ${socket_limits.resume_events_max.toLocaleString("en")}`));
});
