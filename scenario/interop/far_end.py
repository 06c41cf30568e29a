"""An aiortc endpoint: joins a conference by one POST, sends a tone and a moving picture, tells what it hears and sees.

One argument: JSON {url, token, send, receive, tone_hz?, color?, setup?, channel?}. Prints one JSON object a line; the word
`leave` on its standard input makes it leave, the end of standard input makes it stop.
"""

import array
import asyncio
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
sys.path.append(str(Path(__file__).parent.parent / "clients" / "python"))
from tones_and_colors import (
    color_of,
    first_channel,
    level_db,
    picture_frame,
    probes_hz,
    sample_rate,
    tone_frame,
    window,
)

picture_rate = 10


def say(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


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
    """Tells the level of every probe, twice a second."""
    samples = array.array("h")
    while True:
        frame = await track.recv()
        samples.extend(first_channel(frame))
        if len(samples) >= sample_rate // 2:
            say("heard", db={hz: level_db(samples[:window], hz) for hz in probes_hz})
            samples = array.array("h")


async def see(track):
    """Tells the colour of every picture that is not as the one before."""
    last = None
    while True:
        frame = await track.recv()
        luma = bytes(frame.planes[0])
        if luma != last:
            say("seen", color=color_of(frame), width=frame.width, height=frame.height)
        last = luma


async def perceive(sense, track):
    try:
        await sense(track)
    except MediaStreamError:
        say("ended", kind=track.kind)


def request(method, url, token, body=None):
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = "application/sdp"
    wanted = urllib.request.Request(url, body, headers, method=method)
    try:
        with urllib.request.urlopen(wanted, timeout=20) as reply:
            return reply.status, dict(reply.headers.items()), reply.read().decode()
    except urllib.error.HTTPError as refusal:
        return refusal.code, dict(refusal.headers.items()), refusal.read().decode()


def add_lines(connection, settings):
    direction = {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}[
        settings["send"], settings["receive"]
    ]
    for kind, make in (
        ("audio", lambda: Tone(settings["tone_hz"])),
        ("video", lambda: Picture(settings["color"])),
    ):
        connection.addTransceiver(
            make() if settings["send"] else kind, direction=direction
        )


async def main(settings):
    loop = asyncio.get_running_loop()
    # No ICE servers: addresses of this machine are enough.
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    tasks = []
    posted = time.monotonic()

    @connection.on("track")
    def on_track(track):
        sense = hear if track.kind == "audio" else see
        tasks.append(asyncio.ensure_future(perceive(sense, track)))

    @connection.on("connectionstatechange")
    def on_state():
        after_ms = round(1000 * (time.monotonic() - posted))
        say("state", state=connection.connectionState, after_ms=after_ms)

    add_lines(connection, settings)
    if settings.get("channel"):
        connection.createDataChannel("chat")
    # A close from the other side shows here; the connection's own state keeps `connected`.
    transport = connection.getTransceivers()[0].receiver.transport
    transport.on("statechange", lambda: say("state", state=f"dtls {transport.state}"))
    await connection.setLocalDescription(await connection.createOffer())
    posted = time.monotonic()
    status, headers, text = await loop.run_in_executor(
        None,
        request,
        "POST",
        settings["url"],
        settings["token"],
        connection.localDescription.sdp.replace(
            "a=setup:actpass", f"a=setup:{settings.get('setup', 'actpass')}"
        ).encode(),
    )
    headers = {name.lower(): value for name, value in headers.items()}
    say(
        "answered",
        status=status,
        type=headers.get("content-type"),
        location=headers.get("location"),
        text=text,
    )
    if status != 201:
        return
    await connection.setRemoteDescription(RTCSessionDescription(text, "answer"))
    while True:
        word = await loop.run_in_executor(None, sys.stdin.readline)
        if word.strip() != "leave":
            break
        where = urllib.parse.urljoin(settings["url"], headers["location"])
        status, _, _ = await loop.run_in_executor(
            None, request, "DELETE", where, settings["token"]
        )
        say("left", status=status)
    await connection.close()
    await asyncio.gather(*tasks)


asyncio.run(main(json.loads(sys.argv[1])))
