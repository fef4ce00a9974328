"""Derived records resolved: their queries checked against the records they name, their fields made as sensitive as what
they are worked out from."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from schema.catalog import Catalog, Field, Link, Record, by_api_name
from schema.classification import Classification
from schema.declare import LinkSpec
from schema.derive import cases, cell, fixed
from schema.derive.expressions import Expression
from schema.derive.nodes import Computed, Derivation, Node, RowsOf
from schema.derive.shape import leaves, rebuilt
from schema.errors import meant
from schema.lineage import FIGURES, Origin, trace
from schema.owners import tenure_on
from schema.predicates import TRUE, fields_of

Tell: TypeAlias = Callable[[str, int, str], None]
"""(file, line, problem)."""


@dataclass(frozen=True, slots=True)
class CellPath:
    """A leaf's cell resolved: the to-one links followed, and the field of the last record."""

    links: tuple[Link, ...]
    field: Field
    records: tuple[Record, ...]
    """The leaf's record and each link's target."""


def cell_path(records: Mapping[str, Record], leaf: RowsOf, path: str) -> CellPath | None:
    """The field a leaf's cell stands for; None when there is none."""
    record = records[leaf.record]
    links: list[Link] = []
    passed = [record]
    *steps, last = path.split(".")
    for step in steps:
        link = record.links.get(step)
        if link is None or link.many or link.target not in records:
            return None
        links.append(link)
        record = records[link.target]
        passed.append(record)
    part = record.fields.get(last)
    return None if part is None or part.column is None else CellPath(tuple(links), part, tuple(passed))


def derivation_of(record: Record) -> Derivation | None:
    return record.relation if isinstance(record.relation, Derivation) else None


def resolved(records: dict[str, Record], tell: Tell) -> dict[str, Record]:
    """The records, derived ones with their sensitivity; queries may read other derived records."""
    done = {name: record for name, record in records.items() if derivation_of(record) is None}
    left = {name: record for name, record in records.items() if name not in done}
    while left:
        ready = [name for name, record in left.items() if not records_read(record, records) & left.keys()]
        if not ready:
            for record in left.values():
                tell(record.spec.file, record.spec.line, f"{record.type_name} is derived from itself; break the circle")
            return {**done, **left}
        for name in ready:
            done[name] = _sharpened(left.pop(name), done, tell)
    return {name: _with_links(done[name], done) for name in records}


def records_read(record: Record, records: Mapping[str, Record]) -> set[str]:
    """The records its query reads, those behind links included, as far as there are such."""
    derivation = derivation_of(record)
    needed: set[str] = set()
    for leaf in () if derivation is None else leaves(derivation.query):
        needed.add(leaf.record)
        for _, path in leaf.cells:
            here = records.get(leaf.record)
            for step in path.split(".")[:-1]:
                link = here.links.get(step) if here is not None else None
                here = records.get(link.target) if link is not None else None
                if here is not None:
                    needed.add(here.name)
    return needed


def _sharpened(record: Record, records: Mapping[str, Record], tell: Tell) -> Record:
    derivation = derivation_of(record)
    assert derivation is not None
    spec = record.spec

    def problem(message: str) -> None:
        tell(spec.file, spec.line, f"{record.type_name}: {message}")

    found: dict[Origin, CellPath] = {}
    named = set(derivation.requires_all)
    for number, leaf in enumerate(leaves(derivation.query)):
        if leaf.record not in records:
            problem(f"its query reads unknown record {leaf.record!r}{meant(leaf.record, records)}")
            return record
        for name, path in leaf.cells:
            cell = cell_path(records, leaf, path)
            if cell is None:
                problem(f"{leaf.record} has no column field {path!r} to take as {name}; use a field, or links.field")
                return record
            found[number, name] = cell
            named -= {passed.name for passed in cell.records}
        named.discard(leaf.record)
        for name in fields_of(leaf.where):
            if name not in records[leaf.record].fields:
                problem(f"{leaf.record} has no field {name!r}{meant(name, records[leaf.record].fields)}")
                return record
    for name in sorted(named):
        problem(f"requires_all names {name!r}, which its query does not read")
    derivation = replace(derivation, query=_told_owners(derivation.query, records))
    told = trace(derivation.query)
    for name in told.unknown:
        problem(f"a step of its query names the cell {name!r}, which the step below it has not")
    for name in told.twice:
        problem(f"both sides of a join of its query have a cell {name!r}; name one of them otherwise")
    fields = {}
    for name, part in record.fields.items():
        if part.column is not None and part.column not in told.cells:
            problem(f"field {name!r} takes the cell {part.column!r}, which its query has not")
            return record
        origins = told.cells.get(part.column or "", frozenset())
        fields[name] = _raised(part, [found[one].field for one in sorted(origins) if one in found])
    fields = {
        name: _raised(part, [fields[read] for read in part.reads if read in fields]) for name, part in fields.items()
    }
    if spec.persons is None and any(part.personal for part in fields.values()):
        problem("it shows personal fields; say persons=True if a row is about a person, else persons=False")
    return replace(record, relation=derivation, fields=fields, by_api_name=by_api_name(fields, record.links))


