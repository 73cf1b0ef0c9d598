from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest

from chalicelib import wiring
from chalicelib.core.catalogue import Lang
from chalicelib.core.diff import Action
from chalicelib.core.errors import ConflictError, ForbiddenError, NotFoundError, StoreConflictError
from chalicelib.core.message import Address
from chalicelib.core.model import Key, Kind, State
from chalicelib.core.notice import NoticeSettings
from chalicelib.core.principal import TERMINAL, Admin, Principal, Role
from chalicelib.core.secret import Secret
from chalicelib.core.task import Evidence, Lane, RowStatus, TaskStatus, Trigger
from chalicelib.local.table import SqliteTable
from chalicelib.sources.delete import Deletions, Losses
from chalicelib.sources.draft import Draft
from chalicelib.sync.why import explain
from tests.builders import a_link, at
from tests.core.test_logo import a_png
from tests.scripted import House, a_company

OWNER = Principal(key="ou_owner", role=Role.OWNER, door="src-x", where="oc_1")


@pytest.fixture
def house() -> Iterator[House]:
    """A company of six in two departments, synced."""
    house = House(a_company(people=6, departments=2))
    house.sync()
    yield house
    wiring.use(None)


@pytest.fixture
def deletions(house: House) -> Deletions:
    return wiring.deletions()


def an_admin(house: House, person: str = "ou_1", role: Role = Role.OWNER) -> Admin:
    admin = Admin(
        source=house.source.uid,
        person=person,
        role=role,
        audits=False,
        lang=Lang.EN,
        added_by="terminal:terminal",
        added_at=house.clock.now(),
    )
    house.outside.admins.put(admin)
    return admin


def everything(house: House) -> list[tuple[str, str]]:
    """Every row that is kept, by partition and sort key."""
    assert isinstance(house.table, SqliteTable)
    rows = house.table._db.execute("SELECT partition, sort FROM items").fetchall()
    return [(str(partition), str(sort)) for partition, sort in rows]


def test_what_goes_is_told_first(house: House, deletions: Deletions) -> None:
    an_admin(house)
    house.company.leave("p1")
    house.sync()
    assert deletions.losses("hq") == Losses(people=5, departments=2, waiting=0, admins=1, is_last_owner=True)
    assert house.outside.catalog.source("hq").enabled


def test_a_deleted_source_is_gone_with_its_secrets_and_its_people_stay(house: House, deletions: Deletions) -> None:
    uid, entry = house.source.uid, house.entry("p1")
    deleted = deletions.delete(TERMINAL, "hq")
    assert (deleted.is_gone, deleted.task) == (True, None)
    with pytest.raises(NotFoundError, match="no such source"):
        house.outside.catalog.source("hq")
    assert house.secrets.kept == {}
    assert house.directory.entries([entry.entry_id]) == {entry.entry_id: entry}
    assert house.directory.search(entry.name, 10)
    assert (house.audit()[0].verb, house.audit()[0].outcome, house.audit()[0].source) == ("source delete", "done", uid)


def test_nothing_of_it_is_left_but_its_entries_tasks_and_what_ends_soon(house: House, deletions: Deletions) -> None:
    uid, out = house.source.uid, house.outside
    an_admin(house)
    out.logos.put(uid, a_png())
    settings = NoticeSettings(source=uid, to=Address(source=uid, chat="oc_1"))
    assert out.board.put(settings, instead_of=NoticeSettings(source=uid))
    house.hear("sync now hq", "m1", sender="ou_1")
    house.converse()
    house.hear("disable hq", "m2", sender="ou_1")
    house.converse()
    house.work()
    house.converse()
    for each in ("p1", "p2", "p3", "p4", "p5", "p6"):
        house.company.leave(each)
    house.hinted(claims=[house.claim("p3")])
    assert deletions.delete(TERMINAL, "hq").is_gone
    # History and plans end after 90 days, cards after 14; what a digest names holds nothing of anybody.
    stays = {"history", "task", "plan", "entry", "alias", "audit", "once", "cards"}
    stays |= {"delivery", "heard", "put", "noted"}
    left = {partition.partition("#")[0] for partition, sort in everything(house) if uid in f"{partition} {sort}"}
    assert left <= stays, left - stays


def test_its_tasks_and_records_can_still_be_read(house: House, deletions: Deletions) -> None:
    (task,) = house.tasks.recent(house.source.uid, 10)
    deletions.delete(TERMINAL, "hq")
    assert house.tasks.get(task.task_id) == task
    assert len(house.rows(task)) == 8
    assert house.tasks.recent(None, 10) == [task]


def test_what_waits_for_a_decision_is_closed_with_a_reason(house: House, deletions: Deletions) -> None:
    house.company.people["p1"]["name"] = "新名"
    preview = house.preview()
    deletions.delete(TERMINAL, "hq")
    closed = house.tasks.get(preview.task_id)
    assert (closed.status, closed.reason and closed.reason.code) == (TaskStatus.DONE, "source was deleted")
    assert {row.status for row in house.rows(preview)} == {RowStatus.CANCELLED}
    with pytest.raises(NotFoundError):
        house.requests.approve(TERMINAL, preview.task_id)


