"""What became of those who were in class 5 of a district in a year: how far they came in school, and who of them passed
the secondary examination, was trained, or has a formal job. Published as tables of a district and a year by gender, in
which no count under ten can be read or worked out."""

from __future__ import annotations

from decimal import Decimal

from connectors.province.outcomes import SECONDARY, outcomes
from connectors.province.sources import records as source
from schema.declare import derived, one, taken
from schema.derive import cell, count, either, has, joined, most, ratio, rows
from schema.predicates import row

ENTRY_CLASS = 5
WHO = ("learner", "year", "district")

members = rows(
    "education.Enrolment", row.school_class == ENTRY_CLASS,
    learner="learner_code", year="year", district="district_code", gender="gender", since="starts_on",
).latest(*WHO, on="since")  # fmt: skip
further = members.join(
    rows("education.Enrolment", of="learner_code", school_class="school_class").group("of", top=most("school_class")),
    learner="of",
).group(*WHO, top=most("top"))  # fmt: skip
CLASSES = tuple(f"reached_{at}" for at in range(ENTRY_CLASS + 1, SECONDARY + 1))
OUTCOMES = ("linked", "certificate", "training", "formal_job")


@derived(
    source,
    outcomes(members, WHO)
    .beside(members.left_join(further, **{name: name for name in WHO}), WHO)
    .group(
        "district", "year", "gender", population=count(),
        **{name: count(cell.top >= at) for at, name in enumerate(CLASSES, ENTRY_CLASS + 1)},
        linked=count(either(has("examinations"), has("courses"), has("jobs"))),
        certificate=count(has("certificates")), training=count(has("courses")), formal_job=count(has("jobs")),
    )
    .published(
        "district", "year", part="gender", population="population", counts=(*OUTCOMES, *CLASSES),
        chains=(CLASSES, *(("linked", outcome) for outcome in OUTCOMES[1:])),
    )
    .compute(
        code=joined("district", "year", "gender"),
        **{f"{name}_percent": ratio(name, "population", times=100, places=1) for name in (*CLASSES[-1:], *OUTCOMES)},
    ),
    key="code", size=2_000, persons=False, legal_basis="PublicInterest",
    requires_all=(
        "education.Enrolment", "education.Learner", "education.ExamRegistration", "education.DeclaredCandidate",
        "labour.Training", "labour.FirstContribution",
    ),
)  # fmt: skip
class Cohort:
    """Who was in class 5 of a district in a year, by gender and all together, and what is known to have become of them.
    A figure is null where it, or what is left of the cohort, is under ten."""

    code: str = taken("code", description="District, year and gender, e.g. NOS/2014/All.")
    district_code: str | None = taken("district")
    year: int | None = taken("year", description="The academic year in which they were in class 5.")
    gender: str | None = taken("gender", description="Male, Female or All.")
    population: int | None = taken("population")
    reached_6: int | None = taken("reached_6", description="Were in class 6 or higher at any time since.")
    reached_7: int | None = taken("reached_7")
    reached_8: int | None = taken("reached_8")
    reached_9: int | None = taken("reached_9")
    reached_10: int | None = taken("reached_10")
    linked: int | None = taken("linked", description="Found in a system beyond EMIS, at whatever.")
    certificate: int | None = taken("certificate", description="Passed the secondary examination (SSC).")
    training: int | None = taken("training", description="Took a vocational course.")
    formal_job: int | None = taken("formal_job", description="An employer paid contributions for them.")
    reached_10_percent: Decimal | None = taken("reached_10_percent")
    link_rate: Decimal | None = taken("linked_percent", description="Percent of the cohort that is linked.")
    certificate_percent: Decimal | None = taken("certificate_percent")
    training_percent: Decimal | None = taken("training_percent")
    formal_job_percent: Decimal | None = taken("formal_job_percent")
    suppressed: bool | None = taken("suppressed", description="Something of this row is withheld.")
    district = one("finance.District", on="district_code")


records = (Cohort,)
