"""Between the framework and the rooms: requests in, responses and statuses out, and nothing said of foreign errors.

Chalice hides exceptions of a view from its middleware, so a view's whole body is one call of `answer`.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from chalice.app import Request, Response

from chalicelib.core.errors import CallerError, ContractError, RollcallError, SignatureError, TransientError
from chalicelib.log import METRICS, place

if TYPE_CHECKING:
    from chalicelib.core.message import HttpRequest, HttpResponse

log = logging.getLogger(__name__)

View: TypeAlias = "Callable[[HttpRequest], HttpResponse]"


def answer(request: Request | None, view: View) -> Response:
    """Run a view; every error becomes a status and a short JSON body without details of ours."""
    from chalicelib.core.message import HttpResponse

    assert request is not None  # noqa: S101 - Chalice sets it before it calls a view
    try:
        response = view(_request(request))
    except CallerError as error:
        response = _refusal(error, error.status)
    except TransientError as error:
        response = _refusal(error, 503)
    except ContractError as error:
        response = _refusal(error, 502)
    except RollcallError as error:
        response = _refusal(error, 500)
    except Exception as error:
        log.exception("view broke", extra={"kind": type(error).__name__, "at": place(error)})
        response = HttpResponse(status=500, body=json.dumps({"error": "internal error"}))
    headers: dict[str, str | list[str]] = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    headers |= response.headers
    return Response(body=response.body, status_code=response.status, headers=headers)


@contextmanager
def discreet() -> Iterator[None]:
    """Let errors of ours go on to the queue, or the clock; of any other only its type and place.

    Lambda writes into its log what a function ends with, and the text of a foreign exception may quote people.
    """
    try:
        yield
    except RollcallError:
        raise
    except Exception as error:
        facts = {"kind": type(error).__name__, "place": place(error)}
        log.error("broke", extra=facts)
        raise ContractError("internal error", **facts) from None


def _request(request: Request) -> HttpRequest:
    from chalicelib.core.message import HttpRequest

    facts: Any = request.to_original_event()
    body = request.raw_body
    return HttpRequest(
        method=request.method,
        path=request.path,
        headers={name.lower(): value for name, value in request.headers.items()},
        # Of a name that is given twice the last counts, as in API Gateway's `queryStringParameters`.
        query={name: values[-1] for name, values in (facts.get("multiValueQueryStringParameters") or {}).items()},
        body=body if isinstance(body, bytes) else body.encode(),
        url_path=str((facts.get("requestContext") or {}).get("path") or ""),
    )


def _refusal(error: RollcallError, status: int) -> HttpResponse:
    from chalicelib.core.catalogue import Lang, say
    from chalicelib.core.message import HttpResponse

    metrics = {METRICS: {"CallbacksRefused": 1}} if isinstance(error, SignatureError) else {}
    log.warning("refused", extra={"code": error.code, "status": status, **metrics})
    body = {"error": error.code, "message": say(error.code, Lang.EN, error.facts)}
    return HttpResponse(status=status, body=json.dumps(body))
