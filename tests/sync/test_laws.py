"""The nine laws, seen from outside: a company is changed, synced, and the directory looked at."""

from __future__ import annotations

import pytest

from chalicelib.core.errors import ConflictError, NotFoundError, SetupError, SourceUnavailableError
from chalicelib.core.model import Kind, State
from chalicelib.core.principal import TERMINAL, Principal, Role
from chalicelib.core.task import RowStatus, SyncTask, Tally, TaskStatus
from tests.scripted import House, a_company


def counts(task: SyncTask, kind: Kind = Kind.EMPLOYEE) -> dict[str, int]:
    return {tally: count for tally, count in task.counts[kind].items() if count}


def test_a_first_sync_creates_everybody_and_everything() -> None:
    house = House(a_company(people=40, departments=8))
    task = house.sync()
    assert task.status is TaskStatus.DONE
    assert counts(task) == {Tally.CREATED: 40}
    assert counts(task, Kind.DEPARTMENT) == {Tally.CREATED: 8}
    assert task.entry_writes == 48
    assert house.entry("p9").values["departments"] == (house.entry("d1", Kind.DEPARTMENT).entry_id,)
    assert house.entry("p9").values["manager"] == house.entry("p0").entry_id


def test_a_run_without_changes_writes_no_entry_and_no_link() -> None:
    house = House()
    house.sync()
    before = {link.key: link for link in house.directory.links(house.source.uid)}
    task = house.sync()
    assert counts(task) == {Tally.UNCHANGED: 40}
    assert task.entry_writes == 0
    assert house.rows(task) == []
    assert {link.key: link for link in house.directory.links(house.source.uid)} == before


def test_ten_mutations_cause_ten_records() -> None:
    house = House()
    house.sync()
    for number in range(4):
        house.company.people[f"p{number}"]["name"] = f"Renamed {number}"
    for number in range(4, 7):
        house.company.leave(f"p{number}")
    house.company.hire("new1", "d0")
    house.company.hire("new2", "d1")
    house.company.departments["d7"]["name"] = "Renamed"
    task = house.sync()
    assert len(house.rows(task)) == 10
    assert {row.status for row in house.rows(task)} == {RowStatus.APPLIED}
    assert task.entry_writes == 10


def test_somebody_missing_from_every_list_who_is_found_by_name_stays() -> None:
    house = House()
    house.sync()
    house.company.unlisted |= {f"p{number}" for number in range(1, 40)}
    task = house.sync()
    assert counts(task) == {Tally.UNCHANGED: 40}
    assert house.state("p9") is State.ACTIVE


def test_somebody_who_moved_during_the_walk_is_healed_by_the_look_up() -> None:
    house = House()
    house.sync()

    def move(number: int) -> None:
        if number == 9:  # d7 is read already, d0 was read first
            house.company.people["p6"]["departments"] = ("d7",)

    house.company.unlisted.add("p6")
    house.connectors.before_call = move
    house.sync()
    assert house.entry("p6").values["departments"] == (house.entry("d7", Kind.DEPARTMENT).entry_id,)


def test_somebody_shown_in_two_ways_is_read_once_more() -> None:
    house = House()
    house.company.hire("two", "d0", "d7")
    house.sync()

    def rename(number: int) -> None:
        if number == 5:
            house.company.people["two"]["name"] = "Second Name"

    house.connectors.before_call = rename
    task = house.sync()
    assert house.entry("two").name == "Second Name"
    assert [row.after["name"] for row in house.rows(task)] == ["Second Name"]
    house.connectors.before_call = lambda number: None
    assert house.sync().entry_writes == 0


