"""What a principal may see, decided from the rules alone: per record, field, link and total, with the deciding rule.

Pure: no row is read here. A decision's condition still holds ``Attribute`` placeholders, so that one plan serves every
principal of the same class; ``Access.key`` is everything a cached plan may depend on.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from auth.principal import Principal
from schema.catalog import Catalog, Field, Link, Record
from schema.classification import Classification
from schema.derivations import cell_path, derivation_of
from schema.derive import Derivation, RowsOf, leaves
from schema.errors import Code
from schema.lineage import FIGURES, Counted, counted_leaves, trace
from schema.predicates import FALSE, TRUE, And, Attribute, Compare, Holds, IsNull, Not, Or, Predicate
from schema.recent import Recent
from schema.resolve import short_path
from schema.rules import Allow, AllowTotals, Grant, Rule

REPRESENTED = "represented."


class State(StrEnum):
    SHOWN = "shown"
    MASKED = "masked"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Decision:
    """``condition`` says in which visible rows the cell is shown: TRUE for all of them. ``rules``: ids (file:line) of
    the rules that decided; for a refusal ``code`` and ``reason`` say what would be needed."""

    state: State
    condition: Predicate = TRUE
    rules: tuple[str, ...] = ()
    code: Code = Code.REFUSED
    reason: str = ""

    @property
    def shown(self) -> bool:
        return self.state is State.SHOWN

    @property
    def unconditional(self) -> bool:
        return self.state is State.SHOWN and self.condition == TRUE


@dataclass(frozen=True, slots=True)
class Totals:
    """One right to count and measure. ``by`` and ``measures`` None: whatever may be read; ``k`` 0: no suppression.
    ``within``: (finer, coarser) fields, each value of the finer standing in one of the coarser."""

    population: Predicate
    by: frozenset[str] | None = None
    measures: frozenset[str] | None = None
    k: int = 0
    within: tuple[tuple[str, str], ...] = ()
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordAccess:
    """``visible``: which rows exist for this principal. ``narrowed``: a row rule hides some of them. ``totals``: a
    figure must be covered by one of them alone, or two grants together would give what neither gives; the widest
    first. ``no_totals``: why there is none."""

    record: Record
    visible: Predicate
    visible_rules: tuple[str, ...]
    fields: dict[str, Decision]
    links: dict[str, Decision]
    totals: tuple[Totals, ...]
    no_totals: Decision
    refusal: Decision
    query: QueryAccess | None = None
    """Of a derived record: what may be read of the records it is derived from."""

    @property
    def allowed(self) -> bool:
        return self.visible != FALSE

    @property
    def narrowed(self) -> bool:
        return self.visible not in (TRUE, FALSE)


@dataclass(frozen=True, slots=True)
class CellAccess:
    """A cell of a leaf: the field, where it is shown, and the links to it with where each reference is shown."""

    field: Field
    condition: Predicate
    hops: tuple[tuple[Link, Predicate, RecordAccess], ...] = ()


@dataclass(frozen=True, slots=True)
class LeafAccess:
    """What a derived record's query may read of one record: rows of ``population``. ``totals``: only as totals under
    this grant, grouped and measured, without rows."""

    access: RecordAccess
    population: Predicate
    cells: Mapping[str, CellAccess]
    totals: Totals | None = None


@dataclass(frozen=True, slots=True)
class QueryAccess:
    """``leaves``: left to right. ``narrowed``: records on the way of which a rule hides rows."""

    leaves: tuple[LeafAccess, ...]
    narrowed: tuple[RecordAccess, ...]


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
            known = self.views[0].decide(record)
            for view in self.views[1:]:
                known = _both(known, view.decide(record))
            derivation = derivation_of(record)
            if derivation is not None and known.allowed:
                known = derived_access(self, known, derivation)
            self._records[name] = known
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

    def decide(self, record: Record) -> RecordAccess:
        applying: list[tuple[Allow, Predicate]] = []
        missing: list[Allow] = []
        for rule in self.rules.get(record.name, ()):
            if isinstance(rule, Allow) and self.has_role(rule.role):
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
            self._totals(record, visible, applying), self._no_totals(record, missing), refusal,
        )  # fmt: skip

    def _decide(
        self, part: Field | Link, applying: list[tuple[Allow, Predicate]], missing: list[Allow], visible: Predicate
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

    def _refusal(self, missing: Sequence[Allow | AllowTotals], otherwise: str) -> tuple[Code, str]:
        if not missing:
            return Code.REFUSED, otherwise
        contexts = [self._context(rule) for rule in missing]
        if Code.PURPOSE_REQUIRED in contexts:
            wanted = sorted({purpose for rule in missing for purpose in rule.purposes})
            return Code.PURPOSE_REQUIRED, f"state one of these purposes: {', '.join(wanted)}"
        return Code.CASE_REQUIRED, "state an open case assigned to you"

    def _context(self, rule: Allow | AllowTotals) -> Code | None:
        """What the request would have to state for the rule to apply; None when it does."""
        if rule.purposes and self.purpose not in rule.purposes:
            return Code.PURPOSE_REQUIRED
        if rule.case and not self.case:
            return Code.CASE_REQUIRED
        return None

    def _totals(
        self, record: Record, visible: Predicate, applying: list[tuple[Allow, Predicate]]
    ) -> tuple[Totals, ...]:
        found = [
            Totals(
                condition, frozenset(rule.by), frozenset(rule.measures), rule.k if rule.k > 1 else 0, rule.within,
                (rule_id(rule),),
            )
            for rule in self._grants(record)
            if self._context(rule) is None and (condition := self._condition(rule.where)) != FALSE
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

    def _no_totals(self, record: Record, missing: list[Allow]) -> Decision:
        about = ", which is about persons" if is_about_persons(record) else ""
        wanting = [rule for rule in self._grants(record) if self._condition(rule.where) != FALSE]
        rules: list[Allow | AllowTotals] = [*wanting, *([] if about else missing)]
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


def any_of(conditions: Iterable[Predicate]) -> Predicate:
    """OR, simplified: TRUE when one is, duplicates once, FALSE for nothing."""
    parts = list(dict.fromkeys(conditions))
    if TRUE in parts:
        return TRUE
    parts = [part for part in parts if part != FALSE]
    return FALSE if not parts else parts[0] if len(parts) == 1 else Or(tuple(parts))


def all_of(conditions: Iterable[Predicate]) -> Predicate:
    """AND, simplified: FALSE when one is, TRUE for nothing."""
    parts = list(dict.fromkeys(conditions))
    if FALSE in parts:
        return FALSE
    parts = [part for part in parts if part != TRUE]
    return TRUE if not parts else parts[0] if len(parts) == 1 else And(tuple(parts))


def _covers(rule: Allow, part: Field | Link) -> bool:
    return part.classification <= rule.up_to and (not rule.only or part.name in rule.only)


def is_about_persons(record: Record) -> bool:
    """Seeing rows of such a record does not imply counting them."""
    return record.persons


def rule_id(rule: Rule) -> str:
    """How answers and the ledger name a rule: file and line of its declaration, never its condition."""
    return f"{short_path(rule.file)}:{rule.line}"


def _both(one: RecordAccess, other: RecordAccess) -> RecordAccess:
    """What both views allow."""
    return RecordAccess(
        one.record,
        all_of((one.visible, other.visible)),
        one.visible_rules + other.visible_rules,
        {name: _both_decisions(decision, other.fields[name]) for name, decision in one.fields.items()},
        {name: _both_decisions(decision, other.links[name]) for name, decision in one.links.items()},
        tuple(_both_totals(mine, theirs) for mine in one.totals for theirs in other.totals),
        one.no_totals if not one.totals else other.no_totals,
        one.refusal if not one.allowed else other.refusal,
    )


def _both_decisions(one: Decision, other: Decision) -> Decision:
    for decision in (one, other):
        if decision.state is State.REFUSED:
            return decision
    state = State.MASKED if State.MASKED in (one.state, other.state) else State.SHOWN
    return Decision(state, all_of((one.condition, other.condition)), one.rules + other.rules)


def _both_totals(one: Totals, other: Totals) -> Totals:
    return Totals(
        all_of((one.population, other.population)), _both_sets(one.by, other.by),
        _both_sets(one.measures, other.measures), max(one.k, other.k),
        tuple(dict.fromkeys((*one.within, *other.within))), one.rules + other.rules,
    )  # fmt: skip


def _both_sets(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    return other if one is None else one if other is None else one & other


class Policy:
    """All rules of the catalog, ready to decide for any principal. One lives as long as the process."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._rules: dict[str, tuple[Rule, ...]] = {}
        names = {record.spec.name: name for name, record in catalog.records.items()}
        for rule in catalog.rules:
            if not isinstance(rule, Grant):
                name = names[rule.record.__name__]
                self._rules[name] = (*self._rules.get(name, ()), rule)
        self._literals = frozenset(
            holds.attribute for rule in catalog.rules if not isinstance(rule, Grant) for holds in _holds(rule.where)
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
        return View(
            roles=principal.roles,
            purpose=principal.purpose,
            case=principal.case is not None,
            present=frozenset(name for name, value in attributes.items() if value is not None),
            literals=tuple((name, attributes[name]) for name in sorted(self._literals) if name in attributes),
            prefix=prefix,
            rules=self._rules,
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


class _Unreadable(Exception):
    """A derived record needs something its reader may not read."""

    def __init__(self, decision: Decision) -> None:
        self.decision = decision


def derived_access(access: Access, own: RecordAccess, derivation: Derivation) -> RecordAccess:
    """What a derived record's own rules allow, as far as the records it is derived from allow it too: a cell that may
    not be read takes the fields made of it with it, one that decides whether rows are there the whole record."""
    record = own.record
    query = trace(derivation.query)
    counts = counted_leaves(derivation.query)
    refused: dict[tuple[int, str], Decision] = {}
    found: list[LeafAccess] = []
    narrowed: dict[str, RecordAccess] = {}
    try:
        for number, leaf in enumerate(leaves(derivation.query)):
            found.append(_leaf(access, leaf, number, query.deciding, refused, counts.get(number)))
            for base in _passed(found[-1]):
                if base.narrowed:
                    narrowed[base.record.name] = base
                    if base.record.name in derivation.requires_all:
                        raise _Unreadable(_refused(f"rules show you only some {base.record.plural}, and it needs all"))
    except _Unreadable as problem:
        return replace(own, visible=FALSE, refusal=problem.decision)
    fields, links = dict(own.fields), dict(own.links)
    for name, part in record.fields.items():
        blocked = [refused[origin] for origin in sorted(query.cells.get(part.column or "", ())) if origin in refused]
        if not blocked:
            continue
        for decisions, names in ((fields, [name]), (links, [one for one in links if record.links[one].local == name])):
            decisions.update((one, blocked[0]) for one in names if decisions[one].state is not State.REFUSED)
    return replace(own, fields=fields, links=links, query=QueryAccess(tuple(found), tuple(narrowed.values())))


UNTOLD = "it is worked out from what no rule shows you"


def _refused(reason: str, code: Code = Code.REFUSED) -> Decision:
    return Decision(State.REFUSED, FALSE, (), code, reason)


def _leaf(
    access: Access, leaf: RowsOf, number: int, needed: frozenset[tuple[int, str]],
    refused: dict[tuple[int, str], Decision], counts: Counted | None,
) -> LeafAccess:  # fmt: skip
    """Rows where rows may be read; else totals, where they are granted and enough. ``counts``: how the leaf is counted
    where no rows of it are needed."""
    base = access.record(leaf.record)
    cells: dict[str, CellAccess] = {}
    denied: dict[tuple[int, str], Decision] = {}
    for name, path in leaf.cells:
        try:
            cells[name] = _cell(access, base, leaf, path)
        except _Unreadable as problem:
            denied[number, name] = problem.decision
    hidden = _hidden_conditions(base, leaf)
    if base.allowed and hidden is None and not (denied.keys() & needed):
        refused.update(denied)
        return LeafAccess(base, base.visible, cells)
    for totals in base.totals:
        if totals.k and (number, FIGURES) in needed:
            continue  # a figure that may be withheld would decide which rows there are
        by_totals = None if counts is None else _by_totals(access, base, totals, counts)
        if by_totals is not None:
            return LeafAccess(base, totals.population, by_totals, totals)
    if not base.allowed:
        raise _Unreadable(_beneath(base, base.refusal))
    first = hidden or next(decision for origin, decision in denied.items() if origin in needed)
    raise _Unreadable(first)


def _cell(access: Access, base: RecordAccess, leaf: RowsOf, path: str) -> CellAccess:
    resolved = cell_path(access.catalog.records, leaf, path)
    assert resolved is not None
    hops = []
    here = base
    for link in resolved.links:
        decision = here.links[link.name]
        if not decision.shown:
            raise _Unreadable(_of(here, link, decision))
        target = access.record(link.target)
        if not target.allowed:
            raise _Unreadable(_beneath(target, target.refusal))
        hops.append((link, decision.condition, target))
        here = target
    decision = here.fields[resolved.field.name]
    if not decision.shown:
        raise _Unreadable(_of(here, resolved.field, decision))
    return CellAccess(resolved.field, decision.condition, tuple(hops))


def _of(access: RecordAccess, part: Field | Link, decision: Decision) -> Decision:
    if part.classification is Classification.SECRET:
        return _refused(UNTOLD)
    reason = decision.reason or "it comes masked"
    return replace(
        decision, state=State.REFUSED, condition=FALSE, reason=f"{access.record.type_name}.{part.api_name}: {reason}"
    )


def _beneath(base: RecordAccess, decision: Decision) -> Decision:
    """Why a record that another is derived from cannot be read; one that is Secret is not named."""
    if all(part.classification is Classification.SECRET for part in base.record.fields.values()):
        return _refused(UNTOLD)
    return replace(decision, reason=f"{base.record.type_name}: {decision.reason}")


def _hidden_conditions(base: RecordAccess, leaf: RowsOf) -> Decision | None:
    """A field the leaf's own condition reads and its reader may not, or not in every row."""
    for name in _compared(leaf.where):
        decision = base.fields[name]
        if not decision.unconditional:
            return _of(base, base.record.fields[name], decision)
    return None


def _by_totals(access: Access, base: RecordAccess, totals: Totals, counts: Counted) -> dict[str, CellAccess] | None:
    """The leaf's cells under a grant of totals; None where the grant does not name one of them for its use."""
    if totals.by is None or totals.measures is None:
        return None
    if totals.k and any(measure.function in ("min", "max") for measure in counts.measured.values()):
        return None
    leaf, measured = counts.leaf, {measure.cell for measure in counts.measured.values()}
    cells: dict[str, CellAccess] = {}
    if any(name not in totals.by for name in _compared(leaf.where)):
        return None
    for name, path in leaf.cells:
        if name not in counts.keys and name not in measured:
            continue
        resolved = cell_path(access.catalog.records, leaf, path)
        assert resolved is not None
        if not resolved.links:
            part = resolved.field.name
            if (name in counts.keys and part not in totals.by) or (name in measured and part not in totals.measures):
                return None
            cells[name] = CellAccess(resolved.field, TRUE)
            continue
        first = resolved.links[0]
        if first.name not in totals.by and first.local not in totals.by:
            return None
        hops = []
        here = base
        for link in resolved.links:
            decision = here.links[link.name] if here is not base else Decision(State.SHOWN)
            here = access.record(link.target)
            if not decision.shown or not here.allowed:
                return None
            hops.append((link, decision.condition, here))
        decision = here.fields[resolved.field.name]
        if not decision.shown:
            return None
        cells[name] = CellAccess(resolved.field, decision.condition, tuple(hops))
    return cells


def _passed(leaf: LeafAccess) -> list[RecordAccess]:
    """The records whose rows the leaf reads, as far as they are shown."""
    found = [] if leaf.totals is not None else [leaf.access]
    if leaf.totals is not None and leaf.totals.population != TRUE:
        found.append(replace(leaf.access, visible=leaf.totals.population, visible_rules=leaf.totals.rules))
    for cell in leaf.cells.values():
        here = leaf.access
        for link, condition, target in cell.hops:
            found += _shown_in(here, here.links[link.name].rules, condition)
            found.append(target)
            here = target
        found += _shown_in(here, here.fields[cell.field.name].rules, cell.condition)
    for base in tuple(found):
        if base.query is not None:
            found += base.query.narrowed
    return found


def _shown_in(access: RecordAccess, rules: tuple[str, ...], condition: Predicate) -> list[RecordAccess]:
    """A record whose cell is hidden in some rows: to what is worked out from it, those rows are not all there."""
    return [] if condition == TRUE else [replace(access, visible=condition, visible_rules=rules)]


def _compared(predicate: Predicate) -> Iterable[str]:
    match predicate:
        case Compare(field=name) | IsNull(field=name):
            yield name
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from _compared(part)
        case Not(part=part):
            yield from _compared(part)
