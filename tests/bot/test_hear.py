from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.bot.command import COMMANDS, Command
from chalicelib.core.catalogue import CATALOGUE, Lang
from chalicelib.core.errors import StoreConflictError
from chalicelib.core.message import Said
from chalicelib.core.principal import Role
from chalicelib.core.reply import Pairs, Table, Tone
from chalicelib.core.task import TaskStatus
from chalicelib.sync.request import Requests
from tests.bot.chat import Chat, a_chat, a_second_source, commands, everything
from tests.bot.talk import LANGS, cells, words
from tests.bot.test_sync import a_house_with_leavers
from tests.scripted import House, a_company

EVERY = pytest.mark.parametrize("declared", COMMANDS, ids=lambda each: each.name)


def chinese(text: str) -> bool:
    return any("\u4e00" <= each <= "\u9fff" for each in text)


# --- who it is


@pytest.mark.parametrize("text", ["sync now", "help", "", "nonsense", "批准 1"])
def test_nobodys_admin_is_told_their_id_and_what_an_owner_must_type(text: str) -> None:
    chat = a_chat()
    said = chat.read(text, "ou_new")
    assert "admin add hq ou_new --role viewer" in said or "添加管理员 hq ou_new --role viewer" in said
    assert chat.house.bell.rung == []
    line = chat.last()
    assert (line.outcome, line.principal.key, line.where) == ("not an admin", "ou_new", "oc_group")


def test_before_there_is_an_owner_the_terminal_is_pointed_to() -> None:
    chat = Chat(House())
    assert "rollcall admin add hq ou_first --role owner" in chat.read("sync now", "ou_first")
    assert chat.last().outcome == "no owner yet"


def test_somebody_from_outside_the_company_is_refused() -> None:
    chat = a_chat()
    assert "company" in chat.read("sync now", "")
    assert (chat.last().outcome, chat.last().principal.key) == ("not of the company", "outsider")


def test_an_admin_of_another_workspace_is_nobody_here() -> None:
    chat = a_chat()
    a_second_source(chat.house)
    message = replace(chat.message("sync now"), source="src-branch")
    assert "admin add branch ou_owner" in everything(chat.hear(message)[0].reply)


def test_the_principal_is_named_by_workspace_and_id_and_says_where() -> None:
    chat = a_chat()
    chat.say("sync now hq", "ou_op")
    line = next(each for each in chat.audit() if each.verb == "sync now")
    assert (line.principal.door, line.principal.key) == (chat.house.source.uid, "ou_op")
    assert (line.where, line.outcome, line.principal.role) == ("oc_group", "done", Role.OPERATOR)


# --- which language


def test_the_language_is_that_of_the_card_of_the_text_or_of_the_person() -> None:
    chat = a_chat()
    chat.admit("ou_zh", Role.OWNER, lang=Lang.ZH)
    assert chat.say("status").lang is Lang.EN
    assert chat.say("状态").lang is Lang.ZH
    assert chat.say("who 林主管").lang is Lang.EN
    assert chat.say("status", "ou_zh").lang is Lang.ZH
    assert chat.press("status", "ou_zh", lang=Lang.EN).reply.lang is Lang.EN
    assert chat.press("status", lang=Lang.ZH).reply.lang is Lang.ZH
    assert chinese(chat.read("帮助", "ou_stranger"))


# --- every command


@EVERY
def test_help_shows_every_command_that_somebody_may_type(declared: Command) -> None:
    for text in ("help", "帮助"):
        chat = a_chat()
        pages = [chat.say(f"{text} --page {number}") for number in (1, 2, 3)]
        listed = {
            name for page in pages for block in page.blocks if isinstance(block, Pairs) for name, _ in block.pairs
        }
        said = " ".join(declared.zh_words if text == "帮助" else declared.words)
        assert any(f"{each} ".startswith(f"{said} ") for each in listed) is declared.in_chat
        assert not any("[--" in each for each in listed)
        assert all(block.caption for page in pages for block in page.blocks if isinstance(block, Pairs))
    assert "There is no page" in chat.read("help --page 3")


