"""Wait for a task: run it here, or watch the worker that has it, and take over when that one dies."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from chalicelib.core import task as core
from chalicelib.core.catalogue import Lang, say
from chalicelib.core.task import SyncTask
from chalicelib.outside import Outside
from chalicelib.sync.run import Runner
from chalicelib.terminal.screen import Screen

POLL_S = 0.5
OTHER = (
    "another worker is at task {task}; if it is silent, this one takes over",
    "另一个进程正在执行任务 {task}；如其无响应，将由本进程接手",
)
STAGES = {
    "read": ("reading", "读取"),
    "confirm": ("looking up by name", "逐一确认"),
    "apply": ("applying", "写入"),
    "settle": ("recording", "记录"),
}


def wait_for(task: SyncTask, outside: Outside, runner: Runner | None, screen: Screen, lang: Lang) -> SyncTask:
    """Return the task when it has ended; show on standard error how far it is. Without a runner others run it."""
    told, said_other = None, False
    with _shown(screen, lang) as watch:
        while True:
            again = runner.wake(task.source, lambda: math.inf, watch) if runner else None
            task = outside.tasks.get(task.task_id)
            if task.status.is_over:
                return task
            if task.reason and task.reason != told:
                told = task.reason
                screen.note(say(told.code, lang, told.facts))
            lease = outside.tasks.lease(task.source)
            if lease is not None and runner and not said_other:
                said_other = True
                screen.note(OTHER[lang is Lang.ZH].format(task=task.task_id))
            if lease is not None and lease[1] is not None:
                watch(lease[1])
            outside.clock.sleep(again or POLL_S)


@contextmanager
def _shown(screen: Screen, lang: Lang) -> Iterator[Callable[[core.Progress], None]]:
    """A bar on a terminal; elsewhere one line a stage, when it is half done and when it is done."""
    if not screen.errors.is_terminal:
        yield _lines(screen, lang)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[count]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen.errors, transient=True) as bar:
        line = bar.add_task("", total=None, count="")

        def watch(progress: core.Progress) -> None:
            total = progress.total or None
            count = f"{progress.done}/{total}" if total else str(progress.done or "")
            bar.update(line, description=_stage(progress, lang), total=total, completed=progress.done, count=count)

        yield watch


def _lines(screen: Screen, lang: Lang) -> Callable[[core.Progress], None]:
    said: set[tuple[str, int]] = set()

    def watch(progress: core.Progress) -> None:
        halves = 2 * progress.done // progress.total if progress.total else 0
        if halves and (progress.stage, halves) not in said:
            said.add((progress.stage, halves))
            screen.note(f"  {_stage(progress, lang)} {progress.done}/{progress.total}")

    return watch


def _stage(progress: core.Progress, lang: Lang) -> str:
    return STAGES[progress.stage][lang is Lang.ZH]
