"""What is wrong with a declaration is told at start-up: all of it at once, each with file, line and what to do."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from schema.catalog import Catalog, Declared
from schema.errors import DeclarationError, Problem
from schema.naming import api_name, plural_of
from schema.resolve import resolve

HEAD = """
import datetime as dt
from decimal import Decimal
from schema.catalog import Declared
from schema.classification import confidential, open_, restricted
from schema.codecs import cnic, decimal
from schema.declare import column, computed, looked_up, many, one, record
from schema.predicates import is_null, principal, row
from schema.rules import allow, allow_totals, grant, role
from schema.scalars import NationalId
from schema.sources import SQL, Department, Source

health = Department("health", "Health Department", "Secretary Health")
hmis = Source("hmis", "health", "sql", "HMIS", SQL)

async def names(keys): return {}

"""
GOOD = '''
@record(hmis, "facilities", key="code")
class Facility:
    """A facility."""
    code: str = column("code", open_)
    name: str | None = column("nm", open_)
    beds: int | None = column("beds", restricted)
    workers = many("health.Worker", on="facility_code")

@record(hmis, "workers", key="code", persons=True)
class Worker:
    """A worker."""
    code: str = column("code", open_)
    cnic: NationalId | None = column("cnic", confidential, codec=cnic, personal=True)
    facility_code: str | None = column("fac", open_)
    facility = one("health.Facility", on="facility_code")

records = (Facility, Worker)
rules = (allow("public", Facility, up_to=open_), grant("steward", "diagnose", "health"))
roles = (role("matron", "Runs a ward."),)
'''
TAIL = "\ndeclared = Declared(health, records, rules, roles=roles)\n"


@dataclass(frozen=True)
class Mistake:
    """``old`` of the good declaration becomes ``new``; ``told``: the problem, after file and line; ``line``: the text
    of the line it must point to."""

    old: str
    new: str
    told: str
    line: str




MISTAKES = {
    "no docstring": Mistake(
        '    """A facility."""\n', "", "Facility has no docstring; say what one row is", "class Facility",
    ),
    "a field without a source": Mistake(
        "    beds: int", "    rooms: int | None = None\n    beds: int",
        "Facility.rooms has no source; declare it with column, one, many, computed or looked_up", "class Facility",
    ),
    "no classification": Mistake(
        'column("nm", open_)', 'column("nm")',
        "Facility.name has no classification; say open_, public, restricted, confidential or secret", 'column("nm")',
    ),
    "no type": Mistake(
        "name: str | None = column", "name = column",
        "Facility.name has no type; write e.g. `name: str | None = ...`", "name = column",
    ),
    "a type outside the scalars": Mistake(
        "name: str | None", "name: list[str] | None",
        "Facility.name has a type outside the scalars: Boolean, Date, DateTime, Decimal, Float, Int, Long, NationalId, "
        "String", 'column("nm"',
    ),
    "a type that is not imported": Mistake(
        "name: str | None", "name: 'Nmae | None'", "Facility.name: name 'Nmae' is not defined; import the type",
        'column("nm"',
    ),
    "a type that its module has not": Mistake(
        "name: str | None", "name: 'dt.dat | None'",
        "Facility.name: module 'datetime' has no attribute 'dat'; import the type", 'column("nm"',
    ),
    "a type that is none": Mistake(
        "name: str | None", "name: 'str |'", "Facility.name: 'str |' is no type; write e.g. `str | None`",
        'column("nm"',
    ),
    "a decimal without scale": Mistake(
        "beds: int | None", "beds: Decimal | None", "Facility.beds is a Decimal without a scale; use codec=decimal(2)",
        'column("beds"',
    ),
    "no such key": Mistake(
        '"facilities", key="code"', '"facilities", key="cod"',
        "Facility has no column field 'cod' for its key; did you mean 'code'?", "class Facility",
    ),
    "a key that is no column": Mistake(
        '    workers = many', '    ident: str = computed(str, reads=("code",))\n    workers = many',
        "Facility has no column field 'ident' for its key", "class Facility",
    ),
    "personal fields without a word on persons": Mistake(
        ', key="code", persons=True)', ', key="code")',
        "Worker has personal fields; say persons=True if a row is about a person, else persons=False", "class Worker",
    ),
    "no such legal basis": Mistake(
        ', key="code", persons=True)', ', key="code", persons=True, legal_basis="LegalObligatoin")',
        "Worker: 'LegalObligatoin' is no legal basis; did you mean 'LegalObligation'?", "class Worker",
    ),
    "a computed field reads what is not there": Mistake(
        "    beds: int", '    label: str = computed(str, reads=("nmae",))\n    beds: int',
        "Facility.label reads 'nmae', which is no field here; did you mean 'name'?", "label: str",
    ),
    "a computed field reads a computed one": Mistake(
        "    beds: int",
        '    tag: str = computed(str, reads=("name",))\n    lab: str = computed(str, reads=("tag",))\n    beds: int',
        "Facility.lab reads 'tag', which is no column field", "lab: str",
    ),
    "a looked-up field by what is not there": Mistake(
        "    beds: int", '    label: str = looked_up(names, by="cod", classification=open_)\n    beds: int',
        "Facility.label reads 'cod', which is no field here; did you mean 'code'?", "label: str",
    ),
    "a link to nothing": Mistake(
        'one("health.Facility"', 'one("health.Facilty"',
        "Worker.facility links to unknown record 'health.Facilty'; did you mean 'health.Facility'?", "facility = one",
    ),
    "a link on no field of its own": Mistake(
        'one("health.Facility", on="facility_code")', 'one("health.Facility", on="facility_cod")',
        "Worker.facility joins on 'facility_cod', no column field here; did you mean 'facility_code'?",
        "facility = one",
    ),
    "a link on no field of the target": Mistake(
        'many("health.Worker", on="facility_code")', 'many("health.Worker", on="facility_cod")',
        "Facility.workers joins on Worker.facility_cod, which is no column field there; did you mean 'facility_code'?",
        "workers = many",
    ),
    "a name clients cannot use": Mistake(
        "    beds: int", "    Beds: int", "Facility.Beds has a name clients cannot use; rename it", "class Facility",
    ),
    "a reserved name": Mistake(
        "    beds: int", "    nodes: int", "Facility.nodes has a name clients cannot use; rename it", "class Facility",
    ),
    "two names that clients write alike": Mistake(
        "    beds: int", '    be_ds: int = column("b", open_)\n    beDs: int',
        "Facility.beDs and .be_ds are both 'beDs'; rename one", "class Facility",
    ),
    "two records of one name": Mistake(
        'key="code", persons=True)', 'key="code", persons=True, plural="facilities")',
        "health.Worker is called 'facilities' like health.Facility; rename it or give another plural=", "class Worker",
    ),
    "a plural like the singular": Mistake(
        'key="code", persons=True)', 'key="code", persons=True, plural="worker")',
        "health.Worker is called 'worker' like health.Worker; rename it or give another plural=", "class Worker",
    ),
    "a source of another department": Mistake(
        'Source("hmis", "health"', 'Source("hmis", "education"',
        "Facility of department 'health' reads source 'hmis' of 'education'; read it by a link instead",
        "class Facility",
    ),
    "two sources of one name": Mistake(
        '@record(hmis, "workers"', '@record(Source("hmis", "health", "sql", "Other", SQL), "workers"',
        "two sources are named 'hmis'; rename one", "class Worker",
    ),
    "no such role": Mistake(
        'allow("public", Facility', 'allow("pubic", Facility', "'pubic' is no role; did you mean 'public'?", "rules =",
    ),
    "a role there is already": Mistake(
        'role("matron"', 'role("auditor"', "there is a role 'auditor' already; use it, or rename it", "roles =",
    ),
    "a role without a description": Mistake(
        '"Runs a ward."', '" "',
        "role 'matron' needs a name of small letters and underscores, and a description", "roles =",
    ),
    "a role nobody could state": Mistake(
        'role("matron"', 'role("Head nurse"',
        "role 'Head nurse' needs a name of small letters and underscores, and a description", "roles =",
    ),
    "no such department in a grant": Mistake(
        '"diagnose", "health")', '"diagnose", "heath")', "'heath' is no department; did you mean 'health'?", "rules =",
    ),
    "no such purpose": Mistake(
        "up_to=open_)", 'up_to=open_, purposes=("LegalComplience",))',
        "'LegalComplience' is no purpose; did you mean 'LegalCompliance'?", "rules =",
    ),
    "a rule about a record nobody lists": Mistake(
        "records = (Facility, Worker)", "records = (Worker,)",
        "a rule speaks of Facility, which no department lists", "rules =",
    ),
    "a condition on no field": Mistake(
        "up_to=open_)", "up_to=open_, where=row.nmae == principal.name)",
        "Facility has no field 'nmae'; did you mean 'name'?", "rules =",
    ),
    "a condition deep inside on no field": Mistake(
        "up_to=open_)", 'up_to=open_, where=~(is_null(row.name) | ((row.name == "a") & (row.bed == 1))))',
        "Facility has no field 'bed'; did you mean 'beds'?", "rules =",
    ),
    "a condition on a computed field": Mistake(
        "    beds: int | None", '    label: str = computed(str, reads=("name",))\n    beds: int | None',
        "a rule's condition reads 'label', which is no column field", "rules =",
    ),
    "only on no field": Mistake(
        "up_to=open_)", 'up_to=open_, only=("nam",))', "Facility has no field 'nam'; did you mean 'name'?", "rules =",
    ),
    "a mask on no field": Mistake(
        "up_to=open_)", 'up_to=open_, masked=("bedz",))', "Facility has no field 'bedz'; did you mean 'beds'?",
        "rules =",
    ),
    "totals by no field": Mistake(
        'grant("steward"', 'allow_totals("planner", Facility, by=("nam",)), grant("steward"',
        "Facility has no field 'nam'; did you mean 'name'?", "rules =",
    ),
    "totals without a bound": Mistake(
        'grant("steward"', 'allow_totals("planner", Facility, by=("name",), k=0), grant("steward"',
        "k must be at least 1", "rules =",
    ),
}  # fmt: skip
ALSO = {
    "a key that is no column": ('"facilities", key="code"', '"facilities", key="ident"'),
    "a condition on a computed field": ("up_to=open_)", 'up_to=open_, where=row.label == "a")'),
}


class Modules:
    """Declarations written to a file and imported, as a department's are."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.file = folder / "health" / "records.py"
        self.text = ""

    def declared(self, text: str) -> Declared:
        self.text = HEAD + text + TAIL
        self.file.parent.mkdir(exist_ok=True)
        self.file.write_text(self.text)
        spec = importlib.util.spec_from_file_location("declared_for_a_test", self.file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        declared = module.declared
        assert isinstance(declared, Declared)
        return declared

    def problems(self, text: str) -> tuple[Problem, ...]:
        with pytest.raises(DeclarationError) as caught:
            resolve([self.declared(text)])
        return caught.value.problems

    def line_of(self, text: str) -> int:
        return next(number for number, found in enumerate(self.text.splitlines(), 1) if text in found)


@pytest.fixture
def modules(tmp_path: Path) -> Iterator[Modules]:
    yield Modules(tmp_path)
    sys.modules.pop("declared_for_a_test", None)


def swapped(text: str, old: str, new: str) -> str:
    assert old in HEAD + text, f"the good declaration has no {old!r}"
    return text.replace(old, new)


def test_the_good_declaration_is_good(modules: Modules) -> None:
    catalog = resolve([modules.declared(GOOD)])
    assert list(catalog.records) == ["health.Facility", "health.Worker"]


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_with_file_line_and_remedy(
    name: str, modules: Modules, monkeypatch: pytest.MonkeyPatch
) -> None:
    mistake = MISTAKES[name]
    text = GOOD
    for old, new in [(mistake.old, mistake.new), *([ALSO[name]] if name in ALSO else [])]:
        monkeypatch.setattr(sys.modules[__name__], "HEAD", HEAD.replace(old, new))
        text = text.replace(old, new)
    found = {problem.message: problem.where for problem in modules.problems(text)}
    assert mistake.told in found, "\n".join(found)
    where = re.fullmatch(r"health/records\.py:(\d+)", found[mistake.told])
    assert where is not None, found[mistake.told]
    expected = modules.line_of(mistake.line)
    assert int(where.group(1)) in (expected, expected - 1), (where.group(1), expected)
    assert str(modules.file.parent.parent) not in found[mistake.told]


def test_all_mistakes_are_told_at_once(modules: Modules) -> None:
    text = GOOD.replace('column("nm", open_)', 'column("nm")').replace("beds: int", "beds: list")
    text = text.replace('one("health.Facility"', 'one("health.Facilty"').replace('allow("public"', 'allow("pubic"')
    problems = modules.problems(text)
    assert len(problems) == 4
    with pytest.raises(DeclarationError) as caught:
        resolve([modules.declared(text)])
    assert str(caught.value).count("\n") == 3


def test_two_departments_of_one_name_are_told(modules: Modules) -> None:
    one = modules.declared(GOOD)
    with pytest.raises(DeclarationError, match="health: two departments have this name; rename one"):
        resolve([one, one])


def test_a_department_names_an_owner(modules: Modules, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "HEAD", HEAD.replace('"Secretary Health"', '""'))
    told = "names no owner; name the post answerable for it"
    assert told in [problem.message for problem in modules.problems(GOOD)]


def test_a_class_without_record_is_told(modules: Modules) -> None:
    text = GOOD + "\nclass Plain: ...\nrecords = (*records, Plain)\n"
    assert "Plain is listed as a record but has no @record" in [one.message for one in modules.problems(text)]


def good(modules: Modules) -> Catalog:
    return resolve([modules.declared(GOOD)])


def test_a_link_is_as_sensitive_as_the_more_sensitive_of_its_keys(modules: Modules) -> None:
    text = GOOD.replace('column("fac", open_)', 'column("fac", confidential)')
    links = resolve([modules.declared(text)]).records["health.Facility"].links
    assert links["workers"].classification.label == "Confidential"


def test_a_computed_field_is_as_sensitive_as_the_most_sensitive_it_reads(modules: Modules) -> None:
    text = GOOD.replace("    beds: int", '    label: str = computed(str, reads=("name", "beds"))\n    beds: int')
    fields = resolve([modules.declared(text)]).records["health.Facility"].fields
    assert fields["label"].classification.label == "Restricted"


def test_owners_come_from_the_field_the_record_the_source_or_the_department(modules: Modules) -> None:
    catalog = good(modules)
    assert catalog.records["health.Worker"].fields["cnic"].owner == "Secretary Health"
    text = GOOD.replace('column("nm", open_)', 'column("nm", open_, owner="Registrar")')
    text = text.replace('"workers", key', '"workers", owner="Director HR", key')
    records = resolve([modules.declared(text)]).records
    assert records["health.Facility"].fields["name"].owner == "Registrar"
    assert records["health.Worker"].fields["cnic"].owner == "Director HR"


def test_the_catalogs_version_changes_with_any_declaration_or_rule(modules: Modules) -> None:
    versions = [good(modules).version]
    for old, new in [
        ('"nm", open_', '"nm2", open_'), ('"nm", open_', '"nm", restricted'), ("codec=cnic, ", ""),
        ("up_to=open_", "up_to=restricted"), ('up_to=open_', 'up_to=open_, where=row.name == "a"'),
        ('"steward", "diagnose"', '"auditor", "diagnose"'), ('"workers", key', '"workers2", key'),
    ]:  # fmt: skip
        versions.append(resolve([modules.declared(swapped(GOOD, old, new))]).version)
    assert len(set(versions)) == len(versions)
    assert good(modules).version == versions[0]


def test_the_catalogs_version_is_the_same_in_every_process() -> None:
    """Cursors are bound to it: every worker, and the server after a restart, must take them."""
    program = "from gateway.opening import *; from gateway.settings import *; print(open_catalog(Settings()).version)"
    versions = {
        subprocess.run(
            [sys.executable, "-c", program], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }  # fmt: skip
    assert len(versions) == 1


@pytest.mark.parametrize(
    ("written", "told"),
    [("district_code", "districtCode"), ("name", "name"), ("b_form", "bForm"), ("is_tracer", "isTracer")],
)
def test_names_are_told_to_clients_in_their_way(written: str, told: str) -> None:
    assert api_name(written) == told


@pytest.mark.parametrize(
    ("singular", "plural"), [("facility", "facilities"), ("school", "schools"), ("day", "days"), ("post", "posts")]
)
def test_plurals(singular: str, plural: str) -> None:
    assert plural_of(singular) == plural


def test_a_department_adds_a_role_of_its_own(modules: Modules) -> None:
    catalog = resolve([modules.declared(GOOD.replace('allow("public"', 'allow("matron"'))])
    assert catalog.roles > {"auditor", "matron"}
