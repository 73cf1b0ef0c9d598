"""A made-up company that no vendor knows yet: a tree of units and the people in it, the same for the same seed."""

import random
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import sqrt
from typing import Literal

from infra.lab import names

State = Literal["activated", "invited", "frozen"]

MAX_DEPTH = 5
# Nobody has these numbers: China has no mobile prefix 100, and 555-01xx is reserved for fiction in North America.
_US_NUMBERS = 800 * 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """A department; number 0 is the company itself, and a parent's number is smaller than its children's."""

    number: int
    parent: int | None
    depth: int
    name: str
    name_en: str
    leader: int | None = None
    deputies: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """One person; the first of `units` is the primary one, `email` may be empty, `mobile` is in E.164."""

    number: int
    name: str
    name_en: str
    email: str
    work_email: str
    mobile: str
    employee_no: str
    title: str
    title_en: str
    gender: Literal["male", "female", "other", "secret"]
    city: str
    country: str
    joined: date
    state: State
    units: tuple[int, ...]
    manager: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    name: str
    name_en: str
    domain: str
    units: tuple[Unit, ...]
    people: tuple[Person, ...]


def generate(seed: int, people: int = 800, departments: int = 60) -> Company:
    """Make up a company of that many people and departments; the company itself is one unit more."""
    if people < 0 or departments < 0:
        raise ValueError("a company cannot have fewer than no people or departments")
    rng = random.Random(seed)
    name, name_en = rng.choice(names.COMPANIES)
    domain = rng.choice(names.DOMAINS)
    units = _grow_tree(rng, departments, name, name_en)
    makeup = Makeup(rng, domain)
    homes = _homes(rng, people, len(units))
    crowd = [makeup.person(number, home) for number, home in enumerate(homes)]
    units = _appoint(rng, units, crowd)
    return Company(name=name, name_en=name_en, domain=domain, units=units, people=tuple(_with_managers(units, crowd)))


class Makeup:
    """Make up people one by one; within one `Makeup` e-mails, mobiles and employee numbers do not repeat."""

    def __init__(self, rng: random.Random, domain: str, *, taken: Iterable[Person] = ()) -> None:
        self._rng = rng
        self._domain = domain
        # Mailbox names as they were before a number was added; none ends in a digit by itself.
        self._mailboxes = Counter(person.work_email.partition("@")[0].rstrip("0123456789") for person in taken)

    def person(self, number: int, units: tuple[int, ...] = (0,)) -> Person:
        rng = self._rng
        chinese = rng.random() < 0.75
        name, name_en, mailbox = self.full_name(chinese)
        title, title_en = rng.choice(names.TITLES)
        city, _, country = rng.choice(names.CITIES)
        chance = rng.random()
        state: State = "activated" if chance < 0.905 else "invited" if chance < 0.97 else "frozen"
        if chinese or number >= _US_NUMBERS:
            mobile = f"+86100{number:08d}"
        else:
            mobile = f"+1{200 + number // 100}55501{number % 100:02d}"
        self._mailboxes[mailbox] += 1
        if (times := self._mailboxes[mailbox]) > 1:
            mailbox = f"{mailbox}{times}"
        return Person(
            number=number,
            name=name,
            name_en=name_en,
            # Vendors often know only the mailbox they host themselves.
            email="" if rng.random() < 0.08 else f"{mailbox}@{self._domain}",
            work_email=f"{mailbox}@mail.{self._domain}",
            mobile=mobile,
            employee_no=f"E{number + 1:06d}",
            title=title,
            title_en=title_en,
            gender=rng.choices(("male", "female", "other", "secret"), (45, 45, 2, 8))[0],
            city=city,
            country=country,
            joined=date(2012, 1, 1) + timedelta(days=rng.randrange(5000)),
            state=state,
            units=units,
        )

    def full_name(self, chinese: bool = True) -> tuple[str, str, str]:
        """Make up a name, its English form and the start of a mailbox; names repeat, as they do in life."""
        rng = self._rng
        if chinese:
            surname, surname_en = rng.choice(names.SURNAMES)
            given = rng.sample(names.GIVEN, 2 if rng.random() < 0.7 else 1)
            pinyin = "".join(part[1] for part in given)
            return (
                surname + "".join(part[0] for part in given),
                f"{pinyin.title()} {surname_en}",
                f"{pinyin}.{surname_en.lower()}",
            )
        first, last = rng.choice(names.FIRST_NAMES), rng.choice(names.LAST_NAMES)
        return f"{first} {last}", f"{first} {last}", f"{_plain(first)}.{_plain(last)}"


