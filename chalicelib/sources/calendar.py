"""When a cron expression in a zone comes round: what the library says, in UTC, and what is refused.

The library behaves as Debian's cron where clocks change: what falls into the hour that is left out runs right after it,
what falls into the hour that comes twice runs once; only an expression with `*` in minute or hour runs in both.
"""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice, pairwise
from typing import Final
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from chalicelib.core.errors import MalformedError
from chalicelib.core.source import HOUR, Schedule, Source
from chalicelib.core.spread import MINUTE, delay

_FIELDS: Final = 5
_LONGEST: Final = 200
# So many runs are looked at to tell how close together they are: more than a week of hourly ones.
_RUNS: Final = 200


def next_run(schedule: Schedule, after: datetime) -> datetime | None:
    """Tell when the cron of a schedule comes round next, strictly after an instant; None when it never does."""
    found = next(CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.zone))), None)
    return None if found is None else found.astimezone(UTC)


def next_due(source: Source, after: datetime) -> datetime | None:
    """Tell when a source is due by its cron, of the runs strictly after an instant: at a full hour a little later.

    That is a matter of beginning: the run counts as that of the full hour. So whoever runs after the hour and asks for
    the next gets that of the next period, and none runs twice in one.
    """
    run = next_run(source.schedule, after)
    if run is None or run.astimezone(ZoneInfo(source.schedule.zone)).minute:
        return run
    return run + delay(source.uid)


def minutes_later(source: Source) -> int:
    """Tell how many minutes later a source begins that its cron puts at a full hour; 0 where it puts it elsewhere."""
    fields = source.schedule.cron.split()
    return delay(source.uid) // MINUTE if fields and fields[0].isdecimal() and int(fields[0]) == 0 else 0


def check_cron(cron: str, now: datetime) -> str:
    """Hold the rules on cron expressions; return it with single spaces.

    Raises:
        MalformedError: it is not understood, names a day that never comes, or comes round more than once an hour.
    """
    text = " ".join(cron.split())
    fields = text.split(" ")
    shown = text[:40]
    if len(fields) != _FIELDS or len(text) > _LONGEST:
        raise MalformedError("cron is malformed", cron=shown)
    try:
        # In UTC no clock changes, which would look like two runs close together.
        runs = list(islice(CronSim(text, now.astimezone(UTC)), _RUNS))
    except CronSimError as error:
        raise MalformedError("cron is malformed", cron=shown) from error
    if not runs:
        raise MalformedError("cron is malformed", cron=shown)
    if any(later - earlier < HOUR for earlier, later in pairwise(runs)):
        raise MalformedError("cron is too often", cron=shown)
    return text


def check_zone(zone: str) -> str:
    """
    Raises:
        MalformedError: there is no such zone.
    """
    try:
        return ZoneInfo(zone).key
    except (KeyError, ValueError, OSError) as error:
        raise MalformedError("unknown zone", zone=zone[:40]) from error
