"""The parts of a deployment fit each other. What Chalice makes of them is checked by `make package`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from chalicelib.core import limits
from infra.aws.package import APP, FUNCTIONS, LAYER, QUEUE_URLS, QUEUES, TEMPLATE, faults
from tests.house.code import ROOT

CONFIG = json.loads((ROOT / ".chalice/config.json").read_text(encoding="utf-8"))
MERGED = json.loads((ROOT / "infra/aws/merge.json").read_text(encoding="utf-8"))
DATA = json.loads((ROOT / "infra/aws/data.json").read_text(encoding="utf-8"))
# As SAM knows a function, and as Chalice does.
NAMES = {
    "APIHandler": "api_handler",
    "Tick": "tick",
    "Deliver": "deliver",
    "Converse": "converse",
    "RunSync": "run_sync",
}
# AWS asks for this between a queue and the function that it wakes.
VISIBILITY_IN_TIMEOUTS = 6


def test_every_function_has_its_time_memory_and_policy() -> None:
    assert {NAMES[name]: (each.timeout, each.memory) for name, each in FUNCTIONS.items()} == {
        name: (each["lambda_timeout"], each["lambda_memory_size"]) for name, each in CONFIG["lambda_functions"].items()
    }
    assert CONFIG["autogen_policy"] is False
    for name, each in CONFIG["lambda_functions"].items():
        assert each["iam_policy_file"] == f"policies/{name}.json"


@pytest.mark.parametrize("name", sorted(CONFIG["lambda_functions"]))
def test_a_policy_names_what_it_allows_and_where(name: str) -> None:
    policy = json.loads((ROOT / f".chalice/policies/{name}.json").read_text(encoding="utf-8"))
    for statement in policy["Statement"]:
        assert not [action for action in statement["Action"] if "*" in action], f"{name}: {statement['Sid']}"
        assert isinstance(statement["Resource"], dict), f"{name}: {statement['Sid']} is not bound to this stack"


@pytest.mark.parametrize("name", ["converse", "deliver", "run_sync"])
def test_who_changes_rows_in_place_may(name: str) -> None:
    # A transaction needs the permission of each write in it, also that of updates.
    text = (ROOT / f".chalice/policies/{name}.json").read_text(encoding="utf-8")
    assert "dynamodb:UpdateItem" in text


def test_only_who_answers_people_hears_the_chat() -> None:
    for name in CONFIG["lambda_functions"]:
        policy = json.loads((ROOT / f".chalice/policies/{name}.json").read_text(encoding="utf-8"))
        chat = [each["Action"] for each in policy["Statement"] if "ChatQueue" in json.dumps(each["Resource"])]
        assert ["sqs:ReceiveMessage" in actions for actions in chat] == [name == "converse"], name


def test_stages_share_nothing() -> None:
    for stage, each in CONFIG["stages"].items():
        environment = each["environment_variables"]
        assert environment["ROLLCALL_STAGE"] == stage
        assert environment["ROLLCALL_TABLE"] == _in(stage, DATA["Resources"]["Table"]["Properties"]["TableName"])
        for name, queue in (("SYNC", "SyncQueue"), ("DELIVER", "DeliverQueue"), ("CHAT", "ChatQueue")):
            named = MERGED["Resources"][queue]["Properties"]["QueueName"]
            assert environment[f"ROLLCALL_{name}_QUEUE"] == _in(stage, named)


def test_a_message_stays_hidden_while_it_is_worked_on() -> None:
    for function, queue in QUEUES.items():
        visibility = MERGED["Resources"][queue]["Properties"]["VisibilityTimeout"]
        assert visibility >= VISIBILITY_IN_TIMEOUTS * FUNCTIONS[function].timeout


def test_the_table_outlives_its_stack_and_can_be_restored() -> None:
    table = DATA["Resources"]["Table"]
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    properties = table["Properties"]
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["DeletionProtectionEnabled"]


def test_the_table_has_the_keys_that_the_port_has() -> None:
    table = DATA["Resources"]["Table"]["Properties"]
    assert [each["AttributeName"] for each in table["KeySchema"]] == [limits.PARTITION, limits.SORT]
    assert table["TimeToLiveSpecification"]["AttributeName"] == limits.EXPIRES


# --- what `make package` refuses


@pytest.fixture
def package(tmp_path: Path) -> Path:
    resources: dict[str, Any] = {
        name: {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Timeout": each.timeout,
                "MemorySize": each.memory,
                "Environment": {"Variables": {url: {"Ref": "AQueue"} for url in QUEUE_URLS}},
                "Role": {"Fn::GetAtt": [f"{name}Role", "Arn"]},
                "Events": {"Ring": {"Properties": {"Queue": {"Fn::Sub": f"arn:${{AWS::Region}}:{_queue(name)}"}}}},
            },
        }
        for name, each in FUNCTIONS.items()
    }
    resources |= {f"{name}Role": {"Type": "AWS::IAM::Role", "Properties": {"Policies": []}} for name in FUNCTIONS}
    resources |= {queue: MERGED["Resources"][queue] for queue in QUEUES.values()}
    resources["AQueue"] = resources["SyncQueue"]
    template = {"Parameters": MERGED["Parameters"], "Resources": resources}
    (tmp_path / TEMPLATE).write_text(json.dumps(template), encoding="utf-8")
    _zip(tmp_path / APP, "app.py", "chalicelib/edge.py", "chalice/app.py")
    _zip(tmp_path / LAYER, *_installed("httpx"))
    return tmp_path


def test_a_good_package_has_no_fault(package: Path) -> None:
    assert list(faults(package, "dev", ["httpx"])) == []


def test_what_the_runtime_has_is_not_packaged(package: Path) -> None:
    _zip(package / LAYER, *_installed("httpx"), *_installed("boto3"))
    assert list(faults(package, "dev", ["httpx"])) == ["boto3 is in the layer"]


def test_a_dependency_without_a_wheel_is_noticed(package: Path) -> None:
    assert ["pydantic-core is in requirements.txt" in each for each in faults(package, "dev", ["pydantic_core"])] == [
        True
    ]


def test_bytecode_of_what_is_not_there_is_noticed(package: Path) -> None:
    _zip(package / APP, "app.py", "chalicelib/__pycache__/edge.cpython-311.pyc")
    assert list(faults(package, "dev", ["httpx"])) == ["chalicelib/__pycache__/edge.cpython-311.pyc has no module"]


def test_bytecode_that_lambda_would_not_believe_is_noticed(package: Path) -> None:
    _zip(package / APP, "app.py", "__pycache__/app.cpython-311.pyc")
    (fault,) = faults(package, "dev", ["httpx"])
    assert fault.startswith("__pycache__/app.cpython-311.pyc is compiled for another place")


def test_the_queue_of_another_stage_is_noticed(package: Path) -> None:
    assert any("listens to" in each for each in faults(package, "prod", ["httpx"]))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ('"Timeout": 300', '"Timeout": 60', "RunSync has (seconds, MB) (60, 1769), not (300, 1769)"),
        ("${AWS::Region}", "${ApiHandler}", "${ApiHandler} is not in the template"),
        ('"Tick":', '"Tock":', "its functions are ['APIHandler', 'Converse', 'Deliver', 'RunSync', 'Tock'], not"),
        ('"Policies"', '"ManagedPolicies"', "Tick has no policy of its own"),
        ("ROLLCALL_SYNC_QUEUE_URL", "ROLLCALL_QUEUE", "Tick does not know ROLLCALL_SYNC_QUEUE_URL"),
    ],
)
def test_a_template_that_is_not_the_house_is_refused(package: Path, old: str, new: str, fault: str) -> None:
    template = package / TEMPLATE
    template.write_text(template.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert any(each.startswith(fault) for each in faults(package, "dev", ["httpx"]))


def _queue(function: str) -> str:
    return _in("dev", MERGED["Resources"][QUEUES.get(function, "SyncQueue")]["Properties"]["QueueName"])


def _in(stage: str, name: dict[str, str]) -> str:
    return name["Fn::Sub"].replace("${Stage}", stage)


def _installed(name: str) -> Iterator[str]:
    yield f"python/lib/python3.11/site-packages/{name}/__init__.py"
    yield f"python/lib/python3.11/site-packages/{name}-1.0.dist-info/METADATA"


def _zip(path: Path, *names: str) -> None:
    with ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "")
