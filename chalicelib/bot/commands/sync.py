"""Sync now, preview, approve, choose, reject, cancel."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from chalicelib.bot.command import Ask, Effect, command
from chalicelib.bot.commands.page import cut, more, page_buttons, titled
from chalicelib.core.catalogue import say
from chalicelib.core.errors import ConflictError
from chalicelib.core.model import Kind
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Line, Reply, Table, Tone, Weight
from chalicelib.core.task import RowOutcome, SyncRecord, SyncTask, TaskStatus
from chalicelib.notices.card import task_card
from chalicelib.notices.show import (
    handle,
    named,
    record_document,
    row_name,
    task_blocks,
    task_document,
    told,
    word,
    zone_of,
)
from chalicelib.sync.request import Asked

# Of an entry's id, enough to tell it from the others of a plan.
SHORT_ID: Final = 8
FULL_ID: Final = 21
CHOICES: Final = 5
NAMED: Final = 5


@command(
    "sync now <source> [--wait]",
    zh="立即同步 <source> [--wait]",
    role=Role.OPERATOR,
    help=("Run the full sync of a source now", "立即全量同步一个来源"),
    aliases=("sync it", "sn", "同步", "马上同步"),
    noted=True,
)
def sync_now(ask: Ask, source: str, wait: bool) -> Reply:
    return _asked(ask, ask.rooms.requests.sync_now(ask.who, source, once=ask.once), source)


@command(
    "sync preview <source>",
    zh="预览同步 <source>",
    role=Role.OPERATOR,
    help=("Show what a full sync would change, and change nothing", "预览全量同步会作的变更，不执行"),
    aliases=("preview", "sp", "预览", "同步预览"),
    waits=True,
    noted=True,
)
def sync_preview(ask: Ask, source: str) -> Reply:
    return _asked(ask, ask.rooms.requests.preview(ask.who, source, once=ask.once), source)


def _effect_of_approving(ask: Ask, task: str, entry: tuple[str, ...]) -> Effect | None:
    """Count what an approval takes away; None where it takes nothing, or nothing waits."""
    found = ask.rooms.tasks.get(task)
    if not found.status.is_over or not ask.catalog.source(found.source).enabled:
        return None  # its verb says why not
    rows: Iterator[RowOutcome] | Iterator[SyncRecord] = ask.rooms.tasks.outcomes(task)
    if entry:
        wanted = frozenset(chosen(ask, task, entry))
        rows = (row for row in ask.rooms.tasks.rows(task) if row.entry_id in wanted)
    counts: Counter[Kind] = Counter()
    for row in rows:
        if row.status.waits and row.removes_access:
            counts[row.key.kind if isinstance(row, SyncRecord) else row.kind] += 1
    if not counts.total():
        return None
    name, people, closed = handle(ask, found.source), counts[Kind.EMPLOYEE], counts[Kind.DEPARTMENT]
    kind = Kind.EMPLOYEE if people else Kind.DEPARTMENT
    going = list(islice((row for row in _going(ask, task, entry) if row.key.kind is kind), NAMED))
    named = ask.pick(", ", "、").join(row_name(ask, row) for row in going)
    rest = (people or closed) - len(going)
    if rest > 0:
        named += ask.pick(f" and {rest} more", f" 等 {people or closed} 个")
    blocks: list[Block] = [Line(text=f"{name} · {ask.pick('task', '任务')} {task}: {_gone(ask, people, closed)}")]
    blocks.append(Line(text=named))
    blocks += [Line(text=told(ask, row.reason, zone_of(ask, found.source))) for row in going[:1] if row.reason]
    return Effect(source=found.source, employees=people, blocks=tuple(blocks))


def _gone(ask: Ask, people: int, closed: int) -> str:
    """Say how many would be removed."""
    parts = [ask.pick(f"{people} employee(s)", f"{people} 名员工")] if people else []
    parts += [ask.pick(f"{closed} department(s)", f"{closed} 个部门")] if closed else []
    return ask.pick(f"would remove {' and '.join(parts)}", f"将移除 {'、'.join(parts)}")


def _going(ask: Ask, task: str, entry: tuple[str, ...]) -> Iterator[SyncRecord]:
    wanted = frozenset(chosen(ask, task, entry))
    for row in ask.rooms.tasks.rows(task):
        if row.status.waits and row.removes_access and (not wanted or row.entry_id in wanted):
            yield row


def _what_the_guard_held(ask: Ask, task: str, entry: tuple[str, ...]) -> Effect | None:
    """Where no access is taken, what was held is a mass edit, of addresses perhaps; a preview's is what a sync does."""
    found = ask.rooms.tasks.get(task)
    if found.status is not TaskStatus.HELD or not ask.catalog.source(found.source).enabled:
        return None
    return Effect(source=found.source, employees=0, blocks=())


