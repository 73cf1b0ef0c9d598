"""The fields that rules may name are those that records have."""

from __future__ import annotations

from chalicelib.connectors.lark import fields, permissions
from chalicelib.connectors.lark.form import FORM
from chalicelib.core.mapping import check_rule
from chalicelib.core.model import FieldType, Kind, Value
from tests.connectors.lark.tenancy import a_company


def test_every_field_that_a_permission_uncovers_may_be_named_and_no_other() -> None:
    assert fields.VOCABULARY.employees.keys() == {*permissions.USER_FIELDS, "state"}
    assert fields.VOCABULARY.departments.keys() == {*permissions.DEPARTMENT_FIELDS, "state"}
    assert fields.CUSTOM == permissions.CUSTOM


def test_the_mapping_that_sources_start_with_holds() -> None:
    for kind in Kind:
        for rule in FORM.mapping.rules(kind):
            assert check_rule(rule, kind, FORM.mapping, FORM.vocabulary) == ()


def test_what_a_field_is_said_to_hold_is_what_it_holds() -> None:
    for part in a_company().read().values():
        for record in part.records:
            for name, value in record.fields.items():
                if not name.startswith(fields.CUSTOM):
                    assert holds(fields.VOCABULARY.fields(record.key.kind)[name], value), name


def holds(type_: FieldType, value: Value) -> bool:
    match type_:
        case FieldType.INTEGER:
            return isinstance(value, int) and not isinstance(value, bool)
        case FieldType.BOOLEAN:
            return isinstance(value, bool)
        case FieldType.DEPARTMENTS | FieldType.EMPLOYEES:
            return isinstance(value, tuple)
        case _:
            return isinstance(value, str)
