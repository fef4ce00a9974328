"""What one person may see, decided from the rules alone: per record, field, link and total, with the deciding rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from auth.conditions import Literals, condition_for
from auth.decisions import Decision, RecordAccess, State, Totals, any_of
from schema.catalog import Action, Field, Link, Record
from schema.derivations import derivation_of
from schema.errors import Code
from schema.naming import declared_at
from schema.predicates import FALSE, TRUE, Predicate
from schema.rules import Allow, AllowAction, AllowThrough, AllowTotals, Rule

Contextual = Allow | AllowTotals | AllowThrough | AllowAction
"""A rule that may want a purpose or a case."""


@dataclass(frozen=True, slots=True)
class View:
    """The part of a principal that decisions may depend on: never the value of an attribute that rules compare rows
    with, only whether it is there."""

    roles: frozenset[str]
    purpose: str | None
    case: bool
    present: frozenset[str]
    literals: Literals
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
                condition = self._condition(rule)
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
            and self._context(rule) is None and (condition := self._condition(rule)) != FALSE
        ]  # fmt: skip
        if not record.persons and visible != FALSE:
            found.append(Totals(visible, rules=tuple(rule_id(rule) for rule, _ in applying)))
        return tuple(sorted(found, key=lambda totals: (totals.population != TRUE, totals.k)))

    def _grants(self, record: Record) -> list[AllowTotals]:
        return [
            rule
            for rule in self.rules.get(record.name, ())
            if isinstance(rule, AllowTotals) and self.has_role(rule.role)
        ]

    def _no_totals(self, record: Record, missing: list[Allow | AllowThrough]) -> Decision:
        about = ", which is about persons" if record.persons else ""
        wanting = [rule for rule in self._grants(record) if self._condition(rule) != FALSE]
        rules: list[Contextual] = [*wanting, *([] if about else missing)]
        told = self._refusal(rules, f"no rule allows totals of {record.type_name}{about}")
        return Decision(State.REFUSED, FALSE, (), *told)

    def _condition(self, rule: Allow | AllowThrough | AllowTotals) -> Predicate:
        """FALSE when the rule can never apply to this principal."""
        return condition_for(rule.where, self.present, self.literals, self.prefix)


def _lends(rule: AllowThrough, through: str, roles: frozenset[str]) -> bool:
    return rule.through == through and (rule.role in roles or rule.role == "public")


def _covers(rule: Allow | AllowThrough, part: Field | Link) -> bool:
    named = not rule.only or part.name in rule.only
    if not named and isinstance(part, Link):
        named = f"{part.department}.{part.name}" in rule.only
    return part.classification <= rule.up_to and named


def rule_id(rule: Rule) -> str:
    """How answers and the ledger name a rule: file and line of its declaration, never its condition."""
    return declared_at(rule.file, rule.line)
