"""Walk A: the clock ticks, a task is asked for, the queue rings, a worker does it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NoReturn

import pytest
from chalice.test import Client

import app as switchboard
from chalicelib import log, wiring
from chalicelib.core.errors import ContractError, SetupError, SourceUnavailableError
from chalicelib.core.model import State
from chalicelib.core.principal import TERMINAL
from chalicelib.core.secret import Secret
from chalicelib.core.task import SyncTask, TaskStatus
from chalicelib.local.front import Context
from chalicelib.sources.draft import Draft
from tests.scripted import House, a_company


class FewSeconds(Context):
    """A Lambda that is about to be ended."""

    def get_remaining_time_in_millis(self) -> int:
        return 5_000


@pytest.fixture
def house() -> Iterator[House]:
    house = House(a_company(people=40, departments=8))
    yield house
    wiring.use(None)


@pytest.fixture
def client() -> Iterator[Client]:
    with Client(switchboard.app) as client:
        yield client


def tick(client: Client) -> None:
    client.lambda_.invoke("tick", client.events.generate_cw_event("aws.events", "Scheduled Event", {}, []))


def ring(client: Client, house: House, context: Context | None = None) -> None:
    """Hand a worker what the bell has put into the queue."""
    rung, house.bell.rung = house.bell.rung, []
    for source in dict.fromkeys(source for source, _ in rung):
        switchboard.run_sync(client.events.generate_sqs_event([source]), context or Context())


def tasks(house: House) -> list[SyncTask]:
    """Newest first."""
    return list(house.tasks.recent(None, 10))


def test_a_night_from_the_tick_to_the_directory(house: House, client: Client) -> None:
    tick(client)
    assert tasks(house) == []
    house.pass_time(hours=24)
    tick(client)
    (task,) = tasks(house)
    assert (task.trigger, task.status) == ("schedule", TaskStatus.QUEUED)
    assert house.bell.rung == [(house.source.uid, 0)]
    ring(client, house)
    (task,) = tasks(house)
    assert (task.status, task.entry_writes) == (TaskStatus.DONE, 48)
    assert house.state("p7") is State.ACTIVE
    tick(client)
    assert (len(tasks(house)), house.bell.rung) == (1, [])


def test_the_next_night_finds_what_changed(house: House, client: Client) -> None:
    for _ in range(2):
        house.pass_time(hours=24)
        tick(client)
        ring(client, house)
        house.company.leave("p7")
    assert house.state("p7") is State.LEFT
    assert [task.entry_writes for task in tasks(house)] == [1, 48]


def test_a_worker_that_runs_out_of_time_pauses_and_the_next_goes_on(house: House, client: Client) -> None:
    house.pass_time(hours=24)
    tick(client)
    for _ in range(3):
        ring(client, house, FewSeconds())
        assert house.bell.rung
    (paused,) = tasks(house)
    assert (paused.status, paused.slices, paused.attempts) == (TaskStatus.QUEUED, 3, 0)
    ring(client, house)
    (task,) = tasks(house)
    assert task.status is TaskStatus.DONE
    assert dict(task.calls) == {"departments": 1, "members": 9}


def test_a_message_that_comes_twice_does_nothing_twice(house: House, client: Client) -> None:
    house.pass_time(hours=24)
    tick(client)
    house.bell.rung *= 2
    ring(client, house)
    house.bell.rung = [(house.source.uid, 0)]
    ring(client, house)
    (task,) = tasks(house)
    assert task.entry_writes == 48
    assert len(house.connectors.opened) == 1


def test_work_that_was_asked_for_while_nothing_rang_is_found_by_the_tick(house: House, client: Client) -> None:
    house.requests.sync_now(TERMINAL, "hq")
    house.bell.rung.clear()
    tick(client)
    ring(client, house)
    assert tasks(house)[0].status is TaskStatus.DONE


def test_a_vendor_in_trouble_is_told_in_the_task_and_tried_again(house: House, client: Client) -> None:
    def down(number: int) -> None:
        raise SourceUnavailableError("source unavailable", endpoint="members", problem="HTTP 503", retry_after=30)

    house.connectors.before_call = down
    house.pass_time(hours=24)
    tick(client)
    ring(client, house)
    (task,) = tasks(house)
    assert (task.status, task.reason and task.reason.code) == (TaskStatus.QUEUED, "source unavailable")
    assert house.bell.rung == [(house.source.uid, 30)]
    house.connectors.before_call = lambda number: None
    house.pass_time(seconds=30)
    ring(client, house)
    assert tasks(house)[0].status is TaskStatus.DONE


def test_a_refusal_of_the_vendor_ends_the_task_and_the_queue_is_quiet(house: House, client: Client) -> None:
    def denied(number: int) -> None:
        raise SetupError("permission missing", scopes="contact", code=7)

    house.connectors.before_call = denied
    house.pass_time(hours=24)
    tick(client)
    ring(client, house)
    (task,) = tasks(house)
    assert (task.status, task.reason and task.reason.code) == (TaskStatus.FAILED, "permission missing")
    assert house.bell.rung == []


def test_a_defect_of_ours_is_raised_to_the_queue_without_its_text(house: House, client: Client) -> None:
    def broken(number: int) -> None:
        raise ValueError("ann@example.com")

    house.connectors.before_call = broken
    house.requests.sync_now(TERMINAL, "hq")
    for _ in range(4):
        with pytest.raises(ContractError, match="internal error") as raised:
            switchboard.run_sync(client.events.generate_sqs_event([house.source.uid]), Context())
        assert "ann@" not in str(raised.value)
        assert raised.value.__suppress_context__
    (task,) = tasks(house)
    assert (task.status, task.reason and task.reason.code) == (TaskStatus.FAILED, "internal error")
    assert task.reason is not None
    assert "ann@" not in str(task.reason)


class Broken:
    """Breaks, whatever is asked of it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise ValueError("ann@example.com")


