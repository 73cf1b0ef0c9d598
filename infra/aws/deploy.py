"""Put Rollcall into an AWS account, or the newest version of it: `make deploy STAGE=dev`.

Two stacks. `rollcall-STAGE-data` has the table, and the bucket for what is deployed; it outlives the other one,
`rollcall-STAGE`, which is all the rest and can be made anew at any time.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.aws import cloud, package
from infra.aws.cloud import Cloud, DeployError
from infra.aws.stacks import Stack, Stacks

TABLE: Final = "Table"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make deploy", description=__doc__)
    parser.add_argument("--stage", required=True, choices=package.stages())
    parser.add_argument("--plan", action="store_true", help="show what would change, and change nothing")
    parser.add_argument("--architecture", default=package.ARCHITECTURES[0], choices=package.ARCHITECTURES)
    options = _options()
    for name, help_text in options.items():
        parser.add_argument(_flag(name), dest=name, metavar="VALUE", help=help_text)
    chosen = vars(parser.parse_args(argv))
    given = {name: chosen[name] for name in options if chosen[name] is not None}

    def work() -> None:
        reached = cloud.here()  # before the package is built: without credentials there is no need to
        reached.say(f"stage {chosen['stage']}, account {reached.account}, region {reached.region}")
        built = package.made(chosen["stage"], chosen["architecture"])
        if built is None:
            raise DeployError("the package has faults; nothing was deployed")
        Deployment(cloud=reached, stage=chosen["stage"]).deploy(built, given, only_look=chosen["plan"])

    return cloud.run(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One stage in one account and region."""

    cloud: Cloud
    stage: str

    @property
    def name(self) -> str:
        return f"rollcall-{self.stage}"

    @property
    def data_name(self) -> str:
        return f"{self.name}-data"

    @property
    def table_name(self) -> str:
        return f"rollcall-{self.stage}"

    def deploy(self, built: Path, options: Mapping[str, str], *, only_look: bool = False) -> None:
        """Put a package up; with `only_look` show what that would change.

        Raises:
            DeployError: as `Stacks.put`.
        """
        data = self._put_data(only_look=only_look)
        if data is None:
            self.cloud.say(f"{self.name}: all of it would be new")
            return
        bucket = data.outputs["Packages"]
        template = self._placed(built, bucket)
        app = Stacks(cloud=self.cloud).put(self.name, template, {"Stage": self.stage, **options}, only_look=only_look)
        if app is not None and not only_look:
            self._tell(app)

    def _put_data(self, *, only_look: bool) -> Stack | None:
        stacks = Stacks(cloud=self.cloud)
        template = json.loads(package.DATA.read_text())
        if not only_look and stacks.ready(self.data_name) is None and self.has_table():
            # Its stack was deleted, and the table stayed, as it should.
            self.cloud.say(f"{self.data_name}: table {self.table_name} is there already, and is taken over as it is")
            table: dict[str, object] = {**template, "Resources": {TABLE: template["Resources"][TABLE]}}
            table.pop("Outputs")
            stacks.put(
                self.data_name,
                json.dumps(table),
                {"Stage": self.stage},
                imports=[
                    {
                        "ResourceType": "AWS::DynamoDB::Table",
                        "LogicalResourceId": TABLE,
                        "ResourceIdentifier": {"TableName": self.table_name},
                    }
                ],
            )
        data = stacks.put(
            self.data_name, package.compact(package.DATA), {"Stage": self.stage}, keep=(TABLE,), only_look=only_look
        )
        if data is not None and not only_look:
            self.protect(protected=True)
            self._mend(template["Resources"][TABLE]["Properties"])
        return data

    def _mend(self, wanted: Mapping[str, Any]) -> None:
        """Turn on what a restored table lacks, or one changed by hand: CloudFormation compares templates only."""
        client, name = self.cloud.dynamodb, self.table_name
        table = client.describe_table(TableName=name)["Table"]
        mended = []
        if not table.get("DeletionProtectionEnabled"):
            client.update_table(TableName=name, DeletionProtectionEnabled=True)
            mended.append("deletion protection")
            client.get_waiter("table_exists").wait(TableName=name)
        if table.get("SSEDescription", {}).get("Status") not in ("ENABLED", "ENABLING", "UPDATING"):
            client.update_table(TableName=name, SSESpecification={"Enabled": True})
            mended.append("encryption with AWS's key")
            client.get_waiter("table_exists").wait(TableName=name)
        backups = client.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        if backups.get("PointInTimeRecoveryDescription", {}).get("PointInTimeRecoveryStatus") != "ENABLED":
            client.update_continuous_backups(
                TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
            mended.append("point-in-time recovery")
        life = client.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
        if life.get("TimeToLiveStatus") not in ("ENABLED", "ENABLING"):
            expiry = wanted["TimeToLiveSpecification"]["AttributeName"]
            client.update_time_to_live(
                TableName=name, TimeToLiveSpecification={"AttributeName": expiry, "Enabled": True}
            )
            mended.append("expiry")
        if mended:
            self.cloud.say(f"table {name}: turned on {', '.join(mended)}")

    def protect(self, *, protected: bool) -> None:
        """Let nobody delete the data's stack, or let them."""
        self.cloud.cloudformation.update_termination_protection(
            StackName=self.data_name, EnableTerminationProtection=protected
        )

    def has_table(self) -> bool:
        try:
            self.cloud.dynamodb.describe_table(TableName=self.table_name)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                return False
            raise
        return True

    def _placed(self, built: Path, bucket: str) -> str:
        """Upload the archives of a package that are not there yet; return its template, which names them."""
        text = package.compact(built / package.TEMPLATE)
        for name in (package.APP, package.LAYER):
            if not (built / name).exists():
                continue
            body = (built / name).read_bytes()
            key = f"{hashlib.sha256(body).hexdigest()}.zip"
            if not self._is_there(bucket, key):
                self.cloud.say(f"uploading {name}, {len(body) / 1e6:.1f} MB")
                self.cloud.s3.put_object(Bucket=bucket, Key=key, Body=body, ExpectedBucketOwner=self.cloud.account)
            text = text.replace(f'"./{name}"', json.dumps(f"s3://{bucket}/{key}"))
        return text

    def _is_there(self, bucket: str, key: str) -> bool:
        try:
            self.cloud.s3.head_object(Bucket=bucket, Key=key, ExpectedBucketOwner=self.cloud.account)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("404", "NoSuchKey", "NotFound"):
                return False
            raise
        return True

    def _tell(self, app: Stack) -> None:
        url = app.outputs["PublicURL"]
        self.cloud.say(f"\ndeployed: {url}")
        for name, text in (
            ("EgressAddress", "vendors are called from {}: for their allow-lists"),
            ("DomainTarget", "let the domain's CNAME name {}"),
        ):
            if name in app.outputs:
                self.cloud.say(text.format(app.outputs[name]))
        self.cloud.say(self.cloud.check(url))
        self.cloud.say(
            f"next: rollcall --stage {self.stage} status; docs/operate.md goes on from here "
            "(subscriptions to alarms by e-mail must be confirmed in the mail that AWS sends)"
        )


def _options() -> Mapping[str, str]:
    parameters = json.loads(package.MERGED.read_text())["Parameters"]
    return {name: each["Description"] for name, each in parameters.items() if name != "Stage"}


def _flag(name: str) -> str:
    return "--" + "".join(f"-{each.lower()}" if each.isupper() else each for each in name).lstrip("-")


if __name__ == "__main__":
    sys.exit(main())
