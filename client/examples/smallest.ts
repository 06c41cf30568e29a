// The smallest meeting: everybody's camera in a row, everybody's voice, one button to mute.
// Open it as page.html?conference=<id>&server=<origin>#<join token>.
import { joinConference, type Tile } from "@parley/client";

const { searchParams } = new URL(location.href);
const joined = await joinConference({
  server: searchParams.get("server") ?? location.origin,
  conference_id: searchParams.get("conference") ?? "",
  token: location.hash.slice(1),
  camera: true,
});

const places = new Map<string, { tile: Tile; video: HTMLVideoElement }>();
const layOut = (): void => {
  const wanted = joined.view.people.filter((person) => person.camera && !person.is_me);
  for (const person of wanted) {
    if (places.has(person.id)) continue;
    const video = document.createElement("video");
    Object.assign(video, { muted: true, autoplay: true, playsInline: true, width: 320 });
    const tile = joined.showTile(person.id, "camera", { width: 320, height: 180 });
    video.srcObject = tile.media;
    document.body.append(video);
    places.set(person.id, { tile, video });
  }
  for (const [id, { tile, video }] of places) {
    if (wanted.some((person) => person.id === id)) continue;
    tile.release();
    video.remove();
    places.delete(id);
  }
};
joined.on("change", layOut);
layOut();

const button = document.createElement("button");
button.textContent = "Mute";
button.addEventListener("click", () => {
  const is_live = joined.own.microphone.state === "live";
  joined.setMicrophone(!is_live).catch((problem: Error) => alert(problem.message));
});
joined.on("own", (own) => {
  button.textContent = own.microphone.state === "live" ? "Mute" : "Unmute";
});
document.body.append(button);
joined.on("ended", ({ reason }) => document.body.replaceChildren(`It is over: ${reason}`));
