"""Works out the query of a derived record over rows that are already here. Pure; two-valued like every filter: a test
of a null is false, and null keys match nothing."""

from __future__ import annotations

import calendar
import datetime as dt
import operator
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from itertools import compress, pairwise
from operator import itemgetter
from typing import Any, TypeAlias

from gateway import standing
from gateway.publishing import publish
from schema.derive import (
    CellRef,
    CellTest,
    Compared,
    Computed,
    Either,
    Expression,
    Gaps,
    Given,
    Grouped,
    Held,
    Joined,
    Kept,
    Lacking,
    Latest,
    Listed,
    Measured,
    Node,
    Opposite,
    Parts,
    Published,
    Quantile,
    Ranked,
    Spread,
    Test,
    Together,
    cells,
    cells_of,
    children,
)
from schema.scalars import KARACHI

Row: TypeAlias = tuple[Any, ...]
Check: TypeAlias = Callable[[Row], bool]


def evaluate(node: Node, given: Mapping[int, list[Any]]) -> list[Any]:
    """Rows with the cells of ``schema.derive.cells(node)``, in no particular order."""
    return _Evaluation(given, _times(node) if isinstance(node, Parts) else Counter()).rows(node)


def _times(node: Node) -> Counter[int]:
    """How often each node, by identity, is a part of others."""
    found: Counter[int] = Counter()
    waiting = [node]
    while waiting:
        for child in children(waiting.pop()):
            found[id(child)] += 1
            if found[id(child)] == 1:
                waiting.append(child)
    return found


@dataclass(slots=True)
class _Evaluation:
    """``left``: how often a node's rows are still needed; rows needed again are kept until then."""

    given: Mapping[int, list[Any]]
    left: Counter[int]
    known: dict[int, list[Any]] = field(default_factory=dict)

    def rows(self, node: Node) -> list[Any]:
        at = id(node)
        found = self.known.pop(at) if at in self.known else _evaluate(node, self.given, self.rows)
        self.left[at] -= 1
        if self.left[at] > 0:
            self.known[at] = found
        return found


def _evaluate(node: Node, given: Mapping[int, list[Any]], below: Callable[[Node], list[Any]]) -> list[Any]:
    match node:
        case Given(step=step):
            return given[step]
        case Joined():
            return _join(node, below(node.left), below(node.right))
        case Kept(of=of, tests=tests):
            rows = below(of)
            for test in tests:
                rows = list(filter(_check(test, _places(of)), rows))
            return rows
        case Grouped():
            return _group(node, below(node.of))
        case Computed():
            return _compute(node, below(node.of))
        case Latest():
            return _latest(node, below(node.of))
        case Held():
            return _held(node, below(node.of))
        case Spread():
            return _spread(node, below(node.of))
        case Gaps():
            return _gaps(node, below(node.of))
        case Published():
            return publish(node, below(node.of))
        case Together(parts=parts):
            return [row for part in parts for row in _aligned(part, cells(node), below(part))]
        case Parts(cells=names, parts=named):
            return [row for _, part in named for row in _aligned(part, names, below(part))]
        case Listed(rows=written):
            return list(written)
        case Ranked():
            return standing.ranked(node, below(node.of), _places(node.of), WITHHELD)
        case Compared():
            return standing.compared(node, below(node.of), _places(node.of), WITHHELD)
        case Quantile():
            return _quantile(node, below(node.of))
    raise TypeError(f"{type(node).__name__} has to be read by a step first")


def _aligned(node: Node, names: tuple[str, ...], rows: list[Any]) -> list[Any]:
    """Rows with their cells in the order of ``names``."""
    if cells(node) == names:
        return rows
    places = _places(node)
    return [tuple(row[places[name]] for name in names) for row in rows]


def _places(node: Node) -> dict[str, int]:
    return {name: at for at, name in enumerate(cells(node))}


COUNTED = "#0"
"""The cell of groups that a source has counted."""


