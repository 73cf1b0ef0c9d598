"""The card of docs/dingtalk-card.json and what is filled into it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from chalicelib.connectors.dingtalk.template import (
    BUTTONS,
    COMMAND,
    LABEL,
    LINES,
    LONGEST_VALUE_BYTES,
    NOTE,
    PARAMS,
    SENDS,
    SHOWN,
    STATUS,
    TITLE,
    Track,
    params,
    track,
    tracked,
)
from chalicelib.core.catalogue import Lang
from chalicelib.core.reply import Button, Line, Reply, Table, Tone
from tests.connectors.dingtalk.test_markdown import a_reply, check_is_harmless, replies

DOCS = Path(__file__).parents[3] / "docs"
EXPORTED = json.loads((DOCS / "dingtalk-card.json").read_text(encoding="utf-8"))
EDITOR = json.loads(EXPORTED["editorData"])
CARD = EDITOR["schema"]["componentsTree"][0]
GROUP = "cid5o+bbZdK/80y1V5ESE5Trw=="


def parts(kind: str) -> list[Any]:
    return [each["props"] for each in CARD["children"] if each["componentName"] == kind]


def test_the_template_declares_exactly_what_is_filled_in() -> None:
    declared = {each["name"]: each for each in EDITOR["variableList"]}
    assert tuple(declared) == PARAMS
    assert [name for name, each in declared.items() if each["private"]] == [NOTE]
    assert [name for name, each in declared.items() if each["type"] == "boolean"] == [each + SHOWN for each in BUTTONS]
    assert EDITOR["mockData"]["cardData"].keys() == set(PARAMS)


def test_the_template_shows_all_that_is_filled_in() -> None:
    assert (CARD["props"]["cardName"]["content"], CARD["props"]["tagText"]["content"]) == ("${title}", "${status}")
    assert [each["content"]["variable"] for each in parts("Markdown")] == [*LINES, NOTE]
    used = set(re.findall(r"\$\{(\w+)\}", EXPORTED["editorData"]))
    used |= set(re.findall(r'"variable":"(\w+)"', EXPORTED["editorData"]))
    assert used == set(PARAMS)


def test_each_button_sends_its_command_and_is_seen_when_it_is_shown() -> None:
    (block,) = parts("ButtonBlock")
    for name, button in zip(BUTTONS, block["buttons"], strict=True):
        assert button["text"]["content"] == f"${{{name}{LABEL}}}"
        (sent,) = button["params"]
        assert (sent["name"], sent["variable"], button["actionType"]) == (COMMAND, name + SENDS, "request")
        (condition,) = button["visible"]["condition"]["conditions"]
        assert (condition["variable"], condition["op"]) == (name + SHOWN, "isTrue")
        assert all(button[toast]["content"] for toast in ("successToast", "failureToast"))


def test_the_page_for_admins_names_what_there_is() -> None:
    page = (DOCS / "dingtalk-card.md").read_text(encoding="utf-8")
    ends = [
        f"`{first}` ... `{last}`" for first, last in ((LINES[0], LINES[-1]), (BUTTONS[0] + SHOWN, BUTTONS[-1] + SHOWN))
    ]
    assert [
        each for each in (f"`{TITLE}`", f"`{STATUS}`", f"`{NOTE}`", f"`{COMMAND}`", *ends) if each not in page
    ] == []


def test_a_reply_fills_the_card() -> None:
    buttons = (Button(label="Approve", command="sync approve 4821"), Button(label="Refuse", command="sync reject 4821"))
    filled = params(a_reply(Line(text="3 wait."), title="hq · sync 4821", tone=Tone.WARN, buttons=buttons))
    assert tuple(filled) == PARAMS
    assert {name: value for name, value in filled.items() if value not in ("", "false")} == {
        "title": "hq · sync 4821",
        "status": "⚠️",
        "lines1": "3 wait.",
        "button1_shown": "true",
        "button1_label": "Approve",
        "button1_command": "sync approve 4821",
        "button2_shown": "true",
        "button2_label": "Refuse",
        "button2_command": "sync reject 4821",
    }


@given(replies)
def test_parameters_are_texts_within_their_limits_and_mean_nothing(reply: Reply) -> None:
    for name, value in params(reply).items():
        assert isinstance(value, str)
        assert len(name.encode()) <= 100
        assert len(value.encode()) <= LONGEST_VALUE_BYTES
        if name in LINES or name == TITLE:
            check_is_harmless(value)


@pytest.mark.parametrize("cell", ["x", "汉字" * 20, "&" * 5000])
def test_what_does_not_fit_is_left_out_and_said(cell: str) -> None:
    rows = tuple((f"person {number}", cell) for number in range(9000))
    filled = params(a_reply(Table(columns=("a", "b"), rows=rows), title="Plan", task="4821"))
    body = "".join(filled[name] for name in LINES)
    shown = body.count("person ")
    assert shown
    assert f"{9000 - shown} more lines" in body
    assert "record 4821" in body
    assert len(body.encode()) > 5 * LONGEST_VALUE_BYTES or len(cell) > LONGEST_VALUE_BYTES


def test_more_buttons_than_there_are_places_are_commands_to_type() -> None:
    buttons = tuple(Button(label=f"b{number}", command=f"record {number}") for number in range(1, 10))
    filled = params(a_reply(Line(text="x"), title="t", buttons=buttons))
    assert filled["button6_command"] == "record 6"
    assert "b7: type `record 7`" in filled["lines1"]
    assert "record 6" not in filled["lines1"]


def test_a_command_that_does_not_fit_is_no_button_rather_than_another_command() -> None:
    filled = params(a_reply(Line(text="x"), title="t", buttons=(Button(label="b", command="who " + "汉" * 400),)))
    assert filled["button1_shown"] == "false"
    assert "汉" not in "".join(filled.values())


@pytest.mark.parametrize("lang", Lang)
@pytest.mark.parametrize("group", ["", GROUP, "cid/+=="])
def test_a_cards_name_tells_its_place_and_language(lang: Lang, group: str) -> None:
    name = track("msg1#0", "src-1", group, "ann", lang)
    assert (tracked(name).lang, tracked(name).group) == (lang, group)
    assert name == track("msg1#0", "src-1", group, "ann", lang)
    others = {track("msg1#1", "src-1", group, "ann", lang), track("msg1#0", "src-2", group, "ann", lang)}
    assert len({name, *others}) == 3


def test_a_card_that_one_person_has_tells_whose_it_is_and_not_who_they_are() -> None:
    name = track("msg1#0", "src-1", "", "ann", Lang.EN)
    assert tracked(name).is_of("src-1", "ann")
    assert "ann" not in name
    assert not tracked(name).is_of("src-1", "ben")
    assert not tracked(name).is_of("src-2", "ann")
    assert not tracked(track("msg1#0", "src-1", GROUP, "ann", Lang.EN)).is_of("src-1", "ann")
    assert not Track().is_of("src-1", "ann")


@pytest.mark.parametrize(
    "card",
    [
        "",
        "x",
        "rollcall.en.-.zz",
        "rollcall.en.-." + "0" * 24,
        "rollcall.fr.-." + "0" * 24,
        "rollcall.en._w." + "0" * 24,
    ],
)
def test_a_card_that_is_not_ours_tells_nothing(card: str) -> None:
    assert tracked(card) == Track()