def test_hidden_people_are_kept_and_stand_in_the_plan_after_two_full_runs() -> None:
    house = House()
    house.sync()
    house.company.hidden |= {"p1", "p9", "d1"}
    first = house.sync()
    assert first.status is TaskStatus.DONE
    assert [remark.code for remark in first.remarks] == ["some cannot be seen"]
    assert first.remarks[0].facts == {"departments": 1, "employees": 2}
    assert house.rows(first) == []
    second = house.sync()
    assert second.status is TaskStatus.HELD
    assert {row.key.external_id for row in house.rows(second)} == {"p1", "p9", "d1"}
    assert {row.reason.code for row in house.rows(second) if row.reason} == {"cannot be seen"}
    assert house.state("p1") is State.ACTIVE
    house.company.hidden.clear()
    assert counts(house.sync()) == {Tally.UNCHANGED: 40}
    assert all(link.unseen_since is None for link in house.directory.links(house.source.uid))


def test_an_admin_may_remove_the_unseen_whom_the_source_still_hides() -> None:
    house = House()
    house.sync()
    house.company.hidden |= {"p1", "p9"}
    house.sync()
    held = house.sync()
    house.company.hidden.remove("p9")
    done = house.approve(held)
    assert house.state("p1") is State.LEFT
    assert house.state("p9") is State.ACTIVE
    assert counts(done) == {Tally.DEACTIVATED: 1}
    assert house.tasks.get(held.task_id).status is TaskStatus.DONE


def test_an_empty_answer_removes_nobody() -> None:
    house = House()
    house.sync()
    house.company.unlisted |= {*house.company.people, *house.company.departments}
    task = house.sync()
    assert task.status is TaskStatus.DONE
    assert task.entry_writes == 0


@pytest.mark.parametrize(("leavers", "held"), [(29, 0), (30, 0), (31, 31)])
def test_the_guard_lets_thirty_leavers_pass_and_holds_more_by_name(leavers: int, held: int) -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, leavers + 1):
        house.company.leave(f"p{number}")
    house.company.hire("newcomer", "d0")
    task = house.sync()
    assert task.status is (TaskStatus.HELD if held else TaskStatus.DONE)
    assert counts(task).get(Tally.HELD, 0) == held
    assert counts(task).get(Tally.DEACTIVATED, 0) == (0 if held else leavers)
    assert house.state("newcomer") is State.ACTIVE
    assert {row.name for row in house.rows(task) if row.status is RowStatus.HELD} == {
        f"P{number}" for number in range(1, held + 1)
    }


def test_removals_of_the_last_hour_count() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, 21):
        house.company.leave(f"p{number}")
    assert house.sync().status is TaskStatus.DONE
    for number in range(21, 41):
        house.company.leave(f"p{number}")
    assert house.sync().status is TaskStatus.HELD
    house.pass_time(minutes=61)
    assert house.sync().status is TaskStatus.DONE


def test_a_department_stays_open_while_people_in_it_wait() -> None:
    house = House(a_company(people=0, departments=3))
    house.company.open("closing", "d1")
    for number in range(40):
        house.company.hire(f"c{number}", "closing")
    house.sync()
    for number in range(40):
        house.company.leave(f"c{number}")
    house.company.leave("closing")
    task = house.sync()
    assert counts(task, Kind.DEPARTMENT)[Tally.HELD] == 1
    assert house.state("closing", Kind.DEPARTMENT) is State.ACTIVE
    house.approve(task)
    assert house.state("closing", Kind.DEPARTMENT) is State.LEFT
    assert house.state("c7") is State.LEFT


def test_suspending_many_at_once_is_a_removal_too() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(50):
        house.company.people[f"p{number}"]["state"] = State.SUSPENDED
    assert counts(house.sync())[Tally.HELD] == 50
    assert house.state("p3") is State.ACTIVE


def test_a_field_that_the_read_does_not_cover_is_kept() -> None:
    house = House()
    house.sync()
    house.company.uncovered |= {"email", "state"}
    task = house.sync()
    assert task.entry_writes == 0
    assert house.entry("p3").values["email"] == "p3@example.com"
    house.company.uncovered.clear()
    assert house.sync().entry_writes == 0


