"""Rows that several indicators are made of, named once so that they are read alike."""

from __future__ import annotations

from schema.derive import added, cell, count, fiscal_year_of, month_of, rows, total, year_of

districts = rows("finance.District", district="code", people="population", children="school_age_children")

schools = rows("education.School", school="code", district="district_code", status="status")
active_schools = schools.keep(cell.status == "Active")
visits = (
    rows("education.Visit", school="school_code", at="visited_at", found_open="was_open", present="teachers_present")
    .group("school", "at", "found_open", "present", sent=count())
    .compute(period=month_of("at"))
    .join(active_schools, school="school")
)
"""A visit sent twice counts once; what was sent of a school that is not active, or unknown, does not."""
posts = rows("education.Position", school="school_code", district="district_code", filled="filled")

_counts = rows("education.EnrolmentCount", district="district_code", day="counted_on", boys="boys", girls="girls")
pupils = (
    _counts.compute(period=year_of("day"))
    .group("district", "period", boys=total("boys"), girls=total("girls"), forms=count())
    .compute(pupils=added("boys", "girls"))
)
"""Of the annual school census, by calendar year."""
pupils_of_fiscal_year = (
    _counts.compute(period=fiscal_year_of("day"))
    .group("district", "period", boys=total("boys"), girls=total("girls"), forms=count())
    .compute(pupils=added("boys", "girls"))
)

facilities = rows("health.Facility", facility="code", district="district_code", status="status")
active_facilities = facilities.keep(cell.status == "Active")
