from __future__ import annotations

import os
from pathlib import Path

import pytest

from chalicelib.bot.command import COMMANDS
from tests.bot.test_sources import SOURCE_KEYS
from tests.terminal.desk import ENVIRONMENT, Desk

# --- how a command ends


def test_what_was_done_ends_with_0(desk: Desk) -> None:
    assert desk.create().status == 0
    assert [desk.run(text).status for text in ("sources", "records", "employees", "departments", "help")] == [0] * 5


@pytest.mark.parametrize(
    "text",
    ["sync now nothing", "source show nothing", "record 9", "sync approve 9", "sync reject 9", "employee show nobody"],
)
def test_what_is_refused_ends_with_1_and_says_why_on_standard_error(desk: Desk, text: str) -> None:
    shown = desk.run(*text.split())
    assert (shown.status, shown.out) == (1, "")
    assert text.split()[-1] in shown.err


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "sync",
        "sync now",
        "sync now hq --force",
        "sources hq",
        "record 1 --entry",
        "--lang",
        "--lang fr sources",
        "--home",
        "source create hq",
        "serve --port many",
        "serve --prot 1",
        "serve now",
        "source create hq --app-secret-file",
    ],
)
def test_what_is_not_understood_ends_with_2(desk: Desk, text: str) -> None:
    shown = desk.run(*text.split())
    assert (shown.status, shown.out) == (2, "")
    assert shown.err


def test_what_fails_ends_with_1(hq: Desk) -> None:
    hq.workspace.configure(enabled=False)
    shown = hq.run("sync", "now", "hq", "--wait")
    assert shown.status == 1
    assert "failed" in shown.out


def test_a_sync_that_is_only_asked_for_ends_with_0_and_says_who_runs_it(desk: Desk) -> None:
    desk.create()
    shown = desk.run("sync", "now", "hq")
    assert shown.status == 0
    assert "queued as task 1" in shown.out
    assert "rollcall serve" in shown.err
    assert desk.json("records")[0]["status"] == "queued"
    assert desk.sync()["task"] == "1"


# --- documents


@pytest.mark.parametrize(
    "text", ["sources", "source show hq", "records hq", "record 1", "employees", "departments", "help"]
)
def test_a_document_stands_alone_on_standard_output(hq: Desk, text: str) -> None:
    shown = hq.run(*text.split(), "--json")
    assert shown.status == 0
    assert shown.document
    assert shown.out.startswith(("[", "{"))
    assert shown.err == ""


@pytest.mark.parametrize(("text", "status"), [("record 9", 1), ("nonsense", 2), ("--lang fr help", 2), ("sync now", 2)])
def test_a_refusal_is_a_document_too(desk: Desk, text: str, status: int) -> None:
    shown = desk.run(*text.split(), "--json")
    assert (shown.status, shown.err) == (status, "")
    assert set(shown.document) == {"error"}
    assert set(shown.document["error"]) == {"code", "message", "facts"}


def test_waiting_shows_its_progress_beside_the_document(desk: Desk) -> None:
    desk.create()
    shown = desk.run("--json", "sync", "now", "hq", "--wait")
    assert shown.document["status"] == "done"
    assert "reading" in shown.err


def test_documents_hold_chinese_as_it_is(desk: Desk) -> None:
    desk.create()
    assert "总部" in desk.run("--json", "sources").out


# --- sources and secrets


def test_a_source_is_created_with_secrets_from_files(desk: Desk) -> None:
    shown = desk.run(
        *desk.creation(
            encrypt_key_file=desk.secret_file("k3y\n", "key"),
            verification_token_file=desk.secret_file("t0ken", "token"),
        ),
        "--json",
    )
    assert set(shown.document) == SOURCE_KEYS
    assert shown.document["settings"] == {"app_id": desk.workspace.app_id, "base_url": desk.lab.url}
    everything = shown.out + desk.run("source", "show", "hq").said + desk.run("sources", "--json").out
    assert not [each for each in (desk.workspace.app_secret, "k3y", "t0ken") if each in everything]
    assert (desk.home / "secrets.json").stat().st_mode & 0o077 == 0
    assert desk.home.stat().st_mode & 0o077 == 0


def test_a_secret_is_read_from_standard_input(desk: Desk) -> None:
    creation = desk.creation(app_secret_file="-")
    shown = desk.process(*creation, stdin=f"{desk.workspace.app_secret}\n")
    assert (shown.status, shown.err) == (0, "")
    assert desk.sync()["status"] == "done"


def test_several_secrets_are_read_from_standard_input_line_by_line(desk: Desk) -> None:
    creation = desk.creation(app_secret_file="-", encrypt_key_file="-")
    assert desk.process(*creation, stdin=f"{desk.workspace.app_secret}\nk3y\n").status == 0
    assert "k3y" in (desk.home / "secrets.json").read_text(encoding="utf-8")
    assert desk.sync()["status"] == "done"


@pytest.mark.parametrize("given", ["--app-secret=xyzzy-s3cret", "--app_secret=xyzzy-s3cret"])
def test_a_secret_given_as_an_argument_is_refused_and_not_repeated(desk: Desk, given: str) -> None:
    shown = desk.run(*desk.creation(app_secret_file=""), given)
    assert shown.status == 1
    assert "-file" in shown.err
    assert "xyzzy" not in shown.said
    assert desk.json("sources") == []


