"""No name, e-mail, mobile, token or secret in any log line or error, whatever goes wrong."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest

from chalicelib import wiring
from chalicelib.core.errors import ThrottledError
from chalicelib.local.clock import ManualClock
from infra.lab import faults
from infra.lab.faults import Fault
from infra.lab.lark import LarkWorkspace
from tests.builders import NOON
from tests.scripted import Scripted, a_company
from tests.terminal.aviary import PEOPLE, SONGS, Aviary, a_cage, an_aviary
from tests.terminal.desk import ENVIRONMENT, PATIENCE_S, Desk
from tests.terminal.test_serve import serving, status_of, until

MEMBERS = "users.find_by_department"
CANARY = "金丝雀00 <canary00@example.com> +8610055000000"


@pytest.fixture
def workspace() -> LarkWorkspace:
    """What the desk's vendor has."""
    return a_cage()


@pytest.fixture
def aviary(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Aviary]:
    monkeypatch.setenv("LANG", "en")
    with an_aviary(tmp_path / "home", capsys) as aviary:
        yield aviary


def lose_permissions(workspace: LarkWorkspace) -> None:
    workspace.revoke("contact:contact.base:readonly")
    workspace.revoke("contact:department.organize:readonly")


def answered(document: object, status: int = 200) -> Fault:
    return faults.replace(endpoint=MEMBERS, status=status, body=json.dumps(document).encode())


def test_the_canaries_sing_where_people_are_meant_to_be_shown(aviary: Aviary) -> None:
    aviary.create()
    aviary.sync()
    assert len(json.loads(aviary.run("employees", "--json").out)) == PEOPLE
    assert len(set(SONGS.findall("".join(aviary.heard)))) > 3
    assert aviary.api.tokens


def test_nothing_is_heard_of_a_sync_that_goes_well(aviary: Aviary) -> None:
    assert aviary.create().status == 0
    assert aviary.sync().status == 0
    for _ in range(PEOPLE - 1):
        aviary.workspace.resign(aviary.workspace.some_person())
    assert aviary.sync().status == 3
    assert aviary.run("sync", "reject", "2").status == 0
    assert "recorded" in aviary.logged.getvalue()
    assert aviary.canaries() == set()


BROKEN: Mapping[str, Sequence[Fault]] = {
    "garbage": [faults.garbage_json(endpoint=MEMBERS)],
    "half an answer": [
        faults.replace(endpoint=MEMBERS, body=f'{{"code":0,"data":{{"items":[{{"name":"{CANARY}'.encode())
    ],
    "a web page": [faults.replace(endpoint=MEMBERS, body=f"<html>{CANARY}</html>".encode(), content_type="text/html")],
    "a gateway's page": [faults.server_error(endpoint=MEMBERS)],
    "a throttle": [faults.throttle(endpoint=MEMBERS)],
    "a timeout": [faults.timeout(endpoint=MEMBERS)],
    "a reset": [faults.reset(endpoint=MEMBERS)],
    "no envelope": [answered([CANARY])],
    "no code": [answered({CANARY: CANARY})],
    "an unknown code": [answered({"code": 4242, "msg": f"bad user {CANARY}"}, 400)],
    "a wrong type": [answered({"code": 0, "data": {"items": [{"union_id": [CANARY], "name": CANARY}]}})],
    "a wrong field": [answered({"code": 0, "data": {"items": [{"union_id": "on_1", "name": {"x": CANARY}}]}})],
    "no number": [answered({"code": 0, "data": {"items": [{"union_id": "on_1", "gender": CANARY}]}})],
    "no list": [answered({"code": 0, "data": {"items": CANARY}})],
    "more without a cursor": [faults.has_more_lies(endpoint=MEMBERS)],
    "a token that says who": [
        faults.replace(
            endpoint="auth.*", body=json.dumps({"code": 0, "tenant_access_token": CANARY, "expire": 7200}).encode()
        )
    ],
    "a refusal that says who": [
        answered({"code": 99991672, "msg": CANARY, "error": {"permission_violations": [{"subject": CANARY}]}}, 400)
    ],
}


