"""Forgers at the doors for pushed callbacks: what they try, and what must hold whatever they try.

`python -m tests.chaos.forgery --cases 20000` tries so many; `test_forgery.py` tries a few hundred of each kind.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import string
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final, Literal

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from chalicelib.callbacks.receive import LARGEST_BODY_BYTES
from chalicelib.connectors.sealed import FURTHEST_AHEAD, OLDEST
from tests.callbacks.scene import DINGTALK, LARK, NOW, PLAIN, REFUSED, SECRETS, SOURCES, Answer, Scene
from tests.callbacks.vendors import DingTalk, Lark, Push, aes

Must = Literal["be refused", "be taken", "be one or the other"]
# Stands in every payload, for a person; it must never be seen again.
CANARY: Final = "Kanarienvogel"
HANDLES: Final = tuple(SOURCES)
DEEP: Final = 100_000

_TEXT = st.text(max_size=40)
_LATIN = st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=40)
_ID = st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One attempt. What is to be taken may be sent `times` over."""

    kind: str
    handle: str
    push: Push
    must: Must = "be refused"
    times: int = 1


# --- what is genuine -------------------------------------------------------------------------------------------------

_LARK_TYPES = st.sampled_from(
    ["contact.user.created_v3", "contact.user.deleted_v3", "contact.department.updated_v3", "contact.scope.updated_v3"]
)
_DINGTALK_TYPES = st.sampled_from(
    ["user_add_org", "user_leave_org", "org_dept_modify", "label_user_change", "org_change"]
)


@st.composite
def texts(draw: st.DrawFn, handle: str) -> bytes:
    """Draw an event as the vendor spells it."""
    person = {"name": CANARY, "mobile": f"+86{CANARY}", **draw(st.dictionaries(_ID, _TEXT, max_size=3))}
    event_id, external_id = draw(_ID), draw(_ID)
    if handle == "branch":
        ids = {"UserId": [external_id], "DeptId": [draw(st.integers(2, 2**63))]}
        event = {"EventType": draw(_DINGTALK_TYPES), "diffInfo": {"curr": person}, **ids}
        return json.dumps(event | draw(st.sampled_from([{}, {"eventId": event_id}]))).encode()
    object_ = {**person, "union_id": external_id, "open_department_id": external_id}
    return lark(handle).event(event_id, draw(_LARK_TYPES), {"object": object_})


def lark(handle: str) -> Lark:
    return LARK if handle == "hq" else PLAIN


def push(handle: str, text: bytes) -> Push:
    return DINGTALK.push(text, NOW) if handle == "branch" else lark(handle).push(text, NOW)


genuine = st.sampled_from(HANDLES).flatmap(lambda handle: texts(handle).map(lambda text: (handle, push(handle, text))))
# Only these two are signed.
signed = st.sampled_from(["hq", "branch"]).flatmap(lambda handle: texts(handle).map(lambda text: (handle, text)))


# --- what is not -----------------------------------------------------------------------------------------------------


@st.composite
def another_signature(draw: st.DrawFn) -> Case:
    handle, text = draw(signed)
    made = push(handle, text)
    true = made.query.get("msg_signature") or made.headers["X-Lark-Signature"]
    place = draw(st.integers(0, len(true) - 1))
    other = draw(
        st.one_of(
            _LATIN,
            st.text("0123456789abcdef", min_size=len(true), max_size=len(true)),
            st.sampled_from([true[:-1], true + "0", true.upper(), f" {true}", f"{true}, {true}", "", true[::-1]]),
            st.just(true[:place] + draw(st.sampled_from("0123456789abcdef")) + true[place + 1 :]),
        ).filter(lambda each: each != true)
    )
    return Case(kind="signature", handle=handle, push=resigned(handle, made, other))


def resigned(handle: str, made: Push, signature: str) -> Push:
    if handle == "branch":
        return made.with_query(msg_signature=signature, signature=signature)
    return made.with_headers(X_Lark_Signature=signature)


