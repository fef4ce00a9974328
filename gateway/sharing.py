"""Parts of a query that read the same rows of a record read them once: which leaves those are, and what they need of it
together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from auth.decisions import CellAccess, LeafAccess
from gateway.allowed import Filter, MeasureTerm
from gateway.plan import Partial
from gateway.totalling import COUNT
from schema.derive.nodes import RowsOf
from schema.lineage import Counted
from schema.predicates import TRUE

CellKey: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]
"""What a cell is, whatever a leaf calls it."""


def cell_key(cell: CellAccess) -> CellKey:
    return cell.field.name, repr(cell.condition), tuple((link.name, repr(where)) for link, where, _ in cell.hops)


@dataclass(slots=True)
class Alike:
    """Leaves that read one record under one filter. ``cells``: all they need of it, by what they are; ``by``: those
    groups are told apart by; ``partials``: what is measured. ``counted``: the source is asked for groups only.
    ``step``: the step that reads, once it is written, with about how many rows."""

    access: LeafAccess
    where: Filter
    counted: bool
    cells: dict[CellKey, CellAccess] = field(default_factory=dict)
    by: dict[CellKey, CellAccess] = field(default_factory=dict)
    partials: list[Partial] = field(default_factory=lambda: list(COUNT))
    step: int = -1
    places: dict[CellKey, int] = field(default_factory=dict)
    about: float = 0.0
    under: Alike | None = None
    """A finer published table of the same rows: the source is asked for its groups, and both tables are made of
    those."""


def alike(
    leaves: Iterable[tuple[int, RowsOf]],
    access: tuple[LeafAccess, ...],
    where: Mapping[int, Filter],
    counts: Mapping[int, Counted],
) -> dict[int, Alike]:
    """By number of the leaf. Groups under a grant of totals are shared where they are the same groups only: a finer
    table would withhold more."""
    found: dict[int, Alike] = {}
    known: list[Alike] = []
    for number, leaf in leaves:
        own, groups = access[number], counts.get(number)
        by = {} if groups is None else {cell_key(own.cells[name]): own.cells[name] for name in sorted(groups.keys)}
        one = next((one for one in known if _same(one, own, where[number], by)), None)
        if one is None:
            one = Alike(own, where[number], groups is not None)
            known.append(one)
        found[number] = one
        one.counted = one.counted and groups is not None
        one.by |= by
        for name, _ in leaf.cells:
            if name in own.cells:
                one.cells.setdefault(cell_key(own.cells[name]), own.cells[name])
        for measure in () if groups is None else groups.measured.values():
            partial = partial_of(measure.function, own.cells[measure.cell or ""])
            if partial not in one.partials:
                one.partials.append(partial)
    for one in known:
        finer = [other for other in known if _is_finer(other, one)]
        one.under = max(finer, key=lambda other: len(other.by), default=None)
    return found


def _is_finer(one: Alike, other: Alike) -> bool:
    """Whether both are published tables of the same rows, and ``one`` has all fields of the other and more."""
    totals = one.access.totals
    if totals is None or not totals.k or not (one.counted and other.counted) or one.where != other.where:
        return False
    same = one.access.access.record is other.access.access.record and totals == other.access.totals
    same = same and one.access.population == other.access.population and set(one.partials) >= set(other.partials)
    plain = all(not cell.hops and cell.condition == TRUE for cell in one.by.values())
    return same and plain and one.by.keys() > other.by.keys()


def partial_of(function: str, cell: CellAccess) -> Partial:
    return Partial(function, MeasureTerm(function, cell.field, cell.condition))


def _same(one: Alike, own: LeafAccess, where: Filter, by: Mapping[CellKey, CellAccess]) -> bool:
    if one.access.access.record is not own.access.record or one.where != where:
        return False
    if one.access.population != own.population or one.access.totals != own.totals:
        return False
    protected = own.totals is not None and bool(own.totals.k)
    return not protected or one.by.keys() == by.keys()
