"""Events that are lost, doubled, late, out of order; `python -m tests.chaos.events --runs 500` tells more stories."""

from __future__ import annotations

import pytest

from tests.callbacks.office import VENDORS
from tests.chaos.events import run

SEEDS = 30


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("seed", range(SEEDS))
def test_whatever_becomes_of_the_events_the_directory_is_the_workspace_in_the_end(seed: int, vendor: str) -> None:
    verdict = run(seed, vendor)
    assert not verdict.wrongs, str(verdict)


def test_a_seed_tells_the_same_story() -> None:
    first, again = (run(11, "lark") for _ in range(2))
    assert first == again
