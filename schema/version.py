"""The catalog's version: a digest of everything declared, the same in every process that declares the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Set
from dataclasses import fields, is_dataclass
from typing import Any

from schema.catalog import Action, Record
from schema.rules import Allow, AllowAction, AllowThrough, AllowTotals, Grant, Rule


def version_of(records: Mapping[str, Record], rules: tuple[Rule, ...], actions: Iterable[Action] = ()) -> str:
    """Changes with any record, field, link, action or rule."""
    digest = hashlib.sha256()
    for record in records.values():
        digest.update(_steady((record.name, record.relation, record.key, record.source)).encode())
        for field in record.fields.values():
            codec = field.codec.name if field.codec else None
            digest.update(_steady((field.name, field.column, codec, field.scalar.name, field.classification)).encode())
        for link in record.links.values():
            digest.update(_steady((link.name, link.target, link.local, link.remote, link.classification)).encode())
    for action in actions:
        told = tuple((one.name, one.scalar.name, one.codec.name) for one in action.inputs)
        digest.update(_steady((action.name, action.about, action.kept, told, action.refuse, action.done)).encode())
    for rule in rules:
        target = _target(rule)
        digest.update(_steady((type(rule).__name__, rule.role, target, _rule_body(rule))).encode())
    return digest.hexdigest()[:16]


def _steady(value: Any) -> str:
    """The value as text that is the same in every process; a set's own order is not."""
    match value:
        case Set():
            return f"{{{', '.join(sorted(map(_steady, value)))}}}"
        case Mapping():
            return f"{{{', '.join(sorted(f'{_steady(key)}: {_steady(part)}' for key, part in value.items()))}}}"
        case tuple() | list():
            return f"({', '.join(map(_steady, value))})"
    if is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}{_steady(tuple(getattr(value, part.name) for part in fields(value)))}"
    return repr(value)


def _target(rule: Rule) -> str:
    match rule:
        case Grant():
            return rule.department
        case AllowAction():
            return rule.action.__name__
    return rule.record.__name__


def _rule_body(rule: Rule) -> tuple[Any, ...]:
    match rule:
        case Allow():
            return (rule.up_to, rule.where, rule.purposes, rule.case, rule.only, rule.masked)
        case AllowTotals():
            return (rule.by, rule.measures, rule.k, rule.within, rule.where, rule.purposes, rule.case)
        case AllowThrough():
            return (rule.through, rule.up_to, rule.where, rule.purposes, rule.case, rule.only)
        case Grant():
            return (rule.right,)
        case AllowAction():
            return (rule.purposes, rule.case)
