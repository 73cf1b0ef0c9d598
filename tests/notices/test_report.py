"""What people are told of a source's tasks, and when they are left in peace."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import SourceDeniedError
from chalicelib.core.message import Address, Card, Outgoing
from chalicelib.core.principal import TERMINAL, Admin, Role
from chalicelib.core.reply import Line
from chalicelib.core.task import Progress, SyncTask, TaskStatus
from chalicelib.notices.report import MOST_WELCOMES, Notices
from chalicelib.notices.settings import Telling
from chalicelib.store.admins import TableAdmins
from chalicelib.store.board import TableBoard
from chalicelib.store.chats import TableChats
from tests.scripted import HeardBell, House, a_company

GROUP = "oc_ops"


class Office:
    """A company, and a chat in which its notices are posted."""

    def __init__(self, people: int = 40) -> None:
        self.house = House(a_company(people=people))
        self.chats, self.board = TableChats(table=self.house.table), TableBoard(table=self.house.table)
        self.admins, self.bell = TableAdmins(table=self.house.table), HeardBell()
        out = self.house.outside
        self.notices = Notices(
            catalog=out.catalog,
            directory=out.directory,
            tasks=out.tasks,
            chats=self.chats,
            board=self.board,
            meter=out.meter,
            connectors=out.connectors,
            admins=self.admins,
            bell=self.bell,
            clock=out.clock,
        )
        self.telling = Telling(
            catalog=out.catalog, board=self.board, admins=self.admins, audit=out.audit, clock=out.clock
        )

    @property
    def uid(self) -> str:
        return self.house.source.uid

    def listening(self, lang: Lang = Lang.EN) -> Office:
        self.telling.tell(TERMINAL, "hq", Address(source=self.uid, chat=GROUP, thread="om_1"), lang)
        return self

    def admin(self, person: str, *, role: Role = Role.OWNER, told: bool = False, source: str | None = None) -> None:
        self.admins.put(
            Admin(
                source=source or self.uid,
                person=person,
                role=role,
                audits=False,
                lang=Lang.ZH,
                added_by="terminal",
                added_at=self.house.clock.now(),
                told=told,
            )
        )

    def card(self, task: SyncTask, *, editable: bool = True) -> Card:
        """A card that somebody got who asked for a task."""
        now = self.house.clock.now()
        card = Card(
            task=task.task_id,
            card="om_card",
            editable=editable,
            to=Address(source=self.uid, chat=GROUP),
            lang=Lang.EN,
            shown="",
            edited_at=now,
        )
        self.chats.edited(card, is_last=False)
        return card

    def collected(self, source: str | None = None) -> list[Outgoing]:
        """What is put out now and was not before."""
        before = {each.outgoing_id for each in self.chats.outgoing(source or self.uid)}
        self.notices.collect(self.uid)
        return [each for each in self.chats.outgoing(source or self.uid) if each.outgoing_id not in before]

    def fail(self, code: str = "credentials refused") -> SyncTask:
        def broken(number: int) -> None:
            raise SourceDeniedError(code, code=10003)

        self.house.connectors.before_call = broken
        task = self.house.sync()
        self.house.connectors.before_call = lambda number: None
        return task


def said(outgoing: Outgoing) -> str:
    return "\n".join(block.text for block in outgoing.reply.blocks if isinstance(block, Line))


def test_success_is_quiet() -> None:
    office = Office().listening()
    office.collected()
    assert office.house.sync().status is TaskStatus.DONE
    assert office.collected() == []


def test_what_is_held_is_posted_with_what_can_be_pressed() -> None:
    office = Office().listening()
    office.house.sync()
    office.collected()
    for number in range(25, 40):
        office.house.company.leave(f"p{number}")
    held = office.house.sync()
    (notice,) = office.collected()
    assert held.status is TaskStatus.HELD
    assert (notice.to.chat, notice.to.thread, notice.task) == (GROUP, "", held.task_id)
    commands = [button.command for button in notice.reply.buttons]
    assert f"sync approve {held.task_id}" in commands
    assert f"sync reject {held.task_id}" in commands
    assert office.collected() == []


@pytest.mark.parametrize(("lang", "word"), [(Lang.EN, "failed"), (Lang.ZH, "失败")])
def test_a_failure_is_told_once_a_day_and_so_is_its_end(lang: Lang, word: str) -> None:
    office = Office().listening(lang)
    office.telling.digest(TERMINAL, "hq", False)
    office.house.sync()
    office.collected()
    office.fail("company refused")
    (told,) = office.collected()
    assert word in told.reply.title
    office.fail("company refused")
    assert office.collected() == []
    office.house.clock.sleep(timedelta(days=1).total_seconds())
    office.fail("company refused")
    assert len(office.collected()) == 1
    office.house.sync()
    (recovered,) = office.collected()
    assert recovered.outgoing_id.startswith("recovered:")
    office.house.sync()
    assert office.collected() == []


def test_another_failure_is_told_at_once() -> None:
    office = Office().listening()
    office.fail("company refused")
    assert len(office.collected()) == 1
    office.fail("unknown app")
    assert len(office.collected()) == 1


def test_refused_credentials_reach_the_owners_of_every_workspace_whatever_is_muted() -> None:
    office = Office()
    office.admin("ou_boss")
    office.admin("ou_operator", role=Role.OPERATOR)
    office.admin("manager7", source="src-branch")
    office.fail("credentials refused")
    assert [each.to.person for each in office.collected()] == ["ou_boss"]
    (abroad,) = office.chats.outgoing("src-branch")
    assert (abroad.to.person, abroad.to.direct) == ("manager7", True)
    assert ("src-branch", 0) in office.bell.rung


def test_an_admin_who_wants_to_be_told_is_told_directly_and_in_their_language() -> None:
    office = Office()
    office.admin("ou_boss", told=True)
    office.fail("company refused")
    (told,) = office.collected()
    assert (told.to.person, told.to.direct, told.reply.lang) == ("ou_boss", True, Lang.ZH)


def test_whoever_sees_the_tasks_card_is_not_told_twice() -> None:
    office = Office().listening()
    asked = office.house.requests.sync_now(TERMINAL, "hq").task
    office.card(asked)

    def broken(number: int) -> None:
        raise SourceDeniedError("company refused", code=1)

    office.house.connectors.before_call = broken
    office.house.work()
    (edit,) = office.collected()
    assert edit.edits == "om_card"


def test_a_card_follows_its_task_with_few_edits_and_ends_with_it() -> None:
    office = Office()
    task = office.house.requests.sync_now(TERMINAL, "hq").task
    office.card(task)
    edits: list[Outgoing] = []

    def watch(progress: Progress) -> None:
        office.house.clock.sleep(0.5)
        edits.extend(office.collected())

    office.house.work(watch=watch)
    edits += office.collected()
    assert "done" in edits[-1].reply.title
    assert edits[-1].edits == "om_card"
    assert len(edits) < 8
    assert office.chats.showing(office.uid) == []
    assert office.notices.collect(office.uid) is None


def test_a_running_card_is_looked_at_again() -> None:
    office = Office()
    office.card(office.house.requests.sync_now(TERMINAL, "hq").task)
    again = office.notices.collect(office.uid)
    assert again is not None
    assert 0 < again <= 60


def test_the_card_of_a_held_task_is_edited_when_it_is_decided() -> None:
    office = Office()
    office.house.sync()
    for number in range(25, 40):
        office.house.company.leave(f"p{number}")
    held = office.house.sync()
    office.card(held)
    office.collected()
    assert office.collected() == []
    assert len(office.chats.showing(office.uid)) == 1
    office.house.approve(held)
    (edit,) = office.collected()
    assert not any(button.command.startswith("sync approve") for button in edit.reply.buttons)
    assert office.chats.showing(office.uid) == []


def test_what_was_put_out_before_a_kill_is_not_put_out_again() -> None:
    office = Office().listening()
    task = office.fail("company refused")
    office.collected()
    settings = office.board.notices(office.uid)
    office.board.put(type(settings)(source=office.uid, to=settings.to), instead_of=settings)
    office.notices._tell(office.house.outside.catalog.source("hq"), task)
    assert len(office.chats.outgoing(office.uid)) == 1


def test_a_digest_comes_on_monday_morning_and_counts_the_week() -> None:
    office = Office().listening()  # noon of a Sunday
    office.collected()
    office.house.sync()
    assert office.collected() == []
    office.house.clock.sleep(timedelta(hours=20).total_seconds())
    assert office.collected() == []
    office.house.clock.sleep(timedelta(hours=2).total_seconds())
    (weekly,) = office.collected()
    assert weekly.outgoing_id.startswith("digest:")
    assert "none failed" in said(weekly)
    office.house.clock.sleep(timedelta(days=6).total_seconds())
    assert office.collected() == []
    office.house.clock.sleep(timedelta(days=1).total_seconds())
    assert len(office.collected()) == 1


def test_a_digest_can_be_turned_off() -> None:
    office = Office().listening()
    office.collected()
    office.telling.digest(TERMINAL, "hq", False)
    office.house.clock.sleep(timedelta(days=8).total_seconds())
    assert office.collected() == []


def test_who_is_new_is_welcomed_where_that_is_on_and_the_whole_company_never() -> None:
    office = Office(people=MOST_WELCOMES + 1)
    office.telling.welcome(TERMINAL, "hq", True)
    office.house.sync()
    assert office.collected() == []
    office.house.company.hire("newcomer", "d0")
    office.house.sync()
    (welcome,) = office.collected()
    assert (welcome.to.person, welcome.to.direct) == ("newcomer", True)
    office.telling.welcome(TERMINAL, "hq", False)
    office.house.company.hire("another", "d0")
    office.house.sync()
    assert office.collected() == []


def test_the_tick_knows_that_there_is_news() -> None:
    office = Office().listening()
    office.collected()
    source = office.house.source.uid
    assert not office.notices.is_due(source)
    office.house.sync()
    assert office.notices.is_due(source)
    office.collected()
    assert not office.notices.is_due(source)


def test_where_nothing_can_be_edited_the_end_is_said_once_and_progress_never() -> None:
    office = Office()
    task = office.house.requests.sync_now(TERMINAL, "hq").task
    office.card(task, editable=False)
    said_: list[Outgoing] = []

    def watch(progress: Progress) -> None:
        office.house.clock.sleep(5)
        said_.extend(office.collected())

    assert office.notices.collect(office.uid) is None
    office.house.work(watch=watch)
    assert said_ == []
    (end,) = office.collected()
    assert (end.edits, end.to.chat, end.task) == ("", GROUP, None)
    assert "done" in end.reply.title
    assert office.collected() == []
    assert office.chats.showing(office.uid) == []


def test_a_task_that_was_asked_for_in_another_workspace_wakes_its_chat() -> None:
    office = Office()
    task = office.house.requests.sync_now(TERMINAL, "hq").task
    now = office.house.clock.now()
    to = Address(source="src-branch", chat="cid1")
    abroad = Card(task=task.task_id, card="words:m1#0", to=to, lang=Lang.EN, shown="", edited_at=now, editable=False)
    office.chats.edited(abroad, is_last=False)
    office.house.work()
    office.collected()
    assert ("src-branch", 0) in office.bell.rung
