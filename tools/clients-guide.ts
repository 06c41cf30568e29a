// docs/guide/clients.md: its table is made of what scenario/clients found, its pieces of code are those that the tests run.
import { readFileSync } from "node:fs";
import type { Row } from "../scenario/clients/results.ts";

/** Where the guide is kept. */
export const clients_guide_path = "docs/guide/clients.md";

/** The guide with every generated block as it should be. A block begins with `<!-- table -->` or `<!-- code: path name -->` and ends with `<!-- end -->`. */
export function clientsGuide(): string {
  const kept = readFileSync(clients_guide_path, "utf8");
  return kept.replace(
    /(<!-- (table|code: (\S+) (\S+)) -->\n)[\s\S]*?(?=<!-- end -->)/g,
    (_, begin: string, what: string, path: string, name: string) =>
      begin + (what === "table" ? table() : code(path, name)),
  );
}

function table(): string {
  const rows = JSON.parse(readFileSync("docs/guide/clients.json", "utf8")) as Row[];
  const medium = (list: readonly string[], both: string, one: Readonly<Record<string, string>>) =>
    list.length === 2 ? both : (one[list[0] ?? ""] ?? "–");
  const left: Readonly<Record<string, string>> = {
    DELETE: "`DELETE`",
    closes: "closing its connection",
    vanishes: "vanishing",
  };
  const lines = rows.map(({ client, version, way, sends, receives, leaves }, index) => {
    const is_first = rows[index - 1]?.client !== client;
    const cells = [
      is_first ? `${client}${version === null ? "" : ` ${version}`}` : "",
      way,
      medium(sends, "heard and seen", { audio: "heard", video: "seen" }),
      medium(receives, "hears and sees", { audio: "hears", video: "sees" }),
      sends.length > 0 ? "yes" : "–",
      left[leaves] ?? leaves,
    ];
    return `| ${cells.join(" | ")} |`;
  });
  const head = "| Program | Offer | Others | Itself | Muted and unmuted by REST | Left by |\n";
  return `${head}|---|---|---|---|---|---|\n${lines.join("\n")}\n`;
}

// A piece stands between `[guide: name` and `guide]`, each in a comment of its own.
function code(path: string, name: string): string {
  const lines = readFileSync(path, "utf8").split("\n");
  const begin = lines.findIndex((line) => line.trim().endsWith(` [guide: ${name}`));
  const end = lines.findIndex((line, index) => index > begin && line.trim().endsWith(" guide]"));
  if (begin < 0 || end < 0) throw new Error(`${path} has no piece named ${name}`);
  const piece = lines.slice(begin + 1, end);
  const indent = Math.min(
    ...piece.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length),
  );
  const language = path.endsWith(".py") ? "python" : "js";
  return `\`\`\`${language}\n${piece.map((line) => line.slice(indent)).join("\n")}\n\`\`\`\n`;
}