class _Withheld:
    """A figure that a grant of totals withholds. What is worked out of it is withheld too: never a part of it."""

    def __repr__(self) -> str:
        return "WITHHELD"


WITHHELD: Any = _Withheld()


def told(rows: list[Any]) -> list[Any]:
    """Rows as they are answered: what is withheld is null."""
    if not any(cell is WITHHELD for row in rows for cell in row):
        return rows
    return [tuple(None if cell is WITHHELD else cell for cell in row) for row in rows]


COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge,
}  # fmt: skip


def _check(test: Test, places: Mapping[str, int]) -> Check:
    match test:
        case CellTest(cell=name, op=op, value=CellRef(name=other_name)):
            at, other, compare = places[name], places[other_name], COMPARE[op]
            return lambda row: _there(row[at]) and _there(row[other]) and compare(row[at], row[other])
        case CellTest(cell=name, op="eq", value=value) if value is not None:
            at = places[name]
            return lambda row: row[at] == value
        case CellTest(cell=name, op=op, value=value):
            at, compare = places[name], COMPARE[op]
            return lambda row: _there(row[at]) and compare(row[at], value)
        case Lacking(cell=name):
            at = places[name]
            return lambda row: row[at] is None
        case Opposite(test=Lacking(cell=name)):
            at = places[name]
            return lambda row: row[at] is not None
        case Either(tests=tests):
            checks = [_check(inner, places) for inner in tests]
            return lambda row: any(check(row) for check in checks)
        case Opposite(test=inner):
            check = _check(inner, places)
            return lambda row: not check(row)


def _there(cell: Any) -> bool:
    return cell is not None and cell is not WITHHELD


def _getter(places: Sequence[int]) -> Callable[[Any], Any]:
    """What rows are told apart by: the cell itself where there is one."""
    return itemgetter(*places) if places else lambda row: ()


def _keys(rows: list[Any], places: Sequence[int]) -> Iterator[Any]:
    """The key of each row; None where it matches nothing, because a cell of it is null."""
    found = map(_getter(places), rows)
    return found if len(places) == 1 else (None if None in key else key for key in found)


def _rest(places: Sequence[int]) -> Callable[[Any], Row]:
    """These cells of a row, as a tuple."""
    if len(places) == 1:
        (at,) = places
        return lambda row: (row[at],)
    return itemgetter(*places) if places else lambda row: ()


def projected(rows: list[Any], places: Sequence[int]) -> list[Any]:
    """Tuples of these cells; -1 stands for null."""
    if -1 in places:
        return [tuple(None if at < 0 else row[at] for at in places) for row in rows]
    if rows and isinstance(rows[0], tuple) and list(places) == list(range(len(rows[0]))):
        return rows
    return list(map(_rest(places), rows))


def _join(node: Joined, left: list[Any], right: list[Any]) -> list[Any]:
    ours = [_places(node.left)[one] for one, _ in node.on]
    theirs = [_places(node.right)[other] for _, other in node.on]
    more = [at for at in range(len(cells(node.right))) if at not in theirs]
    if node.kind == "without":
        known = set(_keys(right, theirs))
        known.discard(None)
        return [row for row, key in zip(left, _keys(left, ours), strict=True) if key not in known]
    index: defaultdict[Any, list[Any]] = defaultdict(list)
    for key, rest in zip(_keys(right, theirs), map(_rest(more), right), strict=True):
        index[key].append(rest)
    index.pop(None, None)
    absent = (None,) * len(more)
    otherwise = () if node.kind == "inner" else (absent,)
    matching = index.get
    found = [row + rest for row, key in zip(left, _keys(left, ours), strict=True) for rest in matching(key, otherwise)]
    if node.kind == "full":
        met = set(_keys(left, ours))
        met.discard(None)
        width = len(cells(node.left))
        for row, key in zip(right, _keys(right, theirs), strict=True):
            if key not in met:
                alone: list[Any] = [None] * width
                for at, other in zip(ours, theirs, strict=True):
                    alone[at] = row[other]
                found.append((*alone, *(row[at] for at in more)))
    return found


