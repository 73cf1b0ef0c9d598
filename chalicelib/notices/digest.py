"""A week of a source in a few lines."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from chalicelib.core.model import Kind
from chalicelib.core.ports import Tasks
from chalicelib.core.reply import Block, Button, Line, Pairs, Reply, Tone
from chalicelib.core.source import Source
from chalicelib.core.task import Approved, Purpose, SyncTask, Tally, TaskStatus
from chalicelib.notices.show import View, word

WEEK: Final = timedelta(days=7)
# More tasks than this in a week are events; they are counted this far, and the digest says so.
MOST_TASKS: Final = 2000


def digest(view: View, source: Source, tasks: Tasks, now: datetime) -> Reply:
    """Say what changed within a week, what failed, and what waits."""
    recent = tasks.recent(source.uid, MOST_TASKS)
    week = [task for task in recent if task.asked_at > now - WEEK and task.purpose is Purpose.SYNC]
    # What was approved counts as done in the task that held it, too.
    known = {task.task_id for task in week}
    once = [task for task in week if not (isinstance(task.extent, Approved) and task.extent.of in known)]
    changes = Counter({tally: sum(task.counts[Kind.EMPLOYEE][tally] for task in once) for tally in _TOLD})
    failed = sum(1 for task in week if task.status is TaskStatus.FAILED)
    held = len(tasks.held(source.uid))
    blocks: list[Block] = [Line(text=_head(view, week, failed), tone=Tone.WARN if failed else Tone.GOOD)]
    if any(changes.values()):
        pairs = tuple((word(view, tally), str(changes[tally])) for tally in _TOLD if changes[tally])
        blocks.append(Pairs(caption=word(view, "employees"), pairs=pairs))
    if held:
        text = view.pick(f"{held} plan(s) wait for a decision.", f"有 {held} 个计划等待审批。")
        blocks.append(Line(text=text, tone=Tone.WARN))
    if len(recent) == MOST_TASKS and len(week) == MOST_TASKS:
        blocks.append(
            Line(text=view.pick(f"Of the last {MOST_TASKS} tasks only.", f"仅统计最近 {MOST_TASKS} 个任务。"))
        )
    return Reply(
        title=view.pick(f"{source.handle} · the week", f"{source.handle} · 本周小结"),
        blocks=tuple(blocks),
        buttons=(Button(label=view.pick("Records", "记录"), command=f"records {source.handle}"),),
        data=None,
        lang=view.lang,
    )


def _head(view: View, week: list[SyncTask], failed: int) -> str:
    if failed:
        return view.pick(f"Tasks: {len(week)}, of which {failed} failed.", f"{len(week)} 个任务，{failed} 个失败。")
    return view.pick(f"Tasks: {len(week)}, none failed.", f"{len(week)} 个任务，没有失败。")


_TOLD: Final = (Tally.CREATED, Tally.ADOPTED, Tally.UPDATED, Tally.DEACTIVATED, Tally.REACTIVATED)
