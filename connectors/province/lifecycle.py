"""A learner's life as a list of events, from the first class to the first job, whatever system knows of them. Another
source of events is one more query here, with the cells that ``event`` names.

How an event was found to be the learner's is told with it: by an exact identifier (the EMIS number, or the B-Form,
whose digits are the CNIC at 18), by a chain of registrations of which one is the learner's, or because a post declared
it."""

from __future__ import annotations

import datetime as dt
from typing import Any

from connectors.province.sources import lives
from schema.declare import derived, link_from, many, taken
from schema.derive import (
    Expression,
    Query,
    added,
    cases,
    cell,
    day_in,
    first_of,
    fixed,
    has,
    joined,
    owner_of,
    rows,
    system_of,
    worded,
)
from schema.scalars import NationalId

WHOSE = {
    "learner": "code", "b_form": "b_form", "father": "father_cnic", "mother": "mother_cnic",
    "guardian": "guardian_cnic", "school_now": "school_code",
}  # fmt: skip
"""Whose event it is: what rules read."""
EXACT, CHAIN, ALIAS = "EXACT_IDENTIFIER", "REGISTRATION_CHAIN", "DECLARED_ALIAS"
BY_RANK = cases((cell.rank == 3, EXACT), (cell.rank == 2, CHAIN), otherwise=ALIAS)
DAY, MONTH, YEAR = "DAY", "MONTH", "ACADEMIC_YEAR"

learners = rows("education.Learner", None, **WHOSE)


def event(of: Query, record: str, precision: str, certainty: Expression, **cells: Expression) -> Query:
    """Rows as events: ``cells`` are kind, on, until, what, place and reference."""
    return (
        of.compute(**cells)
        .compute(
            precision=fixed(precision), certainty=certainty, system=system_of(record), owner=owner_of(record),
            ended=first_of("until", "on"),
        )
        .keep(has("on"))
        .compute(code=joined("learner", "ended", "kind", "reference"))
    )  # fmt: skip


NOTHING: Any = fixed(None)

stays = learners.join(
    rows("education.Enrolment", of="learner_code", reference="code", year="year", school_class="school_class",
         status="status", on="starts_on", until="ends_on", place="school_code"),
    learner="of",
)  # fmt: skip
enrolled = event(
    stays, "education.Enrolment", YEAR, fixed(EXACT),
    kind=cases(
        (cell.status == "Promoted", "PROMOTED"), (cell.status == "Repeated", "REPEATED"),
        (cell.status == "Transferred", "TRANSFERRED"), (cell.status == "Withdrawn", "WITHDRAWN"),
        (cell.status == "Graduated", "GRADUATED"), otherwise="ENROLLED",
    ),
    what=worded("Class {}", "school_class"),
)  # fmt: skip
arrived = event(
    learners.join(
        rows("education.Enrolment", of="learner_code", reference="code", before="previous_code", on="starts_on",
             place="school_code"),
        learner="of",
    )
    .join(rows("education.Enrolment", stay="code", left="school_code"), before="stay")
    .keep(cell.left != cell.place),
    "education.Enrolment", DAY, fixed(CHAIN),
    kind=fixed("ARRIVED"), until=NOTHING, what=worded("From school {}", "left"),
)  # fmt: skip
gaps = event(
    learners.join(rows("education.Enrolment", of="learner_code", year="year"), learner="of").gaps(*WHOSE, on="year"),
    "education.Enrolment", YEAR, NOTHING,
    kind=fixed("GAP"), on=day_in("first", 3, 1), until=day_in("last", 12, 15),
    what=worded("No record from {} to {}", "first", "last"), place=NOTHING, reference=fixed("EMIS"),
)  # fmt: skip
attended = event(
    learners.join(
        rows("education.YearReport", of="learner_code", number="number", year="year", place="school_code",
             days="school_days", excused="absent_excused", unexcused="absent_unexcused"),
        learner="of",
    ).compute(absent=added("excused", "unexcused")),
    "education.YearReport", YEAR, fixed(EXACT),
    kind=fixed("ATTENDANCE"), on=day_in("year", 3, 1), until=day_in("year", 12, 15),
    what=worded("Absent on {} of {} days", "absent", "days"), reference=joined("number"),
)  # fmt: skip
granted = event(
    learners.join(
        rows("education.Scholarship", of="learner_code", number="number", scheme="scheme", on="awarded_on"),
        learner="of",
    ),
    "education.Scholarship", DAY, fixed(EXACT),
    kind=fixed("SCHOLARSHIP"), until=NOTHING, what=worded("{} scholarship", "scheme"), place=NOTHING,
    reference=joined("number"),
)  # fmt: skip


