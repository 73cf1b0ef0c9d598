"""A thousand runs in which nobody is locked out and nothing is blanked; and laws switched off, to prove the suite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime

import pytest

from chalicelib.core import mapping
from chalicelib.core.model import Key, SourceRecord, Value
from chalicelib.core.presence import Found, Gone, Hidden, Presence, Unclear
from chalicelib.sync import plan
from tests.chaos.faults import KINDS
from tests.chaos.rehearsal import run

BATCHES, RUNS = 20, 50
LEAST_KINDS = 25
CAUGHT_WITHIN = 200
VENDORS = ("lark", "dingtalk")


@pytest.mark.parametrize("batch", range(BATCHES))
def test_nobody_is_locked_out_and_nothing_is_blanked(batch: int) -> None:
    fired: Counter[str] = Counter()
    for seed in range(batch * RUNS, (batch + 1) * RUNS):
        verdict = run(seed, VENDORS[seed % 2])
        assert not verdict.wrongs, str(verdict)
        fired += verdict.fired
    assert len(fired) >= LEAST_KINDS, f"only {sorted(fired)} happened in {RUNS} runs"


def test_there_are_enough_kinds_of_faults_and_none_is_inert() -> None:
    assert len(KINDS) >= LEAST_KINDS
    for kind in KINDS.values():
        vendor = sorted(kind.vendors)[0]
        assert any(run(seed, vendor, kind.name).fired[kind.name] for seed in range(12)), f"{kind.name} never happens"


# --- the laws, switched off one by one


def an_absentee_has_left(patch: pytest.MonkeyPatch) -> None:
    """Law 2: silence is a departure; nobody is asked."""
    asked = plan.Plan.conclude

    def concluded(self: plan.Plan, presences: Mapping[Key, Presence]) -> None:
        gone: dict[Key, Presence] = {
            key: each if key in self.disputed else Gone(observed_at=_seen_at(each)) for key, each in presences.items()
        }
        asked(self, gone)

    patch.setattr(plan.Plan, "conclude", concluded)


def the_hidden_have_left(patch: pytest.MonkeyPatch) -> None:
    """Law 2: Hidden and Unclear are acted on."""
    asked = plan.Plan.conclude

    def concluded(self: plan.Plan, presences: Mapping[Key, Presence]) -> None:
        asked(
            self,
            {
                key: Gone(observed_at=each.observed_at) if isinstance(each, Hidden | Unclear) else each
                for key, each in presences.items()
            },
        )

    patch.setattr(plan.Plan, "conclude", concluded)


def every_field_is_covered(patch: pytest.MonkeyPatch) -> None:
    """Law 5: a field that the read does not cover is taken for empty."""

    def first(record: SourceRecord, names: tuple[str, ...]) -> tuple[bool, Value]:
        return True, next((record.fields[name] for name in names if record.fields.get(name)), None)

    patch.setattr(mapping, "_first", first)


def a_lost_value_is_an_edit(patch: pytest.MonkeyPatch) -> None:
    """Law 5: what a list no longer shows is cleared without a second look, however many lose it."""
    patch.setattr(plan, "lessened", lambda before, after: ())
    patch.setattr(plan, "check", lambda *arguments, **options: {})


SWITCHES: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    an_absentee_has_left,
    the_hidden_have_left,
    every_field_is_covered,
    a_lost_value_is_an_edit,
)


@pytest.mark.parametrize("switch", SWITCHES, ids=lambda switch: switch.__name__)
def test_a_law_that_is_switched_off_is_noticed(switch: Callable[[pytest.MonkeyPatch], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        switch(patch)
        caught = next((number for number, seed in enumerate(_seeds(), start=1) if run(seed, _vendor(seed)).wrongs), 0)
    assert caught, f"{CAUGHT_WITHIN} runs saw nothing wrong"


def _seeds() -> Iterator[int]:
    yield from range(CAUGHT_WITHIN)


def _vendor(seed: int) -> str:
    return VENDORS[seed % 2]


def _seen_at(presence: Presence) -> datetime:
    return presence.record.observed_at if isinstance(presence, Found) else presence.observed_at