# --- while something is at work


def test_a_sync_that_runs_ends_as_cancelled_and_then_the_source_goes(house: House, deletions: Deletions) -> None:
    house.company.people["p1"]["name"] = "新名"
    asked = house.requests.sync_now(TERMINAL, "hq").task
    seen: list[bool] = []

    def in_the_middle(number: int) -> None:
        if not seen:
            seen.append(deletions.delete(TERMINAL, "hq").is_gone)
        house.clock.sleep(2)

    house.connectors.before_call = in_the_middle
    house.work()
    assert seen == [False]
    assert house.tasks.get(asked.task_id).status is TaskStatus.CANCELLED
    assert not house.outside.catalog.source("hq").enabled
    deletions.tick()
    assert house.outside.catalog.sources() == []


def test_a_worker_that_wakes_up_late_can_write_nothing(house: House, deletions: Deletions) -> None:
    house.company.people["p1"]["name"] = "新名"
    fence = house.tasks.take(house.source.uid, "late", house.clock.now(), timedelta(seconds=20))
    assert fence is not None
    assert not deletions.delete(TERMINAL, "hq").is_gone
    house.pass_time(seconds=30)
    assert deletions.go_on(house.source.uid)
    with pytest.raises(StoreConflictError, match="lease is lost"):
        house.directory.relink(fence, [a_link(Key(house.source.uid, Kind.EMPLOYEE, "p1"), observed_at=at(999))])
    assert not house.tasks.renew(fence, house.clock.now(), timedelta(seconds=20), None)


def test_a_ring_that_comes_late_finds_nothing_to_do(house: House, deletions: Deletions) -> None:
    deletions.delete(TERMINAL, "hq")
    for lane in Lane:
        assert house.runner.wake(house.source.uid, lambda: 100.0, lane=lane) is None
    wiring.deliverer().deliver(house.source.uid, lambda: 100.0)
    wiring.converser().converse(house.source.uid, lambda: 100.0)
    for each in wiring.ticking():
        each.tick()


def test_nothing_can_be_changed_about_it_any_more(house: House, deletions: Deletions) -> None:
    assert house.tasks.take(house.source.uid, "busy", house.clock.now(), timedelta(seconds=20))
    assert not deletions.delete(TERMINAL, "hq").is_gone
    sources = wiring.rooms().sources
    with pytest.raises(ConflictError, match="source is being deleted"):
        sources.enable(TERMINAL, "hq")
    with pytest.raises(ConflictError, match="source is disabled"):
        house.requests.sync_now(TERMINAL, "hq")


def test_said_twice_it_is_done_once_and_that_people_leave_is_not_taken_back(house: House, deletions: Deletions) -> None:
    first = deletions.delete(TERMINAL, "hq", people_leave=True)
    again = deletions.delete(TERMINAL, "hq")
    assert first.task is not None
    assert again.task == first.task


# --- its people leave with it


def test_people_leave_in_a_task_whose_rows_say_why_and_then_the_source_goes(house: House, deletions: Deletions) -> None:
    entry = house.entry("p1")
    deleted = deletions.delete(OWNER, "hq", people_leave=True)
    assert not deleted.is_gone
    assert deleted.task is not None
    house.work()
    task = house.tasks.get(deleted.task.task_id)
    assert (task.status, task.trigger, task.asked_by, dict(task.calls)) == (
        TaskStatus.DONE,
        Trigger.DELETION,
        "src-x:ou_owner",
        {},
    )
    rows = house.rows(task)
    assert {(row.action, row.status, row.evidence) for row in rows} == {
        (Action.DEACTIVATE, RowStatus.APPLIED, Evidence.DELETED)
    }
    assert len(rows) == 8
    assert house.outside.catalog.sources() != []
    deletions.tick()
    assert house.outside.catalog.sources() == []
    left = house.directory.entries([entry.entry_id])[entry.entry_id]
    assert left.state is State.LEFT
    (why,) = [each for each in explain(left, house.tasks) if each.field == "state"]
    assert (why.trigger, why.asked_by, why.evidence) == (Trigger.DELETION, "ou_owner", Evidence.DELETED)


def test_above_the_guard_they_leave_too_for_that_was_confirmed() -> None:
    house = House(a_company(people=60, departments=2))
    house.sync()
    deletions = wiring.deletions()
    deleted = deletions.delete(TERMINAL, "hq", people_leave=True)
    house.work()
    assert deleted.task is not None
    assert house.tasks.get(deleted.task.task_id).status is TaskStatus.DONE
    assert deletions.go_on(house.source.uid)


def test_neither_secrets_nor_vendor_are_needed_for_it(house: House, deletions: Deletions) -> None:
    house.secrets.drop(house.source.uid)
    opened = len(house.connectors.opened)
    deletions.delete(TERMINAL, "hq", people_leave=True)
    house.work()
    assert deletions.go_on(house.source.uid)
    assert len(house.connectors.opened) == opened


