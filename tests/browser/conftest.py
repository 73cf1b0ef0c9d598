"""A company in two simulated workspaces, the real program beside it, and a browser with the window open."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.window import Place, Window

ROLLCALL = Path(sys.executable).with_name("rollcall")
NEEDED = "ROLLCALL_NEEDS_BROWSER"
ENCRYPT_KEY, VERIFICATION_TOKEN = "browser-encrypt-key", "browser-verification-token"
TEMPLATE, CARD_SECRET = "rollcall.schema", "browser-card-secret"
PATIENCE_S = 60.0
# Somebody who was hired with a name that tries everything.
HOSTILE = '<img src=x onerror="document.title=1">**甲**</div>[点](javascript:alert(1)) <at id=all></at>@all'


def chromium() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@dataclass(frozen=True)
class Office:
    """`owner` and `second` may approve, `guest` may do nothing; `chief` is the owner in the branch, `keeper` in the
    depot, whose admin has installed the card that has buttons.
    """

    url: str
    lark: LarkWorkspace
    branch: DingTalkWorkspace
    home: Path
    owner: str
    second: str
    guest: str
    chief: str
    depot: DingTalkWorkspace
    keeper: str

    def rollcall(self, *words: str) -> Any:
        """Run a command in the terminal; what it answers as JSON."""
        return rollcall(self.home, "--json", *words)


def rollcall(home: Path, *words: str) -> Any:
    environ = {**os.environ, "ROLLCALL_HOME": str(home)}
    done = subprocess.run([ROLLCALL, *words], env=environ, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout) if "--json" in words else None


@pytest.fixture(scope="session")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("home")
    lark = LarkWorkspace.generate(seed=5, people=60, departments=8)
    branch = DingTalkWorkspace.generate(seed=6, people=20, departments=4)
    owner, second, guest = (lark.hire("0", name=name, activated=True) for name in ("林主管", "何复核", "路过"))
    chief = branch.hire(1, name="周经理", active=True)
    depot = DingTalkWorkspace.generate(seed=7, people=12, departments=3)
    keeper = depot.hire(1, name="吴库管", active=True)
    install(depot)

    def directory() -> dict[str, object]:
        return {"employees": documents(rollcall(home, "--json", "employees", "--all"))}

    window = Window(directory)
    window.add(Place(name="hq", title="Lark", vendor="lark", workspace=lark, featured={owner: "owner"}))
    window.add(Place(name="branch", title="DingTalk", vendor="dingtalk", workspace=branch, featured={chief: "owner"}))
    window.add(Place(name="depot", title="DingTalk 2", vendor="dingtalk", workspace=depot, featured={keeper: "owner"}))
    with (
        LabServer(LarkApi(lark), lark, window=window) as server,
        LabServer(DingTalkApi(branch), branch) as other,
        LabServer(DingTalkApi(depot), depot) as third,
    ):
        found(home, lark, server.url)
        found_branch(home, "branch", branch, other.url)
        card = ("--card-template", TEMPLATE, "--card-api-secret-file", kept(home, "card", CARD_SECRET))
        found_branch(home, "depot", depot, third.url, *card)
        rollcall(home, "admin", "add", "hq", owner, "--role", "owner")
        rollcall(home, "admin", "add", "hq", second, "--role", "owner")
        rollcall(home, "admin", "add", "branch", chief, "--role", "owner")
        rollcall(home, "admin", "add", "depot", keeper, "--role", "owner")
        with serving(home) as url:
            lark.subscribe(f"{url}/callbacks/hq/events", ENCRYPT_KEY, VERIFICATION_TOKEN).start()
            lark.connect_chat(f"{url}/callbacks/hq/cards", ENCRYPT_KEY, VERIFICATION_TOKEN)
            branch.connect_chat(f"{url}/callbacks/branch/chat")
            depot.connect_chat(f"{url}/callbacks/depot/chat")
            depot.route_card(f"rollcall-{depot.app_key}", f"{url}/callbacks/depot/cards", CARD_SECRET)
            depot.enter(keeper)
            for person in (owner, second, guest):
                lark.direct_chat(person)
            branch.enter(chief)
            yield Office(
                url=server.window_url,
                lark=lark,
                branch=branch,
                home=home,
                owner=owner,
                second=second,
                guest=guest,
                chief=chief,
                depot=depot,
                keeper=keeper,
            )


def found(home: Path, lark: LarkWorkspace, url: str) -> None:
    """Create the source of the head office, with its secrets in files, as the program wants them."""
    rollcall(
        home,
        *("source", "create", "hq", "--kind", "lark", "--name", "总部", "--app-id", lark.app_id, "--base-url", url),
        *("--app-secret-file", kept(home, "app", lark.app_secret)),
        *("--encrypt-key-file", kept(home, "key", ENCRYPT_KEY)),
        *("--verification-token-file", kept(home, "token", VERIFICATION_TOKEN)),
    )


def found_branch(home: Path, handle: str, office: DingTalkWorkspace, url: str, *more: str) -> None:
    rollcall(
        home,
        *("source", "create", handle, "--kind", "dingtalk", "--name", handle, "--corp-id", office.corp_id),
        *("--app-key", office.app_key, "--app-secret-file", kept(home, handle, office.app_secret)),
        *("--oapi-url", url, "--api-url", url, "--daily-details", "0", *more),
    )


def kept(home: Path, name: str, secret: str) -> str:
    path = home / f"{name}.txt"
    path.write_text(secret)
    return str(path)


def install(office: DingTalkWorkspace) -> None:
    """Install docs/dingtalk-card.json, by the table of its parameters in docs/dingtalk-card.md."""
    buttons = [
        {
            "action": f"button{number}",
            "shown": f"button{number}_shown",
            "label": f"button{number}_label",
            "sends": {"command": f"button{number}_command"},
        }
        for number in range(1, 7)
    ]
    lines = [f"lines{number}" for number in range(1, 9)]
    office.install_card(TEMPLATE, "title", lines, buttons, status="status", note="note")


def documents(employees: Any) -> list[dict[str, object]]:
    return [
        {
            "id": each["id"],
            "name": each["name"],
            "title": each["title"],
            "departments": [place["path"] for place in each["departments"]],
        }
        for each in employees
        if each["state"] == "active"
    ]


@contextmanager
def serving(home: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {**os.environ, "ROLLCALL_HOME": str(home)}
    log = (home / "serve.log").open("w")
    process = subprocess.Popen(
        [ROLLCALL, "serve", "--port", str(port)], env=environ, stdout=log, stderr=subprocess.STDOUT
    )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: httpx.get(f"{url}/health", timeout=5).status_code == 200)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        log.close()


def until(condition: Callable[[], bool]) -> None:
    """Wait for something that happens in another process."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise AssertionError("waited in vain")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = chromium()
    if found is None:
        message = "the window is not tested: no Chromium here (Debian: apt-get install chromium fonts-noto-cjk)"
        if os.environ.get(NEEDED):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        # Root has no sandbox to offer; the page is ours, and its policy loads nothing.
        launched = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture
def page(browser: Browser, office: Office) -> Iterator[Page]:
    """Open the window in English on a desk; a script's error fails the test."""
    errors: list[str] = []
    context = browser.new_context(viewport={"width": 1360, "height": 860}, locale="en-GB")
    context.set_default_timeout(PATIENCE_S * 1000)
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    opened.goto(office.url)
    opened.wait_for_selector("#chats button")
    yield opened
    context.close()
    assert not errors, errors
