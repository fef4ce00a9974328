"""The GraphQL schema derived from the catalog: written as strawberry types, built once. Field names are the catalog's
``api_name``; nothing about a field is said twice.

Root and link fields have no resolvers of their own: they are planned. ``catalog`` and ``field`` are answered by
``gateway.ownership``.
"""

from __future__ import annotations

import functools
import itertools
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLSchema, ValueNode, value_from_ast_untyped
from strawberry.schema.config import StrawberryConfig
from strawberry.schema_directive import Location

from gateway import ownership
from gateway.surface.common import write_common
from gateway.surface.records import write_record
from gateway.surface.roots import write_mutation, write_query, write_subscription
from gateway.surface.script import Script
from schema.catalog import Catalog, Field, Link, Record
from schema.classification import Classification
from schema.scalars import CUSTOM, Scalar

_COUNTER = itertools.count()


@dataclass(frozen=True, slots=True)
class Surface:
    """``schema`` is graphql-core's; ``sdl`` its text, the same at every build."""

    schema: GraphQLSchema
    sdl: str


@functools.lru_cache(maxsize=64)
def build_surface(catalog: Catalog, hidden: frozenset[str] = frozenset()) -> Surface:
    """The surface without the coordinates in ``hidden`` (``Student.photo``) and everything derived from them.

    Takes about two seconds for the demo's departments; the latest are kept.
    """
    script = _written(catalog, hidden)
    module = types.ModuleType(f"gateway_surface_{next(_COUNTER)}")
    sys.modules[module.__name__] = module
    try:
        module.__dict__.update(Location=Location, FACTS=script.facts, RESOLVE=ownership.resolvers(catalog, hidden))
        exec(compile(script.text(), f"<{module.__name__}>", "exec"), module.__dict__)
        scalars = {module.__dict__[scalar.name]: _scalar(scalar) for scalar in CUSTOM}
        schema = strawberry.Schema(
            query=module.__dict__["Query"], mutation=module.__dict__.get("Mutation"),
            subscription=module.__dict__["Subscription"], config=StrawberryConfig(scalar_map=scalars),
        )  # fmt: skip
        return Surface(schema._schema, schema.as_str() + "\n")
    finally:
        del sys.modules[module.__name__]


def _written(catalog: Catalog, hidden: frozenset[str]) -> Script:
    script = Script(catalog, hidden)
    write_common(script)
    for record in script.records:
        write_record(script, record)
    script.write(ownership.TYPES)
    write_query(script)
    write_mutation(script)
    write_subscription(script)
    return script


def secret_coordinates(catalog: Catalog) -> frozenset[str]:
    """Every Secret field and link: left out of what is published."""
    return catalog.hiding(
        frozenset(
            f"{record.type_name}.{part.api_name}"
            for record in catalog.records.values()
            for part in _parts(record)
            if part.classification is Classification.SECRET
        )
    )


def _parts(record: Record) -> Iterable[Field | Link]:
    yield from record.fields.values()
    yield from record.links.values()


def _scalar(scalar: Scalar) -> Any:
    def parse(value: Any) -> Any:
        try:
            return scalar.parse(value)
        except ValueError as error:
            raise GraphQLError(f"{scalar.name}: {error}") from None

    def parse_literal(node: ValueNode, variables: Any = None) -> Any:
        return parse(value_from_ast_untyped(node, variables))

    return strawberry.scalar(
        name=scalar.name, description=scalar.description, serialize=lambda value: value, parse_value=parse,
        parse_literal=parse_literal,
    )  # fmt: skip
