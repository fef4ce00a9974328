"""Steps that count and measure. A source groups where it can; groups by linked records' fields and distinct counts are
merged here from finer groups of the source, and what no source groups is grouped here from rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

from auth.policy import Totals
from gateway.allowed import AggregatePart, Filter, GroupTerm, MeasuresPart, MeasureTerm, Path
from gateway.drafting import Draft, visible_rows
from gateway.linking import Linker, Parent, Wanted
from gateway.plan import AggregateStep, Partial, Reading
from schema.catalog import Field, Record
from schema.fetch import Cell, Column, Condition, FetchShape
from schema.predicates import TRUE, Predicate

NO_SUPPRESSION = Totals(True, TRUE)
COUNT = (Partial("count", None),)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be counted: ``filtered`` says that the caller narrowed it, ``parent`` and ``remote`` that it is for
    each row of another step."""

    record: Record
    path: Path
    where: Filter
    groups: tuple[GroupTerm, ...]
    partials: tuple[Partial, ...]
    totals: Totals
    filtered: bool
    parent: Parent | None = None
    remote: Field | None = None


def partials_of(part: AggregatePart) -> tuple[Partial, ...]:
    """Everything measured, once: a sum is a sum, an average a sum and a count of values."""
    wanted: dict[Partial, None] = {COUNT[0]: None}
    terms: list[MeasureTerm] = [
        term for inner in part.parts if isinstance(inner, MeasuresPart) for _, term in inner.fields if term is not None
    ]
    terms += [test.measure for test in part.having if test.measure is not None]
    for term in terms:
        functions = {"avg": ("sum", "values"), "countDistinct": ("distinct",)}.get(term.function, (term.function,))
        for function in functions:
            wanted[Partial(function, MeasureTerm(function, term.field, term.condition))] = None
    return tuple(wanted)


@dataclass(frozen=True, slots=True)
class Totaller:
    """Writes the aggregate steps of one plan."""

    linker: Linker

    def grouped(self, asked: Asked) -> int:
        """The step that gives the asked groups, suppressed where the totals are a grant of their own."""
        complement = None
        if asked.totals.k and asked.filtered:
            everything = visible_rows(asked.totals.population)
            complement = self.grouped(replace(asked, where=everything, partials=COUNT, filtered=False))
        number = self.linker.number()
        if _finer(asked) is not None and (merged := self._merged(asked, number, complement)) is not None:
            return merged
        record = asked.record
        draft, join = self._draft(asked)
        own = [(term.field, term.condition) for term in asked.groups if not term.via]
        wanted = tuple(Wanted(term.via, term.field, term.condition) for term in asked.groups if term.via)
        for part, condition in own:
            draft.position(part, condition)
        keyed = None
        if asked.parent is not None and asked.remote is not None:
            keyed = self.linker.keyed(asked.remote, record, asked.parent)
        pushed = not wanted and draft.can_group(asked.where, own, asked.partials, keyed)
        measured = tuple(
            -1 if partial.term is None else draft.position(partial.term.field, partial.term.condition)
            for partial in asked.partials
        ) if not pushed else ()  # fmt: skip

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            if not pushed:
                return FetchShape(record.relation, cells, condition, key_column)
            measures = tuple(draft.measure(partial) for partial in asked.partials)
            return FetchShape(record.relation, where=condition, key=key_column, groups=cells, measures=measures)

        reading, places = self.linker.read(draft, asked.path, asked.where, keyed, join, shape, wanted)
        # A grouped cell stands once in a row: the join cell and a group by the same field share it.
        linked = iter(places)
        groups = tuple(
            next(linked) if term.via else draft.position(term.field, term.condition) for term in asked.groups
        )
        self.linker.steps[number] = AggregateStep(
            number, asked.path, reading, groups, asked.partials, measured, pushed, False, asked.totals, complement
        )
        return number

    def _draft(self, asked: Asked) -> tuple[Draft, int]:
        draft = self.linker.draft(asked.record, asked.path)
        join = -1 if asked.remote is None else draft.position(asked.remote)
        self.linker.choose(draft, asked.where, asked.parent, asked.remote)
        return draft, join

    def _merged(self, asked: Asked, number: int, complement: int | None) -> int | None:
        """Groups of the source by the links' own keys, widened by the linked cells and merged here; None when the
        source cannot group so."""
        finer = _finer(asked)
        assert finer is not None
        draft, _ = self._draft(asked)
        keyed = None
        if asked.parent is not None and asked.remote is not None:
            keyed = self.linker.keyed(asked.remote, asked.record, asked.parent)
        cells = [(term.field, term.condition) for term in finer.groups]
        if draft.push.rows_first or not draft.can_group(asked.where, cells, finer.partials, keyed):
            return None
        below = self.grouped(finer)
        step = self.linker.steps[below]
        assert isinstance(step, AggregateStep)
        at = {cell: index for index, cell in enumerate(cells)}
        width = len(cells) + len(finer.partials) + 1
        wanted = tuple(Wanted(term.via, term.field, term.condition) for term in asked.groups if term.via)
        starts = [at[one.via[0].local, one.via[0].condition] for one in wanted]
        joins, places = self.linker.joins(wanted, starts, below, width, step.reading.about, asked.path)
        linked = iter(places)
        groups = tuple(next(linked) if term.via else at[term.field, term.condition] for term in asked.groups)
        measured = tuple(
            at[partial.term.field, partial.term.condition]
            if partial.function == "distinct" and partial.term is not None
            else len(cells) + finer.partials.index(partial)
            for partial in asked.partials
        )
        join = -1 if asked.remote is None else width - 1
        reading = Reading(
            asked.record, step.reading.shape, (), (), None, (), None, join, (), below, joins, step.reading.about
        )
        self.linker.steps[number] = AggregateStep(
            number, asked.path, reading, groups, asked.partials, measured, False, True, asked.totals, complement
        )
        return number


def _finer(asked: Asked) -> Asked | None:
    """The groups the asked ones can be merged from: by the links' local fields, and by what is counted distinctly.
    None when the source can give the asked ones as they are."""
    distinct = [partial.term for partial in asked.partials if partial.function == "distinct" and partial.term]
    if not distinct and not any(term.via for term in asked.groups):
        return None
    cells: dict[tuple[str, Predicate], tuple[Field, Predicate]] = {}
    for term in asked.groups:
        first = term.via[0] if term.via else None
        part, condition = (first.local, first.condition) if first else (term.field, term.condition)
        cells[part.name, condition] = (part, condition)
    for measured in distinct:
        cells[measured.field.name, measured.condition] = (measured.field, measured.condition)
    groups = tuple(GroupTerm(part.api_name, part, condition) for part, condition in cells.values())
    partials = tuple(partial for partial in asked.partials if partial.function != "distinct")
    return replace(asked, groups=groups, partials=partials, totals=NO_SUPPRESSION, filtered=False)
