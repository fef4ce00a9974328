"""Everything the departments declare, gathered by name before it is resolved: departments, sources, records, the links
they add to one another's records, and roles."""

from __future__ import annotations

import datetime as dt
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from schema.added import added_link_problem
from schema.catalog import Declared
from schema.declare import RecordSpec, spec_of
from schema.owners import owner_problems
from schema.resolve.problems import Problems
from schema.rules import ROLES, Role
from schema.sources import Department, Source


@dataclass(frozen=True, slots=True)
class Gathered:
    """``specs``: by qualified name; ``names``: the qualified name of each declared class; ``today``: owners who take
    over on a later day are refused, None does not ask."""

    today: dt.date | None
    departments: dict[str, Department] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    specs: dict[str, RecordSpec] = field(default_factory=dict)
    names: dict[type[Any], str] = field(default_factory=dict)
    roles: dict[str, Role | None] = field(default_factory=lambda: dict.fromkeys(ROLES))


def gather(declared: Sequence[Declared], today: dt.date | None, problems: Problems) -> Gathered:
    gathered = Gathered(today)
    for part in declared:
        _add_department(part, gathered, problems)
    for part in declared:
        _add_links(part, gathered, problems)
        _add_roles(part, gathered, problems)
    return gathered


def file_of(declared: type[Any]) -> str:
    """The file of a class that tells no line itself."""
    return str(getattr(sys.modules.get(declared.__module__), "__file__", declared.__module__))


def _add_department(part: Declared, gathered: Gathered, problems: Problems) -> None:
    department = part.department
    if department.name in gathered.departments:
        problems.tell_of(department.name, "two departments have this name; rename one")
    for told in owner_problems(department.owner, outermost=True, today=gathered.today):
        problems.tell_of(department.name, told)
    gathered.departments[department.name] = department
    for declared in part.records:
        spec = spec_of(declared)
        if spec is None:
            told = f"{declared.__name__} is listed as a record but has no @record"
            problems.tell(file_of(declared), 1, told)
            continue
        _add_source(spec, department, gathered, problems)
        gathered.specs[f"{department.name}.{spec.name}"] = spec
        gathered.names[declared] = f"{department.name}.{spec.name}"


def _add_source(spec: RecordSpec, department: Department, gathered: Gathered, problems: Problems) -> None:
    if spec.source.name not in gathered.sources:
        for told in owner_problems(spec.source.owner, today=gathered.today):
            problems.tell_of(f"{department.name}: source {spec.source.name}", told)
    known = gathered.sources.setdefault(spec.source.name, spec.source)
    if known is not spec.source:
        problems.tell(spec.file, spec.line, f"two sources are named {spec.source.name!r}; rename one")
    if spec.source.department != department.name:
        problems.tell(
            spec.file, spec.line,
            f"{spec.name} of department {department.name!r} reads source {spec.source.name!r} of "
            f"{spec.source.department!r}; read it by a link instead",
        )  # fmt: skip


def _add_links(part: Declared, gathered: Gathered, problems: Problems) -> None:
    """Puts the links a department adds beside those a record declares itself."""
    for added in part.links_from:
        spec = gathered.specs.get(added.record)
        problem = added_link_problem(added, part.department, gathered.specs)
        if problem is not None:
            problems.tell(added.link.file or part.department.name, added.link.line, problem)
        elif spec is not None:
            link = replace(added.link, owner=part.department.owner, department=part.department.name)
            gathered.specs[added.record] = replace(spec, specs={**spec.specs, added.name: link})


def _add_roles(part: Declared, gathered: Gathered, problems: Problems) -> None:
    for added in part.roles:
        if added.name in gathered.roles:
            told = f"there is a role {added.name!r} already; use it, or rename it"
            problems.tell(added.file, added.line, told)
        elif not re.fullmatch(r"[a-z][a-z_]*", added.name) or not added.description.strip():
            told = f"role {added.name!r} needs a name of small letters and underscores, and a description"
            problems.tell(added.file, added.line, told)
        gathered.roles.setdefault(added.name, added)
