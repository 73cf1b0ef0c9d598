from __future__ import annotations

import inspect

import pytest

from chalicelib.bot import commands as _commands  # noqa: F401 - importing them declares them
from chalicelib.bot.command import COMMANDS, Command, Option, command
from chalicelib.core.principal import Role
from chalicelib.core.reply import Reply

EVERY = pytest.mark.parametrize("declared", COMMANDS, ids=lambda each: " ".join(each.words))


@pytest.fixture
def declared_here() -> list[Command]:
    """What a test declares, and takes away again."""
    before = len(COMMANDS)

    @command(
        "lamp turn <room> [colour] [who...] --switch <to> [--slow] [--for <time>] [--...]",
        zh="开灯 <room> [colour] [who...] --switch <to> [--slow] [--for <time>] [--...]",
        role=Role.VIEWER,
        help=("Turn", "开"),
    )
    def turn() -> Reply:
        return Reply(blocks=(), data=None)

    made = COMMANDS[before:]
    del COMMANDS[before:]
    return made


def test_a_usage_is_read_into_words_parameters_and_options(declared_here: list[Command]) -> None:
    (lamp,) = declared_here
    assert (lamp.words, lamp.zh_words) == (("lamp", "turn"), ("开灯",))
    assert lamp.params == (("room", True, False), ("colour", False, False), ("who", False, True))
    assert lamp.options == {
        "switch": Option(name="switch", takes="to", required=True),
        "slow": Option(name="slow", takes=None, required=False),
        "for": Option(name="for", takes="time", required=False),
    }
    assert lamp.open_options


def test_both_languages_take_the_same_things() -> None:
    with pytest.raises(ValueError, match="different things"):

        @command("lamp turn <room>", zh="开灯 <house>", role=Role.VIEWER, help=("Turn", "开"))
        def turn() -> Reply:
            raise NotImplementedError


@EVERY
def test_a_command_takes_what_its_usage_says(declared: Command) -> None:
    wanted = {name for name, _, _ in declared.params} | {name.replace("-", "_") for name in declared.options}
    wanted |= {"further"} if declared.open_options else set()
    assert set(inspect.signature(declared.do).parameters) == {"ask", *wanted}


@EVERY
def test_a_command_is_explained_in_both_languages(declared: Command) -> None:
    english, chinese = declared.help
    assert english.isascii()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in chinese)


@EVERY
def test_what_changes_something_is_not_for_viewers(declared: Command) -> None:
    # `notify me` is for everybody; its verb asks for an owner where a source is meant.
    looks = {
        *(
            "help",
            "menu",
            "status",
            "sources",
            "source show",
            "records",
            "record",
            "audit",
            "employees",
            "employee show",
        ),
        *("who", "why", "departments", "notify", "digest", "confirm", "mapping", "scope", "matching"),
    }
    assert (declared.role is Role.VIEWER) == (declared.name in looks)
