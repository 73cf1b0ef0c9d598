from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.bot import commands as _commands  # noqa: F401 - importing them declares them
from chalicelib.bot.answer import Bot, refusal
from chalicelib.bot.command import COMMANDS, Command
from chalicelib.bot.parse import parse
from chalicelib.core.catalogue import CATALOGUE, Lang
from chalicelib.core.errors import ForbiddenError, NotFoundError, RollcallError
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.reply import Tone
from tests.bot.talk import LANGS, Talk, drawn, words
from tests.scripted import House


def somebody(role: Role) -> Principal:
    return Principal(key="somebody", role=role, door="chat")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    "declared", [each for each in COMMANDS if each.role > Role.VIEWER], ids=lambda each: " ".join(each.words)
)
def test_who_lacks_the_role_is_refused_and_told_which(declared: Command, lang: Lang) -> None:
    house = House()
    options = " ".join(f"--{each.name} x" for each in declared.options.values() if each.required)
    needed = " ".join("x" for _, is_needed, _ in declared.params if is_needed)
    talk = Talk(house, lang, somebody(Role(declared.role - 1)))
    assert declared.role.name.lower() in talk.refused(f"{' '.join(declared.words)} {needed} {options}")
    assert house.bell.rung == []


def test_a_viewer_may_look_at_everything() -> None:
    house = House()
    task = house.sync()
    talk = Talk(house, who=somebody(Role.VIEWER))
    entry = house.entry("p1").entry_id
    for text in ("help", "sources", "source show hq", "records", f"record {task.task_id}", "employees", "departments"):
        assert talk.type(text).blocks
    assert talk.type(f"employee show {entry}").blocks


@pytest.mark.parametrize("lang", LANGS)
def test_a_refusal_says_what_to_do_and_is_a_document_too(lang: Lang) -> None:
    reply = refusal(NotFoundError("no such task", task="9"), lang)
    text = CATALOGUE["no such task"][lang is Lang.ZH].format(task="9")
    assert words(reply) == text
    assert reply.data == {"error": {"code": "no such task", "message": text, "facts": {"task": "9"}}}
    assert reply.tone is Tone.BAD


def test_a_refusal_is_raised_for_the_door_to_word() -> None:
    with pytest.raises(ForbiddenError, match="forbidden"):
        Talk(House(), who=somebody(Role.VIEWER)).type("sync now hq")


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("sync now branch", "branch"),
        ("sync preview branch", "branch"),
        ("source show branch", "branch"),
        ("records branch", "branch"),
        ("employees --source branch", "branch"),
        ("departments --source branch", "branch"),
        ("sync approve 99", "99"),
        ("sync reject 99", "99"),
        ("record 99", "99"),
        ("record ../1", "../1"),
        ("record -1", "-1"),
        ("record １", "１"),
        ("employee show nobody", "nobody"),
        ("source show '[red]hq'", "[red]hq"),
    ],
)
def test_what_there_is_not_is_named_in_the_refusal(text: str, rule: str, lang: Lang) -> None:
    house = House()
    house.sync()
    assert rule in Talk(house, lang).refused(text)


@pytest.mark.parametrize("lang", LANGS)
def test_an_unknown_name_of_any_length_is_cut_short(lang: Lang) -> None:
    long = "x" * 5000
    for text in (f"sync now {long}", f"record {long}", f"employee show {long}", long, f"sync now hq --{long}"):
        assert len(Talk(House(), lang).refused(text)) < 400


ASKED = st.one_of(st.text(max_size=20), st.sampled_from(("1", "hq", "e1", "--all", "--entry", "--source=hq", "王")))
LOOKING = [each.words for each in COMMANDS if each.role is Role.VIEWER]


@pytest.fixture(scope="module")
def busy_house() -> House:
    house = House()
    house.sync()
    return house


@settings(deadline=None)
@given(words_=st.sampled_from(LOOKING), rest=st.lists(ASKED, max_size=3), lang=st.sampled_from(Lang))
def test_whatever_is_asked_is_answered_or_refused_in_words(
    busy_house: House, words_: tuple[str, ...], rest: list[str], lang: Lang
) -> None:
    wiring.use(busy_house.outside)
    try:
        reply = Bot(rooms=wiring.rooms()).answer(TERMINAL, lang, parse((*words_, *rest), lang))
    except RollcallError as error:
        reply = refusal(error, lang)
    assert json.dumps(reply.data, ensure_ascii=False).encode()
    assert drawn(reply)


def test_bytes_that_are_no_text_are_refused_like_any_other_name() -> None:
    house = House()
    for text in (
        "employees \udcff",
        "record \udcff",
        "employee show \udcff",
        "sync now \udcff",
        "\udcff",
        "help \udcff",
    ):
        try:
            reply = Talk(house).type(text)
        except RollcallError as error:
            reply = refusal(error, Lang.EN)
        assert words(reply).encode()
