"""A simulated company as the suite needs it: verbs that pick their own victim, and the truth in the directory's words.

Every vendor's lab is wrapped once; the faults and the oracle know only `Tenant`.
"""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import httpx

from chalicelib.core.model import Kind, State, Value, Values
from chalicelib.core.secret import Secret
from infra.lab.clock import LabClock
from infra.lab.dingtalk import Choices as DingTalkChoices
from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.dingtalk.records import ROOT as DINGTALK_ROOT
from infra.lab.dingtalk.workspace import Edition
from infra.lab.lark import Choices, LarkApi, LarkWorkspace
from infra.lab.lark.records import ROOT
from infra.lab.wire import Api, LabError

Name = tuple[Kind, str]
Undo = Callable[[], None]
T = TypeVar("T")

LATENCY_S: Final = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is so about one key. References are external ids; `visible` means within the app's contact range."""

    visible: bool
    values: Values

    @property
    def state(self) -> State:
        return State(str(self.values["state"]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Patterns of the lab's endpoints, by what they are for; `batch` is empty where the vendor has no such thing."""

    tree: str
    people: str
    paged: tuple[str, ...]
    single_person: str
    single_department: str
    batch_people: str
    batch_departments: str
    token: str
    permissions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How the vendor spells what faults take away or falsify in its rows."""

    name: tuple[str, ...]
    status: tuple[str, ...]
    title: str
    departments: tuple[str, ...]
    contact: tuple[str, ...]
    email: tuple[str, ...]
    count: tuple[str, ...]
    person_id: str
    # Permissions: those that uncover fields, and those without which nothing can be listed.
    field_scopes: tuple[str, ...]
    list_scopes: tuple[str, ...]


class Tenant(ABC):
    """One company behind one api. Verbs answer False when nobody fits."""

    kind: str
    doors: Doors
    spelling: Spelling
    api: Api
    # How it names the root in a request, and how it may refuse to say anything about one id: status and body.
    root: str
    refusals: tuple[tuple[int, bytes], ...]
    # What only a read by name shows: it may be a day old.
    slow_fields: frozenset[str] = frozenset()

    @property
    @abstractmethod
    def settings(self) -> Mapping[str, str]: ...

    @property
    @abstractmethod
    def secrets(self) -> Mapping[str, Secret]: ...

    @abstractmethod
    def facts(self) -> Mapping[Name, Fact]: ...

    @abstractmethod
    def stranger(self, seed: int) -> Self:
        """Make another company that answers to the same credentials."""

    @abstractmethod
    def with_page_size(self, request: httpx.Request, size: int) -> httpx.Request:
        """Make a request ask for fewer rows a page, as a vendor may decide by itself."""

    @abstractmethod
    def luck(self, rng: random.Random, events: int) -> bool: ...

    @abstractmethod
    def hire(self, rng: random.Random) -> bool: ...

    @abstractmethod
    def resign(self, rng: random.Random, people: int = 1) -> bool: ...

    @abstractmethod
    def dismiss(self, person: str) -> bool:
        """Let this one leave."""

    @abstractmethod
    def retitle(self, person: str, rng: random.Random) -> bool:
        """Give this one another title."""

    @abstractmethod
    def suspend(self, rng: random.Random, people: int = 1) -> bool: ...

    @abstractmethod
    def move(self, rng: random.Random) -> bool: ...

    @abstractmethod
    def move_to_root(self, rng: random.Random) -> bool: ...

    @abstractmethod
    def edit_somebody_of_two(self, rng: random.Random) -> bool:
        """Change a person who is in more than one department."""

    @abstractmethod
    def clear_a_field(self, rng: random.Random) -> bool:
        """Empty an optional field of one person, as an editor would."""

    @abstractmethod
    def change_manager(self, rng: random.Random) -> bool: ...

    @abstractmethod
    def close_a_department(self, rng: random.Random, *, leave: bool) -> bool: ...

    @abstractmethod
    def move_a_department(self, rng: random.Random) -> bool: ...

    @abstractmethod
    def rename_user_id(self, rng: random.Random) -> bool: ...

    @abstractmethod
    def hide(self, rng: random.Random) -> Undo: ...

    @abstractmethod
    def narrow(self, rng: random.Random) -> Undo: ...

    @abstractmethod
    def withdraw(self, scopes: Sequence[str]) -> Undo: ...

    @abstractmethod
    def switch_off(self, rng: random.Random) -> Undo:
        """Disable the app, or shut its network out."""

    @abstractmethod
    def wording(self, rng: random.Random) -> None:
        """Choose one of the ways in which the vendor may word what its pages leave open."""


class LarkTenant(Tenant):
    kind = "lark"
    doors = Doors(
        tree="departments.children",
        people="users.find_by_department",
        paged=("users.find_by_department", "departments.children"),
        single_person="users.get",
        single_department="departments.get",
        batch_people="users.batch",
        batch_departments="departments.batch",
        token="auth.tenant_access_token",
        permissions="application.scopes",
    )
    spelling = Spelling(
        name=("name",),
        status=("status",),
        title="job_title",
        departments=("department_ids", "orders", "parent_department_id"),
        contact=("email", "enterprise_email", "mobile", "job_title", "leader_user_id"),
        email=("enterprise_email", "email"),
        count=("member_count", "primary_member_count"),
        person_id="union_id",
        field_scopes=(
            "contact:user.base:readonly",
            "contact:user.email:readonly",
            "contact:user.phone:readonly",
            "contact:user.employee:readonly",
            "contact:user.department:readonly",
            "contact:department.base:readonly",
            "contact:department.organize:readonly",
        ),
        list_scopes=("contact:contact.base:readonly", "contact:department.organize:readonly"),
    )
    root = ROOT
    refusals = tuple(
        (status, json.dumps({"code": code, "msg": "no"}).encode())
        for status, code in (
            (400, 41050),
            (400, 40004),
            (400, 40014),
            (400, 99992363),
            (400, 41012),
            (403, 99991672),
            (200, 1),
            (400, 99992402),
            (200, 0),
        )
    )
    _STATES: Final = {
        "activated": State.ACTIVE,
        "invited": State.INVITED,
        "frozen": State.SUSPENDED,
        "exited": State.LEFT,
        "resigned": State.LEFT,
    }

    def __init__(self, company: LarkWorkspace, clock: LabClock) -> None:
        self.company = company
        self.choices = Choices()
        self.api = LarkApi(company, clock=clock, choices=self.choices, latency_s=LATENCY_S)
        self._clock = clock

    @classmethod
    def found(cls, seed: int, people: int, departments: int, clock: LabClock) -> Self:
        return cls(LarkWorkspace.generate(seed=seed, people=people, departments=departments, clock=clock), clock)

    @property
    def settings(self) -> Mapping[str, str]:
        return {"app_id": self.company.app_id, "base_url": "https://open.feishu.cn"}

    @property
    def secrets(self) -> Mapping[str, Secret]:
        return {"app_secret": Secret(self.company.app_secret)}

    def facts(self) -> Mapping[Name, Fact]:
        truth = self.company.truth()
        facts: dict[Name, Fact] = {}
        for key, department in truth["departments"].items():
            parent = department["parent"]
            leaders = (department["leader"], *department["deputies"])
            values: dict[str, Value] = {
                "name": department["name"],
                "en_name": department["name_en"],
                "parent": None if parent == ROOT else parent,
                "leaders": tuple(each for each in leaders if each),
                "order": department["order"],
                "state": State.LEFT if department["deleted"] else State.ACTIVE,
            }
            visible = department["deleted"] or department["visible"]
            facts[Kind.DEPARTMENT, key] = Fact(visible=visible, values=values)
        for key, person in truth["people"].items():
            facts[Kind.EMPLOYEE, key] = Fact(
                visible=person["visible"],
                values={
                    "name": person["name"],
                    "en_name": person["en_name"],
                    "email": person["enterprise_email"] or person["email"],
                    "mobile": person["mobile"],
                    "employee_no": person["employee_no"],
                    "title": person["job_title"],
                    "departments": tuple(each for each in person["departments"] if each != ROOT),
                    "manager": person["leader"],
                    "state": self._STATES[person["state"]],
                    "city": person["city"],
                    "employee_type": person["employee_type"],
                },
            )
        return facts

    def stranger(self, seed: int) -> Self:
        other = LarkWorkspace.generate(seed=seed, people=30, departments=6, clock=self._clock)
        other.app_id, other.app_secret = self.company.app_id, self.company.app_secret
        return type(self)(other, self._clock)

    def with_page_size(self, request: httpx.Request, size: int) -> httpx.Request:
        if "page_size" not in request.url.params:
            return request
        url = request.url.copy_set_param("page_size", str(size))
        return httpx.Request(request.method, url, headers=request.headers, content=request.read())

    # --- what happens in a company

    def luck(self, rng: random.Random, events: int) -> bool:
        return attempt(lambda: self.company.mutate_randomly(rng, events))

    def hire(self, rng: random.Random) -> bool:
        return attempt(lambda: self.company.hire(self._some_department(rng), activated=rng.random() < 0.5))

    def resign(self, rng: random.Random, people: int = 1) -> bool:
        verb = self.company.exit if rng.random() < 0.15 else self.company.resign
        return self._each(rng, people, verb)

    def dismiss(self, person: str) -> bool:
        return attempt(lambda: self.company.resign(person))

    def retitle(self, person: str, rng: random.Random) -> bool:
        return attempt(lambda: self.company.edit(person, job_title=f"Chief {rng.randrange(1000)}"))

    def suspend(self, rng: random.Random, people: int = 1) -> bool:
        return self._each(rng, people, self.company.freeze)

    def move(self, rng: random.Random) -> bool:
        places = [self._some_department(rng) for _ in range(rng.choice((1, 1, 2)))]
        return self._each(rng, 1, lambda person: self.company.move(person, places))

    def move_to_root(self, rng: random.Random) -> bool:
        return self._each(rng, 1, lambda person: self.company.move(person, ROOT))

    def edit_somebody_of_two(self, rng: random.Random) -> bool:
        with self.company.lock:
            several = [user.open_id for user in self.company.users.values() if len(user.memberships) > 1]
            if not several:
                places = rng.sample([key for key, each in self.company.departments.items() if not each.deleted], 2)
                several = [self.company.move(self._some_person(rng), places)]
        return attempt(lambda: self.company.edit(rng.choice(several), job_title=f"Head {rng.randrange(1000)}"))

    def clear_a_field(self, rng: random.Random) -> bool:
        field = rng.choice(("job_title", "mobile", "city", "en_name", "employee_no"))
        return self._each(rng, 1, lambda person: self.company.edit(person, **{field: ""}))

    def change_manager(self, rng: random.Random) -> bool:
        return self._each(rng, 1, lambda person: self.company.set_manager(person, self._some_person(rng)))

    def close_a_department(self, rng: random.Random, *, leave: bool) -> bool:
        return attempt(lambda: self.company.close_branch(self._some_department(rng), resign=leave))

    def move_a_department(self, rng: random.Random) -> bool:
        return attempt(lambda: self.company.move_department(self._some_department(rng), self._some_department(rng)))

    def rename_user_id(self, rng: random.Random) -> bool:
        with self.company.lock:
            person = self.company.user(self._some_person(rng))
            person.user_id = f"renamed{rng.randrange(10**6)}"
            self.company.admit_user(person)
        return True

    def hide(self, rng: random.Random) -> Undo:
        hidden = self.company.hide(self._some_department(rng))

        return lambda: void(attempt(lambda: self.company.show(hidden)))  # it may have been closed meanwhile

    def narrow(self, rng: random.Random) -> Undo:
        with self.company.lock:
            living = [key for key, each in self.company.departments.items() if not each.deleted]
            granted = rng.sample(living, min(len(living), rng.randint(0, 3)))
            lone = {self._some_person(rng) for _ in range(rng.randint(0, 4))}
            self.company.set_range(granted, sorted(lone))
        return self.company.range_all

    def withdraw(self, scopes: Sequence[str]) -> Undo:
        had = [scope for scope in scopes if scope in self.company.scopes_granted]
        for scope in had:
            self.company.revoke(scope)
        return lambda: [self.company.grant(scope) for scope in had].clear()

    def switch_off(self, rng: random.Random) -> Undo:
        switch = rng.choice(("enabled", "installed", "ip_allowed"))
        self.company.configure(**{switch: False})
        return lambda: void(self.company.configure(**{switch: True}))

    def wording(self, rng: random.Random) -> None:
        self.choices.empty_items = rng.choice(("absent", "null", "empty"))
        self.choices.empty_values = rng.choice(("absent", "blank", "null"))
        self.choices.unreadable_in_batch = rng.choice(("skipped", "error"))
        self.choices.deleted_department = rng.choice(("refused", "flagged"))
        self.choices.lists_exited = rng.random() < 0.5
        self.choices.scope_prefix = rng.random() < 0.5
        self.choices.throttle_status = rng.choice((429, 400))

    def _some_person(self, rng: random.Random) -> str:
        return self.company.some_person(rng.randrange(10**9), None)

    def _some_department(self, rng: random.Random) -> str:
        living = [key for key, each in self.company.departments.items() if not each.deleted]
        if not living:
            raise LabError("there are no departments")
        return rng.choice(living)

    def _each(self, rng: random.Random, people: int, act: Callable[[str], object]) -> bool:
        return any([attempt(lambda: act(self._some_person(rng))) for _ in range(people)])


class DingTalkTenant(Tenant):
    kind = "dingtalk"
    doors = Doors(
        tree="departments.listsub",
        people="users.list",
        paged=("users.list",),
        single_person="users.get",
        single_department="departments.get",
        batch_people="",
        batch_departments="",
        token="auth.*token",
        permissions="auth.scopes",
    )
    spelling = Spelling(
        name=("name",),
        status=("active", "disable_status"),
        title="title",
        departments=("dept_id_list", "parent_id"),
        contact=("email", "org_email", "mobile", "title", "manager_userid"),
        email=("email", "org_email"),
        count=("member_count", "owning_member_count"),
        person_id="userid",
        field_scopes=("fieldMobile", "fieldEmail"),
        list_scopes=("qyapi_get_department_member", "qyapi_get_department_list"),
    )
    root = str(DINGTALK_ROOT)
    refusals = (
        *(
            (200, json.dumps({"errcode": code, "errmsg": "no", "request_id": "r"}).encode())
            for code in (50002, 50004, 40035, 60011, 12345, -1, 400002)
        ),
        (200, b'{"errcode":0,"errmsg":"ok"}'),
        (200, b'{"errcode":0,"errmsg":"ok","result":{}}'),
    )
    slow_fields = frozenset({"manager", "roles", "order"})

    def __init__(self, company: DingTalkWorkspace, clock: LabClock) -> None:
        self.company = company
        self.choices = DingTalkChoices()
        self.api: DingTalkApi = DingTalkApi(company, clock=clock, choices=self.choices, latency_s=LATENCY_S)
        self._clock = clock

    @classmethod
    def found(cls, seed: int, people: int, departments: int, clock: LabClock) -> Self:
        edition: Edition = "dedicated" if seed % 2 else "standard"
        company = DingTalkWorkspace.generate(
            seed=seed, people=people, departments=departments, clock=clock, edition=edition
        )
        return cls(company, clock)

    @property
    def settings(self) -> Mapping[str, str]:
        return {"corp_id": self.company.corp_id, "app_key": self.company.app_key}

    @property
    def secrets(self) -> Mapping[str, Secret]:
        return {"app_secret": Secret(self.company.app_secret)}

    def facts(self) -> Mapping[Name, Fact]:
        truth = self.company.truth()
        facts: dict[Name, Fact] = {}
        people = truth["people"]
        for key, department in truth["departments"].items():
            leaders = [each for each in department["managers"] if key in people[each]["leads"]]
            values: dict[str, Value] = {
                "name": department["name"],
                "parent": None if department["parent"] == self.root else department["parent"],
                "leaders": tuple(sorted(leaders)),
                "order": department["order"],
                "state": State.LEFT if department["deleted"] else State.ACTIVE,
            }
            visible = department["deleted"] or department["visible"]
            facts[Kind.DEPARTMENT, key] = Fact(visible=visible, values=values)
        for key, person in people.items():
            departments = sorted((each for each in person["departments"] if each != self.root), key=int)
            ours = person["owner_corp_id"] == self.company.corp_id and person["account_type"] == "dingtalk"
            facts[Kind.EMPLOYEE, key] = Fact(
                visible=person["visible"] or person["state"] == "left",
                values={
                    "name": person["name"],
                    "email": person["org_email"] or person["email"],
                    "mobile": f"+{person['state_code']}{person['mobile']}" if person["mobile"] else "",
                    "employee_no": person["job_number"],
                    "title": person["title"],
                    "departments": tuple(departments),
                    "manager": person["manager"],
                    "state": State(person["state"]),
                    "work_place": person["work_place"],
                    "roles": ", ".join(sorted(set(person["roles"]))),
                    "login_id": person["login_id"] if ours else "",
                },
            )
        return facts

    def stranger(self, seed: int) -> Self:
        other = DingTalkWorkspace.generate(
            seed=seed, people=30, departments=6, clock=self._clock, corp_id=self.company.corp_id
        )
        other.app_key, other.app_secret = self.company.app_key, self.company.app_secret
        return type(self)(other, self._clock)

    def with_page_size(self, request: httpx.Request, size: int) -> httpx.Request:
        return with_body(request, size=size)

    # --- what happens in a company

    def luck(self, rng: random.Random, events: int) -> bool:
        return attempt(lambda: self.company.mutate_randomly(rng, events))

    def hire(self, rng: random.Random) -> bool:
        return attempt(lambda: self.company.hire(self._some_department(rng), active=rng.random() < 0.5))

    def resign(self, rng: random.Random, people: int = 1) -> bool:
        return self._each(rng, people, self.company.leave)

    def dismiss(self, person: str) -> bool:
        return attempt(lambda: self.company.leave(person))

    def retitle(self, person: str, rng: random.Random) -> bool:
        return attempt(lambda: self.company.edit(person, title=f"Chief {rng.randrange(1000)}"))

    def suspend(self, rng: random.Random, people: int = 1) -> bool:
        """Only accounts that the company made can be suspended; in a company without any, nobody can."""
        return any(
            [
                attempt(lambda: self.company.disable(self.company.some_account(rng.randrange(10**9))))
                for _ in range(people)
            ]
        )

    def move(self, rng: random.Random) -> bool:
        places = [self._some_department(rng) for _ in range(rng.choice((1, 1, 2)))]
        return self._each(rng, 1, lambda person: self.company.move(person, places))

    def move_to_root(self, rng: random.Random) -> bool:
        return self._each(rng, 1, lambda person: self.company.move(person, self.root))

    def edit_somebody_of_two(self, rng: random.Random) -> bool:
        with self.company.lock:
            several = [user.userid for user in self.company.users.values() if len(user.memberships) > 1]
            if not several:
                several = [self.company.move(self._some_person(rng), rng.sample(self._living(), 2))]
        return attempt(lambda: self.company.edit(rng.choice(several), title=f"Head {rng.randrange(1000)}"))

    def clear_a_field(self, rng: random.Random) -> bool:
        field = rng.choice(("title", "work_place", "job_number", "org_email"))
        return self._each(rng, 1, lambda person: self.company.edit(person, **{field: ""}))

    def change_manager(self, rng: random.Random) -> bool:
        return self._each(rng, 1, lambda person: self.company.set_manager(person, self._some_person(rng)))

    def close_a_department(self, rng: random.Random, *, leave: bool) -> bool:
        return attempt(lambda: self.company.close_branch(self._some_department(rng), leave=leave))

    def move_a_department(self, rng: random.Random) -> bool:
        return attempt(lambda: self.company.move_department(self._some_department(rng), self._some_department(rng)))

    def rename_user_id(self, rng: random.Random) -> bool:
        """A userid cannot change: whoever gets another leaves, and comes back as somebody with the same unionid."""

        def rename() -> None:
            with self.company.lock:
                person = self.company.user(self._some_person(rng))
                places = person.departments
                self.company.leave(person.userid)
                self.company.hire(
                    places,
                    name=person.name,
                    userid=f"renamed{rng.randrange(10**6)}",
                    unionid=person.unionid,
                    active=True,
                )

        return attempt(rename)

    def hide(self, rng: random.Random) -> Undo:
        hidden = self.company.hide(self._some_department(rng))
        return lambda: void(attempt(lambda: self.company.show(hidden)))

    def narrow(self, rng: random.Random) -> Undo:
        with self.company.lock:
            living = self._living()
            granted = rng.sample(living, min(len(living), rng.randint(0, 3)))
            lone = {self._some_person(rng) for _ in range(rng.randint(0, 4))}
            self.company.set_range(granted, sorted(lone))
        return self.company.range_all

    def withdraw(self, scopes: Sequence[str]) -> Undo:
        had = [scope for scope in scopes if scope in self.company.scopes_granted]
        for scope in had:
            self.company.revoke(scope)

        def grant() -> None:
            for scope in had:
                self.company.grant(scope)
            self.api.revoke_tokens()  # some permissions come with another token only

        return grant

    def switch_off(self, rng: random.Random) -> Undo:
        self.company.configure(ip_allowed=False)
        return lambda: void(self.company.configure(ip_allowed=True))

    def wording(self, rng: random.Random) -> None:
        self.choices.sub_code = rng.random() < 0.5
        self.choices.token_error = rng.choice(("by_cause", "40014", "42001", "40001"))
        self.choices.new_permission = rng.choice(("at_once", "asked_again", "new_token"))
        self.choices.names_missing_permission = rng.random() < 0.5
        self.choices.user_gone_code = rng.choice((60121, 33012))
        self.choices.empty_values = rng.choice(("documented", "absent", "blank"))
        self.choices.quoted_values = rng.random() < 0.2
        self.choices.ban_page = rng.choice(("html", "json"))

    def _living(self) -> list[str]:
        root = DINGTALK_ROOT
        return [str(key) for key, each in self.company.departments.items() if not each.deleted and key != root]

    def _some_person(self, rng: random.Random) -> str:
        return self.company.some_person(rng.randrange(10**9), None)

    def _some_department(self, rng: random.Random) -> str:
        living = self._living()
        if not living:
            raise LabError("there are no departments")
        return rng.choice(living)

    def _each(self, rng: random.Random, people: int, act: Callable[[str], object]) -> bool:
        return any([attempt(lambda: act(self._some_person(rng))) for _ in range(people)])


def attempt(act: Callable[[], object]) -> bool:
    """Do what may turn out to be impossible; tell whether it was done."""
    try:
        act()
    except LabError:
        return False
    return True


def void(result: object) -> None:
    """Drop a result, where only the doing matters."""


def with_body(request: httpx.Request, **fields: object) -> httpx.Request:
    """Change fields of a JSON body that has them."""
    try:
        document = json.loads(request.read() or b"null")
    except ValueError:
        return request
    if not isinstance(document, dict) or not fields.keys() <= document.keys():
        return request
    return httpx.Request(
        request.method,
        request.url,
        headers={name: value for name, value in request.headers.items() if name != "content-length"},
        json={**document, **fields},
    )


TENANTS: Final[Mapping[str, Callable[[int, int, int, LabClock], Tenant]]] = {
    "lark": LarkTenant.found,
    "dingtalk": DingTalkTenant.found,
}
