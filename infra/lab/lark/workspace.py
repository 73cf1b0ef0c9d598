"""A Lark tenant with one app installed: everything that can happen to it, and the truth to compare a directory with."""

import inspect
import random
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Literal, Self

from infra.lab import company
from infra.lab.clock import LabClock, SystemLabClock
from infra.lab.lark import founding, luck
from infra.lab.lark.chatting import Chatting
from infra.lab.lark.records import PROFILE, ROOT, User
from infra.lab.lark.truth import Truth, whole_truth
from infra.lab.wire import JsonObject, LabError

Cloud = Literal["feishu", "lark"]
VERBS = frozenset(
    {
        "activate",
        "add_chat",
        "add_department",
        "add_user",
        "chats",
        "close_branch",
        "close_department",
        "configure",
        "connect_chat",
        "create_department",
        "edit",
        "edit_chat",
        "enter",
        "exit",
        "freeze",
        "grant",
        "hide",
        "hire",
        "menu",
        "messages",
        "move",
        "move_department",
        "mutate_randomly",
        "press",
        "range_all",
        "redeliver",
        "rename",
        "rename_department",
        "resign",
        "revoke",
        "say",
        "send",
        "set_available",
        "set_custom",
        "set_leader",
        "set_manager",
        "set_range",
        "show",
        "some_branch",
        "some_leaf_department",
        "some_person",
        "toasts",
        "unfreeze",
    }
)


