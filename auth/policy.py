"""From a principal to its access: principals whom no rule tells apart share one.

Pure: no row is read here. A decision's condition still holds ``Attribute`` placeholders, so that one plan serves every
principal of the same class; ``Access.key`` is everything a cached plan may depend on.
"""

from __future__ import annotations

from collections.abc import Hashable

from auth.access import Access
from auth.conditions import held_by
from auth.principal import Principal
from auth.view import View
from schema.catalog import Catalog
from schema.recent import Recent
from schema.rules import AllowAction, AllowThrough, Grant, Rule

REPRESENTED = "represented."
SUBJECT = "subject"
"""The attribute that every known principal has: its own subject, whatever its token says of an attribute so called."""


class Policy:
    """All rules of the catalog, ready to decide for any principal. One lives as long as the process."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._rules: dict[str, tuple[Rule, ...]] = {}
        self._bringing: dict[str, frozenset[str]] = {}
        names = {record.spec.name: name for name, record in catalog.records.items()}
        for rule in catalog.rules:
            if not isinstance(rule, (Grant, AllowAction)):
                name = names[rule.record.__name__]
                self._rules[name] = (*self._rules.get(name, ()), rule)
            if isinstance(rule, AllowThrough):
                self._bringing[rule.through] = self._bringing.get(rule.through, frozenset()) | {rule.role}
        self._literals = frozenset(
            holds.attribute
            for rule in catalog.rules
            if not isinstance(rule, (Grant, AllowAction))
            for holds in held_by(rule.where)
        )
        self._known: Recent[Hashable, Access] = Recent(512)
        self._of: Recent[int, tuple[Principal, Access]] = Recent(4096)
        """By identity of the principal, which is kept beside so that nobody else can have it."""

    def access(self, principal: Principal) -> Access:
        """The principal's access; principals of one class share it."""
        found = self._of.get(id(principal))
        if found is not None and found[0] is principal:
            return found[1]
        access = self._shared(principal)
        self._of[id(principal)] = (principal, access)
        return access

    def _shared(self, principal: Principal) -> Access:
        views: tuple[View, ...] = (self._view(principal, ""),)
        if principal.also is not None:
            views = (*views, self._view(principal.also, REPRESENTED))
        known = self._known.get(views)
        if known is None:
            known = self._known[views] = Access(views, self._catalog, views)
        return known

    def _view(self, principal: Principal, prefix: str) -> View:
        attributes = principal.attributes
        present = {name for name, value in attributes.items() if value is not None} - {SUBJECT}
        if principal.known:
            present.add(SUBJECT)
        return View(
            roles=principal.roles,
            purpose=principal.purpose,
            case=principal.case is not None,
            present=frozenset(present),
            literals=tuple(
                (name, attributes[name]) for name in sorted(self._literals - {SUBJECT}) if name in attributes
            ),
            prefix=prefix,
            rules=self._rules,
            bringing=self._bringing,
        )
