"""Choosing departments in a chat and in the terminal, in both languages."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.model import State
from chalicelib.core.principal import Role
from tests.bot.chat import Chat, a_chat, a_second_source, commands, everything
from tests.bot.talk import Talk, cells, words
from tests.scripted import House
from tests.sources.test_scope import a_company


def a_house() -> House:
    house = House(a_company())
    house.sync()
    return house


def chosen(house: House) -> list[str]:
    return [each.path for each in house.outside.catalog.source("hq").scope.departments]


def confirmed(chat: Chat, text: str, by: str = "ou_owner") -> str:
    asked = chat.say(text, by)
    number = next(each.split()[1] for each in commands(asked) if each.startswith("confirm "))
    return chat.read(f"confirm {number}", by)


def test_narrowing_is_confirmed_after_what_it_would_take_away_was_shown() -> None:
    chat = a_chat(a_house())
    asked = chat.read("scope set 研发中心 hq")
    assert "would remove 5 employee(s) and 6 department(s)" in asked
    assert "5 employee(s) lose access" in asked
    assert chosen(chat.house) == []
    said = confirmed(chat, "scope set 研发中心 hq")
    assert "研发中心" in said
    assert "Nobody is removed yet" in said
    assert "sync preview hq" in said
    assert chosen(chat.house) == ["研发中心"]
    assert chat.house.state("p3") is State.ACTIVE


def test_narrowing_that_takes_access_from_many_wants_a_second_person() -> None:
    chat = a_chat(a_house())
    chat.admit("ou_second", Role.OWNER)
    chat.say("second person 2 hq")
    asked = chat.say("scope set 销售 hq")
    number = next(each.split()[1] for each in commands(asked) if each.startswith("confirm "))
    chat.say(f"confirm {number}")
    assert chosen(chat.house) == []
    chat.say(f"confirm {number}", "ou_second")
    assert chosen(chat.house) == ["销售"]


def test_widening_needs_no_confirmation_where_the_vendor_vouches_for_who_spoke() -> None:
    chat = a_chat(a_house())
    confirmed(chat, "scope set 销售")
    assert "would remove" in chat.read("scope add 研发中心/平台")
    assert chosen(chat.house) == ["研发中心 / 平台", "销售"]
    assert "everything is synced" in chat.read("scope all")
    assert chosen(chat.house) == []


def test_widening_needs_a_code_where_it_does_not() -> None:
    chat = a_chat(a_house(), proven=False)
    for text in ("scope all hq", "scope add 销售 hq", "user info off hq"):
        assert "confirm" in chat.read(text).casefold()
    assert chat.house.outside.catalog.source("hq").user_info


@pytest.mark.parametrize(
    "typed",
    [
        "scope set 研发中心 / 平台 销售 hq",
        "scope set 研发中心/平台 销售",
        '设置范围 "研发中心 / 平台" 销售 hq',
        "只同步 研发中心/ 平台 d4",
        "scope set “研发中心／平台”，销售。",
    ],
)
def test_several_paths_are_typed_with_spaces_slashes_and_quotes_as_a_phone_makes_them(typed: str) -> None:
    chat = a_chat(a_house())
    confirmed(chat, typed)
    assert chosen(chat.house) == ["研发中心 / 平台", "销售"]


def test_of_part_of_a_name_a_chat_offers_buttons_which_say_the_whole() -> None:
    chat = a_chat(a_house())
    reply = chat.say("scope set 销售 研 hq")
    assert "Did you mean" in words(reply)
    assert [button.label for button in reply.buttons] == ["研发中心", "研究院"]
    assert commands(reply) == ["scope set 销售 d1 hq", "scope set 销售 d6 hq"]
    pressed = chat.press(commands(reply)[0]).reply
    assert "Confirm" in everything(pressed)


def test_of_part_of_a_name_a_terminal_shows_lines_to_copy() -> None:
    talk = Talk(a_house())
    rows = cells(talk.type("scope set 研/平台 hq"))
    assert [row[1] for row in rows] == ['scope set "研发中心 / 平台" hq', 'scope set "研究院 / 平台" hq']
    talk.type(rows[1][1])
    assert chosen(talk.house) == ["研究院 / 平台"]
    assert [row[1] for row in cells(talk.type("scope set 重名 hq"))] == ["scope set d8 hq", "scope set d9 hq"]


def test_departments_are_browsed_and_chosen_by_pressing() -> None:
    chat = a_chat(a_house())
    top = chat.say("scope browse")
    assert [button.label for button in top.buttons][:2] == ["▸ 研发中心", "▸ 研究院"]
    inner = chat.press(commands(top)[0])
    assert inner.edits == "card"
    assert inner.reply.title == "研发中心"
    labels = {button.label: button.command for button in inner.reply.buttons}
    assert labels["▸ 平台"] == "scope browse d2 hq --page 1"
    assert "Sync this, too" not in labels
    assert "Confirm" in everything(chat.press(labels["Sync only this"]).reply)
    leaf = chat.press(labels["▸ 平台"]).reply
    assert "No department lies below" in words(leaf)
    assert {button.label: button.command for button in leaf.buttons}["Up"] == "scope browse d1 hq --page 1"
    confirmed(chat, "scope set d2 hq")
    again = {button.label for button in chat.press("scope browse d2 hq --page 1").reply.buttons}
    assert "Take it out" in again
    assert "Sync this, too" in {button.label for button in chat.press("scope browse d4 hq --page 1").reply.buttons}


def test_many_departments_are_browsed_page_by_page() -> None:
    house = a_house()
    for number in range(25):
        house.company.open(f"x{number:02}", "d6")
    chat = a_chat(house)
    first = chat.say("scope browse 研究院")
    assert sum(label.startswith("▸") for label in (button.label for button in first.buttons)) == 10
    assert commands(first)[-1] == "scope browse d6 hq --page 2"
    last = chat.say("scope browse d6 hq --page 3")
    assert sum(button.label.startswith("▸") for button in last.buttons) == 6


def test_the_source_must_be_chosen_where_there_are_several() -> None:
    house = a_house()
    a_second_source(house)
    chat = a_chat(house)
    assert commands(chat.say("scope browse")) == ["scope browse branch", "scope browse hq"]
    assert commands(chat.say("scope")) == ["scope branch", "scope hq"]


@pytest.mark.parametrize("lang", list(Lang))
def test_the_scope_is_shown_in_both_languages(lang: Lang) -> None:
    talk = Talk(a_house(), lang=lang)
    assert ("everything" if lang is Lang.EN else "全部") in words(talk.type("scope hq"))
    talk.type("scope set 销售 hq")
    assert "销售" in words(talk.type("scope hq"))
    assert "销售" in words(talk.type("source show hq"))
    data: Any = talk.data("scope hq")
    assert data == {"source": "hq", "everything": False, "departments": [{"id": "d4", "path": "销售"}]}
    document: Any = talk.data("source show hq")
    assert (document["user_info"], document["scope"]) == (True, data["departments"])


def test_a_viewer_may_look_and_not_choose() -> None:
    chat = a_chat(a_house())
    assert "everything is synced" in chat.read("scope", "ou_viewer")
    assert "role owner" in chat.read("scope set 销售", "ou_op")
    assert "role operator" in chat.read("scope browse", "ou_viewer")


@pytest.mark.parametrize(
    ("lang", "no_effect"), [(Lang.EN, "No effect while automatic sync is off"), (Lang.ZH, "暂不生效")]
)
def test_user_info_says_that_it_has_no_effect_while_automatic_sync_is_off(lang: Lang, no_effect: str) -> None:
    talk = Talk(a_house(), lang=lang)
    assert no_effect not in words(talk.type("user info off hq"))
    assert ("off" if lang is Lang.EN else "关闭") in words(talk.type("source show hq"))
    talk.type("auto off hq")
    assert no_effect in words(talk.type("user info on hq"))
    assert ("no effect while" if lang is Lang.EN else "不生效") in words(talk.type("source show hq"))
    assert no_effect in words(talk.type("user info on hq"))


def test_a_row_says_that_it_is_out_of_scope() -> None:
    house = a_house()
    talk = Talk(house)
    talk.type("scope set 研发中心 hq")
    preview = house.preview()
    assert "out of scope" in words(talk.type(f"record {preview.task_id}"))
    documents: Any = talk.data(f"record {preview.task_id}")
    assert {row["evidence"] for row in documents["records"]} == {"outside"}
    assert [each.code for each in preview.remarks] == ["some are out of scope"]
