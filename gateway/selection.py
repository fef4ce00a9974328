"""Reads the selection of an operation: fragments spread, ``@include`` and ``@skip`` applied, equal response keys merged
(GraphQL specification 6.3.2, CollectFields). No policy here and no plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    SelectionSetNode,
    VariableNode,
)

from gateway.templates import Template, template


@dataclass(frozen=True, slots=True)
class Picked:
    """One response key: the field it names and every node that asks for it."""

    key: str
    name: str
    nodes: tuple[FieldNode, ...]

    @property
    def selections(self) -> tuple[SelectionSetNode, ...]:
        return tuple(node.selection_set for node in self.nodes if node.selection_set is not None)

    def arguments(self, variables: Mapping[str, Any]) -> dict[str, Template]:
        """Templates of the arguments that were given; an absent variable is an absent argument."""
        given: dict[str, Template] = {}
        for argument in self.nodes[0].arguments or ():
            value = template(argument.value, variables)
            if value is not None:
                given[argument.name.value] = value
        return given


@dataclass(frozen=True, slots=True)
class Collector:
    """Collects fields under the operation's fragments and variables."""

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]

    def collect(self, selection_sets: Iterable[SelectionSetNode]) -> tuple[Picked, ...]:
        """The response keys in the order they are first met. Every type is concrete, so each fragment applies."""
        found: dict[str, list[FieldNode]] = {}
        seen: set[str] = set()
        for selection_set in selection_sets:
            self._collect(selection_set, found, seen)
        return tuple(Picked(key, nodes[0].name.value, tuple(nodes)) for key, nodes in found.items())

    def _collect(self, selection_set: SelectionSetNode, found: dict[str, list[FieldNode]], seen: set[str]) -> None:
        for node in selection_set.selections:
            if not self._included(node):
                continue
            match node:
                case FieldNode():
                    key = node.alias.value if node.alias else node.name.value
                    found.setdefault(key, []).append(node)
                case InlineFragmentNode():
                    self._collect(node.selection_set, found, seen)
                case FragmentSpreadNode() if node.name.value not in seen:
                    seen.add(node.name.value)
                    self._collect(self.fragments[node.name.value].selection_set, found, seen)

    def _included(self, node: Any) -> bool:
        for directive in node.directives or ():
            if directive.name.value in ("skip", "include"):
                value = directive.arguments[0].value
                holds = self.variables[value.name.value] if isinstance(value, VariableNode) else value.value
                if holds is (directive.name.value == "skip"):
                    return False
        return True
