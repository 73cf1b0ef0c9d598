"""A year of ticks: random schedules and zones, downtime, edits, sources that are turned off and on.

What should have run is told by a list of the times that the library gives for a whole span at once, and by the clock
on the wall; what does run, by one instant that is kept and compared. Ticks far from any time change nothing, so the
year is ticked where something may happen.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from chalicelib.core.errors import MalformedError
from chalicelib.core.source import Schedule, Source, due, due_first, due_next
from chalicelib.core.spread import LONGEST_DELAY, SHORTEST_DELAY, delay, minute
from chalicelib.sources.calendar import check_cron, next_due, next_run
from tests.builders import a_source

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
ENDS = datetime(2027, 1, 1, tzinfo=UTC)
# Clocks that change by an hour, by half of one, at midnight, on other dates in the south, and not at all.
ZONES = (
    "UTC",
    "Asia/Shanghai",
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
)


# --- what should run


@dataclass(frozen=True, slots=True)
class Slot:
    """A time that a schedule names, and when its run is due."""

    at: datetime
    due: datetime


def slots(source: Source, begins: datetime, ends: datetime) -> Sequence[Slot]:
    """List every time of a schedule that was set at `begins`, without asking what it thinks is next."""
    schedule = source.schedule
    if not schedule.cron:
        at = (begins + schedule.cycle).replace(second=0, microsecond=0)
        while at.minute != minute(source.uid):
            at -= MINUTE
        return [Slot(each, each) for each in steps(at, schedule.cycle, ends)]
    zone, found = ZoneInfo(schedule.zone), []
    for local in CronSim(schedule.cron, begins.astimezone(zone)):
        at = local.astimezone(UTC)
        if at > ends:
            break
        found.append(Slot(at, at if local.minute else at + delay(source.uid)))
    return found


def steps(at: datetime, by: timedelta, ends: datetime) -> Iterator[datetime]:
    while at <= ends:
        yield at
        at += by


def expected(due_slots: Sequence[Slot], begins: datetime, ticks: Sequence[datetime]) -> Sequence[datetime]:
    """Tell at which ticks there is a run: where one is due that no earlier run came after."""
    runs, served, position = [], begins, 0
    for tick in ticks:
        while position < len(due_slots) and due_slots[position].at <= served:
            position += 1
        if position < len(due_slots) and due_slots[position].due <= tick:
            runs.append(tick)
            served = tick
    return runs


# --- what does


@dataclass
class Year:
    """One source through a year; the oracle's runs beside its own."""

    source: Source
    runs: list[datetime] = field(default_factory=list)
    wanted: list[datetime] = field(default_factory=list)

    def span(
        self, schedule: Schedule, enabled: bool, begins: datetime, ends: datetime, downs: Sequence[datetime]
    ) -> None:
        """Set a schedule, and tick until the next edit, but for hours of downtime."""
        source = replace(self.source, schedule=schedule, enabled=enabled)
        source = replace(source, next_due_at=due_first(source, begins, next_due))
        named = slots(source, begins, ends)
        ticks = interesting(named, begins, ends, downs)
        if enabled and schedule.automatic:
            self.wanted += expected(named, begins, ticks)
        for now in ticks:
            if due(source, now):
                self.runs.append(now)
                source = replace(source, last_asked_at=now, next_due_at=due_next(source, now, next_due))
        self.source = source


def interesting(
    named: Sequence[Slot], begins: datetime, ends: datetime, downs: Sequence[datetime]
) -> Sequence[datetime]:
    """Choose minutes: all around each time that is named, and those after a downtime, which hides what is in it."""
    minutes = {at for slot in named for at in steps(slot.at - MINUTE, MINUTE, slot.due + MINUTE)}
    spans = [(down, down + DOWN[number % len(DOWN)]) for number, down in enumerate(sorted(downs))]
    minutes |= {up for _, up in spans} | {begins + MINUTE, ends - MINUTE}
    starts = [down for down, _ in spans]
    latest_up = [max(up for _, up in spans[: number + 1]) for number in range(len(spans))]

    def is_up(at: datetime) -> bool:
        before = bisect_right(starts, at) - 1
        return before < 0 or latest_up[before] <= at

    return [at for at in sorted(minutes) if begins < at <= ends and is_up(at)]


DOWN = (3 * MINUTE, 50 * MINUTE, 5 * HOUR, 26 * HOUR, 12 * 24 * HOUR)


@st.composite
def crons(draw: st.DrawFn) -> str:
    """Any expression that is accepted: it leaves an hour between."""
    number = st.integers
    at = draw(st.sampled_from((0, 0, 0, 30)) | number(0, 59))
    hour = draw(
        st.just("*")
        | number(0, 23).map(str)
        | number(0, 3).map(str)
        | st.sampled_from(("*/2", "*/6", "8-18", "0,12", "1,2,3", "23"))
    )
    day = draw(st.sampled_from(("*", "*", "*", "1", "31", "1,15", "*/10", "L")))
    month = draw(st.sampled_from(("*", "*", "*", "3", "10", "*/2")))
    weekday = draw(st.sampled_from(("*", "*", "*", "MON-FRI", "SUN", "SUN#1", "0")))
    return f"{at} {hour} {day} {month} {weekday}"


