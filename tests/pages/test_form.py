"""What is typed, what is wrong with it, and what is shown before anything is saved."""

from __future__ import annotations

import base64
import re
from dataclasses import replace

import pytest

import app
from chalicelib.core.catalogue import Lang
from chalicelib.core.page import LogoChoice, Step
from chalicelib.core.source import FormField, wrong_answers
from chalicelib.pages import draw
from chalicelib.pages.fields import Fields
from chalicelib.pages.posted import LARGEST_BODY_BYTES
from chalicelib.pages.words import WORDS
from tests.pages.pictures import a_png
from tests.pages.visitor import ANSWERS, a_house, a_visitor
from tests.scripted import FORM

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>{{7*7}}'


def test_everything_wrong_is_said_at_once_beside_its_field_and_what_was_typed_stays() -> None:
    visitor = a_visitor()
    visitor.opened()
    wrong = {
        "handle": "Not Good",
        "name": "x",
        "zone": "Moon/Base",
        "x.app_id": "",
        "rhythm": "cron",
        "cron": "* * * * *",
    }
    page = visitor.browser.send({**ANSWERS, **wrong, "do": "check"})
    assert page.status == 422
    assert set(page.errors()) == {"handle", "name", "zone", "x-app_id", "cron"}
    assert page.errors()["x-app_id"] == "This is needed."
    assert {name: page.value(name) for name in ("handle", "name", "zone", "cron")} == {
        name: wrong[name] for name in ("handle", "name", "zone", "cron")
    }
    assert page.value("description") == ANSWERS["description"]
    assert page.text.count("autofocus") == 1
    assert 'id="handle" name="handle" value="Not Good"' in page.text
    assert 'aria-invalid="true"' in page.text
    assert visitor.visit.step.value == Step.FORM
    assert visitor.browser.get().value("handle") == "Not Good"
    assert visitor.browser.send({**ANSWERS, "do": "check"}).status == 200
    assert visitor.visit.step.value == Step.REVIEW


def test_what_was_typed_in_the_chat_stands_in_the_form() -> None:
    visitor = a_visitor(text="source create branch2 --kind scripted --name 分部 --app-id cli_7 --every 6h --manual")
    page = visitor.opened()
    assert (visitor.visit.answers["rhythm"], visitor.visit.answers["cycle_hours"]) == ("hours", "6")
    assert not visitor.visit.answers["automatic"]
    assert (page.value("handle"), page.value("name"), page.value("x.app_id")) == ("branch2", "分部", "cli_7")


def test_the_review_shows_the_whole_configuration_and_nothing_is_saved_yet() -> None:
    visitor = a_visitor()
    body = visitor.reviewed().body
    for shown in (
        "Scripted",
        "new",
        "新来源",
        "A new one",
        "cli_2",
        "every day at 03:00",
        "Asia/Shanghai",
        "2026-11-23",
    ):
        assert shown in body
    assert [each.handle for each in visitor.house.outside.catalog.sources()] == ["hq"]
    assert "user information" in body


@pytest.mark.parametrize(
    ("answers", "shown"),
    [
        ({"rhythm": "hours", "cycle_hours": "6"}, "every 6 hours"),
        ({"rhythm": "hours", "cycle_hours": "1"}, "every hour"),
        ({"rhythm": "cron", "cron": "30 3 * * 1-5"}, "by 30 3 * * 1-5 (Asia/Shanghai)"),
        ({"automatic": ""}, "no effect while automatic synchronization is off"),
    ],
)
def test_the_review_says_when_it_is_synced(answers: dict[str, str], shown: str) -> None:
    visitor = a_visitor()
    assert shown in visitor.reviewed(**answers).body


@pytest.mark.parametrize("hours", ["0", "25", "-1", "x", "9" * 400, "²", "6.5"])
def test_a_cycle_that_nobody_can_choose_is_wrong(hours: str) -> None:
    visitor = a_visitor()
    visitor.opened()
    page = visitor.browser.send({**ANSWERS, "rhythm": "hours", "cycle_hours": hours, "do": "check"})
    assert "cycle_hours" in page.errors()


def test_one_goes_back_and_changes_something() -> None:
    visitor = a_visitor()
    visitor.reviewed()
    page = visitor.browser.post(do="back")
    assert page.value("name") == "新来源"
    assert "另一个" in visitor.browser.send({**ANSWERS, "name": "另一个", "do": "check"}).body


def test_switching_the_language_keeps_what_was_typed() -> None:
    visitor = a_visitor()
    visitor.opened()
    page = visitor.browser.send({**ANSWERS, "name": "half ty", "do": "lang"})
    assert "基本信息" in page.body
    assert page.value("name") == "half ty"


def test_hostile_text_is_only_text() -> None:
    visitor = a_visitor()
    visitor.opened()
    wrong = {
        **ANSWERS,
        "name": HOSTILE,
        "handle": HOSTILE,
        "x.app_id": HOSTILE,
        "zone": HOSTILE,
        "description": HOSTILE,
    }
    pages = [visitor.browser.send({**wrong, "do": "check"})]
    pages.append(visitor.browser.send({**ANSWERS, "description": HOSTILE, "do": "check"}))
    for page in pages:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "49" not in page.body
    assert pages[0].value("name") == HOSTILE
    assert HOSTILE in pages[1].body


