"""Build what is deployed to AWS, with `chalice package`, and look at it before anybody deploys it.

Chalice ships whatever lies below `chalicelib/`, and goes on with a warning when it cannot get a dependency; so it is
given a copy with nothing but our files, and what it made is checked against what a deployment must be. Its archives are
made anew, with bytecode, the same bytes for the same files: what has not changed is not deployed again.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.aws import archive, policies

ROOT = Path(__file__).resolve().parent.parent.parent
MERGED = Path(__file__).with_name("merge.json")
DASHBOARD = Path(__file__).with_name("dashboard.json")
DATA = Path(__file__).with_name("data.json")
CHALICE = Path(sys.executable).with_name("chalice")
LINT = Path(sys.executable).with_name("cfn-lint")

APP, LAYER, TEMPLATE = "deployment.zip", "layer-deployment.zip", "sam.json"
LARGEST_BYTES = 15_000_000
# CloudFormation takes no more in a call.
LARGEST_TEMPLATE_BYTES = 51_200
ARCHITECTURES = ("arm64", "x86_64")
# Where Lambda unpacks them.
UNPACKED_AS: Final = {APP: "/var/task", LAYER: "/opt"}
# Wheels bring these along, and nothing at run time reads them.
_LEFT_OUT = re.compile(r"/Crypto/SelfTest/|\.pyi$|/bin/|\.dist-info/RECORD$")
# One region where AWS has everything, and one of its partition in China.
REGIONS = ("us-east-1", "cn-north-1")
# Lambda's runtime has these, and they would be most of the size (docs/dependencies.md).
UNWANTED = frozenset({"boto3", "botocore", "chalice", "moto", "pytest", "rich", "s3transfer"})

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """What house.md promises of a function: seconds and megabytes."""

    timeout: int
    memory: int


FUNCTIONS: Mapping[str, Function] = {
    "APIHandler": Function(timeout=29, memory=1769),
    "Tick": Function(timeout=30, memory=512),
    "Deliver": Function(timeout=60, memory=1024),
    "Converse": Function(timeout=60, memory=1024),
    "RunSync": Function(timeout=300, memory=1769),
}
QUEUES: Mapping[str, str] = {"RunSync": "SyncQueue", "Deliver": "DeliverQueue", "Converse": "ChatQueue"}
QUEUE_URLS = ("ROLLCALL_SYNC_QUEUE_URL", "ROLLCALL_DELIVER_QUEUE_URL", "ROLLCALL_CHAT_QUEUE_URL")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.aws.package", description=__doc__)
    parser.add_argument("--stage", default="dev", choices=stages())
    parser.add_argument("--architecture", default=ARCHITECTURES[0], choices=ARCHITECTURES)
    chosen = parser.parse_args()
    return 0 if made(chosen.stage, chosen.architecture) else 1


def made(stage: str, architecture: str = ARCHITECTURES[0]) -> Path | None:
    """Build a stage's package and say what it is; or what is wrong, and return None: it must not be deployed."""
    out = ROOT / "build" / "package" / stage
    problem = build(stage, out, architecture)
    found = [problem] if problem else [*faults(out, stage, pinned()), *lint(out)]
    for fault in found:
        print(f"fault in {out.relative_to(ROOT)}: {fault}", file=sys.stderr)
    if found:
        return None
    sizes = ", ".join(f"{name} {(out / name).stat().st_size / 1e6:.1f} MB" for name in (APP, LAYER))
    print(f"{out.relative_to(ROOT)}: {', '.join(FUNCTIONS)}; {sizes}; {architecture}")
    return out


def stages() -> Sequence[str]:
    return sorted(_config()["stages"])


def pinned() -> Sequence[str]:
    """List what must be in the layer."""
    return re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.txt").read_text(), re.MULTILINE)


