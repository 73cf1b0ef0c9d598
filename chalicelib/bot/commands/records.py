"""What was done: tasks, the rows of one, and who asked for what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from chalicelib.bot.command import COMMANDS, Ask, command
from chalicelib.bot.commands.page import Cut, cut, more, page_buttons, page_number, titled
from chalicelib.bot.commands.sync import SHORT_ID, short
from chalicelib.bot.words import joined
from chalicelib.core.diff import Action
from chalicelib.core.errors import MalformedError, NotFoundError
from chalicelib.core.model import Kind
from chalicelib.core.ports import AuditLine
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Json, Line, Reply, Table
from chalicelib.core.task import RowStatus, SyncRecord, SyncTask, Tally, Trigger
from chalicelib.notices.card import task_card
from chalicelib.notices.show import (
    SHOWN_ROWS,
    brief,
    clean,
    compared,
    handle,
    instant,
    record_document,
    record_table,
    row_changes,
    row_name,
    task_blocks,
    task_document,
    told,
    word,
    zone_of,
)

SHOWN_TASKS = 20
SEARCHED_TASKS = 500
# What a person must decide about comes first, what is done with last.
ORDER = (
    RowStatus.HELD,
    RowStatus.PLANNED,
    RowStatus.CONFLICT,
    RowStatus.REJECTED,
    RowStatus.CONTRADICTED,
    RowStatus.APPLIED,
    RowStatus.SUPERSEDED,
    RowStatus.CANCELLED,
)
CHANGES: Final = (Tally.CREATED, Tally.ADOPTED, Tally.UPDATED, Tally.DEACTIVATED, Tally.REACTIVATED)


@command(
    "records [source] [--trigger <trigger>] [--page <page>]",
    zh="记录 [source] [--trigger <trigger>] [--page <page>]",
    role=Role.VIEWER,
    help=("List the latest tasks: all, or manual, schedule, event, approval ones", "列出最近的任务，可按触发方式筛选"),
    aliases=("rec", "history", "tasks", "任务", "历史"),
    pages=True,
)
def records(ask: Ask, source: str | None, trigger: str | None, page: str | None) -> Reply:
    ask = ask.listing()
    uid = ask.rooms.catalog.source(source).uid if source else None
    if trigger is not None and trigger not in tuple(Trigger):
        raise MalformedError("unknown trigger", trigger=trigger[:40], triggers=", ".join(Trigger))
    size = ask.page_rows if ask.heard else SHOWN_TASKS
    wanted = min(page_number(page) * size + 1, SEARCHED_TASKS) if trigger is None else SEARCHED_TASKS
    tasks = ask.rooms.tasks.recent(uid, wanted)
    tasks = [task for task in tasks if trigger in (None, task.trigger)]
    if not tasks:
        hint = ask.pick(
            "Nothing has been synced yet. `sync now <source>` does.", "还没有同步记录。输入 `sync now <source>` 开始。"
        )
        return Reply(blocks=(Line(text=hint),), data=[])
    shown = cut(ask, tasks, page, size)
    again = " ".join(["records", *([source] if source else []), *([f"--trigger {trigger}"] if trigger else [])])
    blocks: list[Block] = [_small_tasks(ask, shown.rows) if ask.heard else _tasks(ask, shown.rows)]
    if follows := more(ask, shown, again):
        blocks.append(Line(text=follows))
    return Reply(
        title=titled(ask, ask.pick("Records", "记录"), shown),
        blocks=tuple(blocks),
        buttons=page_buttons(ask, shown, again),
        data=[task_document(ask, task) for task in shown.rows] if ask.documents else None,
    )


def _tasks(ask: Ask, tasks: tuple[SyncTask, ...]) -> Table:
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
    return Table(columns=columns, rows=tuple(_task(ask, task) for task in tasks))


def _task(ask: Ask, task: SyncTask) -> tuple[str, ...]:
    return (
        task.task_id,
        handle(ask, task.source),
        word(ask, task.trigger),
        word(ask, task.status),
        instant(task.started_at or task.asked_at, zone_of(ask, task.source)),
        str(sum(task.counts[kind][tally] for kind in Kind for tally in CHANGES)),
        str(sum(task.counts[kind][Tally.HELD] for kind in Kind)),
        told(ask, task.reason),
    )


def _small_tasks(ask: Ask, tasks: tuple[SyncTask, ...]) -> Table:
    """As much as fits a phone."""
    zones = {zone_of(ask, task.source) for task in tasks}
    zone = zones.pop() if len(zones) == 1 else ""
    caption = ask.pick("Newest first", "最新的在前")
    if zone:
        caption += ask.pick(f"; times in {zone}", f"；时区：{zone}")
    rows = []
    for task in tasks:
        number, source, trigger, status, started, changes, held, _ = _task(ask, task)
        if zone:
            started = brief(task.started_at or task.asked_at, zone)
        what = (
            ask.pick("no changes", "无变更") if changes == "0" else ask.pick(f"{changes} changed", f"变更 {changes} 项")
        )
        waits = ask.pick(f"{held} waiting", f"{held} 项待审批") if held != "0" else ""
        rows.append((f"{number} {status}", source, trigger, what, waits, started))
    return Table(columns=("",) * 6, rows=tuple(rows), caption=caption)


@command(
    "record <task> [--entry <id>] [--page <page>]",
    zh="详情 <task> [--entry <id>] [--page <page>]",
    role=Role.VIEWER,
    help=("Show what one task changed, with the source's fields", "查看一个任务的变更及来源字段"),
    aliases=("task", "details", "查看任务"),
    personal=True,
    pages=True,
)
def record(ask: Ask, task: str, entry: str | None, page: str | None) -> Reply:
    ask = ask.listing()
    found = ask.rooms.tasks.get(task)
    if entry:
        row = next((row for row in ask.rooms.tasks.rows(task) if _is(row, entry)), None)
        if row is None:
            raise NotFoundError("entry not in task", task=task, entry=entry[:40])
        back = Button(label=ask.pick("Back", "返回"), command=f"record {task} --page 1")
        return Reply(
            title=f"{handle(ask, found.source)} · {ask.pick('task', '任务')} {task}",
            blocks=compared(ask, row, small=ask.heard is not None),
            buttons=(back,) if ask.heard else (),
            data=record_document(ask, row) if ask.documents else None,
        )
    if ask.heard:
        return _record_in_chat(ask, found, cut(ask, _ordered(ask, found), page))
    document: dict[str, Json] | None = None
    rows: Iterator[SyncRecord]
    if ask.documents:
        every = sorted(ask.rooms.tasks.rows(task), key=lambda row: (ORDER.index(row.status), row.key))
        document = {**task_document(ask, found), "records": [record_document(ask, row) for row in every]}
        rows = iter(every)
    else:
        rows = _ordered(ask, found)
    shown = cut(ask, rows, page, SHOWN_ROWS)
    blocks: list[Block] = [*task_blocks(ask, found)]
    if shown.rows:
        blocks.append(record_table(ask, shown.rows))
        blocks += _lines(ask, found, shown)
    return Reply(blocks=tuple(blocks), data=document)


def _is(row: SyncRecord, typed: str) -> bool:
    return row.entry_id == typed or (len(typed) >= SHORT_ID and row.entry_id.startswith(typed))


def _lines(ask: Ask, task: SyncTask, shown: Cut[SyncRecord]) -> list[Block]:
    lines: list[Block] = []
    again = f"record {task.task_id}"
    if shown.has_more:
        total = sum(task.counts[kind][tally] for kind in Kind for tally in Tally if tally is not Tally.UNCHANGED)
        rest = total - (shown.number - 1) * SHOWN_ROWS - len(shown.rows)
        ways = f"`{again} --page {shown.number + 1}`"
        text = ask.pick(f"… and {rest} more: {ways} (--json has all)", f"……另有 {rest} 条：{ways}（--json 查看全部）")
        lines.append(Line(text=text))
    hint = f"{again} --entry {shown.rows[0].entry_id}"
    return [*lines, Line(text=ask.pick(f"One in full: `{hint}`", f"查看单条：`{hint}`"))]


def _record_in_chat(ask: Ask, task: SyncTask, shown: Cut[SyncRecord]) -> Reply:
    again = f"record {task.task_id}"
    is_first = shown.number == 1
    card = task_card(ask, task, ask.rooms.tasks.rows(task.task_id) if is_first and task.status.is_over else ())
    buttons = tuple(each for each in card.buttons if each.command != again)
    blocks: list[Block] = [*card.blocks] if is_first else []
    if shown.rows:
        # What holds all of them is said once.
        reasons = {told(ask, row.reason, zone_of(ask, task.source)): None for row in shown.rows}
        is_shared = len(reasons) == 1 and len(shown.rows) > 1
        rows = tuple(_small_row(ask, row, is_shared) for row in shown.rows)
        if is_shared:
            blocks += [Line(text=each) for each in reasons if each]
        caption = titled(ask, ask.pick("Changes, one by one", "逐项变更"), shown)
        blocks.append(Table(columns=("",) * 4, rows=rows, caption=caption))
        hint = f"{again} --entry {short(shown.rows[0])}"
        blocks.append(Line(text=ask.pick(f"One in full: `{hint}`", f"查看单条：`{hint}`")))
    if follows := more(ask, shown, again):
        blocks.append(Line(text=follows))
    # The card of a task that goes on is edited as it does; this one is to stay on its page.
    follow = task.task_id if is_first and not task.status.is_over else None
    return replace(card, blocks=tuple(blocks), buttons=(*page_buttons(ask, shown, again), *buttons), task=follow)


def _small_row(ask: Ask, row: SyncRecord, is_bare: bool) -> tuple[str, ...]:
    what = f"{word(ask, row.action)} {row_name(ask, row)}"
    change = "" if row.action is Action.DEACTIVATE else row_changes(ask, row)
    reason = "" if is_bare else told(ask, row.reason, zone_of(ask, row.key.source))
    return what, word(ask, row.status), change or reason, short(row)


def _ordered(ask: Ask, task: SyncTask) -> Iterator[SyncRecord]:
    """Read the rows that a person must decide about, then the others; as far as somebody reads on."""
    tasks = ask.rooms.tasks
    held = sum(task.counts[kind][Tally.HELD] for kind in Kind)
    refused = sum(task.counts[kind][Tally.REJECTED] + task.counts[kind][Tally.CONFLICT] for kind in Kind)
    stopped = (RowStatus.CONFLICT, RowStatus.REJECTED)
    first = (RowStatus.HELD, RowStatus.PLANNED)
    if held or not task.status.is_over:
        yield from (row for row in tasks.rows(task.task_id) if row.status in first)
    if refused:
        yield from (row for row in tasks.rows(task.task_id) if row.status in stopped)
    said = (*(first if held or not task.status.is_over else ()), *(stopped if refused else ()))
    yield from (row for row in tasks.rows(task.task_id) if row.status not in said)


# --- who asked for what


SHOWN_LINES: Final = 50
# Verbs that several commands have, or none; and ends that are no error's code: those stay as they are everywhere.
_VERBS: Final = {
    "confirm": "确认",
    "digest": "周报",
    "notify me": "通知我",
    "outsider": "无权限者",
    "page enter": "打开页面",
    "schedule": "同步时间",
    "unknown": "未知命令",
    "welcome": "欢迎",
}
_ENDS: Final = {
    "asked to confirm": "待确认",
    "asked which source": "待选择来源",
    "done": "完成",
    "link handed out": "已发链接",
    "not answered": "未答复",
}
_AGE: Final = re.compile(r"([1-9]\d{0,3})(h|d|小时|天)")


@command(
    "audit [--type <type>] [--by <person>] [--since <when>] [--until <when>] [--page <page>]",
    zh="审计 [--type <type>] [--by <person>] [--since <when>] [--until <when>] [--page <page>]",
    role=Role.VIEWER,
    help=("Show who did what, and how it ended", "查看谁做了什么及结果"),
    aliases=("log", "审计日志", "日志"),
    personal=True,
    audits=True,
    pages=True,
)
def audit(ask: Ask, type: str | None, by: str | None, since: str | None, until: str | None, page: str | None) -> Reply:
    ask = ask.listing()
    zone = _zone(ask)
    size = ask.page_rows if ask.heard else SHOWN_LINES
    lines = ask.rooms.audit.search(
        types=_types(type),
        by=by,
        since=_when(ask, since, zone),
        until=_when(ask, until, zone),
        limit=page_number(page) * size + 1,
    )
    shown = cut(ask, lines, page if lines else None, size)
    options = (("type", type), ("by", by), ("since", since), ("until", until))
    again = joined(["audit", *(each for name, value in options if value for each in (f"--{name}", value))])
    columns = (
        ask.pick("when", "时间") + (f" ({zone})" if ask.heard else ""),
        ask.pick("who", "谁"),
        ask.pick("what", "操作"),
        ask.pick("outcome", "结果"),
    )
    rows = tuple(_line(ask, each, zone) for each in shown.rows)
    table = Table(columns=columns, rows=rows)
    nothing = Line(text=ask.pick("There is nothing like that.", "没有符合条件的记录。"))
    follows = more(ask, shown, again)
    return Reply(
        title=titled(ask, ask.pick("Audit log", "审计日志"), shown),
        blocks=(*((table,) if rows else (nothing,)), *((Line(text=follows),) if follows else ())),
        buttons=page_buttons(ask, shown, again),
        data=[_line_document(ask, each) for each in shown.rows] if ask.documents else None,
    )


def _types(typed: str | None) -> tuple[str, ...]:
    """Name the verbs of a type: any way to name a command is one, whatever the log calls it."""
    if not typed:
        return ()
    named = tuple(typed.casefold().split())
    meant = [each for each in COMMANDS if named in (*each.spellings(), (each.verb,))]
    return (typed, *(name for each in meant for name in (each.name, each.verb) if name))


def _zone(ask: Ask) -> str:
    """The zone of the chat's source; in the terminal that of the only one, or UTC."""
    if ask.heard:
        return zone_of(ask, ask.heard.source)
    zones = {each.schedule.zone for each in ask.catalog.sources()}
    return zones.pop() if len(zones) == 1 else "UTC"


