from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.bot.answer import ASKED
from chalicelib.bot.confirm import MOST_TRIES
from chalicelib.core.catalogue import Lang
from chalicelib.core.code import fits, sealed
from chalicelib.core.message import Message, Outgoing
from chalicelib.core.principal import Principal, Role
from chalicelib.core.reply import Reply
from chalicelib.sources.room import Edited, Sources
from tests.bot.chat import Chat, a_chat, commands, everything
from tests.bot.talk import LANGS, words
from tests.bot.test_sync import a_house_with_leavers
from tests.scripted import House, a_company


def a_small_chat(*, proven: bool = True, above: int = 50) -> Chat:
    """Three people, an owner and another one; above so many employees a second person is wanted."""
    house = House(a_company(people=3, departments=1))
    house.sync()
    house.outside.catalog.update(
        replace(source := house.outside.catalog.source("hq"), guard=replace(source.guard, second_person=above)),
        instead_of=source,
    )
    chat = a_chat(house, proven=proven)
    chat.admit("ou_other", Role.OWNER)
    return chat


def number(reply: Reply) -> str:
    return next(each.split()[1] for each in commands(reply) if each.startswith("confirm "))


def enabled(chat: Chat) -> bool:
    return chat.house.outside.catalog.source("hq").enabled


# --- the effect first


@pytest.mark.parametrize("lang", LANGS)
def test_a_dangerous_command_shows_its_effect_and_does_nothing_yet(lang: Lang) -> None:
    chat = a_small_chat()
    reply = chat.say("停用 hq" if lang is Lang.ZH else "disable hq")
    assert ("3 名员工" if lang is Lang.ZH else "3 employee(s)") in words(reply)
    assert commands(reply) == [f"confirm {number(reply)}", f"confirm {number(reply)} no"]
    assert enabled(chat)
    assert (chat.last().verb, chat.last().outcome) == ("disable", ASKED)


def test_what_takes_nothing_away_needs_no_confirming() -> None:
    house = House(a_company(people=3, departments=1))
    preview = house.preview()
    chat = a_chat(house)
    (outgoing,) = chat.hear(chat.message(f"approve {preview.task_id}"))
    assert outgoing.task is not None
    house.work()
    assert house.entry("p1")


def test_an_approval_tells_how_many_lose_access() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    chat = a_chat(house)
    reply = chat.say(f"批准 {held.task_id}", "ou_op")
    assert "31 名员工" in words(reply)
    assert house.tasks.waiting(house.source.uid) == []
    (outgoing,) = chat.hear(chat.message(f"confirm {number(reply)}", "ou_op"))
    assert outgoing.task is not None
    house.work()
    assert not [row for row in house.rows(house.tasks.get(held.task_id)) if row.status.waits]


def test_pressing_confirm_changes_the_card_into_that_of_the_task() -> None:
    house = a_house_with_leavers()
    held = house.sync()
    chat = a_chat(house)
    reply = chat.say(f"approve {held.task_id}")
    outgoing = chat.press(f"confirm {number(reply)}", card="om_card")
    assert (outgoing.edits, outgoing.task) == ("om_card", "3")


# --- who, once, ten minutes


def test_who_asked_confirms_and_it_runs_once() -> None:
    chat = a_small_chat()
    asked = number(chat.say("disable hq"))
    assert "is disabled" in chat.read(f"confirm {asked}")
    chat.say("enable hq")
    said = chat.read(f"confirm {asked}")
    assert "confirmed already, by ou_owner at 2026-11-22 12:00:0" in said
    assert enabled(chat)


@pytest.mark.parametrize("by", ["ou_other", "ou_op", "ou_viewer", "ou_stranger", ""])
def test_nobody_else_confirms(by: str) -> None:
    chat = a_small_chat()
    asked = number(chat.say("disable hq"))
    said = chat.read(f"confirm {asked}", by)
    assert enabled(chat)
    if by == "ou_other":
        assert "belongs to somebody else" in said
    assert chat.last().outcome != "done"


def test_after_ten_minutes_it_says_that_it_expired() -> None:
    chat = a_small_chat()
    asked = number(chat.say("disable hq"))
    chat.house.pass_time(minutes=10)
    assert "expired at" in chat.read(f"confirm {asked}")
    assert "`disable hq`" in chat.read(f"confirm {asked}")
    assert enabled(chat)


@pytest.mark.parametrize("no", ["no", "否", "NO", "取消"])
def test_it_can_be_called_off(no: str) -> None:
    chat = a_small_chat()
    asked = number(chat.say("disable hq"))
    chat.say(f"confirm {asked} {no}")
    assert "called off, by ou_owner" in chat.read(f"confirm {asked}")
    assert enabled(chat)


@pytest.mark.parametrize("typed", ["1", "99999", "x", "../1", "１２３４", "0" * 64])
def test_a_number_that_nobody_was_given_says_so(typed: str) -> None:
    assert "Nothing waits" in a_small_chat().read(f"confirm {typed}")