@st.composite
def no_signature(draw: st.DrawFn) -> Case:
    handle, text = draw(signed)
    made = push(handle, text)
    names = ["x-lark-signature", "x-lark-request-timestamp", "x-lark-request-nonce"]
    if handle == "branch":
        made, names = made.without("signature"), ["msg_signature", "timestamp", "nonce"]
    for name in draw(st.lists(st.sampled_from(names), min_size=1, unique=True)):
        made = made.without(name)
    return Case(kind="signature missing", handle=handle, push=made)


@st.composite
def another_token(draw: st.DrawFn) -> Case:
    handle = draw(st.sampled_from(HANDLES))
    text = draw(texts(handle))
    known = SECRETS[handle]["token" if handle == "branch" else "verification_token"]
    other = draw(
        st.one_of(_TEXT, st.sampled_from([known[:-1], known + "0", known.upper(), "", known + "\0"])).filter(
            lambda each: each != known
        )
    )
    if handle == "branch":
        return Case(kind="token", handle=handle, push=replace(DINGTALK, token=other).push(text, NOW))
    if draw(st.booleans()):
        text = replace(lark(handle), token=other).challenge()
    else:
        message = json.loads(text)
        message["header"]["token"] = draw(st.sampled_from([other, None, [known], {known: known}, 0, True]))
        text = json.dumps(message).encode()
    return Case(kind="token", handle=handle, push=push(handle, text))


@st.composite
def another_time(draw: st.DrawFn) -> Case:
    handle, text = draw(signed)
    far = st.one_of(
        st.timedeltas(OLDEST + timedelta(seconds=1), timedelta(days=20_000)).map(lambda each: -each),
        st.timedeltas(FURTHEST_AHEAD + timedelta(seconds=1), timedelta(days=20_000)),
    )
    if draw(st.booleans()):
        then = NOW + draw(far)
        made = DINGTALK.push(text, then) if handle == "branch" else LARK.push(text, then)
        return Case(kind="timestamp", handle=handle, push=made)
    # Changed after signing, to any text or to one that is fresh.
    now = int(NOW.timestamp())
    stamp = draw(st.one_of(_LATIN, st.integers(now - 3000, now + 200).map(str), st.integers(0, 10**15).map(str)))
    made = push(handle, text)
    name = "timestamp" if handle == "branch" else "X-Lark-Request-Timestamp"
    true = made.query[name] if handle == "branch" else made.headers[name]
    stamp = stamp if stamp != true else "0"
    changed = (
        made.with_query(timestamp=stamp) if handle == "branch" else made.with_headers(X_Lark_Request_Timestamp=stamp)
    )
    return Case(kind="timestamp", handle=handle, push=changed)


@st.composite
def another_nonce(draw: st.DrawFn) -> Case:
    handle, text = draw(signed)
    made = push(handle, text)
    true = made.query.get("nonce") or made.headers["X-Lark-Request-Nonce"]
    nonce = draw(
        st.one_of(_LATIN, st.sampled_from([true + "0", true[1:], "0" + true])).filter(lambda each: each != true)
    )
    changed = made.with_query(nonce=nonce) if handle == "branch" else made.with_headers(X_Lark_Request_Nonce=nonce)
    return Case(kind="nonce", handle=handle, push=changed)


@st.composite
def shifted_digits(draw: st.DrawFn) -> Case:
    """Try an old callback with digits moved between timestamp and nonce, which leaves what is signed as it was."""
    handle, text = draw(signed)
    then = NOW - timedelta(days=draw(st.integers(1, 2000)))
    stamp, nonce = str(int(then.timestamp())), draw(st.text(string.digits, min_size=1, max_size=12)) + "n"
    if handle == "branch":
        made = DINGTALK.signed(DINGTALK.seal(text), stamp, nonce)
    else:
        made = LARK.signed(LARK.unsigned(text).body, stamp, nonce)
    joined = stamp + nonce
    cut = draw(st.integers(0, len(joined)))
    if handle == "branch":
        made = made.with_query(timestamp=joined[:cut], nonce=joined[cut:])
    else:
        made = made.with_headers(X_Lark_Request_Timestamp=joined[:cut], X_Lark_Request_Nonce=joined[cut:])
    return Case(kind="digits shifted", handle=handle, push=made)


