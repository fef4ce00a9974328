"""B-TEVTA: training centres, trades and trainees. Nobody has published the shape: this one is invented."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from connectors.labour.sources import tevta
from schema.classification import confidential, open_, restricted
from schema.codecs import blank_is_null, cnic, code_table, ddmmyyyy, paisa, stripped
from schema.declare import column, link_from, many, one, record
from schema.districts import district_alias
from schema.relations import Select
from schema.scalars import NationalId

KIND = code_table("centre type", {"V": "Vocational", "W": "Women's", "P": "Polytechnic"})
GENDER = code_table("gender", {"M": "Male", "F": "Female"})
STATUS = code_table("training status", {"R": "Registered", "C": "Certified", "D": "Dropped out", "F": "Failed"})


@record(tevta, "tev_inst", key="code", size=100)
class TrainingCentre:
    """A vocational training centre."""

    code: str = column("inst_cd", open_)
    name: str | None = column("inst_nm", open_, codec=stripped)
    kind: str | None = column("inst_typ", open_, codec=KIND)
    district_code: str | None = column("dist_nm", open_, codec=district_alias("TEVTA"))
    district = one("finance.District", on="district_code")
    trainings = many("labour.Training", on="centre_code")


@record(tevta, "tev_trd", key="code", size=50)
class Trade:
    """A trade that is taught."""

    code: str = column("trd_cd", open_)
    name: str | None = column("trd_nm", open_, codec=stripped)
    months: int | None = column("dur_mth", open_)
    level: int | None = column("nvqf", open_, description="Level of the national vocational framework.")


training_rows = Select(
    "SELECT a.adm_no AS adm_no, a.trne_no AS trne_no, t.trne_nm AS trne_nm, t.fthr_nm AS fthr_nm, t.nic AS nic, "
    "t.dob AS dob, t.sex AS sex, t.brd_regno AS brd_regno, t.dom_dist AS dom_dist, a.inst_cd AS inst_cd, "
    "a.trd_cd AS trd_cd, a.st_dt AS st_dt, a.end_dt AS end_dt, a.stat AS stat, a.cert_no AS cert_no, "
    "a.stip_paisa AS stip_paisa FROM tev_adm a JOIN tev_trne t ON t.trne_no = a.trne_no",
    "tev_adm",
)


@record(
    tevta, training_rows, key="number", size=100_000, persons=True, legal_basis="PublicInterest", retention="10 years"
)
class Training:
    """One trainee in one course."""

    number: str = column("adm_no", restricted, description="Admission number, e.g. ADM-2022-000001.")
    trainee_number: str | None = column("trne_no", restricted)
    name: str | None = column("trne_nm", confidential, codec=stripped, personal=True, description="In capitals.")
    father: str | None = column("fthr_nm", confidential, codec=stripped, personal=True)
    cnic: NationalId | None = column("nic", confidential, codec=cnic, personal=True, sensitive=True)
    born_on: dt.date | None = column("dob", confidential, codec=ddmmyyyy, personal=True)
    gender: str | None = column("sex", restricted, codec=GENDER, personal=True)
    board_registration_number: str | None = column(
        "brd_regno", restricted, codec=blank_is_null, description="The exam board's, where the form has it."
    )
    home_district_code: str | None = column("dom_dist", restricted, codec=district_alias("TEVTA"))
    centre_code: str | None = column("inst_cd", restricted)
    trade_code: str | None = column("trd_cd", restricted)
    started_on: dt.date | None = column("st_dt", restricted, codec=ddmmyyyy)
    ended_on: dt.date | None = column("end_dt", restricted, codec=ddmmyyyy)
    status: str | None = column("stat", restricted, codec=STATUS)
    certificate_number: str | None = column("cert_no", confidential, codec=blank_is_null, personal=True)
    stipend: Decimal | None = column("stip_paisa", confidential, codec=paisa, description="Rupees a month.")
    centre = one("labour.TrainingCentre", on="centre_code")
    trade = one("labour.Trade", on="trade_code")
    home_district = one("finance.District", on="home_district_code")
    registration = one("education.ExamRegistration", on="board_registration_number")
    first_contribution = one("labour.FirstContribution", on="cnic")


records = (TrainingCentre, Trade, Training)
links_from = (
    link_from("finance.District", "training_centres", many("labour.TrainingCentre", on="district_code")),
    link_from(
        "education.Learner", "trainings",
        many("labour.Training", on="cnic", key="b_form", description="Found by CNIC: the B-Form's digits."),
    ),
    link_from("education.ExamRegistration", "trainings", many("labour.Training", on="board_registration_number")),
)  # fmt: skip
