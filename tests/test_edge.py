from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from chalice.app import Chalice, Response
from chalice.test import Client

from chalicelib import edge, log
from chalicelib.core import errors
from chalicelib.core.message import HttpRequest, HttpResponse

ANN = "ann@example.com"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    log.configure("DEBUG", stream)
    yield stream
    log.configure("ERROR")


def asked(view: edge.View, path: str = "/x", body: bytes = b"") -> tuple[int, object, dict[str, object]]:
    """Ask a view through the framework: status, body, headers."""
    app = Chalice(app_name="made-up")

    @app.route("/x", methods=["GET", "POST"], content_types=["text/plain", "application/json"])
    def x() -> Response:
        return edge.answer(app.current_request, view)

    with Client(app) as client:
        headers = {"Content-Type": "text/plain", "X-Thing": "Yes"}
        answer = client.http.post(path, headers=headers, body=body) if body else client.http.get(path)
    return answer.status_code, answer.json_body, dict(answer.headers)


def test_a_view_gets_the_request_free_of_any_framework() -> None:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse(status=201, body=json.dumps({"ok": True}), headers={"X-More": "1"})

    status, body, headers = asked(view, body="中\x00".encode())
    assert (status, body) == (201, {"ok": True})
    assert (headers["Content-Type"], headers["Cache-Control"], headers["X-More"]) == (
        "application/json",
        "no-store",
        "1",
    )
    (request,) = seen
    assert (request.method, request.path, request.body) == ("POST", "/x", "中\x00".encode())
    assert request.headers["x-thing"] == "Yes"


def test_a_request_without_a_body_has_an_empty_one() -> None:
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse(status=200, body="{}")

    asked(view)
    assert (seen[0].body, seen[0].query) == (b"", {})


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.MalformedError("no such task", task="7"), 400),
        (errors.SignatureError("no such task", task="7"), 401),
        (errors.ForbiddenError("no such task", task="7"), 403),
        (errors.NotFoundError("no such task", task="7"), 404),
        (errors.ConflictError("no such task", task="7"), 409),
        (errors.SetupError("no such task", task="7"), 500),
        (errors.SourceUnavailableError("no such task", task="7"), 503),
        (errors.ThrottledError("no such task", task="7"), 503),
        (errors.ContractError("no such task", task="7"), 502),
    ],
)
def test_an_error_becomes_a_status_and_words(error: errors.RollcallError, status: int, written: io.StringIO) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise error

    got, body, _ = asked(view)
    assert got == status
    assert body == {"error": "no such task", "message": "There is no task 7. `records` lists those there are."}
    line = json.loads(written.getvalue())
    assert (line["event"], line["code"], line["status"]) == ("refused", "no such task", status)


def test_an_answer_of_the_vendor_that_is_not_understood_is_a_bad_gateway() -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise errors.SourceProtocolError("source broke its contract", endpoint="x", problem="y")

    assert asked(view)[0] == 502


def test_an_error_of_ours_shows_nothing_of_itself(written: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        raise ValueError(f"cannot parse {ANN}")

    status, body, _ = asked(view)
    assert (status, body) == (500, {"error": "internal error"})
    line = json.loads(written.getvalue())
    assert (line["event"], line["kind"]) == ("view broke", "ValueError")
    assert line["at"]
    output = capsys.readouterr()
    assert ANN not in written.getvalue() + output.out + output.err
