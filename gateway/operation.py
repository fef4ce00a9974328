"""Request text to operation: parsed, limited, validated, its variables coerced. Pure; everything but the variables is
kept for the next request with the same text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from cachetools import LRUCache
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLError,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    InlineFragmentNode,
    NameNode,
    Node,
    OperationDefinitionNode,
    SelectionSetNode,
    TokenKind,
    VariableNode,
    get_named_type,
    parse,
    print_ast,
    type_from_ast,
    validate,
    visit,
)
from graphql.execution.values import get_variable_values
from graphql.language import Lexer, Source, Visitor

from gateway.request import GraphQLRequest
from gateway.selection import Collector, Picked
from schema.errors import Code


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """How large an operation may be before anything of it is planned."""

    tokens: int = 10_000
    depth: int = 16
    aliases: int = 100
    fields: int = 2_000


@dataclass(frozen=True, slots=True)
class ErrorInfo:
    """One error as the client will see it."""

    message: str
    locations: tuple[tuple[int, int], ...] = ()


class OperationError(Exception):
    """The request cannot be executed at all: syntax, validation, limits, variables."""

    def __init__(self, code: Code, errors: tuple[ErrorInfo, ...]) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.code = code
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Parsed:
    """What stays the same for one text and operation name."""

    text_hash: str
    document: DocumentNode
    definition: OperationDefinitionNode
    fragments: Mapping[str, FragmentDefinitionNode]
    redacted: str
    """The text without values, for the ledger."""
    redacted_hash: str
    """Of the redacted text: one of the text itself would let a reader of the ledger try out values."""
    typed_variables: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """``variables``: coerced, absent ones absent. ``shape``: all a plan may depend on of them."""

    parsed: Parsed
    variables: Mapping[str, Any]
    shape: Hashable

    @property
    def collector(self) -> Collector:
        return Collector(self.parsed.fragments, self.variables)

    def picked(self) -> tuple[Picked, ...]:
        """The root fields."""
        return self.collector.collect([self.parsed.definition.selection_set])


class Reader:
    """Reads operations against one schema."""

    def __init__(self, schema: GraphQLSchema, limits: OperationLimits, size: int = 1024) -> None:
        self._schema = schema
        self._limits = limits
        self._known: LRUCache[tuple[str, str | None], Parsed | OperationError] = LRUCache(maxsize=size)

    def read(self, request: GraphQLRequest) -> Operation:
        """Raises OperationError."""
        key = (request.query, request.operation_name)
        parsed = self._known.get(key)
        if parsed is None:
            try:
                parsed = self._parse(request)
            except OperationError as error:
                parsed = error
            if len(request.query) <= 100_000:
                self._known[key] = parsed
        if isinstance(parsed, OperationError):
            raise parsed
        if not parsed.typed_variables:
            return Operation(parsed, {}, ())
        variables = self._coerce(parsed, request.variables)
        shape = tuple(
            (name, _shape(variables[name], kind)) if name in variables else (name,)
            for name, kind in parsed.typed_variables
        )
        return Operation(parsed, variables, shape)

    def _parse(self, request: GraphQLRequest) -> Parsed:
        _count_tokens(request.query, self._limits.tokens)
        try:
            document = parse(request.query)
        except (GraphQLError, RecursionError) as error:
            raise _refused([error] if isinstance(error, GraphQLError) else [], "the operation nests too deep") from None
        definition = _definition(document, request.operation_name)
        fragments = {node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)}
        _Weigher(fragments, self._limits).check(definition.selection_set)
        try:
            errors = validate(self._schema, document)
        except RecursionError:
            raise _refused([], "the operation nests too deep") from None
        if errors:
            raise _refused(errors, "")
        typed = tuple(
            (node.variable.name.value, type_from_ast(self._schema, node.type))
            for node in definition.variable_definitions or ()
        )
        digest = hashlib.sha256(f"{request.operation_name}\0{request.query}".encode(errors="replace")).hexdigest()
        told = redacted(document)
        told_hash = hashlib.sha256(told.encode()).hexdigest()
        return Parsed(digest, document, definition, fragments, told, told_hash, typed)

    def _coerce(self, parsed: Parsed, given: Mapping[str, Any]) -> Mapping[str, Any]:
        values = get_variable_values(self._schema, parsed.definition.variable_definitions or (), dict(given))
        if isinstance(values, list):
            raise OperationError(Code.BAD_INPUT, tuple(_variable_error(error) for error in values))
        return values.coerced


def _refused(errors: list[GraphQLError], otherwise: str) -> OperationError:
    infos = tuple(
        ErrorInfo(
            re.sub(r"(\s*Did you mean [^?]*\?|[.,] [Ff]ound: .*)", "", error.message, flags=re.DOTALL),
            tuple((place.line, place.column) for place in error.locations or ()),
        )
        for error in errors
    )
    return OperationError(Code.BAD_INPUT, infos or (ErrorInfo(otherwise),))


KNOWN_REASONS = r"(Expected|Field|(Int|Float|String|Boolean) cannot|Variable|Value|Enum|[A-Z]\w+: )"


def _variable_error(error: GraphQLError) -> ErrorInfo:
    """A coercion error without the value it is about."""
    message = error.message
    name = re.match(r"Variable '?\"?(\$\w+)", message)
    where = re.search(r"at (?:value )?'?(\.?[\w.\[\]]+)'?", message)
    reason = message.rsplit("; ", 1)[-1] if "; " in message else message.rsplit(": ", 1)[-1]
    original = error.original_error
    if isinstance(original, GraphQLError):
        reason = original.message
    if not re.match(
        r"(Expected|Field|Int cannot|Float cannot|String cannot|Boolean cannot|Variable|Value|Enum|[A-Z]\w+: )", reason
    ):
        reason = "it is not of the declared type"
    reason = re.sub(r"\s*Did you mean [^?]*\?", "", reason)
    reason = re.sub(r"(cannot represent [^:]*value).*", r"\1", reason)
    reason = re.sub(r"Value '[^']*'", "The value", reason)
    place = f" at {where.group(1)}" if where else ""
    places = tuple((place.line, place.column) for place in error.locations or ())
    if name is None:
        return ErrorInfo("a variable is not of its declared type", places)
    return ErrorInfo(f"Variable '{name.group(1)}' is not valid{place}: {reason}", places)


def _count_tokens(text: str, most: int) -> None:
    lexer = Lexer(Source(text))
    try:
        for _ in range(most):
            if lexer.advance().kind is TokenKind.EOF:
                return
    except GraphQLError as error:
        raise _refused([error], "") from None
    raise OperationError(Code.BUDGET_EXCEEDED, (ErrorInfo(f"an operation may have {most} tokens; ask for less"),))


def _definition(document: DocumentNode, name: str | None) -> OperationDefinitionNode:
    operations = [node for node in document.definitions if isinstance(node, OperationDefinitionNode)]
    if name is not None:
        operations = [node for node in operations if node.name is not None and node.name.value == name]
    if len(operations) != 1:
        wanted = "no operation has the name given" if name is not None else "name one of the document's operations"
        raise OperationError(Code.BAD_INPUT, (ErrorInfo(wanted if operations or name else "there is no operation"),))
    return operations[0]


@dataclass(slots=True)
class _Weight:
    depth: int = 0
    aliases: int = 0
    fields: int = 0


class _Weigher:
    """Weighs selections with every fragment spread out, but walks each fragment once: fragments that double cannot make
    it work long."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode], limits: OperationLimits) -> None:
        self._fragments = fragments
        self._limits = limits
        self._known: dict[str, _Weight | None] = {}

    def check(self, selection_set: SelectionSetNode) -> None:
        """Raises OperationError when a limit is passed."""
        try:
            weight = self._weigh(selection_set)
        except RecursionError:
            raise _refused([], "the operation nests too deep") from None
        for name in ("depth", "aliases", "fields"):
            most = getattr(self._limits, name)
            if getattr(weight, name) > most:
                message = f"an operation may have {name} of {most}; ask for less"
                raise OperationError(Code.BUDGET_EXCEEDED, (ErrorInfo(message),))

    def _weigh(self, selection_set: SelectionSetNode | None) -> _Weight:
        whole = _Weight()
        for node in selection_set.selections if selection_set else ():
            if isinstance(node, FieldNode):
                inner = self._weigh(node.selection_set)
                part = _Weight(inner.depth + 1, inner.aliases + (node.alias is not None), inner.fields + 1)
            elif isinstance(node, FragmentSpreadNode):
                part = self._fragment(node.name.value)
            else:
                assert isinstance(node, InlineFragmentNode)
                part = self._weigh(node.selection_set)
            whole.depth = max(whole.depth, part.depth)
            whole.aliases += part.aliases
            whole.fields += part.fields
        return whole

    def _fragment(self, name: str) -> _Weight:
        if name not in self._known:
            self._known[name] = None  # a fragment inside itself weighs nothing here; validation refuses it
            fragment = self._fragments.get(name)
            self._known[name] = self._weigh(fragment.selection_set) if fragment is not None else _Weight()
        return self._known[name] or _Weight()