def _group(node: Grouped, rows: list[Any]) -> list[Any]:
    """A column at a time: each measure goes once over the rows, whatever the number of groups."""
    places = _places(node.of)
    by = [places[name] for name in node.by]
    keys = list(map(_getter(by), rows))
    found = dict.fromkeys(keys if by else [()])
    measures = [_measure(measure, places, keys, rows) for _, measure in node.measures]
    if len(by) == 1:
        return [(key, *[measured(key) for measured in measures]) for key in found]
    return [(*key, *[measured(key) for measured in measures]) for key in found]


def _measure(
    measure: Measured, places: Mapping[str, int], keys: list[Any], rows: list[Any]
) -> Callable[[Any], Any]:
    """What the measure is for a group's key; withheld where anything it is made of is."""
    withheld: set[Any] = set()
    at = -1 if measure.cell is None else places[measure.cell]
    if measure.only is not None:
        withheld |= _withheld([places[name] for name in cells_of(measure.only)], keys, rows)
        passing = list(map(_check(measure.only, places), rows))
        keys, rows = list(compress(keys, passing)), list(compress(rows, passing))
    withheld |= _withheld([place for place in (places.get(COUNTED, -1), at) if place >= 0], keys, rows)
    measured = _measured(measure, at, keys, rows)
    return (lambda key: WITHHELD if key in withheld else measured(key)) if withheld else measured


def _withheld(read: list[int], keys: list[Any], rows: list[Any]) -> set[Any]:
    """Keys of the groups that have a withheld cell at one of these places."""
    found: set[Any] = set()
    for at in read:
        cells_there = [row[at] for row in rows]
        if any(cell is WITHHELD for cell in cells_there):
            found.update(key for key, cell in zip(keys, cells_there, strict=True) if cell is WITHHELD)
    return found

def _measured(measure: Measured, at: int, keys: list[Any], rows: list[Any]) -> Callable[[Any], Any]:
    if measure.function == "count":
        counts = Counter(keys)
        return lambda key: counts[key]
    pairs = [(key, value) for key, row in zip(keys, rows, strict=True) if _there(value := row[at])]
    match measure.function:
        case "values":
            counts = Counter(key for key, _ in pairs)
            return lambda key: counts[key]
        case "distinct":
            counts = Counter(key for key, _ in dict.fromkeys(pairs))
            return lambda key: counts[key]
        case "counted":
            totals = _totals(pairs)
            return lambda key: totals.get(key, 0)
        case "sum":
            return _totals(pairs).get
    better = operator.lt if measure.function == "min" else operator.gt
    best: dict[Any, Any] = {}
    for key, value in pairs:
        if key not in best or better(value, best[key]):
            best[key] = value
    return best.get


