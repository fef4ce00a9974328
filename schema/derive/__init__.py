"""Derived records: a declared query over other records, by name. What no ``where`` can say (a ratio, two fields
compared, a median, the last value carried forward, a full match of two lists) is said here as data, and planned,
authorized and explained like any record.

A query is written from the rows up and every step names its cells::

    enrolled = rows("education.Student", district="district_code").group("district", pupils=count())
    query = rows("finance.District", code="code", children="school_age_children").join(enrolled, code="district")
        .compute(per_thousand=ratio("pupils", "children", times=1000, places=1))

These are the words it is written with. What they make stands in ``nodes``, ``cell_tests``, ``measures`` and
``expressions``; ``shape`` says what a query reads.
"""

from schema.derive.cell_tests import Test, both, cell, either, has, lacks, opposite
from schema.derive.expressions import (
    Expression,
    added,
    bound,
    cases,
    date_of,
    day_in,
    day_of,
    days_after,
    exactly,
    first_of,
    fiscal_year_of,
    fixed,
    head_of,
    joined,
    kept_back,
    last_day_of,
    less_if,
    minus,
    month_of,
    or_else,
    owner_of,
    owners_then,
    plus,
    ratio,
    system_of,
    withheld,
    worded,
    year_of,
)
from schema.derive.measures import Measured, count, distinct, least, most, total, values
from schema.derive.query import Query, described, in_parts, listed, rows

__all__ = [
    "Expression", "Measured", "Query", "Test", "added", "both", "bound", "cases", "cell", "count", "date_of", "day_in",
    "day_of", "days_after", "described", "distinct", "either", "exactly", "first_of", "fiscal_year_of", "fixed", "has",
    "head_of", "in_parts", "joined", "kept_back", "lacks", "last_day_of", "least", "less_if", "listed", "minus",
    "month_of", "most", "opposite", "or_else", "owner_of", "owners_then", "plus", "ratio", "rows", "system_of", "total",
    "values", "withheld", "worded", "year_of",
]  # fmt: skip