CHOSEN_BY_CLIENTS: dict[type[Node], str] = {
    FieldNode: "a", OperationDefinitionNode: "Operation", FragmentDefinitionNode: "F", FragmentSpreadNode: "F",
    VariableNode: "v",
}  # fmt: skip


class _Redactor(Visitor):
    """Literals become placeholders; so do the names a client chooses, for a number fits into an alias. Enum values,
    true, false and null stay: they are the question's form."""

    def __init__(self) -> None:
        super().__init__()
        self._names: dict[tuple[str, str], str] = {}

    def enter_string_value(self, node: Any, *_: Any) -> Any:
        return parse_value_node('"?"')

    def enter_int_value(self, node: Any, *_: Any) -> Any:
        return parse_value_node("0")

    def enter_float_value(self, node: Any, *_: Any) -> Any:
        return parse_value_node("0.0")

    def enter_name(self, node: Any, key: Any, parent: Any, *_: Any) -> Any:
        prefix = CHOSEN_BY_CLIENTS.get(type(parent))
        if prefix is None or (isinstance(parent, FieldNode) and key != "alias"):
            return None
        known = self._names.setdefault((prefix, node.value), f"{prefix}{len(self._names) + 1}")
        return NameNode(value=known)


def redacted(document: DocumentNode) -> str:
    """The operation's text without anything in it that a client could have put a value into."""
    return print_ast(visit(document, _Redactor()))


def parse_value_node(text: str) -> Any:
    """The AST of a constant."""
    from graphql import parse_const_value

    return parse_const_value(text)


def _shape(value: Any, kind: Any) -> Hashable:
    """What of a variable's value a plan depends on."""
    if value is None:
        return "null"
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    named = get_named_type(kind)
    if isinstance(named, GraphQLInputObjectType):
        if isinstance(value, list):
            inner = kind.of_type if isinstance(kind, GraphQLList) else kind
            return tuple(_shape(item, inner) for item in value)
        return tuple((name, _shape(part, named.fields[name].type)) for name, part in sorted(value.items()))
    if isinstance(named, GraphQLEnumType) or (isinstance(named, GraphQLScalarType) and named.name == "Boolean"):
        return tuple(map(_plain, value)) if isinstance(value, list) else _plain(value)
    return "list" if isinstance(value, list) else "value"


def _plain(value: Any) -> Hashable:
    return value.name if isinstance(value, Enum) else value