def build(
    stage: str,
    out: Path,
    architecture: str = ARCHITECTURES[0],
    *,
    root: Path = ROOT,
    requirements: str | None = None,
) -> str:
    """Package a stage of the house at `root` into `out`; return what went wrong, or nothing.

    `requirements` stands in for requirements.txt; without any, nothing is fetched.
    """
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(Path(folder), root, architecture, requirements)
        # Chalice wants a region, though nothing in a template depends on it.
        region = os.environ.get("AWS_DEFAULT_REGION") or os.environ.get("AWS_REGION") or "us-east-1"
        environ = {**os.environ, "AWS_DEFAULT_REGION": region, "PYTHONDONTWRITEBYTECODE": "1"}
        command = (CHALICE, "package", "--stage", stage, "--merge-template", MERGED, out)
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - made of our own constants
        if done.returncode or not (out / TEMPLATE).exists():
            return f"{done.stdout}{done.stderr}\nchalice package failed"
    template = json.loads((out / TEMPLATE).read_text())
    (out / TEMPLATE).write_text(json.dumps(_finished(template, stage), indent=2, sort_keys=True) + "\n")
    for name in (APP, LAYER):
        if (out / name).exists():
            _remake(out / name)
    return ""


def _finished(template: Json, stage: str) -> Json:
    # A package is of one stage: its environment says so, and the names in its policies must not say otherwise.
    template["Parameters"]["Stage"] |= {"Default": stage, "AllowedValues": [stage]}
    resources = template["Resources"]
    # The API must not depend on the function, because the function is told the API's address.
    named = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:rollcall-${Stage}-api_handler"
    api = resources["RestAPI"]["Properties"]
    api["DefinitionBody"] = json.loads(json.dumps(api["DefinitionBody"]).replace("${APIHandler.Arn}", named))
    # By this name CloudWatch counts its requests; Chalice gives all stages one.
    api["DefinitionBody"]["info"]["title"] = f"rollcall-{stage}"
    resources["Overview"] = {
        "Type": "AWS::CloudWatch::Dashboard",
        "Condition": "HasDashboard",
        "Properties": {
            "DashboardName": {"Fn::Sub": "rollcall-${Stage}"},
            "DashboardBody": {"Fn::Sub": json.dumps(json.loads(DASHBOARD.read_text()), separators=(",", ":"))},
        },
    }
    return template


