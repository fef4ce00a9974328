"""A subscription, authorized and planned: a feed of one record's changes, or a query that is answered anew. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    OperationDefinitionNode,
    VariableDefinitionNode,
    VariableNode,
    print_ast,
    visit,
)
from graphql.language import REMOVE, Visitor

from auth.access import Access
from gateway.allowed import Allowed, AllTests, ConnectionRoot, FeedPart, FieldTest, Filter
from gateway.authorize import authorize, authorize_feed, roots_of
from gateway.operation import ErrorInfo, Operation, OperationError
from gateway.plan import DeriveStep, LookupStep, Plan
from gateway.selection import Picked
from gateway.surface.roots import LIVE, feed_name
from gateway.templates import FromVariable, Leaf, Literal
from gateway.uses import used
from schema.catalog import Catalog, Record
from schema.errors import Code
from schema.predicates import TRUE
from schema.trail import LEDGER

KEYS = "\0keys"
"""The variable that holds the keys a feed looks for; no client can name it."""
CURSORS = re.compile(r"\b(cursor|startCursor|endCursor)\b")


@dataclass(frozen=True, slots=True)
class Form:
    """``feed`` None: a live query. ``named``: response key of the root. ``after``: where a feed goes on from.
    ``text``: what is asked, without it. ``own``: its answer holds cursors, which are one subject's own.
    ``ignored``: the variable that holds nothing but the cursor."""

    named: str
    allowed: Allowed
    feed: FeedPart | None
    after: Leaf | None
    text: str
    own: bool
    ignored: str | None
    order: tuple[tuple[str, str], ...] = ()
    """Of a live query: (response key, root field) in the order asked for. Empty for a feed."""

    def variables(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Those the answer depends on."""
        return {name: value for name, value in given.items() if name != self.ignored}

    def narrowed_to(self, allowed: Allowed, keyed: bool, most: int) -> Allowed:
        """The feed's reading: of its rows with one of the keys, or of all of them, and one more than it may have."""
        assert self.feed is not None
        connection = self.feed.connection
        where: Filter = connection.where
        if keyed:
            key = connection.record.key_field
            where = AllTests((FieldTest(key, "in", FromVariable((KEYS,)), TRUE), where))
        window = replace(connection.window, first=Literal(most))
        part = replace(connection, where=where, window=window)
        return replace(allowed, roots=(ConnectionRoot(self.named, part),))


def form_of(catalog: Catalog, access: Access, operation: Operation) -> Form:
    """Raises OperationError for what cannot be watched at all; refused fields stand among ``allowed.refusals``."""
    (pick,) = operation.picked()
    after = None
    if pick.name == "__typename":
        raise _bad("__typename alone cannot be subscribed to")
    feed: FeedPart | None = None
    order: tuple[tuple[str, str], ...] = ()
    if pick.name == LIVE:
        allowed = _live(catalog, access, pick, operation)
        order = tuple((one.key, one.name) for one in operation.collector.collect(pick.selections))
        inner = " ".join(print_ast(node) for node in pick.nodes)
    else:
        allowed, feed = authorize_feed(access, pick, _feeds(catalog)[pick.name], operation.collector)
        given = pick.arguments(operation.variables).get("after")
        if given is not None and given != Literal(None):
            assert not isinstance(given, (dict, list))
            after = given
        nodes = [node for node in operation.collector.collect(pick.selections) if node.name == "node"]
        inner = " ".join(print_ast(node) for one in nodes for node in one.nodes)
    spread = " ".join(print_ast(fragment) for fragment in operation.parsed.fragments.values())
    own = CURSORS.search(inner) is not None or (feed is None and CURSORS.search(spread) is not None)
    own = own or (feed is not None and "..." in inner and CURSORS.search(spread) is not None)
    text, ignored = _without_after(operation, after)
    return Form(pick.key, allowed, feed, after, text, own, ignored, order)


