"""What a deployment costs this month, as `status` tells it in chat and in the terminal."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.cost import Charge
from chalicelib.core.principal import TERMINAL, Role
from chalicelib.core.reply import Line, Reply
from tests.bot.talk import LANGS, Talk, words
from tests.scripted import House, a_company


@pytest.fixture
def house() -> House:
    return House(a_company(people=3, departments=1))


def deployed(house: House) -> House:
    """Let the house stand in a deployment."""
    house.outside = replace(house.outside, settings=replace(house.outside.settings, home=None))
    wiring.use(house.outside)
    return house


def cost_of(reply: Reply) -> str:
    last = reply.blocks[-1]
    assert isinstance(last, Line)
    return last.text


@pytest.mark.parametrize(("lang", "said"), [(Lang.EN, "nothing but this machine"), (Lang.ZH, "除本机外不产生费用")])
def test_on_one_machine_it_costs_nothing(house: House, lang: Lang, said: str) -> None:
    assert said in cost_of(Talk(house, lang=lang).type("status"))


@pytest.mark.parametrize("lang", LANGS)
def test_a_deployment_says_what_its_month_costs_and_who_decides(house: House, lang: Lang) -> None:
    said = cost_of(Talk(deployed(house), lang=lang).type("status"))
    assert {Lang.EN: "AWS's bill decides", Lang.ZH: "以 AWS 账单为准"}[lang] in said
    assert "0.11" in said  # the secret for the eight and a half days that are left of the month
    assert len(said) < 240


def test_a_person_in_chat_reads_it_too(house: House) -> None:
    deployed(house)
    wiring.rooms().admins.add(TERMINAL, "hq", "ann", Role.VIEWER)
    house.hear("status", "m-1")
    wiring.converser().converse(house.source.uid, lambda: math.inf)
    assert "AWS's bill decides" in words(house.chat.said[-1].reply)


def test_what_was_done_makes_the_month_dearer_and_what_goes_on_more_so(house: House) -> None:
    deployed(house)

    def written() -> float:
        charged = wiring.rooms().budgets.charged()
        assert charged is not None
        return charged.get(Charge.WRITE_UNITS, 0.0)

    assert written() == 0
    house.sync()
    first = written()
    house.sync()
    assert first < written()
    before = written()
    house.hinted("p1")
    after = written()
    assert after - before > 100  # an event an hour after the beginning is one of many
    house.clock.sleep(timedelta(days=5).total_seconds())
    assert before < written() < after


def test_each_source_has_a_secret(house: House) -> None:
    deployed(house)
    one = wiring.rooms().budgets.charged()
    house.outside.catalog.add(replace(house.source, uid="src-2", handle="second", revision=0))
    two = wiring.rooms().budgets.charged()
    assert one is not None
    assert two is not None
    assert two[Charge.SECRETS] == pytest.approx(2 * one[Charge.SECRETS])
    assert two[Charge.ALARMS] == one[Charge.ALARMS]
