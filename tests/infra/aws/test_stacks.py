"""What AWS does when it does not do what it is told: what moto never plays, from a script."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from infra.aws.cloud import Cloud, DeployError, advice
from infra.aws.stacks import Stack, Stacks

TEMPLATE = json.dumps({"Parameters": {"Stage": {}, "Old": {}, "New": {}}})
GONE = ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "DescribeStacks")


@dataclass
class ScriptedStack:
    """CloudFormation with one stack: `statuses` is what it is each time that it is looked at, "" where it is not."""

    statuses: list[str]
    changes: Sequence[Mapping[str, Any]] = ({"Action": "Add", "LogicalResourceId": "Queue", "ResourceType": "Q"},)
    refusal: str = ""
    events: Sequence[Mapping[str, str]] = ()
    asked: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    # Events are those of now once something has been set going.
    began: bool = False

    def describe_stacks(self, **request: str) -> Mapping[str, Any]:
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if not status:
            raise GONE
        parameters = [{"ParameterKey": name, "ParameterValue": "x"} for name in ("Stage", "Old", "Gone")]
        return {"Stacks": [{"StackStatus": status, "StackId": request["StackName"], "Parameters": parameters}]}

    def create_change_set(self, **request: Any) -> None:
        self.asked.append(("create", request))

    def describe_change_set(self, **request: Any) -> Mapping[str, Any]:
        if self.refusal:
            return {"Status": "FAILED", "StatusReason": self.refusal}
        page = int(request.get("NextToken", 0))
        more = {"NextToken": str(page + 1)} if page + 1 < len(self.changes) else {}
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": self.changes[page]}], **more}

    def execute_change_set(self, **request: Any) -> None:
        self.asked.append(("execute", request))
        self.began = True

    def delete_change_set(self, **request: Any) -> None:
        self.asked.append(("forget", request))

    def delete_stack(self, **request: Any) -> None:
        self.asked.append(("delete", request))
        self.began = True

    def get_paginator(self, name: str) -> ScriptedStack:
        assert name == "describe_stack_events"
        return self

    def paginate(self, **_: str) -> Sequence[Mapping[str, Any]]:
        events = [{"EventId": str(number), "StackId": "id", **each} for number, each in enumerate(self.events)]
        return [{"StackEvents": list(reversed(events))}] if self.began else [{"StackEvents": []}]

    @property
    def did(self) -> list[str]:
        return [what for what, _ in self.asked]


def run(script: ScriptedStack, **options: Any) -> tuple[Stack | None, str]:
    said: list[str] = []
    nothing = cast(Any, None)  # what these tests do not reach
    cloud = Cloud(
        account="1",
        region="r",
        cloudformation=cast(Any, script),  # of the client only what is used
        dynamodb=nothing,
        s3=nothing,
        secretsmanager=nothing,
        say=said.append,
        ask=lambda _: None,
        check=lambda _: "",
        sleep=lambda _: None,
    )
    stack = Stacks(cloud=cloud).put("app", TEMPLATE, {"Stage": "dev"}, **options)
    return stack, "\n".join(said)


def event(name: str, status: str, reason: str = "") -> Mapping[str, str]:
    return {"LogicalResourceId": name, "ResourceStatus": status, "ResourceStatusReason": reason}


def test_a_failure_names_what_failed_and_what_to_do() -> None:
    script = ScriptedStack(
        ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE"],
        events=[
            event("Queue", "CREATE_FAILED", "rollcall-sync-dev already exists"),
            event("Table", "CREATE_FAILED", "Resource creation cancelled"),
        ],
    )
    with pytest.raises(DeployError) as refused:
        run(script)
    text = str(refused.value)
    assert "Queue: rollcall-sync-dev already exists" in text
    assert "cancelled" not in text
    assert "another installation of this stage" in text
    assert "what was there before is there again" in text


def test_what_happens_is_told_once_and_in_order() -> None:
    script = ScriptedStack(
        ["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"],
        events=[
            event("Queue", "CREATE_COMPLETE"),
            event("Tick", "UPDATE_IN_PROGRESS"),
            event("Tick", "UPDATE_COMPLETE"),
        ],
    )
    _, said = run(script)
    assert said.splitlines()[-2:] == ["    Queue: created", "    Tick: updated"]


def test_of_a_change_set_every_page_is_shown() -> None:
    changes = [
        {"Action": "Modify", "LogicalResourceId": "Tick", "ResourceType": "F", "Replacement": "False"},
        {"Action": "Modify", "LogicalResourceId": "Api", "ResourceType": "A", "Replacement": "True"},
        {"Action": "Remove", "LogicalResourceId": "Old", "ResourceType": "O"},
    ]
    _, said = run(ScriptedStack(["UPDATE_COMPLETE"], changes=changes))
    assert said.splitlines()[1:4] == ["  ~ Tick (F)", "  ~ Api (A), made anew", "  - Old (O)"]


@pytest.mark.parametrize(
    "change",
    [
        {"Action": "Remove", "LogicalResourceId": "Table", "ResourceType": "T"},
        {"Action": "Modify", "LogicalResourceId": "Table", "ResourceType": "T", "Replacement": "True"},
        {"Action": "Modify", "LogicalResourceId": "Table", "ResourceType": "T", "Replacement": "Conditional"},
    ],
)
def test_what_would_take_the_data_away_is_not_done(change: Mapping[str, str]) -> None:
    script = ScriptedStack(["UPDATE_COMPLETE"], changes=[change])
    with pytest.raises(DeployError, match="this would take away Table"):
        run(script, keep=("Table",))
    assert script.did == ["create", "forget"]


def test_what_was_never_made_is_cleared_away_first() -> None:
    script = ScriptedStack(["ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE", "", "CREATE_COMPLETE"])
    _, said = run(script)
    assert "the remains of an earlier try" in said
    assert script.did == ["delete", "create", "execute"]
    assert script.asked[1][1]["ChangeSetType"] == "CREATE"


@pytest.mark.parametrize(
    ("status", "advised"),
    [("UPDATE_IN_PROGRESS", "changed by somebody else"), ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback")],
)
def test_a_stack_that_cannot_be_changed_now_is_left_alone(status: str, advised: str) -> None:
    script = ScriptedStack([status])
    with pytest.raises(DeployError, match=advised):
        run(script)
    assert script.did == []


def test_a_template_that_is_refused_is_no_change() -> None:
    script = ScriptedStack(["UPDATE_COMPLETE"], refusal="Template error: circular dependency")
    with pytest.raises(DeployError, match="circular dependency"):
        run(script)
    assert "execute" not in script.did


@pytest.mark.parametrize(
    "reason",
    [
        "The submitted information didn't contain changes. Submit different information to create a change set.",
        "No updates are to be performed.",
    ],
)
def test_nothing_to_change_is_no_failure(reason: str) -> None:
    script = ScriptedStack(["UPDATE_COMPLETE"], refusal=reason)
    stack, said = run(script)
    assert stack is not None
    assert "nothing to change" in said
    assert script.did == ["create", "forget"]


def test_parameters_that_are_not_given_stay_and_those_that_are_gone_go() -> None:
    script = ScriptedStack(["UPDATE_COMPLETE"])
    run(script)
    assert script.asked[0][1]["Parameters"] == [
        {"ParameterKey": "Stage", "ParameterValue": "dev"},
        {"ParameterKey": "Old", "UsePreviousValue": True},
    ]


def test_a_table_that_is_there_is_taken_into_the_stack() -> None:
    script = ScriptedStack(["", "IMPORT_COMPLETE"])
    table = {"ResourceType": "T", "LogicalResourceId": "Table", "ResourceIdentifier": {"TableName": "rollcall-dev"}}
    run(script, imports=[table])
    assert script.asked[0][1]["ChangeSetType"] == "IMPORT"
    assert script.asked[0][1]["ResourcesToImport"] == [table]


def test_what_takes_too_long_is_left_to_aws() -> None:
    with pytest.raises(DeployError, match="still at it after an hour"):
        run(ScriptedStack(["UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"]))


def refused(code: str, text: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": text}}, "CreateChangeSet")


@pytest.mark.parametrize(
    ("error", "advised"),
    [
        (NoRegionError(), "AWS_REGION"),
        (NoCredentialsError(), "aws sso login"),
        (ProfileNotFound(profile="it"), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="https://x"), "cannot be reached"),
        (refused("ExpiredToken"), "have expired"),
        (refused("InvalidClientTokenId"), "does not know these credentials"),
        (refused("AccessDenied", "not authorized to perform: iam:CreateRole"), "docs/security.md"),
        (refused("LimitExceededException", "too many"), "refused CreateChangeSet (LimitExceededException): too many"),
        (DeployError("as it is"), "as it is"),
    ],
)
def test_every_failure_says_what_to_do(error: Exception, advised: str) -> None:
    assert advised in advice(error)
