"""What there is to type."""

from __future__ import annotations

from chalicelib.bot.command import COMMANDS, Ask, command
from chalicelib.bot.commands.page import cut, page_buttons
from chalicelib.core.principal import Role, permits
from chalicelib.core.reply import Line, Reply, Table


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
    shown = cut(ask, mine, page)
    rows = tuple((each.zh_usage if zh else each.usage, each.help[zh]) for each in shown.rows)
    table = Table(columns=(ask.pick("command", "命令"), ask.pick("what it does", "作用")), rows=rows)
    aliases = Line(text=ask.pick("Case does not matter; 中文 works too.", "也可以用英文输入，不区分大小写。"))
    return Reply(
        title=ask.pick("What can be typed", "可用命令"),
        blocks=(table, aliases) if ask.heard else (table,),
        buttons=page_buttons(ask, shown, "help"),
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