@command(
    "sync approve <task> [entry...]",
    zh="批准 <task> [entry...]",
    role=Role.OPERATOR,
    help=("Apply what waits in a task, all or some of it", "批准任务中待审批的变更（全部或部分）"),
    aliases=("approve", "ap", "批准同步", "通过"),
    waits=True,
    danger=_effect_of_approving,
    proof=_what_the_guard_held,
    noted=True,
)
def sync_approve(ask: Ask, task: str, entry: tuple[str, ...]) -> Reply:
    asked = ask.rooms.requests.approve(ask.who, task, chosen(ask, task, entry), once=ask.once)
    return _asked(ask, asked, handle(ask, asked.task.source))


@command(
    "sync choose <task> [--page <page>]",
    zh="选择 <task> [--page <page>]",
    role=Role.OPERATOR,
    help=("List what waits in a task, to approve some of it", "列出任务中待审批的变更，逐项批准"),
    aliases=("choose", "pick", "挑选"),
    personal=True,
    pages=True,
)
def sync_choose(ask: Ask, task: str, page: str | None) -> Reply:
    found = ask.rooms.tasks.get(task)
    waiting = (row for row in ask.rooms.tasks.rows(task) if row.status.waits)
    shown = cut(ask, waiting, page, CHOICES if ask.heard else None)
    if not shown.rows:
        raise ConflictError("nothing waits", task=task)
    reasons = {told(ask, row.reason, zone_of(ask, found.source)): None for row in shown.rows if row.reason}
    hint = f"sync approve {task} {short(shown.rows[0])}"
    blocks: list[Block] = [
        *(Line(text=each) for each in reasons),
        _waiting(ask, shown.rows),
        Line(text=ask.pick(f"Some of them: `{hint} ...`", f"批准其中几项：`{hint} ...`")),
    ]
    if follows := more(ask, shown, f"sync choose {task}"):
        blocks.append(Line(text=follows))
    buttons = tuple(
        Button(label=f"{ask.pick('Approve', '批准')} {_label(ask, row)}", command=f"sync approve {task} {row.entry_id}")
        for row in shown.rows
    )
    every = Button(label=ask.pick("Refuse all", "全部拒绝"), command=f"sync reject {task}", weight=Weight.DANGER)
    return Reply(
        title=titled(
            ask, f"{handle(ask, found.source)} · {ask.pick(f'choose from {task}', f'任务 {task} 待选')}", shown
        ),
        blocks=tuple(blocks),
        buttons=(*buttons, *page_buttons(ask, shown, f"sync choose {task}"), every) if ask.heard else (),
        data=[record_document(ask, row) for row in shown.rows] if ask.documents else None,
    )


def _waiting(ask: Ask, rows: Sequence[SyncRecord]) -> Table:
    names = named(ask, rows)
    columns = (ask.pick("id", "编号"), ask.pick("what", "操作"), ask.pick("department", "部门"))
    lines = tuple((short(row), f"{word(ask, row.action)} {row_name(ask, row)}", _place(row, names)) for row in rows)
    if not ask.heard:
        return Table(columns=columns, rows=lines)
    return Table(columns=("", "", ""), rows=tuple((what, place, number) for number, what, place in lines))


def _place(row: SyncRecord, names: Mapping[str, str]) -> str:
    places = row.before.get("departments") or row.after.get("departments")
    return ", ".join(names.get(each, each) for each in places) if isinstance(places, tuple) else ""


