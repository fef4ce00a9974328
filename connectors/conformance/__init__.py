"""The connector's contract, executable: ``check_connector`` asks a connector everything its source says it can do and
compares each answer with the reference connector's. For whoever writes a connector, and for every declared source.

    report = await check_connector(connector, record)
    print(report)          # promises, cases and what was wrong; no values
    assert report.ok
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from connectors.conformance.cases import Case, cases
from connectors.conformance.codecs import codec_problems
from connectors.conformance.compare import difference
from connectors.conformance.report import Findings, Report, Violation
from connectors.conformance.subject import Subject, subject_of
from connectors.memory import RawRow, matching
from schema.catalog import Record
from schema.fetch import Connector, ConnectorError, Fetch, FetchShape, RowBudgetExceeded, SourceTimeout

__all__ = ["Report", "Violation", "check_connector"]

PART = 100
"""Rows most cases look at, where keys can narrow a larger relation."""
AT_ONCE = 4
"""Cases tried at a time; a source's own bound may be lower."""


async def check_connector(
    connector: Connector,
    record: Record,
    *,
    keys: Sequence[Any] = (),
    rows: Sequence[RawRow] | None = None,
    timeout_s: float = 30.0,
) -> Report:
    """Checks the connector over the record's relation and columns; every violation is in the report.

    ``rows``: what the source is known to hold, column -> raw value; without it a plain fetch is believed. ``keys``:
    raw keys that exist, needed where the source cannot be listed. ``timeout_s``: for each fetch. Raises ConnectorError
    when the source cannot even be read plainly.
    """
    check = _Check(connector, subject_of(record), Findings(), timeout_s)
    await check.read(keys, rows)
    await check.run()
    return Report(record.name, len(check.subject.rows), check.findings.checks, tuple(check.findings.violations))


