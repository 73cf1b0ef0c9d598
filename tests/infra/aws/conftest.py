"""An AWS account in this process: moto's, whose CloudFormation really makes tables, buckets and queues."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from zipfile import ZipFile

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from mypy_boto3_cloudformation import CloudFormationClient

from infra.aws import package
from infra.aws.cloud import Cloud
from infra.aws.deploy import Deployment
from infra.aws.destroy import destroy
from infra.aws.stacks import Stacks

REGION = "eu-central-1"
# Moto knows no SAM: in place of the app stands a queue, and an archive that its template names.
APP = {
    "Parameters": {"Stage": {"Type": "String"}, "MissedSyncs": {"Type": "Number", "Default": 2}},
    "Resources": {
        "SyncQueue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "QueueName": {"Fn::Sub": "rollcall-sync-${Stage}"},
                "Tags": [{"Key": "code", "Value": "./deployment.zip"}],
            },
        }
    },
    "Outputs": {
        "PublicURL": {"Value": "https://example.com/api"},
        "Missed": {"Value": {"Ref": "MissedSyncs"}},
        "SyncQueueURL": {"Value": {"Ref": "SyncQueue"}},
    },
}


@dataclass
class Reviewed:
    """Moto's CloudFormation with change sets: its own work out no outputs, and find a change in everything."""

    real: CloudFormationClient
    drawn: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    protected: dict[str, bool] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def create_change_set(self, **request: Any) -> None:
        self.drawn[request["ChangeSetName"]] = request

    def describe_change_set(self, **request: Any) -> Mapping[str, Any]:
        asked = self.drawn[request["ChangeSetName"]]
        wanted = json.loads(asked["TemplateBody"])
        there = self._template(asked["StackName"])
        if there == wanted and all(each in self._parameters(asked["StackName"]) for each in _given(asked)):
            return {"Status": "FAILED", "StatusReason": "The submitted information didn't contain changes."}
        added = wanted["Resources"].keys() - (there or {"Resources": {}})["Resources"].keys()
        changes = [{"Action": "Add", "LogicalResourceId": name, "ResourceType": "?"} for name in sorted(added)]
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": each} for each in changes]}

    def execute_change_set(self, **request: Any) -> None:
        asked = self.drawn[request["ChangeSetName"]]
        made = {name: asked[name] for name in ("StackName", "TemplateBody", "Capabilities")}
        if asked["ChangeSetType"] == "CREATE":
            self.real.create_stack(**made, Parameters=asked["Parameters"])
            return
        # Of a parameter that was never given moto forgets that it has a default.
        before = {each["ParameterKey"]: each for each in self._parameters(asked["StackName"])}
        kept = [before.get(each["ParameterKey"], each) for each in asked["Parameters"] if "UsePreviousValue" in each]
        self.real.update_stack(**made, Parameters=[*_given(asked), *kept])

    def delete_change_set(self, **request: Any) -> None:
        del self.drawn[request["ChangeSetName"]]

    def delete_stack(self, **request: Any) -> None:
        self.real.delete_stack(**request)

    def update_termination_protection(self, **request: Any) -> None:
        self.protected[request["StackName"]] = request["EnableTerminationProtection"]

    def _template(self, name: str) -> Mapping[str, Any] | None:
        try:
            return cast(Mapping[str, Any], self.real.get_template(StackName=name)["TemplateBody"])  # it was JSON
        except ClientError:
            return None

    def _parameters(self, name: str) -> list[Any]:
        return list(self.real.describe_stacks(StackName=name)["Stacks"][0]["Parameters"])


def _given(asked: Mapping[str, Any]) -> list[Any]:
    return [each for each in asked["Parameters"] if "ParameterValue" in each]


@dataclass
class Account:
    """The account, and what deploying said and asked."""

    cloud: Cloud
    reviewed: Reviewed
    built: Path
    said: list[str] = field(default_factory=list)
    answer: str | None = "dev"

    @property
    def deployment(self) -> Deployment:
        return Deployment(cloud=self.cloud, stage="dev")

    @property
    def stacks(self) -> Stacks:
        return Stacks(cloud=self.cloud)

    @property
    def text(self) -> str:
        return "\n".join(self.said)

    def package(self, template: dict[str, Any] = APP, code: str = "v1") -> None:
        self.built.mkdir(exist_ok=True)
        (self.built / package.TEMPLATE).write_text(json.dumps(template))
        with ZipFile(self.built / package.APP, "w") as opened:
            opened.writestr("app.py", code)

    def deploy(self, *, only_look: bool = False, **options: str) -> None:
        self.said.clear()
        self.deployment.deploy(self.built, options, only_look=only_look)

    def destroy(self, *, with_data: bool = False) -> None:
        self.said.clear()
        destroy(self.cloud, "dev", with_data=with_data)

    def outputs(self, name: str = "rollcall-dev") -> dict[str, str]:
        stack = self.stacks.find(name)
        assert stack is not None
        return dict(stack.outputs)

    def tables(self) -> list[str]:
        return self.cloud.dynamodb.list_tables()["TableNames"]

    def archives(self) -> list[str]:
        bucket = self.outputs("rollcall-dev-data")["Packages"]
        return [each["Key"] for each in self.cloud.s3.list_objects_v2(Bucket=bucket).get("Contents", ())]


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):  # where somebody has an emulator, or an account: not now
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        session = boto3.session.Session(region_name=REGION)
        reviewed = Reviewed(real=session.client("cloudformation"))
        account: Account
        cloud = Cloud(
            account="123456789012",
            region=REGION,
            cloudformation=cast(CloudFormationClient, reviewed),  # it passes on what it does not do itself
            dynamodb=session.client("dynamodb"),
            s3=session.client("s3"),
            secretsmanager=session.client("secretsmanager"),
            say=lambda text: account.said.append(text),
            ask=lambda _: account.answer,
            check=lambda _: "it answers",
            sleep=lambda _: None,
        )
        account = Account(cloud=cloud, reviewed=reviewed, built=tmp_path / "dev")
        account.package()
        yield account