def test_help_shows_nobody_what_they_may_not() -> None:
    chat = a_chat()
    said = "".join(chat.read(f"help --page {number}", "ou_viewer") for number in (1, 2))
    assert "sync now" not in said.replace("`sync now", "")
    assert "audit" not in said


@EVERY
def test_every_command_has_short_words_in_both_languages(declared: Command) -> None:
    aliases = [" ".join(each) for each in declared.aliases]
    assert any(not chinese(each) for each in aliases) or declared.name.startswith(("auto", "digest", "welcome"))
    assert any(chinese(each) for each in aliases) or chinese("".join(declared.zh_words))


def test_no_two_commands_are_named_alike() -> None:
    names = [words_ for each in COMMANDS for words_ in each.spellings()]
    assert len(set(names)) == len(names)
    assert all(word == word.casefold() for name in names for word in name)


@EVERY
def test_whoever_lacks_the_role_is_refused_politely_and_that_is_noted(declared: Command) -> None:
    if declared.role is Role.VIEWER:
        return
    needed = " ".join("x" for _, is_needed, _ in declared.params if is_needed)
    options = " ".join(f"--{each.name} x" for each in declared.options.values() if each.required)
    for spelling in declared.spellings():
        chat = a_chat()
        text = f"{' '.join(spelling)} {needed} {options}"
        reply = chat.say(text, "ou_viewer")
        lang = Lang.ZH if chinese(text) else Lang.EN
        assert reply.lang is lang
        assert words(reply) == CATALOGUE["forbidden"][lang is Lang.ZH].format(role=declared.role.name.lower())
        line = chat.last()
        assert (line.verb, line.outcome, line.principal.key) == (declared.name, "forbidden", "ou_viewer")
        assert chat.house.bell.rung == []


@EVERY
def test_a_command_that_is_incomplete_says_its_usage(declared: Command) -> None:
    needed = [name for name, is_needed, _ in declared.params if is_needed and name != "source"]
    if not needed:
        return
    for spelling, usage in ((declared.words, declared.usage), (declared.zh_words, declared.zh_usage)):
        assert usage in a_chat().read(" ".join(spelling))


@EVERY
def test_every_command_is_noted_once(declared: Command) -> None:
    chat = a_chat(a_house_with_leavers(2))
    given = {
        "source": "hq",
        "task": "1",
        "text": "p150",
        "person": "ou_viewer",
        "id": chat.house.entry("p150").entry_id,
        "cycle": "6h",
        "cron": "'0 2 * * *'",
        "zone": "Asia/Shanghai",
        "limit": "3",
        "calls": "5000",
        "where": "here",
        "number": "1234",
        "handle": "new",
        "field": "title",
        "path": "D1",
        "name": "badge",
        "expression": "name",
        "kind": "employees",
        "fields": "mobile",
        "key": "x9",
        "entry": "p150",
    }
    needed = " ".join(given[name] for name, is_needed, _ in declared.params if is_needed)
    options = {"kind": "scripted", "name": "新的", "role": "viewer", "type": "text"}
    required = " ".join(f"--{each.name} {options[each.name]}" for each in declared.options.values() if each.required)
    before = len(chat.audit())
    chat.say(f"{declared.name} {needed} {required}")
    lines = chat.audit()[: len(chat.audit()) - before]
    verbs = {
        "budget off": "budget",
        "enable": "source enable",
        "every": "schedule",
        "cron": "schedule",
        "zone": "schedule",
    }
    verbs |= {"digest on": "digest", "digest off": "digest", "welcome on": "welcome", "welcome off": "welcome"}
    assert [each.verb for each in lines] == [verbs.get(declared.name, declared.name)]
    assert lines[0].principal.where == "oc_group"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("admin add ou_x --role king", "unknown role"),
        ("every day", "cycle is misread"),
        ("notify hq there", "where is misread"),
        ("second person many", "where is misread"),
        ("sync now nowhere", "no such source"),
        ("disable nowhere", "no such source"),
        ("approve 99", "no such task"),
        ("record 99", "no such task"),
        ("source create x --kind nonsense", "unknown kind"),
        ("source create x --kind scripted --app-secret hunter2", "secret typed in chat"),
        ("source create x --kind scripted", "page address unknown"),
    ],
)
def test_what_is_refused_is_noted_once_too(text: str, outcome: str) -> None:
    chat = a_chat()
    before = len(chat.audit())
    chat.say(text)
    assert [each.outcome for each in chat.audit()[: len(chat.audit()) - before]] == [outcome]


