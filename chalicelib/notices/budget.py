"""A month's calls to a vendor in words: how many, how many there will be, and what to do when they run out."""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.core.budget import ALL, Cause, Forecast, Tariff
from chalicelib.core.reply import Block, Button, Json, Line, Reply, Tone
from chalicelib.core.source import Source
from chalicelib.notices.show import View


def spent_words(view: View, spent: Forecast) -> str:
    """Say how many calls this month has cost, and will have cost."""
    used, expected = f"{spent.used:,}", f"{spent.expected:,}"
    of = f"{used} / {spent.budget:,}" if view.zh else f"{used} of {spent.budget:,}"
    so_far = of if spent.budget else used
    if spent.expected <= spent.used:
        return so_far
    return view.pick(f"{so_far}, about {expected} by month's end", f"{so_far}，月末预计约 {expected}")


def spent_pairs(view: View, spent: Forecast, tariff: Tariff) -> tuple[tuple[str, str], ...]:
    """Say what a month costs, and what the vendor counts."""
    note = tariff.note[view.zh]
    pairs = ((view.pick("calls this month", "本月调用"), spent_words(view, spent)),)
    return (*pairs, (view.pick("of which count", "计量范围"), note)) if note else pairs


def spent_document(spent: Forecast) -> dict[str, Json]:
    """Say the same of the calls of a month to a program."""
    return {
        "this_month": spent.used,
        "by_cause": {cause.value: count for cause, count in spent.by_cause.items()},
        "expected": spent.expected,
        "runs_left": spent.runs_left,
        "per_run": spent.per_run,
        "per_day": spent.per_day,
    }


def budget_lines(view: View, source: Source, spent: Forecast) -> tuple[Line, ...]:
    """Warn where the budget does not last, and say what costs less; nothing where it does."""
    if spent.level == ALL:
        text = view.pick(
            f"This month's budget of {spent.budget:,} vendor calls is used up. If that is the vendor's limit, further "
            "calls are refused until the next month.",
            f"本月 {spent.budget:,} 次厂商调用额度已用完。若这就是厂商的上限，下月之前的调用会被拒绝。",
        )
    elif spent.is_short:
        text = view.pick(
            f"The budget of {spent.budget:,} vendor calls will not last this month.",
            f"{spent.budget:,} 次厂商调用额度预计撑不到月底。",
        )
    else:
        return ()
    return (Line(text=text + view.pick(" ", "") + _advice(view, source, spent), tone=Tone.WARN),)


def _advice(view: View, source: Source, spent: Forecast) -> str:
    """Name what costs most, and what to do about it."""
    handle, most = source.handle, max(spent.by_cause, key=lambda cause: spent.by_cause[cause], default=Cause.SCHEDULE)
    if spent.runs_left * spent.per_run > spent.used:
        most = Cause.SCHEDULE
    match most:
        case Cause.SCHEDULE if spent.runs_left > spent.days_left:
            less = view.pick(
                f"Syncs by schedule cost most, {spent.per_run:,} calls each: sync less often, like `every 24h "
                f"{handle}`, as events tell of changes in between; or narrow its scope.",
                f"定时同步耗用最多，每次约 {spent.per_run:,} 次：可延长周期，例如 `每 24小时 {handle}`"
                "（期间的变更由事件推送），或缩小同步范围。",
            )
        case Cause.SCHEDULE:
            less = view.pick(
                f"Syncs by schedule cost most, {spent.per_run:,} calls each: narrow its scope, or sync on fewer days, "
                "as events tell of changes in between.",
                f"定时同步耗用最多，每次约 {spent.per_run:,} 次：可缩小同步范围，或减少同步日"
                "（期间的变更由事件推送）。",
            )
        case Cause.EVENT:
            less = view.pick(
                "Events cost most, for each is looked into: a narrower scope brings fewer.",
                "事件耗用最多，每个事件都需查询一次：可缩小同步范围。",
            )
        case Cause.REQUEST:
            less = view.pick("Syncs that were asked for cost most.", "手动同步耗用最多。")
        case Cause.TALK:
            less = view.pick(
                "Chat costs most: the terminal answers without any call.", "聊天消息耗用最多：可改用终端，不产生调用。"
            )
    more = view.pick(
        f" If the vendor grants more: `budget <calls> {handle}`.", f"若厂商额度更高：`额度 <次数> {handle}`。"
    )
    return less + more


def budget_notice(view: View, source: Source, used: int, passed: int, ends: datetime, tariff: Tariff) -> Reply:
    """Tell owners what of the month's budget is used."""
    name, last = source.handle, f"{ends - timedelta(days=1):%Y-%m-%d}"
    if passed == ALL:
        head = view.pick(
            f"{name}: this month's budget of {source.budget:,} vendor calls is used up ({used:,}).",
            f"{name}：本月 {source.budget:,} 次厂商调用额度已用完（已用 {used:,}）。",
        )
    else:
        head = view.pick(
            f"{name}: {used:,} of this month's {source.budget:,} vendor calls are used.",
            f"{name}：本月 {source.budget:,} 次厂商调用额度已用 {used:,} 次。",
        )
    blocks: list[Block] = [
        Line(text=head, tone=Tone.BAD if passed == ALL else Tone.WARN),
        Line(text=_consequence(view, source, last, tariff)),
    ]
    if note := tariff.note[view.zh]:
        blocks.append(Line(text=view.pick(f"What is counted: {note}.", f"计量范围：{note}。")))
    return Reply(
        title=view.pick(f"{name} · vendor calls", f"{name} · 厂商调用额度"),
        blocks=tuple(blocks),
        buttons=(Button(label=view.pick("Status", "状态"), command="status"),),
        data=None,
        tone=Tone.BAD if passed == ALL else Tone.WARN,
        lang=view.lang,
    )


def _consequence(view: View, source: Source, last: str, tariff: Tariff) -> str:
    if tariff.counts_all:
        fails = view.pick(
            "syncs fail, and leavers keep their access. Sync less often, narrow the scope, or",
            "同步会失败，离职人员的访问权限不会收回。请减少同步次数、缩小范围，或",
        )
    else:
        fails = view.pick(
            "what is counted fails, all else goes on. Use less of it, or",
            "计量的功能会失败，其余不受影响。请减少使用，或",
        )
    return view.pick(
        f"It is for the time until {last} (UTC). Where that is the vendor's limit, it refuses calls beyond it: {fails} "
        f"have the limit raised in the vendor's console and say so with `budget <calls> {source.handle}`.",
        f"额度周期至 {last}（UTC）。若这是厂商的上限，超出的调用会被拒绝：{fails}"
        f"在厂商控制台提高额度后输入 `额度 <次数> {source.handle}`。",
    )
