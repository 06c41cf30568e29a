// Style as a test: what no other tool checks. Prints each fault with file and line; exits 1 when there is one.
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename } from "node:path";
import { brokenLinks } from "./links.ts";

const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path && existsSync(path));

const faults: string[] = [];
const fault = (path: string, line: number, text: string): void => {
  faults.push(`${path}:${line}: ${text}`);
};

const code = tracked.filter(
  (path) =>
    /\.(ts|tsx|rs)$/.test(path) &&
    !path.endsWith("/wire.ts") &&
    !/^worker\/(fuzz|vendor)\//.test(path),
);

// A file named for a layer hides what is in it.
const banned_names = /^(utils?|helpers?|common|manager|handler|types|misc)\.(ts|tsx|rs)$/;
for (const path of code) {
  if (banned_names.test(basename(path)))
    fault(path, 1, "a file is named for the noun or rule in it");
}

// One word per thing (docs/design/words.md). Checked on declared names; prose and protocol words are free.
const banned_words = /(Participant|Session|Leg|Bridge)(?=[A-Z]|$|s$)/;
const declared =
  /\b(?:function|class|interface|type|const|let|struct|enum|trait|fn)\s+([A-Za-z_]\w*)/g;
// The far side's words, where a standard or the browser names them.
const word_exceptions = new Set(["ParticipantCaller", "SessionDescription"]);
for (const path of code) {
  if (/\.test\.ts$/.test(path) || /\/tests?\//.test(path) || path.startsWith("scenario/")) continue;
  readFileSync(path, "utf8")
    .split("\n")
    .forEach((text, at) => {
      for (const [, name = ""] of text.matchAll(declared)) {
        if (banned_words.test(name) && !word_exceptions.has(name)) {
          fault(path, at + 1, `${name}: say conferencecall, call, endpoint, transport or room`);
        }
      }
    });
}

const markers = new RegExp(`\\b(${["FIX", "XX"].join("ME|")}X)\\b`);
const todo = new RegExp(`\\b${"TO"}${"DO"}\\b(?!\\(#\\d+\\))`);
for (const path of code.concat(tracked.filter((other) => /\.(mjs|css|sh)$/.test(other)))) {
  readFileSync(path, "utf8")
    .split("\n")
    .forEach((text, at) => {
      if (markers.test(text)) fault(path, at + 1, "an open question belongs into an issue");
      if (todo.test(text)) fault(path, at + 1, "an open point names its issue");
      if (path.endsWith(".ts") && /\.catch\(\(\) => \{\s*\}\)/.test(text)) {
        fault(path, at + 1, "a swallowed error: handle it, or say why it does not matter");
      }
    });
}

// Every exported thing of the server, the client and the tools says what it does.
const exported =
  /^export (?:declare )?(?:async )?(?:abstract )?(?:function|class|interface|type|const|enum)\s+(\w+)/;
for (const path of code) {
  if (!/^(server|client|bench|tools)\/.*\.ts$/.test(path) || /\.test\.ts$|\/test\//.test(path))
    continue;
  const lines = readFileSync(path, "utf8").split("\n");
  if (!/^(\/\/|\/\*\*|#!)/.test(lines[0] ?? ""))
    fault(path, 1, "a file opens with its reason to exist");
  lines.forEach((text, at) => {
    const name = exported.exec(text)?.[1];
    if (!name) return;
    const above = lines[at - 1]?.trim() ?? "";
    // A run of one-line declarations of the same kind shares the comment above the first.
    if (above.endsWith("*/") || above.startsWith("//") || exported.test(lines[at - 1] ?? ""))
      return;
    fault(path, at + 1, `${name} has no docstring`);
  });
}
for (const path of code.filter((other) => other.endsWith(".rs"))) {
  const first = readFileSync(path, "utf8").split("\n")[0] ?? "";
  if (!first.startsWith("//")) fault(path, 1, "a file opens with its reason to exist");
}

// The folder is the catalogue: each noun has its front door.
const nouns = "server/src/domain";
if (existsSync(nouns)) {
  for (const noun of readdirSync(nouns)) {
    if (!existsSync(`${nouns}/${noun}/index.ts`))
      fault(`${nouns}/${noun}`, 1, "a noun has an index.ts");
  }
}

// Decision records are numbered without gaps and short.
const decisions = tracked.filter((path) => /^docs\/decisions\/\d{4}-.*\.md$/.test(path)).sort();
decisions.forEach((path, at) => {
  if (Number(basename(path).slice(0, 4)) !== at + 1) fault(path, 1, `expected number ${at + 1}`);
  const length = readFileSync(path, "utf8").split("\n").length;
  if (length > 61) fault(path, 1, `${length} lines; a decision record has at most 60`);
});

// Links between our own pages lead somewhere, and so does what a message of the server names.
const linked = tracked.filter(
  (path) =>
    /^(?!worker\/vendor\/dimpl\/).*\.md$/.test(path) ||
    /^server\/src\/(?!.*\.test\.ts$).*\.ts$/.test(path),
);
for (const { path, line, text } of brokenLinks(linked)) fault(path, line, text);

process.stdout.write(
  faults.length === 0
    ? `tidy: ${code.length} files, nothing to say\n`
    : `${faults.join("\n")}\ntidy: ${faults.length} faults\n`,
);
process.exitCode = faults.length === 0 ? 0 : 1;
