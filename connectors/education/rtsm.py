"""RTSM: what monitors saw at a school. A tablet writes the school's code as its user typed it."""

from __future__ import annotations

import datetime as dt

from connectors.education.sources import rtsm
from schema.changes import tagged, watermark
from schema.classification import open_, restricted
from schema.codecs import flag, naive_stamp, offset_stamp, upper_trimmed
from schema.declare import column, many, one, record
from schema.relations import Collection, Parameter

visit_rows = Collection(
    "api/v2/visits",
    (Parameter("school", "school_code", "in", many=100), Parameter("id", "visit_id", "in", many=100),
     Parameter("from", "visit_ts", "gte"), Parameter("to", "visit_ts", "lt"),
     Parameter("updated_since", "synced_ts", "gte")),
    name="visits",
)
mark_rows = Collection(
    "api/v2/visit_staff",
    (Parameter("visit", "visit_id", "in", many=100), Parameter("staff", "staff_ref", "in", many=100)),
    name="visit_staff",
)


@record(
    rtsm, visit_rows, key="number", size=100_000,
    # Tablets that were away for long send their visits with the moment they are back; the server takes them in at once.
    # The tag of a list is another one whenever anything in RTSM is.
    changes=tagged(
        "api/v2/visits", arguments={"size": "1"}, compare_s=3_600.0,
        otherwise=watermark("synced_at", every_s=2.0, overlap_s=3_600.0, added_only=True, compare_s=3_600.0),
    ),
)  # fmt: skip
class Visit:
    """A monitor's visit to a school; the same visit may have been sent twice."""

    number: int = column("visit_id", open_)
    school_code: str | None = column("school_code", open_, codec=upper_trimmed)
    visited_at: dt.datetime | None = column("visit_ts", open_, codec=offset_stamp)
    synced_at: dt.datetime | None = column("synced_ts", restricted, codec=naive_stamp)
    monitor: str | None = column("monitor", restricted)
    was_open: bool | None = column("open_flag", open_, codec=flag("Y", "N", kind="text"))
    teachers_present: int | None = column("teachers_present", open_)
    students_present: int | None = column("students_present", open_)
    school = one("education.School", on="school_code")
    marks = many("education.VisitMark", on="visit_number")


@record(rtsm, mark_rows, key="number", size=600_000, persons=True)
class VisitMark:
    """Whether a teacher was there at a visit."""

    number: int = column("mark_id", restricted)
    visit_number: int | None = column("visit_id", restricted)
    teacher_code: str | None = column("staff_ref", restricted, personal=True)
    was_present: bool | None = column("present", restricted, codec=flag("Y", "N", kind="text"), personal=True)
    visit = one("education.Visit", on="visit_number")
    teacher = one("education.Teacher", on="teacher_code")


records = (Visit, VisitMark)
