"""Workers that die by SIGKILL, one after the other, until the run is done: `python -m tests.chaos.kills --kills 200`.

A story is one full sync of a company. Each of its workers is a process of its own, which is killed at a random call to
the vendor, write to the store or step of a stage, until a last one comes to the end. What must hold: the directory, the
plan and the task are those of a run that nobody disturbed; and after no kill more calls are made again than
`REPEATED` of the calls of the whole run, plus what was in flight. `--seed` chooses the points; a seed and a number tell
the same story again, but for which of the calls in flight comes first.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import shutil
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, Final

from chalicelib import wiring
from chalicelib.connectors import Registry
from chalicelib.core.model import Kind
from chalicelib.core.source import Source
from chalicelib.local.bell import LocalBell
from chalicelib.local.clock import ManualClock
from chalicelib.local.secrets import FileSecrets
from chalicelib.local.table import SqliteTable
from chalicelib.settings import Settings
from chalicelib.sync.read import CONFIRM_KEYS
from infra.lab.clock import LabClock
from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.injection import Faults
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from infra.lab.wire import Answer, Api, Workspace
from infra.worker import close
from tests.builders import NOON
from tests.chaos.tenants import DingTalkTenant, LarkTenant, Tenant
from tests.chaos.victim import live_and_tell

VENDORS: Final = ("lark", "dingtalk")
# People, departments, changes. In the large one 2 % means something; the small one is for every day.
Size = tuple[int, int, int]
LARGE: Final[Size] = (1600, 600, 160)
SMALL: Final[Size] = (400, 90, 40)
# A first sync, and one of a company that is known.
BEFORE: Final = ("later", "first")
UID: Final = "kills"
# Longer than any lease; the next worker does not wait for it, its clock is that much ahead.
BETWEEN_LIVES: Final = timedelta(minutes=10)
# Fewer in a row than the engine puts up with.
MOST_KILLS_IN_A_STORY: Final = 12
# The share of a run that may be asked again after a kill, besides what was in flight: asked together, not yet kept.
REPEATED: Final = 0.02
IN_FLIGHT: Final = CONFIRM_KEYS
# Where to strike, and how often each.
POINTS: Final[Mapping[str, int]] = {"vendor": 6, "table": 6, "read": 2, "confirm": 1, "apply": 1, "settle": 1}
# What a process of its own is for may cost half a second to import: they are forked off one that has it all.
_FORGE: Final = multiprocessing.get_context("forkserver")

Call = tuple[str, ...]


class Listed:
    """An api that remembers every request that it was asked."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._lock = threading.Lock()
        self.calls, self.throttled, self.suspicious = api.calls, api.throttled, api.suspicious
        self.asked: Counter[Call] = Counter()

    @property
    def clock(self) -> LabClock:
        return self._api.clock

    @property
    def faults(self) -> Faults:
        return self._api.faults

    @property
    def choices(self) -> object:
        return self._api.choices

    def reset_calls(self) -> None:
        self._api.reset_calls()

    def handle(
        self, method: str, path: str, query: Sequence[tuple[str, str]], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        told = sorted(f"{name}={value}" for name, value in query if name != "access_token")
        with self._lock:
            self.asked[method, path, *told, body.decode()] += 1
        return self._api.handle(method, path, query, headers, body)

    def heard(self) -> Counter[Call]:
        """Take what was asked since the last time."""
        with self._lock:
            asked, self.asked = self.asked, Counter()
        return asked


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What one can see when all is over, without when it was seen."""

    entries: Mapping[str, object]
    links: Mapping[object, object]
    tasks: Sequence[object]
    rows: Sequence[object]


@dataclass(kw_only=True)
class Story:
    """What became of one run. `repeated` counts for each kill the calls that were made again after it."""

    name: str
    deaths: list[str] = field(default_factory=list)
    repeated: list[int] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    calls: int = 0

    def __str__(self) -> str:
        return "\n  ".join((f"{self.name}: killed at {', '.join(self.deaths)}", *self.wrongs))


class Scene:
    """A company, and the homes before a sync of it: one that knows nobody yet, and one that knows how it was before."""

    def __init__(self, vendor: str, folder: Path, size: Size) -> None:
        self.vendor, self.folder = vendor, folder
        people, departments, self._changes = size
        self.tenant, workspace = found(vendor, people, departments)
        self.api = Listed(self.tenant.api)
        self._workspace: Workspace = workspace
        self.spans: dict[str, Mapping[str, int]] = {}
        self.ends: dict[str, End] = {}
        self.asked: dict[str, Counter[Call]] = {}

    @contextmanager
    def open(self) -> Iterator[Scene]:
        with LabServer(self.api, self._workspace) as lab:
            move_in(self.folder / "first", self.vendor, self.tenant, lab.url)
            rng = Random(f"{self.vendor} changes")
            shutil.copytree(self.folder / "first", self.folder / "later")
            _spawn(self.folder / "later", "", 0, 0)
            self.tenant.luck(rng, self._changes)
            self.tenant.resign(rng, 12)
            self.tenant.close_a_department(rng, leave=True)
            for before in BEFORE:
                self.api.heard()
                home = self.copy(before, "undisturbed")
                code, self.spans[before] = _spawn(home, "", 0, 1)
                assert code == 0, f"exit code {code}"
                self.ends[before], self.asked[before] = end_of(home), self.api.heard()
            yield self

    def copy(self, before: str, name: str) -> Path:
        return Path(shutil.copytree(self.folder / before, self.folder / f"{before}-{name}"))

    def tell(self, before: str, name: str, rng: Random, kills: int) -> Story:
        """Kill the workers of one run, `kills` of them at most, and judge how it ends."""
        story = Story(name=f"{self.vendor}, {before}, {name}", calls=self.asked[before].total())
        home = self.copy(before, name)
        spare = Counter(self.asked[before])
        life = 1
        while True:
            self.api.heard()
            what, end = self._fate(before, rng, kills) if len(story.deaths) < kills else ("", 0)
            code, _ = _spawn(home, what, end, life)
            asked = self.api.heard()
            if life > 1:
                story.repeated.append((asked - spare).total())
            spare -= asked
            life += 1
            if code != -signal.SIGKILL:
                break
            story.deaths.append(f"{what} {end}")
        if code:
            story.wrongs.append(f"a worker ended with exit code {code}")
        self._judge(story, before, home)
        shutil.rmtree(home)
        return story

    def _fate(self, before: str, rng: Random, kills: int) -> tuple[str, int]:
        """Choose a point that this life is likely to come to, if the others come to theirs."""
        (what,) = rng.choices(list(POINTS), weights=list(POINTS.values()))
        span = self.spans[before].get(what, 1)
        return what, rng.randint(1, max(1, min(span, 2 * span // kills)))

    def _judge(self, story: Story, before: str, home: Path) -> None:
        end, wanted = end_of(home), self.ends[before]
        for what in ("entries", "links", "tasks", "rows"):
            if getattr(end, what) != getattr(wanted, what):
                story.wrongs.append(f"other {what}: {first_difference(getattr(end, what), getattr(wanted, what))}")
        most = REPEATED * story.calls + IN_FLIGHT
        for death, repeated in zip(story.deaths, story.repeated, strict=False):
            if repeated > most:
                story.wrongs.append(f"{repeated} calls of {story.calls} were made again after the kill at {death}")


def found(vendor: str, people: int, departments: int) -> tuple[Tenant, Workspace]:
    if vendor == "lark":
        lark = LarkWorkspace.generate(seed=3, people=people, departments=departments)
        tenant = LarkTenant(lark, lark.clock)
        tenant.api = LarkApi(lark, limits=False)
        return tenant, lark
    dingtalk = DingTalkWorkspace.generate(seed=3, people=people, departments=departments)
    other = DingTalkTenant(dingtalk, dingtalk.clock)
    other.api = DingTalkApi(dingtalk, limits=False)
    return other, dingtalk


def move_in(home: Path, vendor: str, tenant: Tenant, url: str) -> None:
    """Make a home whose source `hq` is this company, behind this address."""
    home.mkdir()
    outside, registry = installed(home)
    names = ("base_url",) if vendor == "lark" else ("oapi_url", "api_url")
    outside.secrets.put(UID, tenant.secrets)
    outside.catalog.add(
        Source(
            uid=UID,
            handle="hq",
            name="总部",
            kind=vendor,
            enabled=True,
            settings={**tenant.settings, **dict.fromkeys(names, url)},
            mapping=registry.form(vendor).mapping,
            created_at=NOON,
        )
    )
    close(outside)


def installed(home: Path) -> tuple[wiring.Outside, Registry]:
    clock, secrets = ManualClock(NOON), FileSecrets(f"{home}/secrets.json")
    registry = Registry(secrets=secrets, clock=clock)
    settings = Settings(home=home)
    table = SqliteTable(f"{home}/rollcall.db")
    return wiring.around(settings, table, secrets, LocalBell(clock=clock), clock, registry), registry


def end_of(home: Path) -> End:
    outside, _ = installed(home)
    tasks = outside.tasks.recent(UID, 100)
    end = End(
        entries={
            each.entry_id: (dict(each.values), each.revision)
            for kind in Kind
            for each in outside.directory.listing(kind)
        },
        links={
            each.key: (each.entry_id, each.digest, each.state, each.task, each.unseen_since is None)
            for each in outside.directory.links(UID)
        },
        tasks=[(each.task_id, each.status, each.counts, each.entry_writes, each.remarks) for each in tasks],
        rows=sorted(
            (row.task, str(row.key), row.action, row.status, json.dumps([row.before, row.after], default=str))
            for each in tasks
            for row in outside.tasks.rows(each.task_id)
        ),
    )
    close(outside)
    return end


def _spawn(home: Path, what: str, end: int, life: int) -> tuple[int | None, Mapping[str, int]]:
    """Let a worker live in a process of its own; return its exit code, and the steps it made if it came to its end."""
    ours, theirs = _FORGE.Pipe(duplex=False)
    once = "sync" if life else "first sync"
    worker = _FORGE.Process(
        target=live_and_tell, args=(str(home), what, end, NOON + life * BETWEEN_LIVES, once, theirs)
    )
    worker.start()
    theirs.close()
    with ours:
        try:
            passed = ours.recv()
        except EOFError:
            passed = {}
        worker.join()
    return worker.exitcode, passed


def first_difference(ours: Any, wanted: Any) -> str:
    if isinstance(ours, Mapping):
        ours, wanted = sorted(map(str, ours.items())), sorted(map(str, wanted.items()))
    more, less = [each for each in ours if each not in wanted], [each for each in wanted if each not in ours]
    return f"{len(more)} more, {len(less)} less; {str(more[:1])[:300]} for {str(less[:1])[:300]}"


def run(kills: int, seed: int, vendors: Sequence[str] = VENDORS, size: Size = LARGE) -> Iterator[Story]:
    """Tell stories, one vendor's after the other's, until so many workers were killed."""
    _FORGE.set_forkserver_preload(["tests.chaos.victim"])
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        scenes = []
        for vendor in vendors:
            (folder / vendor).mkdir()
            scenes.append(stack.enter_context(Scene(vendor, folder / vendor, size).open()))
        number = killed = 0
        while killed < kills:
            rng = Random(f"{seed} {number}")
            scene, before = scenes[number % len(scenes)], BEFORE[number // len(scenes) % len(BEFORE)]
            most = min(MOST_KILLS_IN_A_STORY, kills - killed)
            story = scene.tell(before, f"seed {seed}, story {number}", rng, rng.randint(1, most))
            killed += len(story.deaths)
            number += 1
            yield story


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--vendor", choices=VENDORS)
    asked = parser.parse_args()
    stories: list[Story] = []
    for story in run(asked.kills, asked.seed, [asked.vendor] if asked.vendor else VENDORS):
        stories.append(story)
        if story.wrongs:
            print(story, flush=True)
    wrong = sum(bool(story.wrongs) for story in stories)
    deaths = Counter(death.split()[0] for story in stories for death in story.deaths)
    shares = [repeated / story.calls for story in stories for repeated in story.repeated]
    mean = sum(shares) / max(1, len(shares))
    calls = [story.calls for story in stories]
    points = ", ".join(f"{count} at {what}" for what, count in deaths.most_common())
    print(f"{deaths.total()} kills ({points}), seed {asked.seed}")
    print(f"{len(stories)} runs of {min(calls)} to {max(calls)} calls")
    print(f"asked again after a kill: {mean:.1%} of the calls of a run, {max(shares, default=0.0):.1%} at most")
    print(f"{wrong} runs wrong")
    # What is in flight weighs little over many kills, and is not needed as an excuse for all of them together.
    return 1 if wrong or mean > REPEATED else 0


if __name__ == "__main__":
    sys.exit(main())
