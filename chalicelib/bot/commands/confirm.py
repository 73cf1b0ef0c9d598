"""`confirm`: in a chat `bot/answer.py` takes it, because it runs another command; elsewhere nothing waits for it."""

from __future__ import annotations

from chalicelib.bot.command import Ask, command
from chalicelib.core.errors import NotFoundError
from chalicelib.core.principal import Role
from chalicelib.core.reply import Reply


@command(
    "confirm <number> [code...]",
    zh="确认 <number> [code...]",
    role=Role.VIEWER,
    help=("Confirm what was asked in this chat, or call it off with `no`", "确认聊天中的操作，输入“否”则取消"),
    aliases=("ok", "yes", "同意"),
)
def confirm(ask: Ask, number: str, code: tuple[str, ...]) -> Reply:
    raise NotFoundError("no such confirmation", number=number[:20])
