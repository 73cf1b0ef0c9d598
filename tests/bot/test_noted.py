"""The audit log: each command is one line, whatever becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from chalicelib import wiring
from chalicelib.bot.answer import OPEN, OUTSIDER, UNKNOWN
from chalicelib.bot.command import COMMANDS, Command
from chalicelib.bot.commands.records import chinese
from chalicelib.bot.words import is_chinese
from chalicelib.core.errors import StoreConflictError
from chalicelib.core.ports import AuditLine
from chalicelib.pages.page import ENTER
from chalicelib.sync.request import Requests
from tests.bot.chat import Chat, a_chat, a_second_source
from tests.bot.talk import cells
from tests.scripted import House, a_company

PEOPLE = ("ou_owner", "ou_op", "ou_viewer", "ou_stranger", "")
REST = (
    "",
    "x",
    "hq",
    "x hq",
    "hq x",
    "99",
    "1 abcdefgh",
    "99 abcdefgh",
    "hq x --role owner",
    "hq x --role king",
    "hq here",
    "hq there",
    "me on",
    "6h hq",
    "99h hq",
    "'0 2 * * *' hq",
    "--page 0",
    "1 --page 99",
    "--type x --by y",
    "--since x",
    "王",
    "1 " + "z" * 3000,
)


def noted(chat: Chat, text: str, by: str = "ou_owner") -> list[AuditLine]:
    message = chat.message(text, by)
    before = chat.house.outside.audit.recent(1)
    chat.hear(message)
    lines = chat.house.outside.audit.recent(4)
    return list(lines[: lines.index(before[0]) if before and before[0] in lines else len(lines)])


@pytest.mark.parametrize("declared", [each for each in COMMANDS if each.name != "confirm"], ids=lambda each: each.name)
@pytest.mark.parametrize("sources", [1, 2])
def test_each_command_is_one_line_whatever_is_wrong_with_it(declared: Command, sources: int) -> None:
    house = House(a_company(people=3, departments=1))
    house.sync()
    chat = a_chat(house, proven=sources == 1)
    if sources == 2:
        a_second_source(house)
    for by in PEOPLE:
        for rest in REST:
            lines = noted(chat, f"{declared.name} {rest}", by)
            assert len(lines) == 1, (by, rest[:40], lines)
            assert lines[0].verb in (declared.name, declared.verb, "notify me"), (by, rest[:40])
            assert lines[0].where == "oc_group"
            house.pass_time(minutes=11)


def test_what_was_meant_is_noted_also_where_it_is_incomplete() -> None:
    chat = a_chat()
    assert [(each.verb, each.outcome) for each in noted(chat, "record")] == [("record", "command is incomplete")]
    assert [(each.verb, each.outcome) for each in noted(chat, "停用", "ou_stranger")] == [("disable", "not an admin")]
    assert [each.verb for each in noted(chat, "my secret hunter2")] == [UNKNOWN]
    a_second_source(chat.house)
    assert [(each.verb, each.outcome) for each in noted(chat, "sync now")] == [("sync now", OPEN)]


class _Busy(Requests):
    def sync_now(self, *_: object, **__: object) -> None:  # type: ignore[override]  # it never answers
        with self._audited(_[0], "sync now", 2):  # type: ignore[arg-type]  # as the real one does
            raise StoreConflictError("store is busy")


def a_busy_bot(chat: Chat) -> object:
    rooms = wiring.rooms()
    fields: Mapping[str, object] = {name: getattr(rooms.requests, name) for name in Requests.__dataclass_fields__}
    return replace(chat.bot, rooms=replace(rooms, requests=_Busy(**fields)))  # type: ignore[arg-type]  # its own


def test_what_time_heals_is_noted_when_it_has_ended() -> None:
    chat = a_chat()
    message = chat.message("sync now")
    for _ in range(3):
        with pytest.raises(StoreConflictError):
            a_busy_bot(chat).hear(message)  # type: ignore[attr-defined]  # it is a Bot
    assert "sync now" not in [each.verb for each in chat.audit()]
    chat.hear(message)
    assert [(each.verb, each.outcome) for each in chat.audit()][:1] == [("sync now", "done")]
    assert [each.verb for each in chat.audit()].count("sync now") == 1


def test_what_is_given_up_is_noted_unless_it_was_done() -> None:
    chat = a_chat()
    lost, done = chat.message("sync now"), chat.message("disable")
    chat.bot.give_up(lost)
    assert (chat.last().verb, chat.last().outcome, chat.last().principal.key) == (
        "sync now",
        "not answered",
        "ou_owner",
    )
    chat.hear(done)
    before = len(chat.audit())
    chat.hear(done)
    assert len(chat.audit()) == before


def test_a_verb_that_is_heard_again_after_a_kill_is_noted_as_it_went() -> None:
    chat = a_chat()
    message = chat.message("admin remove hq ou_viewer")
    chat.hear(message)
    chat.hear(message)
    assert [each.outcome for each in chat.audit() if each.verb == "admin remove"] == ["done"]


@pytest.mark.parametrize("type_", ["disable", "'source disable'", "停用", "DISABLE", "停用来源"])
def test_a_type_is_any_way_to_name_a_command(type_: str) -> None:
    chat = a_chat()
    chat.say("disable nowhere")
    chat.house.pass_time(minutes=1)
    wiring.rooms().sources.disable(chat.house.audit()[-1].principal, "hq")
    chat.say("status")
    found = [row[2] for row in cells(chat.say(f"audit --type {type_}"))]
    assert found == ["source disable · hq", "disable"]


def test_the_log_speaks_the_readers_language() -> None:
    chat = a_chat()
    for text in ("status", "disable hq", "every 6h", "nonsense"):
        chat.say(text)
        chat.house.pass_time(minutes=1)
    found = [tuple(row[2:]) for row in cells(chat.say("审计"))]
    assert ("状态", "完成") in found
    assert ("停用 · hq", "待确认") in found
    assert ("同步时间 · hq", "完成") in found
    assert ("未知命令", "unknown command") in found


def test_every_verb_of_a_command_has_a_chinese_name() -> None:
    verbs = {verb for each in COMMANDS for verb in (each.name, each.verb) if verb}
    assert [verb for verb in sorted(verbs | {UNKNOWN, OUTSIDER, ENTER}) if not is_chinese(chinese(verb))] == []


@pytest.mark.parametrize("filters", ["--type nothing", "--by nobody", "--since 2100-01-01", "--until 2001-01-01"])
def test_a_search_of_the_log_that_finds_nothing_says_so(filters: str) -> None:
    chat = a_chat()
    chat.say("status")
    assert "nothing like that" in chat.read(f"audit {filters}")
    assert "nothing like that" in chat.read(f"audit {filters} --page 3")
