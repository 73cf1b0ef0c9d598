"""What is said and to be said, each once, and what must be confirmed, over every Table."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.confirm import LIFE, Confirmation, Standing
from chalicelib.core.errors import SignatureError
from chalicelib.core.message import Address, Card, Delivery, Outgoing
from chalicelib.core.ports import Chats, Table
from chalicelib.core.principal import Admin, Principal, Role
from chalicelib.core.reply import Button, Line, Pairs, Reply, Tone, Weight
from chalicelib.core.reply import Table as Grid
from chalicelib.store.admins import TableAdmins
from chalicelib.store.audit import TableAudit
from chalicelib.store.chats import TableChats
from tests.builders import HQ, NOON, an_audit_line, at

MINUTE = timedelta(minutes=1)
GROUP = Address(
    source=HQ,
    chat="oc_1",
    person="ou_ann",
    thread="om_1",
    session="https://example.com/s?session=1",
    session_until=at(3600),
)
ANN = Address(source=HQ, person="ou_ann", direct=True)


@pytest.fixture
def chats(table: Table) -> Chats:
    return TableChats(table=table)


def a_saying(delivery_id: str = "om_1", *, source: str = HQ, seconds: float = 0, seal: str = "") -> Delivery:
    return Delivery(
        delivery_id=delivery_id,
        source=source,
        type="message",
        ids={"open_id": ("ou_ann",)},
        occurred_at=NOON - timedelta(seconds=1),
        received_at=at(seconds),
        talk='{"text": "立即同步 hq 🙂 \\ud800"}' + " " * 2000,
        proven=False,
        seal=seal,
    )


def an_answer(
    outgoing_id: str = "om_1#0", *, to: Address = GROUP, seconds: float = 0, task: str | None = None, edits: str = ""
) -> Outgoing:
    reply = Reply(blocks=(Line(text=outgoing_id),), data=None, lang=Lang.ZH)
    return Outgoing(outgoing_id=outgoing_id, to=to, reply=reply, created_at=at(seconds), task=task, edits=edits)


def a_card(card: str = "om_9", *, task: str = "7", source: str = HQ, seconds: float = 0) -> Card:
    to = Address(source=source, chat="oc_1")
    return Card(task=task, card=card, to=to, lang=Lang.ZH, shown="d1", edited_at=at(seconds), edits=2)


def a_confirmation(source: str = HQ) -> Confirmation:
    return Confirmation(
        number="",
        source=source,
        asked_by="ou_ann",
        command="disable hq",
        employees=12,
        needs_second=True,
        standing=Standing.WAITS,
        asked_at=NOON,
        expires_at=NOON + LIFE,
        codes=(("ou_ann", "digest1"), ("ou_ben", "digest2")),
    )


def ids(outgoing: object) -> list[str]:
    assert isinstance(outgoing, list)
    return [each.outgoing_id for each in outgoing]


# --- what was said


def test_what_was_said_comes_back_as_it_was_in_order_of_arrival(chats: Chats) -> None:
    said = [a_saying(f"om_{number}", seconds=number) for number in (3, 1, 2)]
    assert [chats.store(each) for each in said] == [True] * 3
    assert chats.waiting(HQ) == [said[1], said[2], said[0]]
    assert chats.waiting("src-branch") == []


def test_what_was_said_is_stored_once_also_when_it_is_answered(chats: Chats) -> None:
    assert chats.store(a_saying())
    assert not chats.store(a_saying(seconds=5))
    chats.answered(a_saying(), [])
    assert not chats.store(a_saying(seconds=3600))
    assert chats.waiting(HQ) == []
    assert chats.store(a_saying(source="src-branch"))


def test_a_claim_keeps_others_away_until_it_runs_out(chats: Chats) -> None:
    chats.store(a_saying())
    assert chats.claim(a_saying(), "one", NOON, at(60)) == 0
    assert chats.claim(a_saying(), "other", at(59), at(120)) is None
    assert chats.claim(a_saying(), "other", at(60), at(120)) == 1
    assert chats.claim(a_saying(), "one", at(61), at(120)) is None
    assert chats.claim(a_saying(), "third", at(121), at(180)) == 2


def test_whoever_has_it_may_let_go_of_it_sooner_and_that_counts_once(chats: Chats) -> None:
    chats.store(a_saying())
    chats.claim(a_saying(), "one", NOON, at(60))
    assert chats.claim(a_saying(), "one", at(1), at(5)) == 0
    assert chats.claim(a_saying(), "other", at(4), at(60)) is None
    assert chats.claim(a_saying(), "other", at(5), at(60)) == 1


def test_what_is_answered_cannot_be_claimed(chats: Chats) -> None:
    chats.store(a_saying())
    chats.answered(a_saying(), [])
    assert chats.claim(a_saying(), "one", NOON, at(60)) is None
    assert chats.claim(a_saying("never"), "one", NOON, at(60)) is None


def test_an_answer_takes_off_what_it_answers(chats: Chats) -> None:
    chats.store(a_saying())
    replies = [an_answer("om_1#0"), an_answer("om_1#1", to=ANN)]
    chats.answered(a_saying(), replies)
    assert chats.waiting(HQ) == []
    assert chats.outgoing(HQ) == replies


def test_of_two_answers_to_one_message_the_second_says_nothing(chats: Chats) -> None:
    chats.store(a_saying())
    chats.answered(a_saying(), [an_answer("om_1#0")])
    chats.answered(a_saying(), [an_answer("om_1#0"), an_answer("om_1#1")])
    chats.sent(an_answer("om_1#0"), None)
    chats.answered(a_saying(), [an_answer("om_1#0")])
    assert chats.outgoing(HQ) == []


def test_an_answer_that_was_put_out_before_is_not_put_out_again(chats: Chats) -> None:
    chats.store(a_saying())
    chats.put([an_answer("om_1#1")])
    chats.sent(an_answer("om_1#1"), None)
    chats.answered(a_saying(), [an_answer(f"om_1#{number}") for number in range(4)])
    assert ids(chats.outgoing(HQ)) == ["om_1#0", "om_1#2", "om_1#3"]
    assert chats.waiting(HQ) == []


def test_a_seal_serves_one_message(chats: Chats) -> None:
    assert chats.store(a_saying("om_1", seal="chat 1"))
    assert not chats.store(a_saying("om_1", seal="chat 1", seconds=1))
    assert not chats.store(a_saying("om_1", seal="chat 2", seconds=2))
    with pytest.raises(SignatureError):
        chats.store(a_saying("om_2", seal="chat 1"))
    assert [each.delivery_id for each in chats.waiting(HQ)] == ["om_1"]
    assert chats.store(a_saying("om_2", seal="chat 3"))
    assert chats.store(a_saying("om_3", seal="chat 1", source="src-branch"))


# --- what is to be said


def test_every_kind_of_reply_comes_back_as_it_was_but_for_its_document(chats: Chats) -> None:
    reply = Reply(
        blocks=(
            Line(text="总部 🙂\n*_[x](y)", tone=Tone.WARN),
            Grid(columns=("", "b"), rows=(("1", ""), ("2", "x" * 3000)), caption="c"),
            Pairs(pairs=(("k", "v"), ("k", "w")), caption=""),
        ),
        data={"task": 1},
        tone=Tone.BAD,
        task="7",
        title="hq",
        buttons=(Button(label="批准", command="sync approve 7", weight=Weight.DANGER), Button(label="x", command="y")),
        lang=Lang.ZH,
    )
    for number, to in enumerate((GROUP, ANN)):
        chats.put([replace(an_answer(f"n{number}", to=to, task="7", edits="om_9"), reply=reply)])
    first, second = chats.outgoing(HQ)
    assert first == replace(an_answer("n0", task="7", edits="om_9"), reply=replace(reply, data=None))
    assert second.to == ANN


def test_half_a_character_is_replaced(chats: Chats) -> None:
    chats.put([replace(an_answer(), reply=Reply(blocks=(Line(text="a\ud800b"),), data=None))])
    assert chats.outgoing(HQ)[0].reply.blocks == (Line(text="a?b"),)


def test_what_is_put_waits_in_the_order_it_was_put(chats: Chats) -> None:
    chats.put([an_answer(f"a{number}", seconds=5) for number in range(12)])
    chats.put([an_answer("b", seconds=4)])
    chats.put([an_answer("c", seconds=6)])
    assert ids(chats.outgoing(HQ)) == ["b", *(f"a{number}" for number in range(12)), "c"]


def test_what_was_put_is_not_put_again_also_when_it_was_sent(chats: Chats) -> None:
    chats.put([an_answer("a"), an_answer("b")])
    chats.sent(an_answer("a"), None)
    chats.put([an_answer("a", seconds=60), an_answer("b", seconds=60), an_answer("c", seconds=60)])
    assert ids(chats.outgoing(HQ)) == ["b", "c"]
    assert chats.outgoing(HQ)[0].created_at == NOON


def test_what_somebody_sends_nobody_else_sends_meanwhile(chats: Chats) -> None:
    chats.put([an_answer("a"), an_answer("b")])
    (a, b) = chats.outgoing(HQ)
    assert chats.hold(a, "one", NOON, at(60))
    assert not chats.hold(a, "other", at(59), at(120))
    assert chats.hold(b, "other", at(59), at(120))
    assert chats.hold(a, "other", at(60), at(120))
    chats.sent(a, None)
    assert not chats.hold(a, "one", at(121), at(180))


def test_what_is_to_be_said_later_is_let_go_of(chats: Chats) -> None:
    chats.put([an_answer("a")])
    (a,) = chats.outgoing(HQ)
    chats.hold(a, "one", NOON, at(60))
    chats.later(replace(a, attempts=1, not_before=at(30)))
    (again,) = chats.outgoing(HQ)
    assert (again.attempts, again.not_before) == (1, at(30))
    assert not chats.hold(a, "other", at(1), at(60)), "it was looked at before it was put off"
    assert chats.hold(again, "other", at(31), at(60))


def test_saying_later_what_is_said_already_says_nothing(chats: Chats) -> None:
    chats.put([an_answer("a")])
    chats.sent(an_answer("a"), None)
    chats.later(replace(an_answer("a"), attempts=1, not_before=at(30)))
    chats.sent(an_answer("a"), None)
    assert chats.outgoing(HQ) == []


def test_of_rings_that_are_on_their_way_the_earliest_is_enough(chats: Chats) -> None:
    assert chats.rings(HQ, NOON, at(30))
    assert not chats.rings(HQ, at(1), at(30))
    assert not chats.rings(HQ, at(1), at(60))
    assert chats.rings(HQ, at(1), at(5))
    assert chats.rings("src-branch", at(1), at(60))
    assert chats.rings(HQ, at(4.5), at(5)), "it comes within a second: who was woken for it may be early"
    assert chats.rings(HQ, at(6), at(60))


# --- cards


def test_a_card_that_follows_a_task_is_kept_when_it_is_sent(chats: Chats) -> None:
    chats.put([an_answer("a", task="7")])
    chats.sent(an_answer("a", task="7"), a_card())
    assert chats.outgoing(HQ) == []
    assert chats.cards("7") == chats.showing(HQ) == [a_card()]


def test_an_edited_card_stays_one_and_after_its_last_edit_shows_nothing_new(chats: Chats) -> None:
    for card in (a_card("om_1"), a_card("om_2", task="8"), a_card("om_3", source="src-branch")):
        chats.edited(card, is_last=False)
    later = replace(a_card("om_1"), edits=3, edited_at=at(5), shown="d2")
    chats.edited(later, is_last=False)
    assert chats.showing(HQ) == [later, a_card("om_2", task="8")]
    chats.edited(later, is_last=True)
    assert chats.showing(HQ) == [a_card("om_2", task="8")]
    assert {card.card for card in chats.cards("7")} == {"om_1", "om_3"}


# --- what must be confirmed


def test_what_must_be_confirmed_has_a_number_of_four_digits(chats: Chats) -> None:
    asked = chats.ask_to_confirm(a_confirmation())
    assert asked == replace(a_confirmation(), number=asked.number)
    assert 1000 <= int(asked.number) <= 9999
    assert chats.confirmation(HQ, asked.number) == asked
    assert chats.confirmation("src-branch", asked.number) is None


@pytest.mark.parametrize("number", ["", "abcd", "０１２３", "9" * 5000, "1234#"])
def test_what_is_no_number_is_nothing_that_was_asked(chats: Chats, number: str) -> None:
    assert chats.confirmation(HQ, number) is None


def test_a_number_is_given_once_and_where_they_run_out_they_grow(table: Table) -> None:
    chats = TableChats(table=table, draw=lambda below: 7)
    numbers = [chats.ask_to_confirm(a_confirmation()).number for _ in range(3)]
    assert numbers == ["1007", "10007", "100007"]
    assert chats.ask_to_confirm(a_confirmation("src-branch")).number == "1007"


def test_of_two_who_decide_one_is_told_that_it_is_late(chats: Chats) -> None:
    asked = chats.ask_to_confirm(a_confirmation())
    wrong = replace(asked, tries=1)
    done = replace(asked, standing=Standing.DONE, ended_at=at(9), second_by="ou_ben", task="7")
    assert chats.decide(asked, wrong)
    assert not chats.decide(asked, done)
    assert chats.decide(wrong, done)
    assert chats.confirmation(HQ, asked.number) == done
    assert not chats.decide(replace(asked, number="999999999"), done)


# --- admins


def an_admin(person: str, *, source: str = HQ, role: Role = Role.OPERATOR, added_at: datetime = NOON) -> Admin:
    return Admin(
        source=source,
        person=person,
        role=role,
        audits=True,
        lang=Lang.ZH,
        added_by="terminal:terminal",
        added_at=added_at,
        told=True,
    )


def test_an_admin_belongs_to_one_chat(table: Table) -> None:
    admins = TableAdmins(table=table)
    for each in (an_admin("ou_b"), an_admin("ou_a"), an_admin("ou_a", source="src-h"), an_admin("#", source="src-hq2")):
        admins.put(each)
    assert admins.admin(HQ, "ou_a") == an_admin("ou_a")
    assert admins.admin(HQ, "ou_c") is None
    assert admins.admin(HQ, "") is None
    assert admins.admin(HQ, "x" * 100_000) is None
    assert [each.person for each in admins.admins(HQ)] == ["ou_a", "ou_b"]
    assert [(each.source, each.person) for each in admins.admins()] == [
        ("src-h", "ou_a"),
        (HQ, "ou_a"),
        (HQ, "ou_b"),
        ("src-hq2", "#"),
    ]


def test_an_admin_is_replaced_and_dropped_once(table: Table) -> None:
    admins = TableAdmins(table=table)
    admins.put(an_admin("ou_a"))
    admins.put(an_admin("ou_a", role=Role.OWNER))
    assert [each.role for each in admins.admins()] == [Role.OWNER]
    assert admins.drop(HQ, "ou_a")
    assert not admins.drop(HQ, "ou_a")
    assert admins.admins() == []


# --- what is noted of a message


def test_a_verb_that_is_run_again_for_the_same_message_is_noted_once(table: Table) -> None:
    audit = TableAudit(table=table)
    who = Principal(key="ou_ann", role=Role.OWNER, door=HQ, where="oc_1", message="om_1")
    for seconds, principal, outcome in (
        (1, who, "done"),
        (2, who, "already rejected"),
        (61, who, "done"),
        (62, replace(who, message="om_2"), "done"),
        (63, replace(who, door="src-branch"), "done"),
    ):
        audit.note(replace(an_audit_line("sync now", at=at(seconds), principal=principal), outcome=outcome))
    lines = audit.recent(10)
    assert [line.at for line in lines] == [at(63), at(62), at(1)]
    assert lines[2].outcome == "done", "the first time is what happened"
    assert lines[1].principal == who, "what it was said in tells nobody who it was"


def test_what_is_done_outside_a_chat_is_noted_as_often_as_it_is_done(table: Table) -> None:
    audit = TableAudit(table=table)
    for seconds in range(3):
        audit.note(an_audit_line("sync now", at=at(seconds)))
    assert len(audit.recent(10)) == 3
