import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { test } from "node:test";
import { brokenLinks } from "./links.ts";

test("links_to_files_headings_and_sections_are_followed", () => {
  const files: Record<string, string> = {
    "docs/a.md": [
      "# One: `two` & three",
      "[here](#one-two--three) [there](b.md#again-1) [out](https://x.example/#none)",
      "[gone](c.md) [lost](b.md#nowhere) [up](../README.md)",
      "```sh",
      "# no heading",
      "```",
      "[no](#no-heading)",
    ].join("\n"),
    "docs/b.md": "## Again\n## Again\n",
    "README.md": "# Parley",
    "server.ts": 'say(`as docs/b.md, "Again" says`); say("docs/b.md, \\"Never\\" says");',
  };
  const read = (path: string): string | null => files[path] ?? null;
  const found = brokenLinks(Object.keys(files), read, (path) => path in files);
  assert.deepEqual(
    found.map(({ path, line, text }) => `${path}:${line}: ${text}`),
    [
      "docs/a.md:3: c.md does not exist",
      "docs/a.md:3: b.md#nowhere has no such heading",
      "docs/a.md:7: #no-heading has no such heading",
      'server.ts:1: docs/b.md has no "Never"',
    ],
  );
});

test("every_link_of_our_pages_leads_somewhere", () => {
  const tracked = execFileSync("git", ["ls-files", "*.md", "server/src", "tools", "scenario"], {
    encoding: "utf8",
  })
    .split("\n")
    .filter((path) => path !== "" && existsSync(path) && path !== "tools/links.test.ts");
  const ours = tracked.filter((path) => !path.startsWith("worker/vendor/"));
  assert.deepEqual(brokenLinks(ours), []);
});
