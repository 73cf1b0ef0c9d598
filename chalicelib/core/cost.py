"""What a deployment costs in a month: counted operations, and the price of each.

List prices of AWS in us-east-1 as published by mid-2026, looked up in November 2026; other regions differ by some
tenths, China's by more. What is free is what stays free, not what a new account gets in its first year; it is for the
whole account, so that whatever else runs there may have used it up. Where a price is by the thousand or million, the
unit here is one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, assert_never

from chalicelib.core import budget
from chalicelib.core.budget import Cause, Spent

MILLION: Final = 1_000_000
# What AWS reckons a month with.
HOURS: Final = 730
# A standard queue that wakes a function is asked by five pollers, each of which waits 20 seconds for a message. AWS
# goes down to two where little comes, but not where the concurrency is limited. Source: "Configuring scaling behavior
# for SQS event source mappings" in the AWS Lambda Developer Guide.
POLLERS: Final = 2
POLLERS_OF_LIMITED: Final = 5
POLLS_AN_HOUR: Final = 180


class Charge(StrEnum):
    """What AWS counts."""

    INVOCATIONS = "invocations"
    GB_SECONDS = "gb_seconds"
    READ_UNITS = "read_units"
    WRITE_UNITS = "write_units"
    STORED_GB = "stored_gb"
    RECOVERABLE_GB = "recoverable_gb"
    QUEUE_REQUESTS = "queue_requests"
    SECRETS = "secrets"
    SECRET_CALLS = "secret_calls"  # noqa: S105 - the name of a charge
    KEY_CALLS = "key_calls"
    API_CALLS = "api_calls"
    LOGGED_GB = "logged_gb"
    METRICS = "metrics"
    ALARMS = "alarms"
    DASHBOARDS = "dashboards"
    PACKAGES_GB = "packages_gb"
    OUT_GB = "out_gb"


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one, after so many that are free each month."""

    dollars: float
    free: float = 0


PRICES: Final[Mapping[Charge, Price]] = {
    # Lambda, arm64; the time in which a function begins is charged like the rest since August 2025.
    Charge.INVOCATIONS: Price(0.20 / MILLION, MILLION),
    Charge.GB_SECONDS: Price(0.0000133334, 400_000),
    # DynamoDB on demand, standard class.
    Charge.READ_UNITS: Price(0.125 / MILLION),
    Charge.WRITE_UNITS: Price(0.625 / MILLION),
    Charge.STORED_GB: Price(0.25, 25),
    Charge.RECOVERABLE_GB: Price(0.20),
    # SQS, standard queues.
    Charge.QUEUE_REQUESTS: Price(0.40 / MILLION, MILLION),
    # Secrets Manager, and KMS, whose keys are AWS's own.
    Charge.SECRETS: Price(0.40),
    Charge.SECRET_CALLS: Price(0.05 / 10_000),
    Charge.KEY_CALLS: Price(0.03 / 10_000, 20_000),
    # API Gateway, REST.
    Charge.API_CALLS: Price(3.50 / MILLION),
    # CloudWatch.
    Charge.LOGGED_GB: Price(0.50, 5),
    Charge.METRICS: Price(0.30, 10),
    Charge.ALARMS: Price(0.10, 10),
    Charge.DASHBOARDS: Price(3.00, 3),
    # S3, and what goes to the internet.
    Charge.PACKAGES_GB: Price(0.023),
    Charge.OUT_GB: Price(0.09, 100),
}

SERVICES: Final[Mapping[str, tuple[Charge, ...]]] = {
    "Lambda": (Charge.INVOCATIONS, Charge.GB_SECONDS),
    "DynamoDB": (Charge.READ_UNITS, Charge.WRITE_UNITS, Charge.STORED_GB, Charge.RECOVERABLE_GB),
    "SQS": (Charge.QUEUE_REQUESTS,),
    "Secrets Manager, KMS": (Charge.SECRETS, Charge.SECRET_CALLS, Charge.KEY_CALLS),
    "API Gateway": (Charge.API_CALLS,),
    "CloudWatch": (Charge.LOGGED_GB, Charge.METRICS, Charge.ALARMS, Charge.DASHBOARDS),
    "S3, data out": (Charge.PACKAGES_GB, Charge.OUT_GB),
}

