"""Conditions as data. Rules write them over a record's fields (``row.district_code == principal.district``); the
planner turns them into ``schema.fetch`` conditions over columns. Two-valued: a comparison with null is false."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Attribute:
    """A placeholder for an attribute of the principal; a rule with a missing or null one does not apply."""

    name: str


@dataclass(frozen=True, slots=True)
class Compare:
    """``op``: eq ne lt lte gt gte in notIn startsWith contains. ``value``: a literal, a tuple or an Attribute."""

    field: str
    op: str
    value: Any


@dataclass(frozen=True, slots=True)
class IsNull:
    field: str


@dataclass(frozen=True, slots=True)
class Holds:
    """The principal's attribute equals a literal, e.g. ``principal.department == "health"``; no row is read."""

    attribute: str
    value: str | int


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Predicate, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Predicate


@dataclass(frozen=True, slots=True)
class Constant:
    value: bool


Predicate: TypeAlias = Compare | IsNull | Holds | And | Or | Not | Constant

TRUE = Constant(True)
FALSE = Constant(False)


def fields_of(predicate: Predicate) -> Iterator[str]:
    """The record's fields that the predicate reads."""
    match predicate:
        case Compare(field=name) | IsNull(field=name):
            yield name
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from fields_of(part)
        case Not(part=part):
            yield from fields_of(part)


class Condition:
    """A predicate being written: ``&``, ``|`` and ``~`` combine; Python's ``and``/``or`` would lose parts, so a
    truth test is an error."""

    __slots__ = ("_predicate",)

    def __init__(self, predicate: Predicate) -> None:
        self._predicate = predicate

    def __and__(self, other: Condition) -> Condition:
        return Condition(And((self._predicate, other._predicate)))

    def __or__(self, other: Condition) -> Condition:
        return Condition(Or((self._predicate, other._predicate)))

    def __invert__(self) -> Condition:
        return Condition(Not(self._predicate))

    def __bool__(self) -> bool:
        raise TypeError("write conditions with &, | and ~ instead of and, or and not")


def predicate_of(condition: Condition) -> Predicate:
    """The frozen predicate that a written condition stands for."""
    return condition._predicate


class _Field:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def _compare(self, op: str, value: Any) -> Condition:
        if isinstance(value, _PrincipalAttribute):
            value = Attribute(value._name)
        elif isinstance(value, _Field):
            raise TypeError(f"row.{self._name} is compared with another field; rules compare with values or principal")
        elif value is None:
            raise TypeError(f"row.{self._name} is compared with None; use is_null(row.{self._name})")
        elif isinstance(value, (list, set, frozenset)):
            value = tuple(value)
        return Condition(Compare(self._name, op, value))

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare("eq", other)

    def __ne__(self, other: object) -> Condition:  # type: ignore[override]
        return self._compare("ne", other)

    def __lt__(self, other: object) -> Condition:
        return self._compare("lt", other)

    def __le__(self, other: object) -> Condition:
        return self._compare("lte", other)

    def __gt__(self, other: object) -> Condition:
        return self._compare("gt", other)

    def __ge__(self, other: object) -> Condition:
        return self._compare("gte", other)

    __hash__ = object.__hash__


class _PrincipalAttribute:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __eq__(self, other: object) -> Condition:  # type: ignore[override]
        if isinstance(other, _Field):
            return other._compare("eq", self)
        if not isinstance(other, (str, int)):
            raise TypeError(f"principal.{self._name} is compared with something that is no row field, text or number")
        return Condition(Holds(self._name, other))

    __hash__ = object.__hash__


class _Row:
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        return _Field(name)


class _Principal:
    __slots__ = ()

    def __getattribute__(self, name: str) -> Any:
        return _PrincipalAttribute(name)


row: Any = _Row()
"""``row.<field>``: a field of the record the rule speaks of. It has no attributes of its own."""
principal: Any = _Principal()
"""``principal.<attribute>``: an attribute of who asks. It has no attributes of its own."""


def is_in(field: Any, values: Any) -> Condition:
    """``row.field`` is one of the values, or of the principal's list."""
    return Condition(Compare(field._name, "in", values)) if isinstance(values, tuple) else field._compare("in", values)


def is_null(field: Any) -> Condition:
    """``row.field`` has no value."""
    return Condition(IsNull(field._name))