def _feeds(catalog: Catalog) -> dict[str, Record]:
    return {feed_name(record): record for record in catalog.records.values() if record.changes is not None}


def _live(catalog: Catalog, access: Access, pick: Picked, operation: Operation) -> Allowed:
    """The query inside ``live``; what is told of it stands below that."""
    inner = operation.collector.collect(pick.selections)
    known = roots_of(catalog)
    for one in inner:
        if one.name not in known and one.name != "__typename":
            raise _bad(f"{one.name} does not change; ask for it with a query")
    allowed = authorize(access, inner, operation.collector)
    if LEDGER in {record.source.kind for record in _named(catalog, allowed)}:
        raise _bad("the ledger cannot be watched: each answer would be an entry of it, and so a change; query it")
    refusals = tuple(replace(told, path=(pick.key, *told.path)) for told in allowed.refusals)
    return replace(allowed, refusals=refusals)


def _named(catalog: Catalog, allowed: Allowed) -> Iterator[Record]:
    """The records whose fields are shown or used."""
    by_type = catalog.by_type
    for coordinate in (*allowed.shown, *allowed.masked, *used(allowed)):
        record = by_type.get(coordinate.partition(".")[0].removesuffix("Connection"))
        if record is not None:
            yield record


def records_of(plan: Plan) -> tuple[Record, ...]:
    """The records with rows of their own that a plan looks at."""
    found: dict[str, Record] = {}
    for step in plan.steps:
        if isinstance(step, (LookupStep, DeriveStep)) or step.reading.derived is not None:
            continue
        for record in (step.reading.record, *(joined.record for joined in step.reading.joined)):
            if record.source.kind != "derived":
                found[record.name] = record
    return tuple(found.values())


class _After(Visitor):
    """Takes the cursor's argument away from the root, and its variable from the operation."""

    def __init__(self, roots: frozenset[int], variable: str | None) -> None:
        super().__init__()
        self._roots, self._variable = roots, variable

    def enter_field(self, node: FieldNode, *_: Any) -> Any:
        if id(node) not in self._roots:
            return False
        return replace(node, arguments=tuple(one for one in node.arguments or () if one.name.value != "after"))

    def enter_variable_definition(self, node: VariableDefinitionNode, *_: Any) -> Any:
        return REMOVE if node.variable.name.value == self._variable else False


class _Uses(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, int] = {}

    def enter_variable(self, node: VariableNode, key: Any, parent: Any, *_: Any) -> None:
        if not isinstance(parent, VariableDefinitionNode):
            self.times[node.name.value] = self.times.get(node.name.value, 0) + 1


def _without_after(operation: Operation, after: Leaf | None) -> tuple[str, str | None]:
    """The operation's text without the cursor, and the variable it came from. A variable that is used anywhere else
    stays: what is asked depends on it."""
    parsed = operation.parsed
    ignored = None
    definition: OperationDefinitionNode = parsed.definition
    fragments: tuple[FragmentDefinitionNode, ...] = tuple(parsed.fragments.values())
    document = DocumentNode(definitions=(definition, *fragments))
    uses = _Uses()
    visit(document, uses)
    (pick,) = operation.picked()
    argument = _after_argument(pick)
    name = argument.value.name.value if argument is not None and isinstance(argument.value, VariableNode) else None
    if pick.name != LIVE and name is not None and uses.times.get(name) == 1:
        ignored = name
    roots = frozenset(id(node) for node in pick.nodes) if pick.name != LIVE else frozenset()
    told = print_ast(visit(document, _After(roots, ignored)))
    return hashlib.sha256(told.encode()).hexdigest(), ignored


def _after_argument(pick: Picked) -> ArgumentNode | None:
    return next((one for one in pick.nodes[0].arguments or () if one.name.value == "after"), None)


def _bad(message: str) -> OperationError:
    return OperationError(Code.BAD_INPUT, (ErrorInfo(message),))
