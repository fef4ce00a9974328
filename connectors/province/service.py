"""Service against need: enrolment beside the children of a district, medicine stock beside the patients of a
facility."""

from __future__ import annotations

from decimal import Decimal

from connectors.province.sources import records as source
from schema.declare import derived, one, taken
from schema.derive import cell, count, joined, plus, ratio, rows, total
from schema.predicates import row

enrolled = rows("education.Student", district="district_code").group("district", pupils=count())


@derived(
    source,
    rows("finance.District", code="code", children="school_age_children")
    .left_join(enrolled, code="district")
    .compute(per_thousand=ratio("pupils", "children", times=1000, places=1)),
    key="code", plural="districtEnrolments", size=36,
)  # fmt: skip
class DistrictEnrolment:
    """Pupils enrolled now beside the children of school age counted in the census, for each district of today."""

    code: str = taken("code", description="The district's code.")
    pupils: int | None = taken("pupils")
    children: int | None = taken("children", description="Aged 5 to 16 in the census of 2023.")
    per_thousand: Decimal | None = taken("per_thousand", description="Pupils for a thousand children of school age.")
    district = one("finance.District", on="code")


stock_outs = (
    rows(
        "health.Stock", row.is_tracer == True,  # noqa: E712
        facility="facility_code", drug="drug_code", day="counted_on", quantity="quantity",
    )
    .held("facility", "drug", on="day")
    .keep(cell.quantity == 0)
    .group("facility", "drug", "month", days_out=total("days"))
)  # fmt: skip
load = (
    rows("health.MonthlyFigure", facility="facility_code", month="month", new="opd_new", again="opd_follow_up")
    .compute(opd=plus("new", "again"))
    .quantile("median", "opd", by=("month",))
)


@derived(
    source,
    stock_outs.join(load, facility="facility", month="month")
    .keep(cell.opd > cell.median)
    .compute(code=joined("facility", "drug", "month")),
    key="code", plural="busyStockOuts", size=1_000,
)  # fmt: skip
class BusyStockOut:
    """A month in which a facility with more outpatients than the median facility was out of a tracer drug. The last
    stock counted is carried forward."""

    code: str = taken("code")
    facility_code: str | None = taken("facility")
    drug_code: str | None = taken("drug")
    month: str | None = taken("month")
    days_out: int | None = taken("days_out", description="Days of the month at zero stock.")
    outpatients: int | None = taken("opd")
    median: Decimal | None = taken("median", description="Outpatients of the median facility in that month.")
    facility = one("health.Facility", on="facility_code")


records = (DistrictEnrolment, BusyStockOut)
