from infra.rehearse import probe
from infra.rehearse.scene import FUNCTIONS

NEEDED = probe.wanted("http://127.0.0.1/queue")


def said(**changed: str) -> dict[str, str]:
    good = {each.name: "allowed" for each in NEEDED} | {each.name: "AccessDenied" for each in probe.unwanted("tick")}
    return good | {name.replace("_", " "): how for name, how in changed.items()}


def test_a_role_that_may_what_it_needs_and_no_more_is_right() -> None:
    assert probe.wrong(said(), NEEDED) == []


def test_a_role_that_may_too_little_or_too_much_is_wrong() -> None:
    assert probe.wrong(said(ring="AccessDenied"), NEEDED) == ["ring: AccessDenied"]
    assert probe.wrong(said(scan="allowed"), NEEDED) == ["scan: allowed"]


def test_what_fails_for_another_reason_was_not_refused() -> None:
    assert probe.wrong(said(scan="ResourceNotFoundException"), NEEDED) == ["scan: ResourceNotFoundException"]


def test_no_two_calls_are_told_under_one_name() -> None:
    for function in FUNCTIONS:
        names = [each.name for each in (*NEEDED, *probe.unwanted(function))]
        assert len(set(names)) == len(names)
