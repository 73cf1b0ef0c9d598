"""What was done: tasks, and the rows of one."""

from __future__ import annotations

from itertools import islice

from chalicelib.bot.command import Ask, command
from chalicelib.core.errors import MalformedError, NotFoundError
from chalicelib.core.model import Kind
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Line, Reply, Table
from chalicelib.core.task import RowStatus, Tally, Trigger
from chalicelib.notices.show import (
    SHOWN_ROWS,
    compared,
    handle,
    instant,
    record_document,
    record_table,
    task_blocks,
    task_document,
    told,
    word,
)

SHOWN_TASKS = 20
SEARCHED_TASKS = 500
# What a person must decide about comes first, what is done with last.
ORDER = (
    RowStatus.HELD,
    RowStatus.PLANNED,
    RowStatus.REJECTED,
    RowStatus.CONTRADICTED,
    RowStatus.APPLIED,
    RowStatus.SUPERSEDED,
)


@command(
    "records [source] [--trigger <trigger>]",
    zh="记录 [source] [--trigger <trigger>]",
    role=Role.VIEWER,
    help=("List the latest tasks: all, or manual, schedule, event, approval ones", "列出最近的任务，可按触发方式筛选"),
)
def records(ask: Ask, source: str | None, trigger: str | None) -> Reply:
    uid = ask.rooms.catalog.source(source).uid if source else None
    if trigger is not None and trigger not in tuple(Trigger):
        raise MalformedError("unknown trigger", trigger=trigger[:40], triggers=", ".join(Trigger))
    tasks = ask.rooms.tasks.recent(uid, SHOWN_TASKS if trigger is None else SEARCHED_TASKS)
    tasks = [task for task in tasks if trigger in (None, task.trigger)][:SHOWN_TASKS]
    if not tasks:
        hint = ask.pick(
            "Nothing has been synced yet. `sync now <source>` does.", "还没有同步记录。输入 `sync now <source>` 开始。"
        )
        return Reply(blocks=(Line(text=hint),), data=[])
    changes = (Tally.CREATED, Tally.UPDATED, Tally.DEACTIVATED, Tally.REACTIVATED)
    rows = tuple(
        (
            task.task_id,
            handle(ask, task.source),
            word(ask, task.trigger),
            word(ask, task.status),
            instant(task.started_at or task.asked_at),
            str(sum(task.counts[kind][tally] for kind in Kind for tally in changes)),
            str(sum(task.counts[kind][Tally.HELD] for kind in Kind)),
            told(ask, task.reason),
        )
        for task in tasks
    )
    columns = (
        ask.pick("task", "任务"),
        ask.pick("source", "来源"),
        ask.pick("trigger", "触发"),
        ask.pick("status", "状态"),
        ask.pick("started", "开始时间"),
        ask.pick("changes", "变更"),
        ask.pick("held", "待审批"),
        ask.pick("why", "说明"),
    )
    return Reply(blocks=(Table(columns=columns, rows=rows),), data=[task_document(ask, task) for task in tasks])


@command(
    "record <task> [--entry <id>]",
    zh="详情 <task> [--entry <id>]",
    role=Role.VIEWER,
    help=("Show what one task changed, with the source's fields", "查看一个任务的变更及来源字段"),
)
def record(ask: Ask, task: str, entry: str | None) -> Reply:
    found = ask.rooms.tasks.get(task)
    if entry:
        row = next((row for row in ask.rooms.tasks.rows(task) if row.entry_id == entry), None)
        if row is None:
            raise NotFoundError("entry not in task", task=task, entry=entry[:40])
        return Reply(blocks=compared(ask, row), data=record_document(ask, row))
    rows = sorted(ask.rooms.tasks.rows(task), key=lambda row: (ORDER.index(row.status), row.key))
    blocks: list[Block] = [*task_blocks(ask, found)]
    if rows:
        blocks.append(record_table(ask, tuple(islice(rows, SHOWN_ROWS))))
    if len(rows) > SHOWN_ROWS:
        rest = len(rows) - SHOWN_ROWS
        blocks.append(
            Line(text=ask.pick(f"… and {rest} more (--json has all)", f"……另有 {rest} 条（--json 查看全部）"))
        )
    if rows:
        hint = f"record {task} --entry {rows[0].entry_id}"
        blocks.append(Line(text=ask.pick(f"One in full: `{hint}`", f"查看单条：`{hint}`")))
    document = {**task_document(ask, found), "records": [record_document(ask, row) for row in rows]}
    return Reply(blocks=tuple(blocks), data=document)
