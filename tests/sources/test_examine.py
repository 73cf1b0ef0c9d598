from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.core.errors import ForbiddenError, SourceDeniedError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.scope import Chosen, Scope
from chalicelib.sources.examine import by_vendor, examined
from tests.scripted import FORM, House, Scripted


@pytest.fixture
def house() -> House:
    house = House()
    house.pass_time(seconds=1)  # so that what is audited next stands after the creation of its source
    return house


def found_by(who: Principal = TERMINAL) -> dict[Check, Finding]:
    return {each.check: each for each in wiring.rooms().sources.test(who, "hq")}


def code(finding: Finding) -> tuple[Grade, str]:
    return finding.grade, finding.cause


def test_a_new_source_is_told_to_be_read_first(house: House) -> None:
    found = found_by()
    assert code(found[Check.CREDENTIALS]) == (Grade.OK, "")
    assert code(found[Check.SCHEDULE]) == (Grade.OK, "synced by itself next")
    assert code(found[Check.READ]) == (Grade.WARNING, "never read as a whole")


def test_what_the_vendor_finds_comes_with_what_a_ticket_needs(house: House) -> None:
    house.company.hidden.add("p1")
    found = found_by()[Check.RANGE]
    assert (found.grade, found.vendor_code, found.request_id) == (Grade.WARNING, "41050", "r-1")


def test_a_refusal_ends_the_vendor_s_part_and_is_a_finding(house: House) -> None:
    def refuse(number: int) -> None:
        raise SourceDeniedError("credentials refused", code=10014)

    house.connectors.before_call = refuse
    found = found_by()
    refused = found[Check.CREDENTIALS]
    assert (code(refused), refused.vendor_code) == ((Grade.FAILED, "credentials refused"), "10014")
    assert Check.SCHEDULE in found
    assert house.audit()[0].outcome == "done"


def test_a_full_read_of_long_ago_is_a_warning(house: House) -> None:
    house.sync()
    assert code(found_by()[Check.READ]) == (Grade.OK, "last read as a whole")
    house.pass_time(days=3)
    assert code(found_by()[Check.READ]) == (Grade.WARNING, "read long ago")


def test_a_source_that_is_off_is_a_warning(house: House) -> None:
    sources = wiring.rooms().sources
    sources.auto(TERMINAL, "hq", on=False)
    assert code(found_by()[Check.SCHEDULE]) == (Grade.WARNING, "not synced by itself")
    sources.disable(TERMINAL, "hq")
    assert code(found_by()[Check.SCHEDULE]) == (Grade.WARNING, "source is disabled")


def test_where_there_are_events_it_is_told_when_the_last_one_was_seen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Check.EVENTS not in found_by()
    form = replace(FORM, events=("somebody.changed",))
    monkeypatch.setattr(Scripted, "form", lambda self, kind: form)
    assert code(found_by()[Check.EVENTS]) == (Grade.WARNING, "URL never checked")
    house.sync()
    house.hinted("p1")
    assert code(found_by()[Check.EVENTS]) == (Grade.OK, "last event seen")


def test_operators_may_test_and_viewers_may_not(house: House) -> None:
    found_by(Principal(key="ou_op", role=Role.OPERATOR, door="x"))
    with pytest.raises(ForbiddenError):
        found_by(Principal(key="ou_v", role=Role.VIEWER, door="x"))
    assert house.audit()[0].verb == "test"


def test_findings_are_told_as_they_are_found(house: House) -> None:
    told: list[Finding] = []
    found = wiring.rooms().sources.test(TERMINAL, "hq", told.append)
    assert told == list(found)


def test_of_several_chosen_departments_the_lost_ones_are_named(house: House) -> None:
    house.sync()
    picked = (Chosen(external_id="d1", path="D1"), Chosen(external_id="gone", path="总部 / 不在了"))
    source = replace(wiring.outside().catalog.source("hq"), scope=Scope(departments=picked))
    found = {each.check: each for each in by_vendor(source, wiring.outside().connectors)}[Check.SCOPE]
    assert code(found) == (Grade.FAILED, "scope department gone")
    assert found.facts == {"count": 1, "of": 2, "paths": "总部 / 不在了"}


@pytest.mark.parametrize(
    ("url", "cause", "problem"),
    [
        ("https://rollcall.example.com", "address is set", None),
        ("", "address unknown", None),
        ("http://rollcall.example.com", "address out of reach", "not https"),
        ("https://localhost:8000", "address out of reach", "not on the internet"),
        ("https://10.0.0.8", "address out of reach", "not on the internet"),
        ("https://rollcall.internal", "address out of reach", "not on the internet"),
        ("https://a1b2.execute-api.eu-central-1.amazonaws.com/api", "address is set", None),
        ("https://rollcall.example.com/?x=1", "address out of reach", "has a query"),
    ],
)
def test_an_address_that_no_vendor_reaches_is_found(house: House, url: str, cause: str, problem: str | None) -> None:
    out = wiring.outside()
    source = out.catalog.source("hq")
    form = replace(FORM, doors=(("events", ("URL", "网址")),))
    house.connectors.form = lambda kind: form  # type: ignore[method-assign] # a fake of a fake
    found = {each.check: each for each in examined(source, house.connectors, out.tasks, out.clock, public_url=url)}[
        Check.ADDRESS
    ]
    assert (found.cause, found.facts.get("problem")) == (cause, problem)


def test_what_came_last_decides_whether_the_keys_are_right(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    form = replace(FORM, events=("somebody.changed",), checked=("events", "cards"))
    monkeypatch.setattr(Scripted, "form", lambda self, kind: form)
    doors, uid = wiring.outside().doors, wiring.outside().catalog.source("hq").uid
    assert code(found_by()[Check.CARDS]) == (Grade.WARNING, "presses never checked")
    doors.refused(uid, "events", house.clock.now())
    assert code(found_by()[Check.CALLBACK]) == (Grade.WARNING, "pushes are refused")
    house.pass_time(seconds=5)
    doors.checked(uid, "events", house.clock.now())
    assert Check.CALLBACK not in found_by()
    assert code(found_by()[Check.EVENTS]) == (Grade.WARNING, "no event seen")
    doors.seen(uid, "presses", house.clock.now())
    assert Check.CARDS not in found_by()
    doors.seen(uid, "events", house.clock.now())
    assert code(found_by()[Check.EVENTS]) == (Grade.OK, "last event seen")


def test_where_only_messages_come_the_events_are_not_subscribed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    form = replace(FORM, events=("somebody.changed",), checked=("events",))
    monkeypatch.setattr(Scripted, "form", lambda self, kind: form)
    wiring.outside().doors.seen(wiring.outside().catalog.source("hq").uid, "talk", house.clock.now())
    assert code(found_by()[Check.EVENTS]) == (Grade.WARNING, "only chat is pushed")
