"""HMIS: facilities, their monthly reports and the figures in them."""

from __future__ import annotations

import datetime as dt

from connectors.health.sources import hmis
from schema.changes import logged, watermark
from schema.classification import confidential, open_
from schema.codecs import cnic, code_table, offset_stamp, stripped, whole_number_text, yyyymm
from schema.declare import column, many, one, record
from schema.districts import district_alias
from schema.relations import Select
from schema.scalars import NationalId

TYPE = code_table("facility type", {
    "DHQ": "District Headquarters Hospital", "THQ": "Tehsil Headquarters Hospital", "RHC": "Rural Health Centre",
    "BHU": "Basic Health Unit", "CD": "Civil Dispensary",
})  # fmt: skip
STATUS = code_table("facility status", {"A": "Active", "I": "Inactive", "C": "Closed"})


@record(hmis, "organisationunit", key="code", size=1_661, persons=False)
class Facility:
    """A health facility of the provincial government."""

    code: str = column("code", open_, description="HMIS code, e.g. HF-KEC-0001.")
    name: str | None = column("name", open_, codec=stripped)
    type: str | None = column("fac_type", open_, codec=TYPE)
    status: str | None = column("status", open_, codec=STATUS, description="Active, Inactive or Closed.")
    district_code: str | None = column("dist_nm", open_, codec=district_alias("HMIS"))
    opened_on: dt.date | None = column("openingdate", open_)
    closed_on: dt.date | None = column("closeddate", open_)
    in_charge_cnic: NationalId | None = column("ic_cnic", confidential, codec=cnic, personal=True)
    district = one("finance.District", on="district_code")
    workers = many("health.Worker", on="facility_code")
    posts = many("health.Post", on="facility_code")
    stock = many("health.Stock", on="facility_code")
    reports = many("health.Report", on="facility_code")
    figures = many("health.MonthlyFigure", on="facility_code")


report_rows = Select(
    "SELECT c.registrationid AS registrationid, o.code AS facility_code, p.iso AS iso, c.date AS submitted "
    "FROM completedatasetregistration c JOIN organisationunit o ON o.organisationunitid = c.sourceid "
    "JOIN period p ON p.periodid = c.periodid JOIN dataset s ON s.datasetid = c.datasetid "
    "WHERE s.name = 'Monthly facility report'",
    "completedatasetregistration",
)


@record(hmis, report_rows, key="number", size=100_000)
class Report:
    """A facility's monthly report, registered as complete."""

    number: int = column("registrationid", open_)
    facility_code: str | None = column("facility_code", open_)
    month: str | None = column(
        "iso", open_, codec=yyyymm, description="The month reported on, e.g. 2025-09.", distinct=60
    )
    submitted_on: dt.date | None = column("submitted", open_)
    facility = one("health.Facility", on="facility_code")


def _value(element: str) -> str:
    return f"MAX(CASE WHEN e.code = '{element}' THEN v.value END) AS {element.lower()}"


figure_rows = Select(
    "SELECT o.code || '/' || p.iso AS figure_id, o.code AS facility_code, p.iso AS iso, "
    f"{', '.join(_value(code) for code in ('OPD_NEW', 'OPD_OLD', 'DELIV', 'ANC1', 'PENTA3', 'MALARIA'))} "
    "FROM datavalue v JOIN dataelement e ON e.dataelementid = v.dataelementid "
    "JOIN organisationunit o ON o.organisationunitid = v.sourceid JOIN period p ON p.periodid = v.periodid "
    "WHERE {inside} GROUP BY o.code, p.iso",
    "datavalue",
    {"facility_code": "o.code", "iso": "p.iso"},
)


@record(hmis, figure_rows, key="code", size=100_000)
class MonthlyFigure:
    """A facility's figures of a month, turned from one row a value into one row a month."""

    code: str = column("figure_id", open_, description="Facility and month, e.g. HF-KEC-0001/202509.")
    facility_code: str | None = column("facility_code", open_)
    month: str | None = column("iso", open_, codec=yyyymm, distinct=60)
    opd_new: int | None = column("opd_new", open_, codec=whole_number_text, description="New outpatients.")
    opd_follow_up: int | None = column("opd_old", open_, codec=whole_number_text)
    deliveries: int | None = column("deliv", open_, codec=whole_number_text)
    first_antenatal: int | None = column("anc1", open_, codec=whole_number_text)
    pentavalent3: int | None = column("penta3", open_, codec=whole_number_text)
    malaria: int | None = column("malaria", open_, codec=whole_number_text)
    facility = one("health.Facility", on="facility_code")


@record(
    hmis, "bed_states", key="facility_code", size=1_661,
    changes=logged(otherwise=watermark("updated_at", overlap_s=300.0, compare_s=300.0)),
)  # fmt: skip
class BedState:
    """Beds of a facility and how many are occupied, as its ward clerk last sent it. The shape is invented."""

    facility_code: str = column("ou_code", open_)
    beds: int | None = column("beds", open_)
    occupied: int | None = column("occupied", open_)
    updated_at: dt.datetime | None = column("updated_at", open_, codec=offset_stamp)
    facility = one("health.Facility", on="facility_code")


records = (Facility, Report, MonthlyFigure, BedState)
