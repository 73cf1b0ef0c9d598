"""One-time pages over every Table."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.core.catalogue import Lang
from chalicelib.core.message import Address
from chalicelib.core.page import LogoChoice, Saved, Shown, Step, Visit
from chalicelib.core.ports import Pages, Table
from chalicelib.store.pages import TablePages
from tests.builders import HQ, NOON, at


@pytest.fixture
def pages(table: Table) -> Pages:
    return TablePages(table=table)


def a_visit(visit_id: str = "v1") -> Visit:
    return Visit(
        visit_id=visit_id,
        source=HQ,
        person="ou_ann",
        to=Address(source=HQ, chat="oc_1", person="ou_ann", thread="om_1"),
        lang=Lang.ZH,
        edits="src-2",
        code="salt:digest",
        made_at=NOON,
        expires_at=NOON + timedelta(minutes=10),
    )


def test_a_visit_comes_back_as_it_was(pages: Pages) -> None:
    full = replace(
        a_visit(),
        step=Step.DONE,
        tries=3,
        session="d" * 64,
        answers={"name": "总部", "x.app_id": "cli_1", "description": ""},
        logo=LogoChoice.GIVEN,
        saving_until=at(30),
        saved=Saved(
            source="src-2",
            enabled=False,
            changed=False,
            findings=(Shown(grade="failed", en=("a", "b", "c", "d"), zh=("甲", "乙", "丙", "丁")),),
        ),
    )
    for visit in (a_visit("v2"), full):
        pages.add(visit)
        assert pages.visit(visit.visit_id) == visit


@pytest.mark.parametrize("visit_id", ["", "nobody", "x" * 5000])
def test_there_is_no_other_visit(pages: Pages, visit_id: str) -> None:
    pages.add(a_visit())
    assert pages.visit(visit_id) is None


def test_of_two_changes_of_the_same_row_one_is_made(pages: Pages) -> None:
    pages.add(a_visit())
    before = a_visit()
    assert pages.change(before, replace(before, step=Step.FORM, session="first"))
    assert not pages.change(before, replace(before, step=Step.FORM, session="second"))
    now = pages.visit("v1")
    assert now is not None
    assert (now.session, now.revision) == ("first", 1)
    assert pages.change(now, replace(now, step=Step.REVIEW))


def test_a_logo_is_kept_beside_its_visit_and_dropped(pages: Pages) -> None:
    picture = bytes(range(256)) * 480  # as large as a logo may be
    assert pages.logo("v1") == b""
    pages.keep_logo(a_visit(), picture)
    assert pages.logo("v1") == picture
    assert pages.logo("v2") == b""
    pages.keep_logo(a_visit(), b"")
    assert pages.logo("v1") == b""


def test_the_key_is_named_once(pages: Pages) -> None:
    assert pages.key_name() is None
    assert pages.name_key("pages-1") == "pages-1"
    assert pages.name_key("pages-2") == "pages-1"
    assert pages.key_name() == "pages-1"
