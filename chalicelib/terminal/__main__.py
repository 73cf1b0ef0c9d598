"""`rollcall`: read the arguments, run the command, show the answer, say by the exit status how it went."""

from __future__ import annotations

import base64
import getpass
import io
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from chalicelib import wiring
from chalicelib.bot.answer import Bot, losing, refusal
from chalicelib.bot.command import Ask, Effect, Parsed, Rooms
from chalicelib.bot.commands.setup import LOGO, begun, created_reply, edited_reply, named_fields
from chalicelib.bot.commands.sync import finished
from chalicelib.bot.parse import parse
from chalicelib.core.catalogue import Lang
from chalicelib.core.errors import ContractError, MalformedError, RollcallError, UsageError
from chalicelib.core.principal import TERMINAL
from chalicelib.core.reply import Line, Reply, Tone
from chalicelib.core.secret import Secret
from chalicelib.core.task import SyncTask, TaskStatus, Trigger
from chalicelib.log import place
from chalicelib.terminal.interview import Interview
from chalicelib.terminal.screen import Screen
from chalicelib.terminal.serve import serve
from chalicelib.terminal.wait import wait_for

DONE, FAILED, USAGE, HELD = 0, 1, 2, 3
LARGEST_SECRET_BYTES = 64 * 1024
# A little more than a logo may have, to tell.
LARGEST_LOGO_BYTES = 128 * 1024
WIDTH_IN_A_PIPE = 160
_NAME = "name"
_YES = frozenset({"y", "yes", "是"})