def _totals(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    totals: dict[Any, Any] = {}
    with localcontext() as context:
        context.prec = 60
        for key, value in pairs:
            totals[key] = totals[key] + value if key in totals else value
    return totals


def _sum(found: list[Any]) -> Any:
    if not found:
        return None
    with localcontext() as context:
        context.prec = 60
        every = iter(found)
        return sum(every, next(every))


def _compute(node: Computed, rows: list[Any]) -> list[Any]:
    """One cell after the other: a later one may read an earlier one of the same step."""
    names = list(cells(node.of))
    for name, expression in node.cells:
        work = _expression(expression, {known: at for at, known in enumerate(names)})
        if expression.function in OF_DAYS and name not in names:
            at = names.index(expression.reads[0])
            worked = {row[at]: work(row) for row in {row[at]: row for row in rows}.values()}
            rows = [(*row, worked[row[at]]) for row in rows]
            names.append(name)
        elif name in names:
            at = names.index(name)
            rows = [(*row[:at], work(row), *row[at + 1 :]) for row in rows]
        else:
            rows = [(*row, work(row)) for row in rows]
            names.append(name)
    return rows


def _expression(expression: Expression, places: Mapping[str, int]) -> Callable[[Row], Any]:
    """What is worked out of a withheld cell is withheld, whatever else is there."""
    at = [places[name] for name in expression.reads]
    if expression.function == "withheld":
        return lambda row: row[at[0]] is WITHHELD
    work = _working(expression, at, places)
    match at:
        case []:
            return work
        case [only]:
            return lambda row: WITHHELD if row[only] is WITHHELD else work(row)
        case [one, two]:
            return lambda row: WITHHELD if row[one] is WITHHELD or row[two] is WITHHELD else work(row)
    return lambda row: WITHHELD if any(row[one] is WITHHELD for one in at) else work(row)


def _working(expression: Expression, at: list[int], places: Mapping[str, int]) -> Callable[[Row], Any]:
    match expression.function:
        case "fixed":
            (value,) = expression.options
            return lambda row: value
        case "first_of":
            return lambda row: next((row[one] for one in at if row[one] is not None), None)
        case "less_if":
            amount, reversal = at
            return lambda row: None if row[amount] is None else row[amount] if row[reversal] is None else -row[amount]
        case "kept_back":
            (k,) = expression.options
            kept, counted = at
            return lambda row: WITHHELD if row[counted] is not None and 0 < row[counted] < k else row[kept]
        case "or_else":
            (value,) = expression.options
            (only,) = at
            return lambda row: value if row[only] is None else row[only]
        case "plus":
            return lambda row: _sum([row[one] for one in at if row[one] is not None])
        case "cases":
            choices, otherwise = expression.options
            checks = [(_check(test, places), value) for test, value in choices]
            return lambda row: next((value for check, value in checks if check(row)), otherwise)
    function = FUNCTIONS[expression.function]
    options = expression.options

    def work(row: Row) -> Any:
        values = [row[one] for one in at]
        return None if None in values else function(*values, *options)

    return work


def _ratio(part: Any, whole: Any, times: int, places: int) -> Decimal | None:
    if whole == 0:
        return None
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(part) * times / Decimal(whole)
        return exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)


def _day(value: Any) -> dt.date:
    """The day of a day or moment, by Karachi's calendar."""
    if isinstance(value, dt.datetime):
        return (value.astimezone(KARACHI) if value.tzinfo is not None else value).date()
    assert isinstance(value, dt.date)
    return value


def _month(value: Any) -> str:
    return value if isinstance(value, str) else _day(value).isoformat()[:7]


def _fiscal_year(value: Any) -> str:
    year, month = (int(part) for part in _month(value).split("-"))
    first = year if month >= 7 else year - 1
    return f"{first}-{(first + 1) % 100:02d}"


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "ratio": _ratio,
    "added": lambda *parts: _sum(list(parts)),
    "minus": lambda one, other: one - other,
    "month_of": _month,
    "day_of": _day,
    "fiscal_year_of": _fiscal_year,
    "year_of": lambda day: _day(day).isoformat()[:4],
    "date_of": lambda day: _day(day).isoformat(),
    "bound": standing.bound,
    "exactly": Decimal,
    "days_after": lambda day, days: day + dt.timedelta(days=days),
    "head_of": lambda text, length: text[:length],
    "day_in": lambda year, month, day: dt.date(year, month, day),
    "worded": lambda *parts: parts[-1].format(*parts[:-1]),
    "joined": lambda *parts: parts[-1].join(map(str, parts[:-1])),
}


OF_DAYS = frozenset({"month_of", "day_of", "fiscal_year_of", "year_of", "date_of", "days_after"})
"""Functions of one cell that has few different values, each worked out once."""


