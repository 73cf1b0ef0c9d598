"""What the chats' store does when somebody else writes between its look and its write."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chalicelib.core.confirm import Standing
from chalicelib.local.table import SqliteTable
from chalicelib.store.admins import TableAdmins
from chalicelib.store.chats import TableChats
from tests.builders import HQ, NOON, at
from tests.contracts.test_chats import a_confirmation, a_saying, an_admin, an_answer
from tests.store.test_rivals import RivalTable

WORKERS = 8


@pytest.fixture
def plain() -> SqliteTable:
    return SqliteTable(":memory:")


@pytest.fixture
def table(plain: SqliteTable) -> RivalTable:
    return RivalTable(plain)


@pytest.fixture
def ours(table: RivalTable) -> TableChats:
    return TableChats(table=table)


@pytest.fixture
def theirs(plain: SqliteTable) -> TableChats:
    return TableChats(table=plain)


def test_of_two_who_claim_at_once_one_has_it(table: RivalTable, ours: TableChats, theirs: TableChats) -> None:
    theirs.store(a_saying())
    table.rival = lambda: theirs.claim(a_saying(), "they", NOON, at(60))
    assert ours.claim(a_saying(), "we", NOON, at(60)) is None
    assert theirs.claim(a_saying(), "they", NOON, at(60)) == 0


def test_whoever_claims_what_is_answered_meanwhile_has_nothing(
    table: RivalTable, ours: TableChats, theirs: TableChats
) -> None:
    theirs.store(a_saying())
    table.rival = lambda: theirs.answered(a_saying(), [an_answer()])
    assert ours.claim(a_saying(), "we", NOON, at(60)) is None


def test_of_two_who_answer_at_once_one_is_heard(table: RivalTable, ours: TableChats, theirs: TableChats) -> None:
    theirs.store(a_saying())
    table.rival = lambda: theirs.answered(a_saying(), [an_answer("om_1#0")])
    ours.answered(a_saying(), [an_answer("om_1#0"), an_answer("om_1#1")])
    assert [each.outgoing_id for each in theirs.outgoing(HQ)] == ["om_1#0"]


def test_of_two_who_hold_at_once_one_has_it(table: RivalTable, ours: TableChats, theirs: TableChats) -> None:
    theirs.put([an_answer("a")])
    (a,) = theirs.outgoing(HQ)
    table.rival = lambda: theirs.hold(a, "they", NOON, at(60))
    assert not ours.hold(a, "we", NOON, at(60))
    table.rival = lambda: theirs.sent(a, None)
    assert not ours.hold(a, "they", at(61), at(120))


def test_what_somebody_else_takes_meanwhile_is_not_let_go_of(
    table: RivalTable, ours: TableChats, theirs: TableChats
) -> None:
    theirs.put([an_answer("a")])
    (a,) = theirs.outgoing(HQ)
    ours.hold(a, "we", NOON, at(60))
    table.rival = lambda: theirs.hold(a, "they", at(60), at(120))
    ours.later(replace(a, attempts=1, not_before=at(70)))
    assert not ours.hold(a, "we", at(80), at(120))
    assert theirs.outgoing(HQ)[0].attempts == 0


def test_a_number_that_a_rival_took_meanwhile_is_not_given_again(
    table: RivalTable, plain: SqliteTable, theirs: TableChats
) -> None:
    drawn = iter([1, 1, 2])
    ours = TableChats(table=table, draw=lambda below: next(drawn))
    rival = TableChats(table=plain, draw=lambda below: next(drawn))
    table.rival = lambda: rival.ask_to_confirm(a_confirmation())
    assert ours.ask_to_confirm(a_confirmation()).number == "1002"
    assert theirs.confirmation(HQ, "1001") is not None


def test_of_two_who_decide_at_once_one_is_told_that_it_is_late(
    table: RivalTable, ours: TableChats, theirs: TableChats
) -> None:
    asked = theirs.ask_to_confirm(a_confirmation())
    off, done = (replace(asked, standing=standing) for standing in (Standing.REFUSED, Standing.DONE))
    table.rival = lambda: theirs.decide(asked, off)
    assert not ours.decide(asked, done)
    assert theirs.confirmation(HQ, asked.number) == off


def test_of_two_who_drop_an_admin_one_is_told_that_there_was_none(table: RivalTable, plain: SqliteTable) -> None:
    ours, theirs = TableAdmins(table=table), TableAdmins(table=plain)
    theirs.put(an_admin("ou_a"))
    table.rival = lambda: theirs.drop(HQ, "ou_a")
    assert not ours.drop(HQ, "ou_a")


def _all_at_once(act: Callable[[int], object]) -> list[object]:
    with ThreadPoolExecutor(WORKERS) as workers:
        return list(workers.map(act, range(WORKERS)))


def test_many_who_claim_answer_hold_and_ask_at_once_do_each_thing_once(tmp_path: Path) -> None:
    chats = TableChats(table=SqliteTable(str(tmp_path / "rollcall.db")), draw=lambda below: 5)
    assert sorted(map(bool, _all_at_once(lambda n: chats.store(a_saying(seconds=n)))))[-2:] == [False, True]
    (said,) = chats.waiting(HQ)
    until = NOON + timedelta(minutes=1)
    assert [each for each in _all_at_once(lambda n: chats.claim(said, f"w{n}", NOON, until)) if each is not None] == [0]
    _all_at_once(lambda n: chats.answered(said, [an_answer("om_1#0")]))
    (answer,) = chats.outgoing(HQ)
    assert sum(map(bool, _all_at_once(lambda n: chats.hold(answer, f"w{n}", NOON, until)))) == 1
    numbers = _all_at_once(lambda n: chats.ask_to_confirm(a_confirmation()).number if n < 4 else n)
    assert len(set(numbers)) == WORKERS
