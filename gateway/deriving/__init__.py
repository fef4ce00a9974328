"""Steps of derived records: what their queries read, as little of it as the caller's filter allows, and the step that
works the query out. A part that only counts and measures is left to its source.

A step is promised here and written when everything that is asked of it is known: ``query`` goes through the query,
``reads`` and ``groups`` write the steps of its leaves, ``keys`` says which of them are asked for keys.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from auth.access import Access
from gateway.allowed import Filter, Path, Settled
from gateway.deriving.groups import Groups
from gateway.deriving.kept import keeping_of
from gateway.deriving.keys import seek
from gateway.deriving.promise import Promise
from gateway.deriving.query import QuerySteps
from gateway.deriving.reads import Reads
from gateway.linking import KeysFor, Linker
from gateway.narrowing import Way, narrowed
from gateway.plan import DeriveStep
from gateway.totalling import Totaller
from schema.catalog import Record
from schema.derivations import derivation_of, passed_by
from schema.derive.nodes import Derivation
from schema.derive.shape import cells, leaves
from schema.pruned import pruned


@dataclass(frozen=True, slots=True)
class Deriver:
    """Writes the steps of derived records into one plan. Steps are promised first and written when everything that is
    asked of them is known: they read no more."""

    access: Access
    linker: Linker
    totaller: Totaller
    settled: tuple[Settled, ...] = ()
    known: list[Promise] = field(default_factory=list)
    """The same rows are worked out once."""

    def step(
        self, record: Record, derivation: Derivation, where: Filter, path: Path, wanted: Sequence[str],
        keys: KeysFor | None = None,
    ) -> tuple[int, tuple[int, ...]]:
        """The step that gives the record's rows, or at least those that pass ``where`` and have one of the keys,
        and where the wanted cells stand in them."""
        moment = self.linker.known_at
        promise = None
        for known in self.known:
            same = known.record is record and known.where == where and known.moment == moment and known.keys == keys
            if same and not (known.written and set(wanted) - set(known.cells)):
                promise = known
        if promise is None:
            promise = Promise(self.linker.number(), record, derivation, where, path, moment, keys)
            self.known.append(promise)
        promise.cells += [name for name in dict.fromkeys(wanted) if name not in promise.cells]
        return promise.number, tuple(promise.cells.index(name) for name in wanted)

    def write(self) -> None:
        """Writes what is promised; a step that others may still ask for comes after those."""
        while waiting := [one for one in self.known if not one.written]:
            self._write(max(waiting, key=lambda one: self._depth(one.derivation)))

    def _depth(self, derivation: Derivation) -> int:
        """How many derived records lie on top of each other, at most."""
        records = self.access.catalog.records
        below = [derivation_of(passed) for leaf in leaves(derivation.query) for passed in passed_by(records, leaf)]
        return 1 + max((self._depth(one) for one in below if one is not None), default=0)

    def _write(self, promise: Promise) -> None:
        query, derivation = self.access.record(promise.record.name).query, promise.derivation
        assert query is not None
        self.linker.known_at = promise.moment
        tests = promise.tests()
        reads = Reads(self.linker, query.leaves, promise.path, narrowed(derivation.query, tests, query.leaves))
        steps = QuerySteps(self.access.catalog, reads, Groups(reads, self.totaller))
        if derivation.kept:
            promise.cells += _others(promise)
        needed = pruned(derivation.query, promise.cells)
        refused = frozenset(part.name for part in query.refused)
        steps.choose_parts(derivation.query, needed, tests, self.settled, refused)
        if promise.keys is not None and promise.keys.field.column is not None:
            seek(reads, needed, promise.keys.field.column, Way(0), promise.keys.parent)
        node = steps.planned(needed)
        places = tuple(cells(node).index(name) for name in promise.cells)
        kept = keeping_of(promise, query, tests, steps.chosen) if derivation.kept else None
        self.linker.steps[promise.number] = DeriveStep(
            promise.number, promise.path, promise.record, node, tuple(reads.inputs), tuple(promise.cells), places,
            max([1.0, *reads.abouts]), tuple(steps.parts.items()), kept,
        )  # fmt: skip
        promise.written = True


def _others(promise: Promise) -> list[str]:
    """The cells of the record that nobody asks for here: rows that are kept are for other questions too."""
    columns = sorted({part.column for part in promise.record.fields.values() if part.column is not None})
    return [name for name in columns if name not in promise.cells]
