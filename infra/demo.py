"""`make demo`: a company is read, planned, guarded, applied and explained, with the real program, a simulated
Lark and a simulated DingTalk.

Everything that a user would type is typed here, through the installed `rollcall`; the company is changed through the
lab's control interface.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer

HOME = Path(".rollcall-demo")
ROLLCALL = Path(sys.executable).with_name("rollcall")
LATENCY_S = 0.08
CLOSING = 60
PEOPLE, DEPARTMENTS = 783, 60
PORT = 8500

WIDTH = int(os.environ.get("COLUMNS") or 150)

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)


ENCRYPT_KEY, VERIFICATION_TOKEN = "demo-encrypt-key", "demo-verification-token"


class Demo:
    def __init__(self, lab: LabServer, company: LarkWorkspace, folder: Path) -> None:
        self.lab, self.company, self.folder = lab, company, folder
        self.branch = company.some_branch(CLOSING)
        fill_up(company, self.branch)

    def type(self, *words: str, expect: int = 0, quiet: bool = False) -> str:
        """Run a command as a user would see it; any other exit status than the expected one ends the demo.

        Raises:
            SystemExit: the exit status was not as it should be.
        """
        if not quiet:
            console.print(Text(f"$ rollcall {' '.join(words)}", style="bold cyan"))
        environ = {**os.environ, "ROLLCALL_HOME": str(HOME), "COLUMNS": str(console.width)}
        done = subprocess.run(  # noqa: S603 - our own program
            [ROLLCALL, *words], env=environ, check=False, stdout=subprocess.PIPE if quiet else None, text=True
        )
        if done.returncode != expect:
            console.print(Text(f"exit status {done.returncode} where {expect} was expected", style="bold red"))
            raise SystemExit(1)
        if not quiet and expect:
            console.print(Text(f"(exit status {done.returncode})", style="dim"))
        return done.stdout or ""

    def latest(self) -> str:
        return str(json.loads(self.type("records", "hq", "--json", quiet=True))[0]["task"])

    def moved(self, task: str) -> str:
        """Find the row of the task that moved somebody."""
        records = json.loads(self.type("record", task, "--json", quiet=True))["records"]
        rows = (row for row in records if row["action"] == "update" and row["kind"] == "employee")
        return next(str(row["entry"]) for row in rows if row["before"]["departments"] != row["after"]["departments"])

    def kept(self, name: str, secret: str) -> str:
        """Put a secret into a file, as the program wants it."""
        path = self.folder / name
        path.write_text(secret)
        return str(path)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Run `rollcall serve` beside the story; its address."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        console.print(Text(f"$ rollcall serve --port {port} &", style="bold cyan"))
        environ = {**os.environ, "ROLLCALL_HOME": str(HOME)}
        process = subprocess.Popen(  # noqa: S603 - our own program
            [ROLLCALL, "serve", "--port", str(port)], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        url = f"http://127.0.0.1:{port}"
        try:
            until(lambda: httpx.get(f"{url}/health", timeout=5).status_code == 200)
            yield url
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(20)

    # --- the story

    def first_sync(self) -> None:
        chapter(
            "1", "A company is read", "800 people in 60 departments of a simulated Lark workspace become a directory."
        )
        self.type(
            *("source", "create", "hq", "--kind", "lark", "--name", "总部", "--app-id", self.company.app_id),
            *("--app-secret-file", self.kept("app-secret", self.company.app_secret), "--base-url", self.lab.url),
            *("--encrypt-key-file", self.kept("encrypt-key", ENCRYPT_KEY)),
            *("--verification-token-file", self.kept("verification-token", VERIFICATION_TOKEN)),
        )
        self.type("sync", "now", "hq", "--wait")
        self.type("employees", "王")

    def changes(self) -> None:
        company = self.company
        leaf = company.some_leaf_department(3)
        mover, renamed, leaver = (company.some_person(seed) for seed in (11, 12, 13))
        empty = company.create_department("0", "临时项目组")
        self.type("sync", "now", "hq", "--wait", quiet=True)
        company.hire(leaf, name="陈晓雨", activated=True)
        company.move(mover, leaf)
        company.rename(renamed, "欧阳明远")
        company.resign(leaver)
        company.close_department(empty)
        chapter(
            "2",
            "The company changes",
            "A hire, a move, a rename, a resignation, a department closed: five changes, five records.",
        )
        self.type("sync", "now", "hq", "--wait")
        task = self.latest()
        self.type("record", task)
        console.print("\nThe move in full: the directory before and after, beside what Lark said.\n")
        self.type("record", task, "--entry", self.moved(task))

    def invisible(self) -> None:
        branch = self.company.some_branch(25)
        self.company.hide(branch)
        chapter(
            "3",
            "A branch becomes invisible",
            "Somebody narrowed what the app may see. Those people are in no list any more. Nobody is touched.",
        )
        self.type("sync", "now", "hq", "--wait")
        self.company.show(branch)

    def closed_branch(self) -> None:
        company = self.company
        gone = company.close_branch(self.branch, resign=True)
        company.hire(company.some_leaf_department(5), name="Grace Lindqvist", activated=True)
        chapter(
            "4",
            f"A whole branch of {len(gone['resigned'])} people is closed, and one person is hired",
            "So many leavers at once could be a mistake: they are held by name. The hire is not kept waiting.",
        )
        self.type("sync", "now", "hq", "--wait", expect=3)
        task = self.latest()
        self.type("record", task)
        self.type("employees", "Grace")
        console.print("\nAn admin looks at the names and approves. Every one is asked for once more, then applied.\n")
        self.type("sync", "approve", task)
        self.type("records", "hq")

    def second_vendor(self) -> None:
        office = DingTalkWorkspace.generate(seed=2, people=120, departments=12)
        chapter(
            "5",
            "A second vendor",
            "A branch office lives in DingTalk: one more source, the same directory. "
            "Managers are read person by person, some each day.",
        )
        with LabServer(DingTalkApi(office, latency_s=LATENCY_S), office) as lab:
            self.type(
                *("source", "create", "branch", "--kind", "dingtalk", "--name", "Branch", "--corp-id", office.corp_id),
                *("--app-key", office.app_key, "--app-secret-file", self.kept("branch-secret", office.app_secret)),
                *("--oapi-url", lab.url, "--api-url", lab.url, "--daily-details", "40"),
            )
            self.type("sync", "now", "branch", "--wait")
            self.type("sources")

    def resignation(self) -> None:
        company = self.company
        chapter(
            "6",
            "Somebody resigns",
            "Lark pushes an event: signed, encrypted, proven, stored, looked up, applied. No sync is waited for.",
        )
        leaver = company.some_person(21)
        name = company.users[leaver].name
        with self.serving() as url:
            pusher = company.subscribe(f"{url}/callbacks/hq/events", ENCRYPT_KEY, VERIFICATION_TOKEN)
            pusher.start()
            company.resign(leaver)
            resigned = time.monotonic()
            until(lambda: name in self.type("employees", name, "--inactive", "--json", quiet=True))
            seconds = time.monotonic() - resigned
            pusher.stop()
        console.print(f"[green]{seconds:.1f} s after the resignation, the directory knows.[/green]\n")
        self.type("records", "hq", "--trigger", "event")


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that happens elsewhere.

    Raises:
        SystemExit: it did not happen.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    raise SystemExit("the demo waited in vain")


def fill_up(company: LarkWorkspace, branch: str) -> None:
    """Hire into a branch until closing it would let exactly CLOSING people go."""
    truth = company.truth()
    inside = {branch}
    while grown := {
        each for each, facts in truth["departments"].items() if facts["parent"] in inside and each not in inside
    }:
        inside |= grown
    homes = [set(facts["departments"]) for facts in truth["people"].values()]
    for number in range(CLOSING - sum(1 for home in homes if home and home <= inside)):
        company.hire(branch, name=f"周新{'一二三四五六七八九十'[number % 10]}", activated=True)


def chapter(number: str, title: str, text: str) -> None:
    console.print()
    console.print(Panel(Text(text), title=f"[bold]{number}. {title}", title_align="left", border_style="blue"))


def farewell(lab: LabServer, seconds: float) -> None:
    port = lab.url.rpartition(":")[2]
    home = f"--home {HOME}"
    text = Text.assemble(
        f"All of this took {seconds:.0f} s. The directory is kept in {HOME}. Try next:\n\n",
        (f"  .venv/bin/rollcall {home} employees --inactive\n", "cyan"),
        (f"  .venv/bin/rollcall {home} employees Grace --json\n", "cyan"),
        (f"  .venv/bin/rollcall {home} --lang zh records hq\n\n", "cyan"),
        "Sync against the lab yourself, in two shells:\n\n",
        (f"  .venv/bin/python -m infra.lab --port {port} --people {PEOPLE} --departments {DEPARTMENTS}\n", "cyan"),
        (f"  .venv/bin/rollcall {home} sync preview hq\n\n", "cyan"),
        "(That company is as it was in the beginning: the preview brings the branch back and lets Grace go.)",
    )
    console.print()
    console.print(Panel(text, title="[bold]What next", title_align="left", border_style="green"))


def serve_company(company: LarkWorkspace) -> LabServer:
    """Serve on the port that the farewell can promise, or on any when that one is taken."""
    api = LarkApi(company, latency_s=LATENCY_S)
    try:
        return LabServer(api, company, port=PORT)
    except OSError:
        return LabServer(api, company)


def main(only: Sequence[str] = ()) -> None:
    started = time.monotonic()
    shutil.rmtree(HOME, ignore_errors=True)
    company = LarkWorkspace.generate(seed=1, people=PEOPLE, departments=DEPARTMENTS)
    with tempfile.TemporaryDirectory() as folder, serve_company(company) as lab:
        demo = Demo(lab, company, Path(folder))
        demo.first_sync()
        demo.changes()
        demo.invisible()
        demo.closed_branch()
        demo.second_vendor()
        demo.resignation()
        farewell(lab, time.monotonic() - started)


if __name__ == "__main__":
    main()
