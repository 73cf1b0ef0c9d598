"""No run of a schedule is lost, and none is doubled: over ticks at odd times, downtimes, kills, and edits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import wiring
from chalicelib.core.ports import Catalog
from chalicelib.core.principal import TERMINAL
from chalicelib.core.source import Schedule, Source, Turn, due, due_at, due_next
from chalicelib.core.spread import delay, minute
from chalicelib.core.task import SyncTask, TaskStatus, Trigger
from chalicelib.sources.calendar import next_due
from tests.builders import NOON, a_source
from tests.scripted import House, a_company

HOUR = timedelta(hours=1)


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Dying:
    """A catalog before which the process dies when it is told to."""

    catalog: Catalog
    dies: bool = False

    def sources(self) -> Sequence[Source]:
        return self.catalog.sources()

    def source(self, handle_or_uid: str) -> Source:
        return self.catalog.source(handle_or_uid)

    def add(self, source: Source) -> None:
        self.catalog.add(source)

    def update(self, source: Source, *, instead_of: Source) -> bool:
        return self.catalog.update(source, instead_of=instead_of)

    def claim_due(self, source: Source, now: datetime, next_due_at: datetime | None) -> bool:
        if self.dies:
            self.dies = False
            raise Killed
        return self.catalog.claim_due(source, now, next_due_at)

    def turns(self, now: datetime) -> Sequence[Turn]:
        return self.catalog.turns(now)


@dataclass
class Oracle:
    """Knows by looking at every minute whether a run was due since it last looked: once, however many were.

    What a cron puts at a full hour is due a little later; whoever runs after the hour has run for it.
    """

    uid: str
    schedule: Schedule
    since: datetime
    anchor: datetime
    runs: int = 0

    def look(self, now: datetime) -> None:
        if self.schedule.automatic and self._fell_due(now):
            self.runs += 1
            self.since = now

    def begin(self, schedule: Schedule, now: datetime) -> None:
        """Say that it was set, or turned on; a cycle ends at most so much later as it lasts, at the source's minute."""
        self.schedule, self.since = schedule, now
        ends = (now + schedule.cycle).replace(second=0, microsecond=0)
        while ends.minute != minute(self.uid):
            ends -= timedelta(minutes=1)
        self.anchor = ends - schedule.cycle

    def _fell_due(self, now: datetime) -> bool:
        if not self.schedule.cron:
            cycle = self.schedule.cycle
            return (now - self.anchor) // cycle > max(0, (self.since - self.anchor) // cycle)
        at_minute, hour = self.schedule.cron.split()[:2]
        zone = ZoneInfo(self.schedule.zone)
        at = self.since.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while at <= now:
            local = at.astimezone(zone)
            later = timedelta() if local.minute else delay(self.uid)
            if local.minute == int(at_minute) and (hour == "*" or local.hour == int(hour)) and at + later <= now:
                return True
            at += timedelta(minutes=1)
        return False


@dataclass
class Life:
    """A source whose schedule ticks, on a clock that jumps; tasks end between ticks, but for those of a kill."""

    house: House = field(default_factory=lambda: House(a_company(people=0, departments=0)))

    def __post_init__(self) -> None:
        self.catalog = Dying(self.house.outside.catalog)
        self.requests = replace(self.house.requests, catalog=self.catalog)
        self.sources = wiring.rooms().sources
        source = self.house.source
        self.oracle = Oracle(
            uid=source.uid, schedule=source.schedule, since=source.created_at, anchor=source.created_at
        )
        self.oracle.begin(source.schedule, source.created_at)

    def tick(self, passed: timedelta, *, dies: bool, ends: bool) -> None:
        self.house.clock.sleep(passed.total_seconds())
        self.oracle.look(self.house.clock.now())
        self.catalog.dies = dies
        with suppress(Killed):
            self.requests.tick()
        if ends or not dies:
            self.end()
        if dies:
            self.catalog.dies = False
            self.requests.tick()  # before the next is due: a kill is soon made good
            self.end()

    def end(self) -> None:
        uid = self.house.source.uid
        for task in self.house.tasks.waiting(uid):
            fence = self.house.tasks.take(uid, "life", self.house.clock.now(), HOUR)
            assert fence is not None
            self.house.tasks.end(replace(task, status=TaskStatus.DONE, finished_at=self.house.clock.now()), fence)
            self.house.tasks.release(fence)

    def set(self, schedule: Schedule) -> None:
        now = self.house.clock.now()
        before = self.house.outside.catalog.source("hq").schedule
        cycle = None if schedule.cron else schedule.cycle
        self.sources.schedule(TERMINAL, "hq", every=cycle, cron=schedule.cron or None, zone=schedule.zone)
        self.sources.auto(TERMINAL, "hq", on=schedule.automatic)
        after = self.house.outside.catalog.source("hq").schedule
        if after != before:
            self.oracle.begin(after, now)

    def runs(self) -> Sequence[SyncTask]:
        tasks = self.house.tasks.recent(self.house.source.uid, 500)
        return [task for task in tasks if task.trigger is Trigger.SCHEDULE]


