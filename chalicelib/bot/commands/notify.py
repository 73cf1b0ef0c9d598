"""Who is told what: notices, the weekly digest, the welcome."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from chalicelib.bot.command import Ask, Effect, command, of_source
from chalicelib.core.errors import ConflictError, MalformedError
from chalicelib.core.principal import Role, permits
from chalicelib.core.reply import Line, Pairs, Reply, Table, Tone
from chalicelib.notices.digest import digest

_HERE: Final = frozenset({"here", "这里", "此处", "本群"})
_ON: Final = frozenset({"on", "开", "开启"})
_OFF: Final = frozenset({"off", "关", "关闭"})
_ME: Final = frozenset({"me", "我"})
_USAGE: Final = "`notify <source> here`, `notify <source> off`, `notify me on`, `notify me off`"


def _told_elsewhere(ask: Ask, source: str, where: str) -> Effect | None:
    """Whoever turns notices to another place reads them, or keeps others from reading them."""
    typed = where.casefold()
    if source.casefold() in _ME or typed not in _HERE | _OFF or not permits(ask.who, Role.OWNER):
        return None
    return of_source(ask, source=source)


@command(
    "notify <source> <where>",
    zh="通知 <source> <where>",
    role=Role.VIEWER,
    help=(
        "Send a source's notices here, or off; `notify me on` sends all of them to you",
        "将来源的通知发到本聊天（here）或关闭（off）；`通知 我 开` 发给您本人",
    ),
    aliases=("notices", "提醒"),
    proof=_told_elsewhere,
    noted=True,
)
def notify(ask: Ask, source: str, where: str) -> Reply:
    telling, typed = ask.rooms.telling, where.casefold()
    if source.casefold() in _ME and typed in _ON | _OFF:
        telling.tell_me(ask.who, typed in _ON)
        on = ask.pick("Notices of all sources now go to you too.", "所有来源的通知也会发给您。")
        off = ask.pick("Notices do not go to you any more.", "不再向您发送通知。")
        return _done(on if typed in _ON else off)
    if typed in _OFF:
        telling.tell(ask.who, source, None, ask.lang)
        return _done(ask.pick(f"Notices of {source} go to no chat.", f"{source} 的通知已关闭。"))
    if typed not in _HERE:
        raise MalformedError("where is misread", where=where[:40], usage=_USAGE)
    if ask.heard is None:
        raise ConflictError("only in a chat")
    telling.tell(ask.who, source, ask.heard.address, ask.lang)
    return _done(ask.pick(f"Notices of {source} come here from now on.", f"{source} 的通知将发到这里。"))


@command(
    "digest [source]",
    zh="周报 [source]",
    role=Role.VIEWER,
    help=("Show the last seven days of a source, or of all", "查看来源最近七天的小结"),
    aliases=("week", "小结", "本周"),
)
def digest_(ask: Ask, source: str | None) -> Reply:
    sources = [ask.catalog.source(source)] if source else list(ask.catalog.sources())
    parts = [digest(ask, each, ask.rooms.tasks, ask.rooms.clock.now()) for each in sources]
    data = [{"source": each.handle, "text": _texts(part)} for each, part in zip(sources, parts, strict=True)]
    if len(parts) == 1:
        return replace(parts[0], data=data)
    blocks = tuple(block for part in parts for block in (Line(text=part.title), *part.blocks))
    nothing = Line(text=ask.pick("There is no source yet.", "还没有来源。"))
    return Reply(title=ask.pick("The week", "本周小结"), blocks=blocks or (nothing,), data=data)


@command(
    "digest on <source>",
    zh="开启周报 <source>",
    role=Role.OWNER,
    help=("Send a weekly digest of a source", "每周发送来源小结"),
    aliases=("周报 开",),
    noted=True,
    verb="digest",
)
def digest_on(ask: Ask, source: str) -> Reply:
    ask.rooms.telling.digest(ask.who, source, True)
    return _done(ask.pick(f"A digest of {source} is sent every week.", f"每周发送 {source} 的小结。"))


@command(
    "digest off <source>",
    zh="关闭周报 <source>",
    role=Role.OWNER,
    help=("Send no weekly digest of a source", "不再发送来源小结"),
    aliases=("周报 关",),
    noted=True,
    verb="digest",
)
def digest_off(ask: Ask, source: str) -> Reply:
    ask.rooms.telling.digest(ask.who, source, False)
    return _done(ask.pick(f"No digest of {source} is sent.", f"不再发送 {source} 的小结。"))


@command(
    "welcome on <source>",
    zh="开启欢迎 <source>",
    role=Role.OWNER,
    help=("Greet newly synced members", "向新同步的成员发送欢迎消息"),
    aliases=("欢迎 开",),
    noted=True,
    verb="welcome",
)
def welcome_on(ask: Ask, source: str) -> Reply:
    ask.rooms.telling.welcome(ask.who, source, True)
    return _done(ask.pick(f"New members of {source} are greeted.", f"将欢迎 {source} 的新成员。"))


@command(
    "welcome off <source>",
    zh="关闭欢迎 <source>",
    role=Role.OWNER,
    help=("Do not greet newly synced members", "不再发送欢迎消息"),
    aliases=("欢迎 关",),
    noted=True,
    verb="welcome",
)
def welcome_off(ask: Ask, source: str) -> Reply:
    ask.rooms.telling.welcome(ask.who, source, False)
    return _done(ask.pick(f"New members of {source} are not greeted.", f"不再欢迎 {source} 的新成员。"))


def _texts(reply: Reply) -> list[str]:
    texts: list[str] = []
    for block in reply.blocks:
        match block:
            case Line(text=text):
                texts.append(text)
            case Pairs(pairs=pairs):
                texts += [f"{label}: {value}" for label, value in pairs]
            case Table(rows=rows):
                texts += [" ".join(row) for row in rows]
    return texts


def _done(text: str) -> Reply:
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data={"done": text}, tone=Tone.GOOD)
