import io
import json
import logging
from typing import Any

import pytest

from chalicelib.log import METRICS, JsonLines
from infra.aws import package
from infra.rehearse.alarms import AWS_COUNTS, Metric, blind, raises, told

REFUSED = Metric.of("Rollcall", "CallbacksRefused", {"Stage": "dev"})
DEAD = Metric.of("AWS/SQS", "", {"QueueName": "rollcall-sync-dead-dev"})


def an_alarm(**changed: Any) -> dict[str, Any]:
    return {
        "AlarmName": "rollcall-dev-callbacks-refused",
        "Namespace": "Rollcall",
        "MetricName": "CallbacksRefused",
        "Dimensions": [{"Name": "Stage", "Value": "dev"}],
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 5,
    } | changed


def of_a_queue(name: str, metric: str = "ApproximateNumberOfMessagesVisible") -> dict[str, Any]:
    dimensions = [{"Name": "QueueName", "Value": name}]
    return an_alarm(AlarmName="dead", Namespace="AWS/SQS", MetricName=metric, Dimensions=dimensions)


def logged(stage: str, **metrics: float) -> str:
    """Let the log of a deployment say this."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(stage))
    handler.handle(logging.makeLogRecord({"name": "chalicelib", "msg": "refused", METRICS: metrics}))
    return stream.getvalue().strip()


def test_what_the_log_tells_is_added_up_by_metric_and_dimension() -> None:
    lines = [
        logged("dev", CallbacksRefused=1),
        "START RequestId: 1",
        logged("dev", CallbacksRefused=1, SyncSeconds=2.5),
        logged("prod", CallbacksRefused=7),
        "12",
        json.dumps({"event": "collected"}),
    ]
    assert told(lines) == {
        REFUSED: 2.0,
        Metric.of("Rollcall", "SyncSeconds", {"Stage": "dev"}): 2.5,
        Metric.of("Rollcall", "CallbacksRefused", {"Stage": "prod"}): 7.0,
    }


def test_an_alarm_that_looks_at_what_is_told_sees() -> None:
    assert [*blind([an_alarm()], told([logged("dev", CallbacksRefused=1)]))] == []


@pytest.mark.parametrize(
    "alarm",
    [
        pytest.param(an_alarm(MetricName="CallbackRefused"), id="another name"),
        pytest.param(an_alarm(Namespace="rollcall"), id="another namespace"),
        pytest.param(an_alarm(Dimensions=[]), id="without a dimension"),
        pytest.param(an_alarm(Dimensions=[{"Name": "Stage", "Value": "prod"}]), id="another stage"),
        pytest.param(of_a_queue("rollcall-dead-sync-dev"), id="another queue"),
        pytest.param(of_a_queue("rollcall-sync-dead-dev", "MessagesVisible"), id="what AWS does not count"),
    ],
)
def test_an_alarm_that_looks_at_nothing_is_named(alarm: dict[str, Any]) -> None:
    assert len([*blind([alarm], [REFUSED, DEAD])]) == 1


def test_one_metric_of_a_queue_stands_for_all_that_aws_counts_of_it() -> None:
    assert [*blind([of_a_queue("rollcall-sync-dead-dev")], [DEAD])] == []


@pytest.mark.parametrize(
    ("compared", "value", "is_raised"),
    [
        ("GreaterThanOrEqualToThreshold", 5, True),
        ("GreaterThanOrEqualToThreshold", 4, False),
        ("LessThanThreshold", 4, True),
        ("LessThanThreshold", 5, False),
    ],
)
def test_an_alarm_is_raised_on_the_side_that_it_says(compared: str, value: float, *, is_raised: bool) -> None:
    assert raises(an_alarm(ComparisonOperator=compared), value) is is_raised


def test_the_alarms_of_the_template_look_at_metrics_that_aws_counts_or_we_tell() -> None:
    resources = json.loads(package.MERGED.read_text())["Resources"].values()
    alarms = [each["Properties"] for each in resources if each.get("Type") == "AWS::CloudWatch::Alarm"]
    assert {each["MetricName"] for each in alarms if each["Namespace"] == "Rollcall"} == {
        "CallbacksRefused",
        "HeldHours",
        "OldestDeliverySeconds",
        "SyncsMissed",
    }
    for each in alarms:
        assert each["Namespace"] == "Rollcall" or each["MetricName"] in AWS_COUNTS[each["Namespace"]]
