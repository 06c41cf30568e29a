// `npm run contract`: writes the golden borders under contract/ and the generated pages of the manual. With --check: says which differ, exits 1.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { callMachine } from "../server/src/domain/call/index.ts";
import { conferenceMachine } from "../server/src/domain/conference/index.ts";
import { conferencecallMachine } from "../server/src/domain/conferencecall/index.ts";
import {
  createRoutes,
  describeCatalogue,
  describeRoutes,
  openapiRoute,
} from "../server/src/http/index.ts";
import { joinRoutes } from "../server/src/http/join.ts";
import { messageRoutes } from "../server/src/http/messages.ts";
import { configContract, configManual } from "../server/src/kernel/config.ts";
import { events } from "../server/src/kernel/event.ts";
import type { Machine } from "../server/src/kernel/machine.ts";
import { declaredProblems, statuses } from "../server/src/kernel/problem.ts";
// Ports declare problems too; loading them is enough.
import "../server/src/media/problems.ts";
import "../server/src/sdp/problems.ts";
import { clients_guide_path, clientsGuide } from "./clients-guide.ts";

// Routes are described, not run: they need no nouns behind them.
const absent = new Proxy({}, { get: () => ({}) }) as never;
const routes = [
  ...createRoutes(absent),
  ...joinRoutes(absent),
  ...messageRoutes(absent),
  openapiRoute(() => ""),
];

const drawing = (name: string, machine: Machine<string>): string => {
  const rows = machine.states.map((state) => {
    const exits = machine.table[state] ?? [];
    return `| \`${state}\` | ${exits.length === 0 ? "— (final)" : exits.map((to) => `\`${to}\``).join(", ")} |`;
  });
  return `## ${name}\n\n| From | To |\n|---|---|\n${rows.join("\n")}\n`;
};

const states = `# States

Generated from the machines by \`npm run contract\`. Each begins in the first line; steps that are not here do not happen.

${drawing("conference", conferenceMachine)}
${drawing("conferencecall", conferencecallMachine)}
${drawing("call", callMachine)}`;

const problems = `# Problems

Generated from the catalogue by \`npm run contract\`. The \`reason\` of every failure; reasons are only ever added.

| Reason | Status | HTTP | |
|---|---|---|---|
${[...declaredProblems()]
  .toSorted(([a], [b]) => a.localeCompare(b))
  .map(
    ([reason, { status, http, title }]) =>
      `| \`${reason}\` | ${status} | ${http ?? statuses[status]} | ${title} |`,
  )
  .join("\n")}
`;

const eventPage = `# Events

Generated from the catalogue by \`npm run contract\`. Lines of the journal, as \`GET /v1.0/conferences/{id}/events\` and the sockets show them.

| Type | |
|---|---|
${Object.entries(events)
  .map(([type, sentence]) => `| \`${type}\` | ${sentence} |`)
  .join("\n")}
`;

const json = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;

const files: Readonly<Record<string, string>> = {
  "contract/openapi.json": json(describeRoutes(routes)),
  "contract/problems.json": json(describeCatalogue()),
  "contract/events.json": json(events),
  "contract/config.json": json(configContract()),
  "docs/reference/config.md": configManual(),
  "docs/reference/problems.md": problems,
  "docs/reference/events.md": eventPage,
  "docs/reference/states.md": states,
  [clients_guide_path]: clientsGuide(),
};

const kept = (path: string): string | null => {
  try {
    return readFileSync(path, "utf8");
  } catch (reason) {
    if (reason instanceof Error && "code" in reason && reason.code === "ENOENT") return null;
    throw reason;
  }
};

const is_check = process.argv.includes("--check");
const different = Object.entries(files).filter(([path, text]) => kept(path) !== text);
for (const [path, text] of different) {
  process.stdout.write(`contract: ${path} ${is_check ? "differs from the sources" : "written"}\n`);
  if (is_check) continue;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
if (different.length === 0) process.stdout.write("contract: unchanged\n");
process.exitCode = is_check && different.length > 0 ? 1 : 0;
