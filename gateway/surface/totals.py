"""The types of a record's totals: what it can be grouped by, the figures of a group, and tests of them."""

from __future__ import annotations

from gateway.paths import linked_fields
from gateway.surface.script import Script, type_name
from schema.catalog import Field, Link, Record
from schema.scalars import DECIMAL, FLOAT, INT, LONG, Scalar

ORDERED = ("String", "Int", "Long", "Decimal", "Float", "Date", "DateTime")
NUMBERS = ("Int", "Long", "Decimal", "Float")
TABLES = {"Sum": "Sum", "Avg": "Avg", "Min": "Min", "Max": "Max", "CountDistinct": "Number of different values"}


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]


def write_totals(script: Script, record: Record, columns: list[Field], links: list[Link]) -> None:
    grouped = [field for field in columns if field.scalar.name != "Float"]
    _write_groups(script, record, grouped, [link for link in links if not link.many])
    _write_figures(script, record, columns, grouped)


def _write_groups(script: Script, record: Record, grouped: list[Field], ones: list[Link]) -> None:
    name = record.type_name
    linked = [path for path in linked_fields(script.catalog, record).values() if script.shows_path(record, path)]
    names = [field.name.upper() for field in grouped] + [link.name.upper() for link in ones]
    names += [path.enum_name for path in linked]
    script.write(f'@strawberry.enum(name="{name}GroupBy")', f"class {name}GroupBy(Enum):")
    script.write(*(f'    {value} = "{value}"' for value in names))
    key = [
        f'f_{field.name}: "{type_name(field.scalar)} | None" = strawberry.field(name="{field.api_name}")'
        for field in grouped
    ] + [
        f'f_{link.name}: "{script.catalog.records[link.target].type_name} | None" = '
        f'strawberry.field(name="{link.api_name}")'
        for link in ones
    ] + [
        f'p_{path.enum_name.lower()}: "{type_name(path.field.scalar)} | None" = '
        f'strawberry.field(name="{path.api_name}")'
        for path in linked
    ]
    script.write_class("type", f"{name}GroupKey", f"What the {record.plural} of a group have in common.", key)


def _write_figures(script: Script, record: Record, columns: list[Field], grouped: list[Field]) -> None:
    name = record.type_name
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
        script.write_class(
            "type", f"{name}{table}", f"{TABLES[table]} of each field over the group.",
            [f'f_{field.name}: "{type_name(scalar)} | None" = strawberry.field(name="{field.api_name}")'
             for field, scalar in measured],
        )  # fmt: skip
        script.write_class(
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
    script.write_class("type", f"{name}Aggregate", f"Figures of a group of {record.plural}.", body)
    script.write_class("input", f"{name}Having", "Which groups to give.", having)
