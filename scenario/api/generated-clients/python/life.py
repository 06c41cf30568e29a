"""The whole life of a conference by the client that openapi-python-client makes of our description. Tells what came of it as JSON."""

import importlib
import json
import pkgutil
import sys

import parley_client
from parley_client import AuthenticatedClient, Client, models
from parley_client.api.conferencecalls import get_conferencecall, list_conferencecalls, remove_conferencecall
from parley_client.api.conferences import (
    create_conference,
    create_join_token,
    end_conference,
    get_conference,
    list_conferences,
    list_events,
)
from parley_client.api.joining import join_conference
from parley_client.api.log_in import log_in
from parley_client.api.messages import create_message, list_messages
from parley_client.types import UNSET


def main(url, username, password, offer):
    # A module that does not load is found here, whether the life below needs it or not.
    for module in pkgutil.walk_packages(parley_client.__path__, "parley_client."):
        importlib.import_module(module.name)

    login = log_in.sync(client=Client(url), body=models.Login(username=username, password=password))
    client = AuthenticatedClient(url, login.token)

    conference = create_conference.sync(
        client=client,
        body=models.NewConference(type_=models.NewConferenceType.CONFERENCE, name="made by Python"),
    )
    link = create_join_token.sync(
        conference.id, client=client, body=models.NewJoinToken(name="Ada", role=models.NewJoinTokenRole.MEMBER)
    )
    person = AuthenticatedClient(url, link.token)
    joined = join_conference.sync(conference.id, client=person, body=models.Join(offer=offer))
    call = joined.conferencecall
    calls = list_conferencecalls.sync(client=client, conference_id=conference.id)
    message = create_message.sync(conference.id, client=client, body=models.NewMessage(text="hello"))
    messages = list_messages.sync(conference.id, client=client)
    kicked = remove_conferencecall.sync(call.id, client=client)
    refused = join_conference.sync(conference.id, client=person, body=models.Join(offer=offer))
    missing = get_conferencecall.sync(conference.id, client=client)
    stranger = get_conference.sync(conference.id, client=AuthenticatedClient(url, "no token"))

    events = []
    after = UNSET
    while after is not None:
        page = list_events.sync(conference.id, client=client, after=after, limit=2)
        events += page.result
        after = page.next_after
    ended = end_conference.sync(conference.id, client=client)
    first = list_conferences.sync(client=client, page_size=1, status=models.ListConferencesStatus.ALL)

    return {
        "conference": [conference.name, conference.status.value],
        "link": link.url.startswith(f"{url}/meet/"),
        "answer": joined.answer.startswith("v=0"),
        "calls": [[one.name, one.role.value] for one in calls.result if one.id == call.id],
        "messages": [one.text for one in messages.result if one.id == message.id],
        "kicked": kicked.leave_reason.value,
        "refused": [one.error.reason.value for one in (refused, missing, stranger)],
        "events": [one.type_.value for one in events],
        "ended": ended.status.value in ("terminating", "terminated"),
        "first": first.result[0].id == conference.id,
    }


print(json.dumps(main(**json.loads(sys.argv[1]))))