@pytest.mark.parametrize("function", ["tick", "run_sync", "deliver", "converse"])
def test_no_function_ends_with_the_text_of_an_error_that_is_not_ours(
    house: House, client: Client, function: str
) -> None:
    broken: Any = Broken()
    wiring.use(replace(house.outside, catalog=broken, tasks=broken, inbox=broken, chats=broken))
    by_clock = client.events.generate_cw_event("aws.events", "Scheduled Event", {}, [])
    event = by_clock if function == "tick" else client.events.generate_sqs_event([house.source.uid])
    with pytest.raises(ContractError, match="internal error") as raised:
        getattr(switchboard, function)(event, Context())
    assert "ann@" not in str(raised.value)
    assert raised.value.facts["kind"] == "ValueError"
    assert raised.value.__suppress_context__


def test_a_source_in_trouble_does_not_keep_the_tick_from_the_others(house: House, client: Client) -> None:
    sources = wiring.rooms().sources
    secrets = {"app_secret": Secret("s3cret")}
    settings = {"app_id": "cli_2"}
    draft = Draft(handle="zz", kind="scripted", name="分部", cycle_hours=24, settings=settings, secrets=secrets)
    other = sources.create(TERMINAL, draft, activate_gate=False).source
    house.requests.preview(TERMINAL, "hq")
    house.pass_time(hours=24)
    tick(client)
    assert [task.trigger for task in house.tasks.waiting(other.uid)] == ["schedule"]


def test_a_night_that_fell_on_a_preview_is_made_up_for_when_that_ends(house: House, client: Client) -> None:
    house.requests.preview(TERMINAL, "hq")
    house.pass_time(hours=24)
    tick(client)
    ring(client, house)
    house.pass_time(minutes=1)
    tick(client)
    ring(client, house)
    assert [(task.trigger, task.status) for task in tasks(house)] == [
        ("schedule", TaskStatus.DONE),
        ("manual", TaskStatus.DONE),
    ]


def test_health_is_told_to_anybody(house: House, client: Client) -> None:
    response = client.http.get("/health")
    assert response.status_code == 200
    assert response.json_body == {"ok": True, "version": wiring.VERSION}
    assert response.headers["Cache-Control"] == "no-store"


def test_health_without_an_environment_says_what_is_missing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    wiring.use(None)
    monkeypatch.setenv("ROLLCALL_TABLE", "rollcall-test")
    for name in ("ROLLCALL_SYNC_QUEUE_URL",):
        monkeypatch.delenv(name, raising=False)
    response = client.http.get("/health")
    assert response.status_code == 500
    assert response.json_body["error"] == "setting is malformed"
    assert "ROLLCALL_SYNC_QUEUE_URL" in response.json_body["message"]


def a_night(house: House, client: Client) -> list[dict[str, object]]:
    """What is logged from the tick to the end of the work."""
    stream = io.StringIO()
    log.configure("DEBUG", stream)
    house.pass_time(hours=24)
    tick(client)
    ring(client, house)
    log.configure("ERROR")
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_failure_is_logged_by_our_code_beside_what_the_vendor_told(house: House, client: Client) -> None:
    def denied(number: int) -> None:
        raise SetupError("permission missing", scopes="contact", code=99991672)

    house.connectors.before_call = denied
    (failed,) = [line for line in a_night(house, client) if line["event"] == "failed"]
    assert failed["code"] == "permission missing"
    assert 99991672 in failed.values()


def test_the_log_of_a_night_is_counts_and_ids(house: House, client: Client) -> None:
    lines = a_night(house, client)
    (recorded,) = [line for line in lines if line["event"] == "recorded"]
    assert (recorded["source"], recorded["task"], recorded["status"]) == ("hq", "1", "done")
    assert (recorded["entry_writes"], recorded["employees_created"]) == (48, 40)
