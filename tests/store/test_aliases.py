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
    assert of(name="王小明", en_name="Xiaoming Wang") == {"王小明", "xiaoming wang", "wang"}


def test_a_very_long_name_has_few_aliases() -> None:
    assert len(of(name=" ".join(f"w{n}" for n in range(200)))) == 6


@pytest.mark.parametrize(
    ("mobile", "texts"),
    [
        ("+86 138-0013-8000", {"8613800138000", "13800138000"}),
        ("+86-13800138000", {"8613800138000", "13800138000"}),
        ("+1 (415) 555 0100", {"14155550100", "4155550100"}),
        ("+852 5123 4567", {"85251234567", "51234567"}),
        ("+7 912 345 67 89", {"79123456789", "9123456789"}),
        ("138 0013 8000", {"13800138000"}),
        (None, set()),
    ],
)
def test_a_mobile_is_found_with_and_without_its_country_code(mobile: str | None, texts: set[str]) -> None:
    assert of(mobile=mobile) == texts


def test_only_employees_have_aliases() -> None:
    assert aliases(Kind.DEPARTMENT, {"name": "Kitchen"}) == frozenset()


def test_what_is_no_text_is_no_alias() -> None:
    values: Values = {"name": None, "email": 5, "mobile": "", "employee_no": "  "}
    assert aliases(Kind.EMPLOYEE, values) == frozenset()


def test_a_question_that_looks_like_a_number_is_asked_as_one_too() -> None:
    assert questions("+86 138") == ("+86 138", "86138", "138")
    assert questions("ann") == ("ann",)
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
