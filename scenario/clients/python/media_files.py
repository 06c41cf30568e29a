"""Files of a tone and of a picture, for endpoints that cannot encode.

    media_files.py make <tone_hz> <color> <file>...     .ogg, .ivf or .h264: two seconds
    media_files.py packets <tone_hz> <color>            the same as packets: one JSON object {audio, video}, lists of Base64
"""

import base64
import fractions
import json
import sys
import tempfile

import av
from tones_and_colors import height, picture_frame, sample_rate, tone_frame, width

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


def main(verb, tone_hz, color, *paths):
    if verb == "packets":
        print(json.dumps(packets(int(tone_hz), color)))
        return
    for path in paths:
        if path.endswith(".ogg"):
            make_sound(path, int(tone_hz))
        else:
            make_pictures(path, color)


main(*sys.argv[1:])
