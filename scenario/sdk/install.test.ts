// The SDK as a stranger gets it: each of the three ways of client/README.md, word for word, in an empty folder.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, normalize } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { needs_chromium, personPage } from "../harness/chromium.ts";
import { people } from "../harness/meeting.ts";
import { browser, parley, runForAllTests } from "../harness/running.ts";
import { type Site, startSite } from "../harness/site.ts";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "client/README.md"), "utf8");
const [, ways = ""] = /## Three ways to get it\n(.*?)\n## /s.exec(readme) ?? [];
/** The blocks of one way, in order. */
const blocks = (way: number): { kind: string; text: string }[] =>
  [...(ways.split(/^\*\*\d\. /m)[way] ?? "").matchAll(/```(\w+)\n(.*?)```/gs)].map(
    ([, kind = "", text = ""]) => ({ kind, text }),
  );
const blockOf = (way: number, kind: string): string => {
  const found = blocks(way).find((block) => block.kind === kind);
  assert.ok(found, `way ${way} of client/README.md has no block of ${kind}`);
  return found.text;
};
const slow_ms = 20_000;

let folder: string;
let site: Site;
let packed: string;
runForAllTests(async () => {
  folder = mkdtempSync(join(tmpdir(), "parley-sdk-"));
  site = await startSite((request, reply) => {
    const path = normalize(new URL(request.url ?? "/", "http://site").pathname);
    const types: Readonly<Record<string, string>> = {
      ".html": "text/html; charset=utf-8",
      ".js": "text/javascript",
    };
    readFile(join(folder, path)).then(
      (content) =>
        reply
          .setHeader("content-type", types[extname(path)] ?? "application/octet-stream")
          .end(content),
      () => reply.writeHead(404).end(),
    );
  });
  const { stdout } = await run("npm", ["run", "--silent", "pack", "--", folder], { cwd: root });
  packed = stdout.trim();
  return { PARLEY_HTTP_ALLOWED_ORIGINS: site.origin };
});
after(async () => {
  await site?.close();
  if (folder) rmSync(folder, { recursive: true, force: true });
});

const forHere = (text: string): string => text.replaceAll("https://meet.example.org", parley.url);

/** Runs the commands of a block, one line after the other. */
async function shell(cwd: string, text: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  for (const line of text.trim().split("\n")) {
    const command = line.replaceAll(/\bparley-client-[\d.]+\.tgz/g, packed);
    await run("sh", ["-c", command], { cwd, env: { ...process.env, ...env } }).catch((failed) => {
      throw new Error(`${command}\n${failed.stdout}\n${failed.stderr}`);
    });
  }
}

/** Opens the page as somebody with a link and waits until it says that they are in. */
async function joins(path: string): Promise<void> {
  const id = await parley.conference();
  const { token } = await parley.link(id, "Ada");
  const page = await personPage(browser, people.ada);
  const faults: string[] = [];
  page.on("pageerror", (fault) => faults.push(String(fault)));
  page.on("console", (line) => {
    if (line.type() === "error" && !line.text().includes("favicon")) faults.push(line.text());
  });
  await page.goto(`${site.origin}/${path}?conference=${id}#${token}`);
  await page
    .getByText("in: Ada", { exact: true })
    .waitFor({ timeout: slow_ms })
    .catch(async (late) => {
      throw new Error(
        `${String(late)}\n${await page.locator("body").textContent()}\n${faults.join("\n")}`,
      );
    });
  const { result } = await parley.api<{ result: unknown[] }>(
    "GET",
    `/v1.0/conferencecalls?conference_id=${id}`,
  );
  assert.equal(result.length, 1, "one person, one join");
  await page.context().close();
}

/** An empty folder of a customer. */
function emptyFolder(name: string): string {
  return mkdtempSync(join(folder, `${name}-`));
}

const indexHtml = (text: string): string => {
  const [, body = ""] = /loaded by index\.html: (.*)$/m.exec(text) ?? [];
  assert.ok(body, "the example says what its index.html holds");
  return `<!doctype html><meta charset="utf-8"><title>Meeting</title><link rel="icon" href="data:,"><body>${body}\n`;
};

test(
  "a_plain_page_of_another_site_joins_with_the_one_file_that_the_server_serves",
  needs_chromium,
  async () => {
    const here = emptyFolder("plain");
    const text = forHere(blockOf(1, "html"));
    writeFileSync(join(here, "index.html"), `${text}<link rel="icon" href="data:,">`);
    await joins(`${here.slice(folder.length + 1)}/index.html`);
  },
);

test(
  "a_project_with_vite_and_typescript_installs_the_package_and_joins",
  needs_chromium,
  async () => {
    const here = emptyFolder("vite");
    const text = forHere(blockOf(2, "ts"));
    writeFileSync(join(here, "main.ts"), text);
    writeFileSync(join(here, "index.html"), indexHtml(text));
    const [install, build] = blocks(2).filter(({ kind }) => kind === "sh");
    await shell(here, install?.text ?? "");
    await shell(here, `${build?.text.trimEnd()} --base ./`);
    await joins(`${here.slice(folder.length + 1)}/dist/index.html`);
  },
);

test("react_in_strict_mode_joins_once", needs_chromium, async () => {
  const here = emptyFolder("react");
  const text = forHere(blockOf(3, "tsx"));
  writeFileSync(join(here, "main.tsx"), text);
  writeFileSync(join(here, "index.html"), indexHtml(text));
  const [install, build] = blocks(3).filter(({ kind }) => kind === "sh");
  await shell(here, install?.text ?? "");
  // StrictMode mounts twice in React's development build only.
  await shell(here, `${build?.text.trimEnd()} --base ./ --mode development`, {
    NODE_ENV: "development",
  });
  await joins(`${here.slice(folder.length + 1)}/dist/index.html`);
});

test("the_types_hold_for_typescript_5_0", needs_chromium, async () => {
  const here = emptyFolder("types");
  const text = blockOf(2, "ts");
  writeFileSync(join(here, "main.ts"), text);
  writeFileSync(join(here, "wrong.ts"), text.replace("person.name", "person.nonsense"));
  await shell(here, "npm init --yes\nnpm install parley-client-0.1.0.tgz typescript@5.0");
  const [, build] = blocks(2).filter(({ kind }) => kind === "sh");
  const [compile = ""] = build?.text.split("\n") ?? [];
  await shell(here, compile);
  await assert.rejects(shell(here, compile.replace("main.ts", "wrong.ts")), /nonsense/);
});

test("the_sdk_says_the_version_of_its_package", async () => {
  const { version } = JSON.parse(readFileSync(join(root, "client/package.json"), "utf8"));
  const server = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const { version: told } = await import("../../client/src/version.ts");
  assert.equal(told, version);
  assert.equal(told, server.version);
});
