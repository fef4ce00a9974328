"""A department of tests with persons who may be counted but not seen, and the records another one derives from it."""

from __future__ import annotations

from decimal import Decimal

from auth.credentials import Authenticator
from connectors.memory import MemoryConnector
from gateway.cursors import Sealer
from gateway.house import House, make_house
from gateway.run import Reach
from schema.catalog import Catalog, Declared
from schema.classification import confidential, open_, restricted, secret
from schema.declare import column, derived, one, record, taken
from schema.derive import cell, count, distinct, has, joined, less_if, most, or_else, plus, ratio, rows, total
from schema.predicates import principal, row
from schema.resolve import resolve
from schema.rules import allow, allow_totals
from schema.sources import SQL, Capabilities, Department, Source
from tests.houses import AnyPrincipal, Desk, Remembered

labour = Department("labour", "Labour Department", "Secretary Labour")
register = Source("register", "labour", "sql", "Register of workers", SQL)
planning = Department("planning", "Planning Department", "Chief Economist")
worked_out = Source("worked_out", "planning", "derived", "Worked out", Capabilities(key_columns=frozenset()))


@record(register, "districts", key="code", size=10)
class Area:
    """A district, or a part of one."""

    code: str = column("code", open_)
    part_of: str | None = column("whole", open_)


@record(register, "people", key="code", size=100, persons=True)
class Hand:
    """Somebody who works."""

    code: str = column("code", open_, personal=True)
    area: str | None = column("dist", open_)
    sex: str | None = column("sex", open_)
    cnic: str | None = column("cnic", restricted, personal=True)
    wage: int | None = column("wage", restricted, personal=True)
    informs: str | None = column("inf", secret, personal=True)


@record(register, "pay", key="code", size=100, persons=True)
class Pay:
    """What somebody was paid."""

    code: str = column("code", open_, personal=True)
    cnic: str | None = column("cnic", open_, personal=True)


areas = rows("labour.Area", area="code", whole="part_of")
hands = rows("labour.Hand", area="area", wage="wage").group("area", hands=count(), wages=total("wage"))
roster = rows("labour.Hand", hand="code", area="area", cnic="cnic", wage="wage")


@derived(
    worked_out,
    areas.left_join(hands, area="area").compute(
        mean=ratio("wages", "hands"), more=plus("hands", "wages"), at_least=or_else("hands", 0),
    ),
    key="area", size=10, persons=False,
)  # fmt: skip
class AreaWage:
    """Hands and wages of an area."""

    area: str = taken("area")
    hands: int | None = taken("hands")
    wages: int | None = taken("wages")
    mean: Decimal | None = taken("mean")
    more: int | None = taken("more")
    at_least: int | None = taken("at_least")


@derived(
    worked_out,
    areas.keep(has("whole")).join(hands, area="area").group("whole", hands=total("hands"), parts=distinct("area")),
    key="whole", size=10, persons=False,
)  # fmt: skip
class WholeWage:
    """Hands of an area's parts together."""

    whole: str = taken("whole")
    hands: int | None = taken("hands")
    parts: int | None = taken("parts")


@derived(worked_out, hands.keep(cell.hands < 10), key="area", size=10, persons=False)
class SmallArea:
    """An area with few hands."""

    area: str = taken("area")


@derived(worked_out, areas.without(hands.keep(cell.hands > 10), area="area"), key="area", size=10, persons=False)
class EmptyArea:
    """An area without many hands."""

    area: str = taken("area")


sexes = rows("labour.Hand", area="area", sex="sex").group("area", "sex", hands=count())


@derived(
    worked_out, areas.left_join(sexes, area="area").compute(code=joined("area", "sex")), key="code", persons=False,
    plural="areaSexes",
)  # fmt: skip
class AreaSex:
    """Hands of an area by sex."""

    code: str = taken("code")
    hands: int | None = taken("hands")


by_wage = rows("labour.Hand", area="area", wage="wage").group("wage", hands=count())
best = rows("labour.Hand", area="area", wage="wage").group("area", best=most("wage"))
each_half = rows("labour.Hand", area="area", wage="wage").compute(half=less_if("wage", "area"))
halves = each_half.group("area", half=total("half"))