def test_somebody_new_without_a_known_state_is_rejected_and_said_why() -> None:
    house = House()
    house.sync()
    house.company.uncovered.add("state")
    house.company.hire("newcomer", "d0")
    task = house.sync()
    (row,) = house.rows(task)
    assert (row.status, row.reason and row.reason.code) == (RowStatus.REJECTED, "new entry lacks a field")
    house.company.uncovered.clear()
    house.sync()
    assert house.state("newcomer") is State.ACTIVE


def test_a_record_that_cannot_be_mapped_is_not_a_departure() -> None:
    house = House()
    house.sync()
    house.company.people["p3"]["email"] = "not an address"
    task = house.sync()
    assert counts(task) == {Tally.UNCHANGED: 39, Tally.REJECTED: 1}
    assert house.entry("p3").values["email"] == "p3@example.com"


def test_a_covered_field_that_vanishes_from_many_is_kept_and_reported() -> None:
    house = House(a_company(people=60))
    house.sync()
    for fields in house.company.people.values():
        fields["email"] = ""
    task = house.sync()
    assert task.status is TaskStatus.HELD
    assert {row.reason.code for row in house.rows(task) if row.reason} == {"field vanished from many"}
    assert house.entry("p3").values["email"] == "p3@example.com"
    house.approve(task)
    assert house.entry("p3").values["email"] is None


def test_an_approval_applies_exactly_what_is_still_true() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, 32):
        house.company.leave(f"p{number}")
    held = house.sync()
    house.company.left.discard("p5")
    house.company.hire("p5", "d0", title="Back, and promoted")
    house.company.hidden.add("p6")
    done = house.approve(held)
    assert counts(done)[Tally.DEACTIVATED] == 29
    assert house.state("p5") is State.ACTIVE
    assert house.entry("p5").values["title"] is None  # an approval never widens
    assert house.state("p6") is State.ACTIVE
    after = {row.key.external_id: row for row in house.rows(house.tasks.get(held.task_id))}
    assert after["p7"].status is RowStatus.APPLIED
    assert after["p5"].reason is not None
    assert after["p5"].reason.code == "approval not true any more"


def test_an_approval_of_some_leaves_the_rest_waiting() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, 32):
        house.company.leave(f"p{number}")
    held = house.sync()
    chosen = [house.entry("p1").entry_id, house.entry("p2").entry_id]
    house.approve(held, *chosen)
    assert [house.state(f"p{number}") for number in (1, 2, 3)] == [State.LEFT, State.LEFT, State.ACTIVE]
    after = house.tasks.get(held.task_id)
    assert (after.status, counts(after)[Tally.HELD]) == (TaskStatus.HELD, 29)
    with pytest.raises(ConflictError, match="already approved"):
        house.approve(held, chosen[0])
    with pytest.raises(NotFoundError, match="entry not in task"):
        house.approve(held, "e0")


def test_rejecting_writes_nothing_to_the_directory() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, 32):
        house.company.leave(f"p{number}")
    held = house.sync()
    rejected = house.requests.reject(TERMINAL, held.task_id)
    assert (rejected.status, counts(rejected)[Tally.REJECTED]) == (TaskStatus.DONE, 31)
    assert house.state("p1") is State.ACTIVE
    with pytest.raises(ConflictError, match="already rejected"):
        house.approve(held)


def test_a_later_full_sync_makes_an_old_plan_out_of_date() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, 32):
        house.company.leave(f"p{number}")
    old = house.sync()
    new = house.sync()
    assert house.tasks.held(house.source.uid) == [new]
    with pytest.raises(ConflictError, match="out of date"):
        house.approve(old)
    assert house.approve(new).entry_writes == 31


