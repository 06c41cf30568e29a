"""aiortc as a far end (see far_end.py): sends a tone and a moving picture, hears and sees.

Settings beside url and token: tone_hz, color; lines: in their order, {kind: "audio" | "video" | "data", direction}; bundle: a
bundle policy; key: "ecdsa" | "rsa"; setup: its side of the DTLS handshake, both unless it is named.
"""

import asyncio
import json
import sys
import time

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from far_end import Ear, Eye, delete_join, post_offer, say
from tones_and_colors import color_of, first_channel, picture_frame, tone_frame

picture_rate = 10


class Source(MediaStreamTrack):
    """Frames at an even pace, whatever the machine does meanwhile."""

    def __init__(self, rate):
        super().__init__()
        self.rate = rate
        self.count = -1
        self.began = time.monotonic()

    async def recv(self):
        if self.readyState != "live":
            raise MediaStreamError
        self.count += 1
        await asyncio.sleep(max(0, self.began + self.count / self.rate - time.monotonic()))
        return self.make(self.count)


class Tone(Source):
    kind = "audio"

    def __init__(self, tone_hz):
        super().__init__(50)
        self.tone_hz = tone_hz

    def make(self, count):
        return tone_frame(self.tone_hz, count)


class Picture(Source):
    kind = "video"

    def __init__(self, color):
        super().__init__(picture_rate)
        self.color = color

    def make(self, count):
        return picture_frame(self.color, count, picture_rate)


async def hear(track):
    ear = Ear()
    while True:
        ear.take(first_channel(await track.recv()))


async def see(track):
    eye = Eye()
    while True:
        frame = await track.recv()
        eye.take(bytes(frame.planes[0]), color_of(frame))


async def perceive(sense, track):
    try:
        await sense(track)
    except MediaStreamError:
        say("ended", kind=track.kind)


def add_lines(connection, settings):
    for line in settings["lines"]:
        kind, direction = line["kind"], line.get("direction")
        if kind == "data":
            connection.createDataChannel("data")
            continue
        make = Tone if kind == "audio" else Picture
        source = settings.get("tone_hz" if kind == "audio" else "color")
        is_sender = direction in ("sendonly", "sendrecv")
        connection.addTransceiver(make(source) if is_sender else kind, direction=direction)


def use_rsa(connection):
    """Gives it a key that aiortc would not make by itself."""
    from aiortc.rtcdtlstransport import RTCCertificate, generate_certificate
    from certificate import make_key

    class RsaCertificate(RTCCertificate):
        def _create_ssl_context(self, srtp_profiles):
            context = super()._create_ssl_context(srtp_profiles)
            context.set_cipher_list(
                b"ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"
            )
            return context

    key = make_key("rsa")
    certificate = RsaCertificate(key=key, cert=generate_certificate(key))
    connection._RTCPeerConnection__certificates = [certificate]


def configuration(settings):
    # No ICE servers: addresses of this machine are enough.
    given = RTCConfiguration(iceServers=[])
    if "bundle" in settings:
        from aiortc import RTCBundlePolicy

        given.bundlePolicy = RTCBundlePolicy(settings["bundle"])
    return given


async def main(settings):
    loop = asyncio.get_running_loop()
    connection = RTCPeerConnection(configuration(settings))
    if settings.get("key") == "rsa":
        use_rsa(connection)
    tasks = []

    @connection.on("track")
    def on_track(track):
        sense = hear if track.kind == "audio" else see
        tasks.append(asyncio.ensure_future(perceive(sense, track)))

    @connection.on("connectionstatechange")
    def on_state():
        say("state", state=connection.connectionState)

    add_lines(connection, settings)
    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp.replace(
        "a=setup:actpass", f"a=setup:{settings.get('setup', 'actpass')}"
    )
    joined = await loop.run_in_executor(None, post_offer, settings, offer)
    if joined is None:
        return
    answer, where = joined
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    # A close from the other side shows here; the connection's own state keeps `connected`.
    transport = connection.getTransceivers()[0].receiver.transport
    transport.on("statechange", lambda: say("state", state=f"dtls {transport.state}"))
    while True:
        word = await loop.run_in_executor(None, sys.stdin.readline)
        if word.strip() != "leave":
            break
        await loop.run_in_executor(None, delete_join, settings, where)
    await connection.close()
    await asyncio.gather(*tasks)


asyncio.run(main(json.loads(sys.argv[1])))
