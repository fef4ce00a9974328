"""What a principal may see, decided from the rules alone: per record, field, link and total, with the deciding rule.

Pure: no row is read here. A decision's condition still holds ``Attribute`` placeholders, so that one plan serves every
principal of the same class; ``Access.key`` is everything a cached plan may depend on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import product

from auth.combined import together
from auth.decisions import Decision, RecordAccess, State, Totals, all_of, any_of, both
from auth.derived import derived_access
from auth.principal import Principal
from schema.catalog import Action, Catalog, Field, Link, Record
from schema.classification import Classification
from schema.derivations import derivation_of
from schema.derive import Derivation
from schema.errors import Code
from schema.predicates import FALSE, TRUE, And, Attribute, Compare, Holds, Not, Or, Predicate
from schema.recent import Recent
from schema.resolve import short_path
from schema.rules import Allow, AllowAction, AllowThrough, AllowTotals, Grant, Rule

REPRESENTED = "represented."
SUBJECT = "subject"
"""The attribute that every known principal has: its own subject, whatever its token says of an attribute so called."""
Contextual = Allow | AllowTotals | AllowThrough | AllowAction
"""A rule that may want a purpose or a case."""


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


@dataclass(frozen=True, slots=True)
class View:
    """The part of a principal that decisions may depend on: never the value of an attribute that rules compare rows
    with, only whether it is there."""

    roles: frozenset[str]
    purpose: str | None
    case: bool
    present: frozenset[str]
    literals: tuple[tuple[str, object], ...]
    prefix: str
    """Put before attribute names in conditions: empty for the principal, ``represented.`` for whom it acts for."""
    rules: dict[str, tuple[Rule, ...]] = field(compare=False, repr=False)
    bringing: dict[str, frozenset[str]] = field(compare=False, repr=False)
    """Derived record -> roles that have rights through it."""
    _hash: int = field(default=0, init=False, compare=False, repr=False)

    def __hash__(self) -> int:
        """Worked out once: a view is looked up several times in every request."""
        known = self._hash
        if known == 0:
            known = hash((self.roles, self.purpose, self.case, self.present, self.literals, self.prefix)) or 1
            object.__setattr__(self, "_hash", known)
        return known

    def has_role(self, role: str) -> bool:
        return role == "public" or role in self.roles

    def choices(self, name: str) -> list[frozenset[str]]:
        """The roles to decide a derived record by: those with rights through it one by one, all others at once."""
        opening = {rule.role for rule in self.rules.get(name, ()) if self.has_role(rule.role)}
        apart = (opening & self.bringing.get(name, frozenset())) - {"public"}
        plain = frozenset(opening - apart)
        return [*([plain] if plain or not apart else []), *(frozenset({role}) for role in sorted(apart))]

    def reads_through(self, name: str, through: str, roles: frozenset[str]) -> bool:
        return any(
            isinstance(rule, AllowThrough) and _lends(rule, through, roles) for rule in self.rules.get(name, ())
        )

    def decide(self, record: Record, among: frozenset[str] | None = None, through: str = "") -> RecordAccess:
        """``among``: of a derived record, only rules of these roles count; None: of all roles. ``through``: beneath
        this derived record, for readers in these roles."""
        own = among if derivation_of(record) is not None else None
        applying: list[tuple[Allow | AllowThrough, Predicate]] = []
        missing: list[Allow | AllowThrough] = []
        for rule in self.rules.get(record.name, ()):
            if isinstance(rule, AllowThrough):
                counts = through != "" and among is not None and _lends(rule, through, among)
            else:
                counts = isinstance(rule, Allow) and self.has_role(rule.role) and (own is None or rule.role in own)
            if counts:
                assert isinstance(rule, (Allow, AllowThrough))
                condition = self._condition(rule.where)
                if condition == FALSE:
                    continue
                if self._context(rule) is None:
                    applying.append((rule, condition))
                else:
                    missing.append(rule)
        visible = any_of(condition for _, condition in applying)
        fields = {
            name: self._decide(part, applying, missing, visible) for name, part in record.fields.items()
        }  # fmt: skip
        links = {name: self._decide(part, applying, missing, visible) for name, part in record.links.items()}
        refusal = Decision(State.REFUSED, FALSE, (), *self._refusal(missing, f"no rule allows {record.type_name}"))
        return RecordAccess(
            record, visible, tuple(rule_id(rule) for rule, _ in applying), fields, links,
            self._totals(record, visible, applying, own), self._no_totals(record, missing), refusal,
        )  # fmt: skip

    def decide_action(self, action: Action) -> Decision:
        rules = [rule for rule in action.rules if self.has_role(rule.role)]
        applying = tuple(rule_id(rule) for rule in rules if self._context(rule) is None)
        if applying:
            return Decision(State.SHOWN, TRUE, applying)
        return Decision(State.REFUSED, FALSE, (), *self._refusal(rules, "no rule allows it with your roles"))

    def _decide(
        self, part: Field | Link, applying: list[tuple[Allow | AllowThrough, Predicate]],
        missing: list[Allow | AllowThrough], visible: Predicate,
    ) -> Decision:
        covering = [(rule, condition) for rule, condition in applying if _covers(rule, part)]
        showing = [(rule, condition) for rule, condition in covering if part.name not in rule.masked]
        if showing:
            condition = any_of(condition for _, condition in showing)
            if condition == visible:
                condition = TRUE
            return Decision(State.SHOWN, condition, tuple(rule_id(rule) for rule, _ in showing))
        if covering:
            return Decision(State.MASKED, TRUE, tuple(rule_id(rule) for rule, _ in covering))
        wanting = [rule for rule in missing if _covers(rule, part)]
        return Decision(
            State.REFUSED, FALSE, (), *self._refusal(wanting, f"no rule allows {part.classification.label} fields here")
        )

    def _refusal(self, missing: Sequence[Contextual], otherwise: str) -> tuple[Code, str]:
        if not missing:
            return Code.REFUSED, otherwise
        contexts = [self._context(rule) for rule in missing]
        if Code.PURPOSE_REQUIRED in contexts:
            wanted = sorted({purpose for rule in missing for purpose in rule.purposes})
            return Code.PURPOSE_REQUIRED, f"state one of these purposes: {', '.join(wanted)}"
        return Code.CASE_REQUIRED, "state an open case assigned to you"

    def _context(self, rule: Contextual) -> Code | None:
        """What the request would have to state for the rule to apply; None when it does."""
        if rule.purposes and self.purpose not in rule.purposes:
            return Code.PURPOSE_REQUIRED
        if rule.case and not self.case:
            return Code.CASE_REQUIRED
        return None

    def _totals(
        self, record: Record, visible: Predicate, applying: list[tuple[Allow | AllowThrough, Predicate]],
        among: frozenset[str] | None,
    ) -> tuple[Totals, ...]:
        found = [
            Totals(
                condition, frozenset(rule.by), frozenset(rule.measures), rule.k if rule.k > 1 else 0, rule.within,
                (rule_id(rule),),
            )
            for rule in self._grants(record)
            if (among is None or rule.role in among)
            and self._context(rule) is None and (condition := self._condition(rule.where)) != FALSE
        ]  # fmt: skip
        if not is_about_persons(record) and visible != FALSE:
            found.append(Totals(visible, rules=tuple(rule_id(rule) for rule, _ in applying)))
        return tuple(sorted(found, key=lambda totals: (totals.population != TRUE, totals.k)))

    def _grants(self, record: Record) -> list[AllowTotals]:
        return [
            rule
            for rule in self.rules.get(record.name, ())
            if isinstance(rule, AllowTotals) and self.has_role(rule.role)
        ]

    def _no_totals(self, record: Record, missing: list[Allow | AllowThrough]) -> Decision:
        about = ", which is about persons" if is_about_persons(record) else ""
        wanting = [rule for rule in self._grants(record) if self._condition(rule.where) != FALSE]
        rules: list[Contextual] = [*wanting, *([] if about else missing)]
        told = self._refusal(rules, f"no rule allows totals of {record.type_name}{about}")
        return Decision(State.REFUSED, FALSE, (), *told)

    def _condition(self, predicate: Predicate) -> Predicate:
        """The rule's condition with what is known of the principal put in; FALSE when it can never apply, as when it
        speaks of an attribute that the principal lacks."""
        return FALSE if _lacks(predicate, self.present) else self._known(predicate)

    def _known(self, predicate: Predicate) -> Predicate:
        match predicate:
            case Compare(field=name, op=op, value=Attribute(name=attribute)) if self.prefix:
                return Compare(name, op, Attribute(self.prefix + attribute))
            case Holds(attribute=attribute, value=value):
                return TRUE if (attribute, value) in self.literals else FALSE
            case And(parts=parts):
                return all_of(self._known(part) for part in parts)
            case Or(parts=parts):
                return any_of(self._known(part) for part in parts)
            case Not(part=part):
                inner = self._known(part)
                return FALSE if inner == TRUE else TRUE if inner == FALSE else Not(inner)
        return predicate


def _lacks(predicate: Predicate, present: frozenset[str]) -> bool:
    """Whether the predicate speaks of an attribute that is missing: then not even its complement holds."""
    match predicate:
        case Compare(value=Attribute(name=name)) | Holds(attribute=name):
            return name not in present
        case And(parts=parts) | Or(parts=parts):
            return any(_lacks(part, present) for part in parts)
        case Not(part=part):
            return _lacks(part, present)
    return False


def _lends(rule: AllowThrough, through: str, roles: frozenset[str]) -> bool:
    return rule.through == through and (rule.role in roles or rule.role == "public")


def _covers(rule: Allow | AllowThrough, part: Field | Link) -> bool:
    named = not rule.only or part.name in rule.only
    if not named and isinstance(part, Link):
        named = f"{part.department}.{part.name}" in rule.only
    return part.classification <= rule.up_to and named


def is_about_persons(record: Record) -> bool:
    """Seeing rows of such a record does not imply counting them."""
    return record.persons


def rule_id(rule: Rule) -> str:
    """How answers and the ledger name a rule: file and line of its declaration, never its condition."""
    return f"{short_path(rule.file)}:{rule.line}"


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
            for holds in _holds(rule.where)
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


def _holds(predicate: Predicate) -> Iterable[Holds]:
    match predicate:
        case Holds():
            yield predicate
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from _holds(part)
        case Not(part=part):
            yield from _holds(part)
