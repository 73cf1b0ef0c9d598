"""How departments and people come into a workspace: from a made-up company, or one at a time."""

import json
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from infra.lab import company
from infra.lab.dingtalk.errors import CHINA
from infra.lab.dingtalk.records import ROOT, AccountType, Department, Membership, Role, User
from infra.lab.dingtalk.roster import Roster

if TYPE_CHECKING:
    from infra.lab.dingtalk.workspace import DingTalkWorkspace

_ROLES = (("默认", ("主管理员", "子管理员", "主管")), ("职务", ("财务", "人事", "行政", "采购")), ("岗位", ("值班",)))
# Orders have 18 digits: as floating-point numbers they fall together.
_ORDER_BASE = 176_000_000_000_000_000
_CONTRACTS = ("固定期限", "无固定期限", "劳务派遣")
# The organisation that owns the accounts that are not ours.
PARTNER_CORP_ID = f"ding{'f0' * 16}"


def populate(workspace: "DingTalkWorkspace", made_up: company.Company, rng: random.Random) -> None:
    """Fill an empty workspace."""
    roles = [workspace.add_role(name, group) for group, names in _ROLES for name in names]
    places: dict[int, int] = {0: ROOT}
    for unit in made_up.units[1:]:
        department = new_department(workspace, unit.name, places[unit.parent or 0])
        department.source_identifier = f"OU={unit.number}" if unit.number % 3 == 0 else ""
        department.code = f"D{unit.number:04d}" if unit.number % 2 else ""
        workspace.admit_department(department)
        places[unit.number] = department.dept_id
    people: list[User] = []
    for person in made_up.people:
        before = people[-1] if people else None
        userid = twin(before.userid) if before and person.number % 40 == 7 else None
        user = new_user(
            workspace,
            profile(person),
            [places[unit] for unit in person.units],
            userid=None if userid in workspace.users else userid,
            mailbox=_mailbox(person),
        )
        if before and person.number % 40 == 11:
            user.job_number = before.job_number
        _settle(workspace, user, person, roles, rng)
        workspace.admit_user(user)
        people.append(user)
    for person, user in zip(made_up.people, people, strict=True):
        # The manager is kept in the admin console by hand, and often is not.
        known = person.manager is not None and rng.random() < 0.8
        user.manager = people[person.manager].userid if known and person.manager is not None else None
    for unit in made_up.units:
        leaders = (unit.leader, *unit.deputies)
        managers = tuple(people[number].userid for number in leaders if number is not None)
        workspace.departments[places[unit.number]].managers = managers


def _settle(
    workspace: "DingTalkWorkspace", user: User, person: company.Person, roles: Sequence[int], rng: random.Random
) -> None:
    """Give a made-up person standing: activated or not, administrator, roles, custom fields, kind of account."""
    user.active = person.state != "invited"
    user.boss = user.senior = person.number == 0
    user.admin_level = 1 if person.number == 0 else 2 if person.number in (3, 4) else 0
    user.access_limited = person.number % 60 == 13
    if person.number == 0:
        user.roles = (roles[0],)
    elif rng.random() < 0.3:
        user.roles = (rng.choice(roles[2:]),)
    if rng.random() < 0.85:
        custom = {"成本中心": f"CC-{rng.randrange(1000, 1060)}", "合同类型": rng.choice(_CONTRACTS)}
        user.extension = json.dumps(custom, ensure_ascii=False)
    if workspace.edition == "dedicated":
        _make_account(workspace, user, person, rng)


def profile(person: company.Person) -> dict[str, object]:
    """Word a made-up person in DingTalk's fields."""
    state_code = "86" if person.mobile.startswith("+86") else "1"
    joined = datetime(*person.joined.timetuple()[:3], tzinfo=CHINA)
    return {
        "name": person.name,
        "avatar": f"https://static-legacy.example.com/{person.number}.jpg" if person.number % 5 == 0 else "",
        "state_code": state_code,
        "mobile": person.mobile.removeprefix(f"+{state_code}"),
        "hide_mobile": person.number % 23 == 0,
        "email": person.email,
        "org_email": person.work_email if person.number % 10 != 3 else "",
        "telephone": f"0571-{person.number:06d}" if person.number % 9 == 0 else "",
        "job_number": person.employee_no if person.number % 17 else "",
        "title": person.title,
        "work_place": person.city if person.number % 8 else "",
        "remark": "远程办公" if person.number % 19 == 0 else "",
        "hired_date": int(joined.timestamp()) * 1000 if person.number % 13 else None,
        "real_authed": person.number % 7 != 0,
    }