def test_who_lost_the_role_meanwhile_runs_nothing() -> None:
    chat = a_small_chat()
    asked = number(chat.say("disable hq"))
    chat.admit("ou_owner", Role.OPERATOR)
    assert "owner" in chat.read(f"confirm {asked}")
    assert enabled(chat)


# --- codes


def test_where_the_signature_does_not_cover_who_spoke_a_code_goes_to_that_person() -> None:
    chat = a_small_chat(proven=False)
    asked = chat.say("disable hq")
    assert commands(asked) == [f"confirm {number(asked)} no"]
    code = chat.codes["ou_owner"]
    assert code not in everything(asked)
    kept = chat.house.outside.chats.confirmation(chat.house.source.uid, number(asked))
    assert kept is not None
    assert code not in str(kept)
    assert "is disabled" in chat.read(f"confirm {number(asked)} {code}")


def test_without_the_code_nothing_runs_and_another_one_is_sent() -> None:
    chat = a_small_chat(proven=False)
    asked = number(chat.say("disable hq"))
    first = chat.codes["ou_owner"]
    chat.say(f"confirm {asked}")
    assert enabled(chat)
    assert chat.codes["ou_owner"] != first
    assert "not the code" in chat.read(f"confirm {asked} {first}")
    assert "is disabled" in chat.read(f"confirm {asked} {chat.codes['ou_owner']}")


def test_after_five_wrong_codes_it_is_dead() -> None:
    chat = a_small_chat(proven=False)
    asked = number(chat.say("disable hq"))
    said = [chat.read(f"confirm {asked} {guess}") for guess in range(200_000, 200_000 + MOST_TRIES)]
    assert ["4 more tries" in said[0], "1 more tries" in said[3], "dead" in said[4]] == [True] * 3
    assert "dead" in chat.read(f"confirm {asked} {chat.codes['ou_owner']}")
    assert enabled(chat)


def test_codes_are_not_asked_for_without_end() -> None:
    chat = a_small_chat(proven=False)
    for _ in range(5):
        chat.say("disable hq")
    assert "Too much waits" in chat.read("disable hq")
    chat.house.pass_time(minutes=10)
    assert number(chat.say("disable hq"))


def test_a_code_is_kept_salted_and_only_itself_fits() -> None:
    assert sealed("123456") != sealed("123456")
    assert fits("123456", sealed("123456"))
    assert not fits("123457", sealed("123456"))
    assert not fits("", sealed("123456"))
    assert not fits("123456", "")


# --- a second person


@pytest.mark.parametrize("proven", [True, False])
def test_above_the_limit_a_second_person_must_confirm_too(proven: bool) -> None:
    chat = a_small_chat(proven=proven, above=2)
    asked = chat.say("disable hq")
    assert "second person" in words(asked)
    n = number(asked)
    chat.say(f"confirm {n} {chat.codes.get('ou_owner', '')}")
    assert enabled(chat)
    assert "somebody else" in chat.read(f"confirm {n} {chat.codes.get('ou_owner', '')}")
    for by in ("ou_op", "ou_viewer"):
        assert "role owner" in chat.read(f"confirm {n}", by)
    if not proven:
        chat.say(f"confirm {n}", "ou_other")
        assert enabled(chat)
    assert "is disabled" in chat.read(f"confirm {n} {chat.codes.get('ou_other', '')}", "ou_other")
    line = next(each for each in chat.audit() if each.verb == "source disable")
    assert (line.principal.key, line.outcome) == ("ou_owner", "done")
    confirms = [each.principal.key for each in chat.audit() if each.verb == "confirm" and each.outcome == "done"]
    assert confirms[0] == "ou_other"
    assert "by ou_other" in chat.read(f"confirm {n}")


def test_what_grew_over_the_limit_meanwhile_is_asked_for_anew() -> None:
    chat = a_small_chat(above=4)
    asked = number(chat.say("disable hq"))
    for each in range(5):
        chat.house.company.hire(f"new{each}", "d0")
    chat.house.sync()
    assert "more than was shown" in chat.read(f"confirm {asked}")
    assert enabled(chat)


# --- kills


class Dying(Sources):
    """Sources that are killed just before, or just after, they disable."""

    def disable(self, who: Principal, handle: str) -> Edited:
        raise KeyboardInterrupt


def dying(chat: Chat, message: Message) -> None:
    rooms = wiring.rooms()
    sources = Dying(**{name: getattr(rooms.sources, name) for name in Sources.__dataclass_fields__})
    with pytest.raises(KeyboardInterrupt):
        replace(chat.bot, rooms=replace(rooms, sources=sources)).hear(message)