class LarkWorkspace(Chatting):
    """Starts empty; `generate` makes a company up. Verbs take any kind of id and return the id they touched.

    A verb that cannot be done raises `LabError` and changes nothing.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        cloud: Cloud = "feishu",
        root_name: str = "示例公司",
        clock: LabClock | None = None,
        app_id: str | None = None,
    ) -> None:
        super().__init__(seed=seed, app_id=app_id, root_name=root_name, clock=clock or SystemLabClock())
        self.cloud = cloud
        self.makeup = company.Makeup(random.Random(f"{seed} hires"), "example.com")

    @classmethod
    def generate(
        cls,
        seed: int = 1,
        people: int = 800,
        departments: int = 60,
        *,
        clock: LabClock | None = None,
        cloud: Cloud = "feishu",
    ) -> Self:
        """Make up a whole company, the same for the same seed; its custom fields are a text and an enumeration."""
        made_up = company.generate(seed, people, departments)
        workspace = cls(seed=seed, cloud=cloud, root_name=made_up.name, clock=clock)
        workspace.makeup = company.Makeup(random.Random(f"{seed} hires"), made_up.domain, taken=made_up.people)
        founding.populate(workspace, made_up, random.Random(f"{seed} founding"))
        return workspace

    def do(self, verb: str, args: Mapping[str, object]) -> object:
        """Do a verb by name, for the control interface."""
        if verb not in VERBS:
            raise LabError(f"unknown verb {verb!r}; there are {', '.join(sorted(VERBS))}")
        act: Callable[..., object] = getattr(self, verb)
        try:
            inspect.signature(act).bind(**args)
        except TypeError as error:
            raise LabError(f"{verb}: {error}") from error
        return act(**args)

    # People

    def hire(
        self,
        department: str | Sequence[str] = ROOT,
        *,
        name: str | None = None,
        user_id: str | None = None,
        activated: bool = False,
        leader: str | None = None,
        **fields: object,
    ) -> str:
        """Add a person, invited and not yet activated; what is not said is made up."""
        with self.change():
            places = self._places(department)
            self._check_profile(fields)
            boss = self.user(leader).open_id if leader else None
            if user_id and (holder := self.user_by("user_id", user_id)) and not holder.resigned:
                raise LabError(f"user_id {user_id} belongs to somebody")
            person = self.makeup.person(len(self.users))
            profile = founding.profile(person) | fields
            if name is not None:
                profile |= {"name": name} if "en_name" in fields else {"name": name, "en_name": ""}
            profile.setdefault("join_time", int(self.clock.now().timestamp()))
            user = founding.new_user(self, profile, places, user_id=user_id)
            user.leader = boss
            user.activated, user.unjoined = activated, not activated
            self.admit_user(user)
            return user.open_id

    def add_user(self, name: str, departments: str | Sequence[str] = ROOT, **fields: object) -> str:
        """Add an activated person with nothing made up but the ids, for small companies written by hand."""
        with self.change():
            self._check_profile(fields)
            user = founding.new_user(self, {"name": name, **fields}, self._places(departments))
            self.admit_user(user)
            return user.open_id

    def move(self, user: str, to_departments: str | Sequence[str]) -> str:
        """Put a person into exactly these departments, the first of them primary."""
        with self.change():
            person = self.at_work(user)
            self.place_user(person, founding.memberships(self._places(to_departments)))
            return person.open_id

    def rename(self, user: str, name: str) -> str:
        return self.edit(user, name=name)

    def edit(self, user: str, **fields: object) -> str:
        """Change fields of the profile; see `records.PROFILE`."""
        with self.change():
            self._check_profile(fields)
            person = self.at_work(user)
            self.journal.note(person)
            for field, value in fields.items():
                setattr(person, field, value)
            return person.open_id

    def set_manager(self, user: str, leader: str | None) -> str:
        with self.change():
            person = self.at_work(user)
            boss = self.at_work(leader).open_id if leader else None
            self.journal.note(person)
            person.leader = boss
            return person.open_id

    def set_custom(self, user: str, field_id: str, value: str) -> str:
        """Fill in a custom field, by its id or name; an enumeration takes an option's id or value, "" clears."""
        with self.change():
            person = self.at_work(user)
            field = next((f for f in self.custom_fields.values() if field_id in (f.field_id, f.name, f.name_en)), None)
            if field is None:
                raise LabError(f"no such custom field: {field_id}")
            if field.kind == "ENUMERATION" and value:
                value = next((o.option_id for o in field.options if value in (o.option_id, o.value)), "")
                if not value:
                    raise LabError(f"no such option of {field_id}")
            self.journal.note(person)
            person.custom = person.custom | {field.field_id: value}
            return person.open_id

    def activate(self, user: str) -> str:
        """Let an invited person accept."""
        return self._set_flags(user, activated=True, unjoined=False)

    def freeze(self, user: str) -> str:
        return self._set_flags(user, frozen=True)

    def unfreeze(self, user: str) -> str:
        return self._set_flags(user, frozen=False)

    def exit(self, user: str) -> str:
        """Let a person leave by themselves; they stay in their departments until `resign`."""
        return self._set_flags(user, exited=True, activated=False)

    def resign(self, user: str) -> str:
        """Make a person a leaver: out of every department, nobody's manager, leader of nothing."""
        with self.change():
            person = self.at_work(user)
            self.retire([person])
            return person.open_id

    # Departments

    def add_department(
        self,
        name: str,
        parent: str = ROOT,
        *,
        name_en: str = "",
        department_id: str | None = None,
        leader: str | None = None,
    ) -> str:
        """Add a department; one name once among siblings, a department_id of a deleted department may come back."""
        with self.change():
            above = self.place(parent)
            if not name or "/" in name or any(self.departments[c].name == name for c in self.children(above)):
                raise LabError(f"department name empty, taken or with a slash: {name!r}")
            if department_id and (holder := self.department_by("department_id", department_id)) and not holder.deleted:
                raise LabError(f"department_id {department_id} is taken")
            department = founding.new_department(self, name, above, name_en=name_en, department_id=department_id)
            department.leader = self.at_work(leader).open_id if leader else None
            self.admit_department(department)
            return department.open_department_id

    def create_department(self, parent: str, name: str) -> str:
        return self.add_department(name, parent)

    def rename_department(self, dept: str, name: str) -> str:
        with self.change():
            department = self.department(dept)
            siblings = (self.departments[child] for child in self.children(department.parent))
            if not name or "/" in name or any(s.name == name and s is not department for s in siblings):
                raise LabError(f"department name empty, taken or with a slash: {name!r}")
            self.journal.note(department)
            department.name = name
            return department.open_department_id

    def move_department(self, dept: str, parent: str) -> str:
        with self.change():
            department, above = self.department(dept), self.place(parent)
            if department.open_department_id in (above, *self.ancestors(above)):
                raise LabError("a department cannot be moved below itself")
            if any(self.departments[c].name == department.name for c in self.children(above)):
                raise LabError(f"department name taken: {department.name!r}")
            order = founding.next_order(self, above)
            self.place_department(department, above)
            department.order = order
            return department.open_department_id

    def set_leader(self, dept: str, leader: str | None, deputies: Sequence[str] = ()) -> str:
        with self.change():
            department = self.department(dept)
            chosen = self.at_work(leader).open_id if leader else None
            others = tuple(self.at_work(deputy).open_id for deputy in deputies)
            self.journal.note(department)
            department.leader, department.deputies = chosen, others
            return department.open_department_id

    def close_department(self, dept: str) -> str:
        """Delete a department, which must be empty: without members and without departments below it."""
        with self.change():
            department = self.department(dept)
            if self.members(department.open_department_id) or self.children(department.open_department_id):
                raise LabError("the department still has members or departments below it")
            self.bury(department)
            return department.open_department_id

    def close_branch(self, dept: str, *, resign: bool = True) -> dict[str, list[str]]:
        """Delete a department and all below it.

        People who are elsewhere too only lose these departments; the others resign, or move to the parent.
        """
        with self.change():
            top = self.department(dept)
            branch = list(self.subtree(top.open_department_id))
            doomed = set(branch)
            leavers: list[User] = []
            moved: list[str] = []
            for open_id in self.people_under(top.open_department_id):
                person = self.users[open_id]
                kept = tuple(m for m in person.memberships if m.department not in doomed)
                if not kept and resign:
                    leavers.append(person)
                    continue
                if not kept:
                    kept = founding.memberships((top.parent,))
                elif not any(each.primary for each in kept):
                    kept = founding.memberships([each.department for each in kept])
                self.place_user(person, kept)
                moved.append(open_id)
            self.retire(leavers)
            for place in reversed(branch):
                self.bury(self.departments[place])
            return {"departments": branch, "resigned": [each.open_id for each in leavers], "moved": moved}

    # Luck and truth

    def some_person(self, seed: int = 0, state: str | None = "activated") -> str:
        """Pick a person by seed, in that state or, with None, in any but resigned."""
        return luck.some_person(self, random.Random(seed), state)

    def some_leaf_department(self, seed: int = 0) -> str:
        return luck.some_leaf_department(self, random.Random(seed))

    def some_branch(self, people: int) -> str:
        """Find the department that comes nearest to having that many people in and below it."""
        return luck.some_branch(self, people)

    def mutate_randomly(self, rng: random.Random | int, n: int) -> list[JsonObject]:
        """Let n things happen as they do in a company; tells each as `{"verb", "args", "result"}`, for `do`."""
        with self.lock:
            return luck.mutate(self, random.Random(rng) if isinstance(rng, int) else rng, n)

    def truth(self) -> Truth:
        """Tell everything: departments by open_department_id, deleted ones too, people by union_id, leavers too."""
        with self.lock:
            return whole_truth(self)

    # For the window

    def take_on(self, name: str, department: str) -> str:
        return self.hire(department or ROOT, name=name, activated=True)

    def let_go(self, person: str) -> str:
        return self.resign(person)

    def colleagues(self, text: str, limit: int) -> list[JsonObject]:
        """Find people at work by a part of their names; the newest first."""
        found = (each for each in reversed(self.users.values()) if not each.resigned and text in each.name)
        return [
            {
                "id": each.open_id,
                "name": each.name,
                "department": self.department_name(each.departments[0]) if each.departments else "",
            }
            for each in islice(found, limit)
        ]

    def workplaces(self) -> list[JsonObject]:
        living = (each for each in self.departments.values() if not each.deleted)
        return [{"id": each.open_department_id, "name": each.name} for each in living]

    def department_name(self, department: str) -> str:
        return self.root_name if department == ROOT else self.departments[department].name

    def looks(self) -> JsonObject:
        return {}

    # Keeping it consistent

    def _places(self, departments: str | Sequence[str]) -> tuple[str, ...]:
        asked = (departments,) if isinstance(departments, str) else tuple(departments)
        places = tuple(dict.fromkeys(self.place(each) for each in asked))
        if not places:
            raise LabError("a person is in at least one department")
        return places

    def _check_profile(self, fields: Mapping[str, object]) -> None:
        if unknown := set(fields) - PROFILE:
            raise LabError(f"unknown fields {sorted(unknown)}; there are {', '.join(sorted(PROFILE))}")

    def _set_flags(self, any_id: str, **flags: bool) -> str:
        with self.change():
            person = self.at_work(any_id)
            self.journal.note(person)
            for flag, value in flags.items():
                setattr(person, flag, value)
            return person.open_id