def test_a_preview_writes_nothing_and_can_be_approved() -> None:
    house = House()
    task = house.preview()
    assert task.status is TaskStatus.PREVIEWED
    assert counts(task) == {Tally.CREATED: 40}
    assert list(house.directory.links(house.source.uid)) == []
    done = house.approve(task)
    assert done.entry_writes == 48
    assert house.sync().entry_writes == 0


def test_a_preview_remembers_nothing_about_the_unseen() -> None:
    house = House()
    house.sync()
    house.company.hidden.add("p1")
    for _ in range(3):
        house.preview()
    assert all(link.unseen_since is None for link in house.directory.links(house.source.uid))


def test_other_credentials_that_show_another_company_change_nothing() -> None:
    house = House()
    house.sync()
    for external_id in [*house.company.people, *house.company.departments]:
        house.company.leave(external_id)
    house.company.open("else")
    for number in range(30):
        house.company.hire(f"stranger{number}", "else")
    task = house.sync()
    assert (task.status, task.reason and task.reason.code) == (TaskStatus.FAILED, "another company")
    assert house.state("p1") is State.ACTIVE


def test_the_second_request_joins_the_first_and_other_plans_are_refused() -> None:
    house = House()
    first = house.requests.sync_now(TERMINAL, "hq")
    second = house.requests.sync_now(TERMINAL, "hq")
    assert (second.new, second.task.task_id) == (False, first.task.task_id)
    with pytest.raises(ConflictError, match="another task is under way"):
        house.requests.preview(TERMINAL, "hq")


def test_a_second_worker_does_not_touch_a_source_that_is_held() -> None:
    house = House()
    house.requests.sync_now(TERMINAL, "hq")
    inside: list[float | None] = []

    def rival(number: int) -> None:
        if number == 3:
            inside.append(house.runner.wake(house.source.uid, lambda: 1e9))

    house.connectors.before_call = rival
    house.work()
    assert inside == [0.5]
    assert len(house.connectors.opened) == 1


def test_work_goes_on_in_slices_and_reads_nothing_twice() -> None:
    house = House()
    asked = house.requests.sync_now(TERMINAL, "hq")
    steps = 0

    def every_third() -> float:
        nonlocal steps
        steps += 1
        return 0.0 if steps % 3 == 0 else 100.0

    house.work(deadline=every_third)
    task = house.tasks.get(asked.task.task_id)
    assert task.slices > 3
    assert counts(task) == {Tally.CREATED: 40}
    assert dict(task.calls) == {"departments": 1, "members": 9}


def test_trouble_at_the_vendor_is_tried_again_and_then_said() -> None:
    house = House()

    def down(number: int) -> None:
        raise SourceUnavailableError("source unavailable", endpoint="x", problem="503")

    house.connectors.before_call = down
    task = house.sync()
    assert (task.status, task.reason and task.reason.code) == (TaskStatus.FAILED, "source unavailable")
    assert len(house.connectors.opened) == 4
    house.connectors.before_call = lambda number: None
    assert house.sync().status is TaskStatus.DONE


def test_a_fault_is_waited_out_by_the_tick_and_by_other_tasks() -> None:
    house = House(a_company(people=200))
    house.sync()
    for number in range(1, 32):
        house.company.leave(f"p{number}")
    held = house.sync()

    def down(number: int) -> None:
        raise SourceUnavailableError("source unavailable", retry_after=60, endpoint="x", problem="503")

    house.connectors.before_call = down
    asked = house.requests.sync_now(TERMINAL, "hq")
    assert house.runner.wake(house.source.uid, lambda: 1e9) == 60
    house.bell.rung.clear()
    house.requests.tick()
    assert house.bell.rung == []
    house.connectors.before_call = lambda number: None
    approved = house.requests.approve(TERMINAL, held.task_id)
    house.runner.wake(house.source.uid, lambda: 1e9)
    assert house.tasks.get(approved.task.task_id).status is TaskStatus.DONE
    assert house.tasks.get(asked.task.task_id).status is TaskStatus.QUEUED
    house.work()
    assert house.tasks.get(asked.task.task_id).status is TaskStatus.DONE


