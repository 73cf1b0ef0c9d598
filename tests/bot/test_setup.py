"""What is said of a source that somebody set up or changed."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.bot.command import Ask
from chalicelib.bot.commands.setup import edited_reply
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import MalformedError
from chalicelib.core.finding import Check, Finding, Grade
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.sources.edit import Edited
from tests.bot.talk import LANGS, Talk, words
from tests.core.test_logo import a_png
from tests.scripted import House

FOUND = (
    Finding(check=Check.CREDENTIALS, grade=Grade.OK),
    Finding(check=Check.RANGE, grade=Grade.FAILED, cause="range is empty"),
)


def said_of(house: House, lang: Lang, *, changed: bool, enabled: bool, findings: Sequence[Finding]) -> tuple[str, bool]:
    rooms = wiring.rooms()
    ask = Ask(who=TERMINAL, lang=lang, rooms=rooms, catalog=rooms.catalog, directory=rooms.directory)
    source = replace(house.outside.catalog.source("hq"), enabled=enabled)
    reply = edited_reply(ask, Edited(source=source, changed=changed, findings=findings))
    return words(reply), reply.failed


@pytest.mark.parametrize("lang", LANGS)
def test_what_is_enabled_and_saved_is_not_called_inactive_because_a_test_failed(lang: Lang) -> None:
    house = House()
    sources = ("source edit hq", {"seal": Secret("first")}), ("source edit hq", {"seal": Secret("second")})
    for text, secrets in sources:
        Talk(house, lang).type(text, secrets)
    said, failed = said_of(house, lang, changed=True, enabled=True, findings=FOUND)
    assert failed
    assert (
        "hq 已保存，但有检测未通过。下次同步生效。" if lang is Lang.ZH else "hq is saved, though a test failed."
    ) in said
    assert ("尚未启用" if lang is Lang.ZH else "not active") not in said
    assert "seal" in said


@pytest.mark.parametrize("findings", [FOUND, ()])
@pytest.mark.parametrize("lang", LANGS)
def test_what_is_disabled_and_saved_is_told_how_to_become_active(lang: Lang, findings: Sequence[Finding]) -> None:
    said, _ = said_of(House(), lang, changed=True, enabled=False, findings=findings)
    assert ("`启用 hq`" if lang is Lang.ZH else "`enable hq`") in said
    assert ("下次同步" if lang is Lang.ZH else "next sync") not in said


def test_credentials_that_were_refused_changed_nothing() -> None:
    said, failed = said_of(House(), Lang.EN, changed=False, enabled=True, findings=FOUND[1:])
    assert "hq was not changed" in said
    assert failed


def test_a_logo_is_put_from_a_file_and_taken_away_by_a_dash() -> None:
    house = House()
    talk = Talk(house)
    talk.type("source edit hq", {"logo": Secret(base64.b64encode(a_png()).decode())})
    assert house.outside.logos.get(house.source.uid) == a_png()
    assert "--logo-file" in talk.refused("source edit hq --logo x.png")
    talk.type("source edit hq --logo -")
    assert house.outside.logos.get(house.source.uid) is None


def kept(house: House) -> set[str]:
    return {name.partition("~")[0] + "~" * ("~" in name) for name in house.secrets.get(house.source.uid)}


def test_an_optional_secret_is_taken_away_by_a_dash() -> None:
    house = House()
    talk = Talk(house)
    talk.type("source edit hq", {"note": Secret("n"), "seal": Secret("s")})
    assert {"note", "seal"} < kept(house)
    said = words(talk.type("source edit hq --note - --seal -"))
    assert "in five minutes" in said
    assert kept(house) == {"app_secret", "seal~"}


def test_a_needed_secret_is_not_taken_away_by_a_dash() -> None:
    house = House()
    with pytest.raises(MalformedError, match="setting is missing"):
        Talk(house).type("source edit hq --app-secret -")
    assert house.secrets.get(house.source.uid)["app_secret"].reveal() == "s3cret"


def test_an_edit_of_something_else_enables_nothing() -> None:
    house = House()
    wiring.rooms().sources.disable(TERMINAL, "hq")
    Talk(house).type("source edit hq --name 新总部")
    assert not house.outside.catalog.source("hq").enabled
