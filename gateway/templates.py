"""Argument values as templates: what stands in the operation's text is a literal, what comes from a variable is a path
to look up when the plan is bound. Structure (which fields, which operators, null or absent) is known when planning,
because the plan's key holds the shape of the variables; the values are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    BooleanValueNode,
    EnumValueNode,
    FloatValueNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    ValueNode,
    VariableNode,
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the operation, still as GraphQL tells it (a scalar's ``parse`` has not run)."""

    value: Any


@dataclass(frozen=True, slots=True)
class FromVariable:
    """A value of a variable, already coerced: scalars are parsed."""

    path: tuple[str | int, ...]

    def read(self, variables: Mapping[str, Any]) -> Any:
        value: Any = variables
        for step in self.path:
            value = value[step]
        return value


@dataclass(frozen=True, slots=True)
class FromPrincipal:
    """An attribute of who asks, put in when the plan is bound."""

    attribute: str


@dataclass(frozen=True, slots=True)
class Known:
    """A value a rule names; it is what a codec decodes to."""

    value: Any


@dataclass(frozen=True, slots=True)
class Worked:
    """A value worked out from another one when the plan is bound: the first day of a month that was asked for.
    ``listed``: of a list, about how many values it has, where that is known."""

    leaf: Leaf
    function: Callable[[Any], Any]
    parse: Callable[[Any], Any]
    listed: int | None = None


Leaf: TypeAlias = Literal | FromVariable | FromPrincipal | Known | Worked
Template: TypeAlias = "Leaf | dict[str, Template] | list[Template]"
NULL = Literal(None)


def template(node: ValueNode, variables: Mapping[str, Any]) -> Template | None:
    """The template of an argument's value; None when it is a variable that was not given."""
    match node:
        case VariableNode():
            name = node.name.value
            return _spread(variables[name], (name,)) if name in variables else None
        case ObjectValueNode():
            parts = {field.name.value: template(field.value, variables) for field in node.fields}
            return {name: part for name, part in parts.items() if part is not None}
        case ListValueNode():
            items = [NULL if (part := template(item, variables)) is None else part for item in node.values]
            if all(isinstance(item, Literal) for item in items):
                return Literal([item.value for item in items if isinstance(item, Literal)])
            return items
        case NullValueNode():
            return NULL
        case IntValueNode():
            return Literal(int(node.value))
        case FloatValueNode():
            return Literal(float(node.value))
        case StringValueNode() | BooleanValueNode() | EnumValueNode():
            return Literal(node.value)
    raise TypeError(f"no template for {type(node).__name__}")


def _spread(value: Any, path: tuple[str | int, ...]) -> Template:
    """A variable's value: objects and lists of objects are taken apart, everything else stays a look-up."""
    if value is None:
        return NULL
    if isinstance(value, Mapping):
        return {name: _spread(part, (*path, name)) for name, part in value.items()}
    if isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        return [_spread(part, (*path, index)) for index, part in enumerate(value)]
    return FromVariable(path)


def known_now(leaf: Template, variables: Mapping[str, Any]) -> Any:
    """The value of what is part of the plan's key anyway: enums, booleans, structure."""
    match leaf:
        case Literal(value=value):
            return value
        case FromVariable():
            return leaf.read(variables)
        case list():
            return [known_now(part, variables) for part in leaf]
        case dict():
            return {name: known_now(part, variables) for name, part in leaf.items()}
    raise TypeError("this value is known only when the plan is bound")


def as_list(value: Template) -> list[Template]:
    """GraphQL's list coercion: a single value stands for a list of one."""
    if isinstance(value, list):
        return value
    if isinstance(value, Literal) and isinstance(value.value, list):
        return [Literal(part) for part in value.value]
    return [value]


def objects_of(value: Template) -> list[Template]:
    """The objects of a list argument. A variable's objects are taken apart already, so one that was not is an empty
    list."""
    return [] if isinstance(value, FromVariable) else as_list(value)
