"""What the policies of a template allow, and why any of it is wider than one thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

Json = dict[str, Any]

# By statement: a wildcard in a resource, and why it must be.
REASONS: Final[Mapping[str, str]] = {
    "WriteItsLog": "the streams of the function's own log group; Lambda names them anew for each worker",
    "ReadTheSecretsOfSources": "one secret a source of this stage; sources come and go without a deployment",
    "KeepTheSecretsOfSources": "the same secrets, where people make, edit and delete sources: the page and the chat",
    "DropTheSecretsOfSources": "the clock finishes what deletes a source, of whichever name",
    "SettleTheSecretsOfSources": "the old value of any source's secret goes when the new one has proven itself",
    "NothingInClear": "it denies: whoever asks without TLS, for whatever lies in the bucket",
}
# AWS's own policies; what they allow is out of our hands.
MANAGED: Final[Mapping[str, str]] = {
    "AWSLambdaVPCAccessExecutionRole": "EC2 binds network interfaces, which Lambda makes in a VPC, to no resource",
}


def statements(template: Json) -> Iterator[tuple[str, Json]]:
    """List every statement of every policy, with the name of the resource that has it."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [each["PolicyDocument"] for each in properties.get("Policies", ()) if "PolicyDocument" in each]
        documents += [properties["PolicyDocument"]] if "PolicyDocument" in properties else []
        for document in documents:
            for statement in document["Statement"]:
                yield name, statement


def faults(template: Json) -> Iterator[str]:
    """Say which statements allow more than they should."""
    for name, statement in statements(template):
        sid = statement.get("Sid", "?")
        allows = statement["Effect"] == "Allow"
        actions = _listed(statement.get("Action", "*"))
        if allows and ("NotAction" in statement or any("*" in action for action in actions)):
            yield f"{name}: {sid} allows whatever an asterisk covers"
        if allows and "NotResource" in statement:
            yield f"{name}: {sid} allows all resources but some"
        if any("*" in text for text in texts(statement.get("Resource", "*"))) and sid not in REASONS:
            yield f"{name}: {sid} has a wildcard in its resource, and infra/aws/policies.py no reason for it"
    for name, resource in template["Resources"].items():
        for text in texts(resource.get("Properties", {}).get("ManagedPolicyArns", ())):
            if ":policy/" in text and text.rsplit("/", 1)[-1] not in MANAGED:
                yield f"{name}: {text} has no reason in infra/aws/policies.py"


def texts(node: object) -> Iterator[str]:
    """List every text below a node of a template."""
    match node:
        case str():
            yield node
        case dict():
            for each in node.values():
                yield from texts(each)
        case list() | tuple():
            for each in node:
                yield from texts(each)


def _listed(given: str | list[str]) -> list[str]:
    return [given] if isinstance(given, str) else given
