"""A failing operation made small: selections, arguments, members and wrappings go as long as it still fails."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

from graphql import (
    DocumentNode,
    FragmentDefinitionNode,
    GraphQLSchema,
    GraphQLSyntaxError,
    InlineFragmentNode,
    Node,
    OperationDefinitionNode,
    Visitor,
    parse,
    print_ast,
    validate,
    visit,
)

from tests.naive.generate import literal

Fails = Callable[[str, dict[str, Any]], Awaitable[bool]]
DROPPED_FROM = frozenset({"selections", "arguments", "directives", "fields", "values"})
"""Lists of nodes whose members may go."""


@dataclass(frozen=True, slots=True)
class Small:
    """The smallest failing operation that was found."""

    text: str
    variables: dict[str, Any]


async def shrink(schema: GraphQLSchema, text: str, variables: dict[str, Any], fails: Fails, most: int = 600) -> Small:
    """Greedy: the first smaller operation that fails is taken, until none does or ``most`` were tried."""
    found = Small(text, variables)
    written = _inlined(found)
    if written is not None and await _still(schema, written, fails):
        found = written
    tried = 0
    going = True
    while going:
        going = False
        for candidate in _smaller_operations(found):
            tried += 1
            if tried > most:
                return found
            if await _still(schema, candidate, fails):
                found, going = candidate, True
                break
    return found


async def _still(schema: GraphQLSchema, candidate: Small, fails: Fails) -> bool:
    return not validate(schema, parse(candidate.text)) and await fails(candidate.text, candidate.variables)


def _inlined(found: Small) -> Small | None:
    """Variables written as values, fragments where they are spread."""
    text = re.sub(r"\$(v\d+)(?!\w|:)", lambda told: literal(found.variables[told.group(1)]), found.text)
    text = re.sub(r"^query Q\([^{]*?\) \{", "query Q {", text)
    try:
        document = parse(text)
    except GraphQLSyntaxError:
        return None
    fragments = {each.name.value: each for each in document.definitions if isinstance(each, FragmentDefinitionNode)}

    class Spreader(Visitor):
        def leave_fragment_spread(self, node: Any, *_: Any) -> Any:
            fragment = fragments[node.name.value]
            return InlineFragmentNode(
                directives=node.directives, type_condition=fragment.type_condition, selection_set=fragment.selection_set
            )

    while "...F" in print_ast(document).split("\nfragment", 1)[0]:
        document = visit(document, Spreader())
    return _tidied(document, {})


def _smaller_operations(found: Small) -> Iterator[Small]:
    document = parse(found.text)
    for smaller in _smaller(document):
        assert isinstance(smaller, DocumentNode)
        try:
            yield _tidied(smaller, found.variables)
        except GraphQLSyntaxError:
            continue


def _smaller(node: Node) -> Iterator[Node]:
    """The node with one thing less, the largest things first."""
    for name, value in _parts(node):
        if isinstance(value, tuple) and name in DROPPED_FROM:
            for at in range(len(value) if len(value) > 1 or name != "selections" else 0):
                yield replace(node, **{name: value[:at] + value[at + 1 :]})  # type: ignore[type-var]
    for name, value in _parts(node):
        if isinstance(value, tuple):
            for at, inner in enumerate(value):
                for smaller in (*_unwrapped(inner), *_smaller(inner)):
                    parts = smaller if isinstance(smaller, tuple) else (smaller,)
                    yield replace(node, **{name: value[:at] + parts + value[at + 1 :]})  # type: ignore[type-var]
        elif isinstance(value, Node):
            for smaller in _smaller(value):
                yield replace(node, **{name: smaller})  # type: ignore[type-var]


def _unwrapped(node: Node) -> Iterator[Any]:
    """What stands inside a wrapping: an inline fragment's selections, the members of ``and`` and ``or``."""
    kind, selected = node.kind, getattr(node, "selection_set", None)
    if kind == "inline_fragment" and selected is not None:
        yield selected.selections
    if kind == "object_field" and node.name.value in ("and", "or", "not"):  # type: ignore[attr-defined]
        value = node.value  # type: ignore[attr-defined]
        for inner in value.values if value.kind == "list_value" else (value,):
            if inner.kind == "object_value":
                yield inner.fields


def _parts(node: Node) -> Iterator[tuple[str, Any]]:
    for part in fields(node):  # type: ignore[arg-type]
        value = getattr(node, part.name)
        if part.name != "loc" and (isinstance(value, Node) or (isinstance(value, tuple) and value)):
            yield part.name, value


def _tidied(document: DocumentNode, variables: dict[str, Any]) -> Small:
    """Without the fragments and variables nobody uses."""
    definitions = document.definitions
    used: set[str] = set()
    while True:
        told = "\n".join(map(print_ast, definitions))
        used = set(re.findall(r"\.\.\.(F\d+)", told))
        kept = tuple(
            each for each in definitions if not isinstance(each, FragmentDefinitionNode) or each.name.value in used
        )
        if len(kept) == len(definitions):
            break
        definitions = kept
    (operation,) = [each for each in definitions if isinstance(each, OperationDefinitionNode)]
    others = [each for each in definitions if each is not operation]
    bare = replace(operation, variable_definitions=())
    wanted = set(re.findall(r"\$(v\d+)", "\n".join(map(print_ast, (bare, *others)))))
    declared = tuple(
        each for each in operation.variable_definitions or () if each.variable.name.value in wanted
    )
    told = "\n".join(map(print_ast, (replace(operation, variable_definitions=declared), *others)))
    parse(told)
    return Small(told, {name: value for name, value in variables.items() if name in wanted})