def test_a_setup_error_ends_the_task_at_once() -> None:
    house = House()

    def denied(number: int) -> None:
        raise SetupError("permission missing", scopes="x", code=1)

    house.connectors.before_call = denied
    task = house.sync()
    assert (task.status, len(house.connectors.opened)) == (TaskStatus.FAILED, 1)


def test_a_failed_reading_leaves_no_row_that_could_be_approved() -> None:
    house = House()

    def fails(number: int) -> None:
        if number == 6:
            raise SetupError("permission missing", scopes="x", code=1)

    house.connectors.before_call = fails
    task = house.sync()
    assert task.entry_writes == 0
    with pytest.raises(ConflictError, match="nothing waits"):
        house.approve(task)


def test_a_leaver_who_returns_is_reactivated_under_the_same_entry() -> None:
    house = House()
    house.sync()
    entry_id = house.entry("p3").entry_id
    house.company.leave("p3")
    house.sync()
    assert house.state("p3") is State.LEFT
    house.company.hire("p3", "d0")
    task = house.sync()
    assert counts(task)[Tally.REACTIVATED] == 1
    assert (house.entry("p3").entry_id, house.state("p3")) == (entry_id, State.ACTIVE)


def test_every_request_is_audited_also_a_refused_one() -> None:
    house = House()
    viewer = Principal(key="v", role=Role.VIEWER, door="chat")
    house.pass_time(seconds=1)
    with pytest.raises(Exception, match="forbidden"):
        house.requests.sync_now(viewer, "hq")
    house.sync()
    assert [(line.verb, line.principal.key, line.outcome) for line in house.audit()] == [
        ("sync now", "terminal", "done"),
        ("sync now", "v", "forbidden"),
        ("source create", "terminal", "done"),
    ]


def test_the_tick_asks_once_when_a_sync_is_due() -> None:
    house = House()
    house.requests.tick()
    assert house.tasks.waiting(house.source.uid) == []
    house.pass_time(hours=25)
    house.requests.tick()
    house.requests.tick()
    (task,) = house.tasks.waiting(house.source.uid)
    assert task.trigger == "schedule"
    house.work()
    house.requests.tick()
    assert house.tasks.waiting(house.source.uid) == []


def test_the_tick_rings_for_work_that_nobody_holds() -> None:
    house = House()
    house.requests.sync_now(TERMINAL, "hq")
    house.bell.rung.clear()
    house.requests.tick()
    assert house.bell.rung == [(house.source.uid, 0)]


def test_what_no_list_shows_is_read_by_name_for_new_and_changed_people() -> None:
    house = House(a_company(people=40, departments=8))
    house.company.daily_details = 100
    first = house.sync()
    assert first.calls["confirm"] == 2  # twenty at a time
    assert house.entry("p9").values["manager"] == house.entry("p0").entry_id
    assert house.sync().calls.get("confirm", 0) == 0
    house.company.people["p9"] |= {"title": "Head", "manager": "p1"}
    third = house.sync()
    assert house.entry("p9").values["manager"] == house.entry("p1").entry_id
    assert third.entry_writes == 1


def test_the_rest_is_read_by_name_in_turn_and_nothing_flaps() -> None:
    house = House(a_company(people=40, departments=8))
    house.company.daily_details = 10
    house.sync()
    for fields in house.company.people.values():
        fields["manager"] = "p2"
    before: set[str] = set()
    for _ in range(6):
        house.pass_time(days=1)
        task = house.sync()
        before |= {row.key.external_id for row in house.rows(task)}
    assert len(before) == 40
    links = {link.key: link for link in house.directory.links(house.source.uid)}
    for _ in range(5):
        house.pass_time(days=1)
        assert house.sync().entry_writes == 0
    assert {link.key: link for link in house.directory.links(house.source.uid)} == links
