"""What schemathesis has to know of Parley: who asks, which resources are there, what may be ended, and which texts are secret.

The file named by PARLEY_SCHEMATHESIS holds what the test has made (see Given in ../schemathesis.test.ts).
"""

import atexit
import itertools
import json
import os
import re
import zlib

import schemathesis
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.core.parameters import ParameterLocation
from schemathesis.generation.meta import TestPhase
from schemathesis.openapi.checks import RejectedPositiveData, UnsupportedMethodResponse

with open(os.environ["PARLEY_SCHEMATHESIS"], encoding="utf-8") as file:
    given = json.load(file)

credential = given["credential"]
# Grows by what answers give: a token that was just made is as secret as those that the test has made.
secrets = set(given["secrets"])
kept = set(given["kept"])
spares = {name: itertools.cycle(made) for name, made in given["spares"].items() if made}

# Operations that end something for those who ask later, and what is ended instead where it is what the run lives on.
ends = {
    ("DELETE", "/v1.0/agents/{id}"): ("id", "agents"),
    ("DELETE", "/v1.0/accesskeys/{id}"): ("id", "accesskeys"),
    ("DELETE", "/v1.0/conferences/{id}"): ("id", "conferences"),
    # A timeout ends the conference a second later.
    ("PUT", "/v1.0/conferences/{id}"): ("id", "conferences"),
    ("DELETE", "/v1.0/conferences/{id}/join_tokens/{token_id}"): ("token_id", "join_tokens"),
    # Who is kicked may not come back with the token.
    ("DELETE", "/v1.0/conferencecalls/{id}"): ("id", "conferencecalls"),
}

# Answers that are the place where a secret is given, and the members that hold it.
gives = {
    ("POST", "/auth/login"): {"token"},
    ("POST", "/v1.0/accesskeys"): {"token"},
    ("POST", "/v1.0/conferences/{id}/join_tokens"): {"token", "url"},
    ("POST", "/v1.0/conferences/{id}/conferencecalls"): {"resume_key"},
}
key_in_location = re.compile(r"/v1\.0/conferencecalls/[0-9a-f-]{36}\?resume_key=([\w-]+)")
# Shorter texts stand in answers by chance.
secret_length_min = 16


def operation_of(case):
    return (case.method.upper(), case.operation.path)


def is_negative(case, location):
    return case.meta is not None and case.meta.is_negative_at(location)


def chance(*parts):
    """A number that follows from the case alone, so that a seed replays it."""
    return zlib.crc32(repr(parts).encode("utf-8", "backslashreplace"))


def repeat_only_some(case):
    """One key in four stands for several requests: with the few that are drawn, nearly all would be refused as reused."""
    key = case.headers.get("Idempotency-Key")
    if key is None or is_negative(case, ParameterLocation.HEADER):
        return
    drawn = chance(key, case.operation.path, repr(case.body))
    if drawn % 4 != 0:
        case.headers["Idempotency-Key"] = f"{key[:200]}-{drawn}"


def sign(case, secret):
    """Puts a credential where this kind of caller has it."""
    place = given["place"]
    if place == "header":
        case.headers["Authorization"] = f"Bearer {secret}"
    elif place == "cookie":
        case.cookies = {**case.cookies, "token": secret}
        # A browser says so of its page; by cookie a foreign one may not write.
        case.headers["Origin"] = given["url"]
    else:
        case.query = {**case.query, place: secret}


if given["place"] != "none":

    @schemathesis.auth(refresh_interval=None)
    class Caller:
        def get(self, case, context):
            return credential

        def set(self, case, data, context):
            sign(case, data)


