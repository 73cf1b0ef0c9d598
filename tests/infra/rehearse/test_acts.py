from datetime import UTC, datetime, timedelta

import pytest

from infra.rehearse.__main__ import played
from infra.rehearse.acts import ACTS, Act, hourly_from
from infra.rehearse.emulator import UnprovenError
from infra.rehearse.scene import need


def at(hour: int, minute: int, second: int) -> datetime:
    return datetime(2026, 11, 22, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "minute"),
    [
        pytest.param(at(10, 4, 10), 5, id="the next minute"),
        pytest.param(at(10, 4, 59), 6, id="not one that may begin before the source is there"),
        pytest.param(at(10, 59, 10), 1, id="not the full hour, which is put off"),
        pytest.param(at(10, 59, 59), 1, id="the first minute of the next hour"),
    ],
)
def test_a_sync_is_due_soon(now: datetime, minute: int) -> None:
    assert hourly_from(now) == f"{minute} * * * *"
    assert at(10, 0, 0) + timedelta(minutes=minute + (60 if minute < now.minute else 0)) > now


def test_the_first_act_that_fails_is_the_last_that_is_played() -> None:
    tried: list[str] = []

    def good(scene: str) -> str:
        tried.append("good")
        return f"{scene} was seen"

    def bad(scene: str) -> str:
        tried.append("bad")
        need(scene == "the moon", "no moon")
        return ""

    lines = played([Act("first", good), Act("second", bad), Act("third", good)], "the sun")
    assert tried == ["good", "bad"]
    assert [(line.asked, line.proved, line.seen) for line in lines] == [
        ("first", True, "the sun was seen"),
        ("second", False, "UnprovenError: no moon"),
    ]


def test_a_defect_of_an_act_is_not_taken_for_what_was_seen() -> None:
    def broken(scene: int) -> str:
        raise TypeError("a defect of ours")

    with pytest.raises(TypeError):
        played([Act("broken", broken)], 1)


def test_what_is_needed_is_said_when_it_is_not_so() -> None:
    need(True, "")
    with pytest.raises(UnprovenError, match="so"):
        need(False, "so")


def test_no_two_acts_ask_the_same() -> None:
    assert len({act.asked for act in ACTS}) == len({act.play for act in ACTS}) == len(ACTS)
