"""An alarm of AWS is told in the chats, in each person's language, once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from chalice.test import Client

import app as switchboard
from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.principal import TERMINAL, Admin, Role
from chalicelib.core.reply import Line, Tone
from chalicelib.local.front import Context
from chalicelib.notices.alarm import _MEANS, Alarms
from infra.aws.package import MERGED
from tests.builders import NOON
from tests.scripted import House, a_company


@pytest.fixture
def house() -> Iterator[House]:
    house = House(a_company(people=4, departments=2))
    for person, role, lang, told in (
        ("ou_owner", Role.OWNER, Lang.ZH, False),
        ("ou_told", Role.VIEWER, Lang.EN, True),
        ("ou_quiet", Role.OPERATOR, Lang.EN, False),
    ):
        house.outside.admins.put(
            Admin(
                source=house.source.uid,
                person=person,
                role=role,
                audits=False,
                lang=lang,
                added_by=TERMINAL.key,
                added_at=NOON,
                told=told,
            )
        )
    yield house
    wiring.use(None)


def alarms(house: House) -> Alarms:
    out = house.outside
    return Alarms(
        stage="dev", catalog=out.catalog, board=out.board, admins=out.admins, chats=out.chats, clock=out.clock
    )


def body(name: str = "rollcall-dev-dead-syncs", state: str = "ALARM", was: str = "OK", at: str = "1") -> str:
    return json.dumps(
        {"AlarmName": name, "NewStateValue": state, "OldStateValue": was, "StateChangeTime": at, "Trigger": {"x": 1}}
    )


def told(house: House) -> dict[str, tuple[str, Tone]]:
    found = {}
    for each in house.outside.chats.outgoing(house.source.uid):
        (line,) = each.reply.blocks
        assert isinstance(line, Line)
        found[each.to.person] = (line.text, line.tone)
    return found


def test_owners_and_those_who_want_to_know_are_told_what_to_do(house: House) -> None:
    assert alarms(house).tell(body()) == [house.source.uid]
    texts = told(house)
    assert texts.keys() == {"ou_owner", "ou_told"}
    assert "failed five times" in texts["ou_told"][0]
    assert "死信" in texts["ou_owner"][0]
    assert {tone for _, tone in texts.values()} == {Tone.BAD}


def test_an_alarm_that_comes_twice_is_told_once(house: House) -> None:
    for _ in range(2):
        alarms(house).tell(body())
    assert len(house.outside.chats.outgoing(house.source.uid)) == 2


def test_an_alarm_that_ends_in_the_second_it_began_is_told_and_so_is_its_end(house: House) -> None:
    alarms(house).tell(body())
    alarms(house).tell(body(state="OK", was="ALARM"))
    assert len(house.outside.chats.outgoing(house.source.uid)) == 4


def test_its_end_is_told_too_but_not_its_birth(house: House) -> None:
    assert not alarms(house).tell(body(state="OK", was="INSUFFICIENT_DATA"))
    assert not alarms(house).tell(body(state="INSUFFICIENT_DATA"))
    alarms(house).tell(body(state="OK", was="ALARM"))
    assert told(house)["ou_told"] == ("It is over: rollcall-dev-dead-syncs.", Tone.GOOD)


def test_an_alarm_of_somebody_elses_making_is_named(house: House) -> None:
    alarms(house).tell(body(name="bill-too-high"))
    assert "bill-too-high" in told(house)["ou_told"][0]


@pytest.mark.parametrize("odd", ["{}", "{", "[]", '{"AlarmName": 1}', '"text"', "null"])
def test_what_is_no_alarm_is_passed_over(house: House, odd: str) -> None:
    assert not alarms(house).tell(odd)


def test_every_alarm_of_the_stack_has_its_words() -> None:
    resources = json.loads(MERGED.read_text())["Resources"].values()
    names = {
        each["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("rollcall-${Stage}-")
        for each in resources
        if each.get("Type") == "AWS::CloudWatch::Alarm"
    }
    assert names == _MEANS.keys()


def test_from_the_queue_of_the_chat_to_the_chat(house: House) -> None:
    with Client(switchboard.app) as client:
        switchboard.converse(client.events.generate_sqs_event([body()]), Context())
    assert {post.to.person for post in house.chat.said} == {"ou_owner", "ou_told"}
