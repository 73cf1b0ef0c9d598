"""The company as the vendor holds it: departments, people, who is where, and what the app may see of it.

Everything here reads or keeps consistent; the verbs that change the company are in `workspace`.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence

from infra.lab.journal import Watched
from infra.lab.lark.records import ROOT, CustomField, Department, Membership, User
from infra.lab.wire import LabError


class Roster(Watched):
    """`lock` guards everything; whoever reads more than one thing holds it."""

    def __init__(self, *, seed: int, app_id: str, root_name: str) -> None:
        super().__init__()
        self.root_name = root_name
        self.departments: dict[str, Department] = {}
        self.users: dict[str, User] = {}
        self.custom_fields: dict[str, CustomField] = {}
        # The contact range: everything, or granted nodes; always without the hidden departments and what is below.
        self.range_is_all = True
        self.range_departments: dict[str, None] = {}
        self.range_users: dict[str, None] = {}
        self.hidden: set[str] = set()
        self._seed = seed
        self._app_id = app_id
        self._serial: Counter[str] = Counter()
        self._children: dict[str, dict[str, None]] = {ROOT: {}}
        self._members: dict[str, dict[str, None]] = {ROOT: {}}
        self._by_department_id: dict[str, str] = {}
        self._by_union_id: dict[str, str] = {}
        self._by_user_id: dict[str, str] = {}
        self._sizes: tuple[Counter[str], Counter[str]] | None = None
        self._trees: dict[str, list[str]] = {}

    def next_ids(self, kind: str) -> str:
        """Make the digits of a new id: the same ones for the same seed and the same number of earlier ids."""
        self._serial[kind] += 1
        return self.digest(kind, self._serial[kind])

    def digest(self, kind: str, number: int) -> str:
        # open_ids differ from app to app, everything else belongs to the tenant.
        owner = self._app_id if kind == "open_id" else ""
        return hashlib.sha256(f"{self._seed}:{owner}:{kind}:{number}".encode()).hexdigest()[:32]

    def admit_department(self, department: Department) -> None:
        self.journal.new(department)
        self.journal.keep(self.departments, department.open_department_id)
        self.journal.keep(self._by_department_id, department.department_id)
        self.journal.keep(self._children, department.parent, department.open_department_id)
        self.journal.keep(self._members, department.open_department_id)
        self.departments[department.open_department_id] = department
        self._by_department_id[department.department_id] = department.open_department_id
        self._children[department.parent][department.open_department_id] = None
        self._children[department.open_department_id] = {}
        self._members[department.open_department_id] = {}
        self.changed()

    def admit_user(self, user: User) -> None:
        self.journal.new(user)
        self.journal.keep(self.users, user.open_id)
        self.journal.keep(self._by_union_id, user.union_id)
        self.journal.keep(self._by_user_id, user.user_id)
        self.journal.keep(self._members, *user.departments)
        self.users[user.open_id] = user
        self._by_union_id[user.union_id] = user.open_id
        self._by_user_id[user.user_id] = user.open_id
        for place in user.departments:
            self._members[place][user.open_id] = None
        self.changed()

    def place_user(self, person: User, memberships: tuple[Membership, ...]) -> None:
        """Put a person into exactly these departments."""
        after = {each.department for each in memberships}
        self.journal.note(person)
        self.journal.keep(self._members, *person.departments, *after)
        for place in person.departments:
            if place not in after:
                self._members[place].pop(person.open_id, None)
        for each in memberships:
            self._members[each.department].setdefault(person.open_id)
        person.memberships = memberships
        self.changed()

    def place_department(self, department: Department, parent: str) -> None:
        self.journal.note(department)
        self.journal.keep(self._children, department.parent, parent)
        del self._children[department.parent][department.open_department_id]
        department.parent = parent
        self._children[parent][department.open_department_id] = None
        self.changed()

    def retire(self, leavers: Sequence[User]) -> None:
        """Make people leavers, and wipe them from whatever points to them."""
        gone = {leaver.open_id for leaver in leavers}
        for leaver in leavers:
            self.journal.note(leaver)
            self.journal.keep(self.range_users, leaver.open_id)
            leaver.left_departments = leaver.departments
            self.place_user(leaver, ())
            leaver.resigned, leaver.activated, leaver.unjoined, leaver.frozen = True, False, False, False
            leaver.exited = False
            self.range_users.pop(leaver.open_id, None)
        if not gone:
            return
        for user in self.users.values():
            if user.leader in gone or not gone.isdisjoint(user.dotted_line_leaders):
                self.journal.note(user, consequence=True)
                user.leader = None if user.leader in gone else user.leader
                user.dotted_line_leaders = tuple(each for each in user.dotted_line_leaders if each not in gone)
        for department in self.departments.values():
            if gone.isdisjoint((department.leader, *department.deputies, *department.hrbps)):
                continue
            self.journal.note(department, consequence=True)
            if department.leader in gone:
                department.leader = None
            department.deputies = tuple(each for each in department.deputies if each not in gone)
            department.hrbps = tuple(each for each in department.hrbps if each not in gone)

    def bury(self, department: Department) -> None:
        """Mark an empty department deleted; its open id never comes back."""
        key = department.open_department_id
        self.journal.note(department)
        self.journal.keep(self._children, department.parent)
        self.journal.keep(self.range_departments, key)
        del self._children[department.parent][key]
        department.deleted = True
        department.leader, department.deputies = None, ()
        self.range_departments.pop(key, None)
        self.hidden.discard(key)
        self.changed()

    def changed(self) -> None:
        self._sizes = None
        self._trees.clear()

    def department(self, any_id: str) -> Department:
        """Find a living department by either id, for the lab's own verbs."""
        found = self.departments.get(self._by_department_id.get(any_id, any_id))
        if found is None or found.deleted:
            raise LabError(f"no such department: {any_id}")
        return found

    def place(self, any_id: str) -> str:
        """Find the open_department_id of a living department, or of the root."""
        return ROOT if any_id == ROOT else self.department(any_id).open_department_id

    def user(self, any_id: str) -> User:
        """Find a person, leavers too, by any of the three ids, for the lab's own verbs."""
        open_id = self._by_union_id.get(any_id) or self._by_user_id.get(any_id) or any_id
        if open_id not in self.users:
            raise LabError(f"no such person: {any_id}")
        return self.users[open_id]

    def user_by(self, id_type: str, external_id: str) -> User | None:
        index = {"union_id": self._by_union_id, "user_id": self._by_user_id}.get(id_type)
        return self.users.get(external_id if index is None else index.get(external_id, ""))

    def department_by(self, id_type: str, external_id: str) -> Department | None:
        open_id = self._by_department_id.get(external_id, "") if id_type == "department_id" else external_id
        return self.departments.get(open_id)

    def children(self, department: str) -> list[str]:
        return list(self._children[department])

    def members(self, department: str) -> list[str]:
        """List direct members, whoever came first first; leavers are members of nothing."""
        return list(self._members[department])

    def subtree(self, department: str) -> Iterator[str]:
        """Walk a department and all below it, parents first."""
        waiting = [department]
        while waiting:
            here = waiting.pop()
            yield here
            waiting.extend(self._children[here])

    def ancestors(self, department: str) -> Iterator[str]:
        """Walk from a department's parent up to the root, which comes last."""
        while department != ROOT:
            department = self.departments[department].parent
            yield department

    def people_under(self, department: str) -> dict[str, None]:
        return {open_id: None for place in self.subtree(department) for open_id in self._members[place]}

    def member_count(self, department: str) -> int:
        """Count the people in a department or anywhere below it, everybody once."""
        return self._counted()[0][department]

    def primary_member_count(self, department: str) -> int:
        """Count those whose primary department it is, or one below it."""
        return self._counted()[1][department]

    def sees_department(self, department: str) -> bool:
        """Tell whether the contact range covers a living department, or the root."""
        line = (department, *self.ancestors(department))
        if not self.hidden.isdisjoint(line):
            return False
        return self.range_is_all or any(place in self.range_departments for place in line)

    def sees_user(self, user: User) -> bool:
        """Tell whether the contact range covers a person; a leaver counts as still being where they last were."""
        if user.open_id in self.range_users and not self.range_is_all:
            return True
        if not user.resigned:
            return any(self.sees_department(place) for place in user.departments)
        former = [place for place in user.left_departments if place == ROOT or not self.departments[place].deleted]
        return any(self.sees_department(place) for place in former) if former else self.range_is_all

    def visible_children(self, department: str) -> list[str]:
        return [child for child in self._children[department] if child not in self.hidden]

    def visible_tree(self, department: str) -> list[str]:
        """List all visible departments below one, in an order that says nothing about who is whose parent."""
        if department not in self._trees:
            tree: list[str] = []
            waiting = self.visible_children(department)
            while waiting:
                here = waiting.pop()
                tree.append(here)
                waiting.extend(self.visible_children(here))
            self._trees[department] = sorted(tree)
        return self._trees[department]

    def _counted(self) -> tuple[Counter[str], Counter[str]]:
        if self._sizes is None:
            everyone, primaries = Counter[str](), Counter[str]()
            lines: dict[str, tuple[str, ...]] = {}
            for user in self.users.values():
                over: set[str] = set()
                for membership in user.memberships:
                    place = membership.department
                    line = lines.get(place)
                    if line is None:
                        line = lines[place] = (place, *self.ancestors(place))
                    over.update(line)
                    if membership.primary:
                        primaries.update(line)
                everyone.update(over)
            self._sizes = everyone, primaries
        return self._sizes
