"""Walk B from the vendor's push to the directory, with the vendors' labs on the other end of every wire."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from random import Random

import httpx
import pytest

from chalicelib import wiring
from chalicelib.callbacks import deliver
from chalicelib.core.model import Key, Kind, State
from chalicelib.core.principal import TERMINAL
from chalicelib.core.task import Claim, Everything, Lane, Only, RowStatus, SyncTask, TaskStatus, Trigger
from infra.lab.push import Trouble
from tests.callbacks.office import VENDORS, WIDE, DingTalkTenant, LarkTenant, Office


@pytest.fixture(params=VENDORS)
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    with Office(request.param) as office:
        office.sync()
        office.clock.sleep(5)
        yield office


def some_people(office: Office, count: int) -> list[str]:
    return list(dict.fromkeys(office.tenant.some_person(seed) for seed in range(10 * count)))[:count]


def happen(office: Office) -> None:
    """Let one thing of each sort happen."""
    tenant, company = office.tenant, office.tenant.company
    people = some_people(office, 3)
    tenant.hire()
    tenant.leave(people[0])
    company.rename(people[1], "欧阳明远")
    company.move(people[2], tenant.some_department(2))
    opened = company.create_department(tenant.some_department(1), "新部门")
    company.create_department(opened, "更新的部门")
    company.rename_department(tenant.some_department(3), "改名部")


def test_what_happens_in_the_company_is_in_the_directory_at_once(office: Office) -> None:
    happen(office)
    assert office.differences()
    office.pass_time(1)
    assert office.differences() == []
    closed = next(name for name, entry in office.entries().items() if entry.values["name"] == "更新的部门")
    office.tenant.company.close_department(closed[1])
    office.pass_time(1)
    assert office.entries()[closed].state is State.LEFT
    assert office.differences() == []


def test_a_burst_is_one_task_of_departures_and_one_of_changes_which_name_their_deliveries(office: Office) -> None:
    happen(office)
    office.pusher.push_due()
    waiting = {delivery.delivery_id for delivery in office.inbox.waiting(office.source.uid)}
    assert len(waiting) >= 7
    office.work()
    departures, changes = office.events()
    assert {*departures.deliveries, *changes.deliveries} == waiting
    assert not {*departures.deliveries} & {*changes.deliveries}
    assert isinstance(departures.extent, Only)
    assert (len(departures.extent.claims), departures.extent.keys) == (1, ())
    assert not office.waiting_hints()
    assert [task.asked_by for task in office.events()] == ["events:events", "events:events"]


def test_one_event_is_one_task_and_one_record(office: Office) -> None:
    office.tenant.leave(office.tenant.some_person(3))
    office.pass_time(1)
    (task,) = office.events()
    (row,) = office.rows(task)
    assert (task.trigger, len(task.deliveries), row.status) == (Trigger.EVENT, 1, RowStatus.APPLIED)


def test_an_event_that_comes_ten_times_is_one_record_and_one_change(office: Office) -> None:
    person = office.tenant.some_person(3)
    office.tenant.leave(person)
    (event,) = [each.event for each in office.pusher._queue]
    for _ in range(10):
        request = office.pusher.channel.request(event, office.clock.now())
        assert office.send(*request).status == 200
        office.pass_time(10)
    assert office.state(person) is State.LEFT
    assert len(office.rows(*office.events())) == 1
    assert office.entries()[Kind.EMPLOYEE, person].revision == 2


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_storm_is_few_tasks_and_few_calls_and_ends_as_the_truth(vendor: str) -> None:
    """A third of a minute of a storm of five thousand events a minute, worked off while they come."""
    with Office(vendor, people=700, departments=40, guard=WIDE) as office:
        assert office.outside.catalog.source("hq") == office.source
        office.pusher._send = office.send_straight
        office.sync()
        whole_read, made, rng = office.calls, office.pusher.counters["events"], Random(5)
        began, most_waiting = office.clock.now(), 0
        for quarter in range(1, 81):
            while office.pusher.counters["events"] - made < 21 * quarter:
                office.tenant.company.mutate_randomly(rng, 1)
            passed_s = (office.clock.now() - began).total_seconds()
            office.pass_time(max(0.0, quarter / 4 - passed_s))
            most_waiting = max(most_waiting, len(office.inbox.waiting(office.source.uid)))
        office.pass_time(150)
        tasks = office.events()
        departures = [task for task in tasks if isinstance(task.extent, Only) and task.extent.claims]
        read = [task for task in tasks if isinstance(task.extent, Only) and task.extent.keys]
        whole = [task for task in tasks if isinstance(task.extent, Everything)]
        assert office.pusher.counters["events"] - made >= 1600
        assert len(read) <= 12
        assert len(whole) <= 2
        assert len(departures) <= 16
        # What a full sync is owed for is one row, not thousands that are read again and again.
        assert most_waiting < 300
        waits = [task.asked_at - claim.at for task in departures for claim in _claims(task)]
        # Here one worker does both lanes, so that a departure may wait for a full sync too.
        beside = max(task.finished_at - task.started_at for task in whole if task.finished_at and task.started_at)
        assert max(waits) < deliver.PACE + timedelta(seconds=2) + beside
        assert office.calls - whole_read < 1000 + (len(whole) + 1) * 100
        assert not office.waiting_hints()
        assert office.sync().status is TaskStatus.DONE
        assert office.differences() == []


def _claims(task: SyncTask) -> tuple[Claim, ...]:
    return task.extent.claims if isinstance(task.extent, Only) else ()


def test_departures_wait_for_each_other_in_a_crowd_only_and_for_seconds(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deliver, "CROWD", 2)
    leavers = some_people(office, 6)
    for leaver in leavers[:3]:
        office.tenant.leave(leaver)
        office.pass_time(0.5)
        assert office.state(leaver) is State.LEFT
    for leaver in leavers[3:]:
        office.tenant.leave(leaver)
        office.pass_time(0.5)
    assert [office.state(leaver) for leaver in leavers[3:]] == [State.ACTIVE] * 3
    office.pass_time(deliver.PACE.total_seconds() - 1.5)
    assert [office.state(leaver) for leaver in leavers[3:]] == [State.LEFT] * 3
    assert [len(_claims(task)) for task in office.events()] == [1, 1, 1, 3]


def test_what_changes_in_a_crowd_is_read_together(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "CROWD", 2)
    for number, person in enumerate(some_people(office, 6)):
        office.tenant.company.rename(person, f"改名{number}")
        office.pass_time(0.5)
    office.pass_time(deliver.PACE.total_seconds())
    assert [len(task.extent.keys) for task in office.events() if isinstance(task.extent, Only)] == [1, 1, 1, 3]
    assert not office.waiting_hints()
    assert office.differences() == []


def test_whoever_finds_others_at_work_leaves_it_to_them(office: Office) -> None:
    fence = office.tasks.take(office.source.uid, "another", office.clock.now(), timedelta(seconds=20), Lane.HINTS)
    office.tenant.leave(office.tenant.some_person(3))
    office.pusher.push_due()
    office.deliveries.dues.clear()
    office.deliver()
    assert (office.events(), office.deliveries.dues) == ([], [])
    assert fence is not None
    office.pass_time(90)  # they have died: the tick sees it
    assert len(office.events()) == 1


def a_storm(office: Office, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Let enough happen for a full sync; return the ids of the deliveries."""
    monkeypatch.setattr(deliver, "STORM_KEYS", 5)
    for number, person in enumerate(some_people(office, 8)):
        office.tenant.company.rename(person, f"改名{number}")
    office.pusher.push_due()
    return {each.delivery_id for each in office.inbox.waiting(office.source.uid)}


