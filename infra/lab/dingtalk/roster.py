"""The company as the vendor holds it: departments, people, who is where, and what the app may see of it.

Everything here reads or keeps consistent; the verbs that change the company are in `workspace`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime

from infra.lab.dingtalk.records import ROOT, Department, LeaveReason, LeaveRecord, Membership, Role, User
from infra.lab.journal import Watched
from infra.lab.wire import LabError


class Roster(Watched):
    """`lock` guards everything; whoever reads more than one thing holds it."""

    def __init__(self, *, seed: int, root_name: str) -> None:
        super().__init__()
        self.departments: dict[int, Department] = {}
        self.users: dict[str, User] = {}
        self.roles: dict[int, Role] = {}
        self.leave_records: list[LeaveRecord] = []
        # The contact range: everything, or granted nodes; always without the hidden departments and what is below.
        self.range_is_all = True
        self.range_departments: dict[int, None] = {}
        self.range_users: dict[str, None] = {}
        self.hidden: set[int] = set()
        self._seed = seed
        self._serial: Counter[str] = Counter()
        self._events = 0
        self._children: dict[int, dict[int, None]] = {}
        self._members: dict[int, dict[str, None]] = {}
        self._by_unionid: dict[str, str] = {}
        self._sizes: Counter[int] | None = None
        chat_id = f"chat{self.digest('chat_id', 0)}"
        self.admit_department(Department(dept_id=ROOT, parent=None, name=root_name, order=0, chat_id=chat_id))

    def next_ids(self, kind: str) -> str:
        """Make the digits of a new id: the same ones for the same seed and the same number of earlier ids."""
        self._serial[kind] += 1
        return self.digest(kind, self._serial[kind])

    def digest(self, kind: str, number: int) -> str:
        return hashlib.sha256(f"{self._seed}:{kind}:{number}".encode()).hexdigest()[:32]

    def changed(self) -> None:
        self._sizes = None

    def admit_department(self, department: Department) -> None:
        self.journal.new(department)
        self.journal.keep(self.departments, department.dept_id)
        self.journal.keep(self._children, department.dept_id)
        self.journal.keep(self._members, department.dept_id)
        self.departments[department.dept_id] = department
        if department.parent is not None:
            self.journal.keep(self._children, department.parent)
            self._children[department.parent][department.dept_id] = None
        self._children[department.dept_id] = {}
        self._members[department.dept_id] = {}
        self._sizes = None

    def admit_user(self, user: User) -> None:
        """Take a person in; a userid that had left comes back as this one."""
        self.journal.new(user)
        self.journal.keep(self.users, user.userid)
        self.journal.keep(self._by_unionid, user.unionid)
        self.journal.keep(self._members, *user.departments)
        former = self.users.pop(user.userid, None)
        if former is not None:
            self.journal.keep(self._by_unionid, former.unionid)
            self._by_unionid.pop(former.unionid, None)
        self.users[user.userid] = user
        self._by_unionid[user.unionid] = user.userid
        for place in user.departments:
            self._members[place][user.userid] = None
        self.touch(user)
        user.entered = user.touched
        self.changed()

    def touch(self, user: User) -> None:
        self._events += 1
        user.touched = self._events

    def place_user(self, person: User, memberships: tuple[Membership, ...]) -> None:
        """Put a person into exactly these departments; whoever leaves a department leads it no longer."""
        after = {each.department for each in memberships}
        self.journal.note(person)
        self.journal.keep(self._members, *person.departments, *after)
        for place in person.departments:
            if place not in after:
                self._members[place].pop(person.userid, None)
                department = self.departments[place]
                if person.userid in department.managers:
                    self.journal.note(department, consequence=True)
                    department.managers = tuple(each for each in department.managers if each != person.userid)
        for each in memberships:
            self._members[each.department].setdefault(person.userid)
        person.memberships = memberships
        self.touch(person)
        self.changed()

    def place_department(self, department: Department, parent: int) -> None:
        self.journal.note(department)
        self.journal.keep(self._children, parent)
        if department.parent is not None:
            self.journal.keep(self._children, department.parent)
            del self._children[department.parent][department.dept_id]
        department.parent = parent
        self._children[parent][department.dept_id] = None
        self.changed()

    def retire(self, leavers: Sequence[User], now: datetime, reason: LeaveReason) -> None:
        """Make people leavers, and wipe them from whatever points to them."""
        gone = {leaver.userid for leaver in leavers}
        for leaver in leavers:
            self.place_user(leaver, ())
            self.journal.keep(self.range_users, leaver.userid)
            leaver.left, leaver.active, leaver.disabled = True, False, False
            leaver.roles, leaver.manager, leaver.admin_level = (), None, 0
            self.range_users.pop(leaver.userid, None)
            self.leave_records.append(
                LeaveRecord(
                    userid=leaver.userid,
                    name=leaver.name,
                    state_code=leaver.state_code,
                    mobile=leaver.mobile,
                    left_at=now,
                    reason=reason,
                )
            )
        if not gone:
            return
        for user in self.users.values():
            if user.manager in gone:
                self.journal.note(user, consequence=True)
                user.manager = None
        for department in self.departments.values():
            if not gone.isdisjoint(department.managers):
                self.journal.note(department, consequence=True)
                department.managers = tuple(each for each in department.managers if each not in gone)

    def bury(self, department: Department) -> None:
        """Mark an empty department deleted; its id never comes back."""
        self.journal.note(department)
        self.journal.keep(self.range_departments, department.dept_id)
        if department.parent is not None:
            self.journal.keep(self._children, department.parent)
            del self._children[department.parent][department.dept_id]
        department.deleted = True
        department.managers = ()
        self.range_departments.pop(department.dept_id, None)
        self.hidden.discard(department.dept_id)
        self.changed()

    def department(self, dept_id: int | str) -> Department:
        """Find a living department below the root, for the lab's own verbs."""
        found = self.departments.get(_number(dept_id))
        if found is None or found.deleted or found.dept_id == ROOT:
            raise LabError(f"no such department: {dept_id}")
        return found

    def place(self, dept_id: int | str) -> int:
        """Find the id of a living department, or of the root."""
        return ROOT if _number(dept_id) == ROOT else self.department(dept_id).dept_id

    def user(self, any_id: str) -> User:
        """Find a person, leavers too, by userid or unionid, for the lab's own verbs."""
        userid = any_id if any_id in self.users else self._by_unionid.get(any_id, "")
        if userid not in self.users:
            raise LabError(f"no such person: {any_id}")
        return self.users[userid]

    def at_work(self, any_id: str) -> User:
        """Find somebody who has not left, for the lab's own verbs."""
        person = self.user(any_id)
        if person.left:
            raise LabError(f"has left: {any_id}")
        return person

    def employed(self, userid: str) -> User | None:
        user = self.users.get(userid)
        return None if user is None or user.left else user

    def by_unionid(self, unionid: str) -> User | None:
        return self.employed(self._by_unionid.get(unionid, ""))

    def children(self, department: int) -> list[int]:
        return list(self._children[department])

    def members(self, department: int) -> list[str]:
        """List direct members, whoever came first first; leavers are members of nothing."""
        return list(self._members[department])

    def leads(self, user: User, department: int) -> bool:
        return user.userid in self.departments[department].managers

    def subtree(self, department: int) -> Iterator[int]:
        """Walk a department and all below it, parents first."""
        waiting = [department]
        while waiting:
            here = waiting.pop()
            yield here
            waiting.extend(self._children[here])

    def line(self, department: int) -> Iterator[int]:
        """Walk from a department itself up to the root, which comes last."""
        here: int | None = department
        while here is not None:
            yield here
            here = self.departments[here].parent

    def people_under(self, department: int) -> dict[str, None]:
        return {userid: None for place in self.subtree(department) for userid in self._members[place]}

    def member_count(self, department: int) -> int:
        """Count the people in a department or anywhere below it, everybody once."""
        if self._sizes is None:
            self._sizes = Counter()
            lines = {place: tuple(self.line(place)) for place in self._members}
            for user in self.users.values():
                self._sizes.update({above for place in user.departments for above in lines[place]})
        return self._sizes[department]

    def sees_department(self, department: int) -> bool:
        """Tell whether the contact range covers a living department, or the root."""
        line = tuple(self.line(department))
        if not self.hidden.isdisjoint(line):
            return False
        return self.range_is_all or any(place in self.range_departments for place in line)

    def sees_user(self, user: User) -> bool:
        """Tell whether the contact range covers a person; a leaver is nowhere to be seen."""
        if user.userid in self.range_users and not self.range_is_all:
            return True
        return any(self.sees_department(place) for place in user.departments)


def _number(dept_id: int | str) -> int:
    try:
        return int(dept_id)
    except ValueError:
        raise LabError(f"a dept_id is a number, not {dept_id!r}") from None
