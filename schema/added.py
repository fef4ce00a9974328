"""The way back: what a department may add to another department's record, and what is wrong with what it added."""

from __future__ import annotations

from collections.abc import Mapping

from schema.declare import AddedLink, ColumnSpec, RecordSpec
from schema.errors import meant
from schema.sources import Department


def added_link_problem(added: AddedLink, department: Department, specs: Mapping[str, RecordSpec]) -> str | None:
    """What is wrong with the link ``department`` adds; None when nothing is. A link of its own classification may not
    reach further than the field it starts from: only the field's owner may say that matching on it is harmless."""
    spec, link = specs.get(added.record), added.link
    if spec is None:
        return f"a link is added to unknown record {added.record!r}{meant(added.record, specs)}"
    told = f"{added.record}.{added.name}"
    if added.record.startswith(f"{department.name}."):
        return f"{told} is added to a record of {department.name} itself; declare it in the record"
    if not link.target.startswith(f"{department.name}."):
        return f"{told} is added by {department.name} and leads to {link.target}; add links to your own records only"
    if added.name in spec.specs:
        return f"{told} is there already; choose another name"
    start = spec.specs.get((link.key or spec.key) if link.many else link.on)
    if isinstance(start, ColumnSpec) and link.classification is not None and start.facts.classification is not None:
        level = start.facts.classification
        if link.classification < level:
            return f"{told} starts from a {level.label} field and may not be {link.classification.label}; leave it out"
    return None
