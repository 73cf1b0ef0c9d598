"""What the messages say; that each is asked for with the facts it names is held by tests/house."""

from __future__ import annotations

from string import Formatter

import pytest

from chalicelib.core.catalogue import CATALOGUE, Lang, say
from chalicelib.core.errors import Fact

CODES = sorted(CATALOGUE)


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def some_facts(code: str) -> dict[str, Fact]:
    return {name: f"<{name}>" for text in CATALOGUE[code] for name in placeholders(text)}


@pytest.mark.parametrize("code", CODES)
def test_both_languages_say_the_same_facts(code: str) -> None:
    facts = some_facts(code)
    english, chinese = (say(code, lang, facts) for lang in (Lang.EN, Lang.ZH))
    assert english != chinese
    for text in (english, chinese):
        assert all(fact in text for fact in facts.values() if isinstance(fact, str))
        assert "{" not in text


@pytest.mark.parametrize("code", CODES)
def test_no_message_has_a_place_for_people_or_secrets(code: str) -> None:
    people = {"email", "mobile", "person", "employee", "secret", "token", "password", "value", "text_of_error"}
    assert not {name for text in CATALOGUE[code] for name in placeholders(text)} & people


@pytest.mark.parametrize("code", CODES)
def test_a_message_is_whole_sentences_in_its_language(code: str) -> None:
    english, chinese = CATALOGUE[code]
    assert english == english.strip()
    assert english[0].isupper() or english[0] in "“{"
    assert chinese[-1] in "。？！}"
    assert not any("\u4e00" <= letter <= "\u9fff" for letter in english)


def test_facts_are_put_in_as_they_are() -> None:
    odd = "{names} [red] %s \\ {0.__class__}"
    assert odd in say("no such source", Lang.EN, {"handle": odd})


def test_more_facts_than_a_message_names_do_no_harm() -> None:
    assert "7" in say("no such task", Lang.ZH, {"task": "7", "further": 1})
