from __future__ import annotations

import pytest

from chalicelib.core import errors
from chalicelib.core.errors import (
    CallerError,
    ConditionFailedError,
    ContractError,
    DraftError,
    MalformedError,
    RollcallError,
    SetupError,
    ThrottledError,
    TransientError,
)

ALL = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, RollcallError)]
EVERY = [each for each in ALL if each is not DraftError]  # that one is made of others
FAMILIES = (CallerError, SetupError, TransientError, ContractError)


@pytest.mark.parametrize("error", [each for each in ALL if each is not RollcallError])
def test_every_error_belongs_to_exactly_one_family(error: type[RollcallError]) -> None:
    assert sum(issubclass(error, family) for family in FAMILIES) == 1


@pytest.mark.parametrize("error", EVERY)
def test_an_error_says_its_code_and_facts(error: type[RollcallError]) -> None:
    raised = error("no such task", task="7", count=2)
    assert (raised.code, raised.facts) == ("no such task", {"task": "7", "count": 2})
    assert str(raised) == "no such task (task=7, count=2)"


def test_several_wrong_answers_are_one_error_that_has_each() -> None:
    wrong = {"name": MalformedError("source name breaks its rule"), "zone": MalformedError("unknown zone")}
    raised = DraftError(wrong)
    assert (raised.facts, raised.wrong) == ({"fields": "name, zone"}, wrong)


def test_an_error_without_facts_is_its_code() -> None:
    assert str(RollcallError("rejected")) == "rejected"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.MalformedError, 400),
        (errors.UsageError, 400),
        (errors.SignatureError, 401),
        (errors.ForbiddenError, 403),
        (errors.NotFoundError, 404),
        (errors.ConflictError, 409),
    ],
)
def test_a_callers_error_has_its_status(error: type[CallerError], status: int) -> None:
    assert error.status == status


def test_time_heals_what_is_transient_and_says_how_much() -> None:
    assert TransientError("store is busy").retry_after == 60
    error = ThrottledError("source throttles", retry_after=3.5, endpoint="x")
    assert (error.retry_after, error.facts) == (3.5, {"endpoint": "x"})


def test_a_failed_condition_says_which_and_is_no_error_that_people_are_told() -> None:
    assert ConditionFailedError((1, 3)).failed == (1, 3)
    assert not issubclass(ConditionFailedError, RollcallError)