def test_the_audit_log_is_a_right_of_its_own() -> None:
    chat = a_chat()
    assert "right of its own" in chat.read("audit", "ou_op")
    assert chat.last().outcome == "audit right wanted"
    chat.admit("ou_auditor", Role.VIEWER, audits=True)
    said = chat.read("audit --type audit --by ou_op", "ou_auditor")
    assert "audit right wanted" in said
    assert "ou_op (hq)" in said


def test_the_audit_log_is_filtered() -> None:
    chat = a_chat()
    for text in ("sync now", "records", "status"):
        chat.say(text)
        chat.house.pass_time(hours=1)
    assert [row[2] for row in cells(chat.say("audit --type sync"))] == ["sync now · hq · task 1"]
    assert "records" not in chat.read("audit --since 90m")
    assert "is no time" in chat.read("audit --since 90m")
    recent = [row[2] for row in cells(chat.say("audit --since 2h"))]
    assert "status" in recent
    assert "sync now · hq · task 1" not in recent
    assert "status" not in [row[2] for row in cells(chat.say("audit --until 2h"))]


# --- which source


@pytest.mark.parametrize("text", ["sync now", "SYNC NOW", "立即同步", "同步", "sync now hq", "sync now HQ", "同步总部"])
def test_the_only_source_need_not_be_named(text: str) -> None:
    chat = a_chat()
    (outgoing,) = chat.hear(chat.message(text))
    assert outgoing.task == "1"
    assert chat.house.tasks.get("1").status is TaskStatus.QUEUED


@pytest.mark.parametrize("lang", LANGS)
def test_of_several_sources_one_is_chosen_by_a_button(lang: Lang) -> None:
    chat = a_chat()
    a_second_source(chat.house)
    reply = chat.say("立即同步" if lang is Lang.ZH else "sync now")
    verb = "立即同步" if lang is Lang.ZH else "sync now"
    assert commands(reply) == [f"{verb} branch", f"{verb} hq"]
    assert chat.house.bell.rung == []
    assert chat.press(commands(reply)[1]).task == "1"


def test_a_choice_of_sources_keeps_what_else_was_typed() -> None:
    chat = a_chat()
    a_second_source(chat.house)
    assert commands(chat.say("cron 0 2 * * * --zone Asia/Shanghai"))[1] == 'cron "0 2 * * *" hq --zone Asia/Shanghai'
    assert commands(chat.say("every 6h"))[1] == "every 6h hq"
    assert commands(chat.say("every 6 hours"))[1] == 'every "6 hours" hq'
    assert commands(chat.say("admin add ou_x --role viewer"))[1] == "admin add hq ou_x --role viewer"
    assert commands(chat.say("notify here"))[1] == "notify hq here"


@pytest.mark.parametrize("text", ["@Roll Call sync now", "@Roll Call Bot /sync now hq", "@罗尔 考 同步"])
def test_a_name_of_several_words_may_come_first(text: str) -> None:
    chat = a_chat()
    assert chat.hear(chat.message(text))[0].task == "1"


