from __future__ import annotations

import base64
import io
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

import app as switchboard
from chalicelib import log, wiring
from chalicelib.local.front import LARGEST_BODY_BYTES, Context, Front, Handler
from tests.scripted import House

ANN = "ann@example.com"
ROUTES = {"/health": None, "/callbacks/{source}/{door}": None, "/callbacks/hq/fixed": None}


def nothing_said(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
    return {"statusCode": 204, "body": ""}


@contextmanager
def serving(handler: Handler, routes: Mapping[str, object] = ROUTES) -> Iterator[Front]:
    front = Front("127.0.0.1", 0, handler, routes)
    thread = threading.Thread(target=front.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield front
    finally:
        front.shutdown()
        front.server_close()
        thread.join(5)


def event_of(method: str, path: str, **asked: Any) -> Mapping[str, Any]:
    """What the handler gets for a request."""
    seen: list[Mapping[str, Any]] = []

    def keep(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        seen.append(event)
        return nothing_said(event, context)

    with serving(keep) as front:
        assert httpx.request(method, front.url + path, timeout=5, **asked).status_code == 204
    (event,) = seen
    return event


def test_a_request_becomes_what_api_gateway_sends() -> None:
    event = event_of(
        "POST", "/callbacks/hq/events?a=1&a=2&b=%E4%B8%AD&c=", content=b"\x00\xff", headers={"X-One": "Two"}
    )
    assert (event["httpMethod"], event["path"], event["resource"]) == (
        "POST",
        "/callbacks/hq/events",
        "/callbacks/{source}/{door}",
    )
    assert event["requestContext"]["resourcePath"] == "/callbacks/{source}/{door}"
    assert event["pathParameters"] == {"source": "hq", "door": "events"}
    assert event["queryStringParameters"] == {"a": "2", "b": "中", "c": ""}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": ["中"], "c": [""]}
    assert (base64.b64decode(event["body"]), event["isBase64Encoded"]) == (b"\x00\xff", True)
    assert {name.lower(): value for name, value in event["headers"].items()}["x-one"] == "Two"


def test_a_request_without_query_or_body_says_so() -> None:
    event = event_of("GET", "/health")
    assert (event["queryStringParameters"], event["body"], event["isBase64Encoded"]) == (None, None, False)
    assert (event["resource"], event["pathParameters"]) == ("/health", None)


@pytest.mark.parametrize("path", ["/callbacks/hq", "/callbacks/hq/events/more", "/nothing"])
def test_a_path_fits_a_route_segment_by_segment(path: str) -> None:
    with serving(nothing_said) as front:
        assert httpx.get(front.url + path, timeout=5).status_code == 404


def test_an_answer_becomes_a_response() -> None:
    def answer(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        assert context.get_remaining_time_in_millis() > 60_000
        return {
            "statusCode": 418,
            "headers": {"X-One": "1"},
            "multiValueHeaders": {"X-Many": ["a", "b"]},
            "body": base64.b64encode("中".encode()).decode(),
            "isBase64Encoded": True,
        }

    with serving(answer) as front:
        response = httpx.get(front.url + "/health", timeout=5)
    assert (response.status_code, response.text, response.headers["X-One"]) == (418, "中", "1")
    assert response.headers.get_list("X-Many") == ["a", "b"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_every_method_is_handed_on(method: str) -> None:
    assert event_of(method, "/health")["httpMethod"] == method


def test_one_connection_carries_many_requests() -> None:
    with serving(nothing_said) as front, httpx.Client(base_url=front.url, timeout=5) as client:
        assert [client.post("/health", content=b"x" * 1000).status_code for _ in range(3)] == [204] * 3


def raw(front: Front, request: bytes) -> bytes:
    """Say bytes to the front and read until it hangs up."""
    with socket.create_connection(front.server_address[:2], timeout=5) as connection:  # type: ignore[arg-type]  # TCP
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while more := connection.recv(65536):
            answer += more
    return answer


def test_a_body_that_is_too_large_is_refused_before_it_is_read() -> None:
    with serving(nothing_said) as front:
        answer = raw(front, f"POST /health HTTP/1.1\r\nContent-Length: {LARGEST_BODY_BYTES + 1}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


@pytest.mark.parametrize("length", ["many", "-1", "1.5"])
def test_a_length_that_is_none_is_a_bad_request(length: str, capfd: pytest.CaptureFixture[str]) -> None:
    with serving(nothing_said) as front:
        answer = raw(front, f"POST /health HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400")
    assert capfd.readouterr().err == ""


def test_a_handler_that_breaks_shows_nothing_of_its_error(capfd: pytest.CaptureFixture[str]) -> None:
    def broken(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        raise ValueError(ANN)

    written = io.StringIO()
    log.configure("DEBUG", written)
    with serving(broken) as front:
        answer = raw(front, b"GET /health HTTP/1.1\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 50")
    assert ANN not in answer.decode() + capfd.readouterr().err + written.getvalue()


def test_neither_paths_nor_addresses_are_logged(capfd: pytest.CaptureFixture[str]) -> None:
    with serving(nothing_said) as front:
        httpx.get(f"{front.url}/callbacks/{ANN}/x", timeout=5)
        raw(front, b"nonsense\r\n\r\n")
    said = capfd.readouterr()
    assert said.out + said.err == ""


@pytest.fixture
def house_front() -> Iterator[Front]:
    """The real app behind a front."""
    wiring.use(House().outside)

    def on_request(event: Mapping[str, Any], context: Any) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = switchboard.app(event, context)
        return answer

    with serving(on_request, switchboard.app.routes) as front:
        yield front


def test_the_app_tells_its_health_through_the_front(house_front: Front) -> None:
    response = httpx.get(f"{house_front.url}/health", timeout=5)
    assert (response.status_code, response.json()["ok"]) == (200, True)


def test_a_path_that_there_is_not_is_not_found(house_front: Front) -> None:
    assert httpx.get(f"{house_front.url}/nothing", timeout=5).status_code in (403, 404)


def test_a_method_that_a_route_does_not_take_is_not_allowed(house_front: Front) -> None:
    assert httpx.delete(f"{house_front.url}/health", timeout=5).status_code == 405


def test_the_context_has_what_a_lambda_context_tells() -> None:
    assert Context().get_remaining_time_in_millis() > 0
