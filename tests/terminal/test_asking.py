"""`source create`, `source edit` and `source delete` on a real terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
from dataclasses import dataclass

import pytest

from tests.core.test_logo import a_png
from tests.terminal.desk import PATIENCE_S, Desk, environment

CTRL_C = "\x03"
_PROMPTS = (": ", "] ")


@dataclass(frozen=True)
class Sat:
    """How a command ended that somebody sat before, and what they saw."""

    status: int
    out: str
    seen: str


def sit(desk: Desk, answers: tuple[str, ...], *arguments: str) -> Sat:
    """Run a command on a terminal of its own; type each answer when something is asked."""
    ours, theirs = pty.openpty()
    seen = ""
    try:
        with subprocess.Popen(
            (sys.executable, "-m", "chalicelib.terminal", *arguments),
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=theirs,
            env={**environment(desk.home), "TERM": "dumb", "COLUMNS": "160"},
            cwd=desk.home.parent,
            start_new_session=True,
        ) as process:
            try:
                for answer in answers:
                    seen += _until_asked(ours)
                    if answer == CTRL_C:  # what a terminal makes of it
                        process.send_signal(signal.SIGINT)
                    else:
                        os.write(ours, answer.encode())
                out, _ = process.communicate(timeout=PATIENCE_S)
            except BaseException:
                process.kill()
                raise
        seen += _rest(ours)
    finally:
        os.close(ours)
        os.close(theirs)
    return Sat(process.returncode, out.decode(), seen)


def _until_asked(terminal: int) -> str:
    text = b""
    while not text.decode(errors="replace").endswith(_PROMPTS):
        ready, _, _ = select.select([terminal], [], [], PATIENCE_S)
        assert ready, f"nothing was asked: {text.decode(errors='replace')}"
        text += os.read(terminal, 4096)
    return text.decode(errors="replace")


def _rest(terminal: int) -> str:
    text = b""
    while select.select([terminal], [], [], 0)[0]:
        text += os.read(terminal, 64 * 1024)
    return text.decode(errors="replace")


def questions(desk: Desk, *, secret: str | None = None, last: str = "a\n") -> tuple[str, ...]:
    """What somebody types who sets up the lab's company: the kind was given, and so were handle and name."""
    return (
        "The sign-in of hq\n",
        f"{desk.workspace.app_id}\n",
        f"{secret or desk.workspace.app_secret}\n",
        f"{desk.lab.url}\n",
        "\n",  # no encrypt key
        "\n",  # no verification token
        "\n",  # automatic
        "6\n",
        "\n",  # the zone of the kind
        "\n",  # user information
        "\n",  # no logo
        last,
    )


CREATE = ("source", "create", "hq", "--kind", "lark", "--name", "总部")


def test_a_source_is_set_up_by_answering_tested_and_active(desk: Desk) -> None:
    sat = sit(desk, questions(desk), *CREATE)
    assert sat.status == 0, sat
    assert "is created" in sat.out
    source = desk.json("source", "show", "hq")
    assert (source["enabled"], source["description"], source["cycle_hours"], source["zone"]) == (
        True,
        "The sign-in of hq",
        6.0,
        "Asia/Shanghai",
    )
    assert desk.sync()["status"] == "done"


def test_who_gives_nearly_all_of_it_is_asked_for_the_rest_and_what_was_given_counts(desk: Desk) -> None:
    picture = desk.home.parent / "logo.png"
    picture.write_bytes(a_png())
    schedule = ("--every", "6", "--zone", "Europe/Berlin", "--manual", "--no-user-info", "--closed")
    logo = ("--logo-file", str(picture), "--base-url", desk.lab.url)
    # description, app id, app secret, encrypt key, verification token, and what to do
    answers = ("\n", f"{desk.workspace.app_id}\n", f"{desk.workspace.app_secret}\n", *["\n"] * 3)
    sat = sit(desk, answers, "source", "create", "b1", "--kind", "lark", "--name", "BB", *schedule, *logo)
    assert sat.status == 0, sat
    source = desk.json("source", "show", "b1")
    assert {name: source[name] for name in ("enabled", "automatic", "user_info", "cron", "zone")} == {
        "enabled": False,
        "automatic": False,
        "user_info": False,
        "cron": None,
        "zone": "Europe/Berlin",
    }
    assert source["logo"].startswith("PNG 240×240")
    desk.run("auto", "on", "b1")
    assert desk.json("source", "show", "b1")["cycle_hours"] == 6.0


