// One state of a page in many windows: sizes, fingers or a mouse, dark or light. Each becomes a picture, with a line for
// every fault of its layout.
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CDPSession, Page } from "playwright-core";
import type { Language } from "../../web/src/text/index.ts";
import { layoutFaults } from "../harness/layout.ts";

interface Look {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly is_touched: boolean;
  readonly theme: "dark" | "light";
}

const look = (name: string, width: number, height: number, theme: Look["theme"]): Look => ({
  ...{ name: `${name}-${theme}`, width, height, theme },
  is_touched: width < 1200,
});

// Words are longest in German, which has the smallest size; each size is dark in one language and light in the other. A page stays in
// the last one, where every control is in sight.
const looks: Readonly<Record<Language, readonly Look[]>> = {
  de: [
    look("phone", 390, 844, "dark"),
    look("lying", 844, 390, "light"),
    look("small", 360, 640, "light"),
    look("tablet", 1024, 768, "dark"),
    look("desk", 1440, 900, "light"),
  ],
  en: [
    look("phone", 390, 844, "light"),
    look("lying", 844, 390, "dark"),
    look("tablet", 1024, 768, "light"),
    look("desk", 1440, 900, "dark"),
  ],
};

/** Takes pictures of one page. */
export interface Gallery {
  /** Every look of the page as it is. `open` brings up what a change of the window closes, such as a menu. */
  shoot(page: Page, language: Language, scene: string, open?: () => Promise<void>): Promise<void>;
}

// A whole page, however long. Playwright's own way forgets the finger.
async function shootWhole(page: Page, path: string, { width, height }: Look): Promise<void> {
  const whole = await page.evaluate(() => document.documentElement.scrollHeight);
  if (whole > height) await page.setViewportSize({ width, height: whole });
  await page.screenshot({ path });
  if (whole > height) await page.setViewportSize({ width, height });
}

/** A gallery in a folder; `findings.txt` in it begins anew. */
export function createGallery(folder: string): Gallery {
  mkdirSync(folder, { recursive: true });
  const findings = join(folder, "findings.txt");
  writeFileSync(findings, "");
  const sessions = new WeakMap<Page, CDPSession>();
  const wear = async (page: Page, { width, height, is_touched, theme }: Look): Promise<void> => {
    const session = sessions.get(page) ?? (await page.context().newCDPSession(page));
    sessions.set(page, session);
    await session.send("Emulation.setTouchEmulationEnabled", {
      enabled: is_touched,
      maxTouchPoints: 5,
    });
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width, height });
    // Everything is laid out anew and stands still.
    await page.evaluate(async () => {
      for (let frame = 0; frame < 4; frame += 1)
        await new Promise((done) => requestAnimationFrame(done));
      for (const animation of document.getAnimations()) animation.finish();
    });
  };
  return {
    async shoot(page, language, scene, open) {
      for (const one of looks[language]) {
        await wear(page, one);
        await open?.();
        const name = `${scene}-${language}-${one.name}`;
        await shootWhole(page, join(folder, `${name}.png`), one);
        const faults = await layoutFaults(page);
        appendFileSync(findings, faults.map((fault) => `${name}: ${fault}\n`).join(""));
        if (open) await page.keyboard.press("Escape");
      }
      process.stdout.write(`${scene} ${language}\n`);
    },
  };
}
