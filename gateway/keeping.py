"""Rows of earlier runs taken up again: of a derived list from one page to the next, and figures that were worked out
lately for somebody with the same rights."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from gateway.allowed import cut
from gateway.lately import Kept
from gateway.listing import binding
from gateway.plan import DeriveStep, RowsStep
from gateway.results import RowsResult
from gateway.run import Run
from gateway.table import Table

UNNEEDED = Table((), 0)
"""In the place of what only kept rows needed."""


def take_up(run: Run) -> None:
    """A page after the first goes on with the derived rows the first one was cut from, while they are kept."""
    for step in run.prepared.continued:
        window = step.paging.window if step.paging is not None else None
        leaf = None if window is None else window.after or window.before
        if leaf is None or run.read(leaf) is None:
            continue
        kept = run.reach.lately.get(_list_key(run, step), _now())
        if kept is not None:
            assert step.reading.derived is not None
            run.results |= dict.fromkeys(run.prepared.only_for(step.reading.derived), UNNEEDED)
            run.results[step.reading.derived] = kept.table
            run.tell_again(kept.problems)
            run.sources.freshness |= kept.freshness


def keep_list(run: Run, step: RowsStep, found: RowsResult) -> None:
    """Keeps the rows that a list was cut from when it goes on beyond its page."""
    if found.more and any(step is one for one in run.prepared.continued):
        assert step.reading.derived is not None
        above = run.results[step.reading.derived]
        assert isinstance(above, Table)
        kept = Kept(above, tuple(run.problems), dict(run.sources.freshness))
        run.reach.lately.put(_list_key(run, step), kept, _now())


def tell_figures_again(run: Run) -> None:
    """Figures that are kept are not worked out anew."""
    for step in run.prepared.keeping:
        if step.id in run.results:
            continue
        kept = run.reach.figures.get(_figures_key(run, step), _now())
        if kept is not None:
            run.results |= dict.fromkeys(run.prepared.only_for(step.id), UNNEEDED)
            run.results[step.id] = kept.table
            for problem in kept.problems:
                again = replace(problem, path=cut(step.path))
                if again not in run.problems:
                    run.problems.append(again)
            run.sources.freshness |= kept.freshness
            run.sources.rows_read |= dict.fromkeys(kept.records, 0) | run.sources.rows_read


def keep_figures(run: Run, step: DeriveStep, table: Table) -> None:
    """Keeps what every source answered now; with the moment, where a source tells none."""
    assert step.kept is not None
    records = run.prepared.records_beneath(step.id)
    known, began = run.sources.freshness, run.began.isoformat(timespec="seconds")
    freshness = {name: known[name] for name in {one.source.name for one in records} & known.keys()}
    if any(stale for _, stale in freshness.values()):
        return
    freshness = {name: (as_of or began, stale) for name, (as_of, stale) in freshness.items()}
    problems = tuple(one for one in run.problems if one.path == cut(step.path))
    kept = Kept(table, problems, freshness, tuple(one.name for one in records))
    run.reach.figures.put(_figures_key(run, step), kept, _now(), step.kept.for_s)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _list_key(run: Run, step: RowsStep) -> tuple[Any, ...]:
    """What the derived rows of a list depend on: binding holds subject, list, values and catalog. Another question
    about the same list has other cells."""
    access, principal = run.prepared.plan.allowed.access, run.principal
    derived = run.prepared.plan.steps[step.reading.derived or 0]
    assert isinstance(derived, DeriveStep)
    return binding(run, step, None), derived.shown, access.key, principal.purpose, principal.case


def _figures_key(run: Run, step: DeriveStep) -> tuple[Any, ...]:
    """Everything the rows depend on: what is asked with which values, who asks, and what rules compare rows with
    (SEMANTICS 15)."""
    assert step.kept is not None
    principal = run.principal
    also = None if principal.also is None else principal.also.attributes
    attributes = repr((sorted(principal.attributes.items()), also and sorted(also.items())))
    values = tuple(repr(run.read(leaf, parse)) for leaf, parse in step.kept.values)
    return step.kept.told, step.shown, values, run.prepared.plan.allowed.access.key, attributes