@derived(worked_out, by_wage, key="wage", size=10, persons=False, plural="wageClasses")
class WageClass:
    """Hands of each wage."""

    wage: int = taken("wage")
    hands: int | None = taken("hands")


@derived(worked_out, best, key="area", size=10, persons=False)
class BestWage:
    """The highest wage of an area."""

    area: str = taken("area")
    best: int | None = taken("best")


@derived(worked_out, halves, key="area", size=10, persons=False)
class HalfWage:
    """A sum of what is worked out of each row."""

    area: str = taken("area")
    half: int | None = taken("half")


@derived(
    worked_out, rows("labour.Pay", pay="code", cnic="cnic").without(roster, cnic="cnic"), key="pay",
    requires_all=("labour.Hand", "labour.Pay"), size=10, persons=True,
)  # fmt: skip
class GhostPay:
    """Pay of nobody who is on the roster: an accusation."""

    pay: str = taken("pay")


@derived(worked_out, roster, key="hand", size=10, persons=True)
class Roster:
    """The roster as it is."""

    hand: str = taken("hand")
    area_code: str | None = taken("area")
    cnic: str | None = taken("cnic")
    area = one("labour.Area", on="area_code")


@derived(worked_out, roster.keep(has("cnic")), key="hand", size=10, persons=True)
class Numbered:
    """Those whose number is known."""

    hand: str = taken("hand")


@derived(
    worked_out, rows("labour.Hand", hand="code", informs="informs").keep(has("informs")), key="hand", persons=True
)
class Informer:
    """Worked out from what is Secret."""

    hand: str = taken("hand")


DERIVED = (
    AreaWage, AreaSex, WholeWage, SmallArea, EmptyArea, WageClass, BestWage, HalfWage, GhostPay, Roster, Numbered,
    Informer,
)  # fmt: skip
rules = (
    allow("public", Area, up_to=open_),
    allow("public", Pay, up_to=open_),
    allow_totals("planner", Hand, by=("area", "sex"), measures=("wage",), k=10),
    allow("auditor", Hand, up_to=restricted),
    allow("district_officer", Hand, up_to=restricted, where=row.area == principal.district),
    allow("app", Hand, up_to=open_),
    allow("clinician", Hand, up_to=open_),
    allow("clinician", Hand, up_to=restricted, where=row.area == principal.district),
)
doors = tuple(allow("public", derived_record, up_to=confidential) for derived_record in DERIVED)
PEOPLE = {"A": 30, "A1": 3, "A2": 12, "B": 14, "B1": 25}
ROWS = {
    "districts": [
        {"code": "A", "whole": None}, {"code": "A1", "whole": "A"}, {"code": "A2", "whole": "A"},
        {"code": "B", "whole": None}, {"code": "B1", "whole": "B"}, {"code": "C", "whole": None},
    ],
    "people": [
        {"code": f"{area}-{at}", "dist": area, "sex": "F", "cnic": f"N-{area}-{at}", "wage": 100 + at, "inf": None}
        for area, number in PEOPLE.items() for at in range(number)
    ],
    "pay": [{"code": "P-1", "cnic": "N-A-1"}, {"code": "P-2", "cnic": "N-A1-1"}, {"code": "P-3", "cnic": "N-X"}],
}  # fmt: skip


def catalog() -> Catalog:
    return resolve([Declared(labour, (Area, Hand, Pay), rules), Declared(planning, DERIVED, doors)])


def desk(people: list[dict[str, object]] | None = None) -> Desk:
    """Both departments, their rows in memory."""
    believer, ledger = AnyPrincipal(), Remembered()
    authenticator: Authenticator = believer  # type: ignore[assignment]
    tables = ROWS if people is None else {**ROWS, "people": people}
    reach = Reach({"register": MemoryConnector(register, tables)}, Sealer(b"k" * 64))
    house: House = make_house(catalog(), authenticator, ledger, reach)
    return Desk(house, believer, ledger)
