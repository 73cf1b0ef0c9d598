"""What somebody sees who opens the chat, types nothing, or something unknown; and how everything stands."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from chalicelib.bot.command import Ask, command
from chalicelib.core.budget import Forecast
from chalicelib.core.principal import Role, permits
from chalicelib.core.reply import Block, Button, Json, Line, Pairs, Reply, Tone, Weight
from chalicelib.core.source import MOST_ENABLED, Source, due_at
from chalicelib.core.task import SyncTask, TaskStatus
from chalicelib.notices.budget import budget_lines, spent_document, spent_words
from chalicelib.notices.card import STAGES
from chalicelib.notices.cost import cost_line
from chalicelib.notices.show import handle, instant, word, zone_of

_RECENT: Final = 1
# Of so many sources each has its own buttons.
_MOST_NAMED: Final = 2
_MOST_HELD: Final = 3
_MOST_AT_WORK: Final = 3


@command(
    "menu",
    zh="菜单",
    role=Role.VIEWER,
    help=("Show how the sources stand, with buttons", "显示来源状态和常用按钮"),
    aliases=("hi", "hello", "start", "你好"),
)
def menu(ask: Ask) -> Reply:
    return menu_card(ask)


def menu_card(ask: Ask, above: Line | None = None, first: tuple[Button, ...] = ()) -> Reply:
    """Give the card to start from. `above` says why it is shown, `first` are buttons before the usual ones."""
    sources = ask.catalog.sources()
    enabled = [each for each in sources if each.enabled][:MOST_ENABLED]
    blocks: list[Block] = [above] if above else []
    blocks += [_line(ask, each) for each in sources[: 2 * MOST_ENABLED]]
    if not sources:
        hint = ask.pick("There is no source yet. `source create` makes one.", "还没有来源。用 `source create` 新建。")
        blocks.append(Line(text=hint))
    buttons = list(first)
    if permits(ask.who, Role.OPERATOR):
        weight = Weight.PLAIN if first else Weight.PRIMARY
        # Of many, which one is asked for when it is pressed.
        for handle_ in [each.handle for each in enabled] if len(enabled) <= _MOST_NAMED else [""]:
            name = f" {handle_}" if handle_ and len(enabled) > 1 else ""
            now = f"sync now {handle_}".strip()
            look = f"sync preview {handle_}".strip()
            buttons.append(Button(label=ask.pick("Sync now", "立即同步") + name, command=now, weight=weight))
            buttons.append(Button(label=ask.pick("Preview", "预览") + name, command=look))
    buttons += [
        Button(label=ask.pick("Records", "记录"), command="records"),
        Button(label=ask.pick("Status", "状态"), command="status"),
        Button(label=ask.pick("Help", "帮助"), command="help"),
    ]
    return Reply(title="Rollcall", blocks=tuple(blocks), buttons=tuple(buttons), data={"sources": len(sources)})


def _line(ask: Ask, source: Source) -> Line:
    held = ask.rooms.tasks.held(source.uid)
    last = next(iter(ask.rooms.tasks.recent(source.uid, _RECENT)), None)
    words = [source.handle, ask.pick("enabled", "启用") if source.enabled else ask.pick("disabled", "停用")]
    if last:
        at = instant(last.finished_at or last.asked_at, source.schedule.zone)
        words.append(ask.pick("last task:", "最近任务：") + f" {word(ask, last.status)}, {at}")
    if held:
        waits = ", ".join(f"`record {each.task_id}`" for each in held[:_MOST_HELD])
        words.append(ask.pick(f"waits for a decision: {waits}", f"待审批：{waits}"))
    tone = Tone.WARN if held or (last and last.status is TaskStatus.FAILED) else Tone.PLAIN
    return Line(text=" · ".join(words), tone=tone)


@command(
    "status",
    zh="状态",
    role=Role.VIEWER,
    help=("Show what runs, what waits and what is due", "显示正在运行、等待和即将执行的任务"),
    aliases=("st", "stat", "情况"),
    pages=True,
)
def status(ask: Ask) -> Reply:
    sources = ask.catalog.sources()
    forecasts = [ask.rooms.budgets.forecast(each) for each in sources]
    blocks: list[Block] = []
    for source, spent in zip(sources, forecasts, strict=True):
        blocks += [_standing(ask, source, spent), *budget_lines(ask, source, spent)]
    nothing = Line(text=ask.pick("There is no source yet.", "还没有来源。"))
    return Reply(
        title=ask.pick("Status", "状态"),
        blocks=(*(blocks or (nothing,)), cost_line(ask, ask.rooms.budgets.charged())),
        buttons=(Button(label=ask.pick("Again", "刷新"), command="status"),) if ask.heard else (),
        data=[_document(ask, *each) for each in zip(sources, forecasts, strict=True)] if ask.documents else None,
    )


def _standing(ask: Ask, source: Source, spent: Forecast) -> Block:
    tasks, zone, now = ask.rooms.tasks, source.schedule.zone, ask.rooms.clock.now()
    waiting = tasks.waiting(source.uid)
    held = tasks.held(source.uid)
    last = next((each for each in tasks.recent(source.uid, 5) if each.status.is_over), None)
    pairs = [
        (ask.pick("state", "状态"), ask.pick("enabled", "启用") if source.enabled else ask.pick("disabled", "停用"))
    ]
    pairs += [(ask.pick("at work", "进行中"), _at_work(ask, each, zone)) for each in waiting[:_MOST_AT_WORK]]
    if len(waiting) > _MOST_AT_WORK:
        more = len(waiting) - _MOST_AT_WORK
        pairs.append((ask.pick("besides", "另有"), ask.pick(f"{more} task(s) wait", f"{more} 个任务等待中")))
    if last:
        ended = f"{last.task_id} {word(ask, last.status)} {instant(last.finished_at or last.asked_at, zone)}"
        pairs.append((ask.pick("last task", "最近任务"), ended))
    if held:
        waits = ", ".join(f"`record {each.task_id}`" for each in held[:5])
        pairs.append((ask.pick("waits for a decision", "待审批"), waits))
    pairs.append((ask.pick("next sync", "下次同步"), _next(ask, source, now)))
    pairs.append((ask.pick("calls this month", "本月调用"), spent_words(ask, spent)))
    return Pairs(caption=f"{source.handle} · {source.name}", pairs=tuple(pairs))


def _next(ask: Ask, source: Source, now: datetime) -> str:
    at = due_at(source)
    if at is None:
        return ask.pick("not by itself", "不自动")
    when = instant(at, source.schedule.zone)
    return when if at > now else ask.pick(f"due since {when}", f"{when} 已到时，即将开始")


def _at_work(ask: Ask, task: SyncTask, zone: str) -> str:
    text = f"{task.task_id} {word(ask, task.trigger)} · {word(ask, task.status)}"
    lease = ask.rooms.tasks.lease(task.source, task.lane)
    if task.status is TaskStatus.RUNNING and lease and lease[1]:
        progress = lease[1]
        stage = ask.pick(*STAGES[progress.stage]) if progress.stage in STAGES else progress.stage
        text += f" · {stage} {progress.done}" + (f"/{progress.total}" if progress.total else "")
    if task.not_before is not None and task.not_before > ask.rooms.clock.now():
        again = instant(task.not_before, zone)
        text += ask.pick(f" · again at {again}", f" · {again} 重试")
    return text


def _document(ask: Ask, source: Source, spent: Forecast) -> dict[str, Json]:
    tasks, at = ask.rooms.tasks, due_at(source)
    return {
        "source": handle(ask, source.uid),
        "enabled": source.enabled,
        "zone": zone_of(ask, source.uid),
        "waiting": [each.task_id for each in tasks.waiting(source.uid)],
        "held": [each.task_id for each in tasks.held(source.uid)],
        "next_due_at": at.isoformat() if at else None,
        "budget": source.budget or None,
        "calls": spent_document(spent),
    }
