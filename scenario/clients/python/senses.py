"""Ears and eyes of a program that cannot decode: lines `audio <Base64>` (an Opus packet) and `video <Base64>` (a VP8 frame) come on
standard input; what was heard and seen goes to standard output as far_end.py says.
"""

import base64
import sys

import av
from far_end import Ear, Eye
from tones_and_colors import color_of, first_channel, sample_rate


def main():
    opus, vp8 = av.CodecContext.create("libopus", "r"), av.CodecContext.create("vp8", "r")
    opus.sample_rate, opus.layout = sample_rate, "stereo"
    packed = av.AudioResampler(format="s16", layout="stereo", rate=sample_rate)
    ear, eye = Ear(), Eye()
    for line in sys.stdin:
        kind, text = line.split()
        packet = av.Packet(base64.b64decode(text))
        if kind == "audio":
            for frame in opus.decode(packet):
                for even in packed.resample(frame):
                    ear.take(first_channel(even))
            continue
        try:
            frames = vp8.decode(packet)
        except av.error.InvalidDataError:
            # Nothing can be decoded before the first key frame.
            continue
        for frame in frames:
            eye.take(bytes(frame.planes[0]), color_of(frame))


main()