schedules = st.builds(
    Schedule,
    cycle=st.sampled_from((HOUR, 5 * HOUR, 24 * HOUR)),
    cron=st.sampled_from(("", "", "30 3 * * *", "17 * * * *", "0 0 * * *")),
    zone=st.sampled_from(("UTC", "Asia/Shanghai")),
    automatic=st.sampled_from((True, True, True, False)),
)
ticks = st.tuples(
    st.one_of(st.integers(1, 120), st.integers(1, 24 * 60), st.just(10 * 24 * 60)).map(
        lambda minutes: timedelta(minutes=minutes)
    ),
    st.integers(0, 3).map(lambda number: number == 0),
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.one_of(ticks, ticks, ticks, schedules), min_size=1, max_size=25))
def test_every_run_that_falls_due_is_asked_for_once(
    steps: list[tuple[timedelta, bool, bool] | Schedule],
) -> None:
    life = Life()
    for step in steps:
        if isinstance(step, Schedule):
            life.set(step)
        else:
            life.tick(step[0], dies=step[1], ends=step[2])
        assert len(life.runs()) == life.oracle.runs
    life.house.outside.catalog.source("hq")


def test_a_schedule_that_is_edited_at_the_very_moment_of_a_claim_is_not_overwritten() -> None:
    life = Life()
    house = life.house
    edit = wiring.rooms().sources

    class Edited(Dying):
        def claim_due(self, source: Source, now: datetime, next_due_at: datetime | None) -> bool:
            edit.schedule(TERMINAL, "hq", every=HOUR)
            return self.catalog.claim_due(source, now, next_due_at)

    house.pass_time(hours=24)
    replace(house.requests, catalog=Edited(house.outside.catalog)).tick()
    life.end()
    at = due_at(house.outside.catalog.source("hq"))
    assert at is not None
    assert house.clock.now() < at <= house.clock.now() + HOUR
    house.pass_time(hours=1)
    house.requests.tick()
    assert len(life.runs()) == 2


def test_a_run_whose_time_a_preview_was_in_the_way_of_is_made_up_for() -> None:
    life = Life()
    house = life.house
    house.requests.preview(TERMINAL, "hq")
    house.pass_time(hours=25)
    house.requests.tick()
    assert life.runs() == []
    life.end()
    house.requests.tick()
    assert len(life.runs()) == 1


def test_a_request_that_met_a_preview_is_not_taken_for_heard() -> None:
    house = House()
    house.requests.preview(TERMINAL, "hq")
    with pytest.raises(Exception, match="another task is under way"):
        house.requests.sync_now(TERMINAL, "hq", once="schedule:x")
    house.work()
    assert house.requests.sync_now(TERMINAL, "hq", once="schedule:x").new


# --- the pure part


def test_cycles_do_not_drift_with_the_ticks() -> None:
    source = replace(a_source(), schedule=Schedule(cycle=HOUR))
    late = NOON + HOUR + timedelta(seconds=50)
    assert due(source, late)
    assert due_next(source, late, next_due) == NOON + 2 * HOUR


def test_of_many_missed_runs_one_is_made_up_for() -> None:
    source = replace(a_source(), schedule=Schedule(cycle=HOUR))
    assert due_next(source, NOON + 100 * HOUR + HOUR / 2, next_due) == NOON + 101 * HOUR
    crons = replace(source, schedule=Schedule(cron="0 3 * * *"), next_due_at=NOON)
    at = datetime(2026, 11, 27, 3, tzinfo=UTC) + delay(crons.uid)
    assert due_next(crons, NOON + 100 * HOUR, next_due) == at


def test_a_source_of_a_build_before_is_due_a_cycle_after_it_was_last_asked_for() -> None:
    assert due_at(a_source(last_asked_at=NOON + HOUR)) == NOON + 25 * HOUR
