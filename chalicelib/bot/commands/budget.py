"""How many calls to its vendor a source may cost in a month."""

from __future__ import annotations

import re
from typing import Final

from chalicelib.bot.command import Ask, command
from chalicelib.core.errors import MalformedError
from chalicelib.core.principal import Role
from chalicelib.core.reply import Button, Line, Pairs, Reply, Tone
from chalicelib.notices.budget import budget_lines, spent_document, spent_pairs
from chalicelib.sources.room import Edited

_CALLS: Final = re.compile(r"(\d{1,3}(?:[,_]\d{3})+|\d{1,10})(k|w|万)?", re.IGNORECASE)
_TIMES: Final = {"": 1, "k": 1_000, "w": 10_000, "万": 10_000}


@command(
    "budget <calls> <source>",
    zh="额度 <calls> <source>",
    role=Role.OWNER,
    help=(
        "Say how many calls a month the vendor grants a source, to be warned in time: `budget 10000 hq`",
        "设置来源每月的厂商调用额度，临近用完时提醒：`额度 10000 hq`",
    ),
    aliases=("quota", "调用额度"),
    noted=True,
)
def budget(ask: Ask, calls: str, source: str) -> Reply:
    number = _CALLS.fullmatch(calls.strip())
    if number is None:
        raise MalformedError("budget is misread", calls=calls[:20], handle=source[:40])
    count = int(re.sub("[,_]", "", number[1])) * _TIMES[(number[2] or "").lower()]
    return _said(ask, ask.rooms.budgets.set(ask.who, source, count))


@command(
    "budget off <source>",
    zh="关闭额度 <source>",
    role=Role.OWNER,
    help=("Look at no budget of calls for a source any more", "不再检查来源的厂商调用额度"),
    aliases=("额度 关", "no budget"),
    noted=True,
    verb="budget",
)
def budget_off(ask: Ask, source: str) -> Reply:
    return _said(ask, ask.rooms.budgets.set(ask.who, source, 0))


def _said(ask: Ask, edited: Edited) -> Reply:
    source, spent = edited.source, ask.rooms.budgets.forecast(edited.source)
    if source.budget:
        text = ask.pick(
            f"{source.handle}: a budget of {source.budget:,} vendor calls a month. Owners are told at 80% and when it "
            "is used up; syncs go on.",
            f"{source.handle}：每月厂商调用额度 {source.budget:,} 次。用到 80% 和用完时通知所有者，同步不会停止。",
        )
    else:
        text = ask.pick(
            f"{source.handle}: no budget of vendor calls; nobody is warned.",
            f"{source.handle}：不设厂商调用额度，不再提醒。",
        )
    if not edited.changed:
        text = ask.pick("It was so already. ", "设置未变。") + text
    return Reply(
        blocks=(
            Line(text=text, tone=Tone.GOOD),
            Pairs(pairs=spent_pairs(ask, spent, ask.rooms.connectors.form(source.kind).tariff)),
            *budget_lines(ask, source, spent),
        ),
        buttons=(Button(label=ask.pick("Status", "状态"), command="status"),) if ask.heard else (),
        data={"source": source.handle, "budget": source.budget or None, "calls": spent_document(spent)},
        tone=Tone.GOOD,
    )
