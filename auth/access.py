"""Everything one class of principals may see: of a record by itself, and of a derived record as far as those beneath it
allow. Decided when first asked for, and kept."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from auth.combined import together
from auth.decisions import Decision, RecordAccess, State, both
from auth.derived import derived_access
from auth.view import View
from schema.catalog import Action, Catalog, Field, Link, Record
from schema.classification import Classification
from schema.derivations import derivation_of
from schema.derive.nodes import Derivation
from schema.predicates import TRUE
from schema.rules import Grant


@dataclass(frozen=True, slots=True)
class Access:
    """Everything decided for one class of principals; records are worked out when first asked for."""

    key: Hashable
    catalog: Catalog
    views: tuple[View, ...]
    """One for the principal and one for whom it acts for: only what every view grants is granted."""
    _records: dict[str, RecordAccess] = field(default_factory=dict, compare=False, repr=False)

    def record(self, name: str) -> RecordAccess:
        known = self._records.get(name)
        if known is None:
            record = self.catalog.records[name]
            derivation = derivation_of(record)
            if derivation is None:
                known = self._decided(record, [None] * len(self.views))
            else:
                known = self._derived(record, derivation)
            self._records[name] = known
        return known

    def _derived(self, record: Record, derivation: Derivation) -> RecordAccess:
        """A right through the record goes with the derived rows its own role may see: roles that bring such rights are
        decided one by one."""
        found = []
        for choice in product(*(view.choices(record.name) for view in self.views)):
            own = self._decided(record, choice)
            beneath = _Beneath(self, record.name, choice)
            found.append(derived_access(beneath, own, derivation) if own.allowed else own)
        return together(found)

    def _decided(self, record: Record, among: Sequence[frozenset[str] | None], through: str = "") -> RecordAccess:
        """What all views grant. ``among``: the roles of each view that count, None for all."""
        known = None
        for view, roles in zip(self.views, among, strict=True):
            decided = view.decide(record, roles, through)
            known = decided if known is None else both(known, decided)
        assert known is not None
        return known

    def granted(self, right: str, department: str) -> bool:
        """Whether a ``grant`` gives this right over the department."""
        return all(
            any(
                isinstance(rule, Grant) and rule.right == right and rule.department == department
                and view.has_role(rule.role)
                for rule in self.catalog.rules
            )
            for view in self.views
        )  # fmt: skip

    def action(self, action: Action) -> Decision:
        """Whether it may be done: by the principal, and by whom it acts for."""
        found = [view.decide_action(action) for view in self.views]
        refused = next((one for one in found if not one.shown), None)
        if refused is not None:
            return refused
        return Decision(State.SHOWN, TRUE, tuple(dict.fromkeys(rule for one in found for rule in one.rules)))

    def secret_hidden(self) -> frozenset[str]:
        """Coordinates of Secret fields and links that do not exist for this principal, and of links to records of
        which nothing is left."""
        hidden: list[str] = []
        for record in self.catalog.records.values():
            access: RecordAccess | None = None
            parts: Iterable[Field | Link] = [*record.fields.values(), *record.links.values()]
            for part in parts:
                if part.classification is Classification.SECRET:
                    access = access or self.record(record.name)
                    decisions = access.fields if isinstance(part, Field) else access.links
                    if decisions[part.name].state is State.REFUSED:
                        hidden.append(f"{record.type_name}.{part.api_name}")
        return self.catalog.hiding(frozenset(hidden)) if hidden else frozenset()


@dataclass(frozen=True, slots=True)
class _Beneath:
    """What may be read beneath the derived record ``through`` by readers in these roles, a set for each view."""

    access: Access
    through: str
    roles: tuple[frozenset[str], ...]
    _records: dict[str, RecordAccess] = field(default_factory=dict)

    @property
    def catalog(self) -> Catalog:
        return self.access.catalog

    def record(self, name: str) -> RecordAccess:
        if not any(view.reads_through(name, self.through, roles) for view, roles in self._views()):
            return self.access.record(name)
        known = self._records.get(name)
        if known is None:
            decided = self.access._decided(self.catalog.records[name], self.roles, self.through)
            known = self._records[name] = replace(decided, through=True)
        return known

    def _views(self) -> Iterable[tuple[View, frozenset[str]]]:
        return zip(self.access.views, self.roles, strict=True)
