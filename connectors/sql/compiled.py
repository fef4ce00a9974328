"""A statement in one driver's style, with what turns values in and out; kept by shape."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from connectors.sql.dialects import MARK, SqlDialect
from connectors.sql.statement import KEYS, LIMIT, MARKED, PARAMETER, Types, build
from schema.fetch import Fetch, FetchShape
from schema.recent import Recent
from schema.relations import Relation

NO_LIMIT = 2**31 - 1
Converter = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Compiled:
    """``names``: parameters in the order the driver takes them (named styles: each once). ``convert``: rows to the
    promised kinds, None when the driver gives them so."""

    text: str
    names: tuple[str, ...]
    lists: frozenset[str]
    encode: dict[str, Converter]
    convert: Callable[[list[Any]], list[Any]] | None
    most_listed: int | None = None

    def values(self, fetch: Fetch) -> list[Any]:
        """The parameters' values, lists as lists."""
        found = []
        for name in self.names:
            value: Any
            if name == LIMIT:
                value = row_limit(fetch)
            elif name in self.lists:
                value = self._list(name, fetch)
            else:
                value = fetch.params[int(name[3:])]
            encode = self.encode.get(name)
            if encode is not None:
                value = [encode(item) for item in value] if name in self.lists else encode(value)
            found.append(value)
        return found

    def _list(self, name: str, fetch: Fetch) -> list[Any]:
        """A list parameter's values, or the part of them its name says."""
        base, _, part = name.partition("__")
        every = list(fetch.keys) if base == KEYS else list(fetch.params[int(base[3:])])
        if part == MARKED:
            return [value + MARK for value in every]
        if self.most_listed is None:
            return every
        start = int(part or 0) * self.most_listed
        return every[start : start + self.most_listed]


def row_limit(fetch: Fetch) -> int:
    """How many rows to ask for at most: one more than the budget, so that passing it is seen."""
    budget = NO_LIMIT if fetch.max_rows is None else fetch.max_rows + 1
    if fetch.shape.limited and fetch.limit is not None:
        return fetch.limit if fetch.shape.per_key else min(fetch.limit, budget)
    return budget


class Compiler:
    """Compiles shapes for one dialect. ``placeholder``: parameter name and its position -> the driver's placeholder;
    ``repeats``: a parameter used twice stands twice among the values."""

    def __init__(
        self,
        dialect: SqlDialect,
        placeholder: Callable[[str, int], str],
        *,
        repeats: bool,
        encoders: dict[str, Converter] | None = None,
        decoders: dict[str, Converter] | None = None,
        escape: Callable[[str], str] | None = None,
    ) -> None:
        self._dialect = dialect
        self._placeholder = placeholder
        self._repeats = repeats
        self._encoders = encoders or {}
        self._decoders = decoders or {}
        self._escape = escape
        self._known: Recent[FetchShape, Compiled] = Recent(2048)

    def known(self, shape: FetchShape) -> Compiled | None:
        """The statement, when it has been compiled before."""
        found: Compiled | None = self._known.get(shape)
        return found

    def compiled(
        self,
        shape: FetchShape,
        types: Callable[[Relation], Types] | None = None,
        parts: Mapping[str, int] | None = None,
    ) -> Compiled:
        """The statement, compiled once. ``types``: as for ``build``, the same at every call; ``parts``: of a long
        list, which the next fetch will not have: compiled anew."""
        if parts:
            return self._compile(shape, types, parts)
        known = self._known.get(shape)
        if known is None:
            known = self._known[shape] = self._compile(shape, types, {})
        return known

    def _compile(
        self, shape: FetchShape, types: Callable[[Relation], Types] | None, parts: Mapping[str, int]
    ) -> Compiled:
        statement = build(shape, self._dialect, types, parts)
        names: list[str] = []

        def place(match: Any) -> str:
            name = match.group(1)
            if self._repeats or name not in names:
                names.append(name)
            return self._placeholder(name, len(names) if self._repeats else names.index(name) + 1)

        text = PARAMETER.sub(place, self._escape(statement.text) if self._escape else statement.text)
        kinds = {**statement.encoders, LIMIT: "limit"}
        encode = {name: self._encoders[kinds[name]] for name in set(names) if kinds.get(name) in self._encoders}
        convert = self._converter(statement.kinds)
        return Compiled(text, tuple(names), statement.lists, encode, convert, self._dialect.most_listed)

    def parts(self, fetch: Fetch) -> dict[str, int]:
        """Lists of the fetch that are longer than one IN takes -> into how many they are cut."""
        most = self._dialect.most_listed
        if most is None:
            return {}
        lists = {KEYS: fetch.keys} | {
            f"gp_{index}": value for index, value in enumerate(fetch.params) if isinstance(value, (tuple, list))
        }
        return {name: -(-len(values) // most) for name, values in lists.items() if len(values) > most}

    def _converter(self, kinds: tuple[tuple[str, int | None], ...]) -> Callable[[list[Any]], list[Any]] | None:
        env: dict[str, Any] = {}
        values = []
        for index, (kind, scale) in enumerate(kinds):
            decode = _units(scale or 0) if kind == "units" else self._decoders.get(kind)
            if decode is None:
                values.append(f"r[{index}]")
            else:
                env[f"d{index}"] = decode
                values.append(f"(None if (v{index} := r[{index}]) is None else d{index}(v{index}))")
        if not env:
            return None
        exec(f"def convert(rows):\n    return [({', '.join(values)},) for r in rows]\n", env)
        convert: Callable[[list[Any]], list[Any]] = env["convert"]
        return convert


def _units(scale: int) -> Converter:
    return lambda value: Decimal(value).scaleb(-scale)


def to_decimal(value: Any) -> Any:
    """A number a driver gives as float, int or text, exactly as it is written; anything else as it is."""
    if isinstance(value, Decimal):
        return value
    try:
        return Decimal(str(value))
    except ArithmeticError:
        return value


def to_date(value: Any) -> Any:
    """Text as a day; what is none stays as it is, for the codec to call unreadable."""
    if isinstance(value, str):
        try:
            return dt.date.fromisoformat(value[:10])
        except ValueError:
            return value
    return value


def to_datetime(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value)
        except ValueError:
            return value
    return value


def to_bool(value: Any) -> Any:
    return bool(value) if isinstance(value, int) else value
