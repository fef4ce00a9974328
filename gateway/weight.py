"""How large an operation may be, and how large it is: its selections and what its arguments hold. Decided on the text
and the variables alone, before anything is planned."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    ListValueNode,
    ObjectValueNode,
    SelectionSetNode,
    StringValueNode,
    ValueNode,
    VariableNode,
    visit,
)
from graphql.language import Visitor

INTROSPECTIONS = 10
"""How many types one operation may ask ``__type`` for. ``__schema`` may be asked for once, and neither takes aliases:
each alias would walk the whole schema anew."""


class OperationLimits(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``depth``: levels of selections, and of objects and lists in arguments. ``conditions``: comparisons and order
    terms in all arguments together. ``actions``: root fields of a mutation. ``cost``: values the answer can hold,
    checked on the plan (``gateway.cost``)."""

    tokens: int = 10_000
    depth: int = 16
    aliases: int = 100
    fields: int = 2_000
    conditions: int = 250
    cost: int = 2_000_000
    actions: int = 10

UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


class TooLarge(Exception):
    """A limit is passed; the message names it."""


TEXT = 1_000
"""Characters one text may have: no field holds more, and services take requests of a few kilobytes."""


CURSORS = frozenset({"after", "before"})
"""Arguments no department is asked with: they hold what the gateway sealed itself."""


class Unfit(Exception):
    """A value no department could be asked for."""


@dataclass(slots=True)
class _Weight:
    depth: int = 0
    aliases: int = 0
    fields: int = 0
    introspections: int = 0


def check_selections(
    selection_set: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode], limits: OperationLimits
) -> None:
    """Weighs selections with every fragment spread out, but walks each fragment once: fragments that double cannot make
    it work long. Raises TooLarge, and RecursionError where nesting ends all reading."""
    weight = _Weigher(fragments).weigh(selection_set)
    for most, found, message in (
        (limits.depth, weight.depth, "nest {} levels deep"),
        (limits.aliases, weight.aliases, "have {} aliases"),
        (limits.fields, weight.fields, "have {} fields, fragments spread out"),
        (INTROSPECTIONS, weight.introspections, "look at {} types of the schema"),
    ):
        if found > most:
            raise TooLarge(f"an operation may {message.format(most)}; ask for less")


class _Weigher:
    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, _Weight | None] = {}

    def weigh(self, selection_set: SelectionSetNode | None) -> _Weight:
        whole = _Weight()
        for node in selection_set.selections if selection_set else ():
            match node:
                case FieldNode():
                    part = self._field(node)
                case FragmentSpreadNode():
                    part = self._fragment(node.name.value)
                case InlineFragmentNode():
                    part = self.weigh(node.selection_set)
            whole.depth = max(whole.depth, part.depth)
            whole.aliases += part.aliases
            whole.fields += part.fields
            whole.introspections += part.introspections
        return whole

    def _field(self, node: FieldNode) -> _Weight:
        inner = self.weigh(node.selection_set)
        introspects = node.name.value in ("__schema", "__type")
        if introspects and (inner.aliases or (node.alias is not None and node.name.value == "__schema")):
            raise TooLarge("introspection takes no aliases; ask for each thing once")
        return _Weight(
            inner.depth + 1, inner.aliases + (node.alias is not None), inner.fields + 1,
            inner.introspections + introspects,
        )  # fmt: skip

    def _fragment(self, name: str) -> _Weight:
        if name not in self._known:
            self._known[name] = None  # a fragment inside itself weighs nothing here; validation refuses it
            fragment = self._fragments.get(name)
            self._known[name] = self.weigh(fragment.selection_set) if fragment is not None else _Weight()
        return self._known[name] or _Weight()


