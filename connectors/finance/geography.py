"""Districts: the planning wing's table, which every department links to."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.finance.sources import geo
from schema.classification import open_
from schema.codecs import decimal
from schema.declare import column, many, one, record


@record(geo, "districts", key="code", size=36)
class District:
    """A district of the province as it is today."""

    code: str = column("dist_code", open_, description="Three letters, e.g. KEC.")
    name: str | None = column("dist_name", open_)
    division: str | None = column("div_name", open_)
    population: int | None = column("pop_2023", open_, description="Census of 2023.")
    school_age_children: int | None = column("school_age_2023", open_, description="Aged 5 to 16, 2023.")
    literacy_percent: Decimal | None = column("literacy_pct", open_, codec=decimal(2))
    since: dt.date | None = column("valid_from", open_, description="The district exists since this day.")
    split_from: str | None = column("split_from", open_, description="The district it was a part of before.")
    schools = many("education.School", on="district_code")
    positions = many("education.Position", on="district_code")
    facilities = many("health.Facility", on="district_code")
    budget_lines = many("finance.BudgetLine", on="district_code")


@record(geo, "census", key="code", size=72)
class CensusCount:
    """The people of a district at a census, by the districts of that day."""

    code: str = column("census_id", open_, description="Year and district, e.g. 2023-KEC.")
    year: int | None = column("census_year", open_)
    district_code: str | None = column("dist_code", open_)
    population: int | None = column("population", open_)
    school_age_children: int | None = column("school_age", open_, description="Aged 5 to 16.")
    district = one("finance.District", on="district_code")


records = (District, CensusCount)
