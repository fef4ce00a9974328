"""Indicators of health: facilities, what they report, medicines and posts."""

from __future__ import annotations

from connectors.province.indicators.bases import active_facilities, districts, facilities
from schema.derive import cell, count, distinct, first_of, has, plus, rows, total
from schema.indicators import Certainty, Direction, Figure, Indicator, figure, indicator
from schema.periods import Frequency
from schema.predicates import row

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
SERVICES, HMIS = "Director General Health Services", "Provincial Coordinator HMIS"
MEDICINES, STAFF = "Director Medical Stores Depot", "Deputy Secretary Health (Staff)"
figures = (
    rows("health.MonthlyFigure", facility="facility_code", period="month", new="opd_new", again="opd_follow_up",
         antenatal="first_antenatal", pentavalent="pentavalent3", deliveries="deliveries", malaria="malaria")
    .compute(outpatients=plus("new", "again"))
    .join(facilities, facility="facility")
)  # fmt: skip
reports = (
    rows("health.Report", facility="facility_code", period="month")
    .group("facility", "period", reports=count())
    .join(active_facilities, facility="facility")
)
stock = (
    rows("health.Stock", row.is_tracer == True, facility="facility_code", drug="drug_code", day="counted_on",  # noqa: E712
         quantity="quantity")
    .held("facility", "drug", on="day", months=12)
    .compute(period=first_of("month"))
    .join(facilities, facility="facility")
)  # fmt: skip
posts = (
    rows("health.Post", facility="facility_code", filled="filled")
    .group("facility", held=total("filled"), posts=count())
    .join(facilities, facility="facility")
)
expected = figure(active_facilities, count())


def counted(name: str) -> Figure:
    return figure(figures.keep(has(name)), total(name))


def reporting(name: str) -> Figure:
    """The active facilities whose figure can be read."""
    return figure(figures.keep(has(name), cell.status == "Active"), count())


def rate(code: str, name: str, meaning: str, what: str, direction: Direction, target: str | None = None) -> Indicator:
    """Events that facilities report in a month, for 1,000 people of the census of 2023."""
    return indicator(
        code, name, meaning=f"{meaning} in the month for 1,000 people, of facilities that reported.",
        department="health", owner=SERVICES, unit="per 1,000 people", direction=direction,
        frequency=Frequency.MONTHLY, numerator=counted(what), denominator=figure(districts, total("people")),
        times=1000, places=3, certainty=Certainty.RATE, targets={} if target is None else {"2025": target},
        reported=reporting(what), expected=expected,
    )  # fmt: skip


indicators: tuple[Indicator, ...] = (
    indicator(
        "HLT_FUNCTIONAL", "Functional facilities", department="health", owner=SERVICES, unit="percent",
        meaning="Facilities that are active, of all that are not closed.",
        direction=HIGHER, frequency=Frequency.CURRENT, targets={"2025": "90"},
        numerator=figure(facilities.keep(cell.status == "Active"), count()),
        denominator=figure(facilities.keep(has("status"), cell.status != "Closed"), count()),
    ),
    indicator(
        "HLT_REPORTING", "Facilities that report", department="health", owner=HMIS, unit="percent",
        meaning="Active facilities whose monthly report is registered as complete.",
        direction=HIGHER, frequency=Frequency.MONTHLY, targets={"2024": "80", "2025": "90"},
        numerator=figure(reports, distinct("facility"), total("reports")), denominator=expected,
    ),
    rate("HLT_OUTPATIENTS", "Outpatients", "New and returning outpatients", "outpatients", HIGHER, "40"),
    rate("HLT_ANTENATAL", "First antenatal visits", "First antenatal visits", "antenatal", HIGHER),
    rate("HLT_PENTAVALENT3", "Third pentavalent doses", "Third doses of pentavalent vaccine", "pentavalent", HIGHER),
    rate("HLT_DELIVERIES", "Deliveries in facilities", "Deliveries", "deliveries", HIGHER),
    rate("HLT_MALARIA", "Malaria", "Cases of malaria", "malaria", LOWER),
    indicator(
        "HLT_LOAD", "Outpatients of a facility", department="health", owner=SERVICES, unit="outpatients",
        meaning="Outpatients in the month for each facility that reported some.",
        direction=HIGHER, frequency=Frequency.MONTHLY, times=1, certainty=Certainty.EXACT,
        numerator=counted("outpatients"), denominator=figure(figures.keep(has("outpatients")), count()),
        reported=reporting("outpatients"), expected=expected,
    ),
    indicator(
        "HLT_STOCK_OUT", "Days without tracer drugs", department="health", owner=MEDICINES, unit="percent of days",
        meaning="Days at zero stock, of the days for which the stock of a tracer drug is known.",
        direction=LOWER, frequency=Frequency.MONTHLY, places=2, certainty=Certainty.EXACT, targets={"2025": "5"},
        numerator=figure(stock.keep(cell.quantity == 0), total("days"), zero=True),
        denominator=figure(stock, total("days")),
        reported=figure(stock.keep(cell.status == "Active"), distinct("facility")), expected=expected,
    ),
    indicator(
        "HLT_POSTS_FILLED", "Health posts filled", department="health", owner=STAFF, unit="percent",
        meaning="Sanctioned posts of facilities that somebody holds.",
        direction=HIGHER, frequency=Frequency.CURRENT, targets={"2025": "85"},
        numerator=figure(posts, total("held"), total("posts")),
        denominator=figure(posts, total("posts"), total("posts")),
    ),
)  # fmt: skip