schedules = st.builds(
    Schedule,
    cycle=st.integers(1, 24).map(lambda hours: hours * HOUR),
    cron=st.just("") | crons() | crons(),
    zone=st.sampled_from(ZONES),
    automatic=st.sampled_from((True, True, True, True, False)),
)
instants = st.integers(0, (ENDS - BEGINS) // MINUTE).map(lambda minutes: BEGINS + minutes * MINUTE)


# A year takes too long to be made smaller; what fails is told as it was found, and found again by whoever looks.
WHOLE = (Phase.explicit, Phase.generate)


@settings(max_examples=120, deadline=None, derandomize=True, phases=WHOLE)
@given(
    uid=st.integers(0, 10_000).map(str),
    edits=st.lists(st.tuples(instants, schedules, st.sampled_from((True, True, True, False))), min_size=1, max_size=5),
    downs=st.lists(instants, max_size=30),
)
def test_over_a_year_no_run_is_lost_and_none_is_doubled(
    uid: str, edits: list[tuple[datetime, Schedule, bool]], downs: list[datetime]
) -> None:
    for _, schedule, _ in edits:
        if schedule.cron:
            try:
                check_cron(schedule.cron, BEGINS)
            except MalformedError:
                assume(False)
    year = Year(source=replace(a_source(), uid=uid))
    at = BEGINS
    edits.sort(key=lambda edit: edit[0])
    for number, (_, schedule, enabled) in enumerate(edits):
        until = edits[number + 1][0] if number + 1 < len(edits) else ENDS
        year.span(schedule, enabled, at, until, downs)
        at = until
    assert year.runs == year.wanted


@settings(max_examples=30, deadline=None, derandomize=True, phases=WHOLE)
@given(uid=st.integers(0, 10_000).map(str), cron=crons(), zone=st.sampled_from(ZONES))
def test_without_downtime_each_time_that_is_named_has_its_run_and_none_comes_early(
    uid: str, cron: str, zone: str
) -> None:
    try:
        check_cron(cron, BEGINS)
    except MalformedError:
        assume(False)
    year = Year(source=replace(a_source(), uid=uid))
    year.span(Schedule(cron=cron, zone=zone), True, BEGINS, ENDS, ())
    named = [slot.at for slot in slots(year.source, BEGINS, ENDS - MINUTE) if slot.due < ENDS]
    assert len(year.runs) == len(named)
    for run, at in zip(year.runs, named, strict=True):
        assert timedelta() <= run - at <= LONGEST_DELAY


@pytest.mark.parametrize("cycle", [1, 5, 24])
def test_a_cycle_runs_so_often_whenever_clocks_change(cycle: int) -> None:
    year = Year(source=a_source())
    year.span(Schedule(cycle=cycle * HOUR, zone="Europe/Berlin"), True, BEGINS, ENDS, ())
    assert {later - earlier for earlier, later in zip(year.runs, year.runs[1:], strict=False)} == {cycle * HOUR}
    assert {run.minute for run in year.runs} == {minute(year.source.uid)}


# --- the library and the clock on the wall


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("hour", "at_minute"), [(0, 0), (0, 30), (1, 45), (2, 0), (2, 30), (3, 0), (23, 59)])
def test_a_daily_cron_runs_once_a_day_by_the_clock_on_the_wall(zone: str, hour: int, at_minute: int) -> None:
    there = ZoneInfo(zone)
    schedule = Schedule(cron=f"{at_minute} {hour} * * *", zone=zone)
    after, day = datetime(2026, 1, 1, tzinfo=there) - MINUTE, date(2026, 1, 1)
    while day.year == 2026:
        run = next_run(schedule, after)
        assert run is not None
        # A time that comes twice is the first of the two; one that is left out is when the clock goes on.
        wanted = datetime(day.year, day.month, day.day, hour, at_minute, tzinfo=there)
        real = wanted.astimezone(UTC).astimezone(there)
        if real.replace(fold=0) == wanted:
            assert run == wanted.astimezone(UTC)
        else:
            assert (run - MINUTE).astimezone(there).utcoffset() != run.astimezone(there).utcoffset()
            assert timedelta() <= wanted.astimezone(UTC) - run < HOUR
        after, day = run, day + timedelta(days=1)


@pytest.mark.parametrize("zone", ZONES)
def test_an_hourly_cron_never_pauses_for_long(zone: str) -> None:
    schedule, run = Schedule(cron="15 * * * *", zone=zone), BEGINS
    while run < ENDS:
        later = next_run(schedule, run)
        assert later is not None
        assert run == BEGINS or 30 * MINUTE <= later - run <= 90 * MINUTE
        run = later


# --- what is spread


def test_a_full_hour_is_a_source_s_own_few_minutes_later() -> None:
    delays = {delay(str(number)) for number in range(200)}
    assert delays == {SHORTEST_DELAY + number * MINUTE for number in range(5)}
    assert max(delays) == LONGEST_DELAY
    midnight = replace(a_source(), schedule=Schedule(cron="0 0 * * *", zone="Asia/Shanghai"))
    assert next_due(midnight, BEGINS) == datetime(2026, 1, 1, 16, tzinfo=UTC) + delay(midnight.uid)
    odd = replace(a_source(), schedule=Schedule(cron="17 0 * * *", zone="Asia/Shanghai"))
    assert next_due(odd, BEGINS) == datetime(2026, 1, 1, 16, 17, tzinfo=UTC)


def test_cycles_stay_clear_of_full_hours() -> None:
    minutes = {minute(str(number)) for number in range(2000)}
    assert minutes == set(range(6, 55))


@given(instants, st.integers(1, 24))
def test_the_first_run_of_a_cycle_comes_within_it(now: datetime, hours: int) -> None:
    source = replace(a_source(), schedule=Schedule(cycle=hours * HOUR))
    first = due_first(source, now, next_due)
    assert first is not None
    assert now < first <= now + hours * HOUR
    assert first > now + (hours - 1) * HOUR