def _plain(word: str) -> str:
    folded = unicodedata.normalize("NFKD", word.replace("Ø", "O")).encode("ascii", "ignore").decode()
    return "".join(letter for letter in folded.lower() if letter.isalpha())


def _grow_tree(rng: random.Random, departments: int, name: str, name_en: str) -> tuple[Unit, ...]:
    units = [Unit(number=0, parent=None, depth=0, name=name, name_en=name_en)]
    tops = min(departments, max(3, min(len(names.FUNCTIONS), round(sqrt(departments) / 1.2))))
    widest = max(8, round(departments**0.45))
    pools: dict[int, list[tuple[str, ...]]] = {}
    born: Counter[int] = Counter()
    for (zh, en), topics in rng.sample(names.FUNCTIONS, tops):
        number = len(units)
        pools[number] = rng.sample(topics, len(topics))
        units.append(Unit(number=number, parent=0, depth=1, name=zh, name_en=en))
    open_parents = list(range(1, len(units)))
    while len(units) <= departments:
        place = rng.randrange(len(open_parents))
        parent = units[open_parents[place]]
        number = len(units)
        zh, en = _unit_name(rng, parent, pools.setdefault(parent.number, []), born[parent.number])
        units.append(Unit(number=number, parent=parent.number, depth=parent.depth + 1, name=zh, name_en=en))
        born[parent.number] += 1
        if born[parent.number] >= widest:
            open_parents[place] = open_parents[-1]
            open_parents.pop()
        if parent.depth + 1 < MAX_DEPTH:
            open_parents.append(number)
    return tuple(units)


def _unit_name(rng: random.Random, parent: Unit, pool: list[tuple[str, ...]], siblings: int) -> tuple[str, ...]:
    if siblings == 0 and parent.depth == 2:
        cities = rng.sample(names.CITIES, len(names.CITIES))
        pool.extend((f"{zh}分部", f"{en} Office") for zh, en, _ in cities)
    if pool:
        return pool.pop()
    return f"第{siblings + 1}组", f"Team {siblings + 1}"


def _homes(rng: random.Random, people: int, units: int) -> list[tuple[int, ...]]:
    """Choose everybody's units: a few people at the root, one or more in most units, then sizes as uneven as life."""
    at_root = people if units == 1 else min(people, max(1, min(12, people // 150)))
    homes: list[tuple[int, ...]] = [(0,)] * at_root
    if units == 1:
        return homes
    numbers = range(1, units)
    staffed = [number for number in numbers if rng.random() < 0.95]
    primaries = staffed[: people - at_root]
    weights = [rng.paretovariate(1.3) for _ in numbers]
    primaries += rng.choices(numbers, weights, k=people - at_root - len(primaries))
    for primary in primaries:
        chance = rng.random()
        more = 2 if chance < 0.01 else 1 if chance < 0.09 else 0
        others = rng.sample(numbers, min(more, units - 1))
        homes.append((primary, *(other for other in others if other != primary)))
    return homes


def _appoint(rng: random.Random, units: Sequence[Unit], crowd: list[Person]) -> tuple[Unit, ...]:
    """Give units their leaders, who belong to them first of all and are at work; promotes them in `crowd`."""
    staff: dict[int, list[int]] = {}
    for person in crowd:
        staff.setdefault(person.units[0], []).append(person.number)
    led = []
    for unit in units:
        members = staff.get(unit.number, [])
        if not members or (unit.number and rng.random() < 0.04):
            led.append(unit)
            continue
        leader, *others = members
        title = ("首席执行官", "Chief Executive") if unit.number == 0 else ("负责人", "Head")
        crowd[leader] = replace(crowd[leader], state="activated", title=title[0], title_en=title[1])
        deputies = tuple(others[:1]) if rng.random() < 0.15 else ()
        led.append(replace(unit, leader=leader, deputies=deputies))
    return tuple(led)


def _with_managers(units: Sequence[Unit], crowd: Sequence[Person]) -> list[Person]:
    managed = []
    for person in crowd:
        unit: Unit | None = units[person.units[0]]
        while unit is not None and unit.leader in (None, person.number):
            unit = None if unit.parent is None else units[unit.parent]
        managed.append(person if unit is None else replace(person, manager=unit.leader))
    return managed