def _told_owners(node: Node, records: Mapping[str, Record]) -> Node:
    """The query with what the departments declare of their records put in: nothing is told twice."""
    told = rebuilt(node, lambda below: _told_owners(below, records))
    if not isinstance(told, Computed):
        return told
    return Computed(told.of, tuple((name, _told_owner(expression, records)) for name, expression in told.cells))


def _told_owner(expression: Expression, records: Mapping[str, Record]) -> Expression:
    if expression.function == "owners_then":
        (day,), (name, reads) = expression.reads, expression.options
        found = [base for record, path in reads for base in _behind(records, record, path)]
        held = tuple((getattr(cell, day) <= end, owners_name(name, end)) for end in _ends(found))
        return cases(*held, otherwise=name) if held else fixed(name)
    if expression.function not in ("owner_of", "system_of") or expression.options[0] not in records:
        return expression
    record = records[expression.options[0]]
    return fixed(record.owner if expression.function == "owner_of" else record.source.system)


def owners_name(name: str, until: dt.date | None) -> str:
    """What the owners up to a day are called by; None: those of today."""
    return name if until is None else f"{name} until {until}"


def _ends(found: Iterable[tuple[Record, Field]]) -> list[dt.date]:
    """The last days of the times in which none of the fields changed its owner, but for today's time."""
    return sorted({one.until for _, part in found for one in part.owners if one.until is not None})


def _raised(part: Field, origins: list[Field]) -> Field:
    """As sensitive, and as personal, as everything it is worked out from."""
    level = max([part.classification, *(origin.classification for origin in origins)])
    personal = part.personal or any(origin.personal for origin in origins)
    sensitive = part.sensitive or any(origin.sensitive for origin in origins)
    return replace(part, classification=level, personal=personal, sensitive=sensitive)


def _with_links(record: Record, records: Mapping[str, Record]) -> Record:
    """The record with its links as sensitive as their keys, where one of the two sides is derived."""
    links = {}
    for name, link in record.links.items():
        declared = record.spec.specs[name]
        assert isinstance(declared, LinkSpec)
        target = records.get(link.target)
        sides_derived = target is not None and (derivation_of(record) or derivation_of(target))
        if target is not None and sides_derived and declared.classification is None:
            keys = (record.fields[link.local], target.fields[link.remote])
            link = replace(link, classification=max(key.classification for key in keys))
        links[name] = link
    return replace(record, links=links, by_api_name=by_api_name(record.fields, links))


def about_fields(catalog: Catalog, width: int, rows: tuple[tuple[Any, ...], ...]) -> tuple[tuple[Any, ...], ...]:
    """The rows of ``Described``: behind the first ``width`` cells what the catalogue says of each field, once for each
    time; never of a Secret one."""
    described: defaultdict[str, list[tuple[tuple[Any, ...], Record, Field]]] = defaultdict(list)
    for row in rows:
        record, path = row[width:]
        described[row[0]] += [(row[:width], *found) for found in _behind(catalog.records, record, path)]
    told: dict[tuple[Any, ...], None] = {}
    for name, fields in described.items():
        times = [None, *_ends((base, part) for _, base, part in fields)]
        for until in times:
            for cells, base, part in fields:
                if part.classification is not Classification.SECRET:
                    told[(*cells, *_described(base, part, until), owners_name(name, until), until)] = None
    return tuple(told)


def _described(base: Record, part: Field, day: dt.date | None) -> tuple[Any, ...]:
    return (
        f"{base.type_name}.{part.api_name}", base.department.name, tenure_on(part.owners, day).post,
        part.classification.label, base.source.system, base.source.name, base.source_name.partition(".")[2],
        part.column,
    )  # fmt: skip


def _behind(records: Mapping[str, Record], name: str, path: str) -> list[tuple[Record, Field]]:
    """The field a path leads to, or those it is worked out from."""
    cell = cell_path(records, RowsOf(name, (), TRUE), path)
    if cell is None:
        return []
    record = cell.records[-1]
    derivation = derivation_of(record)
    if derivation is None:
        return [(record, cell.field)]
    below = leaves(derivation.query)
    return [
        base
        for number, named in sorted(trace(derivation.query).cells.get(cell.field.column or "", frozenset()))
        if named != FIGURES
        for base in _behind(records, below[number].record, dict(below[number].cells)[named])
    ]


def forgetful(records: Mapping[str, Record], record: Record) -> Record | None:
    """The record itself, or the first one it is derived from, that cannot tell what was known at a moment."""
    derivation = derivation_of(record)
    if derivation is None:
        return None if record.recorded else record
    for leaf in leaves(derivation.query):
        for passed in passed_by(records, leaf):
            forgets = forgetful(records, passed)
            if forgets is not None:
                return forgets
    return None


def passed_by(records: Mapping[str, Record], leaf: RowsOf) -> tuple[Record, ...]:
    """The leaf's record and those that its cells' links lead to."""
    found = [cell_path(records, leaf, path) for _, path in leaf.cells]
    return (records[leaf.record], *(one for path in found if path is not None for one in path.records))


__all__ = [
    "CellPath", "about_fields", "cell_path", "derivation_of", "forgetful", "passed_by", "records_read", "resolved",
]  # fmt: skip