@st.composite
def another_body(draw: st.DrawFn) -> Case:
    """Change, cut or lengthen what was signed."""
    handle, text = draw(signed)
    made = push(handle, text)
    outer = json.loads(made.body)
    octets = bytearray(base64.b64decode(outer["encrypt"]))
    place = draw(st.integers(0, len(octets) - 1))
    match draw(st.sampled_from(["flip", "cut", "lengthen", "drop a block", "not base64"])):
        case "flip":
            octets[place] ^= draw(st.integers(1, 255))
        case "cut":
            del octets[place:]
        case "lengthen":
            octets += draw(st.binary(min_size=1, max_size=40))
        case "drop a block":
            del octets[place // 16 * 16 : place // 16 * 16 + 16]
        case _:
            return Case(kind="ciphertext", handle=handle, push=enveloped(made, draw(_TEXT)))
    return Case(kind="ciphertext", handle=handle, push=enveloped(made, base64.b64encode(octets).decode()))


def enveloped(made: Push, encrypt: object) -> Push:
    return replace(made, body=json.dumps({"encrypt": encrypt}).encode())


@st.composite
def another_padding(draw: st.DrawFn) -> Case:
    """Pad wrongly, and sign that: what an oracle is asked."""
    handle, text = draw(signed)
    plain = text if handle == "hq" else DINGTALK.framed(text)
    plain += bytes(draw(st.binary(min_size=1, max_size=48)))
    plain += b"\0" * (-len(plain) % 16)
    last = draw(st.sampled_from([0, 33, 64, 128, 255]))
    plain = plain[:-1] + bytes([last])
    if handle == "branch":
        sealed = base64.b64encode(aes(plain, DINGTALK.key, DINGTALK.key[:16])).decode()
        return Case(kind="padding", handle=handle, push=DINGTALK.signed(sealed, str(int(NOW.timestamp()))))
    iv = draw(st.binary(min_size=16, max_size=16))
    sealed = base64.b64encode(iv + aes(plain, LARK.key, iv)).decode()
    body = json.dumps({"encrypt": sealed}).encode()
    made = LARK.signed(body, str(int(NOW.timestamp()))) if draw(st.booleans()) else Push(body=body)
    return Case(kind="padding", handle=handle, push=made)


@st.composite
def another_key(draw: st.DrawFn) -> Case:
    """Seal with a key that is not ours; sign with it too, or with ours."""
    handle, text = draw(signed)
    if handle == "branch":
        letters = string.ascii_letters + string.digits
        stranger = replace(DINGTALK, aes_key=draw(st.text(letters, min_size=43, max_size=43)))
        if stranger.key == DINGTALK.key:
            stranger = DingTalk(aes_key="0" * 43)
        return Case(kind="key", handle=handle, push=stranger.push(text, NOW))
    other = replace(LARK, encrypt_key=draw(_TEXT.filter(lambda each: each not in ("", LARK.encrypt_key))))
    text = draw(st.sampled_from([text, LARK.challenge()]))
    if draw(st.booleans()):
        return Case(kind="key", handle=handle, push=other.push(text, NOW))
    return Case(kind="key", handle=handle, push=LARK.signed(other.unsigned(text).body, str(int(NOW.timestamp()))))


@st.composite
def somebody_elses(draw: st.DrawFn) -> Case:
    """Take what is genuine at one door to another."""
    handle, made = draw(genuine)
    other = draw(st.sampled_from([each for each in HANDLES if each != handle]))
    return Case(kind="another door", handle=other, push=made)


@st.composite
def unsigned(draw: st.DrawFn) -> Case:
    """Push an event on the way that is for challenges."""
    text = draw(texts("hq"))
    message = json.loads(text) | {"token": LARK.token, "challenge": "x"}
    message |= draw(st.sampled_from([{}, {"type": "event_callback"}, {"type": "URL_VERIFICATION"}, {"type": None}]))
    sealed = LARK.unsigned(json.dumps(message).encode())
    plain = Push(body=json.dumps(message | {"type": "url_verification"}).encode())
    return Case(kind="unsigned", handle="hq", push=draw(st.sampled_from([sealed, plain])))


@st.composite
def cut(draw: st.DrawFn) -> Case:
    handle, made = draw(genuine)
    return Case(
        kind="truncated", handle=handle, push=replace(made, body=made.body[: draw(st.integers(0, len(made.body) - 1))])
    )


@st.composite
def oversized(draw: st.DrawFn) -> Case:
    """Be genuine in all but size."""
    handle = draw(st.sampled_from(HANDLES))
    text = draw(texts(handle))
    more = " " * (LARGEST_BODY_BYTES + draw(st.integers(0, 100)))
    return Case(kind="oversized", handle=handle, push=push(handle, text + more.encode()))


@st.composite
def deep(draw: st.DrawFn) -> Case:
    """Nest without end, in the open or sealed and signed."""
    handle = draw(st.sampled_from(HANDLES))
    begin, end = draw(st.sampled_from([(b"[", b"]"), (b'{"a":', b"}"), (b'{"encrypt":[', b"]}"), (b'{"event":', b"}")]))
    size = draw(st.integers(1000, DEEP)) // len(begin)
    text = begin * size + draw(st.sampled_from([b"", b"0" + end * size]))
    text = text[: LARGEST_BODY_BYTES // 2]
    made = Push(body=text) if draw(st.booleans()) else push(handle, text)
    return Case(kind="deep", handle=handle, push=made)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)


@st.composite
def garbage(draw: st.DrawFn) -> Case:
    """Send anything at all, in any dress."""
    handle = draw(st.sampled_from(HANDLES))
    value = draw(_JSON)
    encrypt = draw(st.one_of(_JSON, st.binary(max_size=200).map(lambda each: base64.b64encode(each).decode())))
    body = draw(
        st.one_of(
            st.binary(max_size=300),
            st.just(json.dumps(value).encode()),
            st.just(json.dumps({"encrypt": encrypt}).encode()),
            st.just(json.dumps({"encrypt": encrypt}).encode("utf-16")),
            st.just(b"\xef\xbb\xbf" + json.dumps({"encrypt": encrypt}).encode()),
            st.sampled_from([b"", b"{}", b"null", b'{"encrypt": NaN}', b'{"encrypt": 1e999}', b"9" * 5000, b"\0"]),
        )
    )
    names = ["Content-Type", "X-Lark-Signature", "X-Lark-Request-Timestamp", "X-Lark-Request-Nonce"]
    headers = draw(st.dictionaries(st.sampled_from(names), _LATIN, max_size=4))
    query = draw(
        st.dictionaries(st.sampled_from(["msg_signature", "signature", "timestamp", "nonce"]), _TEXT, max_size=4)
    )
    return Case(kind="garbage", handle=handle, push=Push(body=body, headers=headers, query=query))


@st.composite
def odd_but_signed(draw: st.DrawFn) -> Case:
    """Seal and sign what no vendor would say: refused or taken, but never a fault of ours."""
    handle = draw(st.sampled_from(HANDLES))
    event = json.loads(draw(texts(handle)))
    holder = event.get("header", event) if draw(st.booleans()) else event
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.sampled_from([*holder, "type", "uuid", "ts", "challenge", "schema", "encrypt", "EVENTTYPE"]))
        holder[name] = draw(_JSON)
    text = draw(
        st.sampled_from([json.dumps(event).encode(), json.dumps(draw(_JSON)).encode(), draw(st.binary(max_size=99))])
    )
    return Case(kind="odd but signed", handle=handle, push=push(handle, text), must="be one or the other")