def _remake(packed: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        archive.unpack(packed, Path(folder), lambda name: not _LEFT_OUT.search(name))
        archive.compile_below(Path(folder), UNPACKED_AS[packed.name])
        archive.pack(Path(folder), packed)


def lint(out: Path) -> Iterator[str]:
    """Say what cfn-lint finds in a package's template and in that of the data."""
    command = (LINT, "--format", "parseable", "--regions", *REGIONS, "--", out / TEMPLATE, DATA)
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - made of our own constants
    if done.returncode:
        yield from f"{done.stdout}{done.stderr}".splitlines()


def compact(template: Path) -> str:
    """Return a template as it is sent."""
    return json.dumps(json.loads(template.read_text()), separators=(",", ":"))


def faults(out: Path, stage: str, wanted: Sequence[str]) -> Iterator[str]:
    """Say what a package is not, and should be."""
    template: Json = json.loads((out / TEMPLATE).read_text())
    yield from _function_faults(template["Resources"])
    yield from _queue_faults(template, stage)
    yield from _reference_faults(template)
    yield from policies.faults(template)
    yield from policies.faults(json.loads(DATA.read_text()))
    yield from _content_faults(out, wanted)
    if len(compact(out / TEMPLATE).encode()) > LARGEST_TEMPLATE_BYTES:
        yield f"its template is larger than {LARGEST_TEMPLATE_BYTES} bytes, which CloudFormation refuses"


def _function_faults(resources: Json) -> Iterator[str]:
    found = {name for name, each in resources.items() if each["Type"] == "AWS::Serverless::Function"}
    if found != FUNCTIONS.keys():
        yield f"its functions are {sorted(found)}, not {sorted(FUNCTIONS)}"
    for name, wanted in FUNCTIONS.items():
        properties = resources.get(name, {}).get("Properties", {})
        given = properties.get("Timeout"), properties.get("MemorySize")
        if given != (wanted.timeout, wanted.memory):
            yield f"{name} has (seconds, MB) {given}, not {(wanted.timeout, wanted.memory)}"
        for url in QUEUE_URLS:
            if url not in properties.get("Environment", {}).get("Variables", {}):
                yield f"{name} does not know {url}"
        role = properties.get("Role", {}).get("Fn::GetAtt", [""])[0]
        if "Policies" not in resources.get(role, {}).get("Properties", {}):
            yield f"{name} has no policy of its own"


def _queue_faults(template: Json, stage: str) -> Iterator[str]:
    # app.py names a queue when it is imported, here; the stack makes it. Both must mean one queue.
    for function, queue in QUEUES.items():
        made = template["Resources"][queue]["Properties"]["QueueName"]["Fn::Sub"].replace("${Stage}", stage)
        events = template["Resources"].get(function, {}).get("Properties", {}).get("Events", {}).values()
        heard = [each["Properties"]["Queue"]["Fn::Sub"].rsplit(":", 1)[-1] for each in events]
        if heard != [made]:
            yield f"{function} listens to {heard}, and its queue is {made}"


def _reference_faults(template: Json) -> Iterator[str]:
    # Chalice 1.34 writes ${ApiHandler} for APIHandler when it makes log groups; CloudFormation refuses that.
    known = template["Resources"].keys() | template.get("Parameters", {}).keys()
    for text, own in _substitutions(template):
        for name in re.findall(r"\$\{([^}!]+)\}", text):
            if not name.startswith("AWS::") and name.split(".")[0] not in known | own:
                yield f"${{{name}}} is not in the template"


def _substitutions(node: Any) -> Iterator[tuple[str, frozenset[str]]]:
    match node:
        case {"Fn::Sub": str(text)}:
            yield text, frozenset()
        case {"Fn::Sub": [str(text), dict(own)]}:
            yield text, frozenset(own)
        case dict():
            for each in node.values():
                yield from _substitutions(each)
        case list():
            for each in node:
                yield from _substitutions(each)


def _content_faults(out: Path, wanted: Sequence[str]) -> Iterator[str]:
    app, layer = (zipfile.ZipFile(out / name).namelist() for name in (APP, LAYER))
    packages = {path.split("site-packages/")[-1].split("/")[0].removesuffix(".py") for path in layer}
    for name in sorted(UNWANTED & packages):
        yield f"{name} is in the layer"
    for name in sorted(UNWANTED & {path.split("/")[0] for path in app} - {"chalice"}):
        yield f"{name} is in the app"
    present = {_folded(each.split("-")[0]) for each in packages if each.endswith(".dist-info")}
    for name in sorted({_folded(each) for each in wanted} - present):
        yield f"{name} is in requirements.txt and not in the layer: no wheel for Lambda?"
    for name in (APP, LAYER):
        yield from _bytecode_faults(out / name)
    size = sum((out / name).stat().st_size for name in (APP, LAYER))
    if size > LARGEST_BYTES:
        yield f"{size} bytes are more than {LARGEST_BYTES}"


def _bytecode_faults(packed: Path) -> Iterator[str]:
    with zipfile.ZipFile(packed) as opened:
        names = set(opened.namelist())
        for name in sorted(names):
            if not name.endswith(".pyc"):
                continue
            folder, _, module = name.rpartition(f"{archive.DIRECTORY}/")
            if f"{folder}{module.split('.')[0]}.py" not in names:
                yield f"{name} has no module"
            elif not archive.is_unchecked(opened.read(name)):
                yield f"{name} is compiled for another place: Lambda would compile it again"


def _lay_out(folder: Path, root: Path, architecture: str, requirements: str | None) -> None:
    (folder / ".chalice").mkdir()
    config = _config(root) | {"lambda_architecture": architecture}
    (folder / ".chalice/config.json").write_text(json.dumps(config))
    shutil.copytree(root / ".chalice/policies", folder / ".chalice/policies")
    shutil.copy(root / "app.py", folder)
    wanted = (root / "requirements.txt").read_text() if requirements is None else requirements
    (folder / "requirements.txt").write_text(wanted)
    shutil.copytree(
        root / "chalicelib",
        folder / "chalicelib",
        ignore=shutil.ignore_patterns(archive.DIRECTORY, "*.pyc", ".*", "*~"),
    )


def _config(root: Path = ROOT) -> Json:
    config: Json = json.loads((root / ".chalice/config.json").read_text())
    return config


def _folded(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main())
