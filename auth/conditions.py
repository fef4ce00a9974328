"""Rules' conditions with what is known of the principal put in. The values of attributes that rows are compared with
are not: those stay placeholders."""

from __future__ import annotations

from collections.abc import Iterable

from auth.decisions import all_of, any_of
from schema.predicates import FALSE, TRUE, And, Attribute, Compare, Holds, Not, Or, Predicate

Literals = tuple[tuple[str, object], ...]
"""(attribute, value): of the attributes that rules compare with a value of their own."""


def condition_for(predicate: Predicate, present: frozenset[str], literals: Literals, prefix: str) -> Predicate:
    """FALSE when it can never hold, as when it speaks of an attribute that is not ``present``. ``prefix``: put before
    the names of attributes."""
    return FALSE if _lacks(predicate, present) else _known(predicate, literals, prefix)


def _known(predicate: Predicate, literals: Literals, prefix: str) -> Predicate:
    match predicate:
        case Compare(field=name, op=op, value=Attribute(name=attribute)) if prefix:
            return Compare(name, op, Attribute(prefix + attribute))
        case Holds(attribute=attribute, value=value):
            return TRUE if (attribute, value) in literals else FALSE
        case And(parts=parts):
            return all_of(_known(part, literals, prefix) for part in parts)
        case Or(parts=parts):
            return any_of(_known(part, literals, prefix) for part in parts)
        case Not(part=part):
            inner = _known(part, literals, prefix)
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


def held_by(predicate: Predicate) -> Iterable[Holds]:
    """The tests of the principal alone that the predicate holds."""
    match predicate:
        case Holds():
            yield predicate
        case And(parts=parts) | Or(parts=parts):
            for part in parts:
                yield from held_by(part)
        case Not(part=part):
            yield from held_by(part)
