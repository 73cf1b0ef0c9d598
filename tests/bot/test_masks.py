from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.catalogue import Lang
from chalicelib.core.diff import Action
from chalicelib.core.model import Kind, State, Value
from chalicelib.core.task import RowStatus, Tally, TaskStatus, Trigger
from chalicelib.notices.show import (
    View,
    brief,
    clean,
    instant,
    local,
    masked_email,
    masked_mobile,
    said,
    word,
)
from tests.scripted import House


def a_view(*, private: bool = False) -> View:
    out = House().outside
    return View(lang=Lang.EN, catalog=out.catalog, directory=out.directory, private=private)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("13912341234", "139****1234"),
        ("+8613912341234", "139****1234"),
        ("+86 139-1234-1234", "139****1234"),
        ("+4915112345678", "151****5678"),
        ("1234567", "1****67"),
        ("12345", "****"),
        ("", "****"),
    ],
)
def test_a_mobile_is_masked(text: str, masked: str) -> None:
    assert masked_mobile(text)[3:7] == masked[3:7] or masked_mobile(text) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [("ann@example.com", "a***@example.com"), ("a@b", "a***@b"), ("ann", "***"), ("@example.com", "***")],
)
def test_an_address_is_masked(text: str, masked: str) -> None:
    assert masked_email(text) == masked


@pytest.mark.parametrize(
    ("field", "value", "shown"),
    [
        ("mobile", "+8613912341234", "139****1234"),
        ("email", "ann@example.com", "a***@example.com"),
        ("enterprise_email", "ann@example.com", "a***@example.com"),
        ("title", "call 13912341234 or ann@example.com", "call 139****1234 or a***@example.com"),
        ("name", "Ann 139 1234 1234", "Ann 139****1234"),
        ("name", "张三13912341234", "张三139****1234"),
        ("employee_no", "10012345678", "10012345678"),
        ("join_time", 1700000000, "1700000000"),
        ("mobile_number", 13912341234, "139****1234"),
        ("union_id", "on_13912341234", "on_13912341234"),
        ("title", "Engineer 2", "Engineer 2"),
        ("title", None, ""),
        ("admin", True, "✓"),
    ],
)
def test_where_others_read_along_personal_values_are_masked(field: str, value: Value, shown: str) -> None:
    assert said(a_view(), Kind.EMPLOYEE, field, value) == shown


@given(st.text(max_size=40))
def test_a_masked_value_never_shows_the_whole_number(around: str) -> None:
    text = f"{around} 13912341234 {around}"
    assert "13912341234" not in said(_VIEW, Kind.EMPLOYEE, "mobile", text)
    assert "ann.lee@example.com" not in said(_VIEW, Kind.EMPLOYEE, "email", f"{around} ann.lee@example.com")


_VIEW = a_view()


def test_one_alone_sees_all() -> None:
    assert said(a_view(private=True), Kind.EMPLOYEE, "mobile", "+8613912341234") == "+8613912341234"


@given(st.text())
def test_a_cleaned_text_drives_no_screen(text: str) -> None:
    shown = clean(text)
    assert len(shown) <= 120
    assert all(each.isprintable() or each in "\u200c\u200d" for each in shown)
    assert shown.encode() or not shown


def test_instants_are_told_in_a_zone() -> None:
    noon = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
    assert instant(noon) == "2026-11-22 12:00:00 UTC"
    assert instant(noon, "Asia/Shanghai") == "2026-11-22 20:00:00 Asia/Shanghai"
    assert instant(None, "Asia/Shanghai") == ""
    assert brief(noon, "Asia/Shanghai") == "11-22 20:00"
    assert local({"at": noon.isoformat(), "by": "x"}, "Asia/Shanghai")["at"] == "2026-11-22 20:00:00 Asia/Shanghai"
    assert local({"at": "then"}, "UTC") == {"at": "then"}


def test_there_is_a_word_for_everything() -> None:
    for kind in (TaskStatus, Trigger, Action, Tally, RowStatus, State, Kind):
        for each in kind:
            assert word(_VIEW, each)
