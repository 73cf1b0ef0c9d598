"""Up, up again, down, and up with what was kept: against an account that makes what it is told to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.aws import deploy
from infra.aws.cloud import DeployError
from tests.infra.aws.conftest import APP, Account

# Moto makes no policies of buckets.
pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse AWS..S3..BucketPolicy")

KEY = {"pk": {"S": "source#1"}, "sk": {"S": "x"}}


def app_with(**resources: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(APP))
    found["Resources"] |= resources
    return found


def test_a_first_deploy_makes_data_and_app_and_says_what_comes_next(account: Account) -> None:
    account.deploy()
    assert account.tables() == ["rollcall-dev"]
    assert "deployed: https://example.com/api" in account.said[-3]
    assert "rollcall --stage dev" in account.said[-1]
    assert any("SyncQueue" in each and each.startswith("  +") for each in account.said)


def test_the_table_is_protected_and_paid_by_the_request(account: Account) -> None:
    account.deploy()
    table = account.cloud.dynamodb.describe_table(TableName="rollcall-dev")["Table"]
    assert table["DeletionProtectionEnabled"]
    assert table["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"


def test_what_a_restored_table_lacks_is_turned_on_again(account: Account) -> None:
    account.deploy()
    client = account.cloud.dynamodb
    client.update_table(TableName="rollcall-dev", DeletionProtectionEnabled=False)
    client.update_continuous_backups(
        TableName="rollcall-dev", PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    client.update_time_to_live(
        TableName="rollcall-dev", TimeToLiveSpecification={"AttributeName": "expires", "Enabled": False}
    )
    account.deploy()
    # Moto forgets at once that it encrypts.
    mended = ("deletion protection", "point-in-time recovery", "expiry")
    assert all(each in account.text for each in mended)
    assert client.describe_table(TableName="rollcall-dev")["Table"]["DeletionProtectionEnabled"]
    backups = client.describe_continuous_backups(TableName="rollcall-dev")["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"
    life = client.describe_time_to_live(TableName="rollcall-dev")["TimeToLiveDescription"]
    assert (life["TimeToLiveStatus"], life["AttributeName"]) == ("ENABLED", "expires")
    account.deploy()
    assert not [each for each in mended if each in account.text]


def test_what_has_not_changed_is_neither_uploaded_nor_changed(account: Account) -> None:
    account.deploy()
    account.deploy()
    assert not [each for each in account.said if "uploading" in each]
    assert len(account.archives()) == 1


def test_new_code_is_uploaded_under_a_name_of_its_own(account: Account) -> None:
    account.deploy()
    account.package(code="v2")
    account.deploy()
    assert any("uploading deployment.zip" in each for each in account.said)
    assert len(account.archives()) == 2
    queue = account.cloud.cloudformation.get_template(StackName="rollcall-dev")["TemplateBody"]
    assert "s3://" in json.dumps(queue)
    assert "./deployment.zip" not in json.dumps(queue)


def test_an_option_is_kept_until_another_is_given(account: Account) -> None:
    account.deploy(MissedSyncs="5")
    account.package(code="v2")
    account.deploy()
    assert account.outputs()["Missed"] == "5"
    account.deploy(MissedSyncs="3")
    assert account.outputs()["Missed"] == "3"


def test_an_option_that_is_none_is_refused_before_anything_is_done(account: Account) -> None:
    account.deploy()
    with pytest.raises(DeployError, match="there is no option Colour"):
        account.deploy(Colour="red")


def test_looking_changes_nothing(account: Account) -> None:
    account.deploy(only_look=True)
    assert account.tables() == []
    assert account.stacks.find("rollcall-dev") is None
    account.deploy()
    account.package(app_with(Other={"Type": "AWS::SQS::Queue"}))
    account.deploy(only_look=True)
    assert any("+ Other" in each for each in account.said)
    assert "Other" not in json.dumps(
        account.cloud.cloudformation.get_template(StackName="rollcall-dev")["TemplateBody"]
    )


def test_destroy_keeps_the_data_and_deploy_finds_it_again(account: Account) -> None:
    account.deploy()
    account.cloud.dynamodb.put_item(TableName="rollcall-dev", Item=KEY)
    account.destroy()
    assert account.stacks.find("rollcall-dev") is None
    assert "kept: table rollcall-dev" in account.text
    account.deploy()
    assert "Item" in account.cloud.dynamodb.get_item(TableName="rollcall-dev", Key=KEY)


def test_destroying_twice_is_no_error(account: Account) -> None:
    account.deploy()
    account.destroy()
    account.destroy()
    assert "is not there" in account.text


def test_the_data_goes_when_it_is_asked_for_by_name(account: Account) -> None:
    account.deploy()
    account.cloud.secretsmanager.create_secret(Name="rollcall/dev/1", SecretString="{}")
    account.cloud.secretsmanager.create_secret(Name="rollcall/prod/1", SecretString="{}")
    account.destroy(with_data=True)
    assert account.tables() == []
    assert account.stacks.find("rollcall-dev-data") is None
    names = [each["Name"] for each in account.cloud.secretsmanager.list_secrets()["SecretList"]]
    assert names == ["rollcall/prod/1"]


def test_the_data_does_not_go_when_somebody_hesitates(account: Account) -> None:
    account.deploy()
    account.answer = "no"
    with pytest.raises(DeployError, match="nothing was deleted"):
        account.destroy(with_data=True)
    assert account.tables() == ["rollcall-dev"]
    assert account.stacks.find("rollcall-dev") is not None


def test_the_datas_stack_cannot_be_deleted_by_mistake(account: Account) -> None:
    account.deploy()
    assert account.reviewed.protected == {"rollcall-dev-data": True}
    account.destroy()
    assert account.reviewed.protected == {"rollcall-dev-data": True}
    account.destroy(with_data=True)
    assert account.reviewed.protected == {"rollcall-dev-data": False}


@pytest.mark.parametrize("arguments", [["--stage", "test"], [], ["--stage", "dev", "--colour", "red"]])
def test_what_is_typed_wrongly_is_said_and_not_done(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        deploy.main(arguments)
    assert ended.value.code == 2
    assert "usage: make deploy" in capsys.readouterr().err
