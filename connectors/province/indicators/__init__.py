"""Performance evaluation: the indicators of the departments, their values, and the scorecard that asks for them. A file
a theme; an indicator is declared once, and its values, lineage and rank follow from that."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.province.indicators import education, finance, health
from connectors.province.sources import records as source
from schema.classification import confidential, open_
from schema.declare import derived, many, one, taken
from schema.derive import described, joined, listed
from schema.evaluation import DISTRICT, PROVINCE, values
from schema.indicators import lineage
from schema.owners import post_of
from schema.periods import covering, frequencies
from schema.presets import Argument, Test, preset
from schema.rules import Rule, allow

indicators = (*education.indicators, *health.indicators, *finance.indicators)
FACTS = ("code", "name", "meaning", "department", "unit", "direction", "frequency", "certainty", "k")


@derived(
    source,
    listed(*FACTS, "owner",
           rows=[(*(getattr(one, name) for name in FACTS), post_of(one.owner)) for one in indicators]),
    key="code", size=len(indicators),
)  # fmt: skip
class Indicator:
    """What is measured, what it means and who answers for it."""

    code: str = taken("code")
    name: str | None = taken("name")
    meaning: str | None = taken("meaning")
    department: str | None = taken("department", description="The department whose performance it tells.")
    owner: str | None = taken("owner", description="The post answerable for the figure today.")
    unit: str | None = taken("unit")
    direction: str | None = taken("direction", description="HIGHER_IS_BETTER or LOWER_IS_BETTER.")
    frequency: str | None = taken("frequency", description="DAILY, MONTHLY, ANNUAL, FISCAL_YEAR or CURRENT.")
    certainty: str | None = taken("certainty", description="What chance there is in it: proportion, rate or exact.")
    k: int | None = taken("k", description="Nothing is told over fewer than so many.")
    targets = many("province.IndicatorTarget", on="indicator")
    columns = many(
        "province.IndicatorColumn", on="owners",
        description="Everything it is worked out from, and whose that is today.",
    )


@derived(
    source,
    listed(
        "indicator", "since", "target",
        rows=[(one.code, since, target) for one in indicators for since, target in one.targets],
    ).compute(code=joined("indicator", "since")),
    key="code", size=40,
)  # fmt: skip
class IndicatorTarget:
    """What an indicator should be from a year on."""

    code: str = taken("code")
    indicator: str | None = taken("indicator")
    since: str | None = taken("since")
    target: Decimal | None = taken("target")


@derived(
    source,
    described("indicator", "figure", rows=[(one.code, *read) for one in indicators for read in lineage(one)])
    .compute(code=joined("owners", "figure", "coordinate")),
    key="code", size=400,
)  # fmt: skip
class IndicatorColumn:
    """A column that an indicator is worked out from, as the catalogue has it: found from the declaration, never written
    a second time. Where one of an indicator's columns changed hands, all of them are told once for each time."""

    code: str = taken("code")
    indicator: str | None = taken("indicator")
    figure: str | None = taken("figure", description="numerator, denominator, reported or expected.")
    coordinate: str | None = taken("coordinate")
    department: str | None = taken("department")
    owner: str | None = taken("owner", description="The post answerable for the column at that time.")
    until: dt.date | None = taken("until", description="The last day of that time; null for today's owners.")
    owners: str | None = taken("owners", description="The indicator and the time whose owners these are.")
    classification: str | None = taken("classification")
    system: str | None = taken("system")
    source: str | None = taken("source")
    relation: str | None = taken("relation")
    column: str | None = taken("column")


