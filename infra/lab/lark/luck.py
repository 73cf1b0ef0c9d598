"""Seeded choices in a workspace: somebody, some department, and whatever happens in a company in a week."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from infra.lab.lark.records import ROOT
from infra.lab.names import GIVEN, TITLES
from infra.lab.wire import JsonObject, LabError

if TYPE_CHECKING:
    from infra.lab.lark.workspace import LarkWorkspace


def some_person(workspace: "LarkWorkspace", rng: random.Random, state: str | None) -> str:
    """Pick a person in that state, or in any but resigned.

    Raises:
        LabError: nobody is in that state.
    """
    with workspace.lock:
        people = list(workspace.users.values())
        # Nearly always a few throws are enough; a large company must not be sifted for each of many picks.
        for _ in range(50 if people else 0):
            user = rng.choice(people)
            if user.state == state or (state is None and not user.resigned):
                return user.open_id
        wanted = [u.open_id for u in people if u.state == state or (state is None and not u.resigned)]
        if not wanted:
            raise LabError(f"nobody is {state or 'here'}")
        return rng.choice(wanted)


def some_department(workspace: "LarkWorkspace", rng: random.Random) -> str:
    departments = [key for key, each in workspace.departments.items() if not each.deleted]
    if not departments:
        raise LabError("there are no departments")
    return rng.choice(departments)


def some_leaf_department(workspace: "LarkWorkspace", rng: random.Random) -> str:
    with workspace.lock:
        leaves = [k for k, each in workspace.departments.items() if not each.deleted and not workspace.children(k)]
        if not leaves:
            raise LabError("there are no departments")
        return rng.choice(leaves)


def some_branch(workspace: "LarkWorkspace", people: int) -> str:
    with workspace.lock:
        living = [key for key, each in workspace.departments.items() if not each.deleted]
        if not living:
            raise LabError("there are no departments")
        return min(living, key=lambda key: (abs(workspace.member_count(key) - people), key))


def mutate(workspace: "LarkWorkspace", rng: random.Random, n: int) -> list[JsonObject]:
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
    raise LabError(f"only {len(happened)} of {n} mutations were possible")


def _hire(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    return {"department": ROOT if rng.random() < 0.03 else some_department(workspace, rng)}


def _move(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    places = [some_department(workspace, rng) for _ in range(rng.choices((1, 2, 3), (85, 13, 2))[0])]
    return {"user": some_person(workspace, rng, None), "to_departments": places}


def _rename(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    return {"user": some_person(workspace, rng, None), "name": workspace.makeup.full_name()[0]}


def _edit(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    field, value = rng.choice(
        (
            ("job_title", f"{rng.choice(TITLES)[0]}（{rng.randrange(1, 10)}级）"),
            ("work_station", f"{rng.randrange(20, 60)}F-{rng.randrange(400):03d}"),
            ("nickname", f"小{rng.choice(GIVEN)[0]}{rng.randrange(100)}"),
        )
    )
    return {"user": some_person(workspace, rng, None), field: value}


def _someone(state: str | None) -> Callable[["LarkWorkspace", random.Random], JsonObject]:
    return lambda workspace, rng: {"user": some_person(workspace, rng, state)}


def _create_department(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    return {"parent": some_department(workspace, rng), "name": f"项目{rng.randrange(10_000)}组"}


def _rename_department(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    return {"dept": some_department(workspace, rng), "name": f"新编{rng.randrange(10_000)}部"}


def _move_department(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    return {"dept": some_leaf_department(workspace, rng), "parent": some_department(workspace, rng)}


def _close_branch(workspace: "LarkWorkspace", rng: random.Random) -> JsonObject:
    return {"dept": some_leaf_department(workspace, rng), "resign": rng.random() < 0.3}


_CHANCES: dict[str, tuple[int, Callable[["LarkWorkspace", random.Random], JsonObject]]] = {
    "hire": (22, _hire),
    "move": (22, _move),
    "rename": (6, _rename),
    "edit": (16, _edit),
    "resign": (14, _someone(None)),
    "freeze": (4, _someone("activated")),
    "unfreeze": (2, _someone("frozen")),
    "activate": (8, _someone("invited")),
    "create_department": (2, _create_department),
    "rename_department": (2, _rename_department),
    "move_department": (1, _move_department),
    "close_branch": (1, _close_branch),
}
