"""Nothing is allowed more widely than somebody has given a reason for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.aws import policies
from tests.house.code import ROOT

POLICIES = sorted((ROOT / ".chalice/policies").glob("*.json"))


def template(*statements: dict[str, Any]) -> dict[str, Any]:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    role = {"Type": "AWS::IAM::Role", "Properties": {"Policies": [{"PolicyName": "p", "PolicyDocument": document}]}}
    return {"Resources": {"TickRole": role}}


def statement(resource: object, **more: object) -> dict[str, Any]:
    return {"Sid": "Look", "Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": resource, **more}


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_a_functions_policy_has_no_wildcard_without_a_reason(path: Any) -> None:
    assert list(policies.faults(template(*json.loads(path.read_text(encoding="utf-8"))["Statement"]))) == []


def test_the_stacks_own_policies_have_none_either() -> None:
    for name in ("data.json", "merge.json"):
        found = json.loads((ROOT / "infra/aws" / name).read_text(encoding="utf-8"))
        assert list(policies.faults(found)) == []


def test_every_reason_is_needed() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (*POLICIES, ROOT / "infra/aws/data.json")]
    assert not [sid for sid in policies.REASONS if not any(f'"{sid}"' in text for text in texts)]
    assert not [name for name in policies.MANAGED if name not in (ROOT / "infra/aws/merge.json").read_text()]


@pytest.mark.parametrize(
    "wide",
    [
        statement("*"),
        statement({"Fn::Sub": "arn:${AWS::Partition}:sqs:*:*:rollcall-*"}),
        statement([{"Fn::GetAtt": ["Queue", "Arn"]}, "*"]),
        statement({"Fn::GetAtt": ["Queue", "Arn"]}, Action=["sqs:*"]),
        statement({"Fn::GetAtt": ["Queue", "Arn"]}, Action="*"),
        {"Sid": "Look", "Effect": "Allow", "NotAction": ["iam:*"], "Resource": {"Ref": "Queue"}},
        {"Sid": "Look", "Effect": "Allow", "Action": ["sqs:SendMessage"], "NotResource": {"Ref": "Queue"}},
    ],
)
def test_what_is_wider_than_it_says_is_found(wide: dict[str, Any]) -> None:
    assert list(policies.faults(template(wide)))


def test_a_policy_of_awss_own_wants_a_reason_too() -> None:
    role = {"Type": "AWS::IAM::Role", "Properties": {"ManagedPolicyArns": ["arn:aws:iam::aws:policy/PowerUserAccess"]}}
    (fault,) = policies.faults({"Resources": {"TickRole": role}})
    assert "PowerUserAccess" in fault


def test_a_narrow_statement_is_no_fault() -> None:
    assert list(policies.faults(template(statement({"Fn::GetAtt": ["Queue", "Arn"]})))) == []