def registered(found_by: str) -> Query:
    """Registrations for an examination, with its result, to be found by one of their fields."""
    return rows(
        "education.ExamRegistration", found=found_by, reference="registration_number", day="registered_on",
        school_class="school_class", place="school_code", exam_year="year", obtained="result.obtained",
        total="result.total", grade="result.grade",
    )  # fmt: skip


def numbers(found_by: str) -> Query:
    return rows("education.ExamRegistration", found=found_by, number="registration_number")


declared = learners.join(
    rows("education.DeclaredCandidate", of="learner_code", number="registration_number"), learner="of"
)
own_numbers = (
    learners.join(numbers("b_form"), b_form="found"), learners.join(numbers("learner_code"), learner="found"), declared,
)  # fmt: skip
"""Numbers of registrations that are the learner's by themselves."""
first, *others = (
    learners.join(registered("b_form"), b_form="found").compute(rank=fixed(3)),
    learners.join(registered("learner_code"), learner="found").compute(rank=fixed(3)),
    declared.join(registered("registration_number"), number="found").compute(rank=fixed(1)),
    *(known.join(registered("previous_number"), number="found").compute(rank=fixed(2)) for known in own_numbers),
)  # fmt: skip
examined = first.together(*others).latest("learner", "reference", on="rank")
entered = event(
    examined, "education.ExamRegistration", DAY, BY_RANK,
    kind=fixed("EXAM_REGISTERED"), on=first_of("day"), until=NOTHING,
    what=worded("Class {} examination, number {}", "school_class", "reference"),
)  # fmt: skip
passed = event(
    examined.keep(has("obtained")), "education.ExamResult", YEAR, BY_RANK,
    kind=fixed("EXAM_RESULT"), on=day_in("exam_year", 1, 1), until=day_in("exam_year", 12, 31),
    what=worded("Class {}: {} of {} marks, grade {}", "school_class", "obtained", "total", "grade"),
)  # fmt: skip


def trained(found_by: str) -> Query:
    return rows(
        "labour.Training", found=found_by, reference="number", on="started_on", until="ended_on", place="centre_code",
        trade="trade.name", status="status",
    )  # fmt: skip


first_course, *further_courses = (
    learners.join(trained("cnic"), b_form="found").compute(rank=fixed(3)),
    *(
        known.join(trained("board_registration_number"), number="found").compute(rank=fixed(2))
        for known in own_numbers
    ),
)
learnt = event(
    first_course.together(*further_courses).latest("learner", "reference", on="rank"),
    "labour.Training", DAY, BY_RANK, kind=fixed("TRAINING"), what=worded("{}: {}", "trade", "status"),
)  # fmt: skip
employed = event(
    learners.join(
        rows("labour.FirstContribution", cnic="cnic", on="paid_on", place="employer_number", sector="sector"),
        b_form="cnic",
    ),
    "labour.FirstContribution", MONTH, fixed(EXACT),
    kind=fixed("FIRST_JOB"), until=NOTHING, what=worded("First contribution, {}", "sector"), reference=fixed("BESSI"),
)  # fmt: skip


@derived(
    lives, enrolled.together(arrived, gaps, attended, granted, entered, passed, learnt, employed), key="code",
    plural="learnerEvents", size=10_000_000, persons=True, legal_basis="PublicInterest",
)  # fmt: skip
class LearnerEvent:
    """What a system recorded of a learner, or the years of which none did. A list of them is in the order of the days
    on which they ended."""

    code: str = taken("code", description="Learner, day, kind and the system's own number.")
    learner_code: str | None = taken("learner")
    kind: str | None = taken(
        "kind",
        description="ENROLLED, PROMOTED, REPEATED, TRANSFERRED, WITHDRAWN, GRADUATED, ARRIVED, GAP, ATTENDANCE, "
        "SCHOLARSHIP, EXAM_REGISTERED, EXAM_RESULT, TRAINING or FIRST_JOB.",
    )
    on: dt.date | None = taken("on", description="Its day, or the first of what precision says.")
    until: dt.date | None = taken("until", description="Its last day, where it lasted.")
    precision: str | None = taken("precision", description="DAY, MONTH or ACADEMIC_YEAR.")
    what: str | None = taken("what")
    place: str | None = taken("place", description="Code of the school or centre, or the employer's number.")
    system: str | None = taken("system")
    recorded_by: str | None = taken("owner", description="Who answers for the record.")
    certainty: str | None = taken(
        "certainty", description="EXACT_IDENTIFIER, REGISTRATION_CHAIN or DECLARED_ALIAS; none of a gap."
    )
    b_form: NationalId | None = taken("b_form")
    father_cnic: NationalId | None = taken("father")
    mother_cnic: NationalId | None = taken("mother")
    guardian_cnic: NationalId | None = taken("guardian")
    school_now: str | None = taken("school_now", description="The learner's school of today.")


records = (LearnerEvent,)
links_from = (link_from("education.Learner", "timeline", many("province.LearnerEvent", on="learner_code")),)
