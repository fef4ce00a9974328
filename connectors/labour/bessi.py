"""Social security: since when somebody is in formal employment. Its shape is invented; it verifies and lists nobody."""

from __future__ import annotations

import datetime as dt

from connectors.labour.sources import bessi
from schema.classification import confidential
from schema.codecs import bare_cnic, code_table, iso_day
from schema.declare import column, link_from, one, record
from schema.relations import Collection, Parameter
from schema.scalars import NationalId

SECTOR = code_table("sector", {
    "CON": "Construction", "MIN": "Mining", "TRD": "Trade", "TRN": "Transport", "MFG": "Manufacturing",
    "SRV": "Services",
})  # fmt: skip

verification = Collection(
    "api/v1/verify", (Parameter("cnics", "cnic", "in", 100),), method="POST", rows="results", paging="none",
    name="verify",
)  # fmt: skip


@record(bessi, verification, key="cnic", size=100_000, persons=True, legal_basis="PublicInterest", retention="10 years")
class FirstContribution:
    """The first social security contribution that an employer paid for somebody."""

    cnic: NationalId = column("cnic", confidential, codec=bare_cnic, personal=True, sensitive=True)
    paid_on: dt.date | None = column("first_paid", confidential, codec=iso_day, personal=True)
    employer_number: str | None = column("employer_no", confidential, personal=True)
    sector: str | None = column("sector_cd", confidential, codec=SECTOR, personal=True)
    scheme: str | None = column("scheme", confidential, description="BESSI or EOBI.")


records = (FirstContribution,)
links_from = (
    link_from(
        "education.Learner", "first_contribution",
        one("labour.FirstContribution", on="b_form", description="Verified by CNIC: the B-Form's digits."),
    ),
)  # fmt: skip
