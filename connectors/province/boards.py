"""Boards: what a control room watches. They are asked like any record, and subscribed to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.province.sources import records as source
from schema.changes import compared
from schema.declare import derived, one, taken
from schema.derive import cell, joined, ratio, rows
from schema.predicates import row

beds = rows("health.BedState", facility="facility_code", beds="beds", occupied="occupied")
staff = rows("health.ShiftPresence", at="facility_code", on_roll="on_roll", present="present")


@derived(
    source,
    beds.left_join(staff, facility="at").compute(
        occupancy=ratio("occupied", "beds", times=100, places=1),
        attendance=ratio("present", "on_roll", times=100, places=1),
    ),
    key="facility_code", plural="facilitiesNow", size=1_661, changes=compared(every_s=300.0),
)  # fmt: skip
class FacilityNow:
    """A health facility now: beds occupied and staff present, of a hundred."""

    facility_code: str = taken("facility")
    beds: int | None = taken("beds")
    occupied: int | None = taken("occupied")
    occupancy: Decimal | None = taken("occupancy", description="Beds occupied of a hundred.")
    on_roll: int | None = taken("on_roll")
    present: int | None = taken("present")
    attendance: Decimal | None = taken("attendance", description="Staff present of a hundred on the shift.")
    facility = one("health.Facility", on="facility_code")


@derived(
    source,
    rows(
        "health.Stock", row.is_tracer == True,  # noqa: E712
        facility="facility_code", drug="drug_code", day="counted_on", quantity="quantity",
    )
    .latest("facility", "drug", on="day")
    .keep(cell.quantity == 0)
    .compute(code=joined("facility", "drug")),
    key="code", size=1_000, changes=compared(every_s=300.0),
)  # fmt: skip
class StockAlarm:
    """A tracer drug of which the last count of a facility found nothing. Restocked, the alarm is gone."""

    code: str = taken("code", description="Facility and drug, e.g. HF-KEC-0001/ORS.")
    facility_code: str | None = taken("facility")
    drug_code: str | None = taken("drug")
    since: dt.date | None = taken("day", description="The day of the count that found nothing.")
    facility = one("health.Facility", on="facility_code")


records = (FacilityNow, StockAlarm)
