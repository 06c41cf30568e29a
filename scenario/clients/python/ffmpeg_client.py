"""FFmpeg's WHIP muxer (by PyAV, which carries FFmpeg's libraries) as a far end that only sends (see far_end.py). The muxer makes and
POSTs its own offer, so that nobody sees the answer; it leaves by DELETE when its output is closed.

Settings beside url and token: tone_hz, color, profile: "baseline" | "high"; is_dtls_active: whether it begins the DTLS handshake;
key: "p256" | "rsa", the kind of the key that it is given. With GnuTLS it would make one of secp224r1.
"""

import fractions
import json
import sys
import tempfile
import threading
import time

import av
from certificate import write_certificate
from far_end import say, words
from tones_and_colors import height, picture_frame, sample_rate, tone_frame, width

picture_rate = 10


def open_output(settings, folder):
    certificate, key = write_certificate(folder, settings["key"])
    # [guide: ffmpeg
    options = {"authorization": settings["token"], "cert_file": certificate, "key_file": key}
    if settings["is_dtls_active"]:
        options["whip_flags"] = "dtls_active"
    output = av.open(settings["url"], "w", format="whip", options=options)
    sound = output.add_stream("libopus", rate=sample_rate, layout="stereo")
    pictures = output.add_stream(
        "libx264",
        rate=picture_rate,
        options={"profile": settings["profile"], "tune": "zerolatency", "bf": "0"},
    )
    pictures.width, pictures.height, pictures.pix_fmt = width, height, "yuv420p"
    # Nobody can ask this muxer for a key frame: it sends one each second.
    pictures.gop_size = picture_rate
    output.start_encoding()
    # guide]
    return output, sound, pictures


def main(settings):
    with tempfile.TemporaryDirectory() as folder:
        output, sound, pictures = open_output(settings, folder)
    say("state", state="connected")
    is_over = threading.Event()

    def obey():
        for word in words():
            if word == "leave":
                break
        is_over.set()

    threading.Thread(target=obey, daemon=True).start()
    stereo = av.AudioResampler(format="s16", layout="stereo", rate=sample_rate)
    began = time.monotonic()
    count = 0
    while not is_over.wait(max(0, began + count / 50 - time.monotonic())):
        for frame in stereo.resample(tone_frame(settings["tone_hz"], count)):
            output.mux(sound.encode(frame))
        if count % (50 // picture_rate) == 0:
            number = count * picture_rate // 50
            frame = picture_frame(settings["color"], number, picture_rate)
            frame.pts, frame.time_base = number, fractions.Fraction(1, picture_rate)
            output.mux(pictures.encode(frame))
        count += 1
    output.close()
    say("left", status=200)


main(json.loads(sys.argv[1]))
