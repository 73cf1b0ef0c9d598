"""What the acts of a rehearsal work with: an account, a deployment, two simulated companies, an operator's hands."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

import boto3
import httpx

from infra.aws import cloud, package
from infra.aws.cloud import Cloud
from infra.aws.deploy import Deployment
from infra.aws.destroy import destroy
from infra.lab.dingtalk import DingTalkApi, DingTalkWorkspace
from infra.lab.lark import LarkApi, LarkWorkspace
from infra.lab.server import LabServer
from infra.rehearse.emulator import Emulator, UnprovenError

STAGE: Final = "dev"
ROLLCALL: Final = Path(sys.executable).with_name("rollcall")
FUNCTIONS: Final = ("api_handler", "tick", "deliver", "converse", "run_sync")
# Long enough a read to be killed in the middle of.
LATENCY_S: Final = 0.25
_AT_WORK: Final = frozenset({"activated", "active", "invited"})

_PERSONAL: Final = ("name", "en_name", "nickname", "email", "enterprise_email", "org_email", "mobile", "telephone")
_SHORTEST: Final = 6

Json = dict[str, Any]
# Of each person at work, by the vendor's id: the name, and the paths of the departments.
Directory = Mapping[str, tuple[str, frozenset[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """What a Lark console would show, made up anew each time: so that finding it somewhere means something."""

    encrypt_key: str = field(default_factory=lambda: secrets.token_hex(16))
    verification_token: str = field(default_factory=lambda: secrets.token_hex(16))


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """A task whose worker was killed: how often the vendor had been asked before it began, and by it until then."""

    task: str
    asked_before: int
    asked: int


@dataclass(slots=True, kw_only=True)
class Scene:
    """One rehearsal. `said` is what deploying has told since it was last asked for."""

    emulator: Emulator
    built: Path
    folder: Path
    company: LarkWorkspace
    company_api: LarkApi
    lab: LabServer
    office: DingTalkWorkspace
    office_api: DingTalkApi
    office_lab: LabServer
    keys: Keys = field(default_factory=Keys)
    said: list[str] = field(default_factory=list)
    gateway: str = ""
    owner: str = ""
    killed: Killed | None = None
    before: Directory = field(default_factory=dict)
    refused: float = 0.0

    # --- what an operator does

    @property
    def cloud(self) -> Cloud:
        """Reach the account as `make deploy` does; nobody is there to be asked, and nothing takes as long as in AWS."""
        here = cloud.here()
        return replace(here, say=self.said.append, ask=lambda _: STAGE, sleep=lambda seconds: here.sleep(seconds / 20))

    def deploy(self) -> Sequence[str]:
        """Deploy the package; return what that said."""
        self.said.clear()
        Deployment(cloud=self.cloud, stage=STAGE).deploy(self.built, {})
        outputs = self.outputs()
        self.gateway = f"{self.emulator.url}/restapis/{outputs['RestAPIId']}/api/_user_request_"
        return list(self.said)

    def destroy(self, *, with_data: bool) -> Sequence[str]:
        self.said.clear()
        destroy(self.cloud, STAGE, with_data=with_data)
        return list(self.said)

    def outputs(self) -> Mapping[str, str]:
        stack = aws("cloudformation").describe_stacks(StackName=f"rollcall-{STAGE}")["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    def rollcall(self, *words: str, expect: int = 0) -> str:
        """Run a command against the deployment, as an operator would.

        Raises:
            UnprovenError: its exit status was not as it should be.
        """
        done = subprocess.run(  # noqa: S603 - our own program
            [ROLLCALL, "--stage", STAGE, *words],
            env=dict(os.environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != expect:
            raise UnprovenError(f"rollcall {' '.join(words[:3])}: {(done.stderr or done.stdout).strip()[-400:]}")
        return done.stdout

    def kept(self, name: str, secret: str) -> str:
        """Put a secret into a file, as the program wants it."""
        path = self.folder / name
        path.touch(mode=0o600)
        path.write_text(secret)
        return str(path)

    # --- what is seen from outside

    def get(self, path: str) -> httpx.Response:
        """Ask the API through its gateway."""
        return httpx.get(f"{self.gateway}{path}", timeout=30, trust_env=False)

    def directory(self, source: str) -> Directory:
        """Read back who has access, as a terminal shows it."""
        listed = json.loads(self.rollcall("employees", "--source", source, "--json"))
        return {
            each["key"]: (each["name"], frozenset(place["path"] for place in each["departments"])) for each in listed
        }

    def records(self, source: str, *options: str) -> list[Json]:
        """List a source's latest tasks, the newest first."""
        listed: list[Json] = json.loads(self.rollcall("records", source, *options, "--json"))
        return listed

    def logged(self, *functions: str) -> list[str]:
        """Read what functions have logged, oldest first."""
        pages = aws("logs").get_paginator("filter_log_events")
        return [
            line
            for each in functions or FUNCTIONS
            for page in pages.paginate(logGroupName=f"/aws/lambda/rollcall-{STAGE}-{each}")
            for event in page["events"]
            for line in event["message"].splitlines()
        ]

    def alarms(self) -> list[Json]:
        pages = aws("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=f"rollcall-{STAGE}-")
        return [each for page in pages for each in page["MetricAlarms"]]

    def secrets_of_hq(self) -> Mapping[str, str]:
        return {
            "app_secret": self.company.app_secret,
            "encrypt_key": self.keys.encrypt_key,
            "verification_token": self.keys.verification_token,
        }

    def packed(self, name: str) -> str:
        """Read a file of ours as it was deployed."""
        with zipfile.ZipFile(self.built / package.APP) as opened:
            return opened.read(name).decode()

    def calls(self) -> int:
        """Count what the office's DingTalk was asked."""
        return sum(self.office_api.calls.values())


def people(workspace: LarkWorkspace | DingTalkWorkspace, root: str) -> Directory:
    """Tell of a company what its directory should show of those at work."""
    truth = workspace.truth()
    places: Mapping[str, Any] = truth["departments"]
    persons: Mapping[str, Any] = truth["people"]

    def path(key: str) -> str:
        parent = places[key]["parent"]
        return places[key]["name"] if parent == root else f"{path(parent)} / {places[key]['name']}"

    return {
        key: (each["name"], frozenset(path(place) for place in each["departments"] if place != root))
        for key, each in persons.items()
        if each["state"] in _AT_WORK
    }


def personal(workspace: LarkWorkspace | DingTalkWorkspace) -> set[str]:
    """Gather what nobody should find in a log of a company's people; what is short stands in other words by chance."""
    persons: Mapping[str, Any] = workspace.truth()["people"]
    values = {str(each.get(name, "")) for each in persons.values() for name in _PERSONAL}
    return {each for each in values if len(each) >= (_SHORTEST if each.isascii() else 2)}


def differences(wanted: Directory, found: Directory) -> list[str]:
    """Name by their keys those whom a directory has wrongly, or not, or should not have."""
    return sorted(key for key in wanted.keys() | found.keys() if wanted.get(key) != found.get(key))


def same(wanted: Directory, found: Directory, what: str) -> None:
    """
    Raises:
        UnprovenError: a directory is not as it should be.
    """
    wrong = differences(wanted, found)
    if wrong:
        raise UnprovenError(
            f"{what}: {len(wrong)} of {len(wanted)} people are not as they should be, such as {wrong[0]}"
        )


def need(holds: bool, problem: str) -> None:
    """
    Raises:
        UnprovenError: it does not hold.
    """
    if not holds:
        raise UnprovenError(problem)


def aws(service: Any) -> Any:
    """Make a client of the emulator; of what services answer, only some has types here."""
    return boto3.client(service)


def labs(make: Callable[[LabServer], LabServer]) -> Mapping[str, Any]:
    """Found two companies and serve them; `make` enters a server where it will be left again."""
    company = LarkWorkspace.generate(seed=1, people=200, departments=20)
    company_api = LarkApi(company)
    office = DingTalkWorkspace.generate(seed=2, people=60, departments=12)
    office_api = DingTalkApi(office, latency_s=LATENCY_S)
    return {
        "company": company,
        "company_api": company_api,
        "lab": make(LabServer(company_api, company)),
        "office": office,
        "office_api": office_api,
        "office_lab": make(LabServer(office_api, office)),
    }


def metrics_of(name: str, statistics: str, dimensions: Mapping[str, str], since: Any, until: Any) -> Iterable[float]:
    """Ask CloudWatch for the values of a metric of Lambda."""
    answer = aws("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=since,
        EndTime=until,
        Period=60,
        Statistics=[statistics],
    )
    return [float(each[statistics]) for each in answer["Datapoints"]]
