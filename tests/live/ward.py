"""A hospital's database, as small as tests of its log of changes need it: patients whom only their own ward may see,
beds joined with their wards, visitors in a table without a key."""

from __future__ import annotations

import datetime as dt

from schema.catalog import Declared
from schema.changes import compared, logged, watermark
from schema.classification import open_, restricted
from schema.declare import column, record
from schema.predicates import principal, row
from schema.relations import Select
from schema.rules import Rule, allow
from schema.sources import SQL, Department, Limits, Source

hospital = Department("hospital", "Civil Hospital", "Medical Superintendent")
ward = Source(
    "ward", "hospital", "sql", "Wards", SQL, owner="Matron", limits=Limits(timeout_s=5.0, polls_per_s=200.0)
)  # fmt: skip
TABLES = (
    "CREATE TABLE wards (ward_cd varchar(10) PRIMARY KEY, title varchar(40))",
    "CREATE TABLE patients (photo varchar(200), patient_no bigint PRIMARY KEY, nm varchar(40), ward_cd varchar(10))",
    "CREATE TABLE beds (id int PRIMARY KEY, bed_cd varchar(20) NOT NULL, ward_cd varchar(10), state varchar(20), "
    "moved_at date, CONSTRAINT beds_cd UNIQUE (bed_cd))",
    "CREATE TABLE visitors (visitor_cd varchar(20), came_on date)",
    "INSERT INTO wards VALUES ('A', 'Surgery'), ('B', 'Children')",
    "INSERT INTO patients VALUES ('x', 1, 'Gul', 'A'), ('x', 2, 'Zarak', 'B')",
    "INSERT INTO beds VALUES (1, 'A/1', 'A', 'free', '2025-10-01'), (2, 'B/1', 'B', 'taken', '2025-10-01')",
    "INSERT INTO visitors VALUES ('v1', '2025-10-01')",
)
bed_rows = Select(
    "SELECT b.bed_cd AS bed_cd, b.state AS state, b.moved_at AS moved_at, w.title AS ward FROM beds b "
    "JOIN wards w ON w.ward_cd = b.ward_cd",
    "beds",
)


# What is compared only every hour, the log alone tells in time.
@record(ward, "patients", key="number", size=100, persons=True, changes=logged(otherwise=compared(every_s=3_600.0)))
class Patient:
    """Somebody who lies in a ward."""

    number: int = column("patient_no", restricted)
    name: str | None = column("nm", restricted, personal=True)
    ward: str | None = column("ward_cd", restricted)


@record(
    ward, bed_rows, key="code", size=100,
    changes=logged("beds", "bed_cd", joined=("wards",), otherwise=watermark("moved_on", every_s=0.1, compare_s=3_600)),
)  # fmt: skip
class Bed:
    """A bed of a ward."""

    code: str = column("bed_cd", open_)
    state: str | None = column("state", open_)
    moved_on: dt.date | None = column("moved_at", open_)
    ward: str | None = column("ward", open_)


@record(
    ward, "visitors", key="code", size=100,
    changes=logged(otherwise=watermark("came_on", every_s=0.1, compare_s=3_600)),
)  # fmt: skip
class Visitor:
    """Who came to see a patient."""

    code: str = column("visitor_cd", open_)
    came_on: dt.date | None = column("came_on", open_)


rules: tuple[Rule, ...] = (
    allow("public", Bed, up_to=open_),
    allow("public", Visitor, up_to=open_),
    allow("clinician", Patient, up_to=restricted, where=row.ward == principal.facility),
)
declared = Declared(hospital, (Patient, Bed, Visitor), rules)
