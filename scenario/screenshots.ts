// Pictures of the pages, from a real Parley with real people in a real browser.
//   node scenario/screenshots.ts                      renews docs/images/
//   node scenario/screenshots.ts <folder> [group …]   every state of every page (groups: before, meeting, crowd, console; de, en) in both
//         languages, at five sizes, dark and light, and findings.txt: what is wrong with the layout of each
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { emptyConsoleScenes, fullConsoleScenes } from "./gallery/console-scenes.ts";
import { createGallery } from "./gallery/looks.ts";
import { makeManual } from "./gallery/manual.ts";
import { beforeScenes, crowdScenes, meetingScenes } from "./gallery/meeting-scenes.ts";
import { launchChromium } from "./harness/chromium.ts";
import { type Parley, startParley } from "./harness/parley.ts";

const languages = ["de", "en"] as const;
const groups = ["before", "meeting", "crowd", "console"] as const;
type Group = (typeof groups)[number];

async function everything(
  parley: Parley,
  browser: Browser,
  folder: string,
  wanted: readonly string[],
): Promise<void> {
  const gallery = createGallery(folder);
  const asked = languages.filter((language) => wanted.includes(language));
  const both = (asked.length > 0 ? asked : languages).map((language) => ({
    ...{ parley, browser, gallery, language },
  }));
  const wants = (group: Group): boolean =>
    wanted.includes(group) || !groups.some((one) => wanted.includes(one));
  // Before anything is there, and after everything has been.
  if (wants("console")) for (const hand of both) await emptyConsoleScenes(hand);
  if (wants("before")) for (const hand of both) await beforeScenes(hand);
  if (wants("meeting")) for (const hand of both) await meetingScenes(hand);
  if (wants("crowd")) for (const hand of both) await crowdScenes(hand);
  if (wants("console")) for (const hand of both) await fullConsoleScenes(hand);
}

const [folder, ...wanted] = process.argv.slice(2);
const parley = await startParley();
const browser = await launchChromium();
try {
  if (folder === undefined) {
    const images = join("docs", "images");
    mkdirSync(images, { recursive: true });
    await makeManual(parley, browser, images);
  } else await everything(parley, browser, folder, wanted);
} finally {
  await browser.close();
  await parley.stop();
}
