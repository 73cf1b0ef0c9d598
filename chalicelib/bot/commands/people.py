"""The directory itself: employees and departments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from chalicelib.bot.command import Ask, command
from chalicelib.bot.commands.page import cut, more, page_buttons, titled
from chalicelib.bot.words import joined
from chalicelib.core.errors import NotFoundError
from chalicelib.core.model import Entry, Key, Kind, State
from chalicelib.core.principal import Role
from chalicelib.core.reply import Block, Button, Json, Line, Pairs, Reply, Table
from chalicelib.notices.show import (
    Tree,
    clean,
    department_document,
    employee_document,
    field_word,
    handle,
    instant,
    said,
    tree,
    word,
    zone_of,
)

SHOWN_PEOPLE = 50
# Leavers stay in the directory and are found too, so this is far above what is shown.
FOUND_PEOPLE = 5000
LONGEST_ID = 40
MOST_BUTTONS = 5
# The terminal shows a tree at once.
MOST_DEPARTMENTS = 100_000


@command(
    "employees [text] [--source <source>] [--inactive] [--all] [--page <page>]",
    zh="员工 [text] [--source <source>] [--inactive] [--all] [--page <page>]",
    role=Role.VIEWER,
    help=(
        "List employees with access, or find some by name, e-mail, mobile or number",
        "列出有访问权限的员工，或按姓名、邮箱、手机、工号查找",
    ),
    aliases=("people", "staff", "人员"),
    personal=True,
    pages=True,
)
def employees(ask: Ask, text: str | None, source: str | None, inactive: bool, all: bool, page: str | None) -> Reply:
    uid = ask.rooms.catalog.source(source).uid if source else None
    directory = ask.rooms.directory
    wanted = _wanted(inactive, all)
    found: Iterable[Entry] = directory.search(text, FOUND_PEOPLE) if text else directory.listing(Kind.EMPLOYEE)
    found = (each for each in found if wanted(each) and uid in (None, each.key.source))
    if ask.heard:
        given = {"source": source, "inactive": inactive, "all": all}
        return _in_chat(ask, sorted(found, key=_by_name) if text else found, text, given, page)
    entries = sorted(found, key=_by_name)
    where = tree(ask)
    shown = cut(ask, entries, page if entries else None, SHOWN_PEOPLE)
    rows = tuple(
        (
            entry.entry_id,
            said(ask, Kind.EMPLOYEE, "name", entry.name),
            said(ask, Kind.EMPLOYEE, "en_name", entry.values.get("en_name")),
            said(ask, Kind.EMPLOYEE, "title", entry.values.get("title")),
            "\n".join(where.path(each) for each in _departments(entry)) or "/",
            word(ask, entry.state),
        )
        for entry in shown.rows
    )
    columns = (
        ask.pick("entry", "条目"),
        ask.pick("name", "姓名"),
        ask.pick("English name", "英文名"),
        ask.pick("title", "职务"),
        ask.pick("departments", "部门"),
        ask.pick("state", "状态"),
    )
    count = ask.pick(f"{len(entries)} employees", f"{len(entries)} 名员工")
    if shown.has_more and shown.number == 1:
        count += ask.pick(
            f", the first {SHOWN_PEOPLE} shown; add a name to narrow, or --page 2",
            f"，显示前 {SHOWN_PEOPLE} 名；可加姓名缩小范围，或用 --page 2",
        )
    managers = _managers(ask, entries) if ask.documents else {}
    return Reply(
        blocks=(*((Table(columns=columns, rows=rows),) if rows else ()), Line(text=count)),
        data=[employee_document(ask, entry, where, managers) for entry in entries] if ask.documents else None,
    )


def _in_chat(
    ask: Ask, found: Iterable[Entry], text: str | None, given: dict[str, str | bool | None], page: str | None
) -> Reply:
    """List people for a phone; without a text in no order, because nobody wants to read all of them."""
    shown = cut(ask, found, page)
    options = (each for name, value in given.items() if value for each in (f"--{name}", value))
    again = joined(["employees", *([text] if text else []), *(each for each in options if isinstance(each, str))])
    if not shown.rows:
        return Reply(blocks=(Line(text=ask.pick("0 employees", "0 名员工")),), data=None)
    blocks: list[Block] = [_people(ask, shown.rows)]
    if follows := more(ask, shown, again):
        blocks.append(Line(text=follows))
    return Reply(
        title=titled(ask, ask.pick("Employees", "员工"), shown),
        blocks=tuple(blocks),
        buttons=page_buttons(ask, shown, again),
        data=None,
    )


def _people(ask: Ask, entries: Iterable[Entry]) -> Table:
    where = tree(ask)
    rows = tuple(
        (
            said(ask, Kind.EMPLOYEE, "name", entry.name),
            "; ".join(where.path(each) for each in _departments(entry)) or "/",
            word(ask, entry.state),
        )
        for entry in entries
    )
    names = (ask.pick("name", "姓名"), ask.pick("department", "部门"), ask.pick("state", "状态"))
    return Table(columns=("",) * len(names) if ask.heard else names, rows=rows)


@command(
    "who <text...>",
    zh="找人 <text...>",
    role=Role.VIEWER,
    help=("Find a person by name, e-mail, mobile or number", "按姓名、邮箱、手机或工号找人"),
    aliases=("find", "whois", "谁", "查找", "查人"),
    personal=True,
    pages=True,
)
def who(ask: Ask, text: tuple[str, ...]) -> Reply:
    found = one_of(ask, " ".join(text), "who")
    return found if isinstance(found, Reply) else _shown(ask, found)


def one_of(ask: Ask, text: str, verb: str) -> Entry | Reply:
    """Find the one person who is meant, or give the ones to choose from.

    Raises:
        NotFoundError: nobody is found.
    """
    if looks_like_an_id(text):
        entry = ask.rooms.directory.entries([text]).get(text)
        if entry is not None and entry.kind is Kind.EMPLOYEE:
            return entry
    every = ask.rooms.directory.search(text, FOUND_PEOPLE)
    found = sorted((each for each in every if each.state.has_access), key=_by_name) or sorted(every, key=_by_name)
    if not found:
        raise NotFoundError("nobody found", text=clean(text, 40))
    exact = [each for each in found if text.casefold() in _names(each)]
    if len(found) == 1 or len(exact) == 1:
        return exact[0] if len(exact) == 1 else found[0]
    shown = found[: ask.page_rows]
    count = Line(
        text=ask.pick(f"{len(found)} people; type more of the name.", f"找到 {len(found)} 人，请输入更完整的姓名。")
    )
    buttons = tuple(
        Button(
            label=said(ask, Kind.EMPLOYEE, "name", each.name)[:20] or each.entry_id, command=f"{verb} {each.entry_id}"
        )
        for each in shown[:MOST_BUTTONS]
    )
    where = tree(ask)
    documents = [employee_document(ask, each, where, {}) for each in found] if ask.documents else None
    return Reply(
        title=clean(text, 40),
        blocks=(_people(ask, shown), count),
        buttons=buttons if ask.heard else (),
        data=documents,
    )


def _names(entry: Entry) -> set[str]:
    return {str(entry.values.get(each) or "").casefold() for each in ("name", "en_name", "email", "employee_no")}


def looks_like_an_id(text: str) -> bool:
    return text.isascii() and text.isalnum() and len(text) <= LONGEST_ID


@command(
    "employee show <id>",
    zh="查看员工 <id>",
    role=Role.VIEWER,
    help=("Show one employee in full", "查看一名员工的全部信息"),
    aliases=("show employee", "员工详情"),
    personal=True,
)
def employee_show(ask: Ask, id: str) -> Reply:
    entry = ask.rooms.directory.entries([id]).get(id) if looks_like_an_id(id) else None
    if entry is None or entry.kind is not Kind.EMPLOYEE:
        raise NotFoundError("no such entry", entry=id[:40])
    return _shown(ask, entry)


def _shown(ask: Ask, entry: Entry) -> Reply:
    where, managers = tree(ask), _managers(ask, [entry])
    manager = managers.get(str(entry.values.get("manager")))
    zone = zone_of(ask, entry.key.source)
    further, is_written = _links(ask, entry)
    owner = handle(ask, entry.key.source) + ("" if ask.heard else f" {clean(entry.key.external_id)}")
    if not is_written:
        owner += ask.pick(" (not linked any more)", "（已不再关联）")
    values = {
        field_word(ask, name): said(ask, Kind.EMPLOYEE, name, value)
        for name, value in entry.values.items()
        if name not in ("departments", "manager", "state")
    }
    pairs = (
        *values.items(),
        (ask.pick("departments", "部门"), "\n".join(where.path(each) for each in _departments(entry)) or "/"),
        (ask.pick("manager", "上级"), said(ask, Kind.EMPLOYEE, "name", manager.name) if manager else ""),
        (ask.pick("state", "状态"), word(ask, entry.state)),
        *(
            (
                (ask.pick("source", "来源"), owner),
                (ask.pick("also in", "同时在"), "\n".join(handle(ask, each.source) for each in further)),
                (ask.pick("seen there", "最近读取"), instant(entry.observed_at, zone)),
            )
            if ask.heard
            else (
                (ask.pick("source", "来源"), owner),
                *(
                    (ask.pick("also in", "同时在"), f"{handle(ask, each.source)} {clean(each.external_id)}")
                    for each in further
                ),
                (ask.pick("revision", "版本"), f"{entry.revision}, {instant(entry.observed_at, zone)}"),
            )
        ),
    )
    why = Button(label=ask.pick("Why", "来历"), command=f"why {entry.entry_id}")
    return Reply(
        title=said(ask, Kind.EMPLOYEE, "name", entry.name),
        # The id is in the button's command; a phone is no place for it.
        blocks=(
            Pairs(
                caption="" if ask.heard else entry.entry_id,
                pairs=tuple(each for each in pairs if each[1] or not ask.heard),
            ),
        ),
        buttons=(why,) if ask.heard else (),
        data=_document(ask, entry, where, managers, further, is_written) if ask.documents else None,
    )


def _links(ask: Ask, entry: Entry) -> tuple[tuple[Key, ...], bool]:
    """List the keys that are linked to an entry besides the owning one, and tell whether that one still is."""
    known = {source.uid for source in ask.catalog.sources()}
    links = ask.rooms.directory.links_of([entry.key, *entry.others])
    there = {key for key, link in links.items() if link.entry_id == entry.entry_id and key.source in known}
    return tuple(key for key in entry.others if key in there), entry.key in there


def _document(
    ask: Ask, entry: Entry, where: Tree, managers: Mapping[str, Entry], further: Sequence[Key], is_written: bool
) -> dict[str, Json]:
    keys = (*((entry.key,) if is_written else ()), *further)
    links: list[Json] = [
        {"source": handle(ask, key.source), "key": key.external_id, "owns": key == entry.key} for key in keys
    ]
    return {**employee_document(ask, entry, where, managers), "links": links}


@command(
    "departments [--source <source>] [--page <page>]",
    zh="部门 [--source <source>] [--page <page>]",
    role=Role.VIEWER,
    help=("List the departments that are open", "列出现有部门"),
    aliases=("depts", "dept", "部门列表"),
    pages=True,
)
def departments(ask: Ask, source: str | None, page: str | None) -> Reply:
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
    shown = cut(ask, entries, page, None if ask.heard or page else MOST_DEPARTMENTS)
    again = f"departments --source {source}" if source else "departments"
    columns: tuple[str, ...] = (
        ask.pick("entry", "条目"),
        ask.pick("department", "部门"),
        ask.pick("English name", "英文名"),
    )
    rows: tuple[tuple[str, ...], ...] = tuple(
        (entry.entry_id, where.path(entry.entry_id), clean(str(entry.values.get("en_name") or "")))
        for entry in shown.rows
    )
    if ask.heard:
        columns, rows = ("",), tuple(row[1:2] for row in rows)
    count = ask.pick(f"{len(entries)} departments", f"{len(entries)} 个部门")
    follows = more(ask, shown, again)
    return Reply(
        title=titled(ask, ask.pick("Departments", "部门"), shown) if ask.heard else "",
        blocks=(
            *((Table(columns=columns, rows=rows),) if rows else ()),
            Line(text=f"{count} {follows}".strip()),
        ),
        buttons=page_buttons(ask, shown, again),
        data=[department_document(ask, entry, where) for entry in entries] if ask.documents else None,
    )


def _by_name(entry: Entry) -> tuple[str, str]:
    return entry.name, entry.entry_id


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
