"""What is known to have become of learners: who passed the secondary examination, was trained, or has a formal job, in
whatever system that stands. Queries to be built into others; no record is declared here."""

from __future__ import annotations

from dataclasses import dataclass

from schema.derive import Query, cell, count, rows
from schema.predicates import row

SECONDARY = 10
"""The class at whose end the secondary examination (SSC) is."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How many were found of each member: cells ``examinations``, ``certificates``, ``courses``, ``jobs``."""

    examined: Query
    certified: Query
    trained: Query
    employed: Query

    def beside(self, members: Query, who: tuple[str, ...]) -> Query:
        """The members with all of it; null where nothing was found."""
        for part in (self.examined, self.certified, self.trained, self.employed):
            members = members.left_join(part, **{name: name for name in who})
        return members


def outcomes(members: Query, who: tuple[str, ...]) -> Outcomes:
    """Of members told apart by the cells ``who``, ``learner`` among them: the number of a pupil in EMIS."""
    people = members.join(rows("education.Learner", code="code", b_form="b_form"), learner="code")
    declared = people.join(
        rows("education.DeclaredCandidate", of="learner_code", declared="registration_number"), learner="of"
    )
    own = people.join(_registered("b_form"), b_form="found").together(
        people.join(_registered("learner_code"), learner="found"),
        declared.join(_registered("registration_number"), declared="found"),
    )
    courses = people.join(_trained("cnic"), b_form="found").together(
        people.join(_numbers("b_form"), b_form="found").join(_trained("board_registration_number"), number="found"),
        people.join(_numbers("learner_code"), learner="found")
        .join(_trained("board_registration_number"), number="found"),
        declared.join(_trained("board_registration_number"), declared="found"),
    )  # fmt: skip
    jobs = people.join(rows("labour.FirstContribution", cnic="cnic"), b_form="cnic")
    return Outcomes(
        own.group(*who, examinations=count()), own.keep(cell.grade != "F").group(*who, certificates=count()),
        courses.group(*who, courses=count()), jobs.group(*who, jobs=count()),
    )  # fmt: skip


def _registered(found_by: str) -> Query:
    """Secondary examinations, to be found by one of their fields."""
    return rows(
        "education.ExamRegistration", row.school_class == SECONDARY,
        found=found_by, number="registration_number", grade="result.grade",
    )  # fmt: skip


def _numbers(found_by: str) -> Query:
    return rows(
        "education.ExamRegistration", row.school_class == SECONDARY, found=found_by, number="registration_number"
    )


def _trained(found_by: str) -> Query:
    return rows("labour.Training", found=found_by, training="number")