def _latest(node: Latest, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    by = [places[name] for name in node.by]
    order = [places[name] for name in (node.on, *node.then)]
    best: dict[Row, Any] = {}
    for row in rows:
        if row[order[0]] is None:
            continue
        key = tuple(row[at] for at in by)
        if key not in best or _rank(row, order) > _rank(best[key], order):
            best[key] = row
    return list(best.values())


def _rank(row: Row, order: list[int]) -> tuple[Any, ...]:
    return tuple((row[at] is not None, row[at]) if row[at] is not None else (False, 0) for at in order)


def _held(node: Held, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    by, on = [places[name] for name in node.by], places[node.on]
    groups: dict[Row, list[Any]] = {}
    for row in rows:
        if row[on] is not None:
            groups.setdefault(tuple(row[at] for at in by), []).append(row)
    found = []
    for members in groups.values():
        members.sort(key=lambda row: _day(row[on]))
        for number, row in enumerate(members):
            if number + 1 < len(members):
                until = _day(members[number + 1][on])
            else:
                until = _next_month(_day(row[on]))
                for _ in range(node.months):
                    until = _next_month(until)
            found += [(*row, first.isoformat()[:7], days) for first, days in _months(_day(row[on]), until)]
    return found


def _spread(node: Spread, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    first, last = places[node.first], places[node.last]
    found = []
    for row in rows:
        if row[first] is not None and row[last] is not None:
            after = _day(row[last]) + dt.timedelta(days=1)
            found += [(*row, month.isoformat()[:7]) for month, _ in _months(_day(row[first]), after)]
    return found


def _gaps(node: Gaps, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    by, on = [places[name] for name in node.by], places[node.on]
    groups: dict[Row, set[int]] = {}
    for row in rows:
        if row[on] is not None:
            groups.setdefault(tuple(row[at] for at in by), set()).add(row[on])
    found = []
    for key, known in groups.items():
        years = sorted(known)
        found += [(*key, one + 1, other - 1) for one, other in pairwise(years) if other - one > 1]
    return found


def _next_month(day: dt.date) -> dt.date:
    return day.replace(day=1) + dt.timedelta(days=calendar.monthrange(day.year, day.month)[1])


def _months(start: dt.date, until: dt.date) -> list[tuple[dt.date, int]]:
    """The days from ``start`` to before ``until``, month by month."""
    found = []
    while start < until:
        end = min(until, _next_month(start))
        found.append((start, (end - start).days))
        start = end
    return found


def _quantile(node: Quantile, rows: list[Any]) -> list[Any]:
    places = _places(node.of)
    by, value = [places[name] for name in node.by], places[node.value]
    groups: dict[Row, list[Any]] = {}
    for row in rows:
        if row[value] is not None:
            groups.setdefault(tuple(row[at] for at in by), []).append(row[value])
    found = {
        key: WITHHELD if WITHHELD in values else _at_fraction(sorted(values), Fraction(node.fraction))
        for key, values in groups.items()
    }
    return [(*row, found.get(tuple(row[at] for at in by))) for row in rows]


def _at_fraction(values: list[Any], fraction: Fraction) -> Decimal:
    """Linear between the two nearest ranks, exact, six places at most."""
    place = fraction * (len(values) - 1)
    low = place.numerator // place.denominator
    high = min(low + 1, len(values) - 1)
    share = place - low
    exact = Fraction(values[low]) * (1 - share) + Fraction(values[high]) * share
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("0.000001"), ROUND_HALF_EVEN)


# One row by itself


def holds(test: Test, cells: Mapping[str, Any]) -> bool:
    """Whether the test holds of these cells, by name."""
    names = tuple(cells)
    return bool(_check(test, {name: at for at, name in enumerate(names)})(tuple(cells.values())))


def worked(expression: Expression, cells: Mapping[str, Any]) -> Any:
    """What the expression says of these cells, by name."""
    names = tuple(cells)
    return _expression(expression, {name: at for at, name in enumerate(names)})(tuple(cells.values()))
