"""What alarms look at, and whether there is such a thing: a metric that nobody sends is an alarm that never comes."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

# Of what AWS itself counts, what our alarms may look at.
AWS_COUNTS: Final[Mapping[str, frozenset[str]]] = {
    "AWS/ApiGateway": frozenset({"4XXError", "5XXError", "Count", "Latency"}),
    "AWS/DynamoDB": frozenset({"ReadThrottleEvents", "WriteThrottleEvents"}),
    "AWS/Lambda": frozenset({"Duration", "Errors", "Invocations", "Throttles"}),
    "AWS/SQS": frozenset({"ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible"}),
}
_COMPARED: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanOrEqualToThreshold": operator.le,
    "LessThanThreshold": operator.lt,
}


@dataclass(frozen=True, slots=True, order=True)
class Metric:
    """As CloudWatch tells one from another: all three must be alike, each dimension included."""

    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, namespace: str, name: str, dimensions: Mapping[str, str]) -> Metric:
        return cls(namespace, name, tuple(sorted(dimensions.items())))

    def __str__(self) -> str:
        return f"{self.namespace} {self.name} {{{', '.join(f'{key}={value}' for key, value in self.dimensions)}}}"


def watched(alarm: Mapping[str, Any]) -> Metric:
    """Read from a description of an alarm what it looks at."""
    dimensions = {each["Name"]: each["Value"] for each in alarm.get("Dimensions", ())}
    return Metric.of(alarm["Namespace"], alarm["MetricName"], dimensions)


def told(lines: Iterable[str]) -> Mapping[Metric, float]:
    """Add up the metrics that lines of a log tell in CloudWatch's embedded metric format."""
    sums: dict[Metric, float] = {}
    for metric, value in _embedded(lines):
        sums[metric] = sums.get(metric, 0.0) + value
    return sums


def _embedded(lines: Iterable[str]) -> Iterator[tuple[Metric, float]]:
    for line in lines:
        try:
            said = json.loads(line)
        except ValueError:
            continue
        if not isinstance(said, dict) or "_aws" not in said:
            continue
        for directive in said["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                dimensions = {name: str(said[name]) for name in names}
                for metric in directive["Metrics"]:
                    yield Metric.of(directive["Namespace"], metric["Name"], dimensions), float(said[metric["Name"]])


def blind(alarms: Iterable[Mapping[str, Any]], there: Iterable[Metric]) -> Iterator[str]:
    """Say which alarms look at what is not there; `there` names AWS's own things by any one of their metrics."""
    exact = set(there)
    things = {(each.namespace, each.dimensions) for each in exact}
    for alarm in alarms:
        metric = watched(alarm)
        counted = AWS_COUNTS.get(metric.namespace)
        if counted is None:
            if metric not in exact:
                yield f"{alarm['AlarmName']} looks at {metric}, which nobody tells"
        elif metric.name not in counted:
            yield f"{alarm['AlarmName']} looks at {metric.name}, which {metric.namespace} does not count"
        elif (metric.namespace, metric.dimensions) not in things:
            yield f"{alarm['AlarmName']} looks at {metric}, and there is no such thing"


def raises(alarm: Mapping[str, Any], value: float) -> bool:
    """Tell whether an alarm is raised by a value of its metric that stays for as long as it wants."""
    return _COMPARED[alarm["ComparisonOperator"]](value, float(alarm["Threshold"]))