def test_secrets_have_no_place_in_a_chat() -> None:
    chat = a_chat()
    said = chat.read("source create new --kind scripted --name New --app-id cli_1 --app-secret hunter2")
    assert "Delete that message" in said
    assert "hunter2" not in said
    assert len(chat.house.outside.catalog.sources()) == 1


# --- the menu


@pytest.mark.parametrize("text", ["", "@Rollcall", "rollcall", "menu", "菜单", "你好", "  "])
def test_nothing_but_the_bots_name_gives_the_menu(text: str) -> None:
    reply = a_chat().say(text)
    assert reply.title == "Rollcall"
    assert commands(reply) == ["sync now hq", "sync preview hq", "records", "status", "help"]


def test_who_opens_the_chat_gets_the_menu() -> None:
    chat = a_chat()
    assert chat.hear(chat.message("", said=Said.ENTERED))[0].reply.title == "Rollcall"


def test_a_viewer_gets_no_buttons_that_they_may_not_press() -> None:
    assert commands(a_chat().say("", "ou_viewer")) == ["records", "status", "help"]


@pytest.mark.parametrize(
    ("text", "guess"), [("syn now hq", "sync now hq"), ("recrods", "records"), ("立刻同步 hq", "立即同步 hq")]
)
def test_what_is_unknown_gives_the_menu_with_what_was_probably_meant(text: str, guess: str) -> None:
    chat = a_chat()
    reply = chat.say(text)
    assert commands(reply)[0] == guess
    assert reply.title == "Rollcall"
    assert (chat.last().verb, chat.last().outcome) == ("unknown", "unknown command")


def test_the_log_keeps_nothing_of_what_was_typed_but_the_commands_name() -> None:
    chat = a_chat()
    for text in ("my secret hunter2", "sync hunter2", "who hunter2", "why hunter2"):
        chat.say(text)
    assert "hunter2" not in str([(each.verb, each.source, each.task, each.outcome) for each in chat.audit()])


@given(st.text(max_size=60))
def test_whatever_is_said_is_answered(text: str) -> None:
    reply = a_chat().say(text)
    assert everything(reply).encode()


@pytest.mark.parametrize("text", ["x" * 65536, '"' * 65536, "sync now " + "y" * 65536, "who " + "王" * 65536])
def test_64_kilobytes_are_answered_shortly(text: str) -> None:
    chat = a_chat()
    assert len(everything(chat.say(text))) < 1000
    assert len(everything(chat.say(text, "ou_" + "s" * 65536))) < 1000


# --- once


def test_a_message_that_is_heard_again_starts_nothing_again() -> None:
    chat = a_chat()
    message = chat.message("sync now hq")
    first, again = chat.hear(message)[0], chat.hear(message)[0]
    assert (first.task, again.task) == ("1", "1")
    assert words(first.reply) == words(again.reply)
    chat.house.work()
    assert chat.hear(message)[0].task == "1"
    assert len(chat.house.tasks.recent(None, 10)) == 1


def test_what_time_heals_is_raised_to_be_tried_again() -> None:
    chat = a_chat()

    class Busy(Requests):
        def sync_now(self, *_: object, **__: object) -> None:  # type: ignore[override]  # it never answers
            raise StoreConflictError("store is busy")

    rooms = wiring.rooms()
    requests = Busy(**{name: getattr(rooms.requests, name) for name in Requests.__dataclass_fields__})
    with pytest.raises(StoreConflictError):
        replace(chat.bot, rooms=replace(rooms, requests=requests)).hear(chat.message("sync now"))


# --- cards


def test_a_started_task_gives_a_card_that_follows_it() -> None:
    chat = a_chat()
    (outgoing,) = chat.hear(chat.message("sync now"))
    assert (outgoing.task, outgoing.edits) == ("1", "")
    assert commands(outgoing.reply) == ["sync cancel 1"]
    assert "queued" in outgoing.reply.title


