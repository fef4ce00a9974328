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
from gateway.paths import FieldPath, linked_fields
from schema.catalog import Catalog, Field, Link, Record
from schema.classification import Classification
from schema.presets import Preset
from schema.rules import Allow
from schema.scalars import CUSTOM, DECIMAL, FLOAT, INT, LONG, Scalar

KEY = "idempotencyKey"
"""The input that every action takes beside its own."""
LIVE = "live"
"""The root field of live queries."""
ORDERED = ("String", "Int", "Long", "Decimal", "Float", "Date", "DateTime")
NUMBERS = ("Int", "Long", "Decimal", "Float")
_COUNTER = itertools.count()

HEAD = """
import strawberry
from typing import Annotated, AsyncGenerator, NewType
from strawberry import UNSET
from enum import Enum

@strawberry.schema_directive(locations=[Location.OBJECT, Location.FIELD_DEFINITION], name="owned",
    description="Who owns this, how sensitive it is, on what legal basis it is held and where it stands.")
class Owned:
    department: str
    owner: str
    classification: str
    personal: bool
    legal_basis: str = strawberry.directive_field(name="legalBasis")
    source: str

@strawberry.enum(name="Direction", description="ASC puts nulls last, DESC first.")
class Direction(Enum):
    ASC = "ASC"
    DESC = "DESC"

@strawberry.enum(name="Change", description="What happened to a row among those you may see. BEGUN comes once, before "
    "any change, to give a cursor to go on from.")
class Change(Enum):
    BEGUN = "BEGUN"
    INSERTED = "INSERTED"
    UPDATED = "UPDATED"
    DELETED = "DELETED"

@strawberry.type(name="PageInfo", description="Where a page stands in its list.")
class PageInfo:
    has_next_page: bool = strawberry.field(name="hasNextPage")
    has_previous_page: bool = strawberry.field(name="hasPreviousPage")
    start_cursor: "str | None" = strawberry.field(name="startCursor")
    end_cursor: "str | None" = strawberry.field(name="endCursor")
"""

FILTERS = {
    "String": "eq ne in notIn lt lte gt gte startsWith contains ieq icontains isNull",
    "Int": "eq ne in notIn lt lte gt gte isNull",
    "Long": "eq ne in notIn lt lte gt gte isNull",
    "Decimal": "eq ne in notIn lt lte gt gte isNull",
    "Float": "eq ne in notIn lt lte gt gte isNull",
    "Date": "eq ne in notIn lt lte gt gte isNull",
    "DateTime": "eq ne in notIn lt lte gt gte isNull",
    "Boolean": "eq ne isNull",
    "NationalId": "eq ne in notIn isNull",
}
KNOWN_AT = (
    ', as_known_at: Annotated["DateTime | None", strawberry.argument(name="asKnownAt", description='
    '"As the source knew it at this moment; only for records whose rows say since when they are known.")] = UNSET'
)
TABLES = {"Sum": "Sum", "Avg": "Avg", "Min": "Min", "Max": "Max", "CountDistinct": "Number of different values"}
PYTHON = {"String": "str", "Int": "int", "Float": "float", "Boolean": "bool"}


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
    writer = _Writer(catalog, hidden)
    module = types.ModuleType(f"gateway_surface_{next(_COUNTER)}")
    sys.modules[module.__name__] = module
    try:
        module.__dict__.update(Location=Location, FACTS=writer.facts, RESOLVE=ownership.resolvers(catalog, hidden))
        exec(compile(writer.source(), f"<{module.__name__}>", "exec"), module.__dict__)
        scalars = {module.__dict__[scalar.name]: _scalar(scalar) for scalar in CUSTOM}
        schema = strawberry.Schema(
            query=module.__dict__["Query"], mutation=module.__dict__.get("Mutation"),
            subscription=module.__dict__["Subscription"], config=StrawberryConfig(scalar_map=scalars),
        )  # fmt: skip
        return Surface(schema._schema, schema.as_str() + "\n")
    finally:
        del sys.modules[module.__name__]


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


def feed_name(record: Record) -> str:
    """The root field of a record's feed: ``stockChanged``."""
    return f"{record.singular}Changed"


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