def test_whoever_comes_after_the_others_were_let_go_leaves_too(house: House, deletions: Deletions) -> None:
    """An event is at work past its last look at whether it is to end, while all leave beside it."""
    house.company.hire("late", "d0")
    house.company.people["p1"]["email"] = None
    asked: list[int] = []

    def in_the_middle(number: int) -> None:
        asked.append(number)
        if len(asked) == 2:
            assert not deletions.delete(TERMINAL, "hq", people_leave=True).is_gone
            house.work()

    house.connectors.before_call = in_the_middle
    house.hinted("late", "p1")
    assert house.state("late") is State.ACTIVE
    late = house.entry("late")
    for _ in range(3):
        house.pass_time(minutes=1)
        deletions.tick()
        house.work()
    assert house.outside.catalog.sources() == []
    assert house.directory.entries([late.entry_id])[late.entry_id].state is State.LEFT
    assert len([task for task in house.tasks.recent(None, 20) if task.trigger is Trigger.DELETION]) == 2


@pytest.mark.parametrize("steps", range(0, 30, 2))
def test_killed_anywhere_it_goes_on(house: House, deletions: Deletions, steps: int) -> None:
    """The first writes of the deletion are let through, then the worker dies; what is woken later does the rest."""
    entry = house.entry("p1")

    class Killed(BaseException):
        pass

    table = house.table
    written = {"count": 0}
    write, write_many = table.write, table.write_many

    def count() -> None:
        written["count"] += 1
        if written["count"] > steps:
            raise Killed

    def counted_write(writes):  # type: ignore[no-untyped-def] # as the table's
        count()
        return write(writes)

    def counted_write_many(writes):  # type: ignore[no-untyped-def] # as the table's
        count()
        return write_many(writes)

    setattr(table, "write", counted_write)  # noqa: B010 - a kill at a write
    setattr(table, "write_many", counted_write_many)  # noqa: B010 - a kill at a write
    try:
        with suppress(Killed):
            deletions.delete(TERMINAL, "hq", people_leave=True)
            house.work()
            deletions.tick()
    finally:
        setattr(table, "write", write)  # noqa: B010 - alive again
        setattr(table, "write_many", write_many)  # noqa: B010 - alive again
    kept = house.outside.catalog.sources()
    if kept and kept[0].deleting is None:
        assert house.state("p1") is State.ACTIVE  # it died before it had begun
        return
    for _ in range(4):
        house.pass_time(minutes=15)
        for each in wiring.ticking():
            each.tick()
        house.work()
    assert house.outside.catalog.sources() == []
    assert house.directory.entries([entry.entry_id])[entry.entry_id].state is State.LEFT


# --- another source under the same handle


def test_a_new_source_under_an_old_handle_is_another_one(house: House, deletions: Deletions) -> None:
    old = house.source.uid
    an_admin(house)
    entry = house.entry("p1")
    deletions.delete(TERMINAL, "hq")
    draft = Draft(
        handle="hq",
        kind="scripted",
        name="总部",
        settings={"app_id": "cli_1"},
        secrets={"app_secret": Secret("another")},
    )
    new = wiring.rooms().sources.create(TERMINAL, draft, activate_gate=False).source
    assert new.uid != old
    assert house.outside.admins.admins("hq") == house.outside.admins.admins(new.uid) == []
    assert house.tasks.recent(new.uid, 10) == []
    assert house.secrets.kept[new.uid]["app_secret"].reveal() == "another"
    assert list(house.directory.links(new.uid)) == []
    assert house.tasks.read_through(new.uid) is None
    assert house.directory.entries([entry.entry_id])[entry.entry_id].key.source == old


# --- from its own chat


def test_whoever_deletes_it_from_its_own_chat_gets_the_answer_first(house: House, deletions: Deletions) -> None:
    an_admin(house, "ann")
    house.hear("source delete hq", "m1", sender="ann")
    house.converse()
    told = str(house.chat.said[-1].reply)
    number = told.partition("confirm ")[2].split()[0]
    assert f"confirm {number} 总部" in told
    house.hear(f"confirm {number}", "m2", sender="ann")
    house.converse()
    assert "type the name" in str(house.chat.said[-1].reply)
    assert house.outside.catalog.source("hq").deleting is None
    house.hear(f"confirm {number} 总部", "m3", sender="ann")
    house.converse()
    assert "hq is being deleted" in str(house.chat.said[-1].reply)
    assert house.outside.catalog.source("hq").deleting is not None
    deletions.tick()
    assert house.outside.catalog.sources() == []
    assert house.secrets.kept == {}


def test_an_answer_that_cannot_be_said_keeps_it_for_an_hour_and_no_longer(house: House, deletions: Deletions) -> None:
    house.hear("help", "m1")
    inside = Principal(key="ann", role=Role.OWNER, door=house.source.uid)
    assert not deletions.delete(inside, "hq").is_gone
    house.pass_time(minutes=59)
    deletions.tick()
    assert house.outside.catalog.sources() != []
    house.pass_time(minutes=1)
    deletions.tick()
    assert house.outside.catalog.sources() == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_owners_delete(house: House, deletions: Deletions, role: Role) -> None:
    with pytest.raises(ForbiddenError):
        deletions.delete(Principal(key="v", role=role, door="chat"), "hq")
    assert house.outside.catalog.source("hq").deleting is None
