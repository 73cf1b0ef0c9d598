from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from chalicelib import wiring
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from tests.terminal.desk import PATIENCE_S, Desk, environment


@pytest.fixture
def workspace() -> LarkWorkspace:
    """A company of 30 in 6 departments."""
    return LarkWorkspace.generate(1, 30, 6)


@pytest.fixture
def desk(
    workspace: LarkWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Desk]:
    """A desk with nothing on it yet but the vendor's company."""
    home = tmp_path / "home"
    for name, value in environment(home).items():
        monkeypatch.setenv(name, value)
    for name in ("LC_ALL", "LC_MESSAGES", "COLUMNS", "ROLLCALL_LOG_LEVEL", "ROLLCALL_TABLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    api = LarkApi(workspace, limits=False)
    with LabServer(api, workspace) as lab:
        desk = Desk(home=home, workspace=workspace, api=api, lab=lab, capsys=capsys)
        yield desk
        for process in desk.started:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=PATIENCE_S)
    wiring.use(None)


@pytest.fixture
def hq(desk: Desk) -> Desk:
    """A desk with the source hq, synced once."""
    assert desk.create().status == 0
    desk.sync()
    return desk