def test_a_secret_typed_where_its_file_was_wanted_is_not_repeated(desk: Desk) -> None:
    shown = desk.create(app_secret_file="xyzzy-s3cret")
    assert shown.status == 1
    assert "app_secret" in shown.err
    assert "xyzzy" not in shown.said
    assert "xyzzy" not in desk.run(*desk.creation(app_secret_file="xyzzy-s3cret"), "--json").out


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"", b" \n"])
def test_a_file_without_a_secret_in_it_is_refused(desk: Desk, content: bytes, tmp_path: Path) -> None:
    (tmp_path / "odd").write_bytes(content)
    shown = desk.create(app_secret_file=str(tmp_path / "odd"))
    assert shown.status == 1
    assert "app_secret" in shown.err
    assert desk.json("sources") == []


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"handle": "HQ"}, "1 to 32 of a-z"),
        ({"name": "总"}, "2 to 100"),
        ({"name": "总 部"}, "2 to 100"),
        ({"kind": "ldap"}, "There are: "),
        ({"app_id": "nonsense"}, "cli_"),
        ({"app_id": ""}, "app-id"),
        ({"app_secret_file": ""}, "app-secret"),
        ({"base_url": "ftp://example.com"}, "base_url"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_that_rule(desk: Desk, changed: dict[str, str], rule: str) -> None:
    shown = desk.create(**changed)
    assert shown.status == 1
    assert rule in shown.said
    assert desk.json("sources") == []


def test_the_sixth_enabled_source_is_refused_and_the_five_are_named(desk: Desk) -> None:
    assert [desk.create(f"s{number}").status for number in range(5)] == [0] * 5
    shown = desk.create("sixth")
    assert shown.status == 1
    assert "At most 5 sources" in shown.said
    assert "s0, s1, s2, s3, s4" in shown.said
    assert len(desk.json("sources")) == 5


def test_a_handle_is_used_once(desk: Desk) -> None:
    desk.create()
    shown = desk.create(name="另一个")
    assert (shown.status, "already" in shown.said) == (1, True)


# --- home and language


def test_state_survives_from_process_to_process(hq: Desk) -> None:
    shown = hq.process("employees", "--json")
    assert (shown.status, shown.err) == (0, "")
    assert shown.document == hq.json("employees")
    assert hq.process("--json", "records", "hq").document == hq.json("records", "hq")


def test_a_home_may_be_named_on_the_command_line_wherever(desk: Desk, tmp_path: Path) -> None:
    elsewhere = tmp_path / "deep" / "elsewhere"
    assert desk.run("--home", str(elsewhere), "sources").status == 0
    assert (elsewhere / "rollcall.db").exists()
    assert desk.run("sources", f"--home={tmp_path / 'third'}").status == 0
    assert (tmp_path / "third").exists()
    assert not desk.home.exists()


def test_without_a_name_the_home_is_beside_us(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ROLLCALL_HOME")
    assert desk.run("sources").status == 0
    assert (tmp_path / ".rollcall" / "rollcall.db").exists()


def test_a_home_that_cannot_be_one_is_said_to_be_so(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shown = desk.run("--home", str(tmp_path / "file"), "sources")
    assert shown.status == 1
    assert "inside Rollcall" not in shown.said


@pytest.mark.parametrize(("name", "value"), [("LANG", "zh_CN.UTF-8"), ("LC_ALL", "zh_TW"), ("LC_MESSAGES", "zh")])
def test_the_language_is_that_of_the_shell(desk: Desk, name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert "还没有来源" in desk.run("sources").out
    assert "There is no source" in desk.run("--lang", "en", "sources").out


def test_a_malformed_environment_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_LEASE_S", "soon")
    shown = desk.run("sources")
    assert (shown.status, "ROLLCALL_LEASE_S" in shown.err) == (1, True)


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",), ("help",)])
def test_help_names_every_command(desk: Desk, words: tuple[str, ...]) -> None:
    shown = desk.run(*words)
    assert shown.status == 0
    assert all(" ".join(each.words) in shown.said for each in COMMANDS)


# --- whatever else comes


def test_bytes_that_are_no_text_break_nothing(desk: Desk) -> None:
    odd = os.fsdecode(b"\xff\xfe")
    assert desk.process("record", odd).status == 1
    assert desk.process("--json", odd).status == 2


def test_names_are_shown_whatever_the_encoding_of_the_shell(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.create()
    monkeypatch.setitem(ENVIRONMENT, "PYTHONIOENCODING", "latin-1")
    assert "总部" in desk.process("sources").out
    assert desk.process("sources", "--json").document[0]["name"] == "总部"


def test_an_error_of_ours_is_said_by_its_kind_and_place_alone(hq: Desk) -> None:
    (hq.home / "secrets.json").write_text('{"ann@example.com": 1}', encoding="utf-8")
    shown = hq.run("sync", "now", "hq", "--wait")
    assert shown.status == 1
    assert "inside Rollcall" in shown.said
    assert "ann@" not in shown.said


def test_a_reader_who_goes_away_is_no_error(hq: Desk) -> None:
    process = hq.start("employees", "--json")
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert process.wait(60) in (0, 1, -13)
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
