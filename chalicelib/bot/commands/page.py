"""Long lists page by page: no more is read than is shown, and one row to see whether there is more."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final, Generic, TypeVar

from chalicelib.bot.command import Ask
from chalicelib.core.errors import MalformedError
from chalicelib.core.reply import Button

Row = TypeVar("Row")
# Whoever wants to see more than that wants `--json`.
_MOST_PAGES: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut(Generic[Row]):
    """One page of a list, `number` from 1 on."""

    rows: tuple[Row, ...]
    number: int
    has_more: bool


def cut(ask: Ask, rows: Iterable[Row], page: str | None, size: int | None = None) -> Cut[Row]:
    """Take one page of a list.

    Raises:
        MalformedError: that is no number of a page.
    """
    number = page_number(page)
    size = size or ask.page_rows
    found = tuple(islice(rows, (number - 1) * size, number * size + 1))
    if number > 1 and not found:
        raise MalformedError("page breaks its rule", page=number)
    return Cut(rows=found[:size], number=number, has_more=len(found) > size)


def page_number(page: str | None) -> int:
    """
    Raises:
        MalformedError: that is no number of a page.
    """
    if page is None:
        return 1
    if not page.isascii() or not page.isdecimal() or len(page) > len(str(_MOST_PAGES)) or int(page) < 1:
        raise MalformedError("page breaks its rule", page=page[:20])
    return int(page)


def page_buttons(ask: Ask, shown: Cut[Row], command: str) -> tuple[Button, ...]:
    """Lead on and back; `command` is the list's, without its page."""
    before = Button(label=ask.pick("Back", "上一页"), command=f"{command} --page {shown.number - 1}")
    after = Button(label=ask.pick("More", "下一页"), command=f"{command} --page {shown.number + 1}")
    return (*((before,) if shown.number > 1 else ()), *((after,) if shown.has_more else ()))


def titled(ask: Ask, title: str, shown: Cut[Row]) -> str:
    """Name a list, and its page where there are several."""
    if shown.number == 1 and not shown.has_more:
        return title
    return ask.pick(f"{title} · page {shown.number}", f"{title} · 第 {shown.number} 页")


def more(ask: Ask, shown: Cut[Row], command: str) -> str:
    """Say where a list goes on, "" at its end, and in a chat, where a button does."""
    if not shown.has_more or ask.heard:
        return ""
    text = f"{command} --page {shown.number + 1}"
    return ask.pick(f"… and more: `{text}`", f"……还有更多：`{text}`")