def test_killed_after_the_confirmation_the_same_message_goes_on() -> None:
    chat = a_small_chat()
    asked = number(chat.say("disable hq"))
    message = chat.message(f"confirm {asked}")
    dying(chat, message)
    assert enabled(chat)
    assert "confirmed already" in chat.read(f"confirm {asked}")
    assert enabled(chat)
    assert "is disabled" in words(chat.hear(message)[0].reply)
    chat.say("enable hq")
    assert "confirmed already" in words(chat.hear(message)[0].reply)
    assert enabled(chat)


# --- no sequence of messages does harm

PERSONS = ("ou_owner", "ou_other", "ou_op", "ou_stranger", "")
ACTIONS = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(PERSONS), st.sampled_from(("", "wrong", "first", "theirs"))),
    st.tuples(st.just("again"), st.integers(0, 20), st.just("")),
    st.tuples(st.just("wait"), st.integers(1, 7), st.just("")),
    st.tuples(st.just("no"), st.sampled_from(PERSONS), st.just("")),
    st.tuples(st.just("prove"), st.booleans(), st.just("")),
)


@settings(max_examples=60)
@given(actions=st.lists(ACTIONS, max_size=14), above=st.sampled_from((2, 50)), proven=st.booleans())
def test_a_dangerous_command_runs_once_at_most_and_with_the_persons_it_needs(
    actions: Sequence[tuple[str, object, str]], above: int, proven: bool
) -> None:
    chat = a_small_chat(proven=proven, above=above)
    n = number(chat.say("disable hq"))
    until = chat.house.clock.now() + timedelta(minutes=10)
    heard: list[tuple[Message, str]] = []
    valid: set[str] = set()
    dead = False
    needed = {"ou_owner"} if above == 50 else {"ou_owner", "ou_other"}
    for what, detail, code in actions:
        runs = _runs(chat)
        if what == "wait":
            chat.house.pass_time(minutes=int(str(detail)))
            continue
        if what == "prove":
            chat.proven = bool(detail)
            continue
        if what == "again":
            if not heard:
                continue
            message, typed = heard[int(str(detail)) % len(heard)]
        else:
            by = str(detail)
            codes = {"wrong": "000000", "first": chat.codes.get("ou_owner", ""), "theirs": chat.codes.get(by, "")}
            typed = "no" if what == "no" else codes.get(code, "")
            message = chat.message(f"confirm {n} {typed}", by)
            heard.append((message, typed))
        late = chat.house.clock.now() >= until
        right = message.proven or (typed != "" and typed == chat.codes.get(message.sender))
        chat.hear(message)
        counts = typed != "no" and right and not late and not dead and message.sender in needed
        if counts and (message.sender == "ou_owner" or "ou_owner" in valid):
            valid.add(message.sender)
            until = chat.house.clock.now() + timedelta(minutes=10)
        if typed == "no" and message.sender in needed and not _runs(chat):
            dead = dead or "called off" in _standing(chat, n)
        if _runs(chat) > runs:
            assert runs == 0
            assert valid == needed
            assert not dead
    assert _runs(chat) <= 1
    assert enabled(chat) is (_runs(chat) == 0)


def _runs(chat: Chat) -> int:
    return sum(each.verb == "source disable" for each in chat.audit())


def _standing(chat: Chat, n: str) -> str:
    found = chat.house.outside.chats.confirmation(chat.house.source.uid, n)
    return "called off" if found and found.standing == "refused" else ""


def test_a_confirmation_is_found_again_after_a_restart() -> None:
    """The chat makes its bot anew for each message: nothing is kept but in the store."""
    chat = a_small_chat()
    asked = number(chat.say("disable hq"))
    outgoing: Outgoing = chat.press(f"confirm {asked}")
    assert outgoing.edits == "card"
    assert not enabled(chat)


@pytest.mark.parametrize("name", ["cancel", "No", "取消"])
def test_a_source_that_is_called_like_a_refusal_can_be_deleted_and_never_by_a_refusal(name: str) -> None:
    house = House()
    other = replace(house.source, uid="u-other", handle="other", name=name, revision=0)
    house.outside.catalog.add(other)
    chat = a_chat(house)

    def asked() -> str:
        return re.search(r"confirm (\d+) source-", words(chat.say("source delete other")))[1]  # type: ignore[index]

    chat.say(f"confirm {asked()} {name}")
    assert house.outside.catalog.source("other").deleting is None
    chat.say(f"confirm {asked()} source-{name}")
    assert [each.handle for each in house.outside.catalog.sources() if each.deleting is None] == ["hq"]


def test_what_else_is_said_meanwhile_lets_nobody_ask_for_more_codes() -> None:
    chat = a_small_chat(proven=False)
    while "confirm" in everything(chat.say("disable hq")) and chat.last().outcome == ASKED:
        pass
    refused = chat.last()
    assert refused.outcome == "too many to confirm"
    for _ in range(205):
        chat.house.outside.audit.note(refused)
    chat.say("disable hq")
    assert chat.last().outcome == "too many to confirm"
