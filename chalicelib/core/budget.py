"""What a source costs in calls to its vendor, who count them by the month, and what the month will cost in the end.

Months are those of UTC: where a vendor's begins in another zone, calls of its first hours stand in the month before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from chalicelib.core.task import SyncTask, Trigger

DAY: Final = timedelta(days=1)
MOST_CALLS: Final = 1_000_000_000
# What is not on a schedule is told from so many days at least: the first of them are full of trials.
FEWEST_DAYS: Final = 7
# Where people are told, in hundredths of the budget.
NEARLY: Final = 80
ALL: Final = 100


class Cause(StrEnum):
    """Why the vendor was called: a sync by itself, one that was asked for, an event, or talk, tests and look-ups."""

    SCHEDULE = "schedule"
    REQUEST = "request"
    EVENT = "event"
    TALK = "talk"


_CAUSES: Final = {
    Trigger.SCHEDULE: Cause.SCHEDULE,
    Trigger.MANUAL: Cause.REQUEST,
    Trigger.APPROVAL: Cause.REQUEST,
    Trigger.DELETION: Cause.REQUEST,
    Trigger.EVENT: Cause.EVENT,
}


def cause_of(trigger: Trigger) -> Cause:
    return _CAUSES[trigger]


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Calls by endpoint, and in how many tasks; how long these ran, how many keys they looked at and entries wrote."""

    calls: Mapping[str, int] = field(default_factory=dict)
    tasks: int = 0
    seconds: int = 0
    keys: int = 0
    written: int = 0

    def plus(self, other: Usage) -> Usage:
        return Usage(
            calls=dict(Counter(self.calls) + Counter(other.calls)),
            tasks=self.tasks + other.tasks,
            seconds=self.seconds + other.seconds,
            keys=self.keys + other.keys,
            written=self.written + other.written,
        )


Spent = Mapping[Cause, Usage]


def usage_of(task: SyncTask) -> Usage:
    """Say what a task that has ended has cost."""
    seconds = (task.finished_at - task.started_at).total_seconds() if task.finished_at and task.started_at else 0.0
    keys = sum(sum(of_kind.values()) for of_kind in task.counts.values())
    return Usage(
        calls=task.calls,
        tasks=1,
        seconds=max(1, round(seconds)) if seconds else 0,
        keys=keys,
        written=task.entry_writes,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """What a vendor counts: `calls` a month for most of its companies, 0 where that differs too much.

    Of endpoints those are counted whose name begins with one of `counted`; `note` says in English and 中文 what that
    is, and where the console shows the figure.
    """

    calls: int = 0
    counted: tuple[str, ...] = ("",)
    note: tuple[str, str] = ("", "")

    @property
    def counts_all(self) -> bool:
        return "" in self.counted

    def sum(self, calls: Mapping[str, int]) -> int:
        return sum(count for endpoint, count in calls.items() if endpoint.startswith(self.counted))


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """A month of a source: `used` so far, and `expected` at its end. `budget` is 0 where none is known.

    `runs_left` are its syncs by schedule until then, of `per_run` calls each; `per_day` is all else. `days_left` are
    days that have begun.
    """

    used: int
    expected: int
    budget: int
    runs_left: int
    per_run: int
    per_day: int
    days_left: int
    by_cause: Mapping[Cause, int]

    @property
    def level(self) -> int:
        return level(self.used, self.budget)

    @property
    def is_short(self) -> bool:
        """Tell whether the month wants more than the budget."""
        return 0 < self.budget < max(self.expected, self.used)


def level(used: int, budget: int) -> int:
    """Tell in hundredths of a budget what was passed: 0, NEARLY or ALL."""
    if not budget or used * 100 < NEARLY * budget:
        return 0
    return NEARLY if used < budget else ALL


def used_of(spent: Spent, tariff: Tariff) -> int:
    return sum(tariff.sum(usage.calls) for usage in spent.values())


def month_of(at: datetime) -> str:
    """Name the month of an instant: "2026-11"."""
    return f"{at:%Y-%m}"


def month_begins(at: datetime) -> datetime:
    return at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_ends(at: datetime) -> datetime:
    return month_begins(month_begins(at) + 32 * DAY)


def month_before(at: datetime) -> datetime:
    """Give the beginning of the month before."""
    return month_begins(month_begins(at) - DAY)


def forecast(
    now: datetime, *, spent: Spent, before: Spent, since: datetime, runs_left: int, tariff: Tariff, budget: int
) -> Forecast:
    """Tell what a month will cost: `spent` in it so far, and in the month `before` for how it usually is.

    `since` is when the source was created. What no scheduled sync has shown yet, one that was asked for shows.
    """
    by_cause = {cause: tariff.sum(usage.calls) for cause, usage in spent.items()}
    used = sum(by_cause.values())
    per_run = _per_task(Cause.SCHEDULE, spent, before, tariff) or _per_task(Cause.REQUEST, spent, before, tariff)
    began = max(since, month_before(now) if before else month_begins(now))
    days = max((now - began) / DAY, FEWEST_DAYS)
    other = sum(
        tariff.sum(usage.calls)
        for month in (spent, before)
        for cause, usage in month.items()
        if cause is not Cause.SCHEDULE
    )
    expected = used + runs_left * per_run + other / days * ((month_ends(now) - now) / DAY)
    return Forecast(
        used=used,
        expected=round(expected),
        budget=budget,
        runs_left=runs_left,
        per_run=round(per_run),
        per_day=round(other / days),
        days_left=-((now - month_ends(now)) // DAY),
        by_cause=by_cause,
    )


def _per_task(cause: Cause, spent: Spent, before: Spent, tariff: Tariff) -> float:
    both = [month[cause] for month in (spent, before) if cause in month]
    tasks = sum(each.tasks for each in both)
    return sum(tariff.sum(each.calls) for each in both) / tasks if tasks else 0.0
