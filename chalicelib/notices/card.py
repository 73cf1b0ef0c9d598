"""A task as a card: where it stands, what it changed, what happens next, and what can be pressed about it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from chalicelib.core.errors import NotFoundError
from chalicelib.core.model import Kind, Value
from chalicelib.core.reply import Block, Button, Line, Pairs, Reply, Table, Tone, Weight
from chalicelib.core.source import due_at
from chalicelib.core.task import Progress, Purpose, SyncRecord, SyncTask, Tally, TaskStatus
from chalicelib.notices.show import TONES, View, clean, handle, instant, task_document, told, word, zone_of

SHOWN_DEPARTMENTS: Final = 5
# Of a longer plan the departments of the first rows are counted, and the card says so.
COUNTED_ROWS: Final = 2000

STAGES: Final = {
    "read": ("reading the source", "读取来源"),
    "confirm": ("looking up by name", "逐一确认"),
    "apply": ("writing", "写入"),
    "settle": ("recording", "记录"),
}


def task_card(view: View, task: SyncTask, rows: Iterable[SyncRecord] = (), progress: Progress | None = None) -> Reply:
    """Draw a task. `rows` are its plan, for the departments it touches; `progress` is how far a running one is."""
    name, zone = handle(view, task.source), zone_of(view, task.source)
    what = view.pick("preview", "预览") if task.purpose is Purpose.PREVIEW else view.pick("sync", "同步")
    # The head has the tone already.
    blocks: list[Block] = [Line(text=_standing(view, task, progress, zone))]
    blocks += [Line(text=told(view, remark, zone), tone=Tone.WARN) for remark in task.remarks]
    if task.status.is_over:
        blocks += _counted(view, task)
        blocks += _places(view, task, rows)
        blocks += _next(view, task)
    return Reply(
        title=f"{name} · {what} {task.task_id} · {word(view, task.status)}",
        tone=TONES.get(task.status, Tone.PLAIN),
        blocks=tuple(blocks),
        buttons=_buttons(view, task, name),
        data=task_document(view, task),
        task=task.task_id,
        lang=view.lang,
    )


def _standing(view: View, task: SyncTask, progress: Progress | None, zone: str) -> str:
    waits = sum(task.counts[kind][Tally.HELD] for kind in Kind)
    match task.status, task.reason and task.reason.code:
        case TaskStatus.HELD, "waits for approval":
            return view.pick(
                f"{waits} change(s) wait for a decision; everything else is applied. Approve all of them, choose some, "
                "or refuse.",
                f"有 {waits} 项变更待审批，其余已执行。可以全部批准、选择一部分批准，或拒绝。",
            )
        case TaskStatus.PREVIEWED, "is a preview":
            return view.pick(
                "This is what a sync would change. Nothing is applied yet: approve all of it, choose some, or refuse.",
                "这是同步将作的变更，尚未执行。可以全部批准、选择一部分批准，或拒绝。",
            )
    if task.reason:
        return told(view, task.reason, zone)
    if task.status is TaskStatus.QUEUED:
        return view.pick("Waiting to start.", "等待开始。")
    if task.status is TaskStatus.RUNNING:
        if progress is None:
            return view.pick("At work.", "进行中。")
        stage = view.pick(*STAGES[progress.stage]) if progress.stage in STAGES else progress.stage
        return f"{stage} · {progress.done}" + (f" / {progress.total}" if progress.total else "")
    if not any(task.counts[kind][tally] for kind in Kind for tally in CHANGES):
        return view.pick("Nothing had changed.", "没有变化。")
    return view.pick("Done.", "已完成。")


CHANGES: Final = (Tally.CREATED, Tally.ADOPTED, Tally.UPDATED, Tally.DEACTIVATED, Tally.REACTIVATED)


def _counted(view: View, task: SyncTask) -> list[Block]:
    shown = [tally for tally in Tally if any(task.counts[kind][tally] for kind in Kind)]
    if not shown:
        return []
    rows = tuple(
        (word(view, tally), *(str(task.counts[kind][tally] or "·") for kind in (Kind.EMPLOYEE, Kind.DEPARTMENT)))
        for tally in shown
    )
    return [Table(columns=("", word(view, "employees"), word(view, "departments")), rows=rows)]


def _next(view: View, task: SyncTask) -> list[Block]:
    """Say when the source is synced by itself again."""
    if task.status not in (TaskStatus.DONE, TaskStatus.FAILED):
        return []
    try:
        source = view.catalog.source(task.source)
    except NotFoundError:  # deleted since
        return []
    at = due_at(source)
    when = instant(at, source.schedule.zone)
    return [Line(text=view.pick(f"Next sync: {when}.", f"下次同步：{when}。"))] if at else []


def _places(view: View, task: SyncTask, rows: Iterable[SyncRecord]) -> list[Block]:
    """Count the changed people by the department that they are in."""
    looked_at = list(islice(rows, COUNTED_ROWS + 1))
    homes = Counter(home for row in looked_at[:COUNTED_ROWS] if row.key.kind is Kind.EMPLOYEE and (home := _home(row)))
    if len(homes) < 2:
        return []
    most = homes.most_common(SHOWN_DEPARTMENTS)
    names = _named(view, [home for home, _ in most])
    pairs = [(names.get(home) or "?", str(count)) for home, count in most]
    if len(homes) > SHOWN_DEPARTMENTS:
        rest = len(homes) - SHOWN_DEPARTMENTS
        others = str(sum(homes.values()) - sum(count for _, count in most))
        pairs.append((view.pick(f"{rest} other departments", f"其他 {rest} 个部门"), others))
    caption = view.pick("People changed, by department", "各部门变更人数")
    if task.status in (TaskStatus.HELD, TaskStatus.PREVIEWED):
        caption = view.pick("People in this plan, by department", "计划涉及人数（按部门）")
    if len(looked_at) > COUNTED_ROWS:
        caption += view.pick(f" (of the first {COUNTED_ROWS} changes)", f"（前 {COUNTED_ROWS} 项变更）")
    return [Pairs(pairs=tuple(pairs), caption=caption)]


def _named(view: View, homes: Sequence[str]) -> Mapping[str, str]:
    """Name departments with what they are part of: many are called alike."""
    entries = view.directory.entries(homes)
    above = {entry_id: str(entry.values.get("parent") or "") for entry_id, entry in entries.items()}
    parents = view.directory.entries(sorted(filter(None, {*above.values()})))
    named: dict[str, str] = {}
    for entry_id, entry in entries.items():
        parent = parents.get(above[entry_id])
        named[entry_id] = " / ".join(clean(each.name) for each in (parent, entry) if each and each.name)
    return named


def _home(row: SyncRecord) -> str | None:
    homes: Value = row.after.get("departments") or row.before.get("departments")
    return homes[0] if isinstance(homes, tuple) and homes else None


def _buttons(view: View, task: SyncTask, name: str) -> tuple[Button, ...]:
    number = task.task_id
    details = Button(label=view.pick("Details", "详情"), command=f"record {number}")
    again = Button(label=view.pick("Sync now", "立即同步"), command=f"sync now {name}", weight=Weight.PRIMARY)
    match task.status:
        case TaskStatus.QUEUED | TaskStatus.RUNNING:
            return (Button(label=view.pick("Cancel", "取消"), command=f"sync cancel {number}"),)
        case TaskStatus.HELD | TaskStatus.PREVIEWED:
            approve = view.pick("Approve", "批准")
            return (
                Button(label=approve, command=f"sync approve {number}", weight=Weight.DANGER),
                Button(label=view.pick("Choose", "选择"), command=f"sync choose {number}"),
                Button(label=view.pick("Refuse", "拒绝"), command=f"sync reject {number}"),
                details,
            )
        case TaskStatus.FAILED:
            return again, Button(label=view.pick("Test", "检测"), command=f"test {name}"), details
        case _:
            return details, again
