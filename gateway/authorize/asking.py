"""One root field on its way through authorization: who asks, with which values, and where it is noted what is found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from auth.access import Access
from auth.decisions import PartRefused, RecordAccess
from gateway import filters, partwise
from gateway.allowed import FieldTest, Filter, Path, cut
from gateway.authorize.notes import Notes
from gateway.filters import ArgumentRefused
from gateway.keys import with_pieces
from gateway.pushdown import conjuncts
from gateway.selection import Collector, Picked
from gateway.templates import Leaf, Template
from schema.catalog import Record
from schema.derivations import derivation_of
from schema.derive.shape import parts_of


@dataclass(frozen=True, slots=True)
class Asking:
    """``known_at``: the moment at which what is asked for has to have been known, None for now."""

    access: Access
    collector: Collector
    notes: Notes
    known_at: Leaf | None = None

    @property
    def variables(self) -> Mapping[str, Any]:
        return self.collector.variables

    def picks(self, pick: Picked) -> tuple[Picked, ...]:
        """The fields selected beneath."""
        return self.collector.collect(pick.selections)

    def scope(self, rights: filters.Rights, path: Path) -> filters.Scope:
        return filters.Scope(
            self.access, rights, self.variables, lambda target: self.notes.narrows(path, target),
            self.known_at is not None,
        )  # fmt: skip

    def where(self, argument: Template | None, rights: filters.Rights, path: Path) -> Filter:
        """The caller's filter together with the rules' condition on rows."""
        asked = filters.where_filter(argument, self.scope(rights, path))
        return filters.within(rights.population, asked)

    def forgets(self, record: Record, path: Path, coordinate: str) -> bool:
        """Whether the record cannot tell what was known at the moment asked for; then that is said."""
        try:
            if self.known_at is not None:
                filters.check_known_at(self.access, record)
        except ArgumentRefused as problem:
            self.notes.bad_argument(cut(path), coordinate, problem)
            return True
        return False

    def settle(self, access: RecordAccess, where: Filter, path: Path) -> PartRefused | None:
        """Tells apart which parts of a record in parts are asked for, and names those that are refused; one of them,
        when there is no other."""
        derivation = derivation_of(access.record)
        if derivation is None or access.query is None or (parts := parts_of(derivation.query)) is None:
            return None
        asked = [test for test in conjuncts(where) if isinstance(test, FieldTest)]
        tests = with_pieces(access.record, derivation.query, asked)
        settled = partwise.settle(parts, tests, self.variables)
        self.notes.settled.extend(settled)
        names = partwise.asked(parts, tests, settled)
        lacking = [one for one in access.query.refused if one.name in names]
        if names and len(lacking) == len(names):
            return lacking[0]
        for one in lacking:
            self.notes.lacks(path, access.record, one)
        return None
