from __future__ import annotations

import pytest

from chalicelib.bot.command import COMMANDS
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import RollcallError
from chalicelib.core.matching import UNMATCHED, Matching
from chalicelib.core.model import Kind
from tests.bot.chat import a_chat, commands
from tests.bot.talk import LANGS, Talk, words
from tests.sync.town import Town


@pytest.fixture
def town() -> Town:
    """Ann Lee is in hq, and x with her number in branch; nobody is matched."""
    town = Town()
    town.hq.open("h0")
    town.hq.departments["h0"]["name"] = "Acme Ltd"
    town.hq.hire("ann", "h0", en_name="7", name="Ann Lee")
    town.branch.hire("x", en_name="7")
    town.run("hq")
    return town


def rules(town: Town) -> Matching:
    return town.outside.catalog.source("branch").matching


@pytest.mark.parametrize("lang", LANGS)
def test_without_rules_it_is_said_what_that_means_and_how_to_set_them(town: Town, lang: Lang) -> None:
    talk = Talk(town, lang)
    said = words(talk.type("matching branch" if lang is Lang.EN else "匹配 branch"))
    assert ("matching set employees" if lang is Lang.EN else "设置匹配 员工") in said
    assert talk.data("matching branch") == {
        "source": "branch",
        "departments": [],
        "employees": [],
        "trusts_email": False,
    }


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("matching set employees employee_number,mobile branch", Matching(employees=("employee_no", "mobile"))),
        ("设置匹配 员工 工号，手机 branch", Matching(employees=("employee_no", "mobile"))),
        ("设置匹配 员工 邮箱 手机 branch", Matching(employees=("email", "mobile"))),
        (
            "matching set people e-mail branch --trust-email",
            Matching(employees=("email",), trusts_email=True),
        ),
        ("matching set departments path branch", Matching(departments=("path",))),
        ("matching set employees none branch", UNMATCHED),
    ],
)
def test_rules_are_set_as_people_say_them(town: Town, typed: str, kept: Matching) -> None:
    Talk(town).type(typed)
    assert rules(town) == kept


@pytest.mark.parametrize("typed", ["matching set cats mobile branch", "matching set employees shoe_size branch"])
def test_what_nobody_is_matched_by_is_refused(town: Town, typed: str) -> None:
    assert Talk(town).refused(typed)
    assert rules(town) == UNMATCHED


@pytest.mark.parametrize("typed", ["link x ann lee branch", "link x ANN branch", "关联 x {id} branch"])
def test_an_entry_is_named_as_who_finds_it(town: Town, typed: str) -> None:
    entry = town.of("hq", "ann").entry_id
    document = Talk(town).data(typed.format(id=entry))
    assert (document["entry"], document["key"], document["owns"], document["changed"]) == (entry, "x", False, True)
    town.run("branch")
    assert town.of("branch", "x").entry_id == entry


def test_a_department_is_named_by_its_path(town: Town) -> None:
    town.branch.open("b0")
    assert Talk(town).data("link department:b0 acme ltd branch")["kind"] == Kind.DEPARTMENT
    town.run("branch")
    department = town.of("hq", "h0", Kind.DEPARTMENT).entry_id
    assert town.of("branch", "b0", Kind.DEPARTMENT).entry_id == department


def test_where_two_may_be_meant_each_is_a_button(town: Town) -> None:
    town.hq.hire("ann2", "h0", name="Ann Lang")
    town.run("hq")
    chat = a_chat(town)
    buttons = commands(chat.say("link x ann branch"))
    assert sorted(buttons) == sorted(f"link x {town.of('hq', each).entry_id} branch" for each in ("ann", "ann2"))
    assert town.link("branch", "x") is None


@pytest.mark.parametrize("lang", LANGS)
def test_an_employee_is_shown_with_all_links(town: Town, lang: Lang) -> None:
    talk, entry = Talk(town, lang), town.of("hq", "ann").entry_id
    talk.type("link x ann branch")
    document = talk.data(f"employee show {entry}")
    assert document["links"] == [
        {"source": "hq", "key": "ann", "owns": True},
        {"source": "branch", "key": "x", "owns": False},
    ]
    assert "branch x" in words(talk.type(f"employee show {entry}"))
    town.delete("hq")
    assert talk.data(f"employee show {entry}")["links"] == [{"source": "branch", "key": "x", "owns": False}]


def test_in_a_chat_an_owner_is_unlinked_only_when_that_is_confirmed(town: Town) -> None:
    Talk(town).type("link x ann branch")
    entry = town.of("hq", "ann").entry_id
    chat = a_chat(town)
    asked = chat.say("unlink ann hq")
    link = town.link("hq", "ann")
    assert link is not None
    assert link.entry_id == entry
    (confirm,) = [each for each in commands(asked) if each.startswith("confirm") and not each.endswith("no")]
    chat.press(confirm)
    link = town.link("hq", "ann")
    assert link is not None
    assert link.entry_id != entry


def test_a_further_link_is_taken_off_at_once(town: Town) -> None:
    talk = Talk(town)
    talk.type("link x ann branch")
    document = talk.data("unlink ann branch")
    assert (document["owned"], document["heirs"]) == (False, ["hq"])
    assert town.of("hq", "ann").others == ()


@pytest.mark.parametrize("lang", LANGS)
def test_adoptions_and_conflicts_are_told_in_records(town: Town, lang: Lang) -> None:
    town.matches("branch")
    talk = Talk(town, lang)
    adopted = town.run("branch")
    document = talk.data(f"record {adopted.task_id}")
    assert document["counts"]["employees"]["adopted"] == 1
    assert document["records"][0]["action"] == "adopt"
    assert ("adopt" if lang is Lang.EN else "认领") in words(talk.type(f"record {adopted.task_id}"))
    town.hq.hire("twin", en_name="8")
    town.hq.hire("other", en_name="8")
    town.run("hq")
    town.branch.hire("y", en_name="8")
    conflict = town.run("branch")
    document = talk.data(f"record {conflict.task_id}")
    assert document["counts"]["employees"]["conflict"] == 1
    (row,) = document["records"]
    assert all(town.of("hq", each).entry_id in row["reason"] for each in ("twin", "other"))
    assert "`link y <entry> branch`" in row["reason"] or "`关联 y <条目> branch`" in row["reason"]
    chat = a_chat(town)
    assert ("conflict" if lang is Lang.EN else "冲突") in chat.read(
        f"record {conflict.task_id}" if lang is Lang.EN else f"详情 {conflict.task_id}"
    )


def test_a_document_is_refused_to_those_who_may_not() -> None:
    wanted = {"matching set", "link", "unlink"}
    assert {
        each.name for each in COMMANDS if each.name in wanted and each.role.name == "OWNER" and each.noted
    } == wanted
    with pytest.raises(RollcallError):
        Talk(Town()).type("link x nobody-here branch")
