"""Files of a tone and of a picture, for endpoints that cannot encode, and what is in the files that they received.

    media_files.py make <tone_hz> <color> <file>...     .ogg, .ivf or .h264: two seconds
    media_files.py packets <tone_hz> <color>            the same as packets: one JSON object {audio, video}, lists of Base64
    media_files.py perceive <file>...                   one JSON object a file: {path, db: {hz: level}} or {path, colors: {name: frames}}
"""

import array
import base64
import fractions
import json
import sys
import tempfile
from collections import Counter

import av
from tones_and_colors import (
    color_of,
    first_channel,
    height,
    level_db,
    picture_frame,
    probes_hz,
    sample_rate,
    tone_frame,
    width,
    window,
)

seconds = 2
picture_rate = 15


def make_sound(path, tone_hz):
    # One packet on each page: who reads pages reads packets.
    with av.open(path, "w", format="ogg", options={"page_duration": "1"}) as file:
        line = file.add_stream("libopus", rate=sample_rate)
        line.layout = "mono"
        line.bit_rate = 48_000
        for count in range(seconds * 50):
            file.mux(line.encode(tone_frame(tone_hz, count)))
        file.mux(line.encode(None))


def make_pictures(path, color):
    codec, form, options = {
        "ivf": ("libvpx", "ivf", {"deadline": "realtime", "cpu-used": "8", "auto-alt-ref": "0"}),
        "h264": (
            "libx264",
            "h264",
            {"profile": "baseline", "tune": "zerolatency", "x264-params": "slices=1"},
        ),
    }[path.rsplit(".", 1)[1]]
    with av.open(path, "w", format=form) as file:
        line = file.add_stream(codec, rate=picture_rate, options=options)
        line.width, line.height, line.pix_fmt, line.gop_size = width, height, "yuv420p", picture_rate
        for count in range(seconds * picture_rate):
            frame = picture_frame(color, count, picture_rate)
            frame.pts, frame.time_base = count, fractions.Fraction(1, picture_rate)
            file.mux(line.encode(frame))
        file.mux(line.encode(None))


def packets(tone_hz, color):
    """What the files would hold: Opus and VP8, each packet in Base64."""
    with tempfile.TemporaryDirectory() as folder:
        sound, pictures = f"{folder}/tone.ogg", f"{folder}/picture.ivf"
        make_sound(sound, tone_hz)
        make_pictures(pictures, color)
        found = {}
        for kind, path in (("audio", sound), ("video", pictures)):
            with av.open(path) as file:
                found[kind] = [
                    base64.b64encode(bytes(packet)).decode()
                    for packet in file.demux()
                    if packet.size > 0
                ]
        return found


def levels(path):
    """The loudest that each probe was in any tenth of a second after the first half of the file."""
    samples = array.array("h")
    packed = av.AudioResampler(format="s16", layout="stereo", rate=sample_rate)
    with av.open(path) as file:
        for frame in file.decode(audio=0):
            for even in packed.resample(frame):
                samples.extend(first_channel(even))
    half = len(samples) // 2
    windows = [samples[at : at + window] for at in range(half, len(samples) - window, window)]
    return {
        hz: max((level_db(part, hz) for part in windows), default=-200) for hz in probes_hz
    }


def frames_of(path):
    with av.open(path) as file:
        return Counter(color_of(frame) for frame in file.decode(video=0))


def main(verb, *words):
    if verb == "make":
        tone_hz, color, *paths = words
        for path in paths:
            if path.endswith(".ogg"):
                make_sound(path, int(tone_hz))
            else:
                make_pictures(path, color)
        return
    if verb == "packets":
        tone_hz, color = words
        print(json.dumps(packets(int(tone_hz), color)))
        return
    for path in words:
        found = {"db": levels(path)} if path.endswith(".ogg") else {"colors": frames_of(path)}
        print(json.dumps({"path": path, **found}))


main(*sys.argv[1:])
