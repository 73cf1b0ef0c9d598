"""From words that were typed to a declared command and what it was given."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from chalicelib.bot.command import COMMANDS, Command, Given, Parsed
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import UsageError
from chalicelib.core.secret import Secret

# From how alike on (0 to 1) a name is worth guessing; Chinese ones are short, one character of two is half.
CLOSE, CLOSE_ZH = 0.6, 0.5


def parse(tokens: Sequence[str], lang: Lang, secrets: dict[str, Secret] | None = None) -> Parsed:
    """Find the command and bind its parameters. `secrets` come from the terminal, already read, by option name.

    Raises:
        UsageError: saying what is missing or unknown, with the usage or a guess.
    """
    # A shell hands over bytes that are no text as halves of surrogate pairs, which nothing further on can write.
    command, rest = _find([token.encode(errors="replace").decode() for token in tokens], lang)
    usage = command.zh_usage if lang is Lang.ZH else command.usage
    given: dict[str, Given] = {}
    further: dict[str, str | Secret] = dict(secrets or {})
    free: list[str] = []
    queue = list(rest)
    while queue:
        token = queue.pop(0)
        if not token.startswith("--"):
            free.append(token)
            continue
        name, joined, value = token[2:].partition("=")
        option = command.options.get(name)
        if option is None and not command.open_options:
            raise UsageError("unknown option", option=name[:40], usage=usage)
        if option is not None and option.takes is None:
            if joined:
                raise UsageError("command takes less", usage=usage)
            given[_identifier(name)] = True
            continue
        if not joined:
            if not queue or queue[0].startswith("--"):
                raise UsageError("command is incomplete", usage=usage)
            value = queue.pop(0)
        if not value:
            raise UsageError("command is incomplete", usage=usage)
        if option is None:
            further[_identifier(name)] = value
        else:
            given[_identifier(name)] = value
    if command.open_options:
        given["further"] = further
    elif further:
        raise UsageError("unknown option", option=next(iter(further)), usage=usage)
    _bind(command, free, given, usage)
    for option in command.options.values():
        if option.required and _identifier(option.name) not in given:
            raise UsageError("command is incomplete", usage=usage)
        given.setdefault(_identifier(option.name), None if option.takes else False)
    return Parsed(command=command, given=given)


def _bind(command: Command, free: list[str], given: dict[str, Given], usage: str) -> None:
    for name, needed, many in command.params:
        if many:
            given[name] = tuple(free)
            free = []
        elif free:
            given[name] = free.pop(0)
        elif needed:
            raise UsageError("command is incomplete", usage=usage)
        else:
            given[name] = None
    if free:
        raise UsageError("command takes less", usage=usage)


def _find(tokens: Sequence[str], lang: Lang) -> tuple[Command, Sequence[str]]:
    best: tuple[Command, int] | None = None
    for command in COMMANDS:
        for words in (command.words, command.zh_words):
            typed = tuple(token.casefold() for token in tokens[: len(words)])
            if typed == words and (best is None or len(words) > best[1]):
                best = (command, len(words))
    if best is not None:
        return best[0], tokens[best[1] :]
    text = " ".join(token for token in tokens if not token.startswith("-"))[:60]
    raise UsageError("unknown command", text=text, hint=_hint(text, lang))


def _hint(text: str, lang: Lang) -> str:
    typed = text.casefold().split()
    names = sorted({" ".join(command.zh_words if lang is Lang.ZH else command.words) for command in COMMANDS})

    def likeness(name: str) -> float:
        head = " ".join(typed[: len(name.split())])
        return difflib.SequenceMatcher(None, head, name).ratio()

    close = max(names, key=likeness)
    if likeness(close) < (CLOSE_ZH if lang is Lang.ZH else CLOSE):
        close = next((name for name in names if typed and name.startswith(typed[0])), "")
    if close:
        return f"您是不是想输入 `{close}`？" if lang is Lang.ZH else f"Did you mean `{close}`?"
    return "输入 `help` 查看全部命令。" if lang is Lang.ZH else "`help` lists the commands."


def _identifier(name: str) -> str:
    return name.replace("-", "_")