def test_a_second_one_who_asks_is_told_that_it_is_under_way() -> None:
    chat = a_chat()
    chat.say("sync now", "ou_op")
    chat.house.pass_time(minutes=1)
    said = chat.read("sync now")
    assert "already at work" in said
    assert len(chat.house.tasks.recent(None, 10)) == 1


def test_turning_a_page_changes_the_card_and_a_command_does_not() -> None:
    house = House(a_company(people=60))
    task = house.sync()
    chat = a_chat(house)
    assert chat.press(f"record {task.task_id} --page 2", card="om_card").edits == "om_card"
    assert chat.press(f"record {task.task_id}", card="om_card").edits == ""
    assert chat.press("sync now", card="om_card").edits == ""
    assert chat.press("record 99 --page 2", card="om_card").edits == ""
    assert chat.hear(chat.message(f"record {task.task_id} --page 2"))[0].edits == ""


def test_details_are_read_page_by_page() -> None:
    house = House(a_company(people=60, departments=8))
    task = house.sync()
    chat = a_chat(house)
    seen: list[str] = []
    text = f"record {task.task_id}"
    while text:
        reply = chat.say(text)
        tables = [block for block in reply.blocks if isinstance(block, Table) and block.caption]
        rows = [row for table in tables for row in table.rows]
        assert 0 < len(rows) <= 10
        seen += [row[-1] for row in rows]
        text = next((button.command for button in reply.buttons if button.label == "More"), "")
    assert len(set(seen)) == len(seen) == 68
    assert "no page" in chat.read(f"record {task.task_id} --page 8")
    assert "no page" in chat.read(f"record {task.task_id} --page x")


class Counted:
    """Tasks that count the rows that are read."""

    def __init__(self, tasks: object) -> None:
        self._tasks, self.read = tasks, 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._tasks, name)

    def rows(self, task_id: str) -> object:
        for row in self._tasks.rows(task_id):  # type: ignore[attr-defined]  # it is Tasks
            self.read += 1
            yield row


def test_a_long_plan_is_not_read_for_one_page() -> None:
    house = House(a_company(people=2500))
    task = house.preview()
    chat = a_chat(house)
    for text, most in (
        (f"record {task.task_id}", 2100),
        (f"record {task.task_id} --page 3", 31),
        (f"choose {task.task_id}", 6),
    ):
        counted = Counted(house.tasks)
        bot = replace(chat.bot, rooms=replace(wiring.rooms(), tasks=counted))  # type: ignore[arg-type]  # stands in
        assert bot.hear(chat.message(text))
        assert counted.read <= most, text


def test_what_waits_is_chosen_one_by_one() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    chat = a_chat(house)
    reply = chat.say(f"choose {held.task_id}", "ou_op")
    first = commands(reply)[0]
    assert first.startswith(f"sync approve {held.task_id} e")
    asked = chat.say(first, "ou_op")
    assert "1 employee(s)" in words(asked)
    chat.say(commands(asked)[0], "ou_op")
    house.work()
    left = [row for row in house.rows(house.tasks.get(held.task_id)) if row.status.waits]
    assert len(left) == 30


def test_an_entry_is_approved_by_the_beginning_of_its_id() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    chat = a_chat(house)
    short = cells(chat.say(f"choose {held.task_id}"))[0][-1]
    asked = chat.say(f"approve {held.task_id} {short}")
    chat.say(commands(asked)[0])
    house.work()
    assert len([row for row in house.rows(house.tasks.get(held.task_id)) if row.status.waits]) == 30


@pytest.mark.parametrize("by", ["ou_op", "ou_owner"])
def test_old_buttons_explain_themselves(by: str) -> None:
    house = a_house_with_leavers()
    held = house.sync()
    chat = a_chat(house)
    asked = chat.say(f"approve {held.task_id}", "ou_op")
    chat.say(commands(asked)[0], "ou_op")
    house.work()
    said = chat.press(f"sync approve {held.task_id}", by).reply
    assert "already" in words(said)
    assert "ou_op" in words(said)
    assert "2026-11-22 12:00:04 UTC" in words(said)
    assert "already" in words(chat.press(f"sync reject {held.task_id}", by).reply)


