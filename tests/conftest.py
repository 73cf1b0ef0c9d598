"""What holds for every test: no threshold on the clock of the machine, which others share; a log as it was found."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Take away what a test, or a command in it, has made of Rollcall's log: its stream ends with the test."""
    ours = logging.getLogger("chalicelib")
    handlers, propagate, level = ours.handlers, ours.propagate, ours.level
    yield
    ours.handlers, ours.propagate = handlers, propagate
    ours.setLevel(level)
