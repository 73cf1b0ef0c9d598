from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.errors import ConflictError, MalformedError
from chalicelib.core.source import (
    MOST_ENABLED,
    Form,
    FormField,
    Schedule,
    check_handle,
    check_name,
    check_room,
    due,
)
from tests.builders import NOON, a_mapping, a_source, answers_to, at

FORM = Form(
    kind="made-up",
    label=("Made up", "虚构"),
    mapping=a_mapping(),
    fields=(
        FormField(
            name="app_id", label=("App", "应用"), required=True, pattern="cli_[a-z0-9]+", help=("like cli_1", "")
        ),
        FormField(name="host", label=("Host", "主机"), default="https://example.com"),
        FormField(name="app_secret", label=("Secret", "密钥"), secret=True, required=True),
        FormField(name="token", label=("Token", "令牌"), secret=True),
    ),
)


@pytest.mark.parametrize("handle", ["hq", "a", "0", "hq-2", "hq_2", "h" * 32])
def test_a_good_handle_passes(handle: str) -> None:
    check_handle(handle)


@pytest.mark.parametrize("handle", ["", "-hq", "_hq", "HQ", "总部", "h q", "hq\n", "h" * 33, "../hq", "hq#1", "hq.1"])
def test_a_bad_handle_is_refused_by_its_rule(handle: str) -> None:
    with pytest.raises(MalformedError, match="handle breaks its rule"):
        check_handle(handle)


@pytest.mark.parametrize(
    "name", ["总部", "HQ", "ab", "北京-HQ_2", "〇〇公司", "𠮷野家", "䶮公司", "x" * 100, "中" * 100]
)
def test_a_good_name_passes(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "总",
        "x",
        "x" * 101,
        "总 部",
        "总部\n",
        "总部！",
        "[red]hq",
        "hq\x1b",
        "総部㌔",
        "カナ",
        "a\u202eb",
        "\u4dc0\u4dc0",
    ],
)
def test_a_bad_name_is_refused_by_its_rule(name: str) -> None:
    with pytest.raises(MalformedError, match="source name breaks its rule"):
        check_name(name)


@given(st.text(max_size=200))
def test_any_name_is_either_taken_or_refused_by_the_rule(name: str) -> None:
    if 2 <= len(name) <= 100 and all(each in "-_" or (each.isascii() and each.isalnum()) for each in name):
        check_name(name)
    elif not 2 <= len(name) <= 100 or not all(
        each in "-_〇" or each.isalnum() or each >= "\U00020000"  # newer than Python's own table, some of them
        for each in name
    ):
        with pytest.raises(MalformedError, match="source name breaks its rule") as refused:
            check_name(name)
        assert len(str(refused.value.facts["name"])) <= 120


def test_answers_are_completed_with_defaults_and_hold_no_secret() -> None:
    settings = answers_to(FORM, {"app_id": "cli_1"}, {"app_secret"})
    assert settings == {"app_id": "cli_1", "host": "https://example.com"}


@pytest.mark.parametrize(
    ("settings", "secrets", "code"),
    [
        ({}, {"app_secret"}, "setting is missing"),
        ({"app_id": ""}, {"app_secret"}, "setting is missing"),
        ({"app_id": "cli_1"}, set(), "setting is missing"),
        ({"app_id": "cli_1"}, {"token"}, "setting is missing"),
        ({"app_id": "nonsense"}, {"app_secret"}, "setting is misshaped"),
        ({"app_id": "cli_1\n"}, {"app_secret"}, "setting is misshaped"),
        ({"app_id": "cli_1", "colour": "red"}, {"app_secret"}, "unknown setting"),
        ({"app_id": "cli_1"}, {"app_secret", "colour"}, "unknown setting"),
        ({"app_id": "cli_1", "app_secret": "s3cret"}, set(), "secret given as an argument"),
        ({"app_id": "cli_1", "token": "s3cret"}, {"app_secret"}, "secret given as an argument"),
        ({"app_id": "cli_1", "host": "x" * 1001}, {"app_secret"}, "setting is misshaped"),
    ],
)
def test_answers_that_break_the_form_are_refused(settings: dict[str, str], secrets: set[str], code: str) -> None:
    with pytest.raises(MalformedError, match=code) as refused:
        answers_to(FORM, settings, secrets)
    assert "s3cret" not in f"{refused.value} {refused.value.facts}"


def test_a_secret_may_be_plainly_asked_for_but_never_plainly_given() -> None:
    with pytest.raises(MalformedError, match="secret given as an argument"):
        answers_to(FORM, {"app_id": "cli_1", "app_secret": ""}, {"app_secret"})


def test_a_handle_is_used_once_also_by_a_disabled_source() -> None:
    others = [a_source("hq", enabled=False)]
    with pytest.raises(ConflictError, match="handle is taken"):
        check_room(replace(a_source("hq"), uid="another"), others)


def test_the_sixth_enabled_source_is_refused_and_the_five_are_named() -> None:
    others = [a_source(f"s{number}") for number in range(MOST_ENABLED)]
    with pytest.raises(ConflictError, match="too many enabled sources") as refused:
        check_room(a_source("sixth"), others)
    assert refused.value.facts == {"limit": 5, "handles": "s0, s1, s2, s3, s4"}


def test_disabled_sources_do_not_count_and_are_not_counted() -> None:
    four = [a_source(f"s{number}") for number in range(4)]
    check_room(a_source("fifth"), [*four, a_source("off", enabled=False)])
    check_room(a_source("sixth", enabled=False), [*four, a_source("fifth")])


def test_a_source_does_not_stand_in_its_own_way() -> None:
    five = [a_source(f"s{number}", custom=not number) for number in range(5)]
    for each in five:
        check_room(each, five)


def test_only_one_custom_source_can_be_enabled() -> None:
    with pytest.raises(ConflictError, match="too many custom sources") as refused:
        check_room(a_source("second", custom=True), [a_source("first", custom=True)])
    assert refused.value.facts == {"limit": 1, "handles": "first"}
    check_room(a_source("second", custom=True), [a_source("first", custom=True, enabled=False)])
    check_room(a_source("second"), [a_source("first", custom=True)])


DAY = timedelta(hours=24).total_seconds()


@pytest.mark.parametrize(("passed", "wanted"), [(0, False), (DAY - 1, False), (DAY, True), (3 * DAY, True)])
def test_a_sync_is_due_a_cycle_after_the_last_was_asked_for(passed: float, wanted: bool) -> None:
    assert due(a_source(), at(passed)) is wanted
    assert due(a_source(last_asked_at=at(-DAY)), at(passed - DAY)) is wanted


def test_a_disabled_source_or_one_that_is_not_automatic_is_never_due() -> None:
    assert not due(a_source(enabled=False), at(100 * DAY))
    assert not due(replace(a_source(), schedule=Schedule(automatic=False)), at(100 * DAY))


def test_a_clock_that_was_set_back_makes_nothing_due() -> None:
    assert not due(a_source(last_asked_at=at(5 * DAY)), NOON)
