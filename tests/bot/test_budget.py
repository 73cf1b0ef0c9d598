"""The month's calls: set, shown in `status` and `source show`, warned of."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.core.budget import Cause
from chalicelib.core.catalogue import Lang
from chalicelib.core.reply import Line, Tone
from tests.bot.chat import a_chat
from tests.bot.talk import LANGS, Talk, drawn, words
from tests.scripted import House, a_company

HOUR = timedelta(hours=1)


@pytest.fixture
def house() -> House:
    return House(a_company(people=3, departments=1))


def spend(house: House, calls: int, cause: Cause = Cause.TALK) -> None:
    house.outside.meter.add(house.source.uid, house.clock.now(), cause, {"members": calls})


def warnings(talk: Talk, text: str) -> list[str]:
    return [block.text for block in talk.type(text).blocks if isinstance(block, Line) and block.tone is Tone.WARN]


@pytest.mark.parametrize(
    ("text", "calls"),
    [
        ("budget 10000 hq", 10_000),
        ("budget 10,000 hq", 10_000),
        ("budget 10k hq", 10_000),
        ("quota 5000 hq", 5_000),
        ("额度 1万 hq", 10_000),
        ("调用额度 50w hq", 500_000),
        ("budget 0 hq", 0),
    ],
)
def test_a_budget_is_set_as_people_type_numbers(house: House, text: str, calls: int) -> None:
    said = words(Talk(house).type(text))
    assert house.outside.catalog.source("hq").budget == calls
    assert f"{calls:,}" in said or not calls


@pytest.mark.parametrize("text", ["budget off hq", "关闭额度 hq", "额度 关 hq", "no budget hq"])
def test_a_budget_is_taken_off(house: House, text: str) -> None:
    talk = Talk(house)
    talk.type("budget 10000 hq")
    talk.type(text)
    assert house.outside.catalog.source("hq").budget == 0


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("calls", ["many", "-5", "1.5", "10 000x", "²", "99999999999"])
def test_what_is_no_number_is_refused_with_an_example(house: House, calls: str, lang: Lang) -> None:
    said = Talk(house, lang).refused(f"budget '{calls}' hq")
    assert "10000 hq" in said or "额度 10000" in said or "unknown" in said.lower()


def test_too_many_are_refused(house: House) -> None:
    assert "at most" in Talk(house).refused("budget 9000000000 hq")


@pytest.mark.parametrize("lang", LANGS)
def test_status_says_what_is_used_what_is_to_come_and_what_is_next(house: House, lang: Lang) -> None:
    talk = Talk(house, lang)
    talk.type("cron '0 0 * * *' hq --zone Asia/Shanghai")
    house.sync()
    spend(house, 1_234)
    talk.type("budget 10000 hq")
    said = drawn(talk.type("status"))
    assert "/ 10,000" in said if lang is Lang.ZH else "of 10,000" in said
    assert "Asia/Shanghai" in said
    at = talk.data("status")[0]["next_due_at"]
    assert at.startswith("2026-11-22T16:0")
    assert not at.startswith("2026-11-22T16:00")
    assert warnings(talk, "status") == []


@pytest.mark.parametrize("lang", LANGS)
def test_a_budget_that_will_not_last_is_a_warning_that_says_what_costs_less(house: House, lang: Lang) -> None:
    talk = Talk(house, lang)
    talk.type("every 1h hq")
    spend(house, 2_000, Cause.SCHEDULE)
    talk.type("budget 10000 hq")
    for text in ("status", "source show hq"):
        (warning,) = warnings(talk, text)
        assert "every 24h hq" in warning or "每 24小时 hq" in warning
        assert "`budget <calls> hq`" in warning or "`额度 <次数> hq`" in warning
    assert talk.data("status")[0]["calls"]["expected"] > 10_000


def test_the_advice_fits_what_costs_most(house: House) -> None:
    talk = Talk(house)
    talk.type("auto off hq")
    talk.type("budget 100 hq")
    spend(house, 99, Cause.TALK)
    (warning,) = warnings(talk, "status")
    assert "terminal" in warning
    spend(house, 5000, Cause.EVENT)
    (warning,) = warnings(talk, "status")
    assert "used up" in warning
    assert "Events" in warning


def test_without_a_budget_nobody_is_warned(house: House) -> None:
    spend(house, 10_000_000)
    assert warnings(Talk(house), "status") == []


def test_the_document_has_what_the_words_say(house: House) -> None:
    talk = Talk(house)
    talk.type("budget 10000 hq")
    spend(house, 7)
    (status,) = talk.data("status")
    assert (status["budget"], status["calls"]["this_month"], status["calls"]["by_cause"]) == (10_000, 7, {"talk": 7})
    assert talk.data("source show hq")["calls"] == status["calls"]
    assert talk.data("source show hq")["budget"] == 10_000


def test_it_is_an_owners_affair_in_a_chat() -> None:
    chat = a_chat()
    assert "owner" in chat.read("budget 5000", by="ou_operator")
    assert "5,000" in chat.read("budget 5000")
    assert wiring.rooms().catalog.source("hq").budget == 5_000


@pytest.mark.parametrize("lang", LANGS)
def test_a_run_that_is_overdue_and_a_fault_that_is_waited_out_are_said(house: House, lang: Lang) -> None:
    talk = Talk(house, lang)
    house.pass_time(days=2)
    assert ("due since" if lang is Lang.EN else "已到时") in drawn(talk.type("status"))


@pytest.mark.parametrize("lang", LANGS)
def test_a_full_hour_is_told_with_its_delay(house: House, lang: Lang) -> None:
    talk = Talk(house, lang)
    said = words(talk.type("cron '0 0 * * *' hq"))
    assert ("min after the full hour" if lang is Lang.EN else "整点后") in said
    assert "full hour" not in words(talk.type("cron '17 0 * * *' hq"))
