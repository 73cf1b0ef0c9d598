from __future__ import annotations

from pathlib import Path

import pytest

from chalicelib.core.errors import SetupError
from chalicelib.settings import DEFAULT_HOME, Settings

DEPLOYED = {
    "ROLLCALL_TABLE": "rollcall-dev",
    "ROLLCALL_STAGE": "dev",
    "ROLLCALL_SYNC_QUEUE_URL": "https://sqs.example.com/q",
    "ROLLCALL_DELIVER_QUEUE_URL": "https://sqs.example.com/d",
    "ROLLCALL_CHAT_QUEUE_URL": "https://sqs.example.com/c",
}


def test_without_anything_it_is_one_machine_with_a_home_beside_us() -> None:
    settings = Settings.from_env({})
    assert (settings.home, settings.table, settings.log_level) == (Path(DEFAULT_HOME), "", "ERROR")
    assert (settings.limit_scale, settings.in_flight, settings.lease_s) == (1, 16, 20)


def test_a_home_is_taken_from_the_environment() -> None:
    assert Settings.from_env({"ROLLCALL_HOME": "/srv/rollcall"}).home == Path("/srv/rollcall")
    assert Settings.from_env({"ROLLCALL_HOME": ""}).home == Path(DEFAULT_HOME)


def test_a_deployment_has_a_table_and_a_queue_and_no_home() -> None:
    settings = Settings.from_env({**DEPLOYED, "ROLLCALL_HOME": "/srv"})
    assert settings.home is None
    assert (settings.table, settings.stage, settings.sync_queue_url) == (
        "rollcall-dev",
        "dev",
        "https://sqs.example.com/q",
    )
    assert settings.log_level == "INFO"


def test_every_missing_name_of_a_deployment_is_said_at_once() -> None:
    with pytest.raises(SetupError) as refused:
        Settings.from_env({"AWS_LAMBDA_FUNCTION_NAME": "tick", "ROLLCALL_LEASE_S": "soon"})
    needed = {"ROLLCALL_LEASE_S", *DEPLOYED}
    assert refused.value.facts == {"names": ", ".join(sorted(needed))}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLLCALL_LOG_LEVEL", "LOUD"),
        ("ROLLCALL_LEASE_S", "0.5"),
        ("ROLLCALL_LEASE_S", "twenty"),
        ("ROLLCALL_LEASE_S", "nan"),
        ("ROLLCALL_LEASE_S", "inf"),
        ("ROLLCALL_LIMIT_SCALE", "0"),
        ("ROLLCALL_LIMIT_SCALE", "-1"),
        ("ROLLCALL_LIMIT_SCALE", "nan"),
        ("ROLLCALL_IN_FLIGHT", "0"),
        ("ROLLCALL_IN_FLIGHT", "inf"),
        ("ROLLCALL_AUDIT_DAYS", "0"),
    ],
)
def test_a_malformed_value_is_named_and_not_repeated(name: str, value: str) -> None:
    with pytest.raises(SetupError) as refused:
        Settings.from_env({name: value})
    assert refused.value.facts == {"names": name}


@pytest.mark.parametrize("level", ["debug", "DEBUG", "Warning"])
def test_a_log_level_is_written_in_any_case(level: str) -> None:
    assert Settings.from_env({"ROLLCALL_LOG_LEVEL": level}).log_level == level.upper()


def test_numbers_are_read() -> None:
    environ = {"ROLLCALL_LEASE_S": "1", "ROLLCALL_LIMIT_SCALE": "60", "ROLLCALL_IN_FLIGHT": "4"}
    settings = Settings.from_env({**environ, "ROLLCALL_AUDIT_DAYS": "30"})
    assert (settings.lease_s, settings.limit_scale, settings.in_flight, settings.audit_days) == (1, 60, 4, 30)