@derived(source, values(indicators), key="code", size=20_000, persons=False, kept=True)
class IndicatorValue:
    """An indicator at a place in a period, with all it is made of. Nothing is told of a part of its rows: what may not
    be read whole is missing, and named."""

    code: str = taken("code")
    indicator: str | None = taken("indicator")
    department: str | None = taken("department", description="The department whose performance it tells.")
    level: str | None = taken("level", description="PROVINCE, DISTRICT, FACILITY or SCHOOL.")
    frequency: str | None = taken("frequency")
    period: str | None = taken("period", description="2025-09, 2025, 2024-25, 2025-09-30, or current.")
    owner: str | None = taken("owner", description="The post that answered for the figure on that day.")
    owners_on: dt.date | None = taken("owners_on", description="The day: the period's last; null for today's figures.")
    owners: str | None = taken("owners", description="Whose the columns were on that day; see its columns.")
    place: str | None = taken("place", description="The code of the place; PK-BA for the province.")
    district_code: str | None = taken("district")
    facility_code: str | None = taken("facility")
    school_code: str | None = taken("school")
    value: Decimal | None = taken("value")
    numerator: Decimal | None = taken("numerator")
    denominator: Decimal | None = taken("denominator")
    numerator_rows: int | None = taken("numerator_rows", description="Rows of the source that the numerator is of.")
    denominator_rows: int | None = taken("denominator_rows")
    low: Decimal | None = taken("low", description="The value is above this with 95 % certainty.")
    high: Decimal | None = taken("high")
    target: Decimal | None = taken("target")
    met: bool | None = taken("met")
    previous_period: str | None = taken("previous_period")
    previous: Decimal | None = taken("previous", description="The value of the previous period.")
    change: Decimal | None = taken("change")
    trend: str | None = taken("trend", description="Improving, Worsening, or Steady where it may be chance.")
    rank_from: int | None = taken("rank_from", description="The best rank among its peers that it may have.")
    rank_to: int | None = taken("rank_to", description="The worst one.")
    band: int | None = taken("band", description="Peers whose bounds overlap share a band; 1 is the best.")
    peers: int | None = taken("peers", description="Places ranked; those withheld or without a value are not.")
    completeness: Decimal | None = taken("completeness", description="Percent of those expected to report who did.")
    suppressed: bool | None = taken("suppressed", description="Withheld, because it tells of too few.")
    definition = one("province.Indicator", on="indicator")
    columns = many(
        "province.IndicatorColumn", on="owners", key="owners", description="With who answered for them on that day."
    )
    district = one("finance.District", on="district_code")
    facility = one("health.Facility", on="facility_code")
    school = one("education.School", on="school_code")


records = (Indicator, IndicatorTarget, IndicatorColumn, IndicatorValue)
DEPARTMENT = Argument("department", (Test("department", "eq"),), "education, health or finance.")
FACILITY = Argument("facility", (Test("facility_code", "eq"),), "A facility's code.", fixes={"level": "FACILITY"})
SCHOOL = Argument("school", (Test("school_code", "eq"),), "A school's code.", fixes={"level": "SCHOOL"})
IN_DISTRICT = Argument("district", (Test("district_code", "eq"),), "A district's code.", fixes={"level": DISTRICT})
presets = (
    preset(
        "scorecard", IndicatorValue,
        "How a department, district, facility or school does in a period: of each indicator its value beside target, "
        "past and peers. Without a place: the province.",
        DEPARTMENT, FACILITY, SCHOOL, IN_DISTRICT,
        Argument(
            "period", (Test("period", "in", covering), Test("frequency", "in", frequencies)),
            "A month (2025-09), year (2025), fiscal year (2024-25) or day, and the longer periods it stands in.",
            required=True,
        ),
        otherwise={"level": PROVINCE},
    ),
    preset(
        "explainIndicator", IndicatorValue,
        "One value of an indicator, to be asked with all it is made of. Without a place: the province's.",
        Argument("code", (Test("indicator", "eq"),), "The indicator's code.", required=True),
        FACILITY, SCHOOL, IN_DISTRICT,
        Argument("period", (Test("period", "eq"),), "As the indicator's frequency has it; current for registers.",
                 required=True),
        otherwise={"level": PROVINCE},
    ),
)  # fmt: skip
rules: tuple[Rule, ...] = (
    *(allow("public", record, up_to=open_) for record in (Indicator, IndicatorTarget, IndicatorColumn)),
    allow("public", IndicatorValue, up_to=confidential),
)
