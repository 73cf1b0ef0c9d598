"""A month's bill in words: what AWS will charge for a deployment, as far as that can be told from what was counted."""

from __future__ import annotations

from typing import Final

from chalicelib.core.catalogue import say
from chalicelib.core.cost import Usage, by_service
from chalicelib.core.reply import Line
from chalicelib.notices.show import View

# By which words of the message a service is named; all others are the rest.
_NAMED: Final = {
    "DynamoDB": "table",
    "Lambda": "functions",
    "SQS": "queues",
    "Secrets Manager, KMS": "secrets",
    "CloudWatch": "watching",
}


def cost_line(view: View, charged: Usage | None) -> Line:
    """Say what a month costs; None means that nobody charges for anything."""
    if charged is None:
        return Line(text=say("costs nothing here", view.lang, {}))
    priced = by_service(charged, free=True)
    facts = {word: _dollars(priced[service]) for service, word in _NAMED.items()}
    rest = sum(dollars for service, dollars in priced.items() if service not in _NAMED)
    facts |= {"rest": _dollars(rest), "dollars": _dollars(sum(priced.values()))}
    return Line(text=say("month costs", view.lang, facts))


def _dollars(amount: float) -> str:
    return f"{amount:,.2f}"
