// FFmpeg's WHIP muxer, which publishes H.264 and sends no feedback; PyAV carries a build of it.
import { until } from "../harness/parley.ts";
import { python_missing } from "../harness/python.ts";
import { both, type Client, client_color, client_tone_hz, type Variant } from "./client.ts";
import { startProgram } from "./far-end.ts";
import { packages, pinned, script } from "./python.ts";

const variant = (
  promise: string,
  way: string,
  settings: { profile: "baseline" | "high"; is_dtls_active: boolean; key: "p256" | "rsa" },
): Variant => ({
  promise,
  way,
  sends: both,
  receives: [],
  leaves: "DELETE",
  async join(t, { url, token, location }) {
    const program = startProgram(
      t,
      [packages.python, script("ffmpeg_client.py")],
      { url, token, tone_hz: client_tone_hz, color: client_color, ...settings },
      "DELETE",
    );
    // The muxer keeps the answer to itself.
    await until("FFmpeg is connected", () => program.isConnected(), 30_000);
    return { ...program, isClosed: undefined, location: await location(), answer: "" };
  },
});

export const ffmpeg: Client = {
  name: "FFmpeg's WHIP muxer (PyAV)",
  version: pinned("av"),
  missing: python_missing,
  prepare: packages.prepare,
  variants: [
    variant(
      "ffmpeg_publishes_h264_baseline",
      "publisher: H.264 baseline, ECDSA, `a=setup:passive`",
      {
        profile: "baseline",
        is_dtls_active: false,
        key: "p256",
      },
    ),
    variant("ffmpeg_publishes_h264_high", "publisher: H.264 High, RSA, `a=setup:passive`", {
      profile: "high",
      is_dtls_active: false,
      key: "rsa",
    }),
    variant("ffmpeg_begins_the_handshake", "publisher: H.264 High, ECDSA, `a=setup:active`", {
      profile: "high",
      is_dtls_active: true,
      key: "p256",
    }),
  ],
};
