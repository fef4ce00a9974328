"""Rows as lists: to-one rows by key, pages of a root and of each parent, and what their cursors are good for."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain, repeat
from typing import Any

from gateway import pages
from gateway.pages import Page, PageProblem
from gateway.plan import DeriveStep, KeysOf, LookupStep, Paging, Reading, RowsStep
from gateway.reading import read, with_keys
from gateway.results import RowsResult
from gateway.run import Run
from gateway.table import Table
from gateway.templates import Leaf
from schema.errors import Code
from schema.fetch import AllOf, FetchShape


async def listed(run: Run, step: RowsStep) -> RowsResult:
    """The step's rows, cut into the pages asked for. Raises Stop."""
    reading, paging = step.reading, step.paging
    params = run.pushed(reading, step.path)
    keys = run.keys(reading.keyed)
    page, shape, limit = None, run.prepared.shapes[step.id], None
    if paging is not None:
        page = _open(run, step, paging, keys)
        more = 1 if paging.extra else 0
        if paging.pushed:
            limit = page.limit + more
            if page.start is not None:
                shape, params = _sought(run, step, paging, page.start, params)
        if page.limit == 0 and not more:
            nothing = Table.of((), len(reading.cells))
            return RowsResult(nothing, {} if reading.join >= 0 else None, page)
    found = await read(run, step, shape, params, limit, keys)
    table = with_keys(run, step, found)
    if step.single:
        return _single(run, step, table)
    assert page is not None
    assert paging is not None
    incomplete = table.size < found.size
    if reading.join < 0:
        places, more_there = _cut(paging, table, list(range(table.size)), page)
        return RowsResult(_at(table, places), None, page, frozenset({None}) if more_there else frozenset(), incomplete)
    return _linked(step, paging, table, page, incomplete)


def binding(run: Run, step: RowsStep, parent: Any) -> bytes:
    """What cursors of this step are bound to; ``parent`` is the join value of a linked list."""
    assert step.paging is not None
    values = [repr(run.read(leaf, parse)) for leaf, parse in _bound(run, step.reading)]
    version = run.prepared.plan.allowed.access.catalog.version
    return pages.cursor_binding(run.principal.subject, step.paging.digest, "\x01".join(values), version, parent)


def _bound(run: Run, reading: Reading) -> Iterator[tuple[Leaf, Any]]:
    """What the reading's rows depend on: its own parameters, those of the filters through links and of the linked
    rows it is ordered by, and those of the steps whose rows it goes on with."""
    for one in (*reading.params, *reading.local_params):
        if not isinstance(one.leaf, KeysOf):
            yield one.leaf, one.parse
    steps = run.prepared.plan.steps
    further = [*reading.waits_on, *(join.step for join in reading.joins)]
    further += [one for one in (reading.scan, reading.derived) if one is not None]
    for number in further:
        above = steps[number]
        if isinstance(above, DeriveStep):
            for given in above.inputs:
                part = steps[given.step]
                assert not isinstance(part, (DeriveStep, LookupStep))
                yield from _bound(run, part.reading)
        elif not isinstance(above, LookupStep):
            yield from _bound(run, above.reading)


def _open(run: Run, step: RowsStep, paging: Paging, keys: list[Any] | None) -> Page:
    window = paging.window
    first = None if window.first is None else run.read(window.first)
    last = None if window.last is None else run.read(window.last)
    leaf = window.after or window.before
    cursor = None if leaf is None else run.read(leaf)
    bound = b""
    if cursor is not None:
        if keys is not None and len(keys) > 1:
            raise run.fail(
                step.path, Code.BAD_CURSOR, "a cursor goes on in the list of one parent; ask for that parent alone"
            )
        bound = binding(run, step, keys[0] if keys else None)
    reach = run.reach
    try:
        return pages.open_page(paging, first, last, cursor, reach.sealer, bound, reach.default_first, reach.max_first)
    except PageProblem as problem:
        raise run.fail(step.path, problem.code, problem.message) from None


