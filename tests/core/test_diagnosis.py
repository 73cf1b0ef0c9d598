"""Every cause that a test of a source can find has its words, in both languages, with something that can be done."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from string import Formatter

import pytest

from chalicelib.bot import commands as _commands  # noqa: F401 - importing them declares them
from chalicelib.bot.commands.examine import LABELS
from chalicelib.bot.parse import parse
from chalicelib.connectors.dingtalk.form import FORM as DINGTALK
from chalicelib.connectors.lark.form import FORM as LARK
from chalicelib.core.catalogue import Lang
from chalicelib.core.diagnosis import DIAGNOSES, TRIED, Diagnosis, Means, told
from chalicelib.core.errors import MalformedError, SourceDeniedError, SourceProtocolError, SourceUnavailableError
from chalicelib.core.finding import Check, Finding, Grade, worst
from tests.house.code import ROOT, dotted, modules, nodes

HERE = ROOT / "chalicelib/core/diagnosis.py"
EVERY = pytest.mark.parametrize("cause", DIAGNOSES)
# Said where all is well, so nothing is to be done.
FINE = {
    "a sample is seen",
    "address is set",
    "calls were counted",
    "clock is right",
    "everybody is in range",
    "fields empty in the sample",
    "last event seen",
    "last read as a whole",
    "scope is there",
    "synced by itself next",
}
_COMMAND = re.compile(r"`([^`]+)`")


def texts(diagnosis: Diagnosis, lang: int) -> str:
    return " ".join(each[lang] for each in (diagnosis.came, diagnosis.means.value, diagnosis.do))


def facts(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def asked_for() -> Iterator[str]:
    """Yield the causes that the program names: of findings, and of the errors that become one."""
    for path in modules():
        for node in nodes(path):
            if path == HERE:
                continue
            if isinstance(node, ast.keyword) and node.arg == "cause":
                yield from constants(node.value)
            elif isinstance(node, ast.Call) and dotted(node.func).split(".")[-1] in ("_warning", "_ok"):
                yield from constants(node.args[1])


def constants(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if text:
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from constants(one)
            yield from constants(other)


def test_every_cause_has_its_words() -> None:
    assert set(asked_for()) <= DIAGNOSES.keys()


def test_all_words_are_asked_for() -> None:
    said = {
        node.value
        for path in modules()
        if path != HERE
        for node in nodes(path)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert DIAGNOSES.keys() - said == set()


@EVERY
def test_both_languages_say_the_same(cause: str) -> None:
    diagnosis = DIAGNOSES[cause]
    for english, chinese in (diagnosis.came, diagnosis.do):
        assert facts(english) == facts(chinese)
        assert bool(english) is bool(chinese)
    assert re.search(r"[\u4e00-\u9fff]", texts(diagnosis, 1)) or cause == "address is set"
    assert re.search(r"[A-Za-z]", diagnosis.came[0])


@EVERY
def test_whatever_is_not_well_says_what_it_means_and_what_to_do(cause: str) -> None:
    diagnosis = DIAGNOSES[cause]
    assert bool(diagnosis.do[0]) is (cause not in FINE)
    if cause in FINE:
        assert diagnosis.means is Means.NOTHING


@EVERY
@pytest.mark.parametrize("lang", list(Lang))
def test_what_is_to_be_typed_can_be_typed(cause: str, lang: Lang) -> None:
    text = DIAGNOSES[cause].do[lang is Lang.ZH].replace("{handle}", "hq")
    for typed in _COMMAND.findall(text):
        assert parse(tuple(typed.split()), lang).given.get("source") == "hq", typed


@EVERY
def test_every_page_of_a_console_is_called_what_the_vendor_calls_it(cause: str) -> None:
    pages = {name.removeprefix("page_") for name in facts(texts(DIAGNOSES[cause], 0)) if name.startswith("page_")}
    assert pages <= LARK.console.keys() or pages <= DINGTALK.console.keys()


def test_every_check_has_a_name_and_says_what_was_tried() -> None:
    assert set(TRIED) == set(LABELS) == set(Check)


def test_an_error_that_nobody_expects_is_told_with_its_ticket() -> None:
    error = SourceDeniedError("something new", code=123, request_id="r-9")
    finding = Finding.failed(Check.RANGE, error)
    words = told(finding, Lang.EN, {}, {"handle": "hq"})
    assert "123" in words.came
    assert "r-9" in words.came
    assert "report" in words.do


@pytest.mark.parametrize(
    ("problem", "cause"),
    [
        ("no such host", "host not found"),
        ("refused", "host refuses us"),
        ("certificate", "certificate refused"),
        ("timeout", "host does not answer"),
        ("connection", "host does not answer"),
        ("no JSON, HTTP 200", "host is not the vendor"),
        ("no JSON, HTTP 404", "host is not the vendor"),
        ("no JSON, HTTP 502", "vendor is down"),
        ("HTTP 503", "vendor is down"),
        ("code 2200", "vendor is down"),
    ],
)
def test_why_nothing_came_back_is_told_apart(problem: str, cause: str) -> None:
    finding = Finding.failed(Check.RANGE, SourceUnavailableError("source unavailable", endpoint="x", problem=problem))
    assert (finding.check, finding.cause, finding.grade) == (Check.NETWORK, cause, Grade.FAILED)


def test_an_answer_of_another_make_is_of_another_host_only_where_it_must_be() -> None:
    token = SourceProtocolError("source broke its contract", endpoint="x", problem="no token in the answer")
    assert Finding.failed(Check.CREDENTIALS, token).check is Check.NETWORK
    other = SourceProtocolError("source broke its contract", endpoint="x", problem="has_more is not a flag")
    assert Finding.failed(Check.SAMPLE, other).check is Check.SAMPLE


def test_the_worst_of_all_is_what_counts() -> None:
    ok, warning, failed = (Finding(check=Check.RANGE, grade=grade) for grade in Grade)
    assert worst([]) is Grade.OK
    assert worst([ok, warning, ok]) is Grade.WARNING
    assert worst([warning, failed, ok]) is Grade.FAILED
    assert failed.softened().grade is Grade.WARNING


def test_a_command_that_is_none_would_be_noticed() -> None:
    with pytest.raises(MalformedError):
        parse(("no", "such", "command"), Lang.EN)
