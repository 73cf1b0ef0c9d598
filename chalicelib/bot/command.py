"""What a command is: declared once, typed in chat and in the terminal alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from chalicelib.core.ports import Catalog, Clock, Connectors, Directory, Tasks
from chalicelib.core.principal import Principal, Role
from chalicelib.core.reply import Reply
from chalicelib.core.secret import Secret
from chalicelib.notices.show import View
from chalicelib.sources.create import Sources
from chalicelib.sync.request import Requests

Given = str | bool | Secret | tuple[str, ...] | Mapping[str, str | Secret] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What commands may use. `public_url` is the address under which vendors reach us, where it is known."""

    requests: Requests
    sources: Sources
    catalog: Catalog
    connectors: Connectors
    directory: Directory
    tasks: Tasks
    clock: Clock
    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(View):
    """One command, asked by somebody through some door."""

    who: Principal
    rooms: Rooms


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    name: str
    takes: str | None
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A declared command. `usage` is the pattern as written; `waits`: the terminal runs its task to the end."""

    usage: str
    words: tuple[str, ...]
    zh_usage: str
    zh_words: tuple[str, ...]
    params: tuple[tuple[str, bool, bool], ...]
    options: Mapping[str, Option]
    open_options: bool
    role: Role
    help: tuple[str, str]
    waits: bool
    do: Callable[..., Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    command: Command
    given: Mapping[str, Given] = field(default_factory=dict)


COMMANDS: list[Command] = []

_TOKEN = re.compile(r"\[--\.\.\.\]|\[--[a-z-]+(?: <[a-z-]+>)?\]|--[a-z-]+ <[a-z-]+>|\[[a-z]+(?:\.\.\.)?\]|<[a-z]+>|\S+")


def command(
    usage: str, *, zh: str, role: Role, help: tuple[str, str], waits: bool = False
) -> Callable[[Callable[..., Reply]], Callable[..., Reply]]:
    """Declare a command.

    `usage` is words, then `<needed>`, `[optional]`, `[many...]`, and options `[--flag]`, `[--name <value>]`,
    `--name <value>`; `[--...]` takes any further options. The function gets them by these names, with `-` as `_`; the
    further ones as `further`.
    `waits`: the terminal runs the task that the reply names, and shows its end.
    """

    def declare(do: Callable[..., Reply]) -> Callable[..., Reply]:
        words, params, options, is_open = _read(usage)
        zh_words, zh_params, _, _ = _read(zh)
        if [each[0] for each in zh_params] != [each[0] for each in params]:
            raise ValueError(f"{zh} and {usage} take different things")
        COMMANDS.append(
            Command(
                usage=usage,
                words=words,
                zh_usage=zh,
                zh_words=zh_words,
                params=params,
                options=options,
                open_options=is_open,
                role=role,
                help=help,
                waits=waits,
                do=do,
            )
        )
        return do

    return declare


def _read(usage: str) -> tuple[tuple[str, ...], tuple[tuple[str, bool, bool], ...], Mapping[str, Option], bool]:
    words: list[str] = []
    params: list[tuple[str, bool, bool]] = []
    options: dict[str, Option] = {}
    is_open = False
    for token in _TOKEN.findall(usage):
        bare = token.strip("[]")
        if token == "[--...]":  # noqa: S105 - a pattern, not a password
            is_open = True
        elif bare.startswith("--"):
            name, _, takes = bare[2:].partition(" ")
            options[name] = Option(name=name, takes=takes.strip("<>") or None, required=not token.startswith("["))
        elif token.startswith("["):
            params.append((bare.removesuffix("..."), False, bare.endswith("...")))
        elif token.startswith("<"):
            params.append((token.strip("<>"), True, False))
        else:
            words.append(token)
    return tuple(words), tuple(params), options, is_open
