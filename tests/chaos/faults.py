"""What goes wrong: every kind of fault, how it is brought about, and which laws of the house it attacks.

A kind arms itself on a scene and gives back a `Trouble`, which knows how often it struck and how to lift it.

"An index that lags" is no kind of its own: the store has no index that could (ADR 0001), every read is consistent.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Final, Protocol

from chalicelib.core.model import Kind as EntryKind
from infra.lab import faults
from infra.lab.injection import Edit, Fault, PageShape
from infra.lab.wire import Call, JsonObject
from tests.chaos.machine import FaultyTable, Life, Watch, Wire
from tests.chaos.tenants import Spelling, Tenant

ALL: Final = frozenset({"lark", "dingtalk"})
LARK: Final = frozenset({"lark"})
Change = Callable[[JsonObject, Random], bool]


class Scene(Protocol):
    """What a fault may lay hands on."""

    @property
    def tenant(self) -> Tenant: ...
    @property
    def wire(self) -> Wire: ...
    @property
    def table(self) -> FaultyTable: ...
    @property
    def life(self) -> Life: ...
    @property
    def ours(self) -> Watch: ...
    @property
    def theirs(self) -> Watch: ...

    # The chance that a worker's time is over at a point where it may stop, and how often it was.
    patience: float
    cut_off: int

    @property
    def tight(self) -> bool:
        """Tell whether the guard is so tight that an edit of everybody goes beyond it."""

    def note(self) -> None:
        """Remember the truth, which has just changed."""

    def known_people(self) -> Collection[str]:
        """Name those who are in the directory, by external id."""

    def excuse(self) -> None:
        """The walk at work cannot know what it does not see from now on; the next one has to say so."""

    def wake_another(self, *, late: bool) -> None:
        """Wake a second worker while the first is at work, or `late`: when the lease of the first has run out."""

    def hear(self, act: Callable[[Random], bool]) -> bool:
        """Let something happen in the company, and work off the event that tells of it."""

    def welcome_strangers(self) -> None:
        """Another company is shown in the middle of a walk: its people may come in, and must harm nobody."""


@dataclass
class Trouble:
    """A fault at work. `struck` counts what `api.faults` does not."""

    fired: Callable[[], int]
    lift: Callable[[], None]


@dataclass
class Tally:
    struck: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """`lingers`: a state of the vendor, which may outlast the trouble of a day and need not be lifted at the end.

    `alone`: a lie that the program sees through only while all else is as it says; nothing else happens that day.
    """

    name: str
    laws: tuple[int, ...]
    arm: Callable[[Scene, Random], Trouble]
    vendors: frozenset[str] = ALL
    lingers: bool = False
    alone: bool = False


KINDS: dict[str, Kind] = {}


def kind(
    name: str, *laws: int, vendors: frozenset[str] = ALL, lingers: bool = False, alone: bool = False
) -> Callable[[Callable[[Scene, Random], Trouble]], Callable[[Scene, Random], Trouble]]:
    def register(arm: Callable[[Scene, Random], Trouble]) -> Callable[[Scene, Random], Trouble]:
        KINDS[name] = Kind(name=name, laws=laws, arm=arm, vendors=vendors, lingers=lingers, alone=alone)
        return arm

    return register


def of(vendor: str) -> tuple[Kind, ...]:
    return tuple(each for each in KINDS.values() if vendor in each.vendors)


# --- ways to bring faults about


def _in_lab(scene: Scene, *armed: Fault) -> Trouble:
    """Arm faults of the lab itself."""
    lab = scene.tenant.api.faults
    numbers = lab.add(*armed)
    last = Tally()

    def fired() -> int:
        return last.struck or sum(lab.fired(number) for number in numbers)

    def lift() -> None:
        last.struck = fired()
        for number in numbers:
            lab.remove(number)

    return Trouble(fired, lift)


def _while(struck: int, undo: Callable[[], None]) -> Trouble:
    return Trouble(lambda: struck, undo)


def _span(rng: Random) -> tuple[int, int | None]:
    """Choose from which matching call on, and to which: often all of them."""
    first = rng.choice((1, 1, 1, 2, 3, 5, 8))
    return first, rng.choice((None, None, first, first + 2))


def _lists(scene: Scene, rng: Random) -> str:
    return rng.choice((scene.tenant.doors.tree, scene.tenant.doors.people, scene.tenant.doors.people))


def _pages(scene: Scene, rng: Random) -> str:
    """Choose a list that comes in pages, and see to it that it has several."""
    scene.wire.page_size = 2
    return rng.choice(scene.tenant.doors.paged)


def _doors(scene: Scene, rng: Random) -> str:
    doors = scene.tenant.doors
    return rng.choice((doors.tree, doors.people, doors.people, doors.token, doors.permissions, "*"))


def _look_ups(scene: Scene) -> Sequence[str]:
    doors = scene.tenant.doors
    every = (doors.single_person, doors.single_department, doors.batch_people, doors.batch_departments)
    return tuple(each for each in every if each)


def _during(scene: Scene, rng: Random, act: Callable[[Random], bool], *, door: str = "*", latest: int = 14) -> Trouble:
    """Let something happen in the company in the middle of a walk."""
    tally, nth = Tally(), rng.randint(2, latest)

    def happen(call: Call) -> None:
        tally.struck += act(rng)
        scene.note()

    trouble = _in_lab(scene, faults.on_call(happen, endpoint=door, nth=nth, after=rng.random() < 0.5))
    return Trouble(lambda: tally.struck, trouble.lift)


def _rows(document: JsonObject, shape: PageShape) -> list[JsonObject]:
    """Find the rows of an answer: a page, a batch, or the one thing that was asked for."""
    place: object = document
    for key in shape.rows:
        place = place.get(key) if isinstance(place, dict) else None
    if isinstance(place, list):
        return [row for row in place if isinstance(row, dict)]
    payload = document.get(shape.payload)
    if not isinstance(payload, dict):
        return []
    return [payload, *(each for each in payload.values() if isinstance(each, dict))]


def _editing(
    scene: Scene, rng: Random, change: Change, *doors: str, chance: float = 1.0, first: int | None = None
) -> Trouble:
    """Falsify rows on their way, from some call on; `change` answers whether it did."""
    tally, first = Tally(), first or rng.choice((1, 1, 2, 4))

    def edit(call: Call, document: JsonObject, shape: PageShape) -> None:
        for row in _rows(document, shape):
            if chance == 1.0 or rng.random() < chance:
                tally.struck += change(row, rng)

    armed = [Fault(name="edit", effect=Edit(edit), endpoint=door, first=first) for door in doors]
    trouble = _in_lab(scene, *armed)
    return Trouble(lambda: tally.struck, trouble.lift)


def _dropping(names: Callable[[Spelling], Sequence[str]]) -> Callable[[Scene, Random], Trouble]:
    """Take fields out of everything that is read, though the permissions say that they are to be seen."""

    def arm(scene: Scene, rng: Random) -> Trouble:
        gone = names(scene.tenant.spelling)

        def drop(row: JsonObject, rng: Random) -> bool:
            return any([row.pop(name, None) is not None for name in gone])

        doors = scene.tenant.doors
        where = rng.choice(((doors.people,), (doors.tree, doors.people), ("*",)))
        return _editing(scene, rng, drop, *where)

    return arm


# --- lists that lie


@kind("empty list", 2)
def _empty_list(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    absent = rng.random() < 0.5
    return _in_lab(scene, faults.empty_list(absent=absent, endpoint=_lists(scene, rng), first=first, last=last))


@kind("everything empty", 2, 7)
def _everything_empty(scene: Scene, rng: Random) -> Trouble:
    return _in_lab(
        scene, *(faults.empty_list(endpoint=door) for door in (scene.tenant.doors.tree, scene.tenant.doors.people))
    )


@kind("page cut short", 2)
def _page_cut_short(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    keep = rng.choice((0.1, 0.5, 0.9))
    return _in_lab(scene, faults.cut_short(keep=keep, endpoint=_lists(scene, rng), first=first, last=last))


@kind("has_more says that this is all", 2)
def _has_more_denies(scene: Scene, rng: Random) -> Trouble:
    return _in_lab(scene, faults.has_more_lies(says=False, endpoint=_pages(scene, rng)))


@kind("has_more says that there is more", 2)
def _has_more_boasts(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    return _in_lab(scene, faults.has_more_lies(says=True, endpoint=_pages(scene, rng), first=first, last=last))


@kind("cursor leads to itself", 2)
def _cursor_loops(scene: Scene, rng: Random) -> Trouble:
    return _in_lab(scene, faults.loop_cursor(endpoint=_pages(scene, rng)))


@kind("cursor leads back", 2)
def _cursor_leads_back(scene: Scene, rng: Random) -> Trouble:
    """The cursor of an earlier page comes again: a ring of pages."""
    seen: dict[str, object] = {}
    tally = Tally()

    def back(call: Call, document: JsonObject, shape: PageShape) -> None:
        holder: object = document
        for key in shape.cursor[:-1]:
            holder = holder.get(key) if isinstance(holder, dict) else None
        if not isinstance(holder, dict) or holder.get(shape.cursor[-1]) is None:
            return
        first = seen.setdefault(
            f"{call.path} {call.param('department_id')} {call.param('dept_id')}", holder[shape.cursor[-1]]
        )
        if holder[shape.cursor[-1]] != first:
            holder[shape.cursor[-1]] = first
            tally.struck += 1
        elif call.param(shape.asked_cursor):
            tally.struck += 1

    trouble = _in_lab(scene, Fault(name="leads back", effect=Edit(back), endpoint=_pages(scene, rng)))
    return Trouble(lambda: tally.struck, trouble.lift)


@kind("rows come twice", 6)
def _rows_twice(scene: Scene, rng: Random) -> Trouble:
    tally = Tally()

    def twice(call: Call, document: JsonObject, shape: PageShape) -> None:
        place: object = document
        for key in shape.rows:
            place = place.get(key) if isinstance(place, dict) else None
        if isinstance(place, list) and place:
            place.extend(place[: rng.randint(1, len(place))])
            rng.shuffle(place)
            tally.struck += 1

    trouble = _in_lab(scene, Fault(name="twice", effect=Edit(twice), endpoint=_lists(scene, rng)))
    return Trouble(lambda: tally.struck, trouble.lift)


@kind("root people missing", 2)
def _root_people_missing(scene: Scene, rng: Random) -> Trouble:
    if scene.tenant.move_to_root(rng):
        scene.note()
    root = scene.tenant.root

    def at_root(call: Call) -> bool:
        return root in (call.param("department_id"), call.param("dept_id"))

    return _in_lab(scene, faults.empty_list(endpoint=scene.tenant.doors.people, where=at_root))


@kind("member counts that disagree", 2, vendors=LARK)
def _counts_disagree(scene: Scene, rng: Random) -> Trouble:
    names = scene.tenant.spelling.count

    def lie(row: JsonObject, rng: Random) -> bool:
        counted = [name for name in names if name in row]
        for name in counted:
            row[name] = rng.choice((0, 0, 1, 10**6))
        return bool(counted)

    return _editing(scene, rng, lie, "departments.*")


@kind("no data in the answer", 2)
def _no_data(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    tally = Tally()

    def strip(call: Call, document: JsonObject, shape: PageShape) -> None:
        tally.struck += document.pop(shape.payload, None) is not None

    armed = Fault(name="no data", effect=Edit(strip), endpoint=_doors(scene, rng), first=first, last=last)
    trouble = _in_lab(scene, armed)
    return Trouble(lambda: tally.struck, trouble.lift)


# --- fields and records

kind("names gone", 5, 2)(_dropping(lambda spelling: spelling.name))
kind("states gone", 5)(_dropping(lambda spelling: spelling.status))
kind("departments gone", 5)(_dropping(lambda spelling: spelling.departments))
kind("contact fields gone", 5)(_dropping(lambda spelling: spelling.contact))


@kind("fields of one page gone", 5)
def _fields_of_one_page(scene: Scene, rng: Random) -> Trouble:
    spelling = scene.tenant.spelling
    gone = rng.choice((spelling.contact, spelling.departments, spelling.status, spelling.name))
    return _in_lab(scene, faults.drop_fields(gone, endpoint=scene.tenant.doors.people, nth=rng.randint(1, 8)))


@kind("a record that cannot be mapped", 2, 5)
def _unmappable(scene: Scene, rng: Random) -> Trouble:
    email = scene.tenant.spelling.email
    chosen: list[object] = []

    def spoil(row: JsonObject, rng: Random) -> bool:
        identity = row.get(scene.tenant.spelling.person_id)
        if identity is None:
            return False
        if not chosen:
            chosen.append(identity)
        if identity != chosen[0]:
            return False
        for name in email:
            row[name] = "not an address"
        return True

    return _editing(scene, rng, spoil, "users.*")


@kind("same person with different data in two parts", 3, alone=True)
def _two_minds(scene: Scene, rng: Random) -> Trouble:
    """One department's list is behind: it shows another title of somebody whom other lists show as they are."""
    if not _in_two_places(scene) and scene.tenant.edit_somebody_of_two(rng):
        scene.note()
    chosen = _in_two_places(scene)
    if not chosen:
        return _while(0, lambda: None)
    person, departments = rng.choice(chosen)
    behind, spelling = rng.choice(departments), scene.tenant.spelling
    tally = Tally()

    def edit(call: Call, document: JsonObject, shape: PageShape) -> None:
        if behind not in (call.param("department_id"), call.param("dept_id")):
            return
        for row in _rows(document, shape):
            if row.get(spelling.person_id) == person:
                row[spelling.title] = "Formerly of the board"
                tally.struck += 1

    trouble = _in_lab(scene, Fault(name="behind", effect=Edit(edit), endpoint=scene.tenant.doors.people))
    return Trouble(lambda: tally.struck, trouble.lift)


