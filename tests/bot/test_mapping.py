"""The field mapping in the terminal and in a chat."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.bot.parse import parse
from chalicelib.bot.words import as_typed, joined, split
from chalicelib.core.catalogue import Lang
from chalicelib.core.mapping import Vocabulary
from chalicelib.core.model import FieldType, Kind
from chalicelib.core.principal import Role
from chalicelib.core.reply import Reply, Table
from chalicelib.core.source import Form
from tests.bot.chat import a_chat, a_second_source
from tests.bot.talk import LANGS, Talk, words
from tests.scripted import FORM, House, Scripted, a_company


def a_house() -> House:
    house = House(a_company(people=12, departments=3))
    house.sync()
    return house


def rule(house: House, field: str, kind: Kind = Kind.EMPLOYEE) -> str:
    found = house.outside.catalog.source("hq").mapping.rule(kind, field)
    return found.text if found else ""


def commands(reply: Reply) -> list[str]:
    return [each.command for each in reply.buttons]


# --- what is typed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("mapping set title name hq", "name"),
        ("mapping set title name | en_name hq", "name | en_name"),
        ('mapping set title "Head chef" hq', '"Head chef"'),
        ("mapping set title “Contractor” hq", '"Contractor"'),
        ("mapping set title 'lower(name)' hq", "lower(name)"),
        ("mapping set title '\"Chef\"' hq", '"Chef"'),
        ("mapping set title {name} ({email}) hq", '"{name} ({email})"'),
        ('mapping set title "{name} ({email})" hq', '"{name} ({email})"'),
        ("mapping set title lookup(name: P1=Chef, P2=Head cook, else Cook) hq", None),
        ("设置映射 职务 lookup（name：P1=Chef，P2=Head cook，else Cook） hq", None),
        ('mapping set title lookup(name: P1="Chef", P2="Head cook", else "Cook") hq', None),
        ("mapping set title name", "name"),
        ("mapping set title upper(name)", "upper(name)"),
        ('mapping set title "{name}, chef"', '"{name}, chef"'),
        ('mapping set title en_name | "Chef"', 'en_name | "Chef"'),
        ("mapping set 职务 name", "name"),
        ("mapping set Title name HQ", "name"),
    ],
)
def test_an_expression_is_set_as_a_phone_types_it(typed: str, kept: str | None) -> None:
    house = a_house()
    chat = a_chat(house)
    said = chat.read(typed)
    assert rule(house, "title") == (kept or "lookup(name: P1=Chef, P2=Head cook, else Cook)"), said


def test_departments_have_rules_too() -> None:
    house = a_house()
    chat = a_chat(house)
    chat.say("mapping set department.en_name upper(name)")
    chat.say("设置映射 部门.名称 en_name | name")
    assert rule(house, "en_name", Kind.DEPARTMENT) == "upper(name)"
    assert rule(house, "name", Kind.DEPARTMENT) == "en_name | name"
    chat.say("恢复映射 department.name hq")
    assert rule(house, "name", Kind.DEPARTMENT) == "name"


@pytest.mark.parametrize("text", ['mapping set title "a b" hq', "x 'y z' hq", 'x "it\'s" hq', 'x {a} ("b c") hq'])
def test_words_with_quotes_can_be_spelled_and_split_again(text: str) -> None:
    once = split(text)
    assert split(joined(once)) == once
    assert as_typed(split(joined(once))) == as_typed(once)


def test_of_many_words_the_last_is_the_source_if_it_is_one() -> None:
    given = parse(("mapping", "set", "title", "a", "|", "b", "hq"), Lang.EN, sources=("hq", "branch")).given
    assert (given["expression"], given["source"]) == (("a", "|", "b"), "hq")
    choices = parse(("mapping", "set", "title", "a", "|", "b"), Lang.EN, sources=("hq", "branch")).choices
    assert choices["branch"] == "mapping set title a | b branch"
    assert parse(("mapping", "try"), Lang.EN, sources=("hq",)).given["source"] == "hq"
    assert parse(("mapping", "try", "hq"), Lang.EN, sources=("hq",)).given["change"] == ()


def test_the_button_of_a_source_that_was_left_out_sets_the_same_rule() -> None:
    house = a_house()
    chat = a_chat(house)
    a_second_source(house)
    asked = chat.say('mapping set title "Head chef"')
    press = next(each for each in commands(asked) if each.endswith(" hq"))
    chat.press(press)
    assert rule(house, "title") == '"Head chef"'


def test_a_forged_edit_needs_the_code_and_sets_what_was_typed() -> None:
    house = a_house()
    chat = a_chat(house, proven=False)
    asked = chat.say('mapping set title "Head chef" hq')
    assert rule(house, "title") == "title"
    number = next(each.split()[1] for each in commands(asked) if each.startswith("confirm "))
    chat.say(f"confirm {number} 100000")
    assert rule(house, "title") == '"Head chef"'


# --- what is shown


@pytest.mark.parametrize("lang", LANGS)
def test_the_mapping_is_shown_as_it_can_be_typed(lang: Lang) -> None:
    house = a_house()
    talk = Talk(house, lang)
    talk.type("mapping set title 'lookup(name: P1=Chef, else Cook)' hq")
    reply = talk.type("mapping hq")
    tables = [block for block in reply.blocks if isinstance(block, Table)]
    (title,) = [row for table in tables for row in table.rows if row[0] == "title"]
    assert title[3] == "lookup(name: P1=Chef, else Cook)"
    assert title[4]
    assert [row[0] for row in tables[1].rows][:2] == ["department.name", "department.parent"]
    document = talk.data("mapping hq")
    assert {each["field"]: each["takes"] for each in document["employees"]}["title"] == title[3]
    assert {each["field"]: each["default"] for each in document["employees"]}["title"] == "title"
    shown = words(talk.type("source show hq"))
    assert title[3] in shown


def test_a_phone_shows_the_rules_and_what_to_do_next() -> None:
    chat = a_chat(a_house())
    reply = chat.say("映射")
    assert commands(reply) == ["mapping try hq", "sync preview hq"]
    rows = [row for block in reply.blocks if isinstance(block, Table) for row in block.rows]
    assert ("姓名 (name)", "name") in rows
    assert all(len(row) == 2 for row in rows)


@pytest.mark.parametrize("lang", LANGS)
def test_an_edit_says_when_it_takes_effect_and_offers_to_try(lang: Lang) -> None:
    chat = a_chat(a_house())
    chat.admit("ou_lang", Role.OWNER, lang=lang)
    reply = chat.say("mapping set title upper(name) hq", "ou_lang")
    assert ("next sync" if lang is Lang.EN else "下次同步") in words(reply)
    assert commands(reply) == ["mapping try hq", "sync preview hq"]
    again = chat.say("mapping set title upper(name) hq", "ou_lang")
    assert commands(again) == []


def test_a_text_without_its_quotes_is_told_from_a_field() -> None:
    talk = Talk(vendor_house())
    assert "'\"Contractor\"'" in talk.refused("mapping set title Contractor hq")
    assert "in quotes" in talk.refused("mapping set title Contractor hq")
    talk.lang = Lang.ZH
    assert "加引号" in talk.refused("mapping set title Contractor hq")


def vendor_house() -> House:
    """A house whose kind of source tells which fields it has."""
    house = a_house()
    vocabulary = Vocabulary(employees={"name": FieldType.TEXT, "title": FieldType.TEXT}, custom="own.")

    class Known(Scripted):
        def form(self, kind: str) -> Form:
            return replace(FORM, vocabulary=vocabulary)

    wiring.use(replace(house.outside, connectors=Known(house.company, house.clock)))
    return house


def test_a_field_of_the_companys_own_is_taken_with_a_warning() -> None:
    talk = Talk(vendor_house())
    assert "own.shoe" in words(talk.type("mapping set title own.shoe hq"))
    assert "Nobody in what was last read" in words(talk.type("mapping try hq"))


# --- extended fields


@pytest.mark.parametrize("lang", LANGS)
def test_a_field_is_added_edited_and_removed(lang: Lang) -> None:
    house = a_house()
    talk = Talk(house, lang)
    assert "mapping set badge" in words(talk.type("field add badge hq --type integer --label 工牌"))
    talk.type("mapping set 工牌 'lookup(name: P1=1, else 2)' hq")
    house.sync()
    assert house.entry("p1").values["badge"] == 1
    assert "工牌号" in words(talk.type("field edit badge hq --label 工牌号 --type 文本"))
    reply = words(talk.type("field remove badge hq"))
    assert ("full sync" if lang is Lang.EN else "全量同步") in reply
    assert "badge" in words(talk.type("mapping hq"))  # as one that is being emptied
    assert "badge" in talk.refused("field remove badge hq")
    assert talk.data("mapping hq")["retired"] == ["badge"]


def test_what_a_field_may_be_is_said() -> None:
    talk = Talk(a_house())
    assert "integer, boolean, date" in talk.refused("field add badge hq --type colour")
    assert "Badge" in talk.refused("field add Badge hq --type text")
    assert "already" in talk.refused("field add email hq --type text")


# --- a trial


@pytest.mark.parametrize("lang", LANGS)
def test_a_trial_shows_counts_fields_and_examples(lang: Lang) -> None:
    talk = Talk(a_house(), lang)
    reply = talk.type("mapping try title 'upper(name)' hq")
    tables = [block for block in reply.blocks if isinstance(block, Table)]
    assert ("employees" if lang is Lang.EN else "员工", "12") in tables[0].rows
    assert tables[1].rows[0][1:] == ("12", "·")
    assert len(tables[2].rows) == 12
    assert "P3" in words(reply)
    document = talk.data("mapping try title 'upper(name)' hq")
    assert document["fields"] == {"title": {"changed": 12, "emptied": 0}}
    assert len(document["records"]) == 12
    assert document["counts"]["employees"]["update"] == 12
    assert talk.data("mapping try 'title upper(name)' hq")["fields"] == document["fields"]


def test_a_trial_in_a_chat_is_small_goes_on_and_can_be_saved() -> None:
    house = a_house()
    chat = a_chat(house)
    reply = chat.say('mapping try title "{name}, chef"')
    assert commands(reply) == ['mapping try title "{name}, chef" hq --page 2', 'mapping set title "{name}, chef" hq']
    second = chat.press(commands(reply)[0]).reply
    rows = [row for block in second.blocks if isinstance(block, Table) for row in block.rows]
    assert len(rows) == 5
    assert "page 2" in second.title
    assert rule(house, "title") == "title"
    chat.press(commands(reply)[1])
    assert rule(house, "title") == '"{name}, chef"'


def test_the_way_back_can_be_tried_too() -> None:
    house = a_house()
    chat = a_chat(house)
    chat.say("mapping set title upper(name) hq")
    house.sync()
    reply = chat.say("mapping try reset title")
    assert commands(reply)[-1] == "mapping reset title hq"
    assert "12" in words(reply)


def test_where_others_read_along_a_trial_masks_addresses() -> None:
    chat = a_chat(a_house())
    text = 'mapping try email "{name}.x@example.com"'
    assert "P3.x@example.com" not in words(chat.say(text))
    assert "P0.x@example.com" in words(chat.say(text, direct=True))


def test_where_nothing_was_read_it_is_said_how_to() -> None:
    talk = Talk(House())
    assert "sync preview hq" in talk.refused("mapping try hq")


def test_where_nobody_would_change_that_is_said() -> None:
    assert "Nobody would change" in words(Talk(a_house()).type("mapping try hq"))
