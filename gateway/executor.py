"""Runs a plan: every step starts as soon as what it needs is there. The only stage that waits on a department.

What a failed step would have given is missing, never guessed: the problem names department, owner and code, and
whatever does not depend on it stands.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import compress
from typing import Any

from aiodataloader import DataLoader

from auth.principal import Principal
from gateway import grouping, pages, undated
from gateway.allowed import MeasureTerm, MissingPart, Path, cut
from gateway.cursors import Sealer
from gateway.decode import Decoder, blank
from gateway.engine import Engines
from gateway.fetching import Fetching, Unfetched, who
from gateway.lately import Kept, Lately
from gateway.pages import Page, PageProblem
from gateway.partwise import missing, without
from gateway.plan import (
    AggregateStep,
    Binding,
    DeriveInput,
    DeriveStep,
    JoinIn,
    Keyed,
    KeySetStep,
    KeysOf,
    LookupStep,
    Reading,
    ReadingStep,
    RowsStep,
    ScanStep,
    Step,
)
from gateway.prepared import Prepared
from gateway.pushdown import COMPARE
from gateway.relational import evaluate, projected
from gateway.results import Failed, Problem, Result, RowsResult
from gateway.table import WITHHELD, PastBound, Table
from gateway.templates import FromPrincipal, FromVariable, Known, Leaf, Literal, Worked
from schema.catalog import Field, Record
from schema.derive import Node
from schema.errors import Code
from schema.fetch import AllOf, Connector, FetchShape
from schema.scalars import DECIMAL, INT, KARACHI, LONG, Scalar

MOST_FIGURES = 400_000


@dataclass(frozen=True, slots=True)
class Reach:
    """What an execution reaches out through."""

    connectors: Mapping[str, Connector]
    sealer: Sealer
    default_first: int = 100
    max_first: int = 1000
    batch: int | None = None
    """Most keys a fetch, where smaller than the source's own limit; tests use 1 and 2."""
    lately: Lately = field(default_factory=Lately)
    figures: Lately = field(default_factory=lambda: Lately(MOST_FIGURES))
    """Rows that may be told again: see ``gateway.plan.Keeping``."""
    intermediate_rows: int = 1_000_000
    """Most rows that a join of a derived record may make here; more are left to the engine."""
    engine: Engines | None = None


UNREACHED = "its source cannot be reached now"
LOST: dict[str, str] = {
    Code.DEADLINE: "its source did not answer in time", Code.BUDGET_EXCEEDED: "more would have to be read than allowed",
}  # fmt: skip


class _Withheld(Exception):
    """All totals a query needs are withheld."""


COUNTED = -1
"""In the place of a step: a count beside the plan."""


class _Stop(Exception):
    """A step cannot give anything; the problem is already told."""

    def __init__(self, code: str) -> None:
        self.code = code


