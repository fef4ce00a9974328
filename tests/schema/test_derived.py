"""Derived records as they are declared: what is wrong with one is told with file and line, and every field is as
sensitive as everything it reads."""

from __future__ import annotations

import re

import pytest

from schema.catalog import Record
from schema.derivations import forgetful
from schema.derive import cell, count, days_after, first_of, has, month_of, rows, total
from schema.lineage import FIGURES, counted_leaves, trace
from schema.resolve import resolve
from tests.schema.test_declarations import GOOD, Modules, modules

__all__ = ["modules"]
HEAD = """
from schema.declare import derived, taken
from schema.derive import cell, count, has, joined, month_of, plus, rows, total
from schema.sources import Capabilities
worked_out = Source("worked_out", "health", "derived", "Worked out", Capabilities(key_columns=frozenset()))
"""
STAFF = '''
staff = rows("health.Worker", facility="facility_code", cnic="cnic").group("facility", workers=count())

@derived(worked_out, rows("health.Facility", code="code", beds="beds").left_join(staff, code="facility"), key="code")
class Staffing:
    """Workers beside beds."""
    code: str = taken("code")
    beds: int | None = taken("beds")
    workers: int | None = taken("workers")

records = (Facility, Worker, Staffing)
'''
MISTAKES = {
    "an unknown record": (
        '"health.Facility", code', '"health.Facilty", code',
        "Staffing: its query reads unknown record 'health.Facilty'; did you mean 'health.Facility'?",
    ),
    "an unknown field": (
        'beds="beds"', 'beds="bedz"',
        "Staffing: health.Facility has no column field 'bedz' to take as beds; use a field, or links.field",
    ),
    "a field behind an unknown link": (
        'beds="beds"', 'beds="ward.beds"',
        "Staffing: health.Facility has no column field 'ward.beds' to take as beds; use a field, or links.field",
    ),
    "a field behind a link to many": (
        'beds="beds"', 'beds="workers.code"',
        "Staffing: health.Facility has no column field 'workers.code' to take as beds; use a field, or links.field",
    ),
    "a condition on no field": (
        'rows("health.Worker",', 'rows("health.Worker", row.facility == "a",',
        "Staffing: health.Worker has no field 'facility'; did you mean 'facility_code'?",
    ),
    "an unknown cell in a step": (
        '.group("facility"', '.group("facilty"',
        "Staffing: a step of its query names the cell 'facilty', which the step below it has not",
    ),
    "a field of no cell": (
        'taken("workers")', 'taken("worker")',
        "Staffing: field 'workers' takes the cell 'worker', which its query has not",
    ),
    "a name on both sides of a join": (
        "workers=count()", "beds=count()",
        "Staffing: both sides of a join of its query have a cell 'beds'; name one of them otherwise",
    ),
    "needing all of what is not read": (
        'key="code")\nclass Staffing', 'key="code", requires_all=("health.Worker", "health.Ward"))\nclass Staffing',
        "Staffing: requires_all names 'health.Ward', which its query does not read",
    ),
    "persons without a word on them": (
        'facility="facility_code", cnic="cnic").group("facility", workers=count())',
        'workers="cnic", facility="facility_code")',
        "Staffing: it shows personal fields; say persons=True if a row is about a person, else persons=False",
    ),
}  # fmt: skip


def records(modules: Modules, text: str = STAFF) -> dict[str, Record]:
    return dict(resolve([modules.declared(GOOD + HEAD + text)]).records)


def test_a_derived_record_is_a_record(modules: Modules) -> None:
    staffing = records(modules)["health.Staffing"]
    assert list(staffing.fields) == ["code", "beds", "workers"]
    assert not staffing.persons


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_file_line_and_remedy(name: str, modules: Modules) -> None:
    old, new, told = MISTAKES[name]
    assert old in STAFF
    found = {one.message: one.where for one in modules.problems(GOOD + HEAD + STAFF.replace(old, new))}
    assert told in found, "\n".join(found)
    where = re.fullmatch(r"health/records\.py:(\d+)", found[told])
    assert where is not None
    assert int(where.group(1)) in (modules.line_of("@derived"), modules.line_of("class Staffing"))


def test_records_derived_from_one_another_are_told(modules: Modules) -> None:
    text = STAFF.replace('rows("health.Facility",', 'rows("health.Again",')
    text += '''
@derived(worked_out, rows("health.Staffing", code="code", beds="beds"), key="code")
class Again:
    """The same again."""
    code: str = taken("code")
    beds: int | None = taken("beds")

records = (Facility, Worker, Staffing, Again)
'''
    told = {one.message for one in modules.problems(GOOD + HEAD + text)}
    assert told == {f"{name} is derived from itself; break the circle" for name in ("Staffing", "Again")}


