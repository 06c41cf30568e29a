"""Tones and colours that tests send, made and recognised: plain arrays and PyAV's frames (PyAV is needed for those alone)."""

import array
import fractions
import math

sample_rate = 48_000
width, height = 160, 96
# Y, U, V of BT.601 in studio range.
colors = {
    "red": (81, 90, 240),
    "lime": (145, 54, 34),
    "blue": (41, 240, 110),
    "yellow": (210, 16, 146),
}
probes_hz = (440, 660, 880)
# A tenth of a second holds a whole number of periods of every probe.
window = sample_rate // 10


def tone_frame(tone_hz, count):
    """Twenty milliseconds of a tone at -12 dB of full scale, the frame number `count` of it."""
    from av import AudioFrame

    samples = sample_rate // 50
    step = 2 * math.pi * tone_hz / sample_rate
    first = count * samples
    frame = AudioFrame(format="s16", layout="mono", samples=samples)
    frame.planes[0].update(
        array.array(
            "h", (int(8192 * math.sin(step * at)) for at in range(first, first + samples))
        ).tobytes()
    )
    frame.pts = first
    frame.sample_rate = sample_rate
    frame.time_base = fractions.Fraction(1, sample_rate)
    return frame


def picture_frame(color, count, rate):
    """Picture number `count` of so many a second: a colour, and at the bottom a dark bar that walks."""
    from av import VideoFrame

    frame = VideoFrame(width, height, "yuv420p")
    for position, (plane, level) in enumerate(zip(frame.planes, colors[color])):
        pixels = bytearray([level]) * plane.buffer_size
        if position == 0:
            # A dark bar in the lowest sixth walks to the right.
            for row in range(height * 5 // 6, height):
                at = row * plane.line_size + (count * 8) % (width - 16)
                pixels[at : at + 16] = bytes([16]) * 16
        plane.update(bytes(pixels))
    frame.pts = count * 90_000 // rate
    frame.time_base = fractions.Fraction(1, 90_000)
    return frame


def level_db(samples, tone_hz):
    """Level of one tone relative to full scale (Goertzel)."""
    turn = 2 * math.cos(2 * math.pi * tone_hz / sample_rate)
    one = two = 0.0
    for sample in samples:
        one, two = sample + turn * one - two, one
    power = max(0.0, one * one + two * two - turn * one * two)
    return round(20 * math.log10(max(1e-6, 2 * math.sqrt(power) / len(samples) / 32768)))


def nearest_color(y, u, v):
    """The nearest of the colours that anybody sends; a pixel that is near to none is named by its values."""
    far, name = min(
        (abs(y - a) + abs(u - b) + abs(v - c), name) for name, (a, b, c) in colors.items()
    )
    return name if far < 60 else f"yuv({y},{u},{v})"


def color_of(frame):
    """The colour a little above the middle of a picture in yuv420p."""

    def pixel(plane, scale):
        row, column = frame.height // 3 // scale, frame.width // 2 // scale
        return bytes(plane)[row * plane.line_size + column]

    return nearest_color(*(pixel(plane, scale) for plane, scale in zip(frame.planes, (1, 2, 2))))


def first_channel(frame):
    """Samples of a packed 16-bit frame, one channel of them."""
    channels = len(frame.layout.channels)
    return array.array("h", bytes(frame.planes[0])[: frame.samples * channels * 2])[::channels]
