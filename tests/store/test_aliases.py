from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.core.model import Kind, Values
from chalicelib.store import keys
from chalicelib.store.aliases import LONGEST, aliases, fold, questions

TEXTS = st.text(max_size=600)


def of(**values: str | None) -> set[str]:
    return set(aliases(Kind.EMPLOYEE, values))


def test_case_width_and_spacing_do_not_matter() -> None:
    assert fold("  Ａｎｎ\u3000\tLEE ") == fold("ann lee") == "ann lee"
    assert fold("STRASSE") == fold("straße")


def test_a_name_is_found_from_each_of_its_words() -> None:
    assert of(name="Ann Mary O'Neil") == {"ann mary o'neil", "mary o'neil", "o'neil", "neil"}
    assert of(name="Wang Xiaoming") == {"wang xiaoming", "xiaoming"}


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("王小明", {"王小明", "小明"}),
        ("王芳", {"王芳", "芳"}),
        ("欧阳娜娜", {"欧阳娜娜", "阳娜娜", "娜娜"}),
        ("司馬遷", {"司馬遷", "馬遷", "遷"}),
        ("欧阳", {"欧阳", "阳"}),
        ("王", {"王"}),
        ("阿卜杜拉江", {"阿卜杜拉江"}),
        ("王 小明", {"王 小明", "小明"}),
        ("王小明a", {"王小明a"}),
    ],
)
def test_a_chinese_name_is_found_without_its_surname(name: str, texts: set[str]) -> None:
    assert of(name=name) == texts


def test_a_very_long_name_has_few_aliases() -> None:
    assert len(of(name=" ".join(f"w{n}" for n in range(200)))) == 6


@pytest.mark.parametrize(
    ("mobile", "texts"),
    [
        ("+86 138-0013-8000", {"13800138000"}),
        ("+86-13800138000", {"13800138000"}),
        ("+1 (415) 555 0100", {"4155550100"}),
        ("+852 5123 4567", {"51234567"}),
        ("+7 912 345 67 89", {"9123456789"}),
        ("138 0013 8000", {"13800138000"}),
        (None, set()),
    ],
)
def test_a_mobile_is_kept_without_its_country_code(mobile: str | None, texts: set[str]) -> None:
    assert of(mobile=mobile) == texts


def test_only_employees_have_aliases() -> None:
    assert aliases(Kind.DEPARTMENT, {"name": "Kitchen"}) == frozenset()


def test_what_is_no_text_is_no_alias() -> None:
    values: Values = {"name": None, "email": 5, "mobile": "", "employee_no": "  "}
    assert aliases(Kind.EMPLOYEE, values) == frozenset()


def test_a_question_that_looks_like_a_number_is_asked_as_one_too() -> None:
    assert questions("+86 138") == ("+86 138", "86138", "138")
    assert questions("+86 13") == ("+86 13", "8613", "13")
    assert questions("ann") == ("ann",)


@pytest.mark.parametrize("asked", ["+86 138-0013", "86 138 0013", "8613800", "138-0013", "138"])
def test_a_mobile_is_found_with_and_without_its_country_code(asked: str) -> None:
    (kept,) = of(mobile="+86 138-0013-8000")
    assert any(kept.startswith(question) for question in questions(asked))


def test_a_short_number_is_not_taken_for_one_with_a_country_code() -> None:
    assert questions("861234") == ("861234",)


def test_nothing_is_asked_when_there_is_no_text() -> None:
    assert questions(" ") == ()


@given(name=TEXTS, email=TEXTS, mobile=TEXTS)
def test_every_alias_is_a_possible_key_and_finds_its_person(name: str, email: str, mobile: str) -> None:
    for text in of(name=name, email=email, mobile=mobile):
        assert text
        assert len(text) <= LONGEST
        partition, sort = keys.alias(text, "e" + "0" * 20)
        assert sort.startswith(text)
        assert partition == keys.aliases(text)
        assert len(sort.encode()) <= 1024


@given(text=TEXTS)
def test_a_whole_name_finds_its_person(text: str) -> None:
    assert set(questions(text)[:1]) <= of(name=text)