def test_what_the_form_does_not_ask_for_is_not_taken() -> None:
    visitor = a_visitor()
    visitor.opened()
    visitor.browser.send({**ANSWERS, "enabled": "on", "x.app_secret": "early-secret-1", "kind": "other", "do": "check"})
    assert set(visitor.visit.answers) <= {*ANSWERS, "kind"}
    assert visitor.visit.answers["kind"] == "scripted"


def test_a_logo_is_shown_and_kept_while_other_answers_are_wrong() -> None:
    visitor = a_visitor()
    visitor.opened()
    picture = a_png()
    page = visitor.browser.send({**ANSWERS, "name": "x", "do": "check"}, logo=picture)
    assert set(page.errors()) == {"name"}
    assert base64.b64encode(picture).decode() in page.text
    assert visitor.visit.logo is LogoChoice.GIVEN
    page = visitor.browser.send({**ANSWERS, "do": "check"})
    assert f"data:image/png;base64,{base64.b64encode(picture).decode()}" in page.text
    visitor.browser.send({"do": "save", "x.app_secret": "s3cret-9"})
    source = visitor.house.outside.catalog.source("new")
    assert visitor.house.outside.logos.get(source.uid) == picture
    assert not visitor.house.outside.pages.logo(visitor.visit.visit_id)


@pytest.mark.parametrize(
    ("logo", "told"),
    [
        (a_png(100), "240×240"),
        (a_png(240, 300), "not square"),
        (b"%PDF-1.7 not a picture", "no"),
        (a_png(240, pad=130 * 1024), "at most 120 KB"),
        (b"x" * 3 * 1024 * 1024, "at most 120 KB"),
    ],
)
def test_a_logo_that_breaks_a_rule_is_told_so_and_the_answers_stay(logo: bytes, told: str) -> None:
    visitor = a_visitor()
    visitor.opened()
    page = visitor.browser.send({**ANSWERS, "do": "check"}, logo=logo)
    assert set(page.errors()) == {"logo"}
    assert told in page.errors()["logo"]
    assert page.value("name") == "新来源"


def test_a_gateway_hands_pictures_over_as_they_are() -> None:
    assert "multipart/form-data" in app.app.api.binary_types


def test_what_is_no_form_or_too_large_is_refused_politely() -> None:
    visitor = a_visitor()
    visitor.opened()
    browser, before = visitor.browser, visitor.visit
    for body, kind in (
        (b"x" * (LARGEST_BODY_BYTES + 1), "application/x-www-form-urlencoded"),
        (b'{"do": "off"}', "application/json"),
        (b"--x\r\nbroken", "multipart/form-data; boundary=x"),
        (b"do=off", "multipart/form-data"),
        (b"\xff\xfe=\xff", "application/x-www-form-urlencoded"),
    ):
        page = browser._ask("POST", body, kind)
        assert page.status in (400, 403)
        assert "<main>" in page.text
    assert visitor.visit == before


def test_a_page_that_is_called_off_saves_nothing_and_is_over() -> None:
    visitor = a_visitor()
    visitor.reviewed()
    assert "Nothing was saved" in visitor.browser.post(do="off").body
    assert visitor.browser.get().status == 404
    assert not visitor.visit.answers


def test_a_kind_is_chosen_where_there_are_several(monkeypatch: pytest.MonkeyPatch) -> None:
    house = a_house()
    other = replace(FORM, kind="other", label=("Other", "其他"), zone="Asia/Tokyo")
    monkeypatch.setattr(type(house.connectors), "forms", lambda self: (FORM, other))
    monkeypatch.setattr(type(house.connectors), "form", lambda self, kind: {"scripted": FORM, "other": other}[kind])
    visitor = a_visitor(house)
    page = visitor.opened()
    assert "Where do your people live?" in page.body
    page = visitor.browser.post(kind="other")
    assert "The app in Other" in page.body
    assert page.value("zone") == "Asia/Tokyo"


def test_all_that_is_wrong_is_put_into_the_words_of_the_page() -> None:
    asked = FormField(name="url", label=("URL", "网址"), pattern="https?.*", help=("an address", "一个地址"))
    form = replace(FORM, fields=(asked, FormField(name="mode", label=("Mode", "模式"), pattern="one|two")))
    for lang, said in ((Lang.EN, "an address"), (Lang.ZH, "一个地址")):
        fields = Fields(form=form, lang=lang, answers={}, wrong=wrong_answers(form, {"url": "ftp://x"}, ()))
        _, more = fields.app()
        assert said in more[0].error
        assert more[0].inputmode == "url"
        assert [value for value, _ in more[1].options] == ["one", "two"]


def test_every_page_text_is_there_in_both_languages() -> None:
    assert all(english.strip() and chinese.strip() for english, chinese in WORDS.values())
    asked = {
        name
        for path in draw.HERE.iterdir()
        for name in re.findall(r'\bt\("([^"]+)"(?! ~)[,)]', path.read_text(encoding="utf-8"))
    }
    assert asked <= WORDS.keys()


@pytest.mark.parametrize("hour", ["1-5", "24", "-1", "", "x", "0 1"])
def test_an_hour_that_no_page_offers_is_not_taken(hour: str) -> None:
    visitor = a_visitor()
    page = visitor.reviewed(hour=hour)
    assert page.status == 200
    assert "every day at 00:00" in page.body
