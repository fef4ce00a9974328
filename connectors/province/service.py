"""Service against need: enrolment beside the children of a district, medicine stock beside the patients of a
facility."""

from __future__ import annotations

from decimal import Decimal

from connectors.province.sources import records as source
from schema.declare import derived, one, taken
from schema.derive import added, cell, count, has, joined, plus, ratio, rows, total
from schema.predicates import row

census = rows("finance.CensusCount", code="code", year="year", district="district_code", children="school_age_children")
enrolled = rows("education.Student", district="district_code").group("district", pupils=count())
split_since = (
    rows("finance.District", part="code", whole="split_from")
    .keep(has("whole"))
    .join(rows("finance.CensusCount", year="year", district="district_code"), whole="district")
    .without(rows("finance.CensusCount", year="year", district="district_code"), part="district", year="year")
    .join(enrolled, part="district")
    .group("whole", "year", split_pupils=total("pupils"))
)  # fmt: skip


@derived(
    source,
    census.left_join(enrolled, district="district")
    .left_join(split_since, district="whole", year="year")
    .compute(enrolment=plus("pupils", "split_pupils"))
    .compute(per_thousand=ratio("enrolment", "children", times=1000, places=2)),
    key="code", size=72,
)  # fmt: skip
class DistrictEnrolment:
    """Pupils enrolled now beside the children of school age at a census, by the districts of that census: those split
    off since count with the district they were a part of."""

    code: str = taken("code", description="Census year and district, e.g. 2023-KEC.")
    census_year: int | None = taken("year")
    district_code: str | None = taken("district")
    enrolment: int | None = taken("enrolment")
    children: int | None = taken("children", description="Aged 5 to 16 at the census.")
    per_thousand: Decimal | None = taken("per_thousand", description="Pupils for a thousand children of school age.")
    district = one("finance.District", on="district_code")


stock_outs = (
    rows(
        "health.Stock", row.is_tracer == True,  # noqa: E712
        facility="facility_code", drug="drug_code", day="counted_on", quantity="quantity",
    )
    .held("facility", "drug", on="day", months=12)
    .keep(cell.quantity == 0)
    .group("facility", "drug", "month", days_out=total("days"))
)  # fmt: skip
load = (
    rows("health.MonthlyFigure", facility="facility_code", month="month", new="opd_new", again="opd_follow_up")
    .compute(outpatients=added("new", "again"))
    .quantile("median", "outpatients", by=("month",))
)


@derived(
    source,
    stock_outs.join(load, facility="facility", month="month")
    .keep(cell.outpatients > cell.median)
    .compute(code=joined("facility", "drug", "month")),
    key="code", size=1_000,
)  # fmt: skip
class BusyStockOut:
    """A month in which a facility with more outpatients than the median facility was without a tracer drug. The last
    stock counted is carried forward, for a year at most; a facility whose figures cannot be read is not here."""

    code: str = taken("code")
    facility_code: str | None = taken("facility")
    drug_code: str | None = taken("drug")
    month: str | None = taken("month")
    days_out: int | None = taken("days_out", description="Days of the month at zero stock.")
    outpatients: int | None = taken("outpatients")
    median: Decimal | None = taken("median", description="Outpatients of the median facility in that month.")
    facility = one("health.Facility", on="facility_code")


records = (DistrictEnrolment, BusyStockOut)
