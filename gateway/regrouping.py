"""A query's groups over what its source has grouped already, and how its cells are reached over links. Pure."""

from __future__ import annotations

from auth.decisions import CellAccess, LeafAccess
from gateway.allowed import Hop, MeasureTerm
from gateway.plan import Partial
from schema.derive.measures import Measured
from schema.derive.nodes import Computed, Grouped, Kept, Node
from schema.lineage import Counted


def via(access: LeafAccess, cell: CellAccess) -> tuple[Hop, ...]:
    record = access.access.record
    via = []
    for link, condition, target in cell.hops:
        via.append(Hop(link, record.fields[link.local], condition, target))
        record = target.record
    return tuple(via)


def regrouped(node: Grouped, groups: Counted, access: LeafAccess, given: Node, partials: list[Partial]) -> Grouped:
    """The query's groups, merged from those its source has made."""
    for link in reversed(groups.chain):
        given = Kept(given, link.tests) if isinstance(link, Kept) else Computed(given, link.cells)
    measures = tuple((name, _merging(measure, access, partials)) for name, measure in node.measures)
    return Grouped(given, node.by, measures)


def _merging(measure: Measured, access: LeafAccess, partials: list[Partial]) -> Measured:
    """The measure over groups that a source has measured already."""
    match measure.function:
        case "distinct":
            return measure
        case "count":
            return Measured("counted", "#0", measure.only)
    cell = access.cells[measure.cell or ""]
    at = partials.index(Partial(measure.function, MeasureTerm(measure.function, cell.field, cell.condition)))
    merged = {"values": "counted"}.get(measure.function, measure.function)
    return Measured(merged, f"#{at}", measure.only)