@pytest.mark.parametrize("what", BROKEN)
def test_nothing_is_heard_of_a_sync_that_meets(aviary: Aviary, what: str) -> None:
    aviary.create()
    aviary.api.faults.add(*BROKEN[what])
    assert aviary.sync().status == 1
    assert aviary.canaries() == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda workspace: workspace.configure(enabled=False),
        lambda workspace: workspace.configure(installed=False),
        lambda workspace: workspace.configure(ip_allowed=False),
        lose_permissions,
    ],
    ids=["a disabled app", "an app not installed", "a closed network", "a missing permission"],
)
def test_nothing_is_heard_of_a_refusal_by(aviary: Aviary, change: Callable[[LarkWorkspace], object]) -> None:
    aviary.create()
    aviary.sync()
    change(aviary.workspace)
    assert aviary.sync().status == 1
    assert aviary.canaries() == set()


def test_nothing_is_heard_of_a_wrong_secret(aviary: Aviary) -> None:
    aviary.create("canary-wrong-secret")
    assert aviary.sync().status == 1
    assert aviary.canaries() == set()


def test_nothing_is_heard_of_records_that_cannot_be_taken_over(aviary: Aviary) -> None:
    aviary.create()
    aviary.sync()
    aviary.workspace.edit(aviary.workspace.some_person(), enterprise_email="canary is no address")
    aviary.workspace.edit(aviary.workspace.some_person(3), mobile="canary has no phone")
    assert "rejected" in aviary.sync().out
    assert aviary.canaries() == set()


@pytest.mark.parametrize("text", ["xyzzy", "canary-secret-in-a-wrong-place"])
def test_nothing_is_heard_of_a_source_that_is_refused(aviary: Aviary, text: str) -> None:
    words = ("source", "create", "hq", "--kind", "lark", "--name", "总部", "--app-id")
    for given in (
        ("cli_abcd", f"--app-secret={text}"),
        ("cli_abcd", f"--app-secret-file={text}"),
        ("cli_abcd", f"--verification-token={text}"),
        (text,),
        ("cli_abcd", "--base-url", text),
    ):
        assert aviary.run(*words, *given).status == 1
    assert text not in "".join([*aviary.heard, aviary.logged.getvalue()])
    assert str(wiring.outside().audit.recent(10)).count(text) == 0


def a_monkey(error: Exception) -> Scripted:
    """A connector with a defect: whatever it is asked, it says whom it was about."""

    def fails(number: int) -> None:
        raise error

    return Scripted(a_company(), ManualClock(NOON), fails)


def defects() -> Sequence[Exception]:
    chained = RuntimeError(CANARY)
    chained.__cause__ = KeyError(CANARY)
    chained.add_note(CANARY)
    request = httpx.Request("GET", f"https://example.com/?q={CANARY}", headers={"Authorization": "canary-token"})
    return [ValueError(CANARY), chained, httpx.ConnectError(CANARY, request=request), ExceptionGroup(CANARY, [chained])]


@pytest.mark.parametrize("error", defects(), ids=lambda error: type(error).__name__)
def test_nothing_is_heard_of_a_defect_of_ours(aviary: Aviary, error: Exception) -> None:
    aviary.create()
    aviary.use(a_monkey(error))
    for _ in range(5):
        aviary.sync()
    assert "broke" in aviary.logged.getvalue()
    assert json.loads(aviary.run("records", "--json").out)[-1]["status"] == "failed"
    assert aviary.canaries() == set()


def test_what_a_vendor_says_about_waiting_is_kept_to_numbers(aviary: Aviary) -> None:
    aviary.create()
    error = ThrottledError("source throttles", retry_after=1, endpoint="users.batch")
    aviary.use(a_monkey(error))
    assert aviary.sync().status == 1
    assert aviary.canaries() == set()


def test_nothing_is_heard_of_a_process_that_serves(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []
    monkeypatch.setitem(ENVIRONMENT, "ROLLCALL_LOG_LEVEL", "DEBUG")
    assert desk.create().status == 0
    assert desk.create("branch", app_secret_file=desk.secret_file("canary-wrong-secret", "wrong")).status == 0
    good, bad = (desk.json("sync", "now", handle)["task"] for handle in ("hq", "branch"))
    with serving(desk, heard) as (process, url):
        until(lambda: (status_of(desk, good), status_of(desk, bad)) == ("done", "failed"))
        httpx.get(f"{url}/canary?canary=canary", headers={"X-Canary": "canary"}, timeout=PATIENCE_S)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_S) == 0
    said = "".join(heard)
    assert "recorded" in said
    assert '"event": "failed"' in said
    assert SONGS.findall(said) == []
