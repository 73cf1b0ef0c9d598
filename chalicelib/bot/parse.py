"""From words that were typed to a declared command and what it was given."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence

from chalicelib.bot.command import COMMANDS, Command, Given, Parsed
from chalicelib.bot.words import Quoted, is_chinese, joined
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import UsageError
from chalicelib.core.secret import Secret

# From how alike on (0 to 1) a name is worth guessing; Chinese ones are short, one character of two is half.
CLOSE, CLOSE_ZH = 0.6, 0.5
# Shorter aliases than this are no guess at what somebody meant.
GUESSED = 4
# A cron expression that was typed without quotes, and what may stand apart from its number.
CRON_FIELDS = 5
UNITS = ("h", "hour", "hours", "小时", "个小时")
SOURCE = "source"


def parse(
    tokens: Sequence[str],
    lang: Lang,
    secrets: dict[str, Secret] | None = None,
    *,
    sources: Sequence[str] | None = None,
) -> Parsed:
    """Find the command and bind its parameters. `secrets` come from the terminal, already read, by option name.

    `sources` are the handles there are, where a `<source>` may be left out: then the only one is meant, and of several
    one must be chosen.

    Raises:
        UsageError: saying what is missing or unknown, with the usage or a guess.
    """
    # A shell hands over bytes that are no text as halves of surrogate pairs, which nothing further on can write.
    whole = [token if isinstance(token, Quoted) else token.encode(errors="replace").decode() for token in tokens]
    command, rest = _find(whole, lang)
    usage = command.zh_usage if lang is Lang.ZH else command.usage
    free, given, further = _sorted(command, rest, dict(secrets or {}), usage)
    free = _gathered(command, free, sources or ())
    if command.open_options:
        given["further"] = further
    elif further:
        raise UsageError("unknown option", option=next(iter(further)), usage=usage)
    choices: Mapping[str, str] = {}
    if sources is not None:
        at = _left_out(command, free, sources)
        if at is not None and len(sources) == 1:
            free.insert(at, sources[0])
        elif at is not None and sources:
            words = command.zh_words if lang is Lang.ZH else command.words
            choices = {
                each: joined([*words, *free[:at], each, *free[at:], *spelled_options(given)]) for each in sources
            }
            free.insert(at, "")
    _bind(command, free, given, usage)
    for option in command.options.values():
        if option.required and _identifier(option.name) not in given:
            raise UsageError("command is incomplete", usage=usage)
        given.setdefault(_identifier(option.name), None if option.takes else False)
    return Parsed(command=command, given=given, choices=choices)


def _sorted(
    command: Command, rest: Sequence[str], further: dict[str, str | Secret], usage: str
) -> tuple[list[str], dict[str, Given], dict[str, str | Secret]]:
    """Tell apart what is free, the command's options, and further ones."""
    given: dict[str, Given] = {}
    free: list[str] = []
    queue = list(rest)
    while queue:
        token = queue.pop(0)
        if not token.startswith("--"):
            free.append(token)
            continue
        name, joins, value = token[2:].partition("=")
        option = command.options.get(name)
        if option is None and not command.open_options:
            raise UsageError("unknown option", option=name[:40], usage=usage)
        if option is not None and option.takes is None:
            if joins:
                raise UsageError("command takes less", usage=usage)
            given[_identifier(name)] = True
            continue
        if not joins:
            if not queue or queue[0].startswith("--"):
                raise UsageError("command is incomplete", usage=usage)
            value = queue.pop(0)
        if not value:
            raise UsageError("command is incomplete", usage=usage)
        if option is None:
            further[_identifier(name)] = value
        else:
            given[_identifier(name)] = value
    return free, given, further


def _gathered(command: Command, free: list[str], sources: Sequence[str]) -> list[str]:
    """Make one word of what was typed in several and is one: a cron expression, a number and its unit."""
    match [name for name, _, _ in command.params][:1]:
        case ["cron"] if len(free) >= CRON_FIELDS:
            parts = CRON_FIELDS
        case ["cycle"] if len(free) > 1 and free[1].casefold() in UNITS and free[1] not in sources:
            parts = 2
        case _:
            return free
    return [" ".join(free[:parts]), *free[parts:]]


