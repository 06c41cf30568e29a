// Eyevinn's WHIP client and player, unmodified, as a page of another origin has them: scenario/clients/eyevinn.ts bundles this.
import { WebRTCPlayer } from "@eyevinn/webrtc-player";
import { WHIPClient } from "@eyevinn/whip-web-client";

/** What a page is told. */
export interface Told {
  readonly url: string;
  /** "" when it stands in the URL. */
  readonly token: string;
  /** Waits for its candidates before it asks, instead of sending them one by one. */
  readonly is_gathering_first: boolean;
}

/** Publishes; the result leaves by DELETE. */
export async function publish({ url, token, ...told }: Told): Promise<() => Promise<void>> {
  const noTrickleIce = told.is_gathering_first;
  // [guide: whip-web-client
  const media = await navigator.mediaDevices.getUserMedia({ audio: true, video: true });
  const opts = { authkey: token, iceServers: [], noTrickleIce };
  const client = new WHIPClient({ endpoint: url, opts });
  await client.ingest(media);
  // guide]
  return () => client.destroy();
}

/** Plays; the result leaves by DELETE. */
export async function play({ url, token }: Told): Promise<() => Promise<void>> {
  const video = document.createElement("video");
  Object.assign(video, { autoplay: true, muted: true, width: 320 });
  document.body.append(video);
  const authorization = token && `Bearer ${token}`;
  // [guide: webrtc-player
  const player = new WebRTCPlayer({ video, type: "whep", iceServers: [] });
  await player.load(new URL(url), authorization);
  // guide]
  return () => player.unload();
}
