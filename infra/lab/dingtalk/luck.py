"""Seeded choices in a workspace: somebody, some department, and whatever happens in a company in a week."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.lab.dingtalk.records import ROOT, User
from infra.lab.names import GIVEN, TITLES
from infra.lab.wire import JsonObject, LabError

if TYPE_CHECKING:
    from infra.lab.dingtalk.workspace import DingTalkWorkspace


def some_person(workspace: "DingTalkWorkspace", rng: random.Random, state: str | None) -> str:
    """Pick a person in that state, or in any but left.

    Raises:
        LabError: nobody is in that state.
    """
    return _pick(workspace, rng, lambda user: user.state == state or (state is None and not user.left), state or "here")


def some_account(workspace: "DingTalkWorkspace", rng: random.Random, disabled: bool) -> str:
    """Pick somebody with an enterprise account of this organisation's own."""

    def fits(user: User) -> bool:
        return user.owner_corp_id == workspace.corp_id and user.disabled == disabled and not user.left

    return _pick(workspace, rng, fits, "such an enterprise account")


def some_department(workspace: "DingTalkWorkspace", rng: random.Random) -> str:
    departments = [key for key, each in workspace.departments.items() if not each.deleted and key != ROOT]
    if not departments:
        raise LabError("there are no departments")
    return str(rng.choice(departments))


def some_leaf_department(workspace: "DingTalkWorkspace", rng: random.Random) -> str:
    with workspace.lock:
        leaves = [
            key
            for key, each in workspace.departments.items()
            if not each.deleted and key != ROOT and not workspace.children(key)
        ]
        if not leaves:
            raise LabError("there are no departments")
        return str(rng.choice(leaves))


def some_branch(workspace: "DingTalkWorkspace", people: int) -> str:
    with workspace.lock:
        living = [key for key, each in workspace.departments.items() if not each.deleted and key != ROOT]
        if not living:
            raise LabError("there are no departments")
        return str(min(living, key=lambda key: (abs(workspace.member_count(key) - people), key)))


def mutate(workspace: "DingTalkWorkspace", rng: random.Random, n: int) -> list[JsonObject]:
    """Let n things happen; a choice that turns out impossible is made again."""
    chances = list(_CHANCES)
    happened: list[JsonObject] = []
    for _ in range(n * 50):
        if len(happened) == n:
            return happened
        verb = rng.choices(chances, [_CHANCES[chance][0] for chance in chances])[0]
        try:
            args = _CHANCES[verb][1](workspace, rng)
            result = workspace.do(verb, args)
        except LabError:
            continue
        happened.append({"verb": verb, "args": args, "result": result})
    if len(happened) < n:
        raise LabError(f"only {len(happened)} of {n} mutations were possible")
    return happened


def _pick(workspace: "DingTalkWorkspace", rng: random.Random, fits: Callable[[User], bool], what: str) -> str:
    with workspace.lock:
        people = list(workspace.users.values())
        # Nearly always a few throws are enough; a large company must not be sifted for each of many picks.
        for _ in range(50 if people else 0):
            user = rng.choice(people)
            if fits(user):
                return user.userid
        wanted = [user.userid for user in people if fits(user)]
        if not wanted:
            raise LabError(f"nobody is {what}")
        return rng.choice(wanted)


def _hire(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    return {"department": str(ROOT) if rng.random() < 0.03 else some_department(workspace, rng)}


def _move(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    places = [some_department(workspace, rng) for _ in range(rng.choices((1, 2, 3), (85, 13, 2))[0])]
    return {"user": some_person(workspace, rng, None), "to_departments": places}


def _rename(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    return {"user": some_person(workspace, rng, None), "name": workspace.makeup.full_name()[0]}


def _edit(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    field, value = rng.choice(
        (
            ("title", f"{rng.choice(TITLES)[0]}（{rng.randrange(1, 10)}级）"),
            ("work_place", f"{rng.randrange(20, 60)}F-{rng.randrange(400):03d}"),
            ("remark", f"小{rng.choice(GIVEN)[0]}{rng.randrange(100)}"),
        )
    )
    return {"user": some_person(workspace, rng, None), field: value}


def _set_manager(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    return {"user": some_person(workspace, rng, None), "leader": some_person(workspace, rng, "active")}


def _set_leader(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    dept = some_department(workspace, rng)
    members = workspace.members(int(dept))
    return {"dept": dept, "leader": rng.choice(members) if members else None}


def _someone(state: str | None) -> Callable[["DingTalkWorkspace", random.Random], JsonObject]:
    return lambda workspace, rng: {"user": some_person(workspace, rng, state)}


def _account(*, disabled: bool) -> Callable[["DingTalkWorkspace", random.Random], JsonObject]:
    return lambda workspace, rng: {"user": some_account(workspace, rng, disabled)}


def _create_department(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    return {"parent": some_department(workspace, rng), "name": f"项目{rng.randrange(10_000)}组"}


def _rename_department(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    return {"dept": some_department(workspace, rng), "name": f"新编{rng.randrange(10_000)}部"}


def _move_department(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    return {"dept": some_leaf_department(workspace, rng), "parent": some_department(workspace, rng)}


def _close_branch(workspace: "DingTalkWorkspace", rng: random.Random) -> JsonObject:
    return {"dept": some_leaf_department(workspace, rng), "leave": rng.random() < 0.3}


_CHANCES: dict[str, tuple[int, Callable[["DingTalkWorkspace", random.Random], JsonObject]]] = {
    "hire": (22, _hire),
    "move": (22, _move),
    "rename": (6, _rename),
    "edit": (14, _edit),
    "set_manager": (2, _set_manager),
    "set_leader": (2, _set_leader),
    "leave": (14, _someone(None)),
    "disable": (4, _account(disabled=False)),
    "enable": (2, _account(disabled=True)),
    "activate": (8, _someone("invited")),
    "create_department": (2, _create_department),
    "rename_department": (2, _rename_department),
    "move_department": (1, _move_department),
    "close_branch": (1, _close_branch),
}
