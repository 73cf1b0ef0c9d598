"""What there is to type."""

from __future__ import annotations

from chalicelib.bot.command import COMMANDS, Ask, command
from chalicelib.core.principal import Role
from chalicelib.core.reply import Reply, Table


@command("help", zh="帮助", role=Role.VIEWER, help=("Show what can be typed", "显示可用命令"))
def help_(ask: Ask) -> Reply:
    zh = ask.zh
    rows = tuple((each.zh_usage if zh else each.usage, each.help[zh]) for each in COMMANDS)
    table = Table(columns=(ask.pick("command", "命令"), ask.pick("what it does", "作用")), rows=rows)
    return Reply(
        blocks=(table,),
        data=[
            {"usage": each.usage, "zh": each.zh_usage, "role": each.role.name.lower(), "help": each.help[zh]}
            for each in COMMANDS
        ],
    )
