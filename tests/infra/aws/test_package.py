"""What Chalice really makes of the house, but for the dependencies: those have to be fetched, by `make package`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest

from infra.aws import package
from infra.aws.policies import texts


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the house, which nobody works in."""
    root = tmp_path_factory.mktemp("house")
    shutil.copy(package.ROOT / "app.py", root)
    for name in ("chalicelib", ".chalice"):
        shutil.copytree(package.ROOT / name, root / name)
    return root


@pytest.fixture(scope="module")
def built(house: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("package") / "dev"
    assert package.build("dev", out, root=house, requirements="") == ""
    return out


@pytest.fixture(scope="module")
def template(built: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((built / package.TEMPLATE).read_text())
    return found


def test_the_template_has_no_fault_and_cloudformations_linter_finds_none(built: Path) -> None:
    if not (built / package.LAYER).exists():
        with ZipFile(built / package.LAYER, "w"):
            pass
    assert list(package.faults(built, "dev", ())) == []
    assert list(package.lint(built)) == []


def test_what_the_linter_finds_is_a_fault(tmp_path: Path) -> None:
    broken = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": {"Queue": {"Type": "AWS::SQS::Queu"}}}
    (tmp_path / package.TEMPLATE).write_text(json.dumps(broken))
    assert any("AWS::SQS::Queu" in each for each in package.lint(tmp_path))


def test_the_app_has_each_of_our_files_and_of_chalice_the_part_that_runs(house: Path, built: Path) -> None:
    with ZipFile(built / package.APP) as opened:
        names = [name for name in opened.namelist() if not name.endswith(".pyc")]
    ours = {name for name in names if name.startswith("chalicelib/")}
    wanted = {
        path.relative_to(house).as_posix()
        for path in (house / "chalicelib").rglob("*")
        if path.is_file() and path.suffix in (".py", ".html", ".css", ".js")
    }
    assert ours >= wanted
    assert {name for name in names if name.startswith("chalice/")} == {"chalice/__init__.py", "chalice/app.py"}


def test_the_functions_run_on_arm_under_names_that_stay(template: dict[str, Any]) -> None:
    for name in package.FUNCTIONS:
        properties = template["Resources"][name]["Properties"]
        assert properties["Architectures"] == ["arm64"]
        assert properties["FunctionName"]["Fn::Sub"].startswith("rollcall-${Stage}-")


def test_a_function_never_runs_before_its_log_is_kept_for_as_long_as_it_should(template: dict[str, Any]) -> None:
    for name in package.FUNCTIONS:
        function, log = template["Resources"][name], template["Resources"][f"{name}Log"]["Properties"]
        assert f"{name}Log" in function["DependsOn"]
        named = function["Properties"]["FunctionName"]["Fn::Sub"]
        assert log == {"LogGroupName": {"Fn::Sub": f"/aws/lambda/{named}"}, "RetentionInDays": 90}


def test_a_long_run_is_not_taken_for_a_loop(template: dict[str, Any]) -> None:
    for name in package.QUEUES:
        assert template["Resources"][name]["Properties"]["RecursiveLoop"] == "Allow"


def test_every_function_that_calls_vendors_does_so_from_the_fixed_address(template: dict[str, Any]) -> None:
    placed = {name for name in package.FUNCTIONS if "VpcConfig" in template["Resources"][name]["Properties"]}
    assert placed == package.FUNCTIONS.keys() - {"Tick"}


def test_the_api_does_not_wait_for_the_function_that_is_told_its_address(template: dict[str, Any]) -> None:
    assert "${APIHandler.Arn}" not in "".join(texts(template["Resources"]["RestAPI"]))
    assert "RestAPI" in json.dumps(template["Resources"]["APIHandler"]["Properties"]["Environment"])


def test_the_requests_of_a_stage_are_counted_under_its_own_name(template: dict[str, Any]) -> None:
    api, alarm = (template["Resources"][name]["Properties"] for name in ("RestAPI", "CallbacksBroken"))
    assert (api["Name"], api["DefinitionBody"]["info"]["title"]) == ({"Fn::Sub": "rollcall-${Stage}"}, "rollcall-dev")
    assert {"Name": "ApiName", "Value": api["Name"]} in alarm["Dimensions"]


def test_every_alarm_tells_when_it_begins_and_ends_and_where_to_read_on(template: dict[str, Any]) -> None:
    guide = (package.ROOT / "docs/operate.md").read_text(encoding="utf-8")
    alarms = {
        name: each["Properties"]
        for name, each in template["Resources"].items()
        if each["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert alarms
    for name, each in alarms.items():
        assert each["AlarmActions"] == each["OKActions"] == [{"Ref": "Alarms"}], name
        place, anchor = each["AlarmDescription"].rsplit(": ", 1)[1].split("#")
        assert place == "docs/operate.md"
        assert f'<a id="{anchor}"></a>' in guide, f"{name}: docs/operate.md has no {anchor}"
        assert f"${{{name}.Arn}}" in template["Resources"]["Overview"]["Properties"]["DashboardBody"]["Fn::Sub"]


def test_no_secret_stands_in_a_template(template: dict[str, Any]) -> None:
    names = {
        name
        for each in package.FUNCTIONS
        for name in template["Resources"][each]["Properties"]["Environment"]["Variables"]
    }
    assert not [name for name in names if "SECRET" in name or "KEY" in name or "TOKEN" in name]
    assert not [name for name, each in template["Parameters"].items() if each.get("NoEcho")]


def test_a_package_is_of_one_stage(template: dict[str, Any]) -> None:
    assert template["Parameters"]["Stage"]["AllowedValues"] == ["dev"]
    heard = [
        text for text in texts(template["Resources"]["RunSync"]["Properties"]["Events"]) if "rollcall-sync" in text
    ]
    assert [each.rsplit(":", 1)[-1] for each in heard] == ["rollcall-sync-dev"]


def test_the_same_house_makes_the_same_package(house: Path, built: Path, tmp_path: Path) -> None:
    (house / "chalicelib/__pycache__").mkdir(exist_ok=True)
    (house / "chalicelib/__pycache__/edge.cpython-310.pyc").write_bytes(b"of another day")
    assert package.build("dev", tmp_path / "again", root=house, requirements="") == ""
    with ZipFile(built / package.APP) as one, ZipFile(tmp_path / "again" / package.APP) as two:
        assert [entry.filename for entry in one.infolist() if one.read(entry) != two.read(entry.filename)] == []
    for name in (package.APP, package.TEMPLATE):
        assert (built / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), name
