import re
from collections import Counter

import pytest

from infra.lab.company import MAX_DEPTH, generate


def test_the_same_seed_makes_the_same_company_and_another_seed_another() -> None:
    assert generate(7, 50, 9) == generate(7, 50, 9)
    assert generate(7, 50, 9) != generate(8, 50, 9)


@pytest.mark.parametrize(("people", "departments"), [(0, 0), (1, 0), (0, 3), (2, 1), (7, 12), (800, 60), (3000, 900)])
def test_a_company_is_as_large_as_asked(people: int, departments: int) -> None:
    company = generate(1, people, departments)
    assert (len(company.people), len(company.units)) == (people, departments + 1)


def test_the_tree_is_a_tree_of_believable_depth_with_each_name_once_among_siblings() -> None:
    units = generate(1).units
    assert units[0].parent is None
    for unit in units[1:]:
        assert unit.parent is not None
        assert unit.parent < unit.number
        assert unit.depth == units[unit.parent].depth + 1
        assert "/" not in unit.name
    assert 2 <= max(unit.depth for unit in units) <= MAX_DEPTH
    assert max(Counter((unit.parent, unit.name) for unit in units).values()) == 1


def test_people_vary_as_people_do() -> None:
    people = generate(1).people
    states = Counter(person.state for person in people)
    assert states["activated"] > 700
    assert states["invited"] > 10
    assert states["frozen"] > 5
    homes = Counter(len(person.units) for person in people)
    assert homes[2] > 10
    assert homes[3] > 0
    assert 1 < sum(0 in person.units for person in people) < 20
    assert len({person.name for person in people}) > 700
    assert any(re.search("[一-鿿]", person.name) for person in people)
    assert any(person.name.isascii() for person in people)


def test_mailboxes_mobiles_and_numbers_are_made_up_and_nobody_elses() -> None:
    people = generate(1, 5000, 60).people
    for values in (
        [person.work_email for person in people],
        [person.email for person in people if person.email],
        [person.mobile for person in people],
        [person.employee_no for person in people],
    ):
        assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"[a-z]+\.[a-z]+\d*@mail\.example\.(com|org|net)", person.work_email) for person in people)
    assert all(re.fullmatch(r"\+86100\d{8}|\+1\d{3}55501\d\d", person.mobile) for person in people)


def test_managers_lead_up_to_one_person_without_a_circle() -> None:
    people = generate(1).people
    for person in people:
        seen = {person.number}
        here = person
        while here.manager is not None:
            here = people[here.manager]
            assert here.number not in seen
            seen.add(here.number)
        assert here.number == 0


def test_leaders_belong_to_what_they_lead() -> None:
    company = generate(1)
    for unit in company.units:
        for leader in (unit.leader, *unit.deputies):
            assert leader is None or unit.number in company.people[leader].units
