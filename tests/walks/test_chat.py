"""Walk C: somebody types, the door answers, the queue rings, the bot answers in the chat; a card follows the task."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from chalice.test import Client, HTTPResponse

import app as switchboard
from chalicelib import wiring
from chalicelib.core.message import Said
from chalicelib.core.principal import TERMINAL, Role
from chalicelib.core.task import TaskStatus
from chalicelib.local.front import Context
from tests.scripted import HeardBell, House, a_company, a_saying


@pytest.fixture
def house() -> Iterator[House]:
    house = House(a_company(people=12, departments=2))
    wiring.rooms().admins.add(TERMINAL, "hq", "ann", Role.OWNER)
    yield house
    wiring.use(None)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(switchboard.app) as client:
        yield client


def say(client: Client, text: str, message_id: str, **saying: object) -> HTTPResponse:
    headers = {"x-secret": "s3cret", "x-message": message_id, "content-type": "application/json"}
    body = a_saying(text, **saying).encode()  # type: ignore[arg-type]  # each test gives what it is about
    return client.http.post("/callbacks/hq/chat", headers=headers, body=body)


def heard(bell: HeardBell) -> list[str]:
    """Take what has been rung for, like a queue whose delays have passed."""
    rung, bell.rung = bell.rung, []
    return list(dict.fromkeys(source for source, _ in rung))


def answer(client: Client, house: House) -> None:
    for source in heard(house.chat_bell):
        switchboard.converse(client.events.generate_sqs_event([source]), Context())


def work(client: Client, house: House) -> None:
    for source in heard(house.bell):
        switchboard.run_sync(client.events.generate_sqs_event([source]), Context())


def tick(client: Client) -> None:
    client.lambda_.invoke("tick", client.events.generate_cw_event("aws.events", "Scheduled Event", {}, []))


def test_sync_now_is_typed_and_answered_and_its_card_tells_how_it_ended(house: House, client: Client) -> None:
    assert say(client, "@Rollcall sync now hq", "m1").status_code == 200
    assert house.chat.said == []
    answer(client, house)
    (queued,) = house.chat.said
    (task,) = house.tasks.recent(None, 10)
    assert (queued.reply.title, queued.once, queued.reply.task) == ("hq · sync 1 · queued", "m1#0", task.task_id)
    assert house.tasks.get(task.task_id).status is TaskStatus.QUEUED
    work(client, house)
    assert house.chat_bell.rung, "the end of a task rings for the chat"
    house.pass_time(seconds=5)
    answer(client, house)
    assert [each.card for each in house.chat.said] == [queued.card] * 2
    assert house.chat.shown[queued.card].title == "hq · sync 1 · done"
    (line,) = [each for each in house.audit() if each.verb == "sync now"]
    assert (line.principal.key, line.principal.where, line.task, line.outcome) == ("ann", "oc_1", "1", "done")


def test_the_same_in_chinese(house: House, client: Client) -> None:
    say(client, "立即同步 hq", "m1")
    answer(client, house)
    assert len(house.tasks.recent(None, 10)) == 1


def test_a_press_that_comes_twice_and_is_pressed_twice_starts_one_sync(house: House, client: Client) -> None:
    say(client, "hello", "m1")
    answer(client, house)
    card = house.chat.said[0].card
    for message_id in ("m2", "m2", "m3", "m3"):
        assert say(client, "sync now hq", message_id, said=Said.PRESSED, card=card, lang="en").status_code == 200
        answer(client, house)
    assert len(house.tasks.recent(None, 10)) == 1
    assert {each.once for each in house.chat.said} >= {"m1#0", "m2#0", "m3#0"}


def test_what_nobody_rang_for_is_answered_after_the_next_tick(house: House, client: Client) -> None:
    say(client, "help", "m1")
    house.chat_bell.rung.clear()
    answer(client, house)
    assert house.chat.said == []
    tick(client)
    answer(client, house)
    assert len(house.chat.said) == 1
    tick(client)
    assert house.chat_bell.rung == []


def test_a_stranger_is_refused_politely_and_a_forger_not_at_all(house: House, client: Client) -> None:
    say(client, "sync now hq", "m1", sender="nobody")
    answer(client, house)
    assert (len(house.chat.said), house.tasks.recent(None, 10)) == (1, [])
    refused = client.http.post("/callbacks/hq/chat", headers={"x-secret": "?"}, body=a_saying("help").encode())
    assert refused.status_code == 401
    assert house.chat_bell.rung == []


def test_a_source_is_enabled_from_its_own_chat(house: House, client: Client) -> None:
    wiring.rooms().sources.disable(TERMINAL, "hq")
    say(client, "enable hq", "m1")
    answer(client, house)
    assert house.outside.catalog.source("hq").enabled
    assert len(house.chat.said) == 1
