"""Take Rollcall out of an AWS account: `make destroy STAGE=dev`. The data stays, unless that is asked for by name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from botocore.exceptions import ClientError

from infra.aws import cloud, package
from infra.aws.cloud import Cloud, DeployError
from infra.aws.deploy import Deployment
from infra.aws.stacks import Stacks


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make destroy", description=__doc__)
    parser.add_argument("--stage", required=True, choices=package.stages())
    parser.add_argument(
        "--data", default="", metavar="STAGE", help="the stage's name once more: delete its data as well"
    )
    chosen = parser.parse_args(argv)
    if chosen.data and chosen.data != chosen.stage:
        parser.error(f"--data names the stage whose data goes as well: --data {chosen.stage}")

    def work() -> None:
        reached = cloud.here()
        reached.say(f"stage {chosen.stage}, account {reached.account}, region {reached.region}")
        destroy(reached, chosen.stage, with_data=bool(chosen.data))

    return cloud.run(work)


def destroy(reached: Cloud, stage: str, *, with_data: bool) -> None:
    """Delete a stage's app; with its data, also the table, the secrets of its sources, and what was uploaded.

    Raises:
        DeployError: AWS could not delete all of it, or whoever was asked did not mean it.
    """
    deployment, stacks = Deployment(cloud=reached, stage=stage), Stacks(cloud=reached)
    if with_data:
        _make_sure(reached, stage)
    if not stacks.delete(deployment.name):
        reached.say(f"{deployment.name}: is not there")
    if not with_data:
        kept = f"table {deployment.table_name} and the secrets below rollcall/{stage}/"
        reached.say(f"kept: {kept}. `make deploy STAGE={stage}` finds them again; vendors then need the new URL.")
        return
    data = stacks.find(deployment.data_name)
    if data is not None:
        deployment.protect(protected=False)
        if "Packages" in data.outputs:
            _empty(reached, data.outputs["Packages"])
        stacks.delete(deployment.data_name)
    if deployment.has_table():
        reached.dynamodb.update_table(TableName=deployment.table_name, DeletionProtectionEnabled=False)
        reached.dynamodb.get_waiter("table_exists").wait(TableName=deployment.table_name)
        reached.dynamodb.delete_table(TableName=deployment.table_name)
        reached.say(f"table {deployment.table_name} deleted; AWS keeps a backup of it for 35 days")
    count = _drop_secrets(reached, stage)
    reached.say(f"{count} secrets below rollcall/{stage}/ deleted")


def _make_sure(reached: Cloud, stage: str) -> None:
    reached.say(f"This deletes what Rollcall knows in stage {stage}: people, plans, the audit log, and the secrets.")
    # Without anybody to ask, naming the stage twice has to do.
    if reached.ask(f"Type {stage} to go on: ") not in (stage, None):
        raise DeployError("nothing was deleted")


def _empty(reached: Cloud, bucket: str) -> None:
    for page in reached.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            reached.s3.delete_object(Bucket=bucket, Key=each["Key"])


def _drop_secrets(reached: Cloud, stage: str) -> int:
    prefix, count = f"rollcall/{stage}/", 0
    pages = reached.secretsmanager.get_paginator("list_secrets").paginate(Filters=[{"Key": "name", "Values": [prefix]}])
    # AWS's filter folds case and splits words: what it finds is looked at once more.
    names = [each["Name"] for page in pages for each in page["SecretList"] if each["Name"].startswith(prefix)]
    for name in names:
        try:
            reached.secretsmanager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
            count += 1
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
    return count


if __name__ == "__main__":
    sys.exit(main())