def new_user(
    roster: Roster,
    fields: Mapping[str, object],
    places: Sequence[int],
    *,
    userid: str | None = None,
    unionid: str | None = None,
    mailbox: str = "",
) -> User:
    """Make a person with new ids; the caller admits them to the roster."""
    user = User(
        userid=userid or new_userid(roster, mailbox),
        unionid=unionid or f"{roster.next_ids('unionid')[:20]}iEiE",
        name="",
        memberships=memberships(roster, places),
    )
    for field, value in fields.items():
        setattr(user, field, value)
    return user


def new_userid(roster: Roster, mailbox: str = "") -> str:
    """Make a userid of one of the kinds that occur: a long number, a short one with zeros, a word, a mailbox name."""
    serial = roster.next_ids("userid")
    number = int(serial[1:15], 16)
    match int(serial[0], 16) % 4:
        case 0:
            userid = f"0{number % 10**17:017d}"
        case 1:
            userid = f"00{number % 10**5:05d}"
        case 2:
            userid = f"manager{number % 10**4}"
        case _:
            userid = mailbox.title() or f"user{number % 10**6}"
    while userid in roster.users:
        userid += "1"
    return userid


def twin(userid: str) -> str:
    """Make another userid that only a careless reader takes for the same: other case, or without leading zeros."""
    return userid.lstrip("0") if userid.isdigit() else userid.swapcase()


def memberships(roster: Roster, places: Sequence[int]) -> tuple[Membership, ...]:
    """Word a list of departments, the main one first."""
    return tuple(Membership(place, order=_ORDER_BASE + _odd(roster, "dept_order")) for place in places)


def new_department(roster: Roster, name: str, parent: int) -> Department:
    """Make a department with a new id, last among its siblings; the caller admits it to the roster."""
    digits = int(roster.next_ids("department"), 16)
    # Old ids are short; new ones may not fit into a floating-point number.
    dept_id = 2**53 + digits % 2**61 if digits % 4 == 0 else 10**8 + digits % (9 * 10**8)
    while dept_id in roster.departments:
        dept_id += 1
    return Department(
        dept_id=dept_id,
        parent=parent,
        name=name,
        order=next_order(roster, parent),
        chat_id=f"chat{roster.next_ids('chat_id')}" if digits % 3 else "",
    )


def next_order(roster: Roster, parent: int) -> int:
    last = max((roster.departments[child].order for child in roster.children(parent)), default=_ORDER_BASE)
    return last + _odd(roster, "order") % 1000


def make_account(workspace: "DingTalkWorkspace", user: User, kind: AccountType, login_id: str) -> None:
    """Turn a person's account into an enterprise account that this organisation made."""
    user.account_type = kind
    user.owner_corp_id, user.owner_corp_name = workspace.corp_id, workspace.departments[ROOT].name
    user.nickname = user.name
    user.login_id = login_id if kind == "dingtalk" else ""


def _make_account(workspace: "DingTalkWorkspace", user: User, person: company.Person, rng: random.Random) -> None:
    chance = rng.random()
    if chance > 0.4 and person.state != "frozen":
        return
    make_account(workspace, user, "sso" if rng.random() < 0.6 else "dingtalk", _mailbox(person))
    if rng.random() < 0.5:
        user.mobile = user.state_code = ""
    # Only the organisation that made an account can disable it.
    if person.state == "frozen":
        user.disabled = True
    elif person.number % 30 == 17 or chance < 0.03:
        user.owner_corp_id, user.owner_corp_name = PARTNER_CORP_ID, "伙伴公司"
        user.login_id = user.nickname = ""


def new_role(roster: Roster, name: str, group: str) -> Role:
    group_id = next((role.group_id for role in roster.roles.values() if role.group == group), 0)
    return Role(
        role_id=10**8 + int(roster.next_ids("role"), 16) % (9 * 10**8),
        name=name,
        group_id=group_id or 10**8 + int(roster.next_ids("role_group"), 16) % (9 * 10**8),
        group=group,
    )


def _mailbox(person: company.Person) -> str:
    return person.work_email.partition("@")[0]


def _odd(roster: Roster, kind: str) -> int:
    """Make a small odd step: with 18 digits, odd numbers are what floating point cannot hold."""
    return int(roster.next_ids(kind)[:10], 16) // 2 * 2 + 1
