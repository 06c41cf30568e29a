// Makes the pictures of the manual: a real meeting in a real browser. Run: node scenario/screenshots.ts
import { mkdirSync } from "node:fs";
import type { Page } from "playwright-core";
import { launchChromium } from "./harness/chromium.ts";
import { startParley, until } from "./harness/parley.ts";

const people = [
  {
    name: "Ada Lovelace",
    back: ["#2b4a6f", "#8fb4d9"],
    skin: "#e8c4a2",
    hair: "#3b2a20",
    shirt: "#7a3b4e",
  },
  {
    name: "Kofi Mensah",
    back: ["#3d5a45", "#a9c9a4"],
    skin: "#7b4f35",
    hair: "#16110d",
    shirt: "#d9a441",
  },
  {
    name: "Mei Tanaka",
    back: ["#6b4a5e", "#d9b3c4"],
    skin: "#f0d3b4",
    hair: "#1d1a1c",
    shirt: "#2f6f73",
  },
  {
    name: "Jonas Weber",
    back: ["#54504a", "#cfc6b8"],
    skin: "#efcdb0",
    hair: "#a9713c",
    shirt: "#34507d",
  },
] as const;

// Runs in the page: a drawn person, head moving a little, in place of a camera.
function drawnPerson(look: (typeof people)[number]): void {
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    const made = new MediaStream();
    if (wanted?.video) {
      const canvas = document.createElement("canvas");
      canvas.width = 1280;
      canvas.height = 720;
      const paint = canvas.getContext("2d") as CanvasRenderingContext2D;
      let frame = 0;
      const draw = (): void => {
        const wall = paint.createLinearGradient(0, 0, 1280, 720);
        wall.addColorStop(0, look.back[0]);
        wall.addColorStop(1, look.back[1]);
        paint.fillStyle = wall;
        paint.fillRect(0, 0, 1280, 720);
        const sway = Math.sin(frame / 9) * 10;
        const blob = (x: number, y: number, w: number, h: number, color: string): void => {
          paint.fillStyle = color;
          paint.beginPath();
          paint.ellipse(x, y, w, h, 0, 0, Math.PI * 2);
          paint.fill();
        };
        blob(640, 800, 360, 270, look.shirt);
        blob(640 + sway, 545, 70, 90, look.skin);
        blob(640 + sway, 290, 172, 190, look.hair);
        blob(640 + sway, 360, 140, 175, look.skin);
        blob(590 + sway, 340, 12, 14, "#2a211c");
        blob(690 + sway, 340, 12, 14, "#2a211c");
        blob(640 + sway, 440, 38, 10 + Math.abs(Math.sin(frame / 3)) * 10, "#8c3f3f");
        frame += 1;
      };
      draw();
      setInterval(draw, 50);
      for (const track of canvas.captureStream(20).getVideoTracks()) made.addTrack(track);
    }
    if (wanted?.audio) {
      const audio = new AudioContext();
      const tone = audio.createOscillator();
      const gain = audio.createGain();
      const out = audio.createMediaStreamDestination();
      gain.gain.value = look.name.startsWith("Mei") ? 0.2 : 0.0001;
      tone.connect(gain).connect(out);
      tone.start();
      for (const track of out.stream.getAudioTracks()) made.addTrack(track);
    }
    return made;
  };
}

const parley = await startParley();
const browser = await launchChromium();
try {
  mkdirSync("docs/images", { recursive: true });
  const { id } = await parley.api<{ id: string }>("POST", "/v1.0/conferences", {
    type: "conference",
    name: "Product review",
  });
  const pages: Page[] = [];
  for (const look of people) {
    const context = await browser.newContext({
      permissions: ["camera", "microphone"],
      viewport: { width: 1280, height: 800 },
      locale: "en-US",
      colorScheme: "dark",
    });
    const page = await context.newPage();
    await page.addInitScript(drawnPerson, look);
    await page.goto((await parley.link(id, look.name, pages.length === 0 ? "host" : "member")).url);
    await page.getByRole("button", { name: "Join now" }).click();
    await page.getByRole("navigation", { name: "Controls" }).waitFor();
    pages.push(page);
  }
  const [first, , third] = pages as [Page, Page, Page, Page];
  await third.getByRole("button", { name: /^Chat/ }).click();
  for (const text of [
    "The figures are in the shared folder.",
    "Shall we begin with the open questions?",
  ]) {
    await third.getByRole("textbox", { name: "Message" }).fill(text);
    await third.getByRole("button", { name: "Send message" }).click();
  }
  await first.getByRole("button", { name: /^Chat/ }).click();
  await until(
    "three pictures move",
    () =>
      first.evaluate(
        () =>
          [...document.querySelectorAll("video")].filter((video) => video.videoWidth > 300)
            .length >= 4,
      ),
    20_000,
  );
  await new Promise((done) => setTimeout(done, 6_000));
  await first.screenshot({ path: "docs/images/meeting.png" });
} finally {
  await browser.close();
  await parley.stop();
}
