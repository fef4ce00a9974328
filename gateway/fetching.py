"""What one operation asks of sources: keys in chunks, within the limits departments declare; and what the answers
were."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gateway.plan import Reading
from gateway.pushdown import encode_keys
from schema.catalog import Record
from schema.codecs import Codec
from schema.errors import Code
from schema.fetch import NOTHING, Connector, ConnectorError, Fetch, FetchShape, Rows, SourceRefused


class Unfetched(Exception):
    """A source gave nothing. ``code`` is a stable one; ``message`` names department, owner and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


@dataclass(slots=True)
class Fetching:
    """``batch``: most keys a fetch, where smaller than the source's own limit."""

    connectors: Mapping[str, Connector]
    deadline: float
    batch: int | None = None
    calls: dict[str, int] = field(default_factory=dict)
    """By source."""
    rows_read: dict[str, int] = field(default_factory=dict)
    """By record; 0 where a source looked at its rows without giving any."""
    freshness: dict[str, tuple[str | None, bool]] = field(default_factory=dict)
    """By source: as of when its answer is, and whether it is older than it should be."""
    actual: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Rows and calls of each step that reached its source."""

    async def fetch(
        self,
        step: int,
        reading: Reading,
        shape: FetchShape,
        params: tuple[Any, ...],
        limit: int | None,
        keys: list[Any] | None,
    ) -> list[Any]:
        """The source's rows as it gives them. Raises Unfetched."""
        source = reading.record.source
        limits = source.limits
        raw: tuple[Any, ...] | None = None
        if keys is not None and reading.keyed is not None and reading.keyed.pushed:
            raw = _raw_keys(reading.keyed.codec, keys)
            if not raw:
                return []
        elif keys is not None and not keys:
            return []
        if shape.where == NOTHING:
            return []
        most = min(limits.max_keys, self.batch or limits.max_keys)
        chunks = [()] if raw is None else [raw[at : at + most] for at in range(0, len(raw), most)]
        spent = self.calls.get(source.name, 0)
        self.calls[source.name] = spent + len(chunks)
        if spent + len(chunks) > limits.max_calls_per_operation and self.batch is None:
            raise Unfetched(
                Code.BUDGET_EXCEEDED,
                f"{who(reading.record)}: one operation may call {source.name} {limits.max_calls_per_operation} times; "
                "ask for fewer rows",
            )
        connector = self.connectors[source.name]
        bounded = limit is not None and not shape.per_key
        fetches = [
            Fetch(shape, self.deadline, chunk, params, limit, None if bounded else limits.row_budget)
            for chunk in chunks
        ]
        try:
            if len(fetches) == 1:
                answers = [await connector.fetch(fetches[0])]
            else:
                answers = await asyncio.gather(*(connector.fetch(fetch) for fetch in fetches))
        except ConnectorError as error:
            raise Unfetched(error.code, _why(reading.record, error)) from error
        for joined in reading.joined:
            self.rows_read.setdefault(joined.record.name, 0)
        return self._collected(step, reading.record, answers)

    def _collected(self, step: int, record: Record, answers: list[Rows]) -> list[Any]:
        rows = answers[0].rows if len(answers) == 1 else [row for answer in answers for row in answer.rows]
        calls = sum(answer.calls for answer in answers)
        self.actual[step] = (len(rows), calls)
        self.calls[record.source.name] += calls - len(answers)
        self.rows_read[record.name] = self.rows_read.get(record.name, 0) + len(rows)
        for answer in answers:
            if answer.as_of is not None or answer.stale or record.source.name not in self.freshness:
                self.freshness[record.source.name] = (answer.as_of, answer.stale)
        return rows


def who(record: Record) -> str:
    """Whom an error about the record's source names: department and owner."""
    return f"{record.department.name} ({record.owner})"


def _why(record: Record, error: ConnectorError) -> str:
    named = who(record)
    match error.code:
        case Code.DEADLINE:
            return f"{named}: {record.source.name} did not answer in time; try again later"
        case Code.BUDGET_EXCEEDED:
            return (
                f"{named}: more than {record.source.limits.row_budget} rows of {record.type_name} would have to be "
                "read; narrow the filter"
            )
        case _ if isinstance(error, SourceRefused):
            return f"{named}: {record.source.name} does not take this request; ask with other values"
        case _:
            return f"{named}: {record.source.name} cannot be reached now; try again later"


def _raw_keys(codec: Codec, keys: list[Any]) -> tuple[Any, ...]:
    """Every spelling of distinct keys."""
    if codec.name == "identity":
        return tuple(keys)
    return encode_keys(codec)(keys) if codec.spell_all is None else tuple(codec.spell_all(keys))
