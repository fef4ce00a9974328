"""What stands before all records: the directive, enums and page that they share, the scalars and tests of them."""

from __future__ import annotations

from gateway.surface.script import PYTHON, Script
from schema.scalars import CUSTOM

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


def write_common(script: Script) -> None:
    script.write(HEAD)
    for scalar in CUSTOM:
        script.write(f'{scalar.name} = NewType("{scalar.name}", str)')
    for name, operators in FILTERS.items():
        _write_filter(script, name, operators.split())


def _write_filter(script: Script, name: str, operators: list[str]) -> None:
    inner = PYTHON.get(name, name)
    body = []
    for op in operators:
        kind = {"in": f"list[{inner}]", "notIn": f"list[{inner}]", "isNull": "bool"}.get(op, inner)
        body.append(f'op_{op}: "{kind} | None" = strawberry.field(name="{op}", default=UNSET)')
    script.write_class("input", f"{name}Filter", f"Tests of a {name}; several together must all hold.", body)