def _in_two_places(scene: Scene) -> Sequence[tuple[str, Sequence[str]]]:
    """List those who are listed in two departments at least, and where."""
    facts = scene.tenant.facts()
    known = scene.known_people()
    places = []
    for (of, external_id), fact in facts.items():
        departments = fact.values.get("departments")
        if of is EntryKind.EMPLOYEE and fact.visible and fact.state.has_access and isinstance(departments, tuple):
            listed = [each for each in departments if facts[EntryKind.DEPARTMENT, each].visible]
            if len(listed) > 1 and external_id in known:
                places.append((external_id, listed))
    return places


@kind("names masked for everybody", 5, alone=True)
def _masked(scene: Scene, rng: Random) -> Trouble:
    """What a privacy setting does; only where the guard would notice, which does not count those who are new."""
    known, spelling = frozenset(scene.known_people() if scene.tight else ()), scene.tenant.spelling

    def mask(row: JsonObject, rng: Random) -> bool:
        if row.get(spelling.person_id) not in known:
            return False
        for name in spelling.name:
            row[name] = f"{str(row.get(name))[:1]}**"
        return True

    return _editing(scene, rng, mask, "users.*", first=1)


@kind("a record of another shape", 2)
def _misshapen(scene: Scene, rng: Random) -> Trouble:
    doors, spelling = scene.tenant.doors, scene.tenant.spelling
    of_people = rng.random() < 0.7
    name = rng.choice((*spelling.name, spelling.departments[0 if of_people else -1]))

    def spoil(row: JsonObject, rng: Random) -> bool:
        if name not in row:
            return False
        row[name] = rng.choice(({"zh": "x"}, True, [[1]], None))
        return True

    return _editing(scene, rng, spoil, doors.people if of_people else doors.tree, chance=0.2)


