from __future__ import annotations

from typing import Any

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import SetupError
from chalicelib.core.model import Kind
from chalicelib.core.principal import Role
from chalicelib.local.table import SqliteTable
from chalicelib.notices.show import SHOWN_ROWS
from infra.bill import CountingTable
from tests.bot.chat import a_chat
from tests.bot.talk import LANGS, Talk, cells, drawn, words
from tests.bot.test_sync import TASK_KEYS, a_house_with_leavers, check_task_document
from tests.scripted import House, a_company

RECORD_KEYS = {
    "key",
    "kind",
    "entry",
    "action",
    "status",
    "reason",
    "evidence",
    "source",
    "before",
    "after",
    "observed_at",
}


def check_record_document(document: Any) -> None:
    assert set(document) == RECORD_KEYS
    assert document["kind"] in ("employee", "department")
    assert document["action"] in ("create", "update", "deactivate", "reactivate")
    assert document["status"] in ("planned", "applied", "held", "superseded", "rejected")
    assert all(isinstance(document[each], dict) for each in ("source", "before", "after"))


@pytest.mark.parametrize("lang", LANGS)
def test_before_the_first_sync_there_is_a_hint_and_an_empty_list(lang: Lang) -> None:
    reply = Talk(House(), lang).type("records")
    assert reply.data == []
    assert "sync now" in words(reply)


@pytest.mark.parametrize("lang", LANGS)
def test_tasks_are_listed_newest_first(lang: Lang) -> None:
    house = House()
    tasks = [house.sync().task_id for _ in range(3)]
    reply = Talk(house, lang).type("records hq")
    assert [row[0] for row in cells(reply)] == tasks[::-1]
    assert [each["task"] for each in Talk(house, lang).data("记录 hq")] == tasks[::-1]


def test_a_failed_task_says_why_in_the_list() -> None:
    house = House()

    def denied(number: int) -> None:
        raise SetupError("permission missing", scopes="contact", code=7)

    house.connectors.before_call = denied
    house.sync()
    (document,) = Talk(house).data("records")
    check_task_document(document)
    assert document["status"] == "failed"
    assert "lacks a permission" in document["reason"]
    assert "lacks a permission" in words(Talk(house).type("records"))


def test_a_queued_task_has_not_started() -> None:
    talk = Talk(House())
    talk.type("sync now hq")
    (document,) = talk.data("records")
    assert (document["status"], document["started_at"], document["finished_at"]) == ("queued", None, None)


@pytest.mark.parametrize("lang", LANGS)
def test_a_task_is_shown_with_all_its_rows(lang: Lang) -> None:
    house = House()
    task = house.sync()
    document = Talk(house, lang).data(f"record {task.task_id}")
    assert set(document) == {*TASK_KEYS, "records"}
    assert len(document["records"]) == 48
    for each in document["records"]:
        check_record_document(each)


def test_a_row_shows_the_sources_fields_beside_before_and_after() -> None:
    house = House()
    house.sync()
    house.company.people["p3"]["title"] = "Engineer"
    task = house.sync()
    entry = house.entry("p3").entry_id
    document = Talk(house).data(f"record {task.task_id} --entry {entry}")
    check_record_document(document)
    assert (document["key"], document["kind"], document["entry"]) == ("p3", "employee", entry)
    assert (document["action"], document["status"], document["reason"]) == ("update", "applied", None)
    assert document["source"]["title"] == "Engineer"
    assert (document["before"]["title"], document["after"]["title"]) == (None, "Engineer")
    assert isinstance(document["after"]["departments"], list)


@pytest.mark.parametrize("lang", LANGS)
def test_a_held_row_says_why(lang: Lang) -> None:
    house = a_house_with_leavers()
    task = house.sync()
    (one, *_) = Talk(house, lang).data(f"record {task.task_id}")["records"]
    assert one["status"] == "held"
    assert "31" in one["reason"]
    reply = Talk(house, lang).type(f"record {task.task_id} --entry {one['entry']}")
    assert one["reason"] in words(reply)


def test_what_waits_for_a_person_comes_first() -> None:
    house = a_house_with_leavers()
    for number in range(100, 140):
        house.company.people[f"p{number}"]["title"] = "Engineer"
    house.company.people["p150"]["email"] = "not an address"
    task = house.sync()
    statuses = [each["status"] for each in Talk(house).data(f"record {task.task_id}")["records"]]
    assert statuses == ["held"] * 31 + ["rejected"] + ["applied"] * 40


def test_a_long_plan_is_shown_in_part_and_the_document_has_all() -> None:
    house = House(a_company(people=SHOWN_ROWS, departments=8))
    task = house.sync()
    reply = Talk(house).type(f"record {task.task_id}")
    assert f"{SHOWN_ROWS + 8 - SHOWN_ROWS} more" in words(reply)
    assert isinstance(reply.data, dict)
    records = reply.data["records"]
    assert isinstance(records, list)
    assert len(records) == SHOWN_ROWS + 8


@pytest.mark.parametrize("lang", LANGS)
def test_an_entry_that_the_task_did_not_touch_is_refused_with_the_way_to_look(lang: Lang) -> None:
    house = House()
    task = house.sync()
    again = house.sync()
    entry = house.entry("p3").entry_id
    look = f"record {again.task_id}" if lang is Lang.EN else f"详情 {again.task_id}"
    assert look in Talk(house, lang).refused(f"record {again.task_id} --entry {entry}")
    assert Talk(house, lang).type(f"record {task.task_id} --entry {entry}").blocks


ODD = ["[bold]x[/bold]", "[/]", "a\nb", "\x1b[31mred\x07", "名\u202e字", "𠮷野家", "{0}", "%s", ":smile:", "x" * 400]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("lang", LANGS)
def test_odd_names_are_shown_as_text_and_drive_no_terminal(odd: str, lang: Lang) -> None:
    house = House()
    house.company.hire("odd", "d1", name=odd, title=odd)
    house.company.departments["d1"]["name"] = odd
    task = house.sync()
    entries = [house.entry("odd").entry_id, house.entry("d1", Kind.DEPARTMENT).entry_id]
    texts = [f"record {task.task_id}", "records", "employees", "departments", f"employee show {entries[0]}"]
    texts += [f"record {task.task_id} --entry {entry}" for entry in entries]
    for text in texts:
        shown = drawn(Talk(house, lang).type(text))
        assert not set(shown) & {"\x1b", "\x07", "\u202e"}
    if odd.isprintable() and len(odd) < 40:
        assert odd in drawn(Talk(house, lang).type("employees"))
        assert odd in drawn(Talk(house, lang).type(f"employee show {entries[0]}"))


@pytest.mark.parametrize("text", ["records", "record 1", "审计", "admins", "mapping try"])
def test_a_list_is_not_read_line_by_line(text: str) -> None:
    def reads(people: int, syncs: int) -> int:
        table = CountingTable(SqliteTable(":memory:"))
        chat = a_chat(House(a_company(people=people, departments=2), table=table))
        for nth in range(syncs):
            chat.admit(f"ou_{nth}", Role.VIEWER)
            chat.house.sync()
        chat.house.pass_time(minutes=1)
        before = table.bill.reads
        chat.say(text)
        return table.bill.reads - before

    assert reads(people=9, syncs=9) - reads(people=2, syncs=1) <= 1
