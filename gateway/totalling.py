"""Steps that count and measure. A source groups where it can; groups by linked records' fields and distinct counts are
merged here from finer groups, and what no source groups is grouped here from rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from auth.decisions import Totals
from gateway.allowed import AggregatePart, AllTests, Filter, GroupTerm, MeasuresPart, MeasureTerm, Path
from gateway.drafting import Draft, visible_rows
from gateway.filters import within
from gateway.linking import Linker, Parent, Wanted
from gateway.plan import AggregateStep, Partial, Protection, Reading
from schema.catalog import Field, Record
from schema.fetch import Cell, Column, Condition, FetchShape
from schema.predicates import TRUE, Predicate

COUNT = (Partial("count", None),)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is counted or measured: of the rows of ``totals.population``, those that pass ``where``. ``parent`` and
    ``remote``: for each row of another step."""

    record: Record
    path: Path
    totals: Totals
    where: Filter = AllTests()  # noqa: RUF009
    groups: tuple[GroupTerm, ...] = ()
    partials: tuple[Partial, ...] = COUNT
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
    known: list[tuple[Asked, int, tuple[Field, ...]]] = field(default_factory=list)
    """Groups that several published tables are made of: the step that has them, and by which fields."""

    def published(self, asked: Asked, finest: Asked) -> int:
        """The step that gives the asked groups of a published table, made of those of a table that has its fields and
        perhaps more. What is withheld depends on the table alone."""
        number, stand = self._counted(finest)
        below = self.linker.steps[number]
        assert isinstance(below, AggregateStep)
        draft = self.linker.draft(asked.record, asked.path)
        groups = tuple(draft.position(term.field, term.condition) for term in asked.groups)
        partials = tuple(dict.fromkeys((*asked.partials, *_protecting(asked))))
        protection = _protection(draft, asked, partials)
        places = tuple(stand.index(part) for part, _ in draft.cells)
        width = len(stand)
        measured = tuple(width + below.partials.index(partial) for partial in partials)
        reading = Reading(
            asked.record, below.reading.shape, (), (), None, tuple(draft.local.params), None, -1,
            tuple(draft.local.waits_on), below.id, (), below.reading.about,
        )  # fmt: skip
        number = self.linker.number()
        self.linker.steps[number] = AggregateStep(
            number, asked.path, reading, groups, partials, measured, False, width + len(below.partials) + 1,
            replace(protection, places=places),
        )  # fmt: skip
        return number

    def _counted(self, finest: Asked) -> tuple[int, tuple[Field, ...]]:
        """The step with the groups of a published table, before anything of it is withheld, and their fields."""
        for one, step, fields in self.known:
            if one == finest:
                return step, fields
        draft = self.linker.draft(finest.record, finest.path)
        for term in finest.groups:
            draft.position(term.field, term.condition)
        partials = tuple(dict.fromkeys((*finest.partials, *_protecting(finest))))
        _protection(draft, finest, partials)
        groups = tuple(GroupTerm(part.api_name, part, condition) for part, condition in draft.cells)
        plain = replace(
            finest, totals=Totals(finest.totals.population), where=AllTests(), groups=groups, partials=partials
        )
        found = self.grouped(plain), tuple(part for part, _ in draft.cells)
        self.known.append((finest, *found))
        return found

    def grouped(self, asked: Asked) -> int:
        """The step that gives the asked groups."""
        finer = _finer(asked)
        if finer is not None:
            return self._merged(asked, finer)
        record, protected = asked.record, bool(asked.totals.k)
        number = self.linker.number()
        draft = self.linker.draft(record, asked.path)
        join = -1 if asked.remote is None else draft.position(asked.remote)
        for term in asked.groups:
            draft.position(term.field, term.condition)
        partials = tuple(dict.fromkeys((*asked.partials, *_protecting(asked)))) if protected else asked.partials
        protection = _protection(draft, asked, partials) if protected else None
        where = visible_rows(asked.totals.population) if protected else within(asked.totals.population, asked.where)
        keyed = None
        if asked.parent is not None and asked.remote is not None and not protected:
            keyed = self.linker.keyed(asked.remote, record, asked.parent)
        self.linker.choose(draft, where, None if protected else asked.parent, asked.remote)
        pushed = draft.can_group(where, draft.cells, partials, keyed)
        measured = tuple(
            -1 if partial.term is None else draft.position(partial.term.field, partial.term.condition)
            for partial in partials
        ) if not pushed else ()  # fmt: skip
        key = -1 if pushed else draft.key()
        # A grouped cell stands once in a row: the join cell and a group by the same field share it.
        groups = tuple(draft.position(term.field, term.condition) for term in asked.groups)

        def shape(condition: Condition, cells: tuple[Cell, ...], key_column: Column | None) -> FetchShape:
            if not pushed:
                return FetchShape(record.relation, cells, condition, key_column)
            measures = tuple(draft.measure(partial) for partial in partials)
            return FetchShape(record.relation, where=condition, key=key_column, groups=cells, measures=measures)

        reading, _ = self.linker.read(draft, asked.path, where, keyed, join, shape)
        self.linker.steps[number] = AggregateStep(
            number, asked.path, reading, groups, partials, measured, pushed, None, protection, key
        )
        return number

    def _merged(self, asked: Asked, finer: Asked) -> int:
        """Groups by the links' own keys, widened by the linked cells and merged here."""
        number = self.linker.number()
        below = self.grouped(finer)
        step = self.linker.steps[below]
        assert isinstance(step, AggregateStep)
        cells = [(term.field, term.condition) for term in finer.groups]
        at = {cell: index for index, cell in enumerate(cells)}
        parent = len(cells) + len(step.partials)
        wanted = tuple(Wanted(term.via, term.field, term.condition) for term in asked.groups if term.via)
        starts = [at[one.via[0].local, one.via[0].condition] for one in wanted]
        about = step.reading.about
        joins, places = self.linker.joins(wanted, starts, below, parent + 2, about, asked.path)
        linked = iter(places)
        groups = tuple(next(linked) if term.via else at[term.field, term.condition] for term in asked.groups)
        measured = tuple(
            at[partial.term.field, partial.term.condition]
            if partial.function == "distinct" and partial.term is not None
            else len(cells) + step.partials.index(partial)
            for partial in asked.partials
        )
        join = -1 if asked.remote is None else parent
        reading = Reading(
            asked.record, step.reading.shape, (), (), None, (), None, join, (), below, joins, step.reading.about
        )
        self.linker.steps[number] = AggregateStep(
            number, asked.path, reading, groups, asked.partials, measured, False, parent + 1, None
        )
        return number


