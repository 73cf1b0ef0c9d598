"""How departments and people come into a workspace: from a made-up company, or one at a time."""

import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from infra.lab import company
from infra.lab.lark.records import ROOT, Department, Membership, User
from infra.lab.lark.roster import Roster

if TYPE_CHECKING:
    from infra.lab.lark.workspace import LarkWorkspace

_GENDERS = {"secret": 0, "male": 1, "female": 2, "other": 3}
_ORDER_STEP = 1000


def populate(workspace: "LarkWorkspace", made_up: company.Company, rng: random.Random) -> None:
    """Fill an empty workspace."""
    cost_centre = workspace.add_custom_field("成本中心", "Cost centre")
    contract = workspace.add_custom_field("合同类型", "Contract", "ENUMERATION", ["固定期限", "无固定期限", "劳务派遣"])
    options = workspace.custom_fields[contract].options
    places: dict[int, str] = {0: ROOT}
    for unit in made_up.units[1:]:
        department = new_department(workspace, unit.name, places[unit.parent or 0], name_en=unit.name_en)
        workspace.admit_department(department)
        places[unit.number] = department.open_department_id
    people: list[User] = []
    for person in made_up.people:
        user = new_user(workspace, profile(person), [places[unit] for unit in person.units])
        user.activated, user.frozen = person.state != "invited", person.state == "frozen"
        # Invited comes in two kinds: not yet accepted, and accepted but never signed in.
        user.unjoined = person.state == "invited" and rng.random() < 0.7
        user.is_tenant_manager = person.number == 0
        if rng.random() < 0.9:
            user.custom[cost_centre] = f"CC-{rng.randrange(1000, 1060)}"
        if rng.random() < 0.8:
            user.custom[contract] = rng.choice(options).option_id
        workspace.admit_user(user)
        people.append(user)
    for person, user in zip(made_up.people, people, strict=True):
        user.leader = None if person.manager is None else people[person.manager].open_id
        if rng.random() < 0.03:
            user.dotted_line_leaders = (rng.choice(people).open_id,)
    for unit in made_up.units[1:]:
        department = workspace.departments[places[unit.number]]
        department.leader = None if unit.leader is None else people[unit.leader].open_id
        department.deputies = tuple(people[deputy].open_id for deputy in unit.deputies)
        if unit.depth == 1 and people:
            department.hrbps = (rng.choice(people).open_id,)


def profile(person: company.Person) -> dict[str, object]:
    """Word a made-up person in Lark's fields."""
    return {
        "name": person.name,
        "en_name": person.name_en,
        "email": person.email,
        "enterprise_email": person.work_email,
        "mobile": person.mobile,
        "gender": _GENDERS[person.gender],
        "city": person.city,
        "country": person.country,
        "work_station": f"{person.number % 12 + 1}F-{person.number % 97 + 1:03d}",
        "join_time": int(datetime(*person.joined.timetuple()[:3], tzinfo=UTC).timestamp()),
        "employee_no": person.employee_no,
        "employee_type": 2 if person.title_en == "Intern" else 1,
        "job_title": person.title,
    }


def new_user(
    roster: Roster, fields: Mapping[str, object], places: Sequence[str], *, user_id: str | None = None
) -> User:
    """Make a person with new ids; the caller admits them to the roster."""
    serial = roster.next_ids("union_id")
    user = User(
        open_id=f"ou_{roster.next_ids('open_id')}",
        union_id=f"on_{serial}",
        # Some tenants number their people: an id may look like a number and still has to stay text.
        user_id=user_id or (str(int(serial[:8], 16)) if serial[8] in "0123" else roster.next_ids("user_id")[:8]),
        name="",
        avatar_key=f"default-avatar_{serial[-8:]}",
        memberships=memberships(places),
    )
    for field, value in fields.items():
        setattr(user, field, value)
    return user


def memberships(places: Sequence[str]) -> tuple[Membership, ...]:
    """Word a list of departments, the primary first."""
    return tuple(
        Membership(place, user_order=0, department_order=len(places) - rank, primary=rank == 0)
        for rank, place in enumerate(places)
    )


def new_department(
    roster: Roster, name: str, parent: str, *, name_en: str = "", department_id: str | None = None
) -> Department:
    """Make a department with new ids, last among its siblings; the caller admits it to the roster."""
    serial = roster.next_ids("department")
    return Department(
        open_department_id=f"od-{serial}",
        department_id=department_id or roster.next_ids("department_id")[:16],
        parent=parent,
        name=name,
        name_en=name_en,
        order=next_order(roster, parent),
        chat_id=f"oc_{roster.next_ids('chat_id')}",
    )


def next_order(roster: Roster, parent: str) -> int:
    return max((roster.departments[child].order for child in roster.children(parent)), default=0) + _ORDER_STEP
