from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.core.errors import ForbiddenError, SourceDeniedError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.principal import TERMINAL, Principal, Role
from tests.scripted import FORM, House, Scripted


@pytest.fixture
def house() -> House:
    house = House()
    house.pass_time(seconds=1)  # so that what is audited next stands after the creation of its source
    return house


def found_by(who: Principal = TERMINAL) -> dict[Check, Finding]:
    return {each.check: each for each in wiring.rooms().sources.test(who, "hq")}


def code(finding: Finding) -> tuple[Grade, str | None]:
    return finding.grade, finding.remark.code if finding.remark else None


def test_a_new_source_is_told_to_be_read_first(house: House) -> None:
    found = found_by()
    assert code(found[Check.CREDENTIALS]) == (Grade.OK, None)
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
    assert code(found_by()[Check.READ]) == (Grade.WARNING, "last read as a whole")


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
    assert code(found_by()[Check.EVENTS]) == (Grade.WARNING, "no event seen")
    house.sync()
    house.hinted("p1")
    assert code(found_by()[Check.EVENTS]) == (Grade.OK, "last event seen")


def test_operators_may_test_and_viewers_may_not(house: House) -> None:
    found_by(Principal(key="ou_op", role=Role.OPERATOR, door="x"))
    with pytest.raises(ForbiddenError):
        found_by(Principal(key="ou_v", role=Role.VIEWER, door="x"))
    assert house.audit()[0].verb == "test"
