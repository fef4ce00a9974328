"""Where a learner stands: attendance, marks and pace beside the same class of the district in that year, and an early
warning made of factors whose points are told one by one. The points are in ``early_warning.toml``; nothing is learnt
from data. And what became of earlier learners with a similar record, published so that nobody can be told apart."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any

from connectors.province.outcomes import outcomes
from connectors.province.sources import lives
from connectors.province.sources import records as source
from schema.declare import derived, link_from, one, taken
from schema.derive import (
    Expression,
    Query,
    Test,
    added,
    cases,
    cell,
    count,
    has,
    joined,
    lacks,
    least,
    minus,
    owner_of,
    plus,
    ratio,
    rows,
    total,
    values,
)
from schema.predicates import Condition, row
from schema.scalars import NationalId

POINTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("early_warning.toml").read_text())
BEFORE_LEAVING = 8
GROWN_UP = 2017
"""Of reports of this year or earlier, what became of the learner is known by now."""


def points(factor: str, name: str) -> Expression:
    """The points a factor gives for the value of a cell."""
    ((direction, steps),) = POINTS[factor].items()

    def reached(bound: int) -> Test:
        test: Test = cell_of(name) < bound if direction == "under" else cell_of(name) >= bound
        return test

    return cases((lacks(name), None), *((reached(bound), given) for bound, given in steps), otherwise=0)


def cell_of(name: str) -> Any:
    return getattr(cell, name)


LEVEL = cases(
    (lacks("points"), None), (cell.points >= POINTS["levels"]["HIGH"], "HIGH"),
    (cell.points >= POINTS["levels"]["MEDIUM"], "MEDIUM"), otherwise="LOW",
)  # fmt: skip
begun = rows("education.Enrolment", of="learner_code", at="year", school_class="school_class").group(
    "of", first_year=least("at"), first_class=least("school_class")
)


def peers(of: Condition | None) -> Query:
    """What the reports of each class, district and year come to together: of whole classes only."""
    return (
        rows("education.YearReport", of, class_district="district_code", class_year="year", of_class="school_class",
             school_days="school_days", excused_all="absent_excused", unexcused_all="absent_unexcused", marks="mark")
        .group("class_district", "class_year", "of_class", reports=count(), all_days=total("school_days"),
               all_excused=total("excused_all"), all_unexcused=total("unexcused_all"), all_marks=total("marks"),
               marked=values("marks"))
        .keep(cell.reports >= 10)
        .compute(all_absent=added("all_excused", "all_unexcused"))
        .compute(class_absence=ratio("all_absent", "all_days", times=100, places=1),
                 class_mark=ratio("all_marks", "marked", places=1))
    )  # fmt: skip


def judged(reports: Query, classes: Condition | None = None) -> Query:
    """Reports with the learner's figures, those of the class, and the points they give. ``classes``: a condition on
    year and class that all the reports pass."""
    return (
        reports.left_join(begun, learner="of")
        .left_join(peers(classes), district="class_district", year="class_year", school_class="of_class")
        .compute(absent=added("excused", "unexcused"), years=minus("year", "first_year"),
                 classes=minus("school_class", "first_class"))
        .compute(absence=ratio("absent", "days", times=100, places=1), behind=minus("years", "classes"))
        .compute(more_absent=minus("absence", "class_absence"))
        .compute(absence_points=points("absence", "absence"), mark_points=points("marks", "mark"),
                 class_points=points("against_class", "more_absent"), behind_points=points("behind", "behind"))
        .compute(points=plus("absence_points", "mark_points", "class_points", "behind_points"))
        .compute(level=LEVEL)
    )  # fmt: skip


REPORT = {
    "learner": "learner_code", "year": "year", "school_class": "school_class", "district": "district_code",
    "days": "school_days", "excused": "absent_excused", "unexcused": "absent_unexcused", "mark": "mark",
}  # fmt: skip
WHOSE = {
    "b_form": "learner_b_form", "father": "father_cnic", "mother": "mother_cnic", "guardian": "guardian_cnic",
    "school_now": "school_now",
}  # fmt: skip


@derived(
    lives,
    judged(rows("education.YearReport", None, **REPORT, **WHOSE).latest("learner", on="year")).compute(
        owner=owner_of("education.YearReport")
    ),
    key="learner_code", size=1_000_000, persons=True, legal_basis="PublicInterest",
)  # fmt: skip
class LearnerStanding:
    """A learner at the last year's report, beside all of the same class, district and year, and the points of the early
    warning that each factor gives. What is not known is null and gives no points."""

    learner_code: str = taken("learner")
    year: int | None = taken("year", description="The academic year of the report.")
    school_class: int | None = taken("school_class")
    district_code: str | None = taken("district")
    absence_percent: Decimal | None = taken("absence", description="Of the school days.")
    class_absence_percent: Decimal | None = taken("class_absence", description="Of all in the class; ten at least.")
    mark: Decimal | None = taken("mark", description="Percent.")
    class_mark: Decimal | None = taken("class_mark", description="The mean of the class.")
    years_behind: int | None = taken("behind", description="Lost since the first class EMIS knows of.")
    absence_points: int | None = taken("absence_points")
    mark_points: int | None = taken("mark_points")
    class_points: int | None = taken("class_points", description="For being absent more than the class.")
    behind_points: int | None = taken("behind_points")
    points: int | None = taken("points", description="Of the early warning: the sum of those that are known.")
    level: str | None = taken("level", description="HIGH, MEDIUM or LOW.")
    recorded_by: str | None = taken("owner", description="Who answers for the report.")
    b_form: NationalId | None = taken("b_form")
    father_cnic: NationalId | None = taken("father")
    mother_cnic: NationalId | None = taken("mother")
    guardian_cnic: NationalId | None = taken("guardian")
    school_now: str | None = taken("school_now", description="The learner's school of today.")
    district = one("finance.District", on="district_code")


WHO = ("learner", "district", "level")
THEN = (row.year <= GROWN_UP) & (row.school_class <= BEFORE_LEAVING)
earlier = judged(
    rows("education.YearReport", THEN, **REPORT).latest("learner", "district", on="year"), THEN
).keep(has("level")).group(*WHO, reports=count())  # fmt: skip


@derived(
    source,
    outcomes(earlier, WHO)
    .beside(earlier, WHO)
    .group("district", "level", learners=count(), certificate=count(has("certificates")),
           training=count(has("courses")), formal_job=count(has("jobs")))
    .published("district", part="level", population="learners", counts=("certificate", "training", "formal_job"),
               nearest=5)
    .compute(code=joined("district", "level"),
             certificate_percent=ratio("certificate", "learners", times=100, places=1),
             training_percent=ratio("training", "learners", times=100, places=1),
             formal_job_percent=ratio("formal_job", "learners", times=100, places=1)),
    key="code", size=1_500, persons=False, legal_basis="PublicInterest",
    requires_all=("education.YearReport", "education.Enrolment", "education.Learner", "education.ExamRegistration",
                  "education.DeclaredCandidate", "labour.Training", "labour.FirstContribution"),
)  # fmt: skip
class EarlierOutcome:
    """What became of earlier learners of a district whose last report up to class 8 gave them that level of the early
    warning. A figure is null where it, or what is left of them, is under ten; others are told to the nearest five, so
    that nothing is gained by subtracting the figures of a cohort."""

    code: str = taken("code", description="District and level, e.g. NOS/LOW; All for all levels.")
    district_code: str | None = taken("district")
    level: str | None = taken("level", description="HIGH, MEDIUM, LOW or All.")
    learners: int | None = taken("learners")
    certificate: int | None = taken("certificate", description="Passed the secondary examination (SSC).")
    training: int | None = taken("training", description="Took a vocational course.")
    formal_job: int | None = taken("formal_job", description="An employer paid contributions for them.")
    certificate_percent: Decimal | None = taken("certificate_percent")
    training_percent: Decimal | None = taken("training_percent")
    formal_job_percent: Decimal | None = taken("formal_job_percent")
    suppressed: bool | None = taken("suppressed", description="Something of this row is withheld.")


records = (LearnerStanding, EarlierOutcome)
links_from = (link_from("education.Learner", "standing", one("province.LearnerStanding", on="code")),)