def test_an_old_button_of_a_plan_that_was_replaced_says_so() -> None:
    house = a_house_with_leavers()
    old, new = house.sync(), house.sync()
    chat = a_chat(house)
    assert new.task_id in words(chat.press(f"sync approve {old.task_id}").reply)
    assert "out of date" in words(chat.press(f"sync approve {old.task_id}").reply)


def test_times_are_told_in_the_sources_zone() -> None:
    chat = a_chat()
    chat.say("zone Asia/Shanghai")
    chat.house.sync()
    for text in ("records", "status", "sources", "source show", "audit", "menu", "sync approve 99"):
        said = chat.read(text)
        assert "UTC" not in said
    assert "times in Asia/Shanghai" in chat.read("records")
    assert "11-22 20:00" in chat.read("records")
    assert "2026-11-22 20:00:02 Asia/Shanghai" in chat.read("status")


def test_a_cancelled_task_says_so() -> None:
    chat = a_chat()
    chat.say("sync now")
    assert "is cancelled" in chat.read("cancel 1", "ou_op")
    assert "was cancelled already" in chat.read("取消 1", "ou_op") or "之前已取消" in chat.read("取消 1", "ou_op")


# --- personal data


@pytest.fixture
def people() -> Chat:
    house = House(a_company(people=3, departments=3))
    house.company.hire("ann", "d1", name="Ann Lee", email="ann.lee@example.com", mobile="+8613912345678")
    house.sync()
    house.company.people["ann"]["mobile"] = "+8613900001111"
    house.sync()
    return a_chat(house)


PRIVATE = ("ann.lee@example.com", "13912345678", "13900001111")


def test_personal_data_is_masked_where_others_read_along(people: Chat) -> None:
    entry = people.house.entry("ann").entry_id
    for text in (
        "who ann",
        f"employee show {entry}",
        "employees ann",
        f"why {entry}",
        "record 1",
        "record 2",
        f"record 1 --entry {entry}",
        f"record 2 --entry {entry}",
    ):
        said = people.read(text)
        assert not [each for each in PRIVATE if each in said], text
    assert "139****1111" in people.read("who ann")
    assert "a***@example.com" in people.read("who ann")
    assert "139****5678 → 139****1111" in people.read("record 2")


def test_personal_data_is_shown_to_one_alone(people: Chat) -> None:
    said = people.read("who ann", direct=True)
    assert "ann.lee@example.com" in said
    assert "+8613900001111" in said


def test_several_people_are_offered_by_name(people: Chat) -> None:
    reply = people.say("who p")
    assert len(cells(reply)) == 3
    assert "P1" in everything(people.press(commands(reply)[1]).reply)
    assert "Nobody is found" in people.read("who xyzzy")


def test_why_names_the_task_of_each_value(people: Chat) -> None:
    origins = [block for block in people.say("why ann lee").blocks if isinstance(block, Pairs)]
    rows = {field: block.caption for block in origins for field, _ in block.pairs}
    assert "task 1" in rows["name"]
    assert "task 2" in rows["mobile"]
    assert "terminal" in rows["mobile"]


# --- hostile text

