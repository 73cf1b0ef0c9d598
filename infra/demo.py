"""`make demo`: a company is read, planned, guarded, applied, explained and steered from chat, with the real program, a
simulated Lark and a simulated DingTalk.

Everything that a user would type is typed here, through the installed `rollcall` or in the simulated chats; the company
is changed through the lab's control interface. On a terminal, and with WINDOW=1, the chat window stays open at the end.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.window import Place, Window

HOME = Path(".rollcall-demo")
ROLLCALL = Path(sys.executable).with_name("rollcall")
LATENCY_S = 0.08
CLOSING = 60
MOST_LINES = 14
PEOPLE, DEPARTMENTS = 783, 60
PORT = 8500

WIDTH = int(os.environ.get("COLUMNS") or 150)

console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)

ENCRYPT_KEY, VERIFICATION_TOKEN = "demo-encrypt-key", "demo-verification-token"


class Demo:
    def __init__(
        self, lab: LabServer, company: LarkWorkspace, branch_lab: LabServer, office: DingTalkWorkspace, folder: Path
    ) -> None:
        self.lab, self.company, self.folder = lab, company, folder
        self.branch_lab, self.office = branch_lab, office
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
            "1",
            "A company is read",
            "Some 800 people in 60 departments of a simulated Lark workspace become a directory.",
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
        office, url = self.office, self.branch_lab.url
        chapter(
            "5",
            "A second vendor",
            "A branch office lives in DingTalk: one more source, the same directory. "
            "Managers are read person by person, some each day.",
        )
        self.type(
            *("source", "create", "branch", "--kind", "dingtalk", "--name", "Branch", "--corp-id", office.corp_id),
            *("--app-key", office.app_key, "--app-secret-file", self.kept("branch-secret", office.app_secret)),
            *("--oapi-url", url, "--api-url", url, "--daily-details", "40"),
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

    def in_lark(self, url: str, window: Window) -> None:
        company = self.company
        chapter(
            "7",
            "In chat",
            "The same commands, typed to the bot. An owner is named in the terminal; others are refused, politely.",
        )
        owner, guest = company.some_person(31), company.some_person(32)
        group = company.add_chat("IT 运维", [owner, guest])
        for person in (owner, guest):
            company.direct_chat(person)
        roles = {owner: "owner", guest: "no role"}
        window.add(Place(name="hq", title="Lark · 总部", vendor="lark", workspace=company, featured=roles))
        self.type("admin", "add", "hq", owner, "--role", "owner")
        pusher = company.subscribe(f"{url}/callbacks/hq/events", ENCRYPT_KEY, VERIFICATION_TOKEN)
        pusher.start()
        company.connect_chat(f"{url}/callbacks/hq/cards", ENCRYPT_KEY, VERIFICATION_TOKEN)
        chat = Chat(company, group)
        chat.said(owner, "@Rollcall")
        chat.said(owner, "@Rollcall sync now hq", "done")
        chat.said(guest, "@Rollcall sync now hq")
        gone = company.some_branch(40)
        # Had they come, these events would be facts: each of them a departure that the vendor itself reported.
        pusher.trouble.lose = 1.0
        company.close_branch(gone, resign=True)
        pusher.trouble.lose = 0.0
        console.print("\n[bold]A branch is closed, and the events about it are lost.[/bold] The next sync notices.\n")
        chat.said(owner, "@Rollcall sync now hq", "held")
        chat.pressed(owner, "Approve")
        chat.pressed(owner, "Confirm", "done")

    def in_dingtalk(self, url: str, window: Window) -> None:
        office = self.office
        console.print(
            "\n[bold]DingTalk signs its robot's messages without their words.[/bold] So what is dangerous needs a code "
            "there, which only that person gets.\n"
        )
        chief = office.some_person(41)
        group = office.add_chat("Branch IT", [chief])
        office.direct_chat(chief)
        window.add(
            Place(
                name="branch", title="DingTalk · Branch", vendor="dingtalk", workspace=office, featured={chief: "owner"}
            )
        )
        self.type("admin", "add", "branch", chief, "--role", "owner", "--told")
        office.connect_chat(f"{url}/callbacks/branch/chat")
        leavers = [each for each in office.people_under(1) if each != chief][:30]
        for each in leavers:
            office.leave(each)
        chat = Chat(office, group)
        direct = Chat(office, office.direct_chat(chief).chat_id, f" · to {office.name_of(chief)} alone")
        chat.said(chief, "@Rollcall sync now branch")
        told = direct.heard("held")
        task = found(r"sync approve (\w+)", told)
        chat.said(chief, f"@Rollcall sync approve {task}", "Confirm")
        code = found(r"confirm (\d+ \d+)", direct.heard("code"))
        chat.said(chief, f"@Rollcall confirm {code}")
        until(lambda: '"approval"' in (told := self.type("records", "branch", "--json", quiet=True)) and ends(told))
        self.type("records", "branch")


class Chat:
    """A chat as the demo types and prints it; what was printed is not printed again."""

    def __init__(self, workspace: LarkWorkspace | DingTalkWorkspace, chat: str, where: str = "") -> None:
        self._workspace, self._chat, self._where = workspace, chat, where
        self._seen = len(workspace.messages(chat))

    def said(self, person: str, text: str, wanted: str = "") -> str:
        """Let somebody type, and print what the bot has answered as soon as that says what is wanted."""
        self._workspace.say(person, text, self._chat)
        return self.heard(wanted)

    def pressed(self, person: str, button: str, wanted: str = "") -> str:
        """Let somebody press a button of the last card that has it."""
        for post in reversed(self._workspace.messages(self._chat)):
            if not post["by"] and f"[ {button} ]" in words(post):
                message = str(post["message"])
                break
        else:
            raise SystemExit(f"no card has a button {button!r}")
        name = self._workspace.name_of(person)
        console.print(Text(f"{name} presses [ {button} ]", style="bold cyan"))
        before = words(post)
        toast = self._workspace.press(person, message, button)
        if toast["text"]:
            console.print(Text(f"  ({toast['text']})", style="dim"))

        def answered() -> bool:
            posts = self._workspace.messages(self._chat)
            edited = next(each for each in posts if each["message"] == message)
            return len(posts) > self._seen or (words(edited) != before and wanted in words(edited))

        until(answered)
        if len(self._workspace.messages(self._chat)) > self._seen:
            return self.heard(wanted)
        posts = self._workspace.messages(self._chat)
        return self._print(next(each for each in posts if each["message"] == message))

    def heard(self, wanted: str = "") -> str:
        """Wait until the bot has said something new that says what is wanted; print it all."""

        def fresh() -> Sequence[Mapping[str, Any]]:
            return self._workspace.messages(self._chat)[self._seen :]

        def answered() -> bool:
            return any(not each["by"] and wanted in words(each) for each in fresh())

        until(answered)
        posts = fresh()
        self._seen += len(posts)
        return [self._print(each) for each in posts][-1]

    def _print(self, post: Mapping[str, Any]) -> str:
        text = words(post)
        if post["by"]:
            console.print(Text(f"{self._workspace.name_of(post['by'])}: {text}", style="bold cyan"))
            return text
        lines = text.splitlines()
        shown = lines if len(lines) <= MOST_LINES else [*lines[:MOST_LINES], "…"]
        title = f"Rollcall{self._where}" + (" · edited in place" if post["edits"] else "")
        console.print(Panel(Text("\n".join(shown)), title=title, title_align="left", border_style="green", width=90))
        return text


def ends(records: str) -> bool:
    """Tell whether the latest task of a list has ended well."""
    return bool(json.loads(records)[0]["status"] == "done")


def words(post: Mapping[str, Any]) -> str:
    """Put a message into plain words: of a card its head, texts, tables and buttons."""
    content = post["content"]
    if post["kind"] != "interactive":
        text = str(content.get("text") or content.get("content"))
        return re.sub(r"(?m)^#+ |\*\*|^ +| +$", "", text)
    lines = [content["header"]["title"]["content"]] if "header" in content else []
    buttons: list[str] = []
    for element in content["body"]["elements"]:
        match element["tag"]:
            case "markdown":
                text = re.sub(r"&#(\d+);", lambda found: chr(int(found[1])), element["content"].replace("**", ""))
                lines += text.splitlines()
            case "div":
                lines += element["text"]["content"].splitlines()
            case "table":
                names = [column["name"] for column in element["columns"]]
                lines.append("  ".join(f"{column['display_name']:<12}" for column in element["columns"]).rstrip())
                lines += ["  ".join(f"{row.get(name, '')!s:<12}" for name in names).rstrip() for row in element["rows"]]
            case "column_set":
                buttons += [each["elements"][0]["text"]["content"] for each in element["columns"]]
    return "\n".join([*lines, " ".join(f"[ {each} ]" for each in buttons)]).strip()


def found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"the bot did not say {pattern!r}")
    return match[1]


class Beside:
    """The directory beside the chats: what the program itself says about it, asked again when its file changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stamp: tuple[float, ...] = ()
        self._document: dict[str, object] = {}

    def __call__(self) -> dict[str, object]:
        with self._lock:
            stamp = tuple(sorted(path.stat().st_mtime for path in HOME.glob("rollcall.db*")))
            if stamp and stamp != self._stamp:
                people, places = self._ask("employees"), self._ask("departments")
                self._document = {
                    "employees": [
                        {
                            "id": each["id"],
                            "name": each["name"],
                            "title": each["title"],
                            "departments": [place["path"] for place in each["departments"]],
                        }
                        for each in people
                    ],
                    "departments": [each["path"] for each in places],
                }
                self._stamp = stamp
            return self._document

    def _ask(self, *words: str) -> list[dict[str, Any]]:
        environ = {**os.environ, "ROLLCALL_HOME": str(HOME)}
        command = [str(ROLLCALL), "--json", *words]
        done = subprocess.run(command, env=environ, check=False, capture_output=True, text=True)  # noqa: S603 - ours
        listed: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
        return listed


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