def test_what_is_typed_unseen_is_not_seen(desk: Desk) -> None:
    sat = sit(desk, questions(desk), *CREATE)
    assert desk.workspace.app_secret not in sat.seen + sat.out
    assert "The sign-in of hq" in sat.seen


def test_a_wrong_secret_is_saved_and_not_active_and_says_why(desk: Desk) -> None:
    sat = sit(desk, questions(desk, secret="not-the-secret"), *CREATE)
    assert sat.status == 1
    assert "saved, and not active" in sat.out
    assert "10014" in sat.out
    assert not desk.json("source", "show", "hq")["enabled"]


@pytest.mark.parametrize("typed", [0, 2, 5, 11])
def test_who_presses_ctrl_c_leaves_no_trace(desk: Desk, typed: int) -> None:
    sat = sit(desk, (*questions(desk)[:typed], CTRL_C), *CREATE)
    assert sat.status == 1
    assert "nothing was saved" in sat.seen
    assert desk.json("sources") == []
    assert not (desk.home / "secrets.json").exists()


def test_who_does_not_want_it_says_so_at_the_end(desk: Desk) -> None:
    assert sit(desk, questions(desk, last="c\n"), *CREATE).status == 1
    assert desk.json("sources") == []


def test_an_edit_asks_with_what_is_set_and_tries_a_new_secret_first(hq: Desk) -> None:
    kept = (hq.home / "secrets.json").read_text()
    answers = ("新总部\n", "\n", "\n", "not-the-secret\n", *["\n"] * 8, "s\n")
    sat = sit(hq, answers, "source", "edit", "hq")
    assert sat.status == 1, sat
    assert "[总部]" in sat.seen
    assert "was not changed" in sat.out
    assert (hq.home / "secrets.json").read_text() == kept
    assert hq.json("source", "show", "hq")["name"] == "总部"
    again = sit(hq, ("新总部\n", *["\n"] * 11, "s\n"), "source", "edit", "hq")
    assert (again.status, hq.json("source", "show", "hq")["name"]) == (0, "新总部")


# --- deleting


@pytest.mark.parametrize("answer", ["y\n", "hq\n", "\n", "\x04"])
def test_who_does_not_type_the_name_deletes_nothing(hq: Desk, answer: str) -> None:
    sat = sit(hq, (answer,), "source", "delete", "hq")
    assert sat.status == 1
    assert "cannot be undone" in sat.seen
    assert "28 people" in sat.seen
    assert "nothing was done" in sat.seen
    assert len(hq.json("sources")) == 1


def test_who_types_the_name_deletes_the_source_and_keeps_its_people(hq: Desk) -> None:
    sat = sit(hq, ("总部\n",), "source", "delete", "hq")
    assert sat.status == 0, sat
    assert hq.json("sources") == []
    assert len(hq.json("employees")) == 28
    assert (
        not (hq.home / "secrets.json").exists() or hq.workspace.app_secret not in (hq.home / "secrets.json").read_text()
    )


def test_its_people_leave_first_where_that_is_said(hq: Desk) -> None:
    sat = sit(hq, ("总部\n",), "source", "delete", "hq", "--people", "leave")
    assert sat.status == 0, sat
    assert "the source is deleted" in sat.seen
    assert (hq.json("sources"), hq.json("employees")) == ([], [])
    assert len(hq.json("employees", "--inactive")) >= 28
    assert hq.json("records")[0]["trigger"] == "deletion"


@pytest.mark.parametrize("more", [(), ("--yes",), ("--name", "hq")])
def test_a_script_that_does_not_say_the_name_deletes_nothing(hq: Desk, more: tuple[str, ...]) -> None:
    shown = hq.run("source", "delete", "hq", *more)
    assert shown.status == 1
    assert "--name" in shown.err
    assert len(hq.json("sources")) == 1


def test_a_script_says_the_name(hq: Desk) -> None:
    assert hq.run("source", "delete", "hq", "--name", "总部").status == 0
    assert hq.json("sources") == []
