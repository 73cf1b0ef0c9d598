"""Wait for a task: run it here, or watch the worker that has it, and take over when that one dies."""

from __future__ import annotations

import math

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from chalicelib.core import task as core
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.task import SyncTask
from chalicelib.sync.run import Runner
from chalicelib.terminal.screen import Screen
from chalicelib.wiring import Outside

POLL_S = 0.5
STAGES = {
    "read": ("reading", "读取"),
    "confirm": ("looking up absentees", "逐一确认"),
    "apply": ("applying", "写入"),
    "settle": ("recording", "记录"),
}


def wait_for(task: SyncTask, outside: Outside, runner: Runner, screen: Screen, lang: Lang) -> SyncTask:
    """Return the task when it has ended."""
    shown = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
        console=screen.errors if screen.as_json or not screen.errors.is_terminal else Console(stderr=True),
        transient=True,
        disable=not screen.errors.is_terminal,
    )
    with shown:
        line = shown.add_task("", total=None, count="")

        def watch(progress: core.Progress) -> None:
            total = progress.total or None
            count = f"{progress.done}/{total}" if total else str(progress.done or "")
            description = STAGES[progress.stage][lang is Lang.ZH]
            shown.update(line, description=description, total=total, completed=progress.done, count=count)

        reason = None
        while True:
            again = runner.wake(task.source, lambda: math.inf, watch)
            task = outside.tasks.get(task.task_id)
            if task.status.is_over:
                return task
            if task.reason and task.reason != reason:
                screen.note(say(task.reason.code, lang, task.reason.facts))
                reason = task.reason
            lease = outside.tasks.lease(task.source)
            if lease is not None and lease[1] is not None:
                watch(lease[1])
            outside.clock.sleep(again or POLL_S)
