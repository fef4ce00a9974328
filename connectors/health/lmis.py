"""LMIS: stock on hand, as last calculated on a day."""

from __future__ import annotations

import datetime as dt

from connectors.health.sources import lmis
from schema.changes import logged, watermark
from schema.classification import open_
from schema.codecs import flag
from schema.declare import column, one, record
from schema.relations import Select

stock_rows = Select(
    "SELECT s.id AS id, m.hmis_code AS hmis_code, o.code AS drug_code, o.name AS drug, o.tracer AS tracer, "
    "s.stockonhand AS stockonhand, s.occurreddate AS occurreddate FROM calculated_stocks_on_hand s "
    "JOIN stock_cards c ON c.id = s.stockcardid JOIN facility_map m ON m.facilityid = c.facilityid "
    "JOIN orderables o ON o.id = c.orderableid",
    "calculated_stocks_on_hand",
)


FORTNIGHT_S = 14 * 86_400.0
"""How late a stock count may be entered; LMIS keeps only the day it was counted on."""


@record(
    lmis, stock_rows, key="code", plural="stocks", size=100_000,
    changes=logged(
        "calculated_stocks_on_hand", "id", joined=("stock_cards", "facility_map", "orderables"),
        otherwise=watermark("counted_on", overlap_s=FORTNIGHT_S, added_only=True),
    ),
)  # fmt: skip
class Stock:
    """What was on the shelf of a facility from a day on, until the next entry."""

    code: str = column("id", open_)
    facility_code: str | None = column("hmis_code", open_)
    drug_code: str | None = column("drug_code", open_)
    drug: str | None = column("drug", open_)
    is_tracer: bool | None = column("tracer", open_, codec=flag(1, 0), description="One of the drugs watched.")
    quantity: int | None = column("stockonhand", open_)
    counted_on: dt.date | None = column("occurreddate", open_)
    facility = one("health.Facility", on="facility_code")


records = (Stock,)