class _Writer:
    """Writes the types' source. Long texts and directives go through ``facts`` by number."""

    def __init__(self, catalog: Catalog, hidden: frozenset[str]) -> None:
        self._catalog = catalog
        self._hidden = hidden
        self._records = [record for record in catalog.records.values() if not record.is_hidden(hidden)]
        self.facts: list[Any] = []
        self._lines: list[str] = []
        self._links_of = {
            name: [link for link in record.links.values() if self._shown(record, link)]
            for name, record in catalog.records.items()
        }

    def source(self) -> str:
        lines = self._lines
        lines.append(HEAD)
        for scalar in CUSTOM:
            lines.append(f'{scalar.name} = NewType("{scalar.name}", str)')
        for name, operators in FILTERS.items():
            self._filter(name, operators.split())
        for record in self._records:
            self._record(record)
        lines.append(ownership.TYPES)
        self._query()
        self._mutation()
        self._subscription()
        return "\n".join(lines)

    def _shown(self, record: Record, part: Field | Link) -> bool:
        return f"{record.type_name}.{part.api_name}" not in self._hidden

    def _path_shown(self, record: Record, path: FieldPath) -> bool:
        """Whether every link on the way and the field itself exist for who reads this schema."""
        for link in path.links:
            if not self._shown(record, link):
                return False
            record = self._catalog.records[link.target]
        return self._shown(record, path.field)

    def _fact(self, value: Any) -> str:
        self.facts.append(value)
        return f"FACTS[{len(self.facts) - 1}]"

    def _class(self, decorator: str, name: str, description: str, body: list[str], directives: str = "") -> None:
        text = self._fact(description)
        self._lines.append(f'@strawberry.{decorator}(name="{name}", description={text}{directives})')
        self._lines.append(f"class {name}:")
        self._lines += [f"    {line}" for line in body]

    def _owned(self, record: Record, part: Field | Link | None) -> str:
        personal = part.personal if isinstance(part, Field) else False
        source = record.source_name
        if isinstance(part, Field):
            column = part.column or ", ".join(record.fields[name].column or name for name in part.reads)
            source = f"{source}.{column}"
        elif isinstance(part, Link):
            source = f"{source}.{record.fields[part.local].column}"
        level = part.classification if part is not None else min(
            (field.classification for field in record.fields.values()), default=Classification.SECRET
        )  # fmt: skip
        legal = part.legal_basis if isinstance(part, Field) else record.legal_basis
        owner = part.owner if part is not None else record.owner
        department = part.department if isinstance(part, Link) else record.department.name
        values = {
            "department": department, "owner": owner, "classification": level.label, "personal": personal,
            "legal_basis": legal, "source": source,
        }  # fmt: skip
        return f", directives=[Owned(**{self._fact(values)})]"

    def _filter(self, name: str, operators: list[str]) -> None:
        inner = PYTHON.get(name, name)
        body = []
        for op in operators:
            kind = {"in": f"list[{inner}]", "notIn": f"list[{inner}]", "isNull": "bool"}.get(op, inner)
            body.append(f'op_{op}: "{kind} | None" = strawberry.field(name="{op}", default=UNSET)')
        self._class("input", f"{name}Filter", f"Tests of a {name}; several together must all hold.", body)

    def _type(self, scalar: Scalar) -> str:
        return PYTHON.get(scalar.name, scalar.name)

    def _record(self, record: Record) -> None:
        fields = [field for field in record.fields.values() if self._shown(record, field)]
        links = self._links_of[record.name]
        self._object(record, fields, links)
        columns = [field for field in fields if field.column is not None]
        self._inputs(record, columns, links)
        self._connection(record, columns, links)

    def _object(self, record: Record, fields: list[Field], links: list[Link]) -> None:
        body = []
        for field in fields:
            null = "" if field.name == record.key and self._key_is_open(record) else " | None"
            text = self._fact(field.description or None)
            body.append(
                f'f_{field.name}: "{self._type(field.scalar)}{null}" = strawberry.field(name="{field.api_name}", '
                f"description={text}{self._owned(record, field)})"
            )
        for link in links:
            body += self._link(record, link)
        directives = self._owned(record, None)
        self._class("type", record.type_name, record.description, body or ["pass"], directives)

    def _key_is_open(self, record: Record) -> bool:
        """The key of every row anyone may see can be seen: nobody gets a row without it."""
        rules = [
            rule for rule in self._catalog.rules if isinstance(rule, Allow) and rule.record.__name__ == record.spec.name
        ]
        covered = all((not rule.only or record.key in rule.only) and record.key not in rule.masked for rule in rules)
        return record.key_field.classification is Classification.OPEN and covered

    def _link(self, record: Record, link: Link) -> list[str]:
        target = self._catalog.records[link.target]
        text = self._fact(link.description or None)
        if not link.many:
            return [
                f'f_{link.name}: "{target.type_name} | None" = strawberry.field(name="{link.api_name}", '
                f"description={text}{self._owned(record, link)})"
            ]
        return [
            f'def r_{link.name}(self{self._arguments(target)}) -> "{target.type_name}Connection | None": return None',
            f'f_{link.name}: "{target.type_name}Connection | None" = strawberry.field(resolver=r_{link.name}, '
            f'name="{link.api_name}", description={text}{self._owned(record, link)})',
            f"del r_{link.name}",
        ]

    def _arguments(self, target: Record) -> str:
        name = target.type_name
        return (
            f', where: "{name}Where | None" = UNSET, order_by: Annotated["list[{name}Order] | None", '
            'strawberry.argument(name="orderBy")] = UNSET, first: "int | None" = UNSET, after: "str | None" = UNSET, '
            'last: "int | None" = UNSET, before: "str | None" = UNSET'
        )

    def _inputs(self, record: Record, columns: list[Field], links: list[Link]) -> None:
        name = record.type_name
        where = [
            f'f_{field.name}: "{field.scalar.name}Filter | None" = strawberry.field(name="{field.api_name}", '
            "default=UNSET)"
            for field in columns
        ]
        order = [
            f'f_{field.name}: "Direction | None" = strawberry.field(name="{field.api_name}", default=UNSET)'
            for field in columns
            if field.scalar.name in (*ORDERED, "Boolean", "NationalId")
        ]
        for link in links:
            target = self._catalog.records[link.target].type_name
            kind = f"{target}ListWhere" if link.many else f"{target}Where"
            where.append(f'f_{link.name}: "{kind} | None" = strawberry.field(name="{link.api_name}", default=UNSET)')
            if not link.many:
                order.append(
                    f'f_{link.name}: "{target}Order | None" = strawberry.field(name="{link.api_name}", default=UNSET)'
                )
        for word, kind in (("and", f"list[{name}Where]"), ("or", f"list[{name}Where]"), ("not", f"{name}Where")):
            where.append(f'w_{word}: "{kind} | None" = strawberry.field(name="{word}", default=UNSET)')
        self._class("input", f"{name}Where", f"Which {record.plural}: every test given must hold.", where)
        self._class(
            "input", f"{name}ListWhere", f"A test of the linked {record.plural} that you may see.",
            [f'q_{word}: "{name}Where | None" = strawberry.field(name="{word}", default=UNSET)'
             for word in ("some", "every", "none")],
        )  # fmt: skip
        self._class("input", f"{name}Order", f"How {record.plural} are ordered; one field an entry.", order)

    def _connection(self, record: Record, columns: list[Field], links: list[Link]) -> None:
        name = record.type_name
        self._class(
            "type", f"{name}Edge", f"A {name} and the cursor of its place.",
            ["cursor: str", f'node: "{name}"'],
        )  # fmt: skip
        body = [f'nodes: "list[{name}]"', f'edges: "list[{name}Edge]"', 'pageInfo: "PageInfo"']
        if record.source.capabilities.list_all:
            measured = self._aggregate(record, columns, links)
            having = f', having: "{name}Having | None" = UNSET' if measured else ""
            body += [
                "totalCount: int | None",
                f'def r_aggregate(self, group_by: Annotated["list[{name}GroupBy] | None", '
                f'strawberry.argument(name="groupBy")] = UNSET{having}) -> "list[{name}Aggregate] | None": return None',
                f'aggregate: "list[{name}Aggregate] | None" = strawberry.field(resolver=r_aggregate)',
                "del r_aggregate",
            ]
        fields = [line.replace("pageInfo:", "page_info:") if line.startswith("pageInfo") else line for line in body]
        self._class("type", f"{name}Connection", f"A page of {record.plural}, and totals of all of them.", fields)

    def _aggregate(self, record: Record, columns: list[Field], links: list[Link]) -> bool:
        name = record.type_name
        grouped = [field for field in columns if field.scalar.name != "Float"]
        ones = [link for link in links if not link.many]
        self._lines.append(f'@strawberry.enum(name="{name}GroupBy")')
        self._lines.append(f"class {name}GroupBy(Enum):")
        linked = [path for path in linked_fields(self._catalog, record).values() if self._path_shown(record, path)]
        names = [field.name.upper() for field in grouped] + [link.name.upper() for link in ones]
        names += [path.enum_name for path in linked]
        self._lines += [f'    {value} = "{value}"' for value in names]
        key = [
            f'f_{field.name}: "{self._type(field.scalar)} | None" = strawberry.field(name="{field.api_name}")'
            for field in grouped
        ] + [
            f'f_{link.name}: "{self._catalog.records[link.target].type_name} | None" = '
            f'strawberry.field(name="{link.api_name}")'
            for link in ones
        ] + [
            f'p_{path.enum_name.lower()}: "{self._type(path.field.scalar)} | None" = '
            f'strawberry.field(name="{path.api_name}")'
            for path in linked
        ]
        self._class("type", f"{name}GroupKey", f"What the {record.plural} of a group have in common.", key)
        numbers = [field for field in columns if field.scalar.name in NUMBERS]
        ordered = [field for field in columns if field.scalar.name in ORDERED]
        sums = {"Int": LONG, "Long": LONG, "Decimal": DECIMAL, "Float": FLOAT}
        tables: dict[str, list[tuple[Field, Scalar]]] = {
            "Sum": [(field, sums[field.scalar.name]) for field in numbers],
            "Avg": [(field, FLOAT if field.scalar is FLOAT else DECIMAL) for field in numbers],
            "Min": [(field, field.scalar) for field in ordered],
            "Max": [(field, field.scalar) for field in ordered],
            "CountDistinct": [(field, INT) for field in grouped],
        }
        body = [f'key: "{name}GroupKey | None"', "count: int | None"]
        having = ['h_count: "IntFilter | None" = strawberry.field(name="count", default=UNSET)']
        for table, measured in tables.items():
            if not measured:
                continue
            self._class(
                "type", f"{name}{table}", f"{TABLES[table]} of each field over the group.",
                [f'f_{field.name}: "{self._type(scalar)} | None" = strawberry.field(name="{field.api_name}")'
                 for field, scalar in measured],
            )  # fmt: skip
            self._class(
                "input", f"{name}{table}Having", f"Tests of {_small(table)}.",
                [f'f_{field.name}: "{scalar.name}Filter | None" = strawberry.field(name="{field.api_name}", '
                 "default=UNSET)" for field, scalar in measured],
            )  # fmt: skip
            body.append(f'f_{table.lower()}: "{name}{table} | None" = strawberry.field(name="{_small(table)}")')
            having.append(
                f'h_{table.lower()}: "{name}{table}Having | None" = strawberry.field(name="{_small(table)}", '
                "default=UNSET)"
            )
        body.append("suppressed: bool | None")
        self._class("type", f"{name}Aggregate", f"Figures of a group of {record.plural}.", body)
        self._class("input", f"{name}Having", "Which groups to give.", having)
        return True

    def _query(self) -> None:
        body: list[str] = []
        for record in self._records:
            name, key = record.type_name, record.key_field
            if f"{name}.{key.api_name}" not in self._hidden and record.has_root:
                text = self._fact(f"One {name} by its {key.api_name}.")
                body += [
                    f'def r_one(self, key: Annotated["{self._type(key.scalar)}", strawberry.argument('
                    f'name="{key.api_name}")]{KNOWN_AT}) -> "{name} | None": return None',
                    f'f_{record.singular}: "{name} | None" = strawberry.field(resolver=r_one, '
                    f'name="{record.singular}", description={text})',
                    "del r_one",
                ]
            if record.source.capabilities.list_all:
                text = self._fact(f"All {record.plural} you may see, page by page.")
                body += [
                    f'def r_many(self{self._arguments(record)}{KNOWN_AT}) -> "{name}Connection | None": return None',
                    f'f_{record.plural}: "{name}Connection | None" = strawberry.field(resolver=r_many, '
                    f'name="{record.plural}", description={text})',
                    "del r_many",
                ]
        for preset, record in self._catalog.presets.values():
            if record in self._records:
                body += self._preset(preset, record)
        self._class("type", "Query", "Read access to the departments' records.", body + ownership.QUERY_FIELDS)

    def _preset(self, preset: Preset, record: Record) -> list[str]:
        text = self._fact(preset.description)
        given = "".join(
            f', a_{one.name}: Annotated["str{"" if one.required else " | None"}", strawberry.argument('
            f'name="{one.name}", description={self._fact(one.description)})]{"" if one.required else " = UNSET"}'
            for one in sorted(preset.arguments, key=lambda one: not one.required)
        )
        return [
            f'def r_preset(self{given}{self._arguments(record)}) -> "{record.type_name}Connection | None": return None',
            f'f_{preset.name}: "{record.type_name}Connection | None" = strawberry.field(resolver=r_preset, '
            f'name="{preset.name}", description={text})',
            "del r_preset",
        ]

    def _mutation(self) -> None:
        """What the departments let clients have done; no root when there is nothing."""
        body: list[str] = []
        for action in self._catalog.actions.values():
            inputs = [
                f'i_{one.name}: "{self._type(one.scalar)}" = strawberry.field(name="{one.api_name}", '
                f"description={self._fact(one.description or None)})"
                for one in action.inputs
            ]
            told = "Of your choice, a new one for each; with the same one nothing is done twice."
            inputs.append(f'i_key: str = strawberry.field(name="{KEY}", description="{told}")')
            self._class("input", f"{action.type_name}Input", f"What {action.api_name} takes.", inputs)
            shown = [self._catalog.records[name] for name in (action.kept, action.about)]
            fields = [
                f'f_{record.singular}: "{record.type_name} | None" = strawberry.field(name="{record.singular}")'
                for record in shown
                if not record.is_hidden(self._hidden)
            ]
            about = f"What became of {action.api_name}."
            self._class("type", f"{action.type_name}Payload", about, fields or ["pass"])
            body += [
                f'def r_one(self, input: "{action.type_name}Input") -> "{action.type_name}Payload | None": return None',
                f'f_{action.api_name}: "{action.type_name}Payload | None" = strawberry.field(resolver=r_one, '
                f'name="{action.api_name}", description={self._fact(action.description)})',
                "del r_one",
            ]
        if body:
            self._class("type", "Mutation", "What a department lets you have done; one after the other.", body)

    def _subscription(self) -> None:
        """``live`` for any query, and a feed of changes for each record that says how changes are noticed."""
        body = self._stream(LIVE, "", "Query", "The answer to a query, sent anew whenever it is another one.")
        for record in self._records:
            if record.changes is not None:
                name = record.type_name
                text = f"What happens to one of the {record.plural}."
                self._class(
                    "type", f"{name}Change", text,
                    ["change: Change", "cursor: str", "key: str | None", f'node: "{name} | None"'],
                )  # fmt: skip
                arguments = f', where: "{name}Where | None" = UNSET, after: "str | None" = UNSET'
                told = f"Changes of {record.plural} you may see; after a cursor, those that came since."
                body += self._stream(feed_name(record), arguments, f"{name}Change", told)
        self._class("type", "Subscription", "What is told when it happens, by WebSocket or server-sent events.", body)

    def _stream(self, name: str, arguments: str, kind: str, description: str) -> list[str]:
        text = self._fact(description)
        return [
            f'async def s_one(self{arguments}) -> AsyncGenerator["{kind}", None]: yield None',
            f'f_{name}: AsyncGenerator["{kind}", None] = strawberry.subscription(resolver=s_one, name="{name}", '
            f"description={text})",
            "del s_one",
        ]