@st.composite
def replayed(draw: st.DrawFn) -> Case:
    handle, made = draw(genuine)
    return Case(kind="replayed", handle=handle, push=made, must="be taken", times=draw(st.integers(2, 4)))


@st.composite
def odd_content_type(draw: st.DrawFn) -> Case:
    handle, made = draw(genuine)
    content_type = draw(
        st.one_of(_LATIN, st.sampled_from(["", "*/*", "text/xml", "application/octet-stream", "image/png"]))
    )
    return Case(kind="content type", handle=handle, push=made.with_headers(Content_Type=content_type), must="be taken")


KINDS: Final[Sequence[Callable[[], st.SearchStrategy[Case]]]] = (
    another_signature,
    no_signature,
    another_token,
    another_time,
    another_nonce,
    shifted_digits,
    another_body,
    another_padding,
    another_key,
    somebody_elses,
    unsigned,
    cut,
    oversized,
    deep,
    garbage,
    odd_but_signed,
    replayed,
    odd_content_type,
)


# --- what must hold --------------------------------------------------------------------------------------------------


class Guard:
    """Tries cases at one scene, and asserts after each."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._never = [CANARY, REFUSED, *(text for secrets in SECRETS.values() for text in secrets.values())]
        self.tried: Counter[str] = Counter()
        self.taken: Counter[str] = Counter()

    def attempt(self, case: Case) -> None:
        try:
            self._attempt(case)
        except AssertionError:  # what a wrong case has stored would fail the next one too
            self._scene.begin_anew()
            raise

    def _attempt(self, case: Case) -> None:
        answers = [self._scene.post(case.handle, case.push) for _ in range(case.times)]
        self.tried[case.kind] += 1
        waiting = self._scene.inbox.waiting(SOURCES[case.handle].uid)
        if answers[0].status == 200:
            self.taken[case.kind] += 1
            assert case.must != "be refused"
            assert all((each.status, each.reads <= 2, each.writes <= 1) == (200, True, True) for each in answers)
            assert len(waiting) == min(1, answers[0].writes)
            self._scene.begin_anew()
        else:
            assert case.must != "be taken"
            for answer in answers:
                self._is_the_one_refusal(answer)
            assert sum(answer.notes for answer in answers) <= 1
            assert not waiting
        told = self._scene.logged() + repr(waiting)
        seen = [text for text in (*self._never, *self._proofs(case.push)) if text in told]
        assert not seen

    def _is_the_one_refusal(self, answer: Answer) -> None:
        assert (answer.status, answer.body) == (401, REFUSED)
        assert answer.headers == {"Content-Type": "application/json", "Cache-Control": "no-store"}
        # Nothing of it is stored: only that something was refused, once in ten minutes.
        assert (answer.writes - answer.notes, answer.rung) == (0, ())

    def _proofs(self, made: Push) -> list[str]:
        """List what proves a push, when it is long enough not to be in a log by chance."""
        proofs = [made.query.get("msg_signature", ""), made.headers.get("X-Lark-Signature", "")]
        return [each for each in proofs if len(each) >= 30]


def attempts(kinds: st.SearchStrategy[Case], scene: Scene, *, cases: int, start: int | None = None) -> Guard:
    """Try so many cases."""
    guard = Guard(scene)

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        derandomize=start is None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(kinds)
    def attempt(case: Case) -> None:
        guard.attempt(case)

    (attempt if start is None else seed(start)(attempt))()
    return guard


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.forgery", description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None, help="any number; without one, another each time")
    given_ = parser.parse_args(arguments)
    start = random.randrange(10**9) if given_.seed is None else given_.seed
    scene, began = Scene(), time.monotonic()
    tried: Counter[str] = Counter()
    taken: Counter[str] = Counter()
    print(f"forgery: {given_.cases} cases, seed {start}")
    try:
        for number, kind in enumerate(KINDS):
            share = given_.cases * (number + 1) // len(KINDS) - given_.cases * number // len(KINDS)
            guard = attempts(kind(), scene, cases=share, start=start)
            tried += guard.tried
            taken += guard.taken
    finally:
        scene.close()
    for name, count in tried.items():
        print(f"  {name:<18} {count:>7} tried  {taken[name]:>7} taken")
    print(f"forgery: {tried.total()} tried, {taken.total()} taken, 0 wrong, {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