def _finer(asked: Asked) -> Asked | None:
    """The groups the asked ones can be merged from: by the links' local fields, and by what is counted distinctly.
    None when the asked ones can be had as they are."""
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
    return replace(asked, groups=groups, partials=partials)


def _protecting(asked: Asked) -> tuple[Partial, ...]:
    """What must be known of every measure the grant names to tell whether a cell can be shown."""
    terms = [
        MeasureTerm("sum", asked.record.fields[name], TRUE)
        for name in sorted(asked.totals.measures or ())
        if asked.record.fields[name].scalar.kind in ("int", "decimal", "float")
    ]
    return tuple(
        Partial(function, MeasureTerm(function, term.field, term.condition))
        for term in terms
        for function in ("values", "sum", "max")
    )


def _protection(draft: Draft, asked: Asked, partials: tuple[Partial, ...]) -> Protection:
    """Adds the cells of the published table to the draft: the fields asked for and filtered on, and for a finer field
    the coarser one it stands in."""
    test = draft.local.test((asked.where,)) if asked.where != AllTests() else None
    pairs = asked.totals.within
    cells = draft.cells
    for part, _ in cells:  # grows while it is gone through
        for finer, coarser in pairs:
            if finer == part.name:
                draft.position(draft.record.fields[coarser])
    order = tuple(sorted(range(len(cells)), key=lambda at: cells[at][0].name))
    fields = tuple(cells[at][0].name for at in order)
    known = {(partial.function, partial.term and partial.term.field.name): at for at, partial in enumerate(partials)}
    measured = tuple(
        (known["values", name], known["sum", name], known["max", name])
        for function, name in known
        if function == "max" and name is not None
    )
    return Protection(asked.totals.k, fields, order, pairs, test, measured)
