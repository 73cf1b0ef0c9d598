"""What DynamoTable does when DynamoDB is in trouble. What it does otherwise is in tests/contracts."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from botocore.stub import ANY, Stubber
from mypy_boto3_dynamodb import DynamoDBClient

from chalicelib.aws.table import DynamoTable, schema
from chalicelib.core.errors import ConditionFailedError, StoreConflictError
from chalicelib.core.ports import Absent, Equals, Item, Put, Update
from chalicelib.local.clock import ManualClock
from tests.builders import NOON

TRIES = 8


@pytest.fixture
def table(dynamodb: DynamoDBClient, clock: ManualClock) -> DynamoTable:
    return DynamoTable("rollcall", lambda: dynamodb, clock=clock, jitter=lambda: 1.0, width=1)


def put(n: int) -> Put:
    return Put(item=Item(partition="p", sort=f"{n:03}", attributes={}))


def wire(n: int) -> dict[str, dict[str, str]]:
    return {"pk": {"S": "p"}, "sk": {"S": f"{n:03}"}}


def cancelled(script: Stubber, *codes: str) -> None:
    reasons = [{"Code": code} for code in codes]
    script.add_client_error(
        "transact_write_items", "TransactionCanceledException", modeled_fields={"CancellationReasons": reasons}
    )


def test_the_client_is_made_once_and_not_before_it_is_needed(
    dynamodb: DynamoDBClient, script: Stubber, clock: ManualClock
) -> None:
    made: list[DynamoDBClient] = []

    def make() -> DynamoDBClient:
        made.append(dynamodb)
        return dynamodb

    table = DynamoTable("rollcall", make, clock=clock)
    assert made == []
    for _ in range(2):
        script.add_response("get_item", {}, {"TableName": "rollcall", "Key": wire(1), "ConsistentRead": True})
        assert table.get("p", "001") is None
    assert made == [dynamodb]


def test_all_reads_are_consistent(table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient) -> None:
    asked = {"Keys": [wire(1)], "ConsistentRead": True}
    script.add_response("batch_get_item", {"Responses": {"rollcall": []}}, {"RequestItems": {"rollcall": asked}})
    assert table.get_many([("p", "001")]) == {}
    script.add_response(
        "query",
        {"Items": [], "LastEvaluatedKey": wire(7)},
        {
            "TableName": "rollcall",
            "ConsistentRead": True,
            "ScanIndexForward": True,
            "KeyConditionExpression": ANY,
            "ExpressionAttributeNames": ANY,
            "ExpressionAttributeValues": ANY,
        },
    )
    assert table.query("p").resume == "007"


@pytest.mark.parametrize("code", ["TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_a_transaction_in_the_way_is_waited_for(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient, clock: ManualClock, code: str
) -> None:
    cancelled(script, "None", code)
    cancelled(script, code, "None")
    script.add_response("transact_write_items", {})
    table.write([put(1), put(2)])
    assert (clock.now() - NOON).total_seconds() == pytest.approx(0.05 + 0.1)


def test_a_transaction_always_in_the_way_is_a_conflict(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient
) -> None:
    for _ in range(TRIES):
        cancelled(script, "TransactionConflict")
    with pytest.raises(StoreConflictError):
        table.write([put(1)])


def test_a_failed_condition_is_told_by_position_and_not_tried_again(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient
) -> None:
    cancelled(script, "None", "ConditionalCheckFailed", "TransactionConflict", "ConditionalCheckFailed")
    with pytest.raises(ConditionFailedError) as caught:
        table.write([put(n) for n in range(4)])
    assert caught.value.failed == (1, 3)


def test_an_item_that_an_update_makes_too_large_is_a_value_error(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient
) -> None:
    cancelled(script, "None", "ValidationError")
    with pytest.raises(ValueError, match="too large"):
        table.write([put(1), Update(partition="p", sort="002", attributes={"a": 1}, when=Equals("a", 0))])


def test_a_cancelled_transaction_is_a_new_one_and_an_unanswered_one_the_same(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient
) -> None:
    tokens: list[str] = []
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.TransactWriteItems",
        lambda params, **_: tokens.append(params["ClientRequestToken"]),
    )
    script.add_client_error("transact_write_items", "InternalServerError", http_status_code=500)
    script.add_client_error("transact_write_items", "TransactionInProgressException")
    cancelled(script, "TransactionConflict")
    script.add_response("transact_write_items", {})
    table.write([put(1)])
    assert tokens[0] == tokens[1] == tokens[2] != tokens[3]


def test_what_a_batch_read_left_out_is_asked_for_again(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient
) -> None:
    left = {"rollcall": {"Keys": [wire(2)], "ConsistentRead": True}}
    script.add_response("batch_get_item", {"Responses": {"rollcall": [wire(1)]}, "UnprocessedKeys": left})
    script.add_response("batch_get_item", {"Responses": {"rollcall": [wire(2)]}}, {"RequestItems": left})
    assert table.get_many([("p", "001"), ("p", "002")]).keys() == {("p", "001"), ("p", "002")}


def test_what_a_batch_write_left_out_is_written_before_the_next_batch(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient
) -> None:
    def batch(*numbers: int) -> dict[str, object]:
        return {"rollcall": [{"PutRequest": {"Item": wire(n)}} for n in numbers]}

    script.add_response("batch_write_item", {"UnprocessedItems": batch(3, 4)}, {"RequestItems": batch(*range(25))})
    script.add_response("batch_write_item", {"UnprocessedItems": batch(4)}, {"RequestItems": batch(3, 4)})
    script.add_response("batch_write_item", {}, {"RequestItems": batch(4)})
    script.add_response("batch_write_item", {}, {"RequestItems": batch(25)})
    table.write_many(put(n) for n in range(26))


def test_a_batch_that_is_never_done_is_a_conflict(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient, clock: ManualClock
) -> None:
    undone = {"rollcall": [{"PutRequest": {"Item": wire(1)}}]}
    for _ in range(TRIES):
        script.add_response("batch_write_item", {"UnprocessedItems": undone})
    with pytest.raises(StoreConflictError):
        table.write_many([put(1)])
    assert (clock.now() - NOON).total_seconds() == pytest.approx(0.05 + 0.1 + 0.2 + 0.4 + 0.8 + 1.6 + 2)


@pytest.mark.parametrize("code", ["ThrottlingException", "ProvisionedThroughputExceededException"])
def test_a_throttled_read_is_tried_again(
    table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient, code: str
) -> None:
    script.add_client_error("get_item", code)
    script.add_response("get_item", {"Item": {**wire(1), "expires": {"N": "7"}}})
    assert table.get("p", "001") == Item(partition="p", sort="001", attributes={}, expires=7)


def test_an_answer_that_never_comes_is_a_conflict(table: DynamoTable, dynamodb: DynamoDBClient) -> None:
    def fail(**_: object) -> None:
        raise EndpointConnectionError(endpoint_url="https://dynamodb")

    dynamodb.meta.events.register("before-send.dynamodb", fail)
    with pytest.raises(StoreConflictError):
        table.write([put(1)])
    with pytest.raises(StoreConflictError):
        table.get("p", "001")


def test_a_refusal_is_not_tried_again(table: DynamoTable, script: Stubber, dynamodb: DynamoDBClient) -> None:
    script.add_client_error("transact_write_items", "AccessDeniedException")
    with pytest.raises(ClientError, match="AccessDenied"):
        table.write([Put(item=put(1).item, when=Absent())])


def test_the_schema_has_no_index_and_is_paid_by_request() -> None:
    described = schema("rollcall")
    assert described["TableName"] == "rollcall"
    assert described["BillingMode"] == "PAY_PER_REQUEST"
    assert "GlobalSecondaryIndexes" not in described
