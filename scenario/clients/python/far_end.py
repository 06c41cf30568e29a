"""What all our programs in Python do alike: they speak lines of JSON, ask the server, and tell what they hear and see.

A far end gets one argument, JSON with at least {url, token}, and prints one JSON object a line:

    {"event": "answered", "status", "type", "location", "text"}     what the POST gave
    {"event": "state", "state"}                                     of its connection
    {"event": "heard", "db": {hz: level}}                           every half second of sound
    {"event": "seen", "color"}                                      every picture unlike the one before
    {"event": "left", "status"}                                     what the DELETE gave

The word `leave` on its standard input makes it leave by DELETE, the end of standard input makes it close.
"""

import array
import json
import sys
import threading
import urllib.error
import urllib.parse
import urllib.request

from tones_and_colors import level_db, probes_hz, sample_rate, window

_printing = threading.Lock()


def say(event, **facts):
    with _printing:
        print(json.dumps({"event": event, **facts}), flush=True)


def request(method, url, token, body=None):
    """Status, headers (names in lower case) and text of the answer, whatever it is."""
    headers = {"Authorization": f"Bearer {token}"}
    if body is not None:
        headers["Content-Type"] = "application/sdp"
    wanted = urllib.request.Request(url, body, headers, method=method)
    try:
        reply = urllib.request.urlopen(wanted, timeout=20)
    except urllib.error.HTTPError as refusal:
        reply = refusal
    with reply:
        return (
            reply.status,
            {name.lower(): value for name, value in reply.headers.items()},
            reply.read().decode(),
        )


def post_offer(settings, offer):
    """Joins; gives the answer's SDP and where the join is, or None when it is refused."""
    status, headers, text = request(
        "POST", settings["url"], settings["token"], offer.encode()
    )
    say(
        "answered",
        status=status,
        type=headers.get("content-type"),
        location=headers.get("location"),
        text=text,
    )
    if status != 201:
        return None
    return text, urllib.parse.urljoin(settings["url"], headers["location"])


def delete_join(settings, where):
    status, _, _ = request("DELETE", where, settings["token"])
    say("left", status=status)


def words():
    """Words of standard input, until its end."""
    for line in sys.stdin:
        yield line.strip()


class Ear:
    """Takes samples of one channel (16 bits, 48 kHz) and tells the level of every probe twice a second."""

    def __init__(self):
        self.samples = array.array("h")

    def take(self, samples):
        self.samples.extend(samples)
        if len(self.samples) >= sample_rate // 2:
            say("heard", db={hz: level_db(self.samples[:window], hz) for hz in probes_hz})
            self.samples = array.array("h")


class Eye:
    """Takes pictures as bytes of their luma and a name of their colour; tells those that moved."""

    def __init__(self):
        self.last = None

    def take(self, luma, color):
        if luma != self.last:
            say("seen", color=color)
        self.last = luma
