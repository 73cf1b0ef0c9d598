from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.core.errors import MalformedError
from chalicelib.core.source import Schedule
from chalicelib.sources.calendar import check_cron, check_zone, next_run
from tests.builders import NOON

BERLIN = "Europe/Berlin"
CRONS = (
    "30 2 * * *",
    "0 * * * *",
    "15 */2 * * *",
    "59 23 31 12 *",
    "0 9 * * MON-FRI",
    "30 3 1,15 * *",
    "0 0 * * SUN#1",
)
ZONES = ("UTC", "Asia/Shanghai", BERLIN, "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


def runs(cron: str, zone: str, after: datetime, count: int) -> list[str]:
    """Name the next runs by the clock on the wall there."""
    found = []
    for _ in range(count):
        run = next_run(Schedule(cron=cron, zone=zone), after)
        assert run is not None
        after = run
        found.append(f"{run.astimezone(ZoneInfo(zone)):%d. %H:%M %z}")
    return found


def test_a_cron_is_read_in_its_zone() -> None:
    assert runs("0 3 * * *", "Asia/Shanghai", NOON, 2) == ["23. 03:00 +0800", "24. 03:00 +0800"]


def test_what_falls_into_the_hour_that_is_left_out_runs_right_after_it() -> None:
    before = datetime(2026, 3, 28, 12, tzinfo=UTC)
    assert runs("30 2 * * *", BERLIN, before, 2) == ["29. 03:00 +0200", "30. 02:30 +0200"]


def test_what_falls_into_the_hour_that_comes_twice_runs_once() -> None:
    before = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert runs("30 2 * * *", BERLIN, before, 2) == ["25. 02:30 +0200", "26. 02:30 +0100"]
    between = datetime(2026, 10, 25, 0, 40, tzinfo=UTC)
    assert runs("30 2 * * *", BERLIN, between, 1) == ["26. 02:30 +0100"]


def test_an_hourly_cron_runs_in_both_of_the_hours_that_look_alike() -> None:
    before = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
    assert runs("15 * * * *", BERLIN, before, 3) == ["25. 02:15 +0200", "25. 02:15 +0100", "25. 03:15 +0100"]


@given(
    cron=st.sampled_from(CRONS),
    zone=st.sampled_from(ZONES),
    after=st.integers(0, 15 * 365 * 24 * 3600).map(
        lambda seconds: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    back=st.timedeltas(timedelta(microseconds=1), timedelta(days=3)),
)
def test_the_next_run_is_later_and_nothing_lies_between(cron: str, zone: str, after: datetime, back: timedelta) -> None:
    schedule = Schedule(cron=cron, zone=zone)
    run = next_run(schedule, after)
    assert run is not None
    assert run > after
    assert run.utcoffset() == timedelta(0)
    # Whoever looks from closer by sees the same run.
    closer = max(after, run - back)
    assert next_run(schedule, closer) == run


@pytest.mark.parametrize(
    ("cron", "kept"),
    [(" 30  3 * * * ", "30 3 * * *"), ("0 * * * *", "0 * * * *"), ("0 9 * * MON#1", "0 9 * * MON#1")],
)
def test_a_good_cron_is_kept_with_single_spaces(cron: str, kept: str) -> None:
    assert check_cron(cron, NOON) == kept


@pytest.mark.parametrize(
    "cron", ["", "@daily", "61 * * * *", "0 0 0 * * *", "0 0 30 2 *", "x", "0 0 * * " + "1," * 200]
)
def test_what_is_no_cron_is_refused(cron: str) -> None:
    with pytest.raises(MalformedError, match="cron is malformed"):
        check_cron(cron, NOON)


@pytest.mark.parametrize("cron", ["* * * * *", "0,30 9 * * *", "59 1 * * *,", "0,59 * * * *"])
def test_a_cron_that_leaves_no_hour_between_is_refused(cron: str) -> None:
    with pytest.raises(MalformedError):
        check_cron(cron, NOON)


@given(text=st.text(max_size=60) | st.lists(st.text("0123456789*/,-L#MON", max_size=6), max_size=7).map(" ".join))
@example("²L * * * *")
def test_any_text_is_a_cron_or_is_refused(text: str) -> None:
    try:
        cron = check_cron(text, NOON)
    except MalformedError:
        return
    assert next_run(Schedule(cron=cron), NOON) is not None


@pytest.mark.parametrize("zone", ZONES)
def test_a_zone_is_known_by_its_iana_name(zone: str) -> None:
    assert check_zone(zone) == zone


@pytest.mark.parametrize(
    "zone", ["", "Mars/Base", "../../etc/passwd", "/etc/localtime", "A" * 300, "Europe", "\0", "+8"]
)
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(MalformedError, match="unknown zone"):
        check_zone(zone)
