"""A DingTalk organisation with one app installed: everything that can happen to it, and the truth to compare with."""

import inspect
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from itertools import islice
from typing import Literal, Self

from infra.lab import company
from infra.lab.clock import LabClock, SystemLabClock
from infra.lab.dingtalk import founding, luck
from infra.lab.dingtalk.chatting import Chatting
from infra.lab.dingtalk.records import PROFILE, ROOT, AccountType, LeaveReason, User
from infra.lab.dingtalk.truth import Truth, whole_truth
from infra.lab.wire import JsonObject, LabError

Edition = Literal["standard", "dedicated"]
VERBS = frozenset(
    {
        "activate",
        "add_chat",
        "add_department",
        "add_role",
        "add_user",
        "chats",
        "close_branch",
        "close_department",
        "configure",
        "connect_chat",
        "control_flow",
        "create_department",
        "disable",
        "disband",
        "edit",
        "edit_chat",
        "edit_department",
        "enable",
        "enter",
        "grant",
        "hide",
        "hire",
        "install_card",
        "leave",
        "messages",
        "move",
        "move_department",
        "mutate_randomly",
        "press",
        "range_all",
        "redeliver",
        "rename",
        "rename_department",
        "revoke",
        "route_card",
        "say",
        "send",
        "set_custom",
        "set_leader",
        "set_manager",
        "set_range",
        "set_roles",
        "show",
        "some_account",
        "some_branch",
        "some_leaf_department",
        "some_person",
        "toasts",
    }
)


