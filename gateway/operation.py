"""Request text to operation: parsed, limited, validated, its variables coerced. Pure; everything but the variables is
kept for the next request with the same text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

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
    OperationType,
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
from gateway.weight import Arguments, OperationLimits, TooLarge, Unfit, arguments_of, check_selections
from schema.errors import Code
from schema.recent import Recent


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


class NotAQuery(OperationError):
    """A mutation or a subscription; by GET it is not even allowed to be asked."""

    def __init__(self, message: str = "only queries can be asked here") -> None:
        super().__init__(Code.BAD_INPUT, (ErrorInfo(message),))


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
    plain: bool
    """Every variable is a String: when each is given as text, there is nothing to coerce."""
    arguments: Arguments


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

    @property
    def acts(self) -> bool:
        """A mutation: has something done."""
        return self.parsed.definition.operation is OperationType.MUTATION

    @property
    def streams(self) -> bool:
        """A subscription: answered again and again."""
        return self.parsed.definition.operation is OperationType.SUBSCRIPTION


class Reader:
    """Reads operations against one schema."""

    def __init__(self, schema: GraphQLSchema, limits: OperationLimits, size: int = 1024) -> None:
        self._schema = schema
        self._limits = limits
        self._known: Recent[tuple[str, str | None], Parsed | OperationError] = Recent(size)

    def read(self, request: GraphQLRequest, *, streams: bool = False, acts: bool = False) -> Operation:
        """Raises OperationError. ``streams``, ``acts``: whether a subscription, a mutation may be asked here."""
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
        if not acts and parsed.definition.operation is OperationType.MUTATION:
            raise NotAQuery
        if not streams and parsed.definition.operation is OperationType.SUBSCRIPTION:
            raise NotAQuery("subscriptions are answered by WebSocket, or as server-sent events (text/event-stream)")
        try:
            parsed.arguments.check(request.variables, self._limits)
        except (TooLarge, Unfit) as problem:
            raise _unfit(problem) from None
        if not parsed.typed_variables:
            return Operation(parsed, {}, ())
        given = request.variables
        if parsed.plain and all(type(given.get(name)) is str for name, _ in parsed.typed_variables):
            variables: Mapping[str, Any] = given
        else:
            variables = self._coerce(parsed, given)
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
        try:
            check_selections(definition.selection_set, fragments, self._limits)
            arguments = arguments_of(document)
            errors = validate(self._schema, document)
        except RecursionError:
            raise _refused([], "the operation nests too deep") from None
        except (TooLarge, Unfit) as problem:
            raise _unfit(problem) from None
        if any(error.message == "Validation aborted." for error in errors):
            raise _unfit(TooLarge("the operation repeats too many fields to be checked; ask for each field once"))
        if errors:
            raise _refused(errors, "")
        self._check_actions(definition, fragments)
        typed = tuple(
            (node.variable.name.value, type_from_ast(self._schema, node.type))
            for node in definition.variable_definitions or ()
        )
        digest = hashlib.sha256(f"{request.operation_name}\0{request.query}".encode(errors="replace")).hexdigest()
        plain = all(str(kind) in ("String", "String!") for _, kind in typed)
        told = redacted(document)
        told_hash = hashlib.sha256(told.encode()).hexdigest()
        return Parsed(digest, document, definition, fragments, told, told_hash, typed, plain, arguments)

    def _check_actions(
        self, definition: OperationDefinitionNode, fragments: Mapping[str, FragmentDefinitionNode]
    ) -> None:
        """Counted with ``@skip`` and ``@include`` left aside."""
        if definition.operation is not OperationType.MUTATION:
            return
        most = self._limits.actions
        if _fields_under(definition.selection_set, fragments) > most:
            raise _unfit(TooLarge(f"a mutation may have {most} things done; ask with several"))

    def _coerce(self, parsed: Parsed, given: Mapping[str, Any]) -> Mapping[str, Any]:
        values = get_variable_values(self._schema, parsed.definition.variable_definitions or (), dict(given))
        if isinstance(values, list):
            raise OperationError(Code.BAD_INPUT, tuple(_variable_error(error) for error in values))
        return values.coerced


def _fields_under(selection_set: SelectionSetNode, fragments: Mapping[str, FragmentDefinitionNode]) -> int:
    """Response keys at most: fields of these selections, fragments spread out; validation has refused cycles."""
    found = 0
    for node in selection_set.selections:
        match node:
            case FieldNode():
                found += 1
            case FragmentSpreadNode():
                found += _fields_under(fragments[node.name.value].selection_set, fragments)
            case InlineFragmentNode():
                found += _fields_under(node.selection_set, fragments)
    return found


def operation_kind(request: GraphQLRequest) -> str:
    """query, mutation or subscription, as far as a glance tells: who reads the operation decides."""
    if "subscription" not in request.query:
        return "query"
    try:
        _count_tokens(request.query, OperationLimits().tokens)
        return _definition(parse(request.query), request.operation_name).operation.value
    except (GraphQLError, RecursionError, OperationError):
        return "query"


def _refused(errors: list[GraphQLError], otherwise: str) -> OperationError:
    infos = tuple(
        ErrorInfo(
            re.sub(r"(\s*Did you mean [^?]*\?|[.,] [Ff]ound: .*)", "", error.message, flags=re.DOTALL),
            tuple((place.line, place.column) for place in error.locations or ()),
        )
        for error in errors
    )
    return OperationError(Code.BAD_INPUT, infos or (ErrorInfo(otherwise),))


def _unfit(problem: TooLarge | Unfit) -> OperationError:
    code = Code.BUDGET_EXCEEDED if isinstance(problem, TooLarge) else Code.BAD_INPUT
    return OperationError(code, (ErrorInfo(str(problem)),))


REPEATED = (
    (r"\s*Did you mean .*", ""),
    (r", found: .*", ""),
    (r"(cannot represent [^:]*value): .*", r"\1"),
    (r"^Value .* does not exist in ", "The value does not exist in "),
)
"""Where graphql-core repeats the value in its message, or suggests another, and what is left of it."""


def _variable_error(error: GraphQLError) -> ErrorInfo:
    """A coercion error without the value it is about."""
    places = tuple((place.line, place.column) for place in error.locations or ())
    told = re.match(r"Variable '(\$\w+)' has invalid value(?: at ([\w.\[\]]+))?: ", error.message)
    if told is None:
        return ErrorInfo("a variable is not of its declared type", places)
    reason = error.message[told.end() :]
    for value, instead in REPEATED:
        reason = re.sub(value, instead, reason, flags=re.DOTALL)
    place = f" at {told.group(2)}" if told.group(2) else ""
    return ErrorInfo(f"Variable '{told.group(1)}' is not valid{place}: {reason}", places)


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
