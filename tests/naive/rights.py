"""Who sees what, worked out from the declared rules row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from auth.principal import ANONYMOUS, Principal
from schema.catalog import Catalog, Field, Link, Record
from schema.predicates import And, Attribute, Compare, Constant, Holds, IsNull, Not, Or, Predicate
from schema.rules import Allow, AllowTotals
from tests.naive.world import Row


def compare(op: str, cell: Any, value: Any) -> bool:
    """Two-valued: nothing is true of a null."""
    if cell is None:
        return False
    match op:
        case "eq":
            return bool(cell == value)
        case "ne":
            return bool(cell != value)
        case "in":
            return cell in value
        case "notIn":
            return cell not in value
        case "lt":
            return bool(cell < value)
        case "lte":
            return bool(cell <= value)
        case "gt":
            return bool(cell > value)
        case "gte":
            return bool(cell >= value)
        case "startsWith":
            return bool(cell[: len(value)] == value)
        case "contains":
            return value in cell
        case "ieq":
            return bool(cell.casefold() == value.casefold())
        case "icontains":
            return value.casefold() in cell.casefold()
    raise AssertionError(op)


Test = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Applying:
    """A rule that applies: which rows it speaks of. ``text`` tells rules with the same condition apart from others."""

    rule: Allow
    where: Predicate
    test: Test


@dataclass(frozen=True, slots=True)
class Shown:
    """Where a cell is shown; ``always`` in every visible row."""

    test: Test
    always: bool


@dataclass(frozen=True, slots=True)
class Right:
    """One right to count and measure the rows of ``test``. ``by`` and ``measures`` None: whatever may be read."""

    test: Test
    everywhere: bool
    by: frozenset[str] | None = None
    measures: frozenset[str] | None = None
    k: int = 0
    within: tuple[tuple[str, str], ...] = ()


class Rights:
    """What one principal may do with one record."""

    def __init__(self, catalog: Catalog, record: Record, principal: Principal) -> None:
        self.record = record
        self._principal = principal
        self._shown: dict[str, Shown | str] = {}
        self._totals: list[Right] | None = None
        mine = [
            rule for rule in catalog.rules
            if isinstance(rule, (Allow, AllowTotals)) and rule.record.__name__ == record.spec.name
        ]  # fmt: skip
        self._applying = [
            Applying(rule, rule.where, self._tester(rule.where))
            for rule in mine if isinstance(rule, Allow) and self._applies(rule)
        ]  # fmt: skip
        self._grants = [rule for rule in mine if isinstance(rule, AllowTotals) and self._applies(rule)]

    def _applies(self, rule: Allow | AllowTotals) -> bool:
        principal = self._principal
        if rule.role != "public" and rule.role not in principal.roles:
            return False
        if rule.purposes and principal.purpose not in rule.purposes:
            return False
        if rule.case and principal.case is None:
            return False
        known = {**principal.attributes, "subject": None if principal == ANONYMOUS else principal.subject}
        if any(known.get(name) is None for name in _attributes(rule.where)):
            return False
        return not self._never(rule.where)

    def _never(self, predicate: Predicate) -> bool:
        """Whether it is false of every row, whatever the row."""
        match predicate:
            case Holds(attribute=name, value=value):
                return bool(self._principal.attribute(name) != value)
            case And(parts=parts):
                return any(self._never(part) for part in parts)
            case Or(parts=parts):
                return all(self._never(part) for part in parts)
            case Constant(value=value):
                return not value
        return False

    def _tester(self, predicate: Predicate) -> Test:
        return lambda row: self._holds(predicate, row)

    def _holds(self, predicate: Predicate, row: Row) -> bool:
        match predicate:
            case Compare(field=name, op=op, value=Attribute(name=attribute)):
                return compare(op, row[name], self._principal.attribute(attribute))
            case Compare(field=name, op=op, value=value):
                return compare(op, row[name], value)
            case IsNull(field=name):
                return row[name] is None
            case Holds(attribute=attribute, value=value):
                return bool(self._principal.attribute(attribute) == value)
            case And(parts=parts):
                return all(self._holds(part, row) for part in parts)
            case Or(parts=parts):
                return any(self._holds(part, row) for part in parts)
            case Not(part=part):
                return not self._holds(part, row)
            case Constant(value=value):
                return value
        raise AssertionError(predicate)

    @property
    def allowed(self) -> bool:
        return bool(self._applying)

    def visible(self, row: Row) -> bool:
        return any(one.test(row) for one in self._applying)

    @property
    def sees_all(self) -> bool:
        return any(self._everywhere(one.where) for one in self._applying)

    def _everywhere(self, predicate: Predicate) -> bool:
        return isinstance(predicate, Constant | Holds)

    def shown(self, part: Field | Link) -> Shown | str:
        """Where the cell is shown, ``masked``, or ``refused``."""
        if part.name not in self._shown:
            self._shown[part.name] = self._decided(part)
        return self._shown[part.name]

    def _decided(self, part: Field | Link) -> Shown | str:
        covering = [
            one for one in self._applying
            if part.classification <= one.rule.up_to and (not one.rule.only or part.name in one.rule.only)
        ]  # fmt: skip
        showing = [one for one in covering if part.name not in one.rule.masked]
        if not showing:
            return "masked" if covering else "refused"
        always = any(self._everywhere(one.where) for one in showing) or (
            {repr(one.where) for one in showing} == {repr(one.where) for one in self._applying}
        )
        return Shown(lambda row: always or any(one.test(row) for one in showing), always)

    @property
    def totals(self) -> list[Right]:
        """The rights to count, the widest first: a figure is given under the first that covers all of it."""
        if self._totals is None:
            self._totals = self._counted()
        return self._totals

    def _counted(self) -> list[Right]:
        found = [
            Right(
                self._tester(grant.where), self._everywhere(grant.where), frozenset(grant.by),
                frozenset(grant.measures), grant.k if grant.k > 1 else 0, grant.within,
            )
            for grant in self._grants
        ]  # fmt: skip
        if not self.record.persons and self.allowed:
            found.append(Right(self.visible, self.sees_all))
        return sorted(found, key=lambda right: (not right.everywhere, right.k))


def _attributes(predicate: Predicate) -> list[str]:
    match predicate:
        case Compare(value=Attribute(name=name)) | Holds(attribute=name):
            return [name]
        case And(parts=parts) | Or(parts=parts):
            return [name for part in parts for name in _attributes(part)]
        case Not(part=part):
            return _attributes(part)
    return []