@dataclass(slots=True)
class Execution:
    """One run of a plan: its bindings and what it has brought so far."""

    prepared: Prepared
    variables: Mapping[str, Any]
    principal: Principal
    reach: Reach
    deadline: float
    results: dict[int, Result] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    sources: Fetching = field(init=False)
    turned: set[str] = field(default_factory=set)
    """Links whose keys turned out to be too many to come first: the plan has to be turned round."""
    missing: list[MissingPart] = field(default_factory=list)
    """Parts of derived records that could not be worked out."""
    began: dt.datetime = field(default_factory=lambda: dt.datetime.now(KARACHI))
    undated: dict[int, int] = field(default_factory=dict)
    """Rows left out by step, because no recorded date says since when they are known."""
    _told: set[tuple[str, str]] = field(default_factory=set)
    _waiting: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sources = Fetching(self.reach.connectors, self.deadline, self.reach.batch)

    @property
    def sealer(self) -> Sealer:
        return self.reach.sealer

    async def run(self) -> None:
        """Brings every step's result."""
        prepared = self.prepared
        self._waiting = dict(prepared.needs)
        self._take_up()
        self._tell_again()
        await self._start([step for step in prepared.plan.steps if not prepared.needs[step.id]])

    async def _start(self, steps: list[Step]) -> None:
        while len(steps) == 1:
            steps = await self._finish(steps[0])
        if steps:
            await asyncio.gather(*(self._run_from(step) for step in steps))

    async def _run_from(self, step: Step) -> None:
        await self._start(await self._finish(step))

    async def _finish(self, step: Step) -> list[Step]:
        """Runs the step; the steps that were waiting only for it."""
        if step.id not in self.results:
            try:
                self.results[step.id] = await self._result(step)
            except _Stop as stop:
                self.results[step.id] = Failed(stop.code)
        ready = []
        for follower in self.prepared.followers[step.id]:
            self._waiting[follower] -= 1
            if not self._waiting[follower]:
                ready.append(self.prepared.plan.steps[follower])
        return ready

    def _take_up(self) -> None:
        """A page after the first goes on with the derived rows the first one was cut from, while they are kept."""
        for step in self.prepared.continued:
            window = step.paging.window if step.paging is not None else None
            leaf = None if window is None else window.after or window.before
            if leaf is None or self.read(leaf) is None:
                continue
            kept = self.reach.lately.get(self._list_key(step), asyncio.get_running_loop().time())
            if kept is not None:
                assert step.reading.derived is not None
                self.results |= dict.fromkeys(self.prepared.only_for(step.reading.derived), RowsResult([]))
                self.results[step.reading.derived] = RowsResult(kept.rows)
                self.problems += kept.problems
                self._told |= {(problem.code, "/".join(problem.path)) for problem in kept.problems}
                self.sources.freshness |= kept.freshness

    def _tell_again(self) -> None:
        """Figures that were worked out lately for somebody with the same rights are told again."""
        for step in self.prepared.keeping:
            if step.id in self.results:
                continue
            kept = self.reach.figures.get(self._figures_key(step), asyncio.get_running_loop().time())
            if kept is not None:
                self.results |= dict.fromkeys(self.prepared.only_for(step.id), RowsResult([]))
                self.results[step.id] = RowsResult(kept.rows)
                for problem in kept.problems:
                    again = replace(problem, path=cut(step.path))
                    if again not in self.problems:
                        self.problems.append(again)
                self.sources.freshness |= kept.freshness
                self.sources.rows_read |= dict.fromkeys(kept.records, 0) | self.sources.rows_read

    def _keep_figures(self, step: DeriveStep, rows: list[Any]) -> None:
        """Keeps what every source answered now; with the moment, where a source tells none."""
        assert step.kept is not None
        records = self.prepared.records_beneath(step.id)
        known, began = self.sources.freshness, self.began.isoformat(timespec="seconds")
        freshness = {name: known[name] for name in {one.source.name for one in records} & known.keys()}
        if any(stale for _, stale in freshness.values()):
            return
        freshness = {name: (as_of or began, stale) for name, (as_of, stale) in freshness.items()}
        problems = tuple(one for one in self.problems if one.path == cut(step.path))
        kept = Kept(rows, problems, freshness, tuple(one.name for one in records))
        self.reach.figures.put(
            self._figures_key(step), kept, asyncio.get_running_loop().time(), step.kept.for_s
        )

    def _figures_key(self, step: DeriveStep) -> tuple[Any, ...]:
        """Everything the rows depend on: what is asked with which values, who asks, and what rules compare rows with
        (SEMANTICS 15)."""
        assert step.kept is not None
        principal = self.principal
        also = None if principal.also is None else principal.also.attributes
        attributes = repr((sorted(principal.attributes.items()), also and sorted(also.items())))
        values = tuple(repr(self.read(leaf, parse)) for leaf, parse in step.kept.values)
        return step.kept.told, step.shown, values, self.prepared.plan.allowed.access.key, attributes

    def _keep(self, step: RowsStep) -> None:
        assert step.reading.derived is not None
        above = self.results[step.reading.derived]
        assert isinstance(above, RowsResult)
        kept = Kept(above.rows, tuple(self.problems), dict(self.sources.freshness))
        self.reach.lately.put(self._list_key(step), kept, asyncio.get_running_loop().time())

    def _list_key(self, step: RowsStep) -> tuple[Any, ...]:
        """What the derived rows of a list depend on: binding holds subject, list, values and catalog. Another question
        about the same list has other cells."""
        access, principal = self.prepared.plan.allowed.access, self.principal
        derived = self.prepared.plan.steps[step.reading.derived or 0]
        assert isinstance(derived, DeriveStep)
        return self.binding(step, None), derived.shown, access.key, principal.purpose, principal.case

    async def _result(self, step: Step) -> Result:
        match step:
            case ScanStep():
                return await self._scan(step)
            case RowsStep():
                return await self._rows(step)
            case AggregateStep():
                return await self._groups(step)
            case KeySetStep():
                return await self._key_set(step)
            case DeriveStep():
                return await self._derive(step)
            case LookupStep():
                return await self._lookup(step)

    def _tell(self, path: Path, code: str, message: str, record: Record | None = None, about: str = "") -> None:
        """Reports a problem once per coordinate."""
        coordinate = (code, about or "/".join(path))
        if coordinate not in self._told:
            self._told.add(coordinate)
            department = record.department.name if record else None
            self.problems.append(Problem(cut(path), code, message, department, record.owner if record else None))

    def _fail(self, path: Path, code: str, message: str, record: Record | None = None) -> _Stop:
        self._tell(path, code, message, record)
        return _Stop(code)

    def read(self, leaf: Leaf, parse: Any = None) -> Any:
        """The decoded value of a leaf."""
        match leaf:
            case FromVariable():
                return leaf.read(self.variables)
            case Literal(value=value):
                if parse is None or value is None:
                    return value
                return tuple(parse(item) for item in value) if isinstance(value, list) else parse(value)
            case FromPrincipal(attribute=name):
                return self.principal.attribute(name)
            case Known(value=value):
                return value
            case Worked(leaf=inner, function=function, parse=read):
                return function(self.read(inner, read))

    def _params(self, bindings: tuple[Binding, ...], path: Path) -> tuple[Any, ...]:
        return tuple(self._param(binding, path) for binding in bindings)

    def _param(self, binding: Binding, path: Path) -> Any:
        leaf = binding.leaf
        if isinstance(leaf, KeysOf):
            keys = self.results[leaf.step]
            if isinstance(keys, Failed):
                raise _Stop(keys.code)
            return binding.encode(keys)
        value = self.read(leaf, binding.parse)
        if isinstance(value, (list, tuple)):
            if any(item is None for item in value):
                raise self._fail(path, Code.BAD_INPUT, "a list of values holds null; null equals nothing, use isNull")
            value = tuple(value)
        return binding.encode(value)

    def _pushed(self, reading: Reading, path: Path) -> tuple[Any, ...]:
        """The values of the conditions its source applies. Keys that turn out to be more than the source takes turn
        the plan round; where that was tried already, they are refused."""
        limits = reading.record.source.limits
        for binding in reading.params:
            keys = self.results.get(binding.leaf.step) if isinstance(binding.leaf, KeysOf) else None
            if isinstance(keys, frozenset) and len(keys) > limits.max_filter_keys:
                step = self.prepared.plan.steps[binding.leaf.step]  # type: ignore[union-attr]
                assert isinstance(step, KeySetStep)
                if step.into not in self.prepared.plan.turned:
                    self.turned.add(step.into)
                    raise _Stop(Code.BUDGET_EXCEEDED)
                raise self._fail(
                    path, Code.BUDGET_EXCEEDED,
                    f"{who(reading.record)}: a filter through {step.into} may bring {limits.max_filter_keys} keys to "
                    f"{reading.record.source.name}; narrow it", reading.record,
                )  # fmt: skip
        return self._params(reading.params, path)

    async def _derive(self, step: DeriveStep) -> RowsResult:
        """Works out the rows. What a part needs and did not come leaves that part out, and it is named."""
        given: dict[int, Table] = {}
        lost: dict[int, tuple[str, str]] = {}
        for number, part in enumerate(step.inputs):
            try:
                given[number] = self._input(part)
            except _Withheld:
                lost[number] = Code.REFUSED, "the totals it needs are withheld as a whole: too few persons in them"
            except _Stop as stop:
                lost[number] = stop.code, LOST.get(stop.code, UNREACHED)
        if not lost:
            rows = (await self._evaluated(step, step.query, given)).taking(step.places).told()
            if step.kept is not None:
                self._keep_figures(step, rows)
            return RowsResult(rows)
        absent = {name: min(inputs & lost.keys()) for name, inputs in step.parts if inputs & lost.keys()}
        if len(absent) == len(step.parts):
            code, why = lost[min(lost)]
            if code == Code.REFUSED:
                raise self._fail(step.path, code, f"{step.record.type_name}: {why}", step.record)
            raise _Stop(code)
        for name, number in absent.items():
            self._miss(step, name, self._record_of(step.inputs[number].step), *lost[number])
        found = await self._evaluated(step, without(step.query, frozenset(absent)), given)
        return RowsResult(found.taking(step.places).told())

    async def _evaluated(self, step: DeriveStep, query: Node, given: Mapping[int, Table]) -> Table:
        """Worked out here, or in the engine where a join makes more rows than may be held here. How many they would be
        is not told: rows are among them that the caller may not see (SEMANTICS 14)."""
        most, engine = self.reach.intermediate_rows, self.reach.engine
        try:
            return evaluate(query, given, most)
        except PastBound:
            if engine is not None:
                try:
                    return await engine.evaluate(query, given, most, self.deadline)
                except PastBound:
                    pass
                except TimeoutError:
                    late = f"{step.record.type_name}: could not be worked out in time; narrow the question"
                    raise self._fail(step.path, Code.DEADLINE, late, step.record) from None
        more = "" if engine is not None else "; the extra 'analytics' lets a gateway join more"
        raise self._fail(
            step.path, Code.BUDGET_EXCEEDED,
            f"{step.record.type_name}: working it out would make more than {most} rows (limits.intermediate_rows); "
            f"narrow the question{more}", step.record,
        )  # fmt: skip

    def _input(self, part: DeriveInput) -> Table:
        above = self.results[part.step]
        if isinstance(above, Failed):
            raise _Stop(above.code)
        if isinstance(above, grouping.Groups) and above.instead is not None:
            raise _Withheld
        return self._table(self.prepared.plan.steps[part.step], above).taking(part.places)

    def _record_of(self, number: int) -> Record:
        """Whose rows a step reads: where it goes on with another's, that one's."""
        step = self.prepared.plan.steps[number]
        return step.record if isinstance(step, (DeriveStep, LookupStep)) else step.reading.record

    def _miss(self, step: DeriveStep, name: str, record: Record, code: str, why: str) -> None:
        self.missing.append(missing(step.record, cut(step.path), name, record, code, why))

    def _table(self, step: Step, above: Any) -> Table:
        """A step's rows or groups a column at a time."""
        match above, step:
            case Table(), _:
                return above
            case grouping.Groups(), AggregateStep(groups=groups, partials=partials):
                return Table.of(above.flat(WITHHELD), len(groups) + len(partials) + 2, above.protected)
        return Table.of(above.rows, self._width(step))

    def _width(self, step: Step) -> int:
        """Cells of a scan's rows."""
        assert isinstance(step, ScanStep)
        reading = step.reading
        if reading.scan is None:
            return len(reading.cells)
        return self._width(self.prepared.plan.steps[reading.scan]) + sum(join.width for join in reading.joins)

    async def _scan(self, step: ScanStep) -> RowsResult | Table:
        reading = step.reading
        params = self._pushed(reading, step.path)
        keys = None if reading.keyed is None else self._keys(reading.keyed)
        if step.id in self.prepared.tabular:
            return await self._scan_table(step, params, keys)
        rows = await self._read(step.id, reading, step.path, reading.shape, params, None, keys)
        return RowsResult(self._with_keys(step, rows))

    async def _scan_table(self, step: ScanStep, params: tuple[Any, ...], keys: list[Any] | None) -> Table:
        """As ``_read`` does it with rows, a column at a time."""
        reading, path = step.reading, step.path
        if reading.scan is not None:
            table = self._widened(reading, reading.scan)
        elif reading.derived is not None:
            table = Table.of(self._taken(reading, reading.derived), len(reading.cells))
        else:
            rows = await self._fetch(step.id, reading, path, reading.shape, params, None, keys)
            table = Table.of(rows, len(reading.cells))
        decoder = self.prepared.decoders[step.id]
        if decoder is not None:
            report = partial(self._unreadable, path, reading=reading)
            table = Table(tuple(decoder.columns(list(table.columns), report)), table.size)
        if reading.local is not None:
            local_params = self._params(reading.local_params, path)
            table = table.kept(reading.local.judged_columns(table.columns, table.size, local_params))
        if keys is not None and _matches_here(reading.keyed):
            wanted = frozenset(keys)
            table = table.kept([cell in wanted for cell in table.columns[reading.join]])
        if step.key >= 0 and None in table.columns[step.key]:
            self._tell_keyless(step)
            table = table.kept([cell is not None for cell in table.columns[step.key]])
        return table

    def _widened(self, reading: Reading, scan: int) -> Table:
        """Another step's table, with linked cells as further columns."""
        above = self.results[scan]
        if isinstance(above, Failed):
            raise _Stop(above.code)
        table = self._table(self.prepared.plan.steps[scan], above)
        columns = list(table.columns)
        for join in reading.joins:
            found = self._linked(join)
            rows = list(map(found.get, columns[join.position]))
            columns += [[None if row is None else row[at] for row in rows] for at in range(join.width)]
        return Table(tuple(columns), table.size)

    def _linked(self, join: JoinIn) -> dict[Any, Any]:
        """The linked rows by the value they are joined by."""
        linked = self.results[join.step]
        if not isinstance(linked, RowsResult) or linked.by_key is None:
            raise _Stop(linked.code if isinstance(linked, Failed) else Code.INTERNAL)
        return {key: linked.rows[indexes[0]] for key, indexes in linked.by_key.items()}

    async def _rows(self, step: RowsStep) -> RowsResult:
        reading = step.reading
        params = self._pushed(reading, step.path)
        keys = None if reading.keyed is None else self._keys(reading.keyed)
        page, shape, limit = None, self.prepared.shapes[step.id], None
        if step.paging is not None:
            page = self._open_page(step, keys)
            more = 1 if step.paging.extra else 0
            if step.paging.pushed:
                limit = page.limit + more
                if page.start is not None:
                    shape, params = self._sought(step, page.start, params)
            if page.limit == 0 and not more:
                return RowsResult([], {} if reading.join >= 0 else None, page)
        rows = await self._read(step.id, reading, step.path, shape, params, limit, keys)
        kept = self._with_keys(step, rows)
        incomplete = len(kept) < len(rows)
        rows = kept
        if step.single:
            return self._single(step, rows)
        assert page is not None
        if reading.join < 0:
            found = self._root_page(step, rows, page, incomplete)
            if found.more and any(step is one for one in self.prepared.continued):
                self._keep(step)
            return found
        return self._linked_page(step, rows, page, incomplete)

    def _with_keys(self, step: ReadingStep, rows: list[Any]) -> list[Any]:
        """Without the rows whose key cannot be read, which is told once."""
        key = step.key
        if key < 0 or None not in [row[key] for row in rows]:
            return rows
        self._tell_keyless(step)
        return [row for row in rows if row[key] is not None]

    def _tell_keyless(self, step: ReadingStep) -> None:
        record = step.reading.record
        if not step.reading.quiet:
            self._tell(
                step.path, Code.SOURCE_UNAVAILABLE,
                f"{record.type_name}: a row without a readable {record.key_field.api_name} is left out", record,
                f"{record.name}.key",
            )  # fmt: skip

    def _single(self, step: RowsStep, rows: list[Any]) -> RowsResult:
        join = step.reading.join
        by_key: dict[Any, Sequence[int]] = {row[join]: (index,) for index, row in enumerate(rows)}
        if len(by_key) != len(rows):
            record = step.reading.record
            if not step.reading.quiet:
                self._tell(
                    step.path, Code.SOURCE_UNAVAILABLE,
                    f"{record.type_name}: several rows have the same {record.key_field.api_name}; "
                    "none of them is shown", record, f"{record.name}.duplicate",
                )  # fmt: skip
            times = Counter(row[join] for row in rows)
            by_key = {key: found for key, found in by_key.items() if times[key] == 1}
        return RowsResult(rows, by_key)

    def _open_page(self, step: RowsStep, keys: list[Any] | None) -> Page:
        paging = step.paging
        assert paging is not None
        window = paging.window
        first = None if window.first is None else self.read(window.first)
        last = None if window.last is None else self.read(window.last)
        leaf = window.after or window.before
        cursor = None if leaf is None else self.read(leaf)
        binding = b""
        if cursor is not None:
            if keys is not None and len(keys) > 1:
                message = "a cursor goes on in the list of one parent; ask for that parent alone"
                raise self._fail(step.path, Code.BAD_CURSOR, message)
            binding = self.binding(step, keys[0] if keys else None)
        try:
            return pages.open_page(
                paging, first, last, cursor, self.reach.sealer, binding, self.reach.default_first, self.reach.max_first
            )
        except PageProblem as problem:
            raise self._fail(step.path, problem.code, problem.message) from None

    def binding(self, step: RowsStep, parent: Any) -> bytes:
        """What cursors of this step are bound to; ``parent`` is the join value of a linked list."""
        assert step.paging is not None
        values = [repr(self.read(leaf, parse)) for leaf, parse in self._bound(step.reading)]
        version = self.prepared.plan.allowed.access.catalog.version
        return pages.cursor_binding(self.principal.subject, step.paging.digest, "\x01".join(values), version, parent)

    def _bound(self, reading: Reading) -> Iterator[tuple[Leaf, Any]]:
        """What the reading's rows depend on: its own parameters, those of the filters through links and of the linked
        rows it is ordered by, and those of the steps whose rows it goes on with."""
        for binding in (*reading.params, *reading.local_params):
            if not isinstance(binding.leaf, KeysOf):
                yield binding.leaf, binding.parse
        steps = self.prepared.plan.steps
        further = [*reading.waits_on, *(join.step for join in reading.joins)]
        further += [one for one in (reading.scan, reading.derived) if one is not None]
        for number in further:
            above = steps[number]
            if isinstance(above, DeriveStep):
                for given in above.inputs:
                    part = steps[given.step]
                    assert not isinstance(part, (DeriveStep, LookupStep))
                    yield from self._bound(part.reading)
            elif not isinstance(above, LookupStep):
                yield from self._bound(above.reading)

    def _sought(
        self, step: RowsStep, start: tuple[Any, ...], params: tuple[Any, ...]
    ) -> tuple[FetchShape, tuple[Any, ...]]:
        paging = step.paging
        assert paging is not None
        shape = self.prepared.shapes[step.id]
        condition, more = pages.seek_condition(paging.orderings, paging.codecs, start, len(params))
        nulls = tuple(value is None for value in start)
        variant = self.prepared.variants.get((step.id, nulls))
        if variant is None:
            variant = self.prepared.variants[step.id, nulls] = FetchShape(
                shape.relation, shape.cells, AllOf((shape.where, condition)), shape.key, shape.order, shape.limited,
                shape.per_key,
            )  # fmt: skip
        return variant, params + more

    def _root_page(self, step: RowsStep, rows: list[Any], page: Page, incomplete: bool) -> RowsResult:
        rows, more = self._cut(step, rows, page)
        return RowsResult(rows, None, page, frozenset({None}) if more else frozenset(), incomplete)

    def _cut(self, step: RowsStep, rows: list[Any], page: Page) -> tuple[list[Any], bool]:
        paging = step.paging
        assert paging is not None
        if not paging.pushed:
            if page.start is not None:
                after = pages.after_start(paging.order, page.start, backward=page.backward)
                rows = [row for row in rows if after(row)]
            rows = pages.sort_rows(rows, paging.order, backward=page.backward)
        more = len(rows) > page.limit
        rows = rows[: page.limit]
        return (rows[::-1] if page.backward else rows), more

    def _linked_page(self, step: RowsStep, rows: list[Any], page: Page, incomplete: bool) -> RowsResult:
        join = step.reading.join
        paging = step.paging
        assert paging is not None
        found: dict[Any, list[Any]] = {}
        for row in rows:
            own = found.get(row[join])
            if own is None:
                found[row[join]] = [row]
            else:
                own.append(row)
        kept: list[Any] = []
        by_key: dict[Any, Sequence[int]] = {}
        more: list[Any] = []
        resort, plain = paging.pushed and self._spelled_apart(step), paging.pushed and not page.backward
        for key, own in found.items():
            if resort and len(own) > 1:
                own = pages.sort_rows(own, paging.order, backward=page.backward)
            if plain and len(own) <= page.limit:
                cut, has_more = own, False
            else:
                cut, has_more = self._cut(step, own, page)
            start = len(kept)
            kept += cut
            by_key[key] = range(start, len(kept))
            if has_more:
                more.append(key)
        return RowsResult(kept, by_key, page, frozenset(more), incomplete)

    def _spelled_apart(self, step: RowsStep) -> bool:
        """One decoded key may have been asked for in several spellings: their rows come one spelling after another."""
        keyed = step.reading.keyed
        return keyed is not None and keyed.codec.name != "identity"

    async def _groups(self, step: AggregateStep) -> grouping.Groups:
        reading = step.reading
        params = self._pushed(reading, step.path)
        keys = None if reading.keyed is None else self._keys(reading.keyed)
        rows = await self._read(step.id, reading, step.path, reading.shape, params, None, keys)
        if len(self._with_keys(step, rows)) < len(rows):
            raise _Stop(Code.SOURCE_UNAVAILABLE)
        local_params = self._params(reading.local_params, step.path)
        finer = None if step.merges is None or reading.scan is None else self.results[reading.scan]
        return grouping.group(
            step, rows, local_params, lambda part: self._unreadable(step.path, part, reading),
            finer if isinstance(finer, grouping.Groups) else None,
        )  # fmt: skip

    async def _key_set(self, step: KeySetStep) -> frozenset[Any]:
        reading = step.reading
        params = self._pushed(reading, step.path)
        keys = None if reading.keyed is None else self._keys(reading.keyed)
        rows = await self._read(step.id, reading, step.path, reading.shape, params, None, keys)
        found = {row[0] for row in self._with_keys(step, rows)}
        found.discard(None)
        return frozenset(found)

    async def _lookup(self, step: LookupStep) -> dict[Any, Any]:
        above = self.results[step.parent]
        if not isinstance(above, RowsResult):
            raise _Stop(Code.SOURCE_UNAVAILABLE)
        keys = list(dict.fromkeys(row[step.position] for row in above.rows if row[step.position] is not None))
        batch = step.field.batch
        assert batch is not None

        async def load(wanted: list[Any]) -> list[Any]:
            found = await batch(wanted)
            return [found.get(key) for key in wanted]

        try:
            async with asyncio.timeout_at(self.deadline):
                loader: DataLoader[Any, Any] = DataLoader(load, max_batch_size=step.record.source.limits.max_keys)
                return dict(zip(keys, await loader.load_many(keys), strict=True))
        except Exception as error:
            code = Code.DEADLINE if isinstance(error, TimeoutError) else Code.SOURCE_UNAVAILABLE
            message = f"{step.record.type_name}.{step.field.api_name} could not be looked up"
            raise self._fail(step.path, code, message, step.record) from None

    async def _read(
        self,
        step: int,
        reading: Reading,
        path: Path,
        shape: FetchShape,
        params: tuple[Any, ...],
        limit: int | None,
        keys: list[Any] | None,
    ) -> list[Any]:
        """The reading's rows, decoded, blanked and filtered. Raises _Stop."""
        if reading.scan is not None:
            return self._over_scan(reading, path)
        if reading.derived is not None:
            rows = self._taken(reading, reading.derived)
        else:
            rows = await self._fetch(step, reading, path, shape, params, limit, keys)
        decoder = self.prepared.decoders[step]
        if decoder is not None:
            rows = self._decoded(decoder, rows, reading, path)
        elif reading.seen is not None:
            params_here = self._params(reading.local_params, path)
            rows = reading.seen.kept(rows, params_here)
        if reading.local_params or reading.local is not None or self.prepared.blanking[step]:
            local_params = self._params(reading.local_params, path)
            rows = blank(rows, reading.cells, local_params)
            if reading.undated is not None and not reading.quiet:
                self.undated[step] = undated.among(reading.undated, rows, local_params)
            if reading.local is not None:
                rows = reading.local.kept(rows, local_params)
        if keys is not None and _matches_here(reading.keyed):
            wanted = frozenset(keys)
            join = reading.join
            rows = [row for row in rows if row[join] in wanted]
        return rows

    def _decoded(self, decoder: Decoder, rows: list[Any], reading: Reading, path: Path) -> list[Any]:
        """Decoded rows that may be seen; what cannot be read is told of these only."""

        def report(part: Field) -> None:
            self._unreadable(path, part, reading)

        if reading.seen is None:
            return decoder.rows(rows, report)
        unreadable: list[Field] = []
        decoded, params = decoder.rows(rows, unreadable.append), self._params(reading.local_params, path)
        seen = reading.seen.judged(decoded, params)
        if unreadable:
            decoder.rows(list(compress(rows, seen)), report)
        return list(compress(decoded, seen))

    def _taken(self, reading: Reading, derived: int) -> list[Any]:
        """The cells of a derived record's rows."""
        above = self.results[derived]
        if not isinstance(above, RowsResult):
            raise _Stop(above.code if isinstance(above, Failed) else Code.INTERNAL)
        return projected(above.rows, reading.taken)

    def _over_scan(self, reading: Reading, path: Path) -> list[Any]:
        """Another step's rows, widened by linked ones and filtered."""
        assert reading.scan is not None
        above = self.results[reading.scan]
        if isinstance(above, Failed):
            raise _Stop(above.code)
        assert isinstance(above, (RowsResult, grouping.Groups)), "what is scanned further is held as rows"
        rows: list[Any] = above.flat() if isinstance(above, grouping.Groups) else above.rows
        for join in reading.joins:
            found, absent, at = self._linked(join), (None,) * join.width, join.position
            rows = [(*row, *found.get(row[at], absent)) for row in rows]
        if reading.local is not None:
            rows = reading.local.kept(rows, self._params(reading.local_params, path))
        return rows

    def _keys(self, keyed: Keyed) -> list[Any]:
        """The distinct decoded values to ask for."""
        if keyed.parent is None:
            assert keyed.value is not None
            value = self.read(keyed.value, keyed.parse)
            return [] if value is None else [value]
        above = self.results[keyed.parent]
        if isinstance(above, Failed):
            raise _Stop(above.code)
        position = keyed.position
        if isinstance(above, Table):
            distinct = dict.fromkeys(above.columns[position])
        else:
            assert isinstance(above, (RowsResult, grouping.Groups))
            rows = above.rows if isinstance(above, RowsResult) else above.keys
            distinct = dict.fromkeys([row[position] for row in rows])
        distinct.pop(None, None)
        return list(distinct)

    async def _fetch(
        self,
        step: int,
        reading: Reading,
        path: Path,
        shape: FetchShape,
        params: tuple[Any, ...],
        limit: int | None,
        keys: list[Any] | None,
    ) -> list[Any]:
        try:
            return await self.sources.fetch(step, reading, shape, params, limit, keys)
        except Unfetched as problem:
            about = f"{'/'.join(path)} {reading.record.source.name}"
            self._tell(path, problem.code, problem.message, reading.record, about)
            raise _Stop(problem.code) from problem

    async def count_undated(self) -> None:
        """Asks the sources that leave out rows without a recorded date by themselves how many these are."""
        for step in self.prepared.plan.steps:
            reading = None if isinstance(step, (LookupStep, DeriveStep)) else step.reading
            if reading is None or reading.quiet or reading.undated is None or reading.undated.shape is None:
                continue
            try:
                params = self._params(reading.undated.params, step.path)
                keys = None if reading.keyed is None else self._keys(reading.keyed)
                counted = await self._fetch(COUNTED, reading, step.path, reading.undated.shape, params, None, keys)
            except _Stop:
                continue
            finally:
                self.sources.actual.pop(COUNTED, None)
            self.undated[step.id] = sum(row[0] for row in counted)

    def report_computed(self, part: Field, type_name: str) -> None:
        """A computed field whose function failed on a row: null, told once."""
        self._tell(
            (), Code.INTERNAL, f"{type_name}.{part.api_name} could not be worked out", None, f"{type_name}.{part.name}"
        )

    def having(self, op: str, leaf: Leaf, measure: MeasureTerm | None) -> Callable[[Any], bool]:
        """A ``having`` test with its value bound; null passes no comparison."""
        scalar = INT if measure is None else _measured_as(measure)
        value = self.read(leaf, scalar.parse if op != "isNull" else None)
        if op == "isNull":
            return lambda measured: (measured is None) is value
        value = tuple(value) if isinstance(value, list) else value
        compare = COMPARE[op]
        return lambda measured: measured is not None and compare(measured, value)

    def _unreadable(self, path: Path, part: Field, reading: Reading) -> None:
        if reading.quiet:
            return
        record = reading.record
        self._tell(
            path, Code.SOURCE_UNAVAILABLE,
            f"{record.type_name}.{part.api_name}: a value of {record.source_name}.{part.column} cannot be read",
            record, f"{record.name}.{part.name}",
        )  # fmt: skip


def _matches_here(keyed: Keyed | None) -> bool:
    """Whether the source may have brought rows of other keys, or could not be asked by key at all."""
    return keyed is not None and (not keyed.pushed or keyed.codec.name != "identity")


def _measured_as(measure: MeasureTerm) -> Scalar:
    """The scalar a measure is told and compared in: averages are decimal, sums of whole numbers long."""
    if measure.function == "avg":
        return DECIMAL
    if measure.function == "countDistinct":
        return INT
    return LONG if measure.function == "sum" and measure.field.scalar.kind == "int" else measure.field.scalar
