import pytest

from infra.lab.dingtalk import DingTalkWorkspace
from infra.lab.lark import LarkWorkspace
from infra.rehearse.emulator import UnprovenError
from infra.rehearse.scene import Keys, differences, people, personal, same


@pytest.mark.parametrize(
    ("company", "root"),
    [
        pytest.param(LarkWorkspace.generate(seed=3, people=30, departments=6), "0", id="lark"),
        pytest.param(DingTalkWorkspace.generate(seed=3, people=30, departments=6), "1", id="dingtalk"),
    ],
)
def test_a_company_is_its_people_at_work_with_the_paths_of_their_departments(
    company: LarkWorkspace | DingTalkWorkspace, root: str
) -> None:
    before = people(company, root)
    assert before
    assert any(" / " in path for _, paths in before.values() for path in paths)
    person = company.some_person(1)
    company.let_go(person)
    after = people(company, root)
    assert len(differences(before, after)) == 1
    assert len(after) == len(before) - 1


def test_what_is_personal_is_every_name_number_and_address_of_anybody() -> None:
    lark = LarkWorkspace.generate(seed=3, people=30, departments=6)
    person = lark.users[lark.some_person(1)]
    lark.let_go(person.open_id)
    found = personal(lark)
    assert {person.name, person.en_name, person.email, person.enterprise_email, person.mobile} <= found
    dingtalk = DingTalkWorkspace.generate(seed=3, people=30, departments=6)
    worker = dingtalk.users[dingtalk.some_person(1)]
    assert {worker.name, worker.mobile, worker.org_email} - {""} <= personal(dingtalk)
    assert not {each for each in found | personal(dingtalk) if len(each) < 2}


def test_a_directory_that_is_not_the_company_is_not_the_same() -> None:
    ann, moved = {"u1": ("Ann", frozenset({"R&D"}))}, {"u1": ("Ann", frozenset({"Sales"}))}
    same(ann, ann, "the directory")
    for wrong in ({}, moved, ann | {"u2": ("Bob", frozenset({"R&D"}))}):
        with pytest.raises(UnprovenError, match="1 of 1"):
            same(ann, wrong, "the directory")


def test_secrets_are_made_up_each_time() -> None:
    assert Keys().encrypt_key != Keys().encrypt_key
    assert Keys().verification_token != Keys().encrypt_key
