from __future__ import annotations

import pytest

from chalicelib.bot.command import COMMANDS
from chalicelib.bot.commands.help import GROUPS, group_of
from chalicelib.core.catalogue import Lang
from tests.bot.talk import LANGS, Talk, words
from tests.scripted import House


@pytest.mark.parametrize("lang", LANGS)
def test_help_names_every_command_in_the_language_asked_for(lang: Lang) -> None:
    said = words(Talk(House(), lang).type("help"))
    for each in COMMANDS:
        assert (each.zh_usage if lang is Lang.ZH else each.usage) in said
        assert each.help[lang is Lang.ZH] in said


def test_every_command_belongs_to_one_group_of_the_help_in_a_chat() -> None:
    files = [each for _, group in GROUPS for each in group]
    assert len(set(files)) == len(files)
    assert {group_of(each) for each in COMMANDS} == set(files)


def test_the_document_of_help_tells_who_may_do_what() -> None:
    document = Talk(House()).data("帮助")
    assert [each["usage"] for each in document] == [each.usage for each in COMMANDS]
    assert {each["role"] for each in document} == {"viewer", "operator", "owner"}
