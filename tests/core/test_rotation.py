from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

import pytest

from chalicelib.core.errors import SignatureError
from chalicelib.core.rotation import KEPT_FOR, current, opened_by, rotated, settled, waiting
from chalicelib.core.secret import Secret
from tests.builders import NOON

CALLBACK = ("key", "token")


def secrets(**values: str) -> Mapping[str, Secret]:
    return {name: Secret(text) for name, text in values.items()}


def named(names: Collection[str]) -> list[str]:
    return sorted(name.partition("~")[0] for name in names)


def told(kept: Mapping[str, Secret]) -> dict[str, str]:
    return {name.partition("~")[0] + "~" * ("~" in name): each.reveal() for name, each in kept.items()}


class Console:
    """A vendor that proves what it pushes by these secrets, and how often one tried to open it."""

    def __init__(self, **used: str) -> None:
        self.used, self.tries = used, 0

    def open(self, given: Mapping[str, Secret]) -> str:
        self.tries += 1
        if any(name not in given or given[name].reveal() != text for name, text in self.used.items()):
            raise SignatureError("callback refused")
        return "opened"


BEFORE = secrets(app="a1", key="k1", token="t1")


def test_the_old_value_of_a_callback_s_secret_stays_beside_the_new_one() -> None:
    kept = rotated(BEFORE, secrets(app="a2", key="k2"), CALLBACK, NOON)
    assert told(kept) == {"app": "a2", "key": "k2", "key~": "k1", "token": "t1"}
    assert told(current(kept)) == {"app": "a2", "key": "k2", "token": "t1"}
    assert waiting(kept, NOON) == {"key"}


def test_a_secret_that_is_given_again_leaves_nothing_old() -> None:
    assert waiting(rotated(BEFORE, secrets(key="k1"), CALLBACK, NOON), NOON) == set()


def test_before_the_first_of_its_name_there_was_none() -> None:
    kept = rotated(secrets(token="t1"), secrets(key="k1"), CALLBACK, NOON)
    assert opened_by(Console(key="", token="t1").open, kept, NOON) == ("opened", frozenset())
    assert named(opened_by(Console(key="k1", token="t1").open, kept, NOON)[1]) == ["key"]


@pytest.mark.parametrize(
    ("used", "proven"),
    [
        ({"key": "k1", "token": "t1"}, set()),
        ({"key": "k2", "token": "t1"}, {"key"}),
        ({"key": "k1", "token": "t2"}, {"token"}),
        ({"key": "k2", "token": "t2"}, {"key", "token"}),
        ({"token": "t2"}, {"token"}),
        ({"app": "a1"}, set()),
    ],
)
def test_whatever_the_console_uses_by_now_is_opened_and_the_new_it_used_is_proven(
    used: dict[str, str], proven: set[str]
) -> None:
    kept = rotated(BEFORE, secrets(key="k2", token="t2"), CALLBACK, NOON)
    opened, needless = opened_by(Console(**used).open, kept, NOON)
    assert (opened, named(needless)) == ("opened", sorted(proven))


def test_what_nothing_opens_is_refused_with_the_one_refusal() -> None:
    kept = rotated(BEFORE, secrets(key="k2"), CALLBACK, NOON)
    with pytest.raises(SignatureError, match=r"^callback refused$"):
        opened_by(Console(key="k3").open, kept, NOON)


def test_without_a_rotation_it_is_opened_once_and_with_what_is_kept() -> None:
    console = Console(key="k1")
    assert opened_by(console.open, BEFORE, NOON) == ("opened", frozenset())
    assert console.tries == 1


def test_a_proven_secret_loses_its_old_value_and_no_other_does() -> None:
    kept = rotated(BEFORE, secrets(key="k2", token="t2"), CALLBACK, NOON)
    _, needless = opened_by(Console(key="k2", token="t1").open, kept, NOON)
    assert told(settled(kept, needless, NOON)) == {"app": "a1", "key": "k2", "token": "t2", "token~": "t1"}


def test_what_is_in_use_is_never_dropped() -> None:
    kept = rotated(BEFORE, secrets(key="k2"), CALLBACK, NOON)
    assert settled(kept, {"key", "token", "app"}, NOON) == kept


def test_an_older_value_that_ran_out_takes_no_younger_one_along() -> None:
    kept = rotated(BEFORE, secrets(key="k2"), CALLBACK, NOON)
    kept = rotated(kept, secrets(key="k3"), CALLBACK, NOON + timedelta(days=6))
    later = NOON + timedelta(days=8)
    _, needless = opened_by(Console(key="k2").open, kept, later)
    after = settled(kept, needless, later)
    assert told(after) == {"app": "a1", "key": "k3", "key~": "k2", "token": "t1"}
    assert opened_by(Console(key="k2").open, after, later)[0] == "opened"


def test_what_was_proven_before_a_secret_was_replaced_once_more_drops_only_what_it_proved() -> None:
    kept = rotated(BEFORE, secrets(key="k2"), CALLBACK, NOON)
    _, needless = opened_by(Console(key="k2").open, kept, NOON)
    later = NOON + timedelta(hours=1)
    after = settled(rotated(kept, secrets(key="k3"), CALLBACK, later), needless, later)
    assert told(after) == {"app": "a1", "key": "k3", "key~": "k2", "token": "t1"}
    assert opened_by(Console(key="k2").open, after, later)[0] == "opened"


def test_a_secret_that_is_taken_away_is_good_until_the_console_has_none_either() -> None:
    kept = rotated(BEFORE, secrets(key="", app=""), CALLBACK, NOON)
    assert told(kept) == {"key~": "k1", "token": "t1"}
    assert opened_by(Console(key="k1", token="t1").open, kept, NOON) == ("opened", frozenset())

    def without(given: Mapping[str, Secret]) -> str:
        if "key" in given and given["key"].reveal():
            raise SignatureError("callback refused")
        return "opened"

    _, needless = opened_by(without, kept, NOON)
    assert told(settled(kept, needless, NOON)) == {"token": "t1"}
    with pytest.raises(SignatureError):
        opened_by(Console(key="k1").open, kept, NOON + KEPT_FOR)


def test_after_a_week_the_old_value_counts_no_more() -> None:
    kept = rotated(BEFORE, secrets(key="k2"), CALLBACK, NOON)
    later = NOON + KEPT_FOR
    assert opened_by(Console(key="k1").open, kept, later - timedelta(seconds=1)) == ("opened", frozenset())
    with pytest.raises(SignatureError):
        opened_by(Console(key="k1").open, kept, later)
    assert told(settled(kept, (), later)) == {"app": "a1", "key": "k2", "token": "t1"}
    assert told(rotated(kept, secrets(app="a2"), CALLBACK, later)) == {"app": "a2", "key": "k2", "token": "t1"}


def test_of_many_replacements_the_last_two_old_values_are_kept() -> None:
    kept: Mapping[str, Secret] = BEFORE
    for number in range(2, 6):
        kept = rotated(kept, secrets(key=f"k{number}"), CALLBACK, NOON + timedelta(minutes=number))
    for used, good in (("k1", False), ("k2", False), ("k3", True), ("k4", True), ("k5", True)):
        console = Console(key=used)
        if good:
            opened_by(console.open, kept, NOON)
        else:
            with pytest.raises(SignatureError):
                opened_by(console.open, kept, NOON)