class DingTalkWorkspace(Chatting):
    """Starts empty; `generate` makes a company up. Verbs take a userid or a unionid, and a dept_id as number or text.

    They return the id they touched, as text. A verb that cannot be done raises `LabError` and changes nothing.
    """

    def __init__(
        self,
        *,
        seed: int = 1,
        edition: Edition = "standard",
        root_name: str = "示例公司",
        clock: LabClock | None = None,
        corp_id: str | None = None,
    ) -> None:
        super().__init__(seed=seed, root_name=root_name, corp_id=corp_id, clock=clock or SystemLabClock())
        self.edition = edition
        self.makeup = company.Makeup(random.Random(f"{seed} hires"), "example.com")

    @classmethod
    def generate(
        cls,
        seed: int = 1,
        people: int = 800,
        departments: int = 60,
        *,
        clock: LabClock | None = None,
        corp_id: str | None = None,
        edition: Edition = "standard",
    ) -> Self:
        """Make up a whole company, the same for the same seed; a dedicated one has enterprise accounts as well."""
        made_up = company.generate(seed, people, departments)
        workspace = cls(seed=seed, edition=edition, root_name=made_up.name, clock=clock, corp_id=corp_id)
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
        department: int | str | Sequence[int | str] = ROOT,
        *,
        name: str | None = None,
        userid: str | None = None,
        unionid: str | None = None,
        active: bool = False,
        account: AccountType = "",
        leader: str | None = None,
        **fields: object,
    ) -> str:
        """Add a person, invited and not yet activated; what is not said is made up.

        The userid or unionid of somebody who left may be given: that is a rehire. `account` makes it an enterprise
        account.
        """
        with self.change():
            places = self._places(department)
            self._check_new(fields, userid, unionid, account)
            boss = self.at_work(leader).userid if leader else None
            person = self.makeup.person(len(self.users))
            profile = founding.profile(person) | {"hired_date": int(self.clock.now().timestamp()) * 1000} | fields
            if name is not None:
                profile["name"] = name
            mailbox = person.work_email.partition("@")[0]
            user = founding.new_user(self, profile, places, userid=userid, unionid=unionid, mailbox=mailbox)
            user.manager, user.active = boss, active
            if account:
                founding.make_account(self, user, account, mailbox)
            self.admit_user(user)
            return user.userid

    def add_user(
        self,
        name: str,
        departments: int | str | Sequence[int | str] = ROOT,
        *,
        userid: str | None = None,
        account: AccountType = "",
        login_id: str = "",
        **fields: object,
    ) -> str:
        """Add an activated person with nothing made up but the ids, for small companies written by hand."""
        with self.change():
            places = self._places(departments)
            self._check_new(fields, userid, None, account)
            user = founding.new_user(self, {"name": name, **fields}, places, userid=userid)
            if account:
                founding.make_account(self, user, account, login_id or user.userid)
            self.admit_user(user)
            return user.userid

    def move(self, user: str, to_departments: int | str | Sequence[int | str]) -> str:
        """Put a person into exactly these departments, the first of them the main one."""
        with self.change():
            person = self.at_work(user)
            self.place_user(person, founding.memberships(self, self._places(to_departments)))
            return person.userid

    def rename(self, user: str, name: str) -> str:
        return self.edit(user, name=name)

    def edit(self, user: str, **fields: object) -> str:
        """Change fields of the profile; see `records.PROFILE`."""
        with self.change():
            person = self.at_work(user)
            self._check_profile(fields)
            return self._set(person, **fields)

    def set_manager(self, user: str, leader: str | None) -> str:
        with self.change():
            return self._set(self.at_work(user), manager=self.at_work(leader).userid if leader else None)

    def set_custom(self, user: str, field: str, value: str) -> str:
        """Fill in a custom field of the extension, by its name; "" clears."""
        with self.change():
            person = self.at_work(user)
            custom: dict[str, str] = json.loads(person.extension or "{}") | {field: value}
            custom = {name: text for name, text in custom.items() if text}
            extension = json.dumps(custom, ensure_ascii=False) if custom else ""
            self._check_profile({"extension": extension})
            return self._set(person, extension=extension)

    def activate(self, user: str) -> str:
        """Let an invited person sign in for the first time."""
        with self.change():
            return self._set(self.at_work(user), active=True)

    def disable(self, user: str) -> str:
        """Suspend an enterprise account; of the other kind only its owner disposes."""
        return self._switch_account(user, disabled=True)

    def enable(self, user: str) -> str:
        return self._switch_account(user, disabled=False)

    def leave(self, user: str, reason: LeaveReason = "leave") -> str:
        """Let a person leave: not found from then on, nobody's manager, leader of nothing."""
        with self.change():
            person = self.at_work(user)
            self.retire([person], self.clock.now(), reason)
            return person.userid

    # Departments

    def add_department(
        self, name: str, parent: int | str = ROOT, *, source_identifier: str = "", leader: str | None = None
    ) -> str:
        """Add a department; one name once among siblings."""
        with self.change():
            above = self.place(parent)
            self._check_name(name, above)
            managers = (self.at_work(leader).userid,) if leader else ()
            department = founding.new_department(self, name, above)
            department.source_identifier, department.managers = source_identifier, managers
            self.admit_department(department)
            return str(department.dept_id)

    def create_department(self, parent: int | str, name: str) -> str:
        return self.add_department(name, parent)

    def rename_department(self, dept: int | str, name: str) -> str:
        with self.change():
            department = self.department(dept)
            self._check_name(name, department.parent or ROOT, but=department.dept_id)
            self.journal.note(department)
            department.name = name
            return str(department.dept_id)

    def edit_department(self, dept: int | str, **fields: str) -> str:
        """Change source_identifier, code, brief or telephone."""
        with self.change():
            department = self.department(dept)
            if unknown := set(fields) - {"source_identifier", "code", "brief", "telephone"}:
                raise LabError(f"unknown fields {sorted(unknown)}")
            self.journal.note(department)
            for field, value in fields.items():
                setattr(department, field, value)
            return str(department.dept_id)

    def move_department(self, dept: int | str, parent: int | str) -> str:
        with self.change():
            department, above = self.department(dept), self.place(parent)
            if department.dept_id in self.line(above):
                raise LabError("a department cannot be moved below itself")
            self._check_name(department.name, above)
            order = founding.next_order(self, above)
            self.place_department(department, above)
            department.order = order
            return str(department.dept_id)

    def set_leader(self, dept: int | str, leader: str | None, deputies: Sequence[str] = ()) -> str:
        """Choose the managers of a department, or of the root."""
        with self.change():
            department = self.departments[self.place(dept)]
            chosen = (leader, *deputies) if leader else tuple(deputies)
            managers = tuple(dict.fromkeys(self.at_work(each).userid for each in chosen))
            self.journal.note(department)
            department.managers = managers
            return str(department.dept_id)

    def close_department(self, dept: int | str) -> str:
        """Delete a department, which must be empty: without members and without departments below it."""
        with self.change():
            department = self.department(dept)
            if self.members(department.dept_id) or self.children(department.dept_id):
                raise LabError("the department still has members or departments below it")
            self.bury(department)
            return str(department.dept_id)

    def close_branch(self, dept: int | str, *, leave: bool = True) -> dict[str, list[str]]:
        """Delete a department and all below it.

        People who are elsewhere too only lose these departments; the others leave, or move to the parent.
        """
        with self.change():
            top = self.department(dept)
            branch = list(self.subtree(top.dept_id))
            doomed = set(branch)
            leavers: list[User] = []
            moved: list[str] = []
            for userid in self.people_under(top.dept_id):
                person = self.users[userid]
                kept = tuple(each for each in person.memberships if each.department not in doomed)
                if not kept and leave:
                    leavers.append(person)
                    continue
                self.place_user(person, kept or founding.memberships(self, (top.parent or ROOT,)))
                moved.append(userid)
            self.retire(leavers, self.clock.now(), "leave")
            for place in reversed(branch):
                self.bury(self.departments[place])
            return {
                "departments": [str(place) for place in branch],
                "left": [each.userid for each in leavers],
                "moved": moved,
            }

    # Roles

    def add_role(self, name: str, group: str = "职务") -> int:
        with self.change():
            role = founding.new_role(self, name, group)
            self.journal.new(role)
            self.roles[role.role_id] = role
            return role.role_id

    def set_roles(self, user: str, roles: Iterable[int]) -> str:
        with self.change():
            held = tuple(dict.fromkeys(roles))
            if unknown := [role_id for role_id in held if role_id not in self.roles]:
                raise LabError(f"no such roles: {unknown}")
            return self._set(self.at_work(user), roles=held)

    # Luck and truth

    def some_person(self, seed: int = 0, state: str | None = "active") -> str:
        """Pick a person by seed, in that state or, with None, in any but left."""
        return luck.some_person(self, random.Random(seed), state)

    def some_account(self, seed: int = 0, *, disabled: bool = False) -> str:
        """Pick a person with an enterprise account that this organisation made."""
        return luck.some_account(self, random.Random(seed), disabled)

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
        """Tell everything: departments by dept_id as text, deleted ones too, people by userid, leavers too."""
        with self.lock:
            return whole_truth(self)

    # For the window

    def take_on(self, name: str, department: str) -> str:
        return self.hire(department or ROOT, name=name, active=True)

    def let_go(self, person: str) -> str:
        return self.leave(person)

    def colleagues(self, text: str, limit: int) -> list[JsonObject]:
        """Find people at work by a part of their names; the newest first."""
        found = (each for each in reversed(self.users.values()) if not each.left and text in each.name)
        return [
            {
                "id": each.userid,
                "name": each.name,
                "department": self.departments[each.departments[0]].name if each.departments else "",
            }
            for each in islice(found, limit)
        ]

    def workplaces(self) -> list[JsonObject]:
        living = (each for each in self.departments.values() if not each.deleted)
        return [{"id": str(each.dept_id), "name": each.name} for each in living]

    def looks(self) -> JsonObject:
        return {"templates": {name: asdict(each) for name, each in self.templates.items()}}

    # Keeping it consistent

    def _places(self, departments: int | str | Sequence[int | str]) -> tuple[int, ...]:
        asked = (departments,) if isinstance(departments, int | str) else tuple(departments)
        places = tuple(dict.fromkeys(self.place(each) for each in asked))
        if not places:
            raise LabError("a person is in at least one department")
        return places

    def _check_profile(self, fields: Mapping[str, object]) -> None:
        if unknown := set(fields) - PROFILE:
            raise LabError(f"unknown fields {sorted(unknown)}; there are {', '.join(sorted(PROFILE))}")
        if len(str(fields.get("extension", ""))) > 2000:
            raise LabError("an extension has at most 2,000 characters")

    def _check_new(
        self, fields: Mapping[str, object], userid: str | None, unionid: str | None, account: AccountType
    ) -> None:
        self._check_profile(fields)
        if userid is not None and (not 0 < len(userid) <= 64 or self.employed(userid)):
            raise LabError(f"userid empty, too long or somebody's: {userid!r}")
        if unionid and self.by_unionid(unionid):
            raise LabError(f"unionid {unionid} belongs to somebody")
        if account and self.edition == "standard":
            raise LabError("enterprise accounts need the dedicated edition")

    def _check_name(self, name: str, above: int, but: int | None = None) -> None:
        siblings = (self.departments[child] for child in self.children(above) if child != but)
        if not name or any(sibling.name == name for sibling in siblings):
            raise LabError(f"department name empty or taken: {name!r}")

    def _switch_account(self, any_id: str, *, disabled: bool) -> str:
        with self.change():
            person = self.at_work(any_id)
            if not person.account_type or person.owner_corp_id != self.corp_id:
                raise LabError(f"not an enterprise account of this organisation: {any_id}")
            return self._set(person, disabled=disabled)

    def _set(self, person: User, **values: object) -> str:
        self.journal.note(person)
        for field, value in values.items():
            setattr(person, field, value)
        self.touch(person)
        return person.userid