def _sought(
    run: Run, step: RowsStep, paging: Paging, start: tuple[Any, ...], params: tuple[Any, ...]
) -> tuple[FetchShape, tuple[Any, ...]]:
    """The shape that begins after the cursor."""
    shape = run.prepared.shapes[step.id]
    condition, more = pages.seek_condition(paging.orderings, paging.codecs, start, len(params))
    nulls = tuple(value is None for value in start)
    variant = run.prepared.variants.get((step.id, nulls))
    if variant is None:
        variant = run.prepared.variants[step.id, nulls] = FetchShape(
            shape.relation, shape.cells, AllOf((shape.where, condition)), shape.key, shape.order, shape.limited,
            shape.per_key,
        )  # fmt: skip
    return variant, params + more


def _cut(paging: Paging, table: Table, places: list[int], page: Page) -> tuple[list[int], bool]:
    """Of the rows at these places those on the page, and whether there are more beyond it."""
    if not paging.pushed:
        if page.start is not None:
            places = list(
                filter(pages.after_start(table.columns, paging.order, page.start, backward=page.backward), places)
            )
        places = pages.in_order(table.columns, places, paging.order, backward=page.backward)
    more = len(places) > page.limit
    places = places[: page.limit]
    return (places[::-1] if page.backward else places), more


def _at(table: Table, places: list[int]) -> Table:
    """The rows at these places: usually they stand so already."""
    return table.first(len(places)) if places == list(range(len(places))) else table.at(places)


def _single(run: Run, step: RowsStep, table: Table) -> RowsResult:
    """To-one rows; of those that share a key none is shown."""
    keys = table.columns[step.reading.join]
    by_key: dict[Any, Sequence[int]] = {key: (place,) for place, key in enumerate(keys)}
    if len(by_key) != table.size:
        record = step.reading.record
        if not step.reading.quiet:
            run.tell(
                step.path, Code.SOURCE_UNAVAILABLE,
                f"{record.type_name}: several rows have the same {record.key_field.api_name}; "
                "none of them is shown", record, f"{record.name}.duplicate",
            )  # fmt: skip
        times = Counter(keys)
        by_key = {key: found for key, found in by_key.items() if times[key] == 1}
    return RowsResult(table, by_key)


def _linked(step: RowsStep, paging: Paging, table: Table, page: Page, incomplete: bool) -> RowsResult:
    """A page of each parent, one parent's rows behind another's."""
    found = _together(table.columns[step.reading.join])
    resort, plain = paging.pushed and _spelled_apart(step), paging.pushed and not page.backward
    if found is not None and plain:
        most = max(map(len, found.values()), default=0)
        if most <= (min(1, page.limit) if resort else page.limit):
            return RowsResult(table, found, page, frozenset(), incomplete)
    kept: list[int] = []
    by_key: dict[Any, Sequence[int]] = {}
    more: list[Any] = []
    for parent, own in (found or _scattered(table.columns[step.reading.join])).items():
        if resort and len(own) > 1:
            own = pages.in_order(table.columns, [*own], paging.order, backward=page.backward)
        if plain and len(own) <= page.limit:
            has_more = False
        else:
            own, has_more = _cut(paging, table, [*own], page)
        start = len(kept)
        kept += own
        by_key[parent] = range(start, len(kept))
        if has_more:
            more.append(parent)
    return RowsResult(_at(table, kept), by_key, page, frozenset(more), incomplete)


def _together(keys: Sequence[Any]) -> dict[Any, range] | None:
    """The places of each key's rows, where these stand together; sources give them so as a rule."""
    counts = Counter(keys)
    if not all(map(operator.eq, chain.from_iterable(map(repeat, counts, counts.values())), keys)):
        return None
    ends = [*accumulate(counts.values(), initial=0)]
    return dict(zip(counts, map(range, ends, ends[1:]), strict=False))


def _scattered(keys: Sequence[Any]) -> dict[Any, list[int]]:
    """The places of each key's rows, wherever they stand."""
    found: dict[Any, list[int]] = {}
    for place, key in enumerate(keys):
        own = found.get(key)
        if own is None:
            found[key] = [place]
        else:
            own.append(place)
    return found


def _spelled_apart(step: RowsStep) -> bool:
    """One decoded key may have been asked for in several spellings: their rows come one spelling after another."""
    keyed = step.reading.keyed
    return keyed is not None and keyed.codec.name != "identity"