@dataclass(slots=True)
class _Content:
    """What a value holds. ``conditions``: scalars, and lists of them, inside objects."""

    conditions: int = 0
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Arguments:
    """What the arguments of a document hold. ``variables``: (name, depth it stands at), once a use."""

    conditions: int
    depth: int
    variables: tuple[tuple[str, int], ...]

    def check(self, given: Mapping[str, Any], limits: OperationLimits) -> None:
        """Raises TooLarge or Unfit for arguments with these variables in them. See Note [statement size]."""
        conditions, depth = self.conditions, self.depth
        known: dict[str, _Content] = {}
        for name, at in self.variables:
            value = given.get(name)
            if value is None or isinstance(value, (str, int)):  # by far the most, so they are not measured
                _check_text(value)
                conditions += at > 0
                continue
            content = known.get(name)
            if content is None:
                content = known[name] = _Content()
                _measure_value(value, 0, content, limits.depth)
            conditions += content.conditions or (at > 0)
            depth = max(depth, at + content.depth)
        if depth > limits.depth:
            raise TooLarge(f"arguments may nest {limits.depth} levels deep; use fewer levels of and, or, not")
        if conditions > limits.conditions:
            raise TooLarge(
                f"the arguments of an operation may hold {limits.conditions} conditions; ask with several operations"
            )


# Note [statement size]. Filters become statements, and a database refuses a statement that nests too deep or holds too
# many comparisons as if it were broken itself. A few such errors in a row and the gateway leaves the source alone: one
# caller could keep everybody from it. So what a database would not take is refused here, and so is text that PostgreSQL
# (NUL) or XML (the other control characters) cannot hold.


def arguments_of(document: DocumentNode) -> Arguments:
    """What all arguments and defaults of variables hold, without the variables. Raises Unfit."""
    reading = _Literals()
    visit(document, reading)
    return Arguments(reading.content.conditions, reading.content.depth, tuple(reading.variables))


class _Literals(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.content = _Content()
        self.variables: list[tuple[str, int]] = []

    def enter_argument(self, node: Any, *_: Any) -> None:
        if node.name.value not in CURSORS:
            self._measure(node.value, 0)

    def enter_variable_definition(self, node: Any, *_: Any) -> None:
        if node.default_value is not None:
            self._measure(node.default_value, 0)

    def _measure(self, node: ValueNode, depth: int) -> None:
        content = self.content
        content.depth = max(content.depth, depth)
        match node:
            case VariableNode():
                self.variables.append((node.name.value, depth))
            case ObjectValueNode(fields=fields):
                self._all((part.value for part in fields), depth + 1, empty=not fields)
            case ListValueNode(values=values):
                nested = [part for part in values if isinstance(part, (ObjectValueNode, ListValueNode, VariableNode))]
                content.conditions += len(nested) < len(values)
                for part in values:
                    _check_text(part.value if isinstance(part, StringValueNode) else None)
                self._all(nested, depth + 1, empty=not values)
            case _:
                _check_text(node.value if isinstance(node, StringValueNode) else None)
                content.conditions += depth > 0

    def _all(self, parts: Iterable[ValueNode], depth: int, *, empty: bool) -> None:
        self.content.depth = max(self.content.depth, depth)
        self.content.conditions += empty
        for part in parts:
            self._measure(part, depth)


def _measure_value(value: Any, depth: int, content: _Content, most: int) -> None:
    if depth > most:
        return
    if isinstance(value, (dict, list)):
        depth += 1
        content.depth = max(content.depth, depth)
        parts = list(value.values()) if isinstance(value, dict) else value
        if isinstance(value, list):
            parts = [part for part in value if isinstance(part, (dict, list))]
            content.conditions += len(parts) < len(value)
            for part in value:
                _check_text(part)
        content.conditions += not value
        for part in parts:
            _measure_value(part, depth, content, most)
    else:
        _check_text(value)
        content.conditions += depth > 0


def _check_text(value: Any) -> None:
    if isinstance(value, str):
        if len(value) > TEXT:
            raise TooLarge(f"one text may have {TEXT} characters")
        if UNFIT.search(value):
            raise Unfit("text may not hold control characters")


__all__ = ["Arguments", "OperationLimits", "TooLarge", "Unfit", "arguments_of", "check_selections"]
