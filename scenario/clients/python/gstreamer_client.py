"""GStreamer's webrtcbin as a far end (see far_end.py). Its certificate has an RSA key.

Settings beside url and token: tone_hz, color, codec: "vp8" | "h264-baseline" | "h264-high".
"""

import array
import json
import sys
import threading

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from far_end import Ear, Eye, delete_join, post_offer, say, words
from gi.repository import GLib, Gst, GstSdp, GstWebRTC
from tones_and_colors import nearest_color

argb = {"red": "0xffff0000", "lime": "0xff00ff00", "blue": "0xff0000ff"}
feedback = "rtcp-fb-nack-pli=(boolean)true,rtcp-fb-ccm-fir=(boolean)true"
encoders = {
    "vp8": f"vp8enc deadline=1 keyframe-max-dist=30 ! rtpvp8pay ! application/x-rtp,media=video,encoding-name=VP8,payload=96,{feedback}",
    **{
        f"h264-{profile}": f"x264enc tune=zerolatency key-int-max=30 ! video/x-h264,profile={caps} ! rtph264pay config-interval=-1 aggregate-mode=zero-latency ! application/x-rtp,media=video,encoding-name=H264,payload=102,{feedback}"
        for profile, caps in (("baseline", "constrained-baseline"), ("high", "high"))
    },
}


def sources(settings):
    # [guide: gstreamer
    return f"""
        webrtcbin name=connection bundle-policy=max-bundle
        audiotestsrc is-live=true wave=sine freq={settings["tone_hz"]} volume=0.25
          ! audio/x-raw,rate=48000,channels=2 ! opusenc
          ! rtpopuspay ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! connection.
        videotestsrc is-live=true pattern=solid-color foreground-color={argb[settings["color"]]}
          ! video/x-raw,format=I420,width=160,height=96,framerate=10/1
          ! {encoders[settings["codec"]]} ! connection.
    """
    # guide]


def on_sound(sink, ear):
    sample = sink.emit("pull-sample")
    data = sample.get_buffer()
    ear.take(array.array("h", data.extract_dup(0, data.get_size())))
    return Gst.FlowReturn.OK


def on_picture(sink, eye):
    sample = sink.emit("pull-sample")
    form = sample.get_caps().get_structure(0)
    width, height = form.get_value("width"), form.get_value("height")
    data = sample.get_buffer()
    pixels = data.extract_dup(0, data.get_size())
    # I420 as GStreamer lays it out: rows are padded to four bytes.
    stride, half = (width + 3) // 4 * 4, ((width + 1) // 2 + 3) // 4 * 4
    rows = (height + 1) // 2 * 2
    at_u = stride * rows
    at_v = at_u + half * rows // 2
    row, column = height // 3, width // 2
    small = row // 2 * half + column // 2
    eye.take(
        pixels[:at_u],
        nearest_color(pixels[row * stride + column], pixels[at_u + small], pixels[at_v + small]),
    )
    return Gst.FlowReturn.OK


class FarEnd:
    def __init__(self, settings):
        self.settings = settings
        self.pipeline = Gst.parse_launch(sources(settings))
        self.connection = self.pipeline.get_by_name("connection")
        self.where = None
        self.connection.connect("notify::ice-gathering-state", self.on_gathering)
        self.connection.connect("notify::connection-state", self.on_state)
        self.connection.connect("on-negotiation-needed", self.on_negotiation_needed)
        self.connection.connect("pad-added", self.on_pad)
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message::error", self.on_error)
        self.pipeline.set_state(Gst.State.PLAYING)

    def on_error(self, _, message):
        error, details = message.parse_error()
        print(error, details, file=sys.stderr, flush=True)

    def on_negotiation_needed(self, connection):
        connection.emit("create-offer", None, Gst.Promise.new_with_change_func(self.on_offer))

    def on_offer(self, promise):
        # The offer is the reply's: without it there is none.
        reply = promise.get_reply()
        offer = reply.get_value("offer")
        self.connection.emit("set-local-description", offer, Gst.Promise.new())

    def on_gathering(self, connection, _):
        if connection.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            return
        threading.Thread(target=self.join, daemon=True).start()

    def join(self):
        description = self.connection.get_property("local-description")
        offer = description.sdp.as_text()
        joined = post_offer(self.settings, offer)
        if joined is None:
            return
        text, self.where = joined
        _, message = GstSdp.SDPMessage.new_from_text(text)
        answer = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.connection.emit("set-remote-description", answer, Gst.Promise.new())
        # A close from the other side shows here; the connection's own state keeps `connected`.
        transport = self.connection.emit("get-transceiver", 0).get_property("sender").get_property("transport")
        transport.connect("notify::state", self.on_keys)

    def on_state(self, connection, _):
        say("state", state=connection.get_property("connection-state").value_nick)

    def on_keys(self, transport, _):
        say("state", state=f"dtls {transport.get_property('state').value_nick}")

    def on_pad(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        kind = pad.get_current_caps().get_structure(0).get_value("media")
        form, sense, take = {
            "audio": (
                "audioconvert ! audioresample ! audio/x-raw,format=S16LE,rate=48000,channels=1",
                Ear(),
                on_sound,
            ),
            "video": ("videoconvert ! video/x-raw,format=I420", Eye(), on_picture),
        }[kind]
        branch = Gst.parse_bin_from_description(
            f"decodebin ! {form} ! appsink name=sink emit-signals=true sync=false", False
        )
        decoder = next(
            one for one in branch.children if one.get_factory().get_name() == "decodebin"
        )
        branch.add_pad(Gst.GhostPad.new("sink", decoder.get_static_pad("sink")))
        branch.get_by_name("sink").connect("new-sample", take, sense)
        self.pipeline.add(branch)
        branch.sync_state_with_parent()
        pad.link(branch.get_static_pad("sink"))

    def obey(self, loop):
        for word in words():
            if word == "leave":
                delete_join(self.settings, self.where)
        loop.quit()


Gst.init(None)
main_loop = GLib.MainLoop()
far_end = FarEnd(json.loads(sys.argv[1]))
threading.Thread(target=far_end.obey, args=(main_loop,), daemon=True).start()
main_loop.run()
far_end.pipeline.set_state(Gst.State.NULL)