def test_a_full_sync_that_somebody_else_asked_for_is_not_joined(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = wiring.requests().sync_now(TERMINAL, "hq").task
    deliveries = a_storm(office, monkeypatch)
    office.pass_time(60)
    (task,) = office.events()
    assert (task.extent, {*task.deliveries}) == (Everything(), deliveries)
    assert office.tasks.get(other.task_id).deliveries == ()
    assert not office.waiting_hints()


def test_what_a_failed_full_sync_was_asked_for_is_asked_for_again(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = office.tenant.company
    secret, company.app_secret = company.app_secret, "another"
    office.tenant.api.revoke_tokens()
    deliveries = a_storm(office, monkeypatch)
    office.pass_time(300)
    (failed,) = office.events()
    assert failed.status is TaskStatus.FAILED
    assert office.waiting_hints()
    company.app_secret = secret
    office.pass_time(600)
    tasks = office.events()
    assert [task.status for task in tasks] == [TaskStatus.FAILED, TaskStatus.DONE]
    assert all({*task.deliveries} == deliveries for task in tasks)
    office.pass_time(30)
    assert not office.waiting_hints()
    assert office.differences() == []


def test_a_source_that_goes_on_failing_is_asked_less_and_less_often(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.tenant.company.app_secret = "another"
    office.tenant.api.revoke_tokens()
    a_storm(office, monkeypatch)
    office.pass_time(6 * 3600)
    waits = [task.asked_at for task in office.events()]
    assert [(later - sooner) // timedelta(minutes=1) for sooner, later in itertools.pairwise(waits)] == [10, 30, 120]


def test_another_full_sync_that_ends_well_makes_up_for_a_failed_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = office.tenant.company
    secret, company.app_secret = company.app_secret, "another"
    office.tenant.api.revoke_tokens()
    a_storm(office, monkeypatch)
    office.work()
    company.app_secret = secret
    office.clock.sleep(1)
    assert office.sync().status is TaskStatus.DONE
    office.pass_time(60)
    assert not office.waiting_hints()
    assert [task.status for task in office.events()] == [TaskStatus.FAILED]


def test_above_the_threshold_there_is_one_full_sync(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "STORM_KEYS", 5)
    for seed in range(12):
        office.tenant.company.rename(office.tenant.some_person(seed), f"改名{seed}")
    office.pass_time(5)
    (task,) = office.events()
    assert isinstance(task.extent, Everything)
    assert (task.trigger, len(task.deliveries)) == (Trigger.EVENT, 12)
    assert office.differences() == []


def test_a_storm_that_comes_in_drops_is_one_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "STORM_KEYS", 5)
    for number, person in enumerate(some_people(office, 8)):
        office.tenant.company.rename(person, f"改名{number}")
        office.pass_time(2)
    assert [type(task.extent) for task in office.events()] == [*[Only] * 5, Everything]
    office.pass_time(90)
    assert office.differences() == []


def test_departures_do_not_wait_for_a_storm_to_pass(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliver, "STORM_KEYS", 3)
    for seed in range(12):
        office.tenant.company.rename(office.tenant.some_person(seed), f"改名{seed}")
    leaver = office.tenant.some_person(3)
    office.tenant.leave(leaver)
    office.pusher.push_due()
    office.deliver()
    assert office.state(leaver) is State.LEFT
    assert [task.extent for task in office.tasks.waiting(office.source.uid)] == [Everything()]


@pytest.mark.parametrize("office", ["lark"], indirect=True)
def test_another_range_is_another_full_sync(office: Office) -> None:
    assert isinstance(office.tenant, LarkTenant)
    company = office.tenant.company
    hidden = company.hide(company.some_leaf_department(1))
    office.pass_time(5)
    company.show(hidden)
    office.pass_time(5)
    assert [type(task.extent) for task in office.events()] == [Everything, Everything]
    assert office.differences() == []


@pytest.mark.parametrize("office", ["lark"], indirect=True)
def test_a_full_sync_that_began_before_is_followed_by_another(office: Office) -> None:
    assert isinstance(office.tenant, LarkTenant)
    company = office.tenant.company
    began: list[object] = []

    def narrows(number: int) -> None:
        office.on_call = lambda number: None
        company.hide(company.some_leaf_department(1))
        office.pusher.push_due()
        assert office.deliveries.heard()
        office.deliver()
        began.extend(office.inbox.waiting(office.source.uid))

    office.on_call = narrows
    office.sync()
    assert len(began) == 1
    assert office.events() == []
    office.pass_time(60)
    (task,) = office.events()
    assert isinstance(task.extent, Everything)
    assert task.deliveries
    assert not office.waiting_hints()


def test_events_do_not_wait_for_a_full_sync(office: Office) -> None:
    leaver = office.tenant.some_person(3)
    states: list[object] = []

    def leaves(number: int) -> None:
        office.on_call = lambda number: None
        office.tenant.leave(leaver)
        office.pusher.push_due()
        office.deliver()
        states.append(office.state(leaver))
        assert office.tasks.lease(office.source.uid, Lane.FULL) is not None

    office.on_call = leaves
    assert office.sync().status is TaskStatus.DONE
    assert states == [State.LEFT]
    assert office.state(leaver) is State.LEFT


def test_a_hire_whom_a_slow_sync_saw_and_who_leaves_before_it_applies_is_never_in(office: Office) -> None:
    hired: list[str] = []

    def comes_and_goes(number: int) -> None:
        if not hired:
            hired.append(office.tenant.hire())
        elif office.tasks.staged_parts(office.tasks.waiting(office.source.uid)[0].task_id):
            office.on_call = lambda number: None
            office.tenant.leave(hired[0])
            office.pusher.push_due()
            office.deliver()

    office.on_call = comes_and_goes
    office.sync()
    assert office.state(hired[0]) in (None, State.LEFT)
    office.pass_time(60)
    assert office.state(hired[0]) in (None, State.LEFT)


def test_what_waits_for_a_source_that_was_disabled_is_dropped_with_a_count(office: Office) -> None:
    leaver = office.tenant.some_person(3)
    office.tenant.leave(leaver)
    office.pusher.push_due()
    claim = Claim(key=Key(office.source.uid, Kind.EMPLOYEE, leaver), at=office.clock.now())
    office.tasks.look_again(office.source.uid, [(office.clock.now(), claim)])
    office.rewrite(enabled=False)
    office.pass_time(30)
    assert office.state(leaver) is State.ACTIVE
    assert (office.events(), office.inbox.waiting(office.source.uid), office.deliveries.dues) == ([], [], [])
    assert office.inbox.drop(office.source.uid, office.clock.now()) == 2


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_leaver_whom_the_vendor_still_shows_is_looked_at_again(vendor: str) -> None:
    with Office(vendor, trouble=Trouble(lag_s=30)) as office:
        office.sync()
        office.clock.sleep(5)
        leaver = office.tenant.some_person(3)
        began = office.clock.now()
        office.tenant.leave(leaver)
        office.pass_time(1)
        assert office.state(leaver) is State.ACTIVE
        office.pass_time(15)
        assert office.state(leaver) is State.ACTIVE
        office.pass_time(60)
        assert office.state(leaver) is State.LEFT
        waits = [round((task.asked_at - began) / timedelta(seconds=1)) for task in office.events()]
        assert waits == [0, 10, 70]
        assert office.tasks.looks(office.source.uid) == []


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_departure_that_the_vendor_goes_on_denying_is_recorded_as_contradicted(vendor: str) -> None:
    with Office(vendor, trouble=Trouble(lag_s=3600)) as office:
        office.sync()
        office.clock.sleep(5)
        leaver = office.tenant.some_person(3)
        began = office.clock.now()
        office.tenant.leave(leaver)
        office.pass_time(900)
        waits = [round((task.asked_at - began) / timedelta(seconds=1)) for task in office.events()]
        assert waits == [0, 10, 70, 671] or waits == [0, 10, 70, 670]
        rows = [row for row in office.rows(*office.events()) if row.status is RowStatus.CONTRADICTED]
        assert [row.key.external_id for row in rows] == [leaver]
        assert office.state(leaver) is State.ACTIVE


def test_a_killed_door_that_stored_and_did_not_ring_is_made_up_for_by_the_tick(office: Office) -> None:
    leaver = office.tenant.some_person(3)
    office.deliveries.deaf = True
    office.tenant.leave(leaver)
    office.pass_time(5)
    office.deliveries.deaf = False
    assert office.state(leaver) is State.ACTIVE
    wiring.deliverer().tick()
    office.pass_time(1)
    assert office.state(leaver) is State.LEFT


def test_what_is_pushed_while_the_lease_is_given_back_is_not_kept_waiting(office: Office) -> None:
    tenant, (first, second) = office.tenant, some_people(office, 2)
    tenant.leave(first)
    office.pusher.push_due()
    office.deliveries.dues.clear()
    release = type(office.tasks).release

    def released(tasks: object, fence: object) -> None:
        tenant.leave(second)
        office.pusher.push_due()
        office.deliveries.dues.clear()
        release(tasks, fence)  # type: ignore[arg-type]  # the very arguments

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(office.tasks), "release", released)
        office.deliver()
    assert office.state(second) is State.ACTIVE
    office.work()
    assert office.state(second) is State.LEFT


@pytest.mark.parametrize("trouble", ["silent", "refusing"])
def test_a_departure_is_a_fact_though_the_vendor_answers_nothing(office: Office, trouble: str) -> None:
    tenant, (leaver, renamed) = office.tenant, some_people(office, 2)

    def silent(number: int) -> None:
        raise httpx.ConnectError("no route to host")

    tenant.company.rename(renamed, "欧阳明远")
    tenant.leave(leaver)
    if trouble == "silent":
        office.on_call = silent
    else:
        tenant.company.app_secret = "another"
        tenant.api.revoke_tokens()
    office.pass_time(0)
    assert office.state(leaver) is State.LEFT


def test_a_return_is_not_undone_by_what_was_pushed_before_it() -> None:
    with Office("dingtalk") as office:
        assert isinstance(office.tenant, DingTalkTenant)
        office.sync()
        office.clock.sleep(5)
        company, person = office.tenant.company, office.tenant.some_person(3)
        office.pusher.trouble.delay_s = 600
        office.tenant.leave(person)
        office.clock.sleep(60)
        office.pusher.trouble.delay_s = 0
        office.sync()
        assert office.state(person) is State.LEFT
        office.clock.sleep(60)
        company.hire(office.tenant.some_department(1), userid=person, active=True)
        office.pass_time(5)
        assert office.state(person) is State.ACTIVE
        office.pass_time(3000)
        assert office.state(person) is State.ACTIVE
        assert office.differences() == []


def test_event_tasks_are_found_by_their_trigger(office: Office) -> None:
    wiring.requests().sync_now(TERMINAL, "hq")
    office.tenant.leave(office.tenant.some_person(3))
    office.pass_time(5)
    assert [task.trigger for task in office.tasks.recent(office.source.uid, 10)] == ["event", "manual", "manual"]
