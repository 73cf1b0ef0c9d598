"""When a source is synced by itself."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from chalicelib.bot.command import Ask, command, of_source
from chalicelib.bot.commands.sources import rhythm, source_document
from chalicelib.core.errors import MalformedError
from chalicelib.core.principal import Role
from chalicelib.core.reply import Line, Reply, Tone
from chalicelib.core.source import due_at
from chalicelib.notices.show import instant
from chalicelib.sources.calendar import minutes_later
from chalicelib.sources.room import Edited

_CYCLE: Final = re.compile(r"(\d{1,3})\s*(?:h|hours?|小时|个小时)?", re.IGNORECASE)


@command(
    "auto on <source>",
    zh="开启自动同步 <source>",
    role=Role.OWNER,
    help=("Let a source be synced by itself", "开启来源的自动同步"),
    aliases=("自动同步 开", "自动 开"),
    noted=True,
)
def auto_on(ask: Ask, source: str) -> Reply:
    return _said(ask, ask.rooms.sources.auto(ask.who, source, True))


@command(
    "auto off <source>",
    zh="关闭自动同步 <source>",
    role=Role.OWNER,
    help=("Sync a source only when asked", "关闭来源的自动同步"),
    aliases=("自动同步 关", "自动 关"),
    proof=of_source,
    noted=True,
)
def auto_off(ask: Ask, source: str) -> Reply:
    return _said(ask, ask.rooms.sources.auto(ask.who, source, False))


@command(
    "every <cycle> <source>",
    zh="每 <cycle> <source>",
    role=Role.OWNER,
    help=(
        "Sync a source every so many hours, 1 to 24: `every 6h hq`",
        "每隔若干小时同步一次（1 到 24）：`每 6小时 hq`",
    ),
    aliases=("cycle", "周期", "每隔"),
    noted=True,
    verb="schedule",
)
def every(ask: Ask, cycle: str, source: str) -> Reply:
    hours = _CYCLE.fullmatch(cycle)
    if hours is None:
        raise MalformedError("cycle is misread", cycle=cycle[:20], handle=source[:40])
    return _said(ask, ask.rooms.sources.schedule(ask.who, source, every=timedelta(hours=int(hours[1]))))


@command(
    "cron <cron> <source> [--zone <zone>]",
    zh="定时 <cron> <source> [--zone <zone>]",
    role=Role.OWNER,
    help=(
        'Sync a source by a cron expression: `cron "0 2 * * *" hq --zone Asia/Shanghai`',
        '按 cron 表达式同步：`定时 "0 2 * * *" hq --zone Asia/Shanghai`',
    ),
    aliases=("at", "定时同步"),
    proof=of_source,
    noted=True,
    verb="schedule",
)
def cron(ask: Ask, cron: str, source: str, zone: str | None) -> Reply:
    return _said(ask, ask.rooms.sources.schedule(ask.who, source, cron=cron, zone=zone))


@command(
    "zone <zone> <source>",
    zh="时区 <zone> <source>",
    role=Role.OWNER,
    help=("Tell the times of a source in a zone like Asia/Shanghai", "设置来源的时区，例如 Asia/Shanghai"),
    aliases=("timezone", "设置时区"),
    noted=True,
    verb="schedule",
)
def zone(ask: Ask, zone: str, source: str) -> Reply:
    return _said(ask, ask.rooms.sources.schedule(ask.who, source, zone=zone))


def _said(ask: Ask, edited: Edited) -> Reply:
    source = edited.source
    at = due_at(source)
    text = ask.pick(
        f"{source.handle}: automatic sync {rhythm(ask, source)}.", f"{source.handle}：自动同步{rhythm(ask, source)}。"
    )
    if at:
        when = instant(at, source.schedule.zone)
        text += ask.pick(f" The next one is at {when}.", f"下次：{when}。")
        if minutes_later(source) or not source.schedule.cron:
            text += ask.pick(
                " It keeps clear of full hours, when everybody syncs and vendors are slowest.",
                "（避开整点，此时厂商最繁忙。）",
            )
    elif not source.enabled:
        on = f"enable {source.handle}"
        text += ask.pick(f" The source is disabled: `{on}` first.", f"来源已停用，请先 `启用 {source.handle}`。")
    else:
        text += ask.pick(f" `auto on {source.handle}` turns it on.", f"输入 `开启自动同步 {source.handle}` 开启。")
    if not edited.changed:
        text = ask.pick("It was so already. ", "设置未变。") + text
    return Reply(blocks=(Line(text=text, tone=Tone.GOOD),), data=source_document(ask, source), tone=Tone.GOOD)