def _left_out(command: Command, free: list[str], sources: Sequence[str]) -> int | None:
    """Tell where among the free words the source should stand, when exactly that was left out.

    After many words it is the last; what names no source is one of the many.
    """
    names = [name for name, _, _ in command.params]
    if names[-1:] == [SOURCE] and any(many for _, _, many in command.params):
        return None if free and free[-1].casefold() in sources else len(free)
    needed = [name for name, is_needed, _ in command.params if is_needed]
    if SOURCE in needed and len(free) == len(needed) - 1:
        return needed.index(SOURCE)
    return None


def spelled_options(given: Mapping[str, Given]) -> Iterator[str]:
    """Spell options as they are typed."""
    for name, value in given.items():
        spelled = f"--{name.replace('_', '-')}"
        if value is True:
            yield spelled
        elif isinstance(value, str):
            yield from (spelled, value)


def _bind(command: Command, free: list[str], given: dict[str, Given], usage: str) -> None:
    for place, (name, needed, many) in enumerate(command.params, start=1):
        if many:  # all but those that what follows takes
            taken = free[: max(0, len(free) - (len(command.params) - place))]
            if needed and not taken:
                raise UsageError("command is incomplete", usage=usage)
            given[name] = tuple(taken)
            free = free[len(taken) :]
        elif free:
            given[name] = free.pop(0)
        elif needed:
            raise UsageError("command is incomplete", usage=usage)
        else:
            given[name] = None
    if free:
        raise UsageError("command takes less", usage=usage)


def _find(tokens: Sequence[str], lang: Lang) -> tuple[Command, Sequence[str]]:
    best = _longest(tokens)
    if best is None and tokens:
        tokens = _unglued(tokens)
        best = _longest(tokens)
    if best is not None:
        return best[0], tokens[best[1] :]
    shown = [token for token in tokens if not token.startswith("-")]
    text = " ".join(shown)[:60]
    guess = _guess(text, lang)
    raise UsageError("unknown command", text=text, hint=_hint(guess, lang), guess=guess)


def _longest(tokens: Sequence[str]) -> tuple[Command, int] | None:
    best: tuple[Command, int] | None = None
    for command in COMMANDS:
        for words in command.spellings():
            typed = tuple(token.casefold() for token in tokens[: len(words)])
            if typed == words and (best is None or len(words) > best[1]):
                best = (command, len(words))
    return best


def named(tokens: Sequence[str]) -> Command | None:
    """Name the command that was typed, also where the rest cannot be understood; None for what is none."""
    best = _longest(tokens) or (_longest(_unglued(tokens)) if tokens else None)
    return best[0] if best else None


def _unglued(tokens: Sequence[str]) -> Sequence[str]:
    """Set off a Chinese command from what was typed after it without a space."""
    first = tokens[0]
    words = [
        name
        for command in COMMANDS
        if command.params
        for name in ("".join(each) for each in command.spellings() if len(each) == 1)
        if is_chinese(name) and first.startswith(name)
    ]
    if not words:
        return tokens
    name = max(words, key=len)
    return (name, first[len(name) :], *tokens[1:])


def _guess(text: str, lang: Lang) -> str:
    """Name the command that was probably meant, or nothing."""
    typed = text.casefold().split()
    names = {" ".join(command.zh_words if lang is Lang.ZH else command.words) for command in COMMANDS}
    aliases = {" ".join(words) for command in COMMANDS for words in command.aliases}
    names |= {each for each in aliases if is_chinese(each) is (lang is Lang.ZH) and len(each) >= GUESSED}

    def likeness(name: str) -> float:
        head = " ".join(typed[: len(name.split())])
        return difflib.SequenceMatcher(None, head, name).ratio()

    ordered = sorted(names)
    close = max(ordered, key=likeness)
    if likeness(close) < (CLOSE_ZH if lang is Lang.ZH else CLOSE):
        close = next((name for name in ordered if typed and name.startswith(typed[0])), "")
    return close


def _hint(close: str, lang: Lang) -> str:
    if close:
        return f"您是不是想输入 `{close}`？" if lang is Lang.ZH else f"Did you mean `{close}`?"
    return "输入 `help` 查看全部命令。" if lang is Lang.ZH else "`help` lists the commands."


def _identifier(name: str) -> str:
    return name.replace("-", "_")
