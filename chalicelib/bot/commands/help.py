"""What there is to type."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from chalicelib.bot.command import COMMANDS, Ask, Command, command
from chalicelib.bot.commands.page import cut, page_buttons, titled
from chalicelib.core.principal import Role, permits
from chalicelib.core.reply import Block, Line, Pairs, Reply, Table

# What belongs together, by the files of this folder, as a chat shows it: a page for each day, and one for setting up.
GROUPS: Final = (
    (("Sync", "同步"), ("sync", "confirm")),
    (("What happened", "查看情况"), ("menu", "records", "why")),
    (("People and departments", "人员和部门"), ("people",)),
    (("Sources and their schedules", "来源和定时"), ("setup", "sources", "life", "examine", "schedule", "budget")),
    (("Scope and fields", "范围和字段"), ("scope", "mapping", "linking")),
    (("Admins and notices", "管理员和通知"), ("admins", "notify", "help")),
)
_PER_PAGE: Final = 3
# What is typed in place of these, for those who type Chinese.
_PLACES: Final[Mapping[str, str]] = {
    "source": "来源",
    "task": "任务",
    "entry": "条目",
    "person": "人员",
    "text": "文字",
    "where": "位置",
    "role": "角色",
    "limit": "人数",
    "calls": "次数",
    "cycle": "周期",
    "zone": "时区",
    "number": "编号",
    "code": "验证码",
    "id": "编号",
    "path": "部门",
    "field": "字段",
    "expression": "取值",
    "change": "修改",
    "name": "名称",
    "kind": "类别",
    "fields": "字段",
    "key": "厂商ID",
}
_PLACE = re.compile(r"(?<=[<\[])([a-z]+)(?=(?:\.\.\.)?[>\]])")
_OPTIONAL = re.compile(r" \[--[^\]]*\]")


@command(
    "help [--page <page>]",
    zh="帮助 [--page <page>]",
    role=Role.VIEWER,
    help=("Show what can be typed", "显示可用命令"),
    aliases=("?", "h", "commands", "命令"),
    pages=True,
)
def help_(ask: Ask, page: str | None) -> Reply:
    zh = ask.zh
    # In a chat only what they may; in the terminal everything may.
    mine = [
        each
        for each in COMMANDS
        if permits(ask.who, each.role) and (ask.who.audits or not each.audits) and (each.in_chat or not ask.heard)
    ]
    if ask.heard:
        return _in_chat(ask, mine, page)
    shown = cut(ask, mine, page)
    rows = tuple((each.zh_usage if zh else each.usage, each.help[zh]) for each in shown.rows)
    table = Table(columns=(ask.pick("command", "命令"), ask.pick("what it does", "作用")), rows=rows)
    return Reply(
        title=ask.pick("What can be typed", "可用命令"),
        blocks=(table,),
        data=[
            {
                "usage": each.usage,
                "zh": each.zh_usage,
                "aliases": [" ".join(words) for words in each.aliases],
                "role": each.role.name.lower(),
                "help": each.help[zh],
            }
            for each in COMMANDS
        ]
        if ask.documents
        else None,
    )


def _in_chat(ask: Ask, mine: Sequence[Command], page: str | None) -> Reply:
    """List them by what they are about, in a few words each."""
    groups = [
        Pairs(caption=ask.pick(*caption), pairs=tuple((_usage(ask, each), each.help[ask.zh]) for each in found))
        for caption, files in GROUPS
        if (found := [each for each in mine if group_of(each) in files])
    ]
    shown = cut(ask, groups, page, _PER_PAGE)
    hint = Line(
        text=ask.pick(
            "<source> may be left out where there is only one. 中文 works too.",
            "只有一个来源时可省略 <来源>。也可以用英文输入，不区分大小写。",
        )
    )
    blocks: list[Block] = [*shown.rows, hint]
    return Reply(
        title=titled(ask, ask.pick("What can be typed", "可用命令"), shown),
        blocks=tuple(blocks),
        buttons=page_buttons(ask, shown, "help"),
        data=None,
    )


def group_of(each: Command) -> str:
    """Name the file that declares a command."""
    return each.do.__module__.rpartition(".")[2]


def _usage(ask: Ask, each: Command) -> str:
    """Spell what must be typed, and leave out what may be."""
    usage = _OPTIONAL.sub("", each.zh_usage if ask.zh else each.usage)
    return _PLACE.sub(lambda found: _PLACES.get(found[0], found[0]), usage) if ask.zh else usage
