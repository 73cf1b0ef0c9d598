"""Owners are told of a month's calls: at 80 hundredths, and when all are used; each once a month."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from chalicelib import wiring
from chalicelib.core.budget import Cause, Tariff, month_ends
from chalicelib.core.catalogue import Lang
from chalicelib.core.message import Address, Outgoing
from chalicelib.core.principal import TERMINAL, Role
from chalicelib.core.reply import Tone
from chalicelib.notices.budget import budget_notice
from chalicelib.notices.show import View
from tests.notices.test_report import GROUP, Office, said


def an_office(budget: int = 1_000) -> Office:
    office = Office()
    office.admin("boss")
    office.admin("helper", role=Role.OPERATOR)
    wiring.rooms().budgets.set(TERMINAL, "hq", budget)
    office.collected()
    return office


def spend(office: Office, calls: int) -> list[Outgoing]:
    """Call so often, and give what is told of it."""
    office.house.outside.meter.add(office.uid, office.house.clock.now(), Cause.TALK, {"members": calls})
    return [each for each in office.collected() if each.outgoing_id.startswith("budget:")]


def test_owners_are_told_once_at_eighty_and_once_at_a_hundred() -> None:
    office = an_office()
    assert spend(office, 799) == []
    (nearly,) = spend(office, 1)
    assert (nearly.to.person, nearly.to.direct, nearly.reply.tone) == ("boss", True, Tone.WARN)
    assert "800" in said(nearly)
    assert "1,000" in said(nearly)
    assert spend(office, 100) == []
    (over,) = spend(office, 150)
    assert over.reply.tone is Tone.BAD
    assert "1,050" in said(over)
    office.house.pass_time(days=3)  # and not again when what was put is forgotten
    assert spend(office, 500) == []


def test_whoever_is_past_both_at_once_is_told_of_the_worse() -> None:
    (told,) = spend(an_office(), 2_000)
    assert told.reply.tone is Tone.BAD


def test_the_chat_of_the_notices_is_told_too() -> None:
    office = an_office().listening()
    office.collected()
    assert {each.to.chat or each.to.person for each in spend(office, 900)} == {GROUP, "boss"}


def test_a_new_month_is_told_of_anew() -> None:
    office = an_office()
    assert len(spend(office, 900)) == 1
    office.house.clock.sleep((datetime(2026, 12, 1, 1, tzinfo=UTC) - office.house.clock.now()).total_seconds())
    assert spend(office, 700) == []
    assert len(spend(office, 100)) == 1


def test_a_budget_that_was_raised_is_told_of_when_the_most_of_it_is_used() -> None:
    office = an_office()
    assert len(spend(office, 1_000)) == 1
    wiring.rooms().budgets.set(TERMINAL, "hq", 2_000)
    assert spend(office, 500) == []
    assert len(spend(office, 100)) == 1


def test_without_a_budget_nobody_is_told() -> None:
    assert spend(an_office(0), 1_000_000) == []


@pytest.mark.parametrize("lang", tuple(Lang))
def test_what_is_told_says_until_when_and_what_to_do(lang: Lang) -> None:
    office = an_office()
    source = office.house.outside.catalog.source("hq")
    ends = month_ends(office.house.clock.now())
    tariff = Tariff(counted=("robot.",), note=("robots only", "仅机器人"))
    view = View(lang=lang, catalog=office.house.outside.catalog, directory=office.house.directory, private=False)
    for passed in (80, 100):
        for each in (Tariff(), tariff):
            reply = budget_notice(view, source, 900, passed, ends, each)
            text = said(Outgoing(outgoing_id="x", to=Address(source=office.uid), reply=reply, created_at=ends))
            assert "2026-11-30" in text
            assert ("budget <calls> hq" in text) or ("额度 <次数> hq" in text)
            assert (each.note[lang is Lang.ZH] in text) or not each.note[0]
            assert ("leavers" in text or "离职" in text) == each.counts_all
