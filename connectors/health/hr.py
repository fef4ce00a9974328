"""Health HR: staff and posts."""

from __future__ import annotations

import datetime as dt

from connectors.health.sources import hr
from schema.changes import logged, watermark
from schema.classification import confidential, open_, restricted
from schema.codecs import blank_is_null, cnic, code_table, ddmmyyyy, offset_stamp
from schema.declare import column, many, one, record
from schema.relations import Select
from schema.scalars import NationalId


@record(hr, "employees", key="code", size=30_000, legal_basis="LegalObligation", persons=True)
class Worker:
    """A member of the health staff."""

    code: str = column("emp_no", restricted)
    name: str | None = column("nm", restricted, personal=True)
    cnic: NationalId | None = column("cnic", confidential, codec=cnic, personal=True)
    designation: str | None = column("desig", open_)
    bps: int | None = column("bps", open_)
    facility_code: str | None = column("facility_cd", open_)
    joined_on: dt.date | None = column("dt_join", restricted, codec=ddmmyyyy)
    status: str | None = column("status_cd", restricted, codec=code_table("staff status", {"A": "Active", "L": "Left"}))
    facility = one("health.Facility", on="facility_code")
    payslips = many("finance.Payslip", on="cnic", key="cnic")


post_rows = Select(
    "SELECT p.post_no AS post_no, p.facility_cd AS facility_cd, p.desig AS desig, p.bps AS bps, "
    "p.filled_by AS filled_by, CASE WHEN p.filled_by IS NULL OR p.filled_by = '' THEN 0 ELSE 1 END AS filled "
    "FROM posts p",
    "posts",
)


@record(hr, post_rows, key="code", size=40_000)
class Post:
    """A sanctioned post of a facility."""

    code: str = column("post_no", open_)
    facility_code: str | None = column("facility_cd", open_)
    designation: str | None = column("desig", open_)
    bps: int | None = column("bps", open_)
    worker_code: str | None = column("filled_by", restricted, codec=blank_is_null)
    filled: int | None = column("filled", open_, description="1 when somebody holds the post now, else 0.")
    facility = one("health.Facility", on="facility_code")
    worker = one("health.Worker", on="worker_code")


@record(
    hr, "shift_presence", key="facility_code", size=1_661,
    changes=logged(otherwise=watermark("updated_at", overlap_s=300.0, compare_s=300.0)),
)  # fmt: skip
class ShiftPresence:
    """How many of a facility's staff are there, as its attendance machine last sent it. The shape is invented."""

    facility_code: str = column("facility_cd", open_)
    on_roll: int | None = column("on_roll", open_, description="Staff of the running shift.")
    present: int | None = column("present", open_)
    updated_at: dt.datetime | None = column("updated_at", open_, codec=offset_stamp)
    facility = one("health.Facility", on="facility_code")


records = (Worker, Post, ShiftPresence)
