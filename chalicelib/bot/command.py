"""What a command is: declared once, typed in chat and in the terminal alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from chalicelib.core.message import Message
from chalicelib.core.ports import Audit, Catalog, Chats, Clock, Connectors, Directory, Tasks
from chalicelib.core.principal import Principal, Role
from chalicelib.core.reply import Block, Reply
from chalicelib.core.secret import Secret
from chalicelib.notices.settings import Telling
from chalicelib.notices.show import View
from chalicelib.sources.admins import Admins
from chalicelib.sources.budget import Budgets
from chalicelib.sources.delete import Deletions
from chalicelib.sources.forget import Forgetting
from chalicelib.sources.linking import Linking
from chalicelib.sources.links import Links
from chalicelib.sources.mapping import Mappings
from chalicelib.sources.room import Sources
from chalicelib.sources.scope import Scoping
from chalicelib.sync.request import Requests

Given = str | bool | Secret | tuple[str, ...] | Mapping[str, str | Secret] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """What commands may use. `public_url` is the address under which vendors reach us, where it is known."""

    requests: Requests
    sources: Sources
    admins: Admins
    mappings: Mappings
    linking: Linking
    scoping: Scoping
    deletions: Deletions
    forgetting: Forgetting
    telling: Telling
    links: Links
    budgets: Budgets
    catalog: Catalog
    connectors: Connectors
    directory: Directory
    tasks: Tasks
    chats: Chats
    audit: Audit
    clock: Clock
    public_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask(View):
    """One command, asked by somebody through some door.

    `heard` is the message in a chat that it came in, None in the terminal. `documents`: whoever asked is a program too,
    and the reply's document is to hold everything; otherwise it may be None, and no more is read than is shown. `tell`
    shows a block at once; what was told so does not stand in the reply.
    """

    who: Principal
    rooms: Rooms
    heard: Message | None = None
    documents: bool = True
    tell: Callable[[Block], None] | None = None

    @property
    def once(self) -> str | None:
        """Name what a message starts, so that its repetition starts nothing more."""
        return f"said:{self.heard.message_id}" if self.heard else None

    @property
    def page_rows(self) -> int:
        """How many rows of a table are shown at once: a phone is small."""
        return 10 if self.heard else 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a dangerous command would do: `employees` lose access by it, in the source with this uid.

    `name` is what must be typed to confirm it, "" where a yes is enough.
    """

    source: str
    employees: int
    blocks: tuple[Block, ...]
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What a one-time page is for: to edit the source of a handle, or to create one. `answers` fill its form in."""

    edits: str = ""
    answers: Mapping[str, str] = field(default_factory=dict)


def of_source(ask: Ask, *, source: str, **_: object) -> Effect:
    """Name the source that a command is about, which takes nothing from anybody."""
    return Effect(source=ask.catalog.source(source).uid, employees=0, blocks=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    name: str
    takes: str | None
    required: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A declared command. `usage` is the pattern as written; `waits`: the terminal runs its task to the end.

    `aliases` are other words for it, in both languages. `danger` tells what it would do before it is confirmed, None
    where it is harmless this time; `proof` the same of what is confirmed only where the vendor's signature does not
    cover who spoke, because it widens rights or loosens a guard. `noted`: its verb writes the audit line, under the
    name `verb` where that is not its own. `audits`: the right to read the audit log is wanted besides the role.
    `personal`: it shows what only one person is to see; so where the signature does not cover who spoke, the answer to
    what was said in private goes to that person by their id, not to the place that the message names. `pages`: what it
    shows takes the place of the card that it was pressed on, if it has no pages or one is asked for. `in_chat` is False
    for what wants files or secrets. With `errand` a chat answers with a link to a one-time page, where it is done.
    """

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
    aliases: tuple[tuple[str, ...], ...] = ()
    danger: Callable[..., Effect | None] | None = None
    proof: Callable[..., Effect | None] | None = None
    noted: bool = False
    verb: str = ""
    audits: bool = False
    personal: bool = False
    pages: bool = False
    in_chat: bool = True
    errand: Callable[..., Errand] | None = None

    @property
    def name(self) -> str:
        return " ".join(self.words)

    def spellings(self) -> Iterator[tuple[str, ...]]:
        """Yield every way to name it."""
        yield self.words
        yield self.zh_words
        yield from self.aliases


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """`choices`: the source was left out; the command as it would be typed for each."""

    command: Command
    given: Mapping[str, Given] = field(default_factory=dict)
    choices: Mapping[str, str] = field(default_factory=dict)


COMMANDS: list[Command] = []

_TOKEN = re.compile(
    r"\[--\.\.\.\]|\[--[a-z-]+(?: <[a-z-]+>)?\]|--[a-z-]+ <[a-z-]+>|\[[a-z]+(?:\.\.\.)?\]|<[a-z]+(?:\.\.\.)?>|\S+"
)


def command(
    usage: str,
    *,
    zh: str,
    role: Role,
    help: tuple[str, str],
    aliases: tuple[str, ...] = (),
    waits: bool = False,
    danger: Callable[..., Effect | None] | None = None,
    proof: Callable[..., Effect | None] | None = None,
    noted: bool = False,
    verb: str = "",
    audits: bool = False,
    personal: bool = False,
    pages: bool = False,
    in_chat: bool = True,
    errand: Callable[..., Errand] | None = None,
) -> Callable[[Callable[..., Reply]], Callable[..., Reply]]:
    """Declare a command.

    `usage` is words, then `<needed>`, `[optional]`, `[many...]`, `<some...>`, and options `[--flag]`,
    `[--name <value>]`, `--name <value>`; `[--...]` takes any further options. The function, `danger` and `proof` get
    them by these names, with `-` as `_`; the further ones as `further`. A `<source>` left out is the only one there is.
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
                aliases=tuple(tuple(each.split()) for each in aliases),
                danger=danger,
                proof=proof,
                noted=noted,
                verb=verb,
                audits=audits,
                personal=personal,
                pages=pages,
                in_chat=in_chat,
                errand=errand,
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
        elif token.startswith(("[", "<")):
            named = token.strip("[]<>")
            params.append((named.removesuffix("..."), token.startswith("<"), named.endswith("...")))
        else:
            words.append(token)
    return tuple(words), tuple(params), options, is_open