# --- the vendor in trouble


@kind("web page instead of an answer", 2)
def _html(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    status = rng.choice((200, 200, 403, 503))
    return _in_lab(scene, faults.html_page(status=status, endpoint=_doors(scene, rng), first=first, last=last))


@kind("garbage instead of JSON", 2)
def _garbage(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    return _in_lab(scene, faults.garbage_json(endpoint=_doors(scene, rng), first=first, last=last))


@kind("empty body", 2)
def _empty_body(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    status, body = rng.choice(((200, b""), (204, b""), (200, b"null"), (200, b"[]"), (200, b"{}")))
    return _in_lab(scene, faults.replace(status=status, body=body, endpoint=_doors(scene, rng), first=first, last=last))


@kind("throttled, with headers", 2, 8)
def _throttled(scene: Scene, rng: Random) -> Trouble:
    wait_s = rng.choice((0.0, 1.0, 30.0, 300.0))
    at: faults.At = {"endpoint": _doors(scene, rng), "chance": rng.choice((0.3, 0.6, 1.0)), "seed": rng.randrange(99)}
    return _in_lab(scene, faults.throttle(headers=True, wait_s=wait_s, **at))


@kind("throttled, without headers", 2, 8)
def _throttled_bare(scene: Scene, rng: Random) -> Trouble:
    at: faults.At = {"endpoint": _doors(scene, rng), "chance": rng.choice((0.3, 0.6, 1.0)), "seed": rng.randrange(99)}
    return _in_lab(scene, faults.throttle(status=rng.choice((429, 400)), headers=False, **at))


@kind("server error", 2, 8)
def _server_error(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    status = rng.choice((500, 502, 503, 504))
    return _in_lab(scene, faults.server_error(status=status, endpoint=_doors(scene, rng), first=first, last=last))


@kind("time-out", 2, 8)
def _timeout(scene: Scene, rng: Random) -> Trouble:
    first, last = _span(rng)
    make = rng.choice((faults.timeout, faults.connect_timeout))
    return _in_lab(scene, make(endpoint=_doors(scene, rng), first=first, last=last))


@kind("connection reset", 2, 8)
def _reset(scene: Scene, rng: Random) -> Trouble:
    at: faults.At = {"endpoint": _doors(scene, rng), "chance": rng.choice((0.2, 0.6, 1.0)), "seed": rng.randrange(99)}
    return _in_lab(scene, faults.reset(**at))


@kind("slow drip", 8)
def _slow(scene: Scene, rng: Random) -> Trouble:
    """Answers take so long that a run outlasts tokens, or days."""
    return _in_lab(scene, faults.slow(rng.choice((15.0, 300.0, 4000.0)), chance=0.6, seed=rng.randrange(99)))


@kind("token revoked", 2)
def _token_revoked(scene: Scene, rng: Random) -> Trouble:
    return _in_lab(
        scene, faults.token_revoked(endpoint=_lists(scene, rng), chance=rng.choice((0.2, 1.0)), seed=rng.randrange(99))
    )


@kind("token expired", 2)
def _token_expired(scene: Scene, rng: Random) -> Trouble:
    """The vendor's clock alone jumps in the middle of a walk."""

    def jump(rng: Random) -> bool:
        scene.theirs.offset += timedelta(hours=rng.choice((2, 3, 48)))
        return True

    return _during(scene, rng, jump, latest=8)


@kind("app switched off", 2)
def _switched_off(scene: Scene, rng: Random) -> Trouble:
    undo: list[Callable[[], None]] = []

    def off(rng: Random) -> bool:
        undo.append(scene.tenant.switch_off(rng))
        return True

    trouble = _during(scene, rng, off, latest=8)

    def lift() -> None:
        trouble.lift()
        for each in undo:
            each()
        undo.clear()

    return Trouble(trouble.fired, lift)


# --- asking by name


@kind("batches silently omit", 2, vendors=LARK)
def _batch_omits(scene: Scene, rng: Random) -> Trouble:
    doors = scene.tenant.doors
    batches = [door for door in (doors.batch_people, doors.batch_departments) if door]
    lost = [faults.cut_short(keep=rng.choice((0.0, 0.3, 0.7)), endpoint=door) for door in batches]
    return _in_lab(scene, faults.cut_short(keep=0.4, endpoint=_lists(scene, rng)), *lost)


@kind("look-ups fail", 2)
def _look_ups_fail(scene: Scene, rng: Random) -> Trouble:
    """Lists lose people, and asking for them by name brings errors, or answers that say nothing."""
    lost = faults.cut_short(keep=rng.choice((0.0, 0.5)), endpoint=_lists(scene, rng))
    how = rng.choice(scene.tenant.refusals)
    chance, seed = rng.choice((0.5, 1.0, 1.0)), rng.randrange(99)
    failing = [
        faults.replace(status=how[0], body=how[1], endpoint=door, chance=chance, seed=seed) for door in _look_ups(scene)
    ]
    trouble = _in_lab(scene, *failing)
    cut = _in_lab(scene, lost)

    def lift() -> None:
        trouble.lift()
        cut.lift()

    return Trouble(trouble.fired, lift)


@kind("look-ups time out", 2)
def _look_ups_time_out(scene: Scene, rng: Random) -> Trouble:
    lost = _in_lab(scene, faults.cut_short(keep=0.5, endpoint=_lists(scene, rng)))
    make = rng.choice((faults.timeout, faults.server_error, faults.html_page))
    failing = _in_lab(scene, *(make(endpoint=door) for door in _look_ups(scene)))

    def lift() -> None:
        lost.lift()
        failing.lift()

    return Trouble(failing.fired, lift)


@kind("look-ups answer about somebody else", 2)
def _look_ups_mix(scene: Scene, rng: Random) -> Trouble:
    lost = _in_lab(scene, faults.cut_short(keep=0.3, endpoint=scene.tenant.doors.people))
    name = scene.tenant.spelling.person_id

    def mix(row: JsonObject, rng: Random) -> bool:
        if name not in row:
            return False
        row[name] = f"on_{rng.randrange(16**8):032x}"
        return True

    mixing = _editing(
        scene, rng, mix, *(door for door in (scene.tenant.doors.single_person, scene.tenant.doors.batch_people) if door)
    )

    def lift() -> None:
        lost.lift()
        mixing.lift()

    return Trouble(mixing.fired, lift)


# --- what the app may see


@kind("permission withdrawn on a subtree", 2, lingers=True)
def _hidden(scene: Scene, rng: Random) -> Trouble:
    undo = scene.tenant.hide(rng)
    scene.note()
    return _while(1, undo)


@kind("subtree hidden during the walk", 2)
def _hidden_midway(scene: Scene, rng: Random) -> Trouble:
    return _undoing(scene, rng, scene.tenant.hide)


@kind("contact range narrowed", 2, lingers=True)
def _narrowed(scene: Scene, rng: Random) -> Trouble:
    undo = scene.tenant.narrow(rng)
    scene.note()
    return _while(1, undo)


@kind("contact range narrowed during the walk", 2)
def _narrowed_midway(scene: Scene, rng: Random) -> Trouble:
    return _undoing(scene, rng, scene.tenant.narrow)


@kind("field permission withdrawn", 5)
def _scope_withdrawn(scene: Scene, rng: Random) -> Trouble:
    scopes = rng.sample(scene.tenant.spelling.field_scopes, rng.randint(1, 2))
    return _while(1, scene.tenant.withdraw(scopes))


@kind("field permission withdrawn during the walk", 5)
def _scope_withdrawn_midway(scene: Scene, rng: Random) -> Trouble:
    scopes = rng.sample(scene.tenant.spelling.field_scopes, 1)

    def act(rng: Random) -> Callable[[], None]:
        scene.excuse()
        return scene.tenant.withdraw(scopes)

    return _undoing(scene, rng, act)


@kind("list permission withdrawn", 2)
def _list_scope_withdrawn(scene: Scene, rng: Random) -> Trouble:
    return _undoing(scene, rng, lambda rng: scene.tenant.withdraw(scene.tenant.spelling.list_scopes), latest=6)


@kind("permissions not told", 5)
def _permissions_untold(scene: Scene, rng: Random) -> Trouble:
    make = rng.choice((faults.server_error, faults.garbage_json, faults.html_page))
    return _in_lab(scene, make(endpoint=scene.tenant.doors.permissions))


def _undoing(scene: Scene, rng: Random, act: Callable[[Random], Callable[[], None]], *, latest: int = 12) -> Trouble:
    undo: list[Callable[[], None]] = []

    def happen(rng: Random) -> bool:
        undo.append(act(rng))
        return True

    trouble = _during(scene, rng, happen, latest=latest)

    def lift() -> None:
        trouble.lift()
        for each in undo:
            each()
        undo.clear()

    return Trouble(trouble.fired, lift)


# --- the company does not stand still


def _event(name: str, act: Callable[[Tenant, Random], bool], *laws: int) -> None:
    kind(name, *laws)(lambda scene, rng: _during(scene, rng, lambda rng: act(scene.tenant, rng)))


_event("person moved during the walk", lambda tenant, rng: tenant.move(rng), 2, 3)
_event("person hired during the walk", lambda tenant, rng: tenant.hire(rng), 2, 3)
_event("person left during the walk", lambda tenant, rng: tenant.resign(rng), 2, 3)
_event("person differs between two parts", lambda tenant, rng: tenant.edit_somebody_of_two(rng), 3)
_event(
    "department removed during the walk",
    lambda tenant, rng: tenant.close_a_department(rng, leave=rng.random() < 0.3),
    2,
    3,
)
_event("department moved during the walk", lambda tenant, rng: tenant.move_a_department(rng), 2, 3)


@kind("a storm of changes during the walk", 2, 3)
def _storm(scene: Scene, rng: Random) -> Trouble:
    tally = Tally()

    def happen(call: Call) -> None:
        tally.struck += scene.tenant.luck(rng, 1)
        scene.note()

    trouble = _in_lab(scene, faults.on_call(happen, chance=0.3, seed=rng.randrange(99)))
    return Trouble(lambda: tally.struck, trouble.lift)


@kind("user id renamed", 2, 6)
def _renamed_ids(scene: Scene, rng: Random) -> Trouble:
    struck = sum(scene.tenant.rename_user_id(rng) for _ in range(rng.randint(1, 5)))
    scene.note()
    return _while(struck, lambda: None)


@kind("many leave at once", 7)
def _many_leave(scene: Scene, rng: Random) -> Trouble:
    struck = scene.tenant.resign(rng, rng.randint(8, 20))
    scene.note()
    return _while(struck, lambda: None)


@kind("many are suspended at once", 7)
def _many_suspended(scene: Scene, rng: Random) -> Trouble:
    struck = scene.tenant.suspend(rng, rng.randint(8, 20))
    scene.note()
    return _while(struck, lambda: None)


@kind("tenant swapped behind the same credentials", 2)
def _swapped(scene: Scene, rng: Random) -> Trouble:
    own, other = scene.tenant, scene.tenant.stranger(rng.randrange(10**6))
    scene.wire.tenant = other

    def back() -> None:
        scene.wire.tenant = own

    return Trouble(lambda: sum(other.api.calls.values()), back)


@kind("tenant swapped during the walk", 2)
def _swapped_midway(scene: Scene, rng: Random) -> Trouble:
    own, other = scene.tenant, scene.tenant.stranger(rng.randrange(10**6))
    # Somebody with the id of one of ours would be that person, for all that anybody could tell in the middle of it.
    while not own.facts().keys().isdisjoint(other.facts()):
        other = scene.tenant.stranger(rng.randrange(10**6))

    def swap(rng: Random) -> bool:
        scene.wire.tenant = other
        scene.welcome_strangers()
        return True

    trouble = _during(scene, rng, swap)

    def lift() -> None:
        trouble.lift()
        scene.wire.tenant = own

    return Trouble(trouble.fired, lift)


# --- the machine


@kind("clocks disagree", 3)
def _skew(scene: Scene, rng: Random) -> Trouble:
    """The vendor is hours off, and our clock is set back a little."""
    # Their clock only goes on: the windows of a vendor's limits do not survive its being set back.
    scene.theirs.offset += timedelta(hours=rng.choice((1, 5, 30)), seconds=rng.random())
    scene.ours.offset -= timedelta(seconds=rng.uniform(0.5, 30))
    return _while(1, lambda: None)


@kind("process killed at the store", 8, 6)
def _killed_writing(scene: Scene, rng: Random) -> Trouble:
    return _doomed(scene, "table", rng.randint(1, 40))


@kind("process killed at the vendor", 8)
def _killed_reading(scene: Scene, rng: Random) -> Trouble:
    return _doomed(scene, "vendor", rng.randint(1, 14))


def _doomed(scene: Scene, what: str, end: int) -> Trouble:
    before = scene.life.killed
    scene.life.doom(what, end)
    return Trouble(lambda: scene.life.killed - before, lambda: scene.life.doom("", 0))


@kind("worker woken twice", 8)
def _woken_twice(scene: Scene, rng: Random) -> Trouble:
    # Only while it asks the vendor something does it surely hold the lease.
    return _around(scene, rng, lambda: scene.wake_another(late=False), ("vendor", 14))


@kind("worker overtaken by another", 8, 6)
def _overtaken(scene: Scene, rng: Random) -> Trouble:
    """A worker stands still for longer than its lease lasts, and goes on as if it still held it."""
    points = ("vendor", 14), ("vendor", 24), ("table", 20), ("table", 50)
    return _around(scene, rng, lambda: scene.wake_another(late=True), *points)


@kind("event worked off during the walk", 3, 4)
def _event_overtakes(scene: Scene, rng: Random) -> Trouble:
    """Something happens to somebody whom the walk may have shown already, and an event tells of it at once."""
    tenant = scene.tenant
    if rng.random() < 0.5:
        tenant.hire(rng)
        scene.note()
    tally = Tally()
    new = [name for name in tenant.facts() if name[0] is EntryKind.EMPLOYEE and name[1] not in scene.known_people()]

    def happen() -> None:
        act = rng.choice((tenant.resign, tenant.resign, tenant.move, tenant.suspend))
        who = rng.choice(new)[1] if new and rng.random() < 0.7 else None
        tally.struck += scene.hear(lambda rng: tenant.dismiss(who) if who else act(rng))

    calls_off = [
        scene.life.appoint(what, rng.randint(1, most), happen)
        for what, most in rng.sample((("vendor", 24), ("vendor", 24), ("table", 30), ("table", 60)), rng.randint(1, 3))
    ]
    return Trouble(lambda: tally.struck, lambda: [each() for each in calls_off].clear())


def _around(scene: Scene, rng: Random, act: Callable[[], None], *points: tuple[str, int]) -> Trouble:
    """Let something happen around a worker, before one of its effects."""
    tally = Tally()

    def happen() -> None:
        tally.struck += 1
        act()

    what, most = rng.choice(points)
    return Trouble(lambda: tally.struck, scene.life.appoint(what, rng.randint(1, most), happen))


@kind("store conflict", 3, 6)
def _store_conflict(scene: Scene, rng: Random) -> Trouble:
    before = scene.table.refused
    scene.table.share = rng.choice((0.02, 0.05, 0.2))

    def lift() -> None:
        scene.table.share = 0.0

    return Trouble(lambda: scene.table.refused - before, lift)


@kind("worker out of time", 8)
def _out_of_time(scene: Scene, rng: Random) -> Trouble:
    before = scene.cut_off
    scene.patience = rng.choice((0.05, 0.3, 0.6))

    def lift() -> None:
        scene.patience = 0.0

    return Trouble(lambda: scene.cut_off - before, lift)