# Why a request that fits its schema may be refused: what the description says in words, since a schema cannot.
# By reason, and a part of the message where the reason has other uses.
said_in_words = [
    ("IDEMPOTENCY_KEY_REUSED", ""),
    # `type` decides what `option` holds.
    ("INVALID_ACTION_TYPE", ""),
    # The format of a text inside: SDP, one emoji.
    ("SDP_MALFORMED", ""),
    ("OFFER_UNSUPPORTED", ""),
    ("INVALID_ARGUMENT", "emoji is not one emoji"),
    # Times are taken as the specification writes them and as RFC 3339 does.
    ("INVALID_REQUEST_PARAMETER", "is neither a timestamp of ours nor RFC 3339"),
    # Two credentials in one request.
    ("INVALID_REQUEST_PARAMETER", "name different credentials"),
    # White space alone is no message.
    ("INVALID_ARGUMENT", "text is empty"),
    # Members that depend on each other.
    ("INVALID_ARGUMENT", "expire is another name of expires_in"),
    ("INVALID_ARGUMENT", "muted and microphone say the opposite"),
    ("INVALID_ARGUMENT", "say what to change"),
    # What is there: a line of the offer, somebody in the conference; what a host may give.
    ("INVALID_ARGUMENT", "the offer of this join has no line for"),
    ("INVALID_ARGUMENT", "names nobody who is in this conference"),
    ("INVALID_ARGUMENT", "a link that a host makes"),
    # A name that is given can be seen.
    ("INVALID_ARGUMENT", "has no character that can be seen"),
    # All texts, names and numbers of JSON, whatever their member; bytes of an object or a body.
    ("INVALID_JSON_BODY", ""),
    ("BODY_TOO_LARGE", ""),
]


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Keeps what is a fault of Parley. What is dropped is right, and the description says why."""
    problem = problem_of(response)
    if isinstance(failure, RejectedPositiveData):
        return not any(
            problem.get("reason") == reason and message in problem.get("message", "")
            for reason, message in said_in_words
        )
    if isinstance(failure, AcceptedNegativeData):
        return not counts_as_left_out(case)
    if isinstance(failure, ServerError | UnsupportedMethodResponse):
        # What is known and will be there says so; the routes are those of http/not-built.ts.
        return problem.get("reason") != "FEATURE_NOT_BUILT"
    return True


def counts_as_left_out(case):
    """Members of a body that are null, and empty parameters, count as left out."""
    nothing = isinstance(case.body, dict) and None in case.body.values()
    return nothing or "" in case.query.values()


def problem_of(response):
    try:
        body = json.loads(response.content)
    except ValueError:
        return {}
    return body.get("error", {}) if isinstance(body, dict) else {}


@schemathesis.hook
def before_call(context, case, kwargs):
    point_at_what_is_there(case)
    spare_what_is_needed(case)
    offer_what_can_be_answered(case)
    repeat_only_some(case)


def point_at_what_is_there(case):
    """Half of the ids name something: with random ones alone every route would only say 404."""
    if is_negative(case, ParameterLocation.PATH) or not case.path_parameters:
        return
    if case.meta is not None and case.meta.phase.name == TestPhase.STATEFUL:
        # There they come from the answers before.
        return
    known = given["known"].get(case.operation.path)
    drawn = chance(case.operation.path, sorted(case.path_parameters.items()), case.id is None)
    if not known or drawn % 2 == 0:
        return
    case.path_parameters = {**case.path_parameters, **known[drawn // 2 % len(known)]}


def spare_what_is_needed(case):
    if operation_of(case) == ("POST", "/auth/logout") and given["place"] != "none":
        sign(case, next(spares["logins"]))
        return
    end = ends.get(operation_of(case))
    if end is None:
        return
    name, kind = end
    if str(case.path_parameters.get(name, "")).lower() in kept and kind in spares:
        spare = next(spares[kind])
        case.path_parameters = {**case.path_parameters, **spare["path"]}
        if "credential" in spare:
            sign(case, spare["credential"])


def offer_what_can_be_answered(case):
    """Half of the joins bring a real offer, half of the reactions an emoji."""
    if is_negative(case, ParameterLocation.BODY):
        return
    if operation_of(case) == ("POST", "/v1.0/conferences/{id}/messages/{message_id}/reactions"):
        if isinstance(case.body, dict) and chance(repr(case.body)) % 2 == 0:
            case.body = {**case.body, "emoji": "👍"}
        return
    if operation_of(case) != ("POST", "/v1.0/conferences/{id}/conferencecalls"):
        return
    drawn = chance(repr(case.body))
    if drawn % 2 == 0:
        return
    offer = given["offers"][drawn // 2 % len(given["offers"])]
    if isinstance(case.body, dict):
        # What is taken up again was another join, with a key that nobody can guess.
        case.body = {key: value for key, value in case.body.items() if key != "resume"} | {"offer": offer}
    elif isinstance(case.body, str):
        case.body = offer


# Statuses that each operation has answered with, for the test's last question: whether the run got anywhere.
answered = {}


@schemathesis.hook
def after_call(context, case, response):
    # Other methods are asked for, too, to be refused.
    if response.request.method != case.operation.method.upper():
        return
    answered.setdefault(case.operation.definition.raw["operationId"], set()).add(response.status_code)


@atexit.register
def tell():
    with open(given["answered"], "w", encoding="utf-8") as report:
        json.dump({name: sorted(statuses) for name, statuses in answered.items()}, report)


@schemathesis.check
def no_secret_is_repeated(ctx, response, case):
    """No answer holds a credential, but for the one that gives it, and there in its member only."""
    text = response.content.decode("utf-8", "replace")
    shown = gives.get(operation_of(case), set()) if response.status_code < 300 else set()
    headers = json.dumps(response.headers)
    if "resume_key" in shown:
        # Who joined with a credential in the URL gets the key of the join in `Location`, too.
        given_in_location = key_in_location.search(headers)
        if given_in_location:
            secrets.add(given_in_location[1])
            headers = key_in_location.sub("", headers)
    text += headers
    if shown:
        body = json.loads(response.content) if response.content.startswith(b"{") else {}
        for name in shown & body.keys():
            text = text.replace(json.dumps(body[name]), '""')
            if name != "url":
                secrets.add(body[name])
    for secret in secrets | passwords_of(case):
        assert secret not in text, f"the answer repeats the secret {secret}"


def passwords_of(case):
    password = case.body.get("password") if isinstance(case.body, dict) else None
    return {password} if isinstance(password, str) and len(password) >= secret_length_min else set()
