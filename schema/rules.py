"""Who may see what: rules are declared beside the records they speak of, and only ever allow. What no rule allows is
refused. Several rules for one field are OR-ed; ``public`` rules apply to everyone."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, ClassVar

from schema.classification import Classification
from schema.predicates import TRUE, Condition, Predicate, predicate_of

ROLES = (
    "public", "citizen", "app", "head_teacher", "clinician", "district_officer", "department_officer", "planner",
    "auditor", "steward", "organisation",
)  # fmt: skip
"""The province's own roles; departments may add others."""


@dataclass(frozen=True, slots=True)
class Role:
    """A role that a department adds: ``name`` as a token states it, ``description`` says whose it is."""

    name: str
    description: str
    file: str
    line: int


def role(name: str, description: str) -> Role:
    """A role of the department's own; see ``Role``."""
    frame = sys._getframe(1)
    return Role(name, description, frame.f_code.co_filename, frame.f_lineno)



@dataclass(frozen=True, slots=True)
class Allow:
    """``role`` may see fields and links of ``record`` up to a classification, in rows where ``where`` holds, for one
    of ``purposes`` (empty: no purpose needed), with an open case when ``case``. ``only``: just these fields and links
    (empty: all), ``department.link`` for one that another department adds. ``masked``: these fields come masked instead
    of shown."""

    role: str
    record: type[Any]
    up_to: Classification
    where: Predicate
    purposes: tuple[str, ...]
    case: bool
    only: tuple[str, ...]
    masked: tuple[str, ...]
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class AllowTotals:
    """``role`` may have counts and aggregates of ``record`` grouped by fields ``by`` and measuring ``measures``,
    without seeing rows; cells under ``k`` are suppressed. ``within``: pairs of fields, (finer, coarser), where each
    value of the finer belongs to one of the coarser, as a school to a district: the totals of the coarser must not
    give away a suppressed cell of the finer. ``purposes``, ``case``, ``where``: as in Allow."""

    role: str
    record: type[Any]
    by: tuple[str, ...]
    measures: tuple[str, ...]
    k: int
    within: tuple[tuple[str, str], ...]
    where: Predicate
    purposes: tuple[str, ...]
    case: bool
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class AllowThrough:
    """``role``, as a reader of the derived record ``through`` ("province.LearnerEvent"), may have fields of ``record``
    read for it, and nowhere else: no root, link, filter or other derived record. Which derived rows the role sees
    is said by the rules of that record. ``up_to``, ``where``, ``purposes``, ``case``, ``only``: as in Allow."""

    role: str
    record: type[Any]
    through: str
    up_to: Classification
    where: Predicate
    purposes: tuple[str, ...]
    case: bool
    only: tuple[str, ...]
    file: str
    line: int

    masked: ClassVar[tuple[str, ...]] = ()


@dataclass(frozen=True, slots=True)
class Grant:
    """A right that is not about a record: ``diagnose`` shows plans and measured figures of ``department``."""

    role: str
    right: str
    department: str
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class AllowAction:
    """``role`` may have ``action`` done, for one of ``purposes``, with an open case when ``case``."""

    role: str
    action: type[Any]
    purposes: tuple[str, ...]
    case: bool
    file: str
    line: int


Rule = Allow | AllowTotals | AllowThrough | Grant | AllowAction


def _where(condition: Condition | None) -> Predicate:
    return TRUE if condition is None else predicate_of(condition)


def allow(
    role: str,
    record: type[Any],
    *,
    up_to: Classification,
    where: Condition | None = None,
    purposes: tuple[str, ...] = (),
    case: bool = False,
    only: tuple[str, ...] = (),
    masked: tuple[str, ...] = (),
) -> Allow:
    """A rule that lets a role see; see ``Allow``."""
    frame = sys._getframe(1)
    return Allow(
        role, record, up_to, _where(where), purposes, case, only, masked, frame.f_code.co_filename, frame.f_lineno
    )


def allow_totals(
    role: str,
    record: type[Any],
    *,
    by: tuple[str, ...],
    measures: tuple[str, ...] = (),
    k: int = 10,
    within: tuple[tuple[str, str], ...] = (),
    where: Condition | None = None,
    purposes: tuple[str, ...] = (),
    case: bool = False,
) -> AllowTotals:
    """A rule that lets a role count without seeing; see ``AllowTotals``."""
    frame = sys._getframe(1)
    return AllowTotals(
        role, record, by, measures, k, within, _where(where), purposes, case, frame.f_code.co_filename, frame.f_lineno
    )


def allow_through(
    role: str,
    record: type[Any],
    through: str,
    *,
    up_to: Classification,
    where: Condition | None = None,
    purposes: tuple[str, ...] = (),
    case: bool = False,
    only: tuple[str, ...] = (),
) -> AllowThrough:
    """A rule that lets a role's derived rows be worked out from a record it may not read itself; see
    ``AllowThrough``."""
    frame = sys._getframe(1)
    return AllowThrough(
        role, record, through, up_to, _where(where), purposes, case, only, frame.f_code.co_filename, frame.f_lineno
    )


def allow_action(role: str, action: type[Any], *, purposes: tuple[str, ...] = (), case: bool = False) -> AllowAction:
    """A rule that lets a role have something done; see ``AllowAction``."""
    frame = sys._getframe(1)
    return AllowAction(role, action, purposes, case, frame.f_code.co_filename, frame.f_lineno)


def grant(role: str, right: str, department: str) -> Grant:
    """A right over a department that is not about one record; see ``Grant``."""
    frame = sys._getframe(1)
    return Grant(role, right, department, frame.f_code.co_filename, frame.f_lineno)
