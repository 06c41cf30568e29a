// Whether links of our pages lead somewhere: to a file that is there, and to a heading that it has.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

/** A link or a mention that leads nowhere. */
export interface BrokenLink {
  readonly path: string;
  readonly line: number;
  readonly text: string;
}

// Headings as GitHub names them: lower case, punctuation away, spaces as hyphens; equal ones are numbered.
function anchorsOf(text: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = new Set<string>();
  for (const heading of headingsOf(text)) {
    const slug = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .trim()
      .replaceAll(" ", "-");
    const nth = seen.get(slug) ?? 0;
    seen.set(slug, nth + 1);
    anchors.add(nth === 0 ? slug : `${slug}-${nth}`);
  }
  for (const [, id = ""] of text.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

function headingsOf(text: string): string[] {
  let is_code = false;
  return text.split("\n").flatMap((line) => {
    if (/^\s*```/.test(line)) is_code = !is_code;
    const heading = is_code ? undefined : /^#{1,6}\s+(.+?)\s*#*$/.exec(line)?.[1];
    // What a link shows, not where it leads.
    return heading === undefined ? [] : [heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")];
  });
}

/** Broken links of Markdown pages (`.md`), and sections of our pages that sources name (path, comma, heading in quotes) and that are not there. */
export function brokenLinks(
  paths: readonly string[],
  read: (path: string) => string | null = readIfThere,
  exists: (path: string) => boolean = existsSync,
): BrokenLink[] {
  const broken: BrokenLink[] = [];
  for (const path of paths) {
    const lines = (read(path) ?? "").split("\n");
    const is_page = path.endsWith(".md");
    lines.forEach((text, at) => {
      const fault = (what: string): void => {
        broken.push({ path, line: at + 1, text: what });
      };
      for (const [, page = "", heading = ""] of text.matchAll(
        /(docs\/[\w/-]+\.md), \\?"([^"\\]+)/g,
      )) {
        if (!headingsOf(read(page) ?? "").includes(heading)) fault(`${page} has no "${heading}"`);
      }
      if (!is_page) return;
      for (const [, target = "", anchor] of text.matchAll(/\]\(([^)#\s]*)(?:#([^)\s]*))?\)/g)) {
        if (/^(https?:|mailto:)/.test(target)) continue;
        const there = target === "" ? path : normalize(join(dirname(path), target));
        if (!exists(there)) fault(`${target} does not exist`);
        else if (anchor && there.endsWith(".md") && !anchorsOf(read(there) ?? "").has(anchor)) {
          fault(`${target}#${anchor} has no such heading`);
        }
      }
    });
  }
  return broken;
}

function readIfThere(path: string): string | null {
  return existsSync(path) ? readFileSync(path, "utf8") : null;
}