def _label(ask: Ask, row: SyncRecord) -> str:
    name = row_name(ask, row)
    return name if 0 < len(name) <= 16 else name[:15] + "…" if name else short(row)


@command(
    "sync reject <task> [entry...]",
    zh="拒绝 <task> [entry...]",
    role=Role.OPERATOR,
    help=("Refuse what waits in a task, all or some of it", "拒绝任务中待审批的变更（全部或部分）"),
    aliases=("reject", "refuse", "rj", "拒绝同步", "驳回"),
    noted=True,
    pages=True,
)
def sync_reject(ask: Ask, task: str, entry: tuple[str, ...]) -> Reply:
    ended = ask.rooms.requests.reject(ask.who, task, chosen(ask, task, entry))
    text = ask.pick(
        f"Refused. Task {task} is {word(ask, ended.status)}.", f"已拒绝。任务 {task} 状态：{word(ask, ended.status)}。"
    )
    if ask.heard:
        card = task_card(ask, ended)
        return replace(card, blocks=(Line(text=text), *card.blocks), task=None)
    return Reply(blocks=(Line(text=text), *task_blocks(ask, ended)), data=task_document(ask, ended))


@command(
    "sync cancel <task>",
    zh="取消同步 <task>",
    role=Role.OPERATOR,
    help=("End a task that waits or runs; what it applied stays", "取消等待或进行中的任务，已执行的变更保留"),
    aliases=("cancel", "stop", "取消", "停止"),
    noted=True,
    pages=True,
)
def sync_cancel(ask: Ask, task: str) -> Reply:
    cancelled = ask.rooms.requests.cancel(ask.who, task)
    ended = cancelled.task
    if not cancelled.new:
        text = ask.pick(f"Task {task} was cancelled already.", f"任务 {task} 之前已取消。")
    elif ended.status.is_over:
        text = ask.pick(f"Task {task} is cancelled.", f"任务 {task} 已取消。")
    else:
        text = ask.pick(f"Task {task} ends at its next step.", f"任务 {task} 将在下一步停止。")
    if ask.heard:
        card = task_card(ask, ended)
        return replace(card, blocks=(Line(text=text), *card.blocks))
    return Reply(blocks=(Line(text=text), *task_blocks(ask, ended)), data=task_document(ask, ended))


def finished(ask: Ask, task: SyncTask) -> Reply:
    """Say how a task that was waited for ended."""
    return Reply(blocks=task_blocks(ask, task), data=task_document(ask, task), task=task.task_id)


def short(row: SyncRecord) -> str:
    return row.entry_id[:SHORT_ID]


def chosen(ask: Ask, task: str, typed: tuple[str, ...]) -> tuple[str, ...]:
    """Name entries in full that were typed by the beginning of their ids; what fits none, or several, is left."""
    if all(len(each) >= FULL_ID or len(each) < SHORT_ID for each in typed):
        return typed
    beginnings = {each: set[str]() for each in typed if SHORT_ID <= len(each) < FULL_ID}
    for row in ask.rooms.tasks.rows(task):
        for each, fits in beginnings.items():
            if row.entry_id.startswith(each):
                fits.add(row.entry_id)
    return tuple(next(iter(beginnings[each])) if len(beginnings.get(each, ())) == 1 else each for each in typed)


def _asked(ask: Ask, asked: Asked, name: str) -> Reply:
    task = asked.task
    document = task_document(ask, task) if ask.documents else None
    # A message that is heard again after a kill is given what it started itself.
    is_new = asked.new or (ask.heard is not None and task.asked_at >= ask.heard.at)
    joined = say("already running", ask.lang, {"task": task.task_id, "handle": name})
    if ask.heard:
        card = task_card(ask, task)
        blocks = card.blocks if is_new else (Line(text=joined, tone=Tone.WARN), *card.blocks)
        return replace(card, blocks=blocks)
    if is_new:
        text = ask.pick(f"{name}: queued as task {task.task_id}.", f"{name}：已排队，任务 {task.task_id}。")
        return Reply(blocks=(Line(text=text),), data=document, task=task.task_id)
    return Reply(blocks=(Line(text=joined, tone=Tone.WARN),), data=document, task=task.task_id)