def farewell(lab: LabServer, seconds: float, *, stays: bool) -> None:
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
        "(That company is as it was in the beginning: the preview brings the branch back and lets Grace go.)\n\n",
        "Talk to the bot yourself, hire and fire, and watch the directory: ",
        *(
            (("open ", ""), (lab.window_url, "bold cyan"), " now. Ctrl-C ends it.")
            if stays
            else (("make demo WINDOW=1", "cyan"), " opens the chat window at ", (lab.window_url, "cyan"), ".")
        ),
    )
    console.print()
    console.print(Panel(text, title="[bold]What next", title_align="left", border_style="green"))


def serve_company(company: LarkWorkspace, window: Window) -> LabServer:
    """Serve on the port that the farewell can promise, or on any when that one is taken."""
    api = LarkApi(company, latency_s=LATENCY_S)
    try:
        return LabServer(api, company, port=PORT, window=window)
    except OSError:
        return LabServer(api, company, window=window)


def main() -> None:
    started = time.monotonic()
    stays = bool(os.environ.get("WINDOW")) or (sys.stdin.isatty() and sys.stdout.isatty())
    shutil.rmtree(HOME, ignore_errors=True)
    company = LarkWorkspace.generate(seed=1, people=PEOPLE, departments=DEPARTMENTS)
    office = DingTalkWorkspace.generate(seed=2, people=120, departments=12)
    window = Window(Beside())
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        lab = stack.enter_context(serve_company(company, window))
        branch_lab = stack.enter_context(LabServer(DingTalkApi(office, latency_s=LATENCY_S), office))
        demo = Demo(lab, company, branch_lab, office, Path(folder))
        demo.first_sync()
        demo.changes()
        demo.invisible()
        demo.closed_branch()
        demo.second_vendor()
        demo.resignation()
        with demo.serving() as url:
            demo.in_lark(url, window)
            demo.in_dingtalk(url, window)
            farewell(lab, time.monotonic() - started, stays=stays)
            if stays:
                wait()


def wait() -> None:
    """Keep the window open until somebody ends it."""
    over = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: over.set())
    over.wait()
    console.print()


if __name__ == "__main__":
    main()
