// GStreamer's webrtcbin as Debian has it, with an RSA certificate.
import { can, system_python } from "../harness/python.ts";
import { both, type Client, client_color, client_tone_hz, type Variant } from "./client.ts";
import { startFarEnd } from "./far-end.ts";
import { script } from "./python.ts";

const variant = (
  promise: string,
  way: string,
  codec: "vp8" | "h264-baseline" | "h264-high",
  more: Partial<Variant> = {},
): Variant => ({
  promise,
  way,
  sends: both,
  receives: both,
  leaves: "DELETE",
  ...more,
  join: (t, { url, token }) =>
    startFarEnd(
      t,
      [system_python, script("gstreamer_client.py")],
      { url, token, codec, tone_hz: client_tone_hz, color: client_color },
      more.leaves ?? "DELETE",
    ),
});

export const gstreamer: Client = {
  name: "GStreamer webrtcbin",
  version: null,
  missing: can(
    system_python,
    "import gi",
    "gi.require_version('Gst', '1.0')",
    "gi.require_version('GstWebRTC', '1.0')",
    "from gi.repository import Gst, GstWebRTC",
    "Gst.init(None)",
    "names = 'webrtcbin nicesrc opusenc vp8enc x264enc rtph264pay'.split()",
    "assert all(Gst.ElementFactory.find(name) for name in names)",
  )
    ? null
    : "GStreamer's webrtcbin is not installed: tools/setup-system installs it",
  variants: [
    variant("webrtcbin_joins_with_its_rsa_key", "VP8, RSA certificate", "vp8"),
    variant("webrtcbin_publishes_h264_baseline", "H.264 baseline", "h264-baseline", {
      leaves: "vanishes",
    }),
    variant("webrtcbin_publishes_h264_high", "H.264 High", "h264-high"),
  ],
};