def test_a_cell_may_come_through_a_link_to_another_derived_record(modules: Modules) -> None:
    """The record behind the link is resolved first, whatever the order they are declared in."""
    text = STAFF.replace("    workers: int", '    facility = one("health.Total", on="code")\n    workers: int')
    text = '''
@derived(worked_out, rows("health.Staffing", code="code", all="facility.workers"), key="code", persons=False)
class Above:
    """Through a link."""
    code: str = taken("code")
    all: int | None = taken("all")

@derived(
    worked_out, rows("health.Worker", code="facility_code", cnic="cnic").group("code", workers=count(has("cnic"))),
    key="code", persons=False,
)
class Total:
    """Workers of a facility who have a number."""
    code: str = taken("code")
    workers: int | None = taken("workers")
''' + text.replace("Worker, Staffing)", "Worker, Above, Total, Staffing)")
    fields = records(modules, text)["health.Above"].fields
    assert fields["all"].classification.label == "Confidential"


# Sensitivity


def test_a_field_is_as_sensitive_as_everything_it_reads(modules: Modules) -> None:
    text = STAFF.replace("workers=count()", "workers=count(has('cnic'))")
    text = text.replace('key="code")\nclass', 'key="code", persons=False)\nclass')
    fields = records(modules, text)["health.Staffing"].fields
    assert {name: part.classification.label for name, part in fields.items()} == {
        "code": "Open", "beds": "Restricted", "workers": "Confidential",
    }  # fmt: skip
    assert (fields["workers"].personal, fields["beds"].personal) == (True, False)


def test_a_classification_may_be_raised_and_not_lowered(modules: Modules) -> None:
    text = STAFF.replace('taken("code")', 'taken("code", confidential)')
    text = text.replace('taken("beds")', 'taken("beds", open_)')
    fields = records(modules, text)["health.Staffing"].fields
    assert (fields["code"].classification.label, fields["beds"].classification.label) == ("Confidential", "Restricted")


def test_what_is_worked_out_in_one_step_of_what_was_just_worked_out_reads_both() -> None:
    """Otherwise a cell that may not be read would be shown under the name of another."""
    query = rows("a.B", one="one", other="other").compute(one=first_of("other", "one"), month=month_of("one"))
    assert trace(query.node).cells["month"] == {(0, "one"), (0, "other")}


# What a query reads


def test_cells_that_keep_join_group_or_pick_rows_decide() -> None:
    pay = rows("a.Pay", who="who", month="month", amount="amount", note="note").keep(has("note"))
    posts = rows("a.Post", who="who", place="place").latest("who", on="place")
    found = trace(pay.join(posts, who="who").group("place", paid=total("amount")).node)
    assert found.deciding == {(0, "note"), (0, "who"), (1, "who"), (1, "place")}
    assert found.cells == {"place": {(1, "place")}, "paid": {(0, "amount")}}


def test_groups_a_source_can_make_are_told_from_those_that_need_rows() -> None:
    base = rows("a.B", name="name", day="day", amount="amount", far="link.far")
    late = base.compute(day=days_after("day", 1), unused=first_of("amount"))
    counted = {
        "plain": base.group("name", n=count(), s=total("amount")),
        "kept and computed": late.keep(cell.name == "x").group("day", n=count()),
        "measured as worked out": late.group("name", n=total("unused")),
        "measured behind a link": base.group("name", n=total("far")),
        "joined first": base.join(rows("a.C", name="name"), name="name").group("name", n=count()),
    }
    found = {name: counted_leaves(query.node) for name, query in counted.items()}
    assert {name for name, leaves in found.items() if leaves} == {"plain", "kept and computed"}
    assert found["kept and computed"][0].keys == {"day", "name"}
    assert (0, FIGURES) in trace(counted["plain"].keep(cell.n > 3).node).deciding


# The past


def test_a_derived_record_tells_the_past_where_all_it_reads_does(modules: Modules) -> None:
    since = '    since: dt.datetime | None = column("since", open_)\n'
    text = GOOD.replace("    workers = many", f"{since}    workers = many")
    text = text.replace('hmis, "facilities", key="code"', 'hmis, "facilities", key="code", recorded="since"')
    everyone = '''
@derived(worked_out, rows("health.Worker").group(workers=count()).compute(code=joined("workers")), key="code")
class Everyone:
    """All workers, of whom no field is read."""
    code: str = taken("code")

@derived(worked_out, rows("health.Facility", code="code"), key="code")
class Known:
    """Facilities."""
    code: str = taken("code")

records = (Facility, Worker, Everyone, Known)
'''
    found = dict(resolve([modules.declared(text + HEAD + everyone)]).records)
    assert forgetful(found, found["health.Known"]) is None
    assert forgetful(found, found["health.Everyone"]) is found["health.Worker"]


