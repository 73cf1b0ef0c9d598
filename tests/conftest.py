"""What holds for every test: no threshold on the clock of the machine, which others share; a log as it was found."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("calm")


OURS = logging.getLogger("chalicelib")
FOUND = OURS.handlers, OURS.propagate, OURS.level


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """Take away what a test, a fixture of more than one, or a command in them has made of Rollcall's log.

    Its stream ends with the test.
    """
    _restore()
    yield
    _restore()


def _restore() -> None:
    handlers, OURS.propagate, level = FOUND
    OURS.handlers = list(handlers)
    OURS.setLevel(level)
