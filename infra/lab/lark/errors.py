"""The vendor's refusals, worded as it words them.

Source: Feishu "generic error codes" and the error tables of contact v3.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from infra.lab.wire import JsonObject


@dataclass
class RefusedError(Exception):
    """An answer with a non-zero code; `violations` and `permissions` end up in its `error` object."""

    code: int
    msg: str
    status: int = 400
    violations: tuple[JsonObject, ...] = ()
    permissions: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.code} {self.msg}"


def field_violation(field: str, value: object, description: str) -> RefusedError:
    violation: JsonObject = {"field": field, "value": "" if value is None else str(value), "description": description}
    return RefusedError(99992402, "field validation failed", violations=(violation,))


def scope_missing(accepted: Iterable[str]) -> RefusedError:
    names = tuple(sorted(accepted))
    return RefusedError(
        99991672,
        f"Access denied. One of the following scopes is required: [{', '.join(names)}].",
        permissions=names,
    )


def invalid_ids(code: int, kind: str, ids: Iterable[str]) -> RefusedError:
    return RefusedError(code, f"The request contains invalid {kind}. Invalid ids: [{' '.join(ids)}]")


def department_out_of_range() -> RefusedError:
    return RefusedError(40004, "no dept authority error", status=403)


def department_gone() -> RefusedError:
    return RefusedError(40015, "department not exist")


def user_out_of_range() -> RefusedError:
    return RefusedError(41050, "no user authority error")


def page_token_invalid() -> RefusedError:
    return RefusedError(40012, "page token invalid")


def recursion_refused() -> RefusedError:
    return RefusedError(43010, "big dept forbid recursion")
