"""A department of tests whose results only the readers of a derived record may see; two records derive from them."""

from __future__ import annotations

from typing import Any

from auth.credentials import Authenticator
from connectors.memory import MemoryConnector
from gateway.cursors import Sealer
from gateway.house import House, make_house
from gateway.run import Reach
from schema.catalog import Catalog, Declared
from schema.classification import confidential, open_, restricted
from schema.codecs import cnic, whole_number_text
from schema.declare import column, derived, many, one, record, taken
from schema.derive import count, rows
from schema.predicates import principal, row
from schema.resolve import resolve
from schema.rules import Rule, allow, allow_through
from schema.sources import SQL, Capabilities, Department, Source
from tests.houses import AnyPrincipal, Desk, Remembered

schooling = Department("schooling", "Schools Department", "Secretary Schools")
register = Source("register", "schooling", "sql", "Register of pupils", SQL)
planning = Department("planning", "Planning Department", "Chief Economist")
worked_out = Source("worked_out", "planning", "derived", "Worked out", Capabilities(key_columns=frozenset()))


@record(register, "pupils", key="code", size=100, persons=True)
class Pupil:
    """Somebody who goes to school."""

    code: str = column("code", open_, personal=True)
    number: str | None = column("num", open_, codec=cnic, personal=True)
    school: str | None = column("school", open_)
    results = many("schooling.Result", on="pupil_code", classification=open_)


@record(register, "results", key="code", size=100, persons=True)
class Result:
    """What somebody got."""

    code: str = column("code", restricted)
    pupil_code: str | None = column("pupil", restricted)
    marks: int | None = column("marks", restricted, codec=whole_number_text, personal=True)
    note: str | None = column("note", confidential, personal=True)
    pupil = one("schooling.Pupil", on="pupil_code")


pupils = rows("schooling.Pupil", pupil="code", number="number", school="school")
results = rows("schooling.Result", result="code", whose="pupil_code", marks="marks", note="note")


@derived(worked_out, results.join(pupils, whose="pupil"), key="code", size=100, persons=True)
class Journey:
    """A result beside the pupil it is of."""

    code: str = taken("result")
    pupil_code: str | None = taken("whose")
    number: str | None = taken("number")
    school: str | None = taken("school")
    marks: int | None = taken("marks")
    note: str | None = taken("note")


@derived(worked_out, results.group("marks", pupils=count()), key="marks", size=100, persons=False)
class Mark:
    """Another record derived from the same results."""

    marks: int = taken("marks")
    pupils: int | None = taken("pupils")


own = row.number == principal.cnic
own_rules: tuple[Rule, ...] = (
    allow("public", Pupil, up_to=open_),
    allow_through("citizen", Result, "planning.Journey", up_to=restricted),
    allow_through("app", Result, "planning.Journey", up_to=restricted, purposes=("AcademicResearch",)),
    allow("head_teacher", Result, up_to=restricted, only=("code", "pupil_code")),
)
doors: tuple[Rule, ...] = (
    allow("citizen", Journey, up_to=confidential, where=own),
    allow("head_teacher", Journey, up_to=confidential, where=row.school == principal.school),
    allow("app", Journey, up_to=confidential),
    allow("citizen", Mark, up_to=confidential),
)
ROWS = {
    "pupils": [
        {"code": "P1", "num": "5410112345671", "school": "S1"}, {"code": "P2", "num": "5410112345673", "school": "S1"},
        {"code": "P3", "num": "5410112345675", "school": "S2"},
    ],
    "results": [
        {"code": "R1", "pupil": "P1", "marks": "71", "note": "a"},
        {"code": "R2", "pupil": "P2", "marks": "seventy-two", "note": "b"},
        {"code": "R3", "pupil": "P3", "marks": "73", "note": "c"},
    ],
}  # fmt: skip


def catalog(rules: tuple[Rule, ...] = own_rules, derived_too: bool = True) -> Catalog:
    told = [Declared(schooling, (Pupil, Result), rules)]
    return resolve([*told, Declared(planning, (Journey, Mark), doors)] if derived_too else told)


def desk(tables: dict[str, list[dict[str, Any]]] | None = None) -> Desk:
    """Both departments, their rows in memory."""
    believer, ledger = AnyPrincipal(), Remembered()
    authenticator: Authenticator = believer  # type: ignore[assignment]
    reach = Reach({"register": MemoryConnector(register, tables or ROWS)}, Sealer(b"k" * 64))
    house: House = make_house(catalog(), authenticator, ledger, reach)
    return Desk(house, believer, ledger)
