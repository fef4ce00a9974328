"""A reading step while it is being written: which cells it needs, what its source does and what is left for the
gateway."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from gateway.allowed import AllTests, FieldTest, Filter, OrderTerm, RuleTest
from gateway.local import Local
from gateway.plan import CellUse, JoinIn, Keyed, LocalTest, Partial, Reading, Undated
from gateway.pushdown import Pushdown, conjuncts, link_tests, plain_column
from gateway.templates import FromVariable, Literal
from schema.catalog import Field, Record
from schema.codecs import Codec
from schema.fetch import Cell, Column, Condition, FetchShape, Function, Measure
from schema.predicates import TRUE, Predicate

ONE_FORM = frozenset({"text", "int", "date"})
"""Kinds whose equal values are told alike: 1.5 is 1.50, and one moment has many offsets."""
Shaping = Callable[[Condition, tuple[Cell, ...], Column | None], FetchShape]
"""(pushed condition, cells, key column) -> the shape of a fetch."""


def codec_of(part: Field) -> Codec:
    assert part.codec is not None
    return part.codec


def takes_keys(record: Record, part: Field) -> bool:
    """Whether the source can be asked for rows by values of the field."""
    capabilities = record.source.capabilities
    assert part.column is not None
    if not capabilities.takes_keys(part.column):
        return False
    codec = codec_of(part)
    return codec.enumerable or codec.normaliser in capabilities.normalisers


def keys_may_be_unreadable(record: Record) -> bool:
    """Whether rows may turn out to have no key. A source that groups is a database, whose keys are never null: there
    only a codec can fail."""
    return not (record.source.capabilities.groups and codec_of(record.key_field).total)


def visible_rows(condition: Predicate) -> Filter:
    return AllTests() if condition == TRUE else RuleTest(condition)


@dataclass(slots=True)
class Draft:
    """The cells needed so far, by field and condition, and the two places a filter can go."""

    record: Record
    push: Pushdown
    about: float = 0.0
    known: Filter = AllTests()  # noqa: RUF009
    """Rows known at the moment asked for."""
    local: Local = field(init=False)
    cells: list[tuple[Field, Predicate]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.local = Local(self.record, self.position, self.push.link_keys)

    def position(self, part: Field, condition: Predicate = TRUE) -> int:
        """Where the cell stands in a row; asked for first, it is added."""
        wanted = (part, condition)
        if wanted not in self.cells:
            self.cells.append(wanted)
        return self.cells.index(wanted)

    def key(self) -> int:
        """Where the record's key stands; -1 where every row has one."""
        return self.position(self.record.key_field) if keys_may_be_unreadable(self.record) else -1

    def whole(self, where: Filter) -> Filter:
        """The filter with what always holds here."""
        return where if self.known == AllTests() else AllTests((self.known, where))

    def _shape_cells(self) -> tuple[Cell, ...]:
        cells = []
        for part, condition in self.cells:
            when = self.push.cell_condition(condition) if self.push.can_push_cell(condition) else None
            cells.append(Cell(plain_column(part), when))
        return tuple(cells)

    def _uses(self) -> tuple[CellUse, ...]:
        """The cells as the executor reads them. Blanking tests may themselves need more cells."""
        uses: list[CellUse] = []
        index = 0
        while index < len(self.cells):
            part, condition = self.cells[index]
            here = None if self.push.can_push_cell(condition) else self.local.blanking(condition)
            uses.append(CellUse(part, here))
            index += 1
        return tuple(uses)

    def reading(self, where: Filter, keyed: Keyed | None, join: int, shape: Shaping) -> Reading:
        """The finished reading."""
        condition, left = self.push.split(self.whole(where))
        rules = tuple(part for part in left if isinstance(part, RuleTest))
        seen = self.local.test(rules)
        test = self.local.test(tuple(part for part in left if not isinstance(part, RuleTest)))
        key_column = None
        if keyed is not None and keyed.pushed:
            key_column = _key_column(self.cells[join][0] if join >= 0 else self.record.key_field)
        undated = self._undated(where, left, key_column)
        uses = self._uses()
        fetched = shape(condition, self._shape_cells(), key_column)
        told = dict(self._told(where, left, join)) if fetched.cells else {}  # groups and measures are not told
        return Reading(
            self.record, fetched, tuple(self.push.params), uses, test,
            tuple(self.local.params), keyed, join, (*self.push.waits_on, *self.local.waits_on), about=self.about,
            joined=tuple(self.push.joined), seen=seen, undated=undated,
            told=tuple(told.items()),
        )  # fmt: skip

    def _told(self, where: Filter, left: tuple[Filter, ...], join: int) -> Iterator[tuple[int, FieldTest]]:
        """Cells whose value the filter says. ``left``: what the source does not apply of it."""
        for test in conjuncts(where):
            if not isinstance(test, FieldTest) or test.op != "eq" or test.condition != TRUE or test in left:
                continue
            whole = isinstance(test.value, (Literal, FromVariable)) and test.field.scalar.kind in ONE_FORM
            at = self.cells.index((test.field, TRUE)) if (test.field, TRUE) in self.cells else join
            if whole and at != join:
                yield at, test

    def _undated(self, where: Filter, left: tuple[Filter, ...], key_column: Column | None) -> Undated | None:
        """How rows without a recorded date are counted. ``left``: what the source does not apply of the filter."""
        if self.known == AllTests():
            return None
        assert self.record.recorded is not None
        part = self.record.fields[self.record.recorded]
        if self.known in left:
            rest = tuple(one for one in left if one != self.known and not isinstance(one, RuleTest))
            return Undated(position=self.position(part), test=self.local.test(rest))
        push = replace(self.push, params=[], waits_on=[], joined=[])
        missing = AllTests((FieldTest(part, "isNull", Literal(True), TRUE), where))
        if not (self.record.source.capabilities.groups and push.can_push(missing)):
            return None
        condition, _ = push.split(missing)
        shape = FetchShape(self.record.relation, where=condition, key=key_column, measures=(Measure(Function.COUNT),))
        return Undated(shape, tuple(push.params))

    def waiting(self, where: Filter) -> tuple[Filter, Filter]:
        """The filter in two: what can be told of a row by itself, and what waits for keys of the rows themselves."""
        early: list[Filter] = []
        late: list[Filter] = []
        for part in conjuncts(where):
            waits = any(id(test) in self.push.rows_first for test in link_tests(part))
            (late if waits else early).append(part)
        return AllTests(tuple(early)), AllTests(tuple(late))

    def can_order(self, order: tuple[OrderTerm, ...], where: Filter, keyed: Keyed | None) -> bool:
        """Whether order, seek and limit may be left to the source: it must also apply the whole filter, and no key
        may turn out unreadable."""
        capabilities = self.record.source.capabilities
        if not (capabilities.order and capabilities.limit and capabilities.boolean):
            return False
        if keyed is not None and not (capabilities.per_key_limit and keyed.pushed):
            return False
        for term in order:
            codec = codec_of(term.field)
            assert term.field.column is not None
            if term.via or not (codec.total and codec.ordered and capabilities.takes(term.field.column, "gt")):
                return False
            if codec.normaliser is not None and codec.normaliser not in capabilities.normalisers:
                return False
            if not self.push.can_push_cell(term.condition):
                return False
        return self.push.can_push(self.whole(where))

    def can_group(
        self, where: Filter, groups: list[tuple[Field, Predicate]], partials: tuple[Partial, ...], keyed: Keyed | None
    ) -> bool:
        """Whether the source can count and measure by itself."""
        capabilities = self.record.source.capabilities
        if not capabilities.groups or (keyed is not None and not keyed.pushed):
            return False
        if not self.push.can_push(self.whole(where)):
            return False
        if keys_may_be_unreadable(self.record):
            return False  # rows whose key cannot be read are left out, and only their decoded key tells
        if not all(self.push.can_push_cell(condition) for _, condition in groups):
            return False
        return all(self._can_measure(partial) for partial in partials)

    def _can_measure(self, partial: Partial) -> bool:
        if partial.term is None:
            return True
        codec = codec_of(partial.term.field)
        if not self.push.can_push_cell(partial.term.condition):
            return False
        if codec.normaliser is not None and codec.normaliser not in self.record.source.capabilities.normalisers:
            return False
        match partial.function:
            case "distinct":
                return False
            case "sum":
                return codec.factor is not None and codec.total
            case "values":
                return codec.total
        return codec.total and codec.ordered

    def measure(self, partial: Partial) -> Measure:
        if partial.term is None:
            return Measure(Function.COUNT)
        function = Function.COUNT if partial.function == "values" else Function(partial.function)
        return Measure(function, self.push.cell(partial.term.field, partial.term.condition))


def over(scan: int, scanned: Reading, test: LocalTest | None, local: Local, joins: tuple[JoinIn, ...]) -> Reading:
    """The reading that goes on with another step's rows, widened by ``joins`` and filtered by ``test``."""
    return replace(
        scanned, params=(), cells=(), local=test, local_params=tuple(local.params), waits_on=tuple(local.waits_on),
        scan=scan, joins=joins, joined=(), seen=None, undated=None,
    )  # fmt: skip


def _key_column(part: Field) -> Column:
    column = plain_column(part)
    codec = codec_of(part)
    return column if codec.enumerable else Column(column.name, column.kind, column.scale, codec.normaliser)