HOSTILE = [
    "\x1b[31mred\x07",
    "a\u202eb\u2066c",
    "<at id=all></at>",
    "**bold** [x](http://x) `code`",
    "@all",
    "x" * 65536,
    "{{x}} {0} %s",
    "a\nb\r\nc",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_shown_short_and_without_what_drives_a_screen(name: str) -> None:
    house = House(a_company(people=2, departments=2))
    house.company.hire("odd", "d1", name=name, title=name)
    house.company.departments["d1"]["name"] = name
    task = house.sync()
    chat = a_chat(house)
    row = next(row for row in house.rows(task) if row.key.external_id == "odd")
    texts = (f"record {task.task_id}", f"record {task.task_id} --entry {row.entry_id}", "employees", "departments")
    for text in (*texts, f"who {row.entry_id}", f"why {row.entry_id}"):
        for block in words(chat.say(text)).split("\n"):
            assert len(block) <= 520
            assert not set(block) & {"\x1b", "\x07", "\r", "\u202e", "\u2066"}


# --- what else there is


def test_a_test_says_how_the_source_is() -> None:
    chat = a_chat()
    reply = chat.say("test", "ou_op")
    assert reply.tone in tuple(Tone)
    assert "schedule" in words(reply)


def test_notices_come_where_they_are_wanted() -> None:
    chat = a_chat()
    board = chat.house.outside.board
    chat.say("notify here")
    told = board.notices(chat.house.source.uid).to
    assert told is not None
    assert (told.chat, told.session) == ("oc_group", "")
    chat.say("notify off")
    assert board.notices(chat.house.source.uid).to is None
    chat.say("notify me on", "ou_viewer")
    admin = chat.house.outside.admins.admin(chat.house.source.uid, "ou_viewer")
    assert admin is not None
    assert admin.told
    assert "owner" in chat.read("notify here", "ou_viewer")
    assert "not understood" in chat.read("notify hq there")


def test_admins_are_added_and_removed() -> None:
    chat = a_chat()
    chat.say("添加管理员 ou_new --role 操作员")
    added = chat.house.outside.admins.admin(chat.house.source.uid, "ou_new")
    assert added is not None
    assert (added.role, added.lang) == (Role.OPERATOR, Lang.ZH)
    assert "ou_new" in chat.read("admins")
    chat.say("admin remove ou_new")
    assert chat.house.outside.admins.admin(chat.house.source.uid, "ou_new") is None
    assert "There is no role" in chat.read("admin add ou_x --role king")


def test_the_schedule_is_set_as_it_is_typed() -> None:
    chat = a_chat()
    catalog = chat.house.outside.catalog
    assert "every 6 hours" in chat.read("every 6h")
    assert "每 8 小时" in chat.read("每8小时")
    assert "every 4 hours" in chat.read("every 4 hours")
    assert "every 5 hours" in chat.read("every 5 h hq")
    assert "每 3 小时" in chat.read("每 3 小时 hq")
    assert "is no cycle" in chat.read("every day")
    chat.say("cron 0 2 * * * --zone Asia/Shanghai")
    assert (catalog.source("hq").schedule.cron, catalog.source("hq").schedule.zone) == ("0 2 * * *", "Asia/Shanghai")
    assert "off" in chat.read("auto off")
    assert not catalog.source("hq").schedule.automatic


def test_a_name_that_holds_a_number_is_masked_as_the_number_is(people: Chat) -> None:
    people.house.company.people["ann"]["name"] = "Ann 139 1234 5678"
    people.house.sync()
    assert "139 1234 5678" not in people.read(f"why {people.house.entry('ann').entry_id}")


def test_disabling_what_is_disabled_asks_nothing() -> None:
    chat = a_chat()
    source = chat.house.outside.catalog.source("hq")
    chat.house.outside.catalog.update(replace(source, enabled=False), instead_of=source)
    assert "was disabled already" in chat.read("disable hq")


def test_a_page_button_finds_what_was_searched_for() -> None:
    house = House(a_company(people=30, departments=1))
    for person in house.company.people.values():
        person["name"] = 'O\'Neil "Bo" Lee'
    house.sync()
    chat = a_chat(house)
    after = next(each.command for each in chat.say("employees O'Neil").buttons if "--page 2" in each.command)
    assert "O'Neil" in everything(chat.press(after).reply)
