"""Where the vendor's signature does not cover who spoke: whoever has one signature can say anything in any name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.bot.answer import ASKED
from chalicelib.bot.command import COMMANDS
from chalicelib.core.message import Address, Outgoing
from chalicelib.core.principal import Role
from chalicelib.core.reply import Reply
from tests.bot.chat import Chat, a_chat, commands, everything
from tests.scripted import House, a_company

# The rest changes nothing for long, nothing that the guard does not look at, or only who is told how a week was.
FREE_OF_PROOF = {"auto on", "every", "zone", "digest on", "digest off", "welcome on", "welcome off", "admins"}
FREE_OF_PROOF |= {"user info on", "budget", "budget off"}


def number(reply: Reply) -> str:
    return next(each.split()[1] for each in commands(reply) if each.startswith("confirm "))


def a_forged_chat() -> Chat:
    house = House(a_company(people=3, departments=1))
    house.company.hire("ann", "d0", name="Ann Lee", mobile="+8613912341234", email="ann@example.com")
    house.sync()
    return a_chat(house, proven=False)


def standing(chat: Chat) -> object:
    """What an owner sets."""
    source, out = chat.house.outside.catalog.source("hq"), chat.house.outside
    return source.enabled, source.schedule, source.guard, out.admins.admins(), out.board.notices(source.uid)


def test_every_owners_command_needs_proof_or_is_known_not_to() -> None:
    owners = {each.name for each in COMMANDS if each.role is Role.OWNER and each.in_chat}
    # A one-time page is opened by a code, like the one that confirms.
    assert {each.name for each in COMMANDS if each.proof or each.danger or each.errand} >= owners - FREE_OF_PROOF


@pytest.mark.parametrize(
    "text",
    [
        "admin add hq ou_evil --role owner --audits",
        "admin remove hq ou_viewer",
        "second person 99999 hq",
        "auto off hq",
        "disable hq",
        "cron '0 0 29 2 *' hq --zone Asia/Shanghai",
        "notify hq here",
    ],
)
def test_what_widens_rights_or_loosens_a_guard_needs_the_code_and_nothing_else_will_do(text: str) -> None:
    chat = a_forged_chat()
    before = standing(chat)
    asked = chat.say(text)
    assert standing(chat) == before
    assert chat.last().outcome == ASKED
    n, code = number(asked), chat.codes["ou_owner"]
    assert code not in everything(asked)
    for typed in (f"confirm {n}", f"confirm {n} 000000"):
        chat.say(typed)
        chat.press(typed)
    assert standing(chat) == before
    chat.house.pass_time(minutes=11)
    n = number(chat.say(text))
    chat.say(f"confirm {n} {code}")
    assert standing(chat) == before
    chat.say(f"confirm {n} {chat.codes['ou_owner']}")
    assert standing(chat) != before
    assert chat.audit()[0].outcome == "done"


def test_a_confirmed_command_keeps_its_options() -> None:
    chat = a_forged_chat()
    n = number(chat.say("cron 0 2 * * * --zone Asia/Shanghai"))
    chat.say(f"confirm {n} {chat.codes['ou_owner']}")
    schedule = chat.house.outside.catalog.source("hq").schedule
    assert (schedule.cron, schedule.zone) == ("0 2 * * *", "Asia/Shanghai")
    n = number(chat.say("admin add hq ou_x --role viewer --audits --lang zh"))
    chat.say(f"confirm {n} {chat.codes['ou_owner']}")
    admin = chat.house.outside.admins.admin(chat.house.source.uid, "ou_x")
    assert admin is not None
    assert (admin.role, admin.audits, admin.told, admin.lang) == (Role.VIEWER, True, False, "zh")


def test_a_source_that_was_disabled_is_enabled_with_a_code() -> None:
    chat = a_forged_chat()
    source = chat.house.outside.catalog.source("hq")
    chat.house.outside.catalog.update(replace(source, enabled=False), instead_of=source)
    n = number(chat.say("enable hq"))
    assert not chat.house.outside.catalog.source("hq").enabled
    chat.say(f"confirm {n} {chat.codes['ou_owner']}")
    assert chat.house.outside.catalog.source("hq").enabled


def test_what_the_guard_held_is_approved_with_a_code_and_a_preview_of_hires_without() -> None:
    house = House(a_company(people=200))
    chat = a_chat(house, proven=False)
    preview = house.preview()
    assert chat.hear(chat.message(f"approve {preview.task_id}", "ou_op"))[0].task is not None
    house.work()
    for person in house.company.people.values():
        person["email"] = "evil@example.com"
    held = house.sync()
    assert held.status == "held"
    assert number(chat.say(f"approve {held.task_id}", "ou_op"))
    assert house.tasks.waiting(house.source.uid) == []


@pytest.mark.parametrize("by", ["ou_op", "ou_viewer", "ou_stranger", ""])
def test_who_may_not_is_refused_before_any_code_is_sent(by: str) -> None:
    chat = a_forged_chat()
    for text in ("admin add hq ou_evil --role owner", "second person 9 hq", "auto off hq", "notify hq here"):
        assert len(chat.hear(chat.message(text, by))) == 1, text


def test_where_it_is_proven_none_of_this_is_asked() -> None:
    chat = a_chat()
    for text in ("admin add hq ou_x --role viewer", "second person 9 hq", "auto off hq", "notify hq here", "enable hq"):
        assert not [each for each in commands(chat.say(text)) if each.startswith("confirm")], text


# --- where the answer goes


def private(talk: Chat, text: str, **changes: object) -> Outgoing:
    message = talk.message(text, direct=True)
    to = replace(message.address, **{"chat": "", "session": "https://evil.example/session", **changes})  # type: ignore[arg-type]  # its own fields
    return talk.hear(replace(message, address=to))[0]


@pytest.mark.parametrize("text", ["who ann", "why ann", "employees", "record 1", "choose 1", "audit", "admins"])
def test_what_one_person_is_to_see_goes_to_that_person_and_not_where_a_message_says(text: str) -> None:
    chat = a_forged_chat()
    alone = Address(source=chat.house.source.uid, person="ou_owner", direct=True)
    if text != "choose 1":  # nothing waits, which tells nothing
        assert private(chat, text).to == alone
        assert private(chat, text, chat="oc_evil", thread="om_evil").to == alone


def test_who_is_proven_is_answered_where_they_asked() -> None:
    house = a_forged_chat().house
    chat = a_chat(house)
    message = chat.message("who ann", direct=True)
    assert chat.hear(message)[0].to == message.address


def test_what_is_no_secret_is_answered_where_it_was_asked() -> None:
    assert private(a_forged_chat(), "status").to.session == "https://evil.example/session"


def test_a_card_that_a_press_names_shows_nothing_personal() -> None:
    chat = a_forged_chat()
    message = replace(
        chat.message("who ann", pressed="om_evil"),
        address=Address(source=chat.house.source.uid, chat="oc_evil", person="ou_owner", direct=True, thread="om_evil"),
    )
    (outgoing,) = chat.hear(message)
    assert (outgoing.edits, outgoing.to.chat, outgoing.to.thread) == ("", "", "")
    # A card in no chat is known to be that person's own.
    own = Address(source=chat.house.source.uid, person="ou_owner", direct=True, thread="card")
    (outgoing,) = chat.hear(replace(chat.message("who ann", pressed="card"), address=own))
    assert (outgoing.edits, outgoing.to) == ("card", own)


def test_in_a_group_a_forged_question_is_answered_with_masks() -> None:
    said = a_forged_chat().read("who ann")
    assert "139****1234" in said
    assert "ann@example.com" not in said