class _Check:
    def __init__(self, connector: Connector, subject: Subject, findings: Findings, timeout_s: float) -> None:
        self.connector = connector
        self.subject = subject
        self.findings = findings
        self._timeout_s = timeout_s
        self._part: tuple[Any, ...] = ()
        self._part_rows: list[RawRow] = []

    async def read(self, keys: Sequence[Any], rows: Sequence[RawRow] | None) -> None:
        """Fills the subject with all rows, those of the given keys where it cannot be listed."""
        subject = self.subject
        found: list[tuple[Any, ...]] = []
        if rows is not None:
            self.subject = replace(subject, rows=tuple(dict(row) for row in rows))
        else:
            if subject.can.list_all:
                found = await self._ask(self._plain())
            for key in () if subject.can.list_all else keys:
                found += await self._ask(self._plain(key))
            names = [cell.column.name for cell in subject.cells]
            self.subject = replace(subject, rows=tuple(dict(zip(names, row, strict=True)) for row in found))
        self._narrow()

    def _plain(self, *keys: Any) -> Fetch:
        subject = self.subject
        shape = FetchShape(subject.relation, subject.cells, key=subject.key.column if keys else None)
        return self._fetch(shape, keys)

    def _fetch(self, shape: FetchShape, keys: tuple[Any, ...] = (), params: tuple[Any, ...] = ()) -> Fetch:
        return Fetch(shape, asyncio.get_running_loop().time() + self._timeout_s, keys, params)

    def _narrow(self) -> None:
        """Chooses the keys of the part that most cases look at, when there are many rows."""
        subject = self.subject
        narrows = subject.can.list_all and subject.can.takes_keys(subject.key.plain.name)
        if len(subject.rows) <= PART or not narrows or len(subject.can.operators) == 0:
            return
        values = subject.values(subject.key)
        most = min(PART, subject.source.limits.max_keys)
        self._part = tuple(values[:: max(1, len(values) // most)][:most])
        plain = self._fetch(FetchShape(subject.relation, subject.cells, key=subject.key.column), self._part)
        self._part_rows = list(matching(plain, [dict(row) for row in subject.rows]))

    async def run(self) -> None:
        tried = list(cases(self.subject))
        for start in range(0, len(tried), AT_ONCE):
            batch = tried[start : start + AT_ONCE]
            problems = await asyncio.gather(*(self._try(case) for case in batch))
            for case, problem in zip(batch, problems, strict=True):
                self.findings.tried(case.promise, case.told, problem)
        await self._at_once()
        await self._budget()
        await self._deadline()
        for tested in self.subject.columns:
            raws = {row.get(tested.plain.name) for row in self.subject.rows}
            for told, problem in codec_problems(tested, sorted(raws - {None}, key=repr)[:2000]):
                self.findings.tried("codec", f"{tested.field}: {told}", problem)
        await self._unchanged()

    async def _ask(self, fetch: Fetch) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in (await self.connector.fetch(fetch)).rows]

    async def _try(self, case: Case) -> str | None:
        """What is wrong with the answer to the case."""
        fetch = replace(self._fetch(case.shape, case.keys, case.params), limit=case.limit)
        rows: Sequence[RawRow] = self.subject.rows
        if self._part and not case.whole and case.shape.key is None:
            rows = self._part_rows
            fetch = replace(fetch, shape=replace(case.shape, key=self.subject.key.column), keys=self._part)
        try:
            return difference(fetch, await self._ask(fetch), rows)
        except Exception as error:
            return _raised(error)

    async def _at_once(self) -> None:
        """Several fetches in flight do not get one another's rows."""
        subject = self.subject
        askable = [one for one in subject.compared() if subject.can.takes_keys(one.plain.name)]
        fetches = [
            self._fetch(FetchShape(subject.relation, subject.cells, key=tested.column), (value,))
            for tested in askable for value in subject.sample(tested)
        ]  # fmt: skip
        answers = await asyncio.gather(*(self._ask(fetch) for fetch in fetches), return_exceptions=True)
        for fetch, answer in zip(fetches, answers, strict=True):
            told = _raised(answer) if isinstance(answer, BaseException) else difference(fetch, answer, subject.rows)
            self.findings.tried("fetches at once", str(fetch.shape.key and fetch.shape.key.name), told)

    async def _budget(self) -> None:
        subject = self.subject
        fetch = self._plain() if subject.can.list_all else self._plain(*subject.values(subject.key)[:1])
        count = len(subject.rows) if subject.can.list_all else 1
        if not subject.rows:
            return
        try:
            await self._ask(replace(fetch, max_rows=count - 1))
            told: str | None = "more rows than the budget were given instead of RowBudgetExceeded"
        except RowBudgetExceeded:
            told = None
        except Exception as error:
            told = _raised(error)
        self.findings.tried("row budget", "one row more than it allows", told)
        try:
            await self._ask(replace(fetch, max_rows=count))
            told = None
        except Exception as error:
            told = _raised(error)
        self.findings.tried("row budget", "as many rows as it allows", told)

    async def _deadline(self) -> None:
        subject = self.subject
        fetch = self._plain() if subject.can.list_all else self._plain(*subject.values(subject.key)[:1])
        try:
            await self._ask(replace(fetch, deadline=asyncio.get_running_loop().time() - 1.0))
            told: str | None = "an answer was given after it"
        except SourceTimeout:
            told = None
        except Exception as error:
            told = f"{type(error).__name__} was raised instead of SourceTimeout"
        self.findings.tried("deadline", "one that has passed", told)

    async def _unchanged(self) -> None:
        subject = self.subject
        values = subject.values(subject.key)[:1]
        fetch = self._plain() if subject.can.list_all else self._plain(*values)
        if not subject.can.list_all and not values:
            return
        try:
            told = difference(fetch, await self._ask(fetch), subject.rows)
        except Exception as error:
            told = _raised(error)
        self.findings.tried("nothing changed", "every row again at the end", told)


def _raised(error: BaseException) -> str:
    if isinstance(error, ConnectorError):
        return f"{type(error).__name__} was raised: {error}"
    return f"{type(error).__name__} was raised, which is no ConnectorError"