def _line(ask: Ask, line: AuditLine, zone: str) -> tuple[str, ...]:
    source = handle(ask, line.source) if line.source else ""
    door = handle(ask, line.principal.door)
    verb = ask.pick(line.verb, chinese(line.verb))
    task = line.task and ask.pick(f"task {line.task}", f"任务 {line.task}")
    what = " · ".join(each for each in (verb, source, task) if each)
    at = brief(line.at, zone) if ask.heard else instant(line.at, zone)
    outcome = ask.pick(line.outcome, _ENDS.get(line.outcome, line.outcome))
    return at, f"{clean(line.principal.key)} ({door})", what, outcome


def chinese(verb: str) -> str:
    """Name a verb of the log as its command is typed in Chinese."""
    meant = [each for each in COMMANDS if each.name == verb] or [each for each in COMMANDS if each.verb == verb]
    return " ".join(meant[0].zh_words) if len(meant) == 1 else _VERBS.get(verb, verb)


def _line_document(ask: Ask, line: AuditLine) -> dict[str, Json]:
    return {
        "at": line.at.isoformat(),
        "by": line.principal.key,
        "door": handle(ask, line.principal.door),
        "where": line.where,
        "verb": line.verb,
        "source": handle(ask, line.source) if line.source else None,
        "task": line.task,
        "outcome": line.outcome,
    }


def _when(ask: Ask, typed: str | None, zone: str) -> datetime | None:
    """Read a day, a time, or an age; what names no zone is meant in the source's."""
    if typed is None:
        return None
    if age := _AGE.fullmatch(typed):
        is_days = age[2] in ("d", "天")
        return ask.rooms.clock.now() - (timedelta(days=int(age[1])) if is_days else timedelta(hours=int(age[1])))
    try:
        moment = datetime.fromisoformat(typed)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedError("when is misread", when=typed[:40]) from error
