"""Typing at the bot, with a made-up company behind it."""

from __future__ import annotations

import io
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from chalicelib import wiring
from chalicelib.bot import commands as _commands  # noqa: F401 - importing them declares them
from chalicelib.bot.answer import Bot, refusal
from chalicelib.bot.parse import parse
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import RollcallError
from chalicelib.core.principal import TERMINAL, Principal
from chalicelib.core.reply import Line, Pairs, Reply, Table
from chalicelib.core.secret import Secret
from chalicelib.terminal.screen import Screen
from tests.scripted import House

LANGS = tuple(Lang)


@dataclass
class Talk:
    """One person typing; what they type is split as a shell does."""

    house: House
    lang: Lang = Lang.EN
    who: Principal = TERMINAL

    def type(self, text: str, secrets: Mapping[str, Secret] | None = None) -> Reply:
        """
        Raises:
            RollcallError: what the bot refuses.
        """
        parsed = parse(shlex.split(text), self.lang, dict(secrets or {}))
        return Bot(rooms=wiring.rooms()).answer(self.who, self.lang, parsed)

    def data(self, text: str) -> Any:
        """Give the document of an answer, which any JSON reader takes."""
        return self.type(text).data

    def refused(self, text: str, secrets: Mapping[str, Secret] | None = None) -> str:
        """Give the words of a refusal; an answer is an error."""
        try:
            self.type(text, secrets)
        except RollcallError as error:
            return words(refusal(error, self.lang))
        raise AssertionError(f"answered: {text}")


def words(reply: Reply) -> str:
    """Everything that a reply gives to read."""
    said: list[str] = []
    for block in reply.blocks:
        match block:
            case Line(text=text):
                said.append(text)
            case Table(columns=columns, rows=rows, caption=caption):
                said += [caption, *columns, *(cell for row in rows for cell in row)]
            case Pairs(pairs=pairs, caption=caption):
                said += [caption, *(each for pair in pairs for each in pair)]
    return "\n".join(said)


def cells(reply: Reply) -> Sequence[Sequence[str]]:
    """The rows of the one table of a reply."""
    (rows,) = [block.rows for block in reply.blocks if isinstance(block, Table)]
    return rows


def drawn(reply: Reply) -> str:
    """What a terminal without colours would show."""
    console = Console(width=200, record=True, file=io.StringIO(), highlight=False)
    Screen(out=console, as_json=False).show(reply)
    return console.export_text()
