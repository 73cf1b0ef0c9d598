"""The directory itself: employees and departments."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from chalicelib.bot.command import Ask, command
from chalicelib.core.errors import NotFoundError
from chalicelib.core.model import Entry, Kind, State
from chalicelib.core.principal import Role
from chalicelib.core.reply import Line, Pairs, Reply, Table
from chalicelib.notices.show import (
    cell,
    department_document,
    employee_document,
    handle,
    instant,
    tree,
    word,
)

SHOWN_PEOPLE = 50
# Leavers stay in the directory and are found too, so this is far above what is shown.
FOUND_PEOPLE = 5000
LONGEST_ID = 40


@command(
    "employees [text] [--source <source>] [--inactive] [--all]",
    zh="员工 [text] [--source <source>] [--inactive] [--all]",
    role=Role.VIEWER,
    help=(
        "List employees with access, or find some by name, e-mail, mobile or number",
        "列出有访问权限的员工，或按姓名、邮箱、手机、工号查找",
    ),
)
def employees(ask: Ask, text: str | None, source: str | None, inactive: bool, all: bool) -> Reply:
    uid = ask.rooms.catalog.source(source).uid if source else None
    directory = ask.rooms.directory
    found: Iterable[Entry] = directory.search(text, FOUND_PEOPLE) if text else directory.listing(Kind.EMPLOYEE)
    wanted = _wanted(inactive, all)
    entries = sorted(
        (each for each in found if wanted(each) and uid in (None, each.key.source)),
        key=lambda each: (each.name, each.entry_id),
    )
    where = tree(ask)
    managers = _managers(ask, entries)
    rows = tuple(
        (
            entry.entry_id,
            entry.name,
            cell(entry.values.get("en_name")),
            cell(entry.values.get("title")),
            "\n".join(where.path(each) for each in _departments(entry)) or "/",
            word(ask, entry.state),
        )
        for entry in entries[:SHOWN_PEOPLE]
    )
    columns = (
        ask.pick("entry", "条目"),
        ask.pick("name", "姓名"),
        ask.pick("English name", "英文名"),
        ask.pick("title", "职务"),
        ask.pick("departments", "部门"),
        ask.pick("state", "状态"),
    )
    more = len(entries) - len(rows)
    count = ask.pick(f"{len(entries)} employees", f"{len(entries)} 名员工")
    if more > 0:
        count += ask.pick(
            f", the first {SHOWN_PEOPLE} shown; add a name to narrow", f"，显示前 {SHOWN_PEOPLE} 名；可加姓名缩小范围"
        )
    documents = [employee_document(ask, entry, where, managers) for entry in entries]
    return Reply(blocks=(*((Table(columns=columns, rows=rows),) if rows else ()), Line(text=count)), data=documents)


@command(
    "employee show <id>",
    zh="查看员工 <id>",
    role=Role.VIEWER,
    help=("Show one employee in full", "查看一名员工的全部信息"),
)
def employee_show(ask: Ask, id: str) -> Reply:
    typed_well = id.isascii() and id.isalnum() and len(id) <= LONGEST_ID
    entry = ask.rooms.directory.entries([id]).get(id) if typed_well else None
    if entry is None or entry.kind is not Kind.EMPLOYEE:
        raise NotFoundError("no such entry", entry=id[:40])
    where, managers = tree(ask), _managers(ask, [entry])
    manager = managers.get(str(entry.values.get("manager")))
    values = {
        name: cell(value) for name, value in entry.values.items() if name not in ("departments", "manager", "state")
    }
    pairs = (
        *values.items(),
        (ask.pick("departments", "部门"), "\n".join(where.path(each) for each in _departments(entry)) or "/"),
        (ask.pick("manager", "上级"), manager.name if manager else ""),
        (ask.pick("state", "状态"), word(ask, entry.state)),
        (ask.pick("source", "来源"), f"{handle(ask, entry.key.source)} {entry.key.external_id}"),
        (ask.pick("revision", "版本"), f"{entry.revision}, {instant(entry.observed_at)}"),
    )
    document = employee_document(ask, entry, where, managers)
    return Reply(blocks=(Pairs(caption=entry.entry_id, pairs=pairs),), data=document)


@command(
    "departments [--source <source>]",
    zh="部门 [--source <source>]",
    role=Role.VIEWER,
    help=("List the departments that are open", "列出现有部门"),
)
def departments(ask: Ask, source: str | None) -> Reply:
    uid = ask.rooms.catalog.source(source).uid if source else None
    where = tree(ask)
    entries = sorted(
        (
            entry
            for entry in where.departments.values()
            if entry.state is not State.LEFT and uid in (None, entry.key.source)
        ),
        key=lambda entry: where.path(entry.entry_id),
    )
    rows = tuple((entry.entry_id, where.path(entry.entry_id), cell(entry.values.get("en_name"))) for entry in entries)
    columns = (ask.pick("entry", "条目"), ask.pick("department", "部门"), ask.pick("English name", "英文名"))
    count = Line(text=ask.pick(f"{len(entries)} departments", f"{len(entries)} 个部门"))
    return Reply(
        blocks=(*((Table(columns=columns, rows=rows),) if rows else ()), count),
        data=[department_document(ask, entry, where) for entry in entries],
    )


def _wanted(inactive: bool, every: bool) -> Callable[[Entry], bool]:
    if every:
        return lambda entry: True
    return lambda entry: entry.state.has_access is not inactive


def _departments(entry: Entry) -> tuple[str, ...]:
    found = entry.values.get("departments")
    return found if isinstance(found, tuple) else ()


def _managers(ask: Ask, entries: Iterable[Entry]) -> dict[str, Entry]:
    wanted = sorted({str(entry.values["manager"]) for entry in entries if entry.values.get("manager")})
    return dict(ask.rooms.directory.entries(wanted))
