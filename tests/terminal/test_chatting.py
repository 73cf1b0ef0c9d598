"""What is typed in chats is typed in the terminal too; what is dangerous asks whoever sits there."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.terminal.desk import PATIENCE_S, Desk, environment


@dataclass(frozen=True)
class Sat:
    """How a command ended that somebody sat before, and what they saw."""

    status: int
    out: str
    seen: str


def sit(desk: Desk, answer: str, *arguments: str) -> Sat:
    """Run a command on a terminal, and type an answer."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            (sys.executable, "-m", "chalicelib.terminal", *arguments),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**environment(desk.home), "TERM": "dumb"},
            cwd=desk.home.parent,
        ) as process:
            os.write(ours, answer.encode())
            out, _ = process.communicate(timeout=PATIENCE_S)
        seen = _written(ours)
    finally:
        os.close(ours)
        os.close(theirs)
    return Sat(process.returncode, out.decode(), seen)


def _written(terminal: int) -> str:
    os.set_blocking(terminal, False)
    try:
        return os.read(terminal, 64 * 1024).decode()
    except BlockingIOError:  # nothing was
        return ""


def enabled(desk: Desk) -> bool:
    return bool(desk.json("source", "show", "hq")["enabled"])


@pytest.mark.parametrize("answer", ["n\n", "\n", "no\n", "x\n", "\x04"])
def test_a_dangerous_command_shows_its_effect_and_does_nothing_unless_told_to(hq: Desk, answer: str) -> None:
    sat = sit(hq, answer, "disable", "hq")
    assert sat.status == 1
    assert "28 employee(s) lose access" in sat.seen
    assert "nothing was done" in sat.seen
    assert enabled(hq)


@pytest.mark.parametrize(("lang", "answer"), [("en", "y\n"), ("en", "YES\n"), ("zh", "是\n")])
def test_who_says_yes_is_obeyed(hq: Desk, lang: str, answer: str) -> None:
    sat = sit(hq, answer, "--lang", lang, "disable", "hq")
    assert sat.status == 0
    assert ("失去访问权限" if lang == "zh" else "lose access") in sat.seen
    assert not enabled(hq)


def test_yes_among_the_arguments_is_not_asked(hq: Desk) -> None:
    sat = sit(hq, "", "--yes", "disable", "hq")
    assert sat.status == 0
    assert "lose access" not in sat.seen
    assert not enabled(hq)


def test_the_document_stays_alone_when_somebody_is_asked(hq: Desk) -> None:
    sat = sit(hq, "y\n", "--json", "disable", "hq")
    assert sat.out.startswith("{")
    assert '"enabled": false' in sat.out


def test_a_script_says_what_it_means_by_the_command_itself(hq: Desk) -> None:
    assert hq.run("disable", "hq").status == 0
    assert not enabled(hq)
    assert hq.run("启用", "hq").status == 0
    assert enabled(hq)


def test_what_takes_nothing_away_asks_nothing(desk: Desk) -> None:
    desk.create()
    assert desk.run("sync", "preview", "hq").status == 0
    sat = sit(desk, "", "approve", "1")
    assert sat.status == 0
    assert "[y/N]" not in sat.seen


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("help", "帮助"),
        ("menu", "菜单"),
        ("status", "状态"),
        ("sources", "来源"),
        ("source show hq", "查看来源 hq"),
        ("test hq", "检测 hq"),
        ("records hq", "记录 hq"),
        ("record 1", "详情 1"),
        ("employees --page 1", "员工 --page 1"),
        ("departments --page 1", "部门 --page 1"),
        ("admins", "管理员"),
        ("admin add hq ou_x --role owner", "添加管理员 hq ou_x --role 所有者"),
        ("audit --type sync --since 1d", "审计 --type sync --since 1天"),
        ("digest", "周报"),
        ("digest off hq", "关闭周报 hq"),
        ("welcome on hq", "开启欢迎 hq"),
        ("notify hq off", "通知 hq 关"),
        ("auto off hq", "关闭自动同步 hq"),
        ("every 6h hq", "每 6小时 hq"),
        ("zone Asia/Shanghai hq", "时区 Asia/Shanghai hq"),
        ("second person 3 hq", "双人确认 3 hq"),
        ("enable hq", "启用 hq"),
        ("disable hq", "停用 hq"),
    ],
)
def test_every_command_of_the_chat_is_one_of_the_terminal(hq: Desk, english: str, chinese: str) -> None:
    for lang, text in (("en", english), ("zh", chinese)):
        shown = hq.run("--lang", lang, *text.split())
        assert (shown.status, shown.err) == (0, ""), shown
        assert shown.out.strip()
        assert hq.run("--lang", lang, "--json", *text.split()).document is not None


def test_the_first_owner_is_named_in_the_terminal(hq: Desk) -> None:
    added = hq.json("admin", "add", "hq", "ou_x", "--role", "owner", "--audits")
    assert (added["person"], added["role"], added["audits"], added["added_by"]) == (
        "ou_x",
        "owner",
        True,
        "terminal:terminal",
    )
    assert [each["person"] for each in hq.json("admins")] == ["ou_x"]
    assert hq.json("admin", "remove", "hq", "ou_x")["person"] == "ou_x"
    assert hq.json("admins") == []


def test_a_person_is_found_and_explained(hq: Desk) -> None:
    ann = hq.json("employees")[0]
    (found,) = [hq.json("who", ann["id"])]
    assert found["name"] == ann["name"]
    origins = hq.json("why", ann["id"])["origins"]
    assert origins["name"]["task"] == "1"
    assert origins["name"]["trigger"] == "manual"


def test_what_needs_a_chat_says_so(hq: Desk) -> None:
    assert "chat" in hq.run("notify", "hq", "here").err
    assert "number 1234" in hq.run("confirm", "1234").err


def test_a_cron_is_one_argument(hq: Desk) -> None:
    assert hq.run("cron", "0 2 * * *", "hq", "--zone", "Asia/Shanghai").status == 0
    shown = hq.json("source", "show", "hq")
    assert (shown["cron"], shown["zone"], shown["cycle_hours"]) == ("0 2 * * *", "Asia/Shanghai", None)