Usage = Mapping[Charge, float]


def plus(*usages: Usage) -> Usage:
    """Add up what was used."""
    return {charge: total for charge in Charge if (total := sum(each.get(charge, 0) for each in usages))}


def times(usage: Usage, count: float) -> Usage:
    return {charge: amount * count for charge, amount in usage.items()}


def dollars(usage: Usage, *, free: bool) -> Mapping[Charge, float]:
    """Price what was used in a month; with `free` only what goes beyond what is free."""
    return {
        charge: max(0.0, amount - (PRICES[charge].free if free else 0)) * PRICES[charge].dollars
        for charge, amount in usage.items()
    }


def by_service(usage: Usage, *, free: bool) -> Mapping[str, float]:
    priced = dollars(usage, free=free)
    return {name: sum(priced.get(charge, 0.0) for charge in charges) for name, charges in SERVICES.items()}


def total(usage: Usage, *, free: bool) -> float:
    return sum(dollars(usage, free=free).values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a deployment has all the time, whoever works in it; `limited` are queues whose concurrency is limited."""

    queues: int
    limited: int
    alarms: int
    dashboards: int
    packages_gb: float = 0.05

    def usage(self, hours: float = HOURS) -> Usage:
        """Say what is used by it in so many hours, by nobody's doing."""
        share = hours / HOURS
        pollers = self.limited * POLLERS_OF_LIMITED + (self.queues - self.limited) * POLLERS
        return {
            Charge.QUEUE_REQUESTS: pollers * POLLS_AN_HOUR * hours,
            Charge.ALARMS: self.alarms * share,
            Charge.DASHBOARDS: self.dashboards * share,
            Charge.PACKAGES_GB: self.packages_gb * share,
        }


# --- what is deployed

# As infra/aws/merge.json and .chalice/config.json have it.
DEPLOYED: Final = Standing(queues=3, limited=1, alarms=13, dashboards=1)
MEMORY_MB: Final[Mapping[str, int]] = {
    "api_handler": 1769,
    "tick": 512,
    "deliver": 1024,
    "converse": 1024,
    "run_sync": 1769,
}

# --- how long functions run

# Of a core, which a function has with so much memory, a request to AWS takes as much, and begins after as much waiting;
# a function that begins takes as much before (docs/adr/0011).
CORE_MB: Final = 1769
REQUEST_CPU_S: Final = 0.0022
REQUEST_WAIT_S: Final = 0.004
BEGIN_CPU_S: Final = 0.163
# A vendor that lets us call it a thousand times a minute lets a full sync go on for so long for each call.
CALL_S: Final = 0.06


def ran(memory_mb: int, *, requests: int, waits_s: float = 0.0, is_cold: bool = True) -> Usage:
    """Say what one run of a function uses that asks AWS so often, and besides waits for somebody else."""
    cpu_s = requests * REQUEST_CPU_S + (BEGIN_CPU_S if is_cold else 0.0)
    seconds = cpu_s * max(1.0, CORE_MB / memory_mb) + requests * REQUEST_WAIT_S + waits_s
    return {Charge.INVOCATIONS: 1, Charge.GB_SECONDS: seconds * memory_mb / 1024}


# --- what a month under way costs

# What is counted of the work for one task of each cause, and for each key that it looks at and each entry that it
# writes, from whoever asks until somebody has been told. tests/store/test_month.py compares it with what is counted at
# the table.
_FULL: Final[Usage] = {Charge.READ_UNITS: 40, Charge.WRITE_UNITS: 50, Charge.QUEUE_REQUESTS: 6}
_EVENT: Final[Usage] = {Charge.READ_UNITS: 50, Charge.WRITE_UNITS: 50, Charge.QUEUE_REQUESTS: 6, Charge.API_CALLS: 1}
_TALK: Final[Usage] = {Charge.READ_UNITS: 28, Charge.WRITE_UNITS: 24, Charge.QUEUE_REQUESTS: 3, Charge.API_CALLS: 2}
_PER_KEY: Final[Usage] = {Charge.READ_UNITS: 0.03, Charge.WRITE_UNITS: 0.31}
_PER_ENTRY: Final[Usage] = {Charge.READ_UNITS: 0.65, Charge.WRITE_UNITS: 20}
# A quiet tick, and what it looks at of each source.
_TICK: Final[Usage] = {Charge.READ_UNITS: 5}
_PER_SOURCE: Final[Usage] = {Charge.READ_UNITS: 9}
_TICKS_AN_HOUR: Final = 60
_LOGGED: Final[Usage] = {Charge.LOGGED_GB: 1000 / 2**30}
# What each run of a function that calls a vendor asks for besides: a secret, whose key is asked for, too.
_SECRET: Final[Usage] = {Charge.SECRET_CALLS: 1, Charge.KEY_CALLS: 1}
# DynamoDB fetches the key of the table for whoever works on it, at most every five minutes.
KEYS_AN_HOUR: Final = 12
# Who does the work of a task, and who else runs for it; what that is charged beside the task's own time.
_WORKER: Final = {Cause.SCHEDULE: "run_sync", Cause.REQUEST: "run_sync", Cause.EVENT: "deliver", Cause.TALK: "converse"}
_OTHERS: Final[Mapping[Cause, tuple[str, ...]]] = {
    Cause.SCHEDULE: ("converse",),
    Cause.REQUEST: ("converse",),
    Cause.EVENT: ("api_handler", "converse"),
    Cause.TALK: ("api_handler", "api_handler"),
}
_REQUESTS: Final = 20


def of_tasks(cause: Cause, spent: budget.Usage) -> Usage:
    """Estimate what was used by the tasks of a cause, or by the talk that is counted with them."""
    match cause:
        case Cause.SCHEDULE | Cause.REQUEST:
            base, keys = _FULL, times(_PER_KEY, spent.keys)
        case Cause.EVENT:
            base, keys = _EVENT, {}
        case Cause.TALK:
            base, keys = _TALK, {}
        case _:
            assert_never(cause)
    worker = MEMORY_MB[_WORKER[cause]]
    runs = [ran(memory, requests=_REQUESTS) for memory in (worker, *(MEMORY_MB[each] for each in _OTHERS[cause]))]
    once = plus(base, *(plus(each, _SECRET, _LOGGED) for each in runs))
    waited: Usage = {Charge.GB_SECONDS: spent.seconds * worker / 1024}
    return plus(times(once, spent.tasks), keys, times(_PER_ENTRY, spent.written), waited)


def month(spent: Sequence[Spent], *, hours: float, pace: float = 1.0, standing: Standing = DEPLOYED) -> Usage:
    """Estimate a month of `hours`: what stands, and what the tasks of each source used.

    `pace` is what events, talk and syncs by schedule are to be multiplied with, if the month goes on like this; what
    was asked for once, and the entries that were written, are not.
    """
    reads = plus(_TICK, times(_PER_SOURCE, len(spent)))
    tick = plus(reads, ran(MEMORY_MB["tick"], requests=round(reads[Charge.READ_UNITS]), is_cold=False), _LOGGED)
    used = [standing.usage(hours), times(tick, _TICKS_AN_HOUR * hours)]
    used.append({Charge.SECRETS: len(spent) * hours / HOURS, Charge.KEY_CALLS: KEYS_AN_HOUR * hours})
    for source in spent:
        for cause, usage in source.items():
            if cause is Cause.REQUEST:
                used.append(of_tasks(cause, usage))
            else:
                again = of_tasks(cause, replace(usage, written=0))
                used.append(plus(times(again, pace), times(_PER_ENTRY, usage.written)))
    return plus(*used)
