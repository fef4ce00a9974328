"""Indicators as they are declared: what is wrong with one is told with file and line, and its lineage follows from its
queries."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from typing import Any

import pytest

from connectors.province.indicators import IndicatorColumn, indicators
from gateway.opening import open_catalog
from gateway.settings import load
from schema.catalog import Catalog
from schema.derivations import about_fields
from schema.derive.nodes import Described
from schema.errors import DeclarationError
from schema.indicators import lineage
from schema.resolve import resolve
from tests.houses import DEMO
from tests.schema.test_declarations import GOOD, Modules, modules
from tests.schema.test_derived import HEAD

__all__ = ["modules"]
STAFFED = '''
from schema.indicators import Certainty, Direction, figure, indicator
from schema.periods import Frequency
from schema.presets import Argument, Test, preset

@derived(worked_out, rows("health.Facility", code="code"), key="code")
class Staffing:
    """Facilities."""
    code: str = taken("code")

everyone = rows("health.Worker", facility="facility_code")
staffed = indicator(
    "STAFFED", "Staffed", meaning="Workers of beds.", department="health", owner="Director Staff", unit="workers",
    direction=Direction.HIGHER_IS_BETTER, frequency=Frequency.CURRENT,
    numerator=figure(everyone, count()), denominator=figure(rows("health.Facility", beds="beds"), total("beds")),
    targets={"2024": "1", "2025": "2"},
)
card = preset("card", Staffing, "A card.", Argument("facility", (Test("code", "eq"),), "Its code."))
records = (Facility, Worker, Staffing)
'''
MISTAKES = {
    "an unknown record": (
        'rows("health.Worker"', 'rows("health.Wroker"',
        "indicator STAFFED numerator: reads unknown record 'health.Wroker'; did you mean 'health.Worker'?",
    ),
    "an unknown cell measured": (
        'total("beds")', 'total("bedz")',
        "indicator STAFFED denominator: measures the cell 'bedz', which its query has not; did you mean 'beds'?",
    ),
    "an unknown cell in a step": (
        "everyone, count()", 'everyone.keep(has("cnic")), count()',
        "indicator STAFFED numerator: a step names the cell 'cnic', which the step below it has not",
    ),
    "no owner": (
        'owner="Director Staff"', 'owner=" "',
        "indicator STAFFED names no owner; name the post answerable for it",
    ),
    "an unknown department": (
        'department="health"', 'department="heath"',
        "indicator STAFFED is of unknown department 'heath'; did you mean 'health'?",
    ),
    "a frequency without periods": (
        "Frequency.CURRENT", "Frequency.MONTHLY",
        "indicator STAFFED has no cell 'period' in its numerator; compute one, or say Frequency.CURRENT",
    ),
    "targets out of order": (
        '{"2024": "1", "2025": "2"}', '{"2025": "1", "2024": "2"}',
        "indicator STAFFED names its targets out of order; the earliest first",
    ),
    "one half of completeness": (
        'targets={"2024"', 'reported=figure(everyone, count()), targets={"2024"',
        "indicator STAFFED says one of reported and expected; say both, or neither",
    ),
}  # fmt: skip
PRESETS = {
    "a field that is none": ('Test("code"', 'Test("cod"', "card asks by 'cod', which is no text field of Staffing"),
    "a root that is taken": (
        'preset("card"', 'preset("facilities"', "facilities is the name of another root; rename it",
    ),
}  # fmt: skip


def problems(modules: Modules, text: str, **offered: tuple[str, ...]) -> dict[str, str]:
    """Message -> where, with what the module declares under these names offered as well."""
    declared = modules.declared(GOOD + HEAD + text)
    module = sys.modules["declared_for_a_test"]
    more: dict[str, Any] = {part: tuple(vars(module)[name] for name in names) for part, names in offered.items()}
    try:
        resolve([replace(declared, **more)])
    except DeclarationError as error:
        return {one.message: one.where for one in error.problems}
    return {}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_file_line_and_remedy(name: str, modules: Modules) -> None:
    old, new, told = MISTAKES[name]
    assert old in STAFFED
    found = problems(modules, STAFFED.replace(old, new), indicators=("staffed",))
    assert told in found, "\n".join(found)
    where = re.fullmatch(r"health/records\.py:(\d+)", found[told])
    assert where is not None
    assert int(where.group(1)) >= modules.line_of("staffed = indicator(")


@pytest.mark.parametrize("name", PRESETS)
def test_a_mistake_in_a_root_of_ones_own_is_told(name: str, modules: Modules) -> None:
    old, new, told = PRESETS[name]
    found = problems(modules, STAFFED.replace(old, new), presets=("card",))
    assert any(message.startswith(told) for message in found), found


def test_a_good_one_is_no_problem_and_no_code_is_used_twice(modules: Modules) -> None:
    assert problems(modules, STAFFED, indicators=("staffed",), presets=("card",)) == {}
    (told,) = problems(modules, STAFFED, indicators=("staffed", "staffed"))
    assert told == "two indicators have the code 'STAFFED'; rename one"


# Lineage


def province() -> Catalog:
    return open_catalog(load(DEMO, {}))


def test_every_indicator_leads_to_columns_with_owners() -> None:
    catalog = province()
    for one in indicators:
        rows = about_fields(catalog, 1, tuple(lineage(one)))
        figures = {row[0] for row in rows}
        assert {"numerator", "denominator"} <= figures, one.code
        for _, coordinate, department, owner, classification, system, source, relation, column, _, _ in rows:
            assert all((coordinate, department, owner, classification, system, source, relation, column))
            assert source != "records", "what is derived is told by what it is worked out from"


def test_lineage_reaches_through_what_is_derived_and_through_conditions() -> None:
    catalog = province()
    told = {
        one.code: {row[1] for row in about_fields(catalog, 1, tuple(lineage(one)))} for one in indicators
    }
    assert {"Payslip.cadre", "Teacher.cnic", "Employee.districtCode"} <= told["FIN_UNPOSTED_PAY"]
    assert {"Transaction.amount", "BankScrollLine.settledOn"} <= told["FIN_SETTLED"]
    assert not any(coordinate.startswith("DailyCollection") for coordinate in told["FIN_SETTLED"])


def test_the_rows_of_the_lineage_are_the_declaration_itself() -> None:
    query = IndicatorColumn.__record__.relation.query  # type: ignore[attr-defined]
    while not isinstance(query, Described):
        query = query.of
    assert list(query.rows) == [(one.code, *read) for one in indicators for read in lineage(one)]
