"""An action that does not fit the records it speaks of is told at start-up; one that fits changes the catalog's
version."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.finance import declared
from connectors.finance.bpay import Bill
from connectors.finance.fabs import Receipt
from connectors.finance.pay_rules import rules as pay_rules
from connectors.finance.paying import PayBill
from gateway.opening import open_catalog
from gateway.settings import load
from gateway.surface import build_surface
from schema.actions import ActionSpec, Call, Sent, action_of
from schema.catalog import Declared
from schema.derive import cases, cell, lacks
from schema.errors import DeclarationError
from schema.resolve import resolve
from schema.rules import allow_action
from tests.houses import DEMO


def others() -> list[Declared]:
    """Every department but finance: its records' links lead there."""
    import importlib

    names = load(DEMO, {"PATH": ""}).departments
    return [importlib.import_module(name).declared for name in names if name != "connectors.finance"]


def changed(**parts: Any) -> Declared:
    """Finance with an action that is declared in another way."""
    spec = action_of(PayBill)
    assert spec is not None
    made: type[Any] = type("PayBill", (), {})
    made.__action__ = replace(spec, **parts)
    rules = tuple(rule for rule in declared.rules if getattr(rule, "action", None) is not PayBill)
    return replace(declared, actions=(made,), rules=rules)


CALL = action_of(PayBill).call  # type: ignore[union-attr]
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no docstring": ({"description": ""}, "has no docstring"),
    "an unknown record": ({"about": "finance.Bil"}, "unknown record 'finance.Bil'; did you mean 'finance.Bill'?"),
    "another department's record": ({"about": "education.School"}, "speaks of another department's record"),
    "no input to find it by": ({"by": "psidd"}, "'psidd', which is no input; did you mean 'psid'?"),
    "kept where the gateway cannot write": ({"kept": "finance.Transaction"}, "whose source is not of kind 'kept'"),
    "a check of a field that is not there": ({"refuse": cases((lacks("statu"), "X"))}, "reads 'statu', which is no"),
    "a proof by a field that is not there": ({"done": cell.paid == "Paid"}, "reads 'paid', which is no cell here"),
    "an argument that is not there": (
        {"call": Call("x", (Sent("a", "psit"),), "code", ("00",))}, "sends 'psit', which is no input here",
    ),
    "an attribute without given": ({"stray": ("note",)}, "note is no input; declare it with given"),
}  # fmt: skip


@pytest.mark.parametrize(("parts", "message"), WRONG.values(), ids=WRONG)
def test_what_does_not_fit_is_told_with_its_place(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        resolve([changed(**parts), *others()])
    told = [str(problem) for problem in raised.value.problems]
    assert [one for one in told if message in one and one.startswith("finance/paying.py:")], told


def test_an_input_that_the_kept_record_does_not_show_is_told() -> None:
    spec = action_of(PayBill)
    assert isinstance(spec, ActionSpec)
    inputs = {**spec.inputs, "note": spec.inputs["psid"]}
    with pytest.raises(DeclarationError, match="must have the fields note, each with the column of its name"):
        resolve([changed(inputs=inputs, annotations={**spec.annotations, "note": "str"}), *others()])


def test_a_class_without_action_and_a_rule_of_an_unlisted_one_are_told() -> None:
    with pytest.raises(DeclarationError, match="Bill is listed as an action but has no @action"):
        resolve([replace(declared, actions=(*declared.actions, Bill)), *others()])
    rule = allow_action("citizen", Receipt)
    with pytest.raises(DeclarationError, match="speaks of Receipt, which the department does not list"):
        resolve([replace(declared, rules=(*declared.rules, rule)), *others()])
    wrong = allow_action("citizn", PayBill, purposes=("Paying",))
    with pytest.raises(DeclarationError, match=r"'citizn' is no role(.|\n)*'Paying' is no purpose"):
        resolve([replace(declared, rules=(*declared.rules, wrong)), *others()])


def test_the_version_changes_with_an_action_and_its_rules() -> None:
    variants = [declared, changed(refuse=cases((lacks("answer"), "OTHER"))), replace(declared, rules=pay_rules[:-1])]
    assert len({resolve([variant, *others()]).version for variant in variants}) == len(variants)


def test_without_an_action_there_is_no_mutation() -> None:
    assert build_surface(open_catalog(load(DEMO, {"PATH": ""}))).schema.mutation_type is not None
    without = replace(declared, actions=(), rules=pay_rules[2:])
    assert build_surface(resolve([without, *others()])).schema.mutation_type is None