INTRODUCTION = (
    "rollcall [--home DIR | --stage STAGE] [--lang en|zh] [--json] [--yes] COMMAND\n\n"
    "Keeps one true directory of departments and employees. Commands:"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What belongs to the terminal itself, wherever it stands among the arguments."""

    home: str | None
    stage: str | None
    lang: Lang
    as_json: bool
    is_sure: bool
    rest: tuple[str, ...]


def main(argv: Sequence[str] | None = None) -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # names are in Chinese, whatever the shell's own encoding is
            stream.reconfigure(encoding="utf-8", errors="replace")
    status = run(tuple(sys.argv[1:] if argv is None else argv))
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read us has seen enough; the interpreter must not try once more at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if threading.active_count() > 1:
        # Threads that wait for a vendor, minutes if it hangs, and would be waited for; what they did is kept (law 8).
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)


def run(argv: Sequence[str]) -> int:
    """Do one command; return the exit status."""
    lang, as_json = _language(), "--json" in argv
    screen = Screen(out=Console(width=_width(), highlight=False), as_json=as_json)
    stage: str | None = None
    try:
        options = _options(argv)
        lang, stage = options.lang, options.stage
        if options.home:
            os.environ["ROLLCALL_HOME"] = options.home
        if stage:
            wiring.enter(stage)
        if options.rest[:1] == ("serve",):
            return serve(options.rest[1:], screen)
        return _command(options, screen)
    except BrokenPipeError:
        return DONE
    except KeyboardInterrupt:
        screen.note(
            "interrupted; what is done is kept, and the deployment goes on with it"
            if stage
            else "interrupted; what is done is kept, the next command or `rollcall serve` goes on with it"
        )
        return FAILED
    except RollcallError as error:
        screen.show(refusal(error, lang), to_errors=True)
        return USAGE if isinstance(error, UsageError) else FAILED
    except Exception as error:
        # What a foreign error says may quote people or secrets: only its kind and place are shown.
        known = (wiring.understood(error) if stage else None) or ContractError(
            "internal error", kind=f"{type(error).__name__} {place(error)}"
        )
        screen.show(refusal(known, lang), to_errors=True)
        return FAILED


def _command(options: Options, screen: Screen) -> int:
    tokens, secrets = _secrets(options.rest)
    if not tokens or tokens[0] in ("-h", "--help"):
        screen.note(INTRODUCTION)
        tokens = ("help",)
    parsed = parse(tokens, options.lang, secrets)
    rooms = wiring.rooms()
    ask = Ask(
        who=TERMINAL,
        lang=options.lang,
        rooms=rooms,
        catalog=rooms.catalog,
        directory=rooms.directory,
        documents=screen.as_json,
    )
    bot = Bot(rooms=rooms)
    if parsed.command.danger and not _is_confirmed(parsed, bot, ask, screen, is_sure=options.is_sure):
        screen.note(ask.pick("nothing was done", "未执行"))
        return FAILED
    if _is_asked_for(parsed, rooms) and not options.is_sure and _is_somebody_there():
        return _interview(parsed, ask, screen)
    tell = None if screen.as_json else screen.tell
    reply = bot.answer(TERMINAL, options.lang, parsed, documents=screen.as_json, tell=tell)
    if reply.task is None:
        screen.show(reply)
        return FAILED if reply.failed else DONE
    task = rooms.tasks.get(reply.task)
    if _is_waited_for(parsed):
        if not screen.as_json:
            screen.show(reply)
        # A deployment has workers of its own: there we watch.
        runner = None if options.stage else wiring.runner()
        task = wait_for(task, wiring.outside(), runner, screen, options.lang)
        reply = finished(ask, task)
        if task.trigger is Trigger.DELETION and rooms.deletions.go_on(task.source):
            screen.note(ask.pick("the source is deleted", "来源已删除"))
    elif not task.status.is_over:
        screen.note(
            ask.pick("the deployment runs it; --wait watches it", "由部署环境执行；加 --wait 在此等待结果")
            if options.stage
            else ask.pick(
                "`rollcall serve` runs it; with --wait it runs here", "由 `rollcall serve` 执行；加 --wait 在此执行"
            )
        )
    screen.show(reply)
    return _status(task)


def _is_asked_for(parsed: Parsed, rooms: Rooms) -> bool:
    """Tell whether a source is to be set up with less than it needs: then there are questions."""
    given = parsed.given
    further = given.get("further")
    if parsed.command.name == "source edit":
        return not (further or given.get("description") or given.get("activate") or given.get("name"))
    if parsed.command.name != "source create":
        return False
    kind = given.get("kind")
    if not given.get("handle") or not given.get("name") or not isinstance(kind, str):
        return True
    known = next((form for form in rooms.connectors.forms() if form.kind == kind), None)
    named = further if isinstance(further, Mapping) else {}
    return known is not None and any(each.required and each.name not in named for each in known.fields)


def _interview(parsed: Parsed, ask: Ask, screen: Screen) -> int:
    """Ask for what a source is to be, show it, and save it if that is said."""
    interview = Interview(ask=ask, screen=screen, read=_typed, unseen=getpass.getpass)
    # Whether it is to be active is asked at the end.
    given: dict[str, Any] = {name: value for name, value in parsed.given.items() if name != "activate"}
    source = ask.catalog.source(given["source"]) if parsed.command.name == "source edit" else None
    try:
        draft = interview.create(begun(**given), named_fields(given)) if source is None else interview.edit(source)
    except (KeyboardInterrupt, EOFError):
        screen.note("")
        draft = None
    if draft is None:
        screen.note(ask.pick("nothing was saved", "未保存"))
        return FAILED
    if source is not None:
        reply = edited_reply(ask, ask.rooms.sources.edit(TERMINAL, source.handle, draft))
    else:
        reply = created_reply(ask, ask.rooms.sources.create(TERMINAL, draft, activate_gate=True))
    screen.show(reply)
    return FAILED if reply.failed else DONE


def _typed() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


def _is_somebody_there() -> bool:
    """Tell whether a person can be asked; a script says what it means by the command itself."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _is_confirmed(parsed: Parsed, bot: Bot, ask: Ask, screen: Screen, *, is_sure: bool) -> bool:
    """Ask whether a dangerous command is meant; what wants a name is never done without it.

    Raises:
        MalformedError: a name is wanted, and nobody can be asked for it.
    """
    is_asked = not is_sure and _is_somebody_there()
    if not is_asked and _NAME not in parsed.command.options:
        return True
    effect = bot.effect(TERMINAL, ask.lang, parsed)
    if effect is None or (effect.name and parsed.given.get(_NAME) == effect.name):
        return True
    if is_asked:
        return _is_meant(effect, ask, screen)
    if effect.name:
        raise MalformedError("type the name")
    return True


def _is_meant(effect: Effect, ask: Ask, screen: Screen) -> bool:
    lost = losing(ask, effect.employees)
    screen.show(Reply(blocks=(*effect.blocks, Line(text=lost, tone=Tone.WARN)), data=None), as_text=True)
    if effect.name:
        screen.ask(ask.pick(f"Type {effect.name} to go on: ", f"如需继续，请输入 {effect.name}："))
        return sys.stdin.readline().strip() == effect.name
    screen.ask(ask.pick("Go on? [y/N] ", "继续吗？[y/N] "))
    return sys.stdin.readline().strip().casefold() in _YES


def _is_waited_for(parsed: Parsed) -> bool:
    return parsed.command.waits or bool(parsed.given.get("wait"))


def _status(task: SyncTask) -> int:
    match task.status:
        case TaskStatus.FAILED | TaskStatus.CANCELLED:
            return FAILED
        case TaskStatus.HELD:
            return HELD
        case _:
            return DONE


def _options(argv: Sequence[str]) -> Options:
    home: str | None = None
    stage: str | None = None
    lang, as_json, is_sure = _language(), False, False
    rest: list[str] = []
    queue = list(argv)
    while queue:
        word = queue.pop(0)
        name, joined, value = word.partition("=")
        if name == "--json":
            as_json = True
        elif word == "--yes":
            is_sure = True
        elif name in ("--home", "--stage", "--lang"):
            if not joined:
                if not queue:
                    raise UsageError("command is incomplete", usage=f"{name} ...")
                value = queue.pop(0)
            if name == "--home":
                home = value
            elif name == "--stage":
                stage = value
            elif value in tuple(Lang):
                lang = Lang(value)
            else:
                raise UsageError("command is incomplete", usage="--lang en | --lang zh")
        else:
            rest.append(word)
    if home and stage:
        raise UsageError("command is incomplete", usage="--home DIR | --stage STAGE")
    if stage and rest[:1] == ["serve"]:
        raise UsageError("command takes less", usage="serve [--host 127.0.0.1] [--port 8400]")
    return Options(home=home, stage=stage, lang=lang, as_json=as_json, is_sure=is_sure, rest=tuple(rest))


def _secrets(tokens: Sequence[str]) -> tuple[tuple[str, ...], dict[str, Secret]]:
    """Read `--NAME-file F` into the secret NAME; `-` is standard input. Secrets never stand among the arguments."""
    rest: list[str] = []
    secrets: dict[str, Secret] = {}
    queue = list(tokens)
    while queue:
        token = queue.pop(0)
        name, joined, value = token.partition("=")
        if not (name.startswith("--") and name.endswith("-file")):
            rest.append(token)
            continue
        if not joined:
            if not queue:
                raise UsageError("command is incomplete", usage=f"{name} FILE")
            value = queue.pop(0)
        field = name[2:].removesuffix("-file").replace("-", "_")
        secrets[field] = _picture(value) if field == LOGO else _read(field, value)
    return tuple(rest), secrets


def _read(field: str, path: str) -> Secret:
    try:
        raw = sys.stdin.buffer.readline() if path == "-" else Path(path).read_bytes()[:LARGEST_SECRET_BYTES]
        return Secret(raw.decode().strip())
    except (OSError, UnicodeDecodeError) as error:
        # The path is not said: it may be the secret itself, typed where its file was wanted.
        raise MalformedError("secret file unreadable", field=field[:40]) from error


def _picture(path: str) -> Secret:
    """Read a logo; it goes the way of what comes from files, as text."""
    try:
        with Path(path).open("rb") as file:
            return Secret(base64.b64encode(file.read(LARGEST_LOGO_BYTES)).decode())
    except OSError as error:
        raise MalformedError("logo is no picture") from error


def _width() -> int | None:
    """Leave the width to the terminal; in a pipe, tables get room enough not to break."""
    return None if sys.stdout.isatty() or os.environ.get("COLUMNS") else WIDTH_IN_A_PIPE


def _language() -> Lang:
    spoken = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return Lang.ZH if spoken.lower().startswith("zh") else Lang.EN


if __name__ == "__main__":
    main()
