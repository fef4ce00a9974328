"""The types of a record: its object with links, what it can be filtered and ordered by, and its connection."""

from __future__ import annotations

from gateway.surface.script import Script, type_name
from gateway.surface.totals import ORDERED, write_totals
from schema.catalog import Field, Link, Record
from schema.classification import Classification
from schema.rules import Allow


def write_record(script: Script, record: Record) -> None:
    fields = [field for field in record.fields.values() if script.shows(record, field)]
    links = script.links(record)
    _write_object(script, record, fields, links)
    columns = [field for field in fields if field.column is not None]
    _write_inputs(script, record, columns, links)
    _write_connection(script, record, columns, links)


def _write_object(script: Script, record: Record, fields: list[Field], links: list[Link]) -> None:
    body = []
    for field in fields:
        null = "" if field.name == record.key and _key_is_open(script, record) else " | None"
        text = script.fact(field.description or None)
        body.append(
            f'f_{field.name}: "{type_name(field.scalar)}{null}" = strawberry.field(name="{field.api_name}", '
            f"description={text}{script.owned(record, field)})"
        )
    for link in links:
        body += _link(script, record, link)
    directives = script.owned(record, None)
    script.write_class("type", record.type_name, record.description, body or ["pass"], directives)


def _key_is_open(script: Script, record: Record) -> bool:
    """The key of every row anyone may see can be seen: nobody gets a row without it."""
    rules = [
        rule for rule in script.catalog.rules if isinstance(rule, Allow) and rule.record.__name__ == record.spec.name
    ]
    covered = all((not rule.only or record.key in rule.only) and record.key not in rule.masked for rule in rules)
    return record.key_field.classification is Classification.OPEN and covered


def _link(script: Script, record: Record, link: Link) -> list[str]:
    target = script.catalog.records[link.target]
    text = script.fact(link.description or None)
    if not link.many:
        return [
            f'f_{link.name}: "{target.type_name} | None" = strawberry.field(name="{link.api_name}", '
            f"description={text}{script.owned(record, link)})"
        ]
    return [
        f'def r_{link.name}(self{arguments_of(target)}) -> "{target.type_name}Connection | None": return None',
        f'f_{link.name}: "{target.type_name}Connection | None" = strawberry.field(resolver=r_{link.name}, '
        f'name="{link.api_name}", description={text}{script.owned(record, link)})',
        f"del r_{link.name}",
    ]


def arguments_of(target: Record) -> str:
    """The arguments of a connection of these records."""
    name = target.type_name
    return (
        f', where: "{name}Where | None" = UNSET, order_by: Annotated["list[{name}Order] | None", '
        'strawberry.argument(name="orderBy")] = UNSET, first: "int | None" = UNSET, after: "str | None" = UNSET, '
        'last: "int | None" = UNSET, before: "str | None" = UNSET'
    )


def _write_inputs(script: Script, record: Record, columns: list[Field], links: list[Link]) -> None:
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
        target = script.catalog.records[link.target].type_name
        kind = f"{target}ListWhere" if link.many else f"{target}Where"
        where.append(f'f_{link.name}: "{kind} | None" = strawberry.field(name="{link.api_name}", default=UNSET)')
        if not link.many:
            order.append(
                f'f_{link.name}: "{target}Order | None" = strawberry.field(name="{link.api_name}", default=UNSET)'
            )
    for word, kind in (("and", f"list[{name}Where]"), ("or", f"list[{name}Where]"), ("not", f"{name}Where")):
        where.append(f'w_{word}: "{kind} | None" = strawberry.field(name="{word}", default=UNSET)')
    script.write_class("input", f"{name}Where", f"Which {record.plural}: every test given must hold.", where)
    script.write_class(
        "input", f"{name}ListWhere", f"A test of the linked {record.plural} that you may see.",
        [f'q_{word}: "{name}Where | None" = strawberry.field(name="{word}", default=UNSET)'
         for word in ("some", "every", "none")],
    )  # fmt: skip
    script.write_class("input", f"{name}Order", f"How {record.plural} are ordered; one field an entry.", order)


def _write_connection(script: Script, record: Record, columns: list[Field], links: list[Link]) -> None:
    name = record.type_name
    script.write_class(
        "type", f"{name}Edge", f"A {name} and the cursor of its place.",
        ["cursor: str", f'node: "{name}"'],
    )  # fmt: skip
    body = [f'nodes: "list[{name}]"', f'edges: "list[{name}Edge]"', 'page_info: "PageInfo"']
    if record.source.capabilities.list_all:
        write_totals(script, record, columns, links)
        body += [
            "totalCount: int | None",
            f'def r_aggregate(self, group_by: Annotated["list[{name}GroupBy] | None", '
            f'strawberry.argument(name="groupBy")] = UNSET, having: "{name}Having | None" = UNSET) '
            f'-> "list[{name}Aggregate] | None": return None',
            f'aggregate: "list[{name}Aggregate] | None" = strawberry.field(resolver=r_aggregate)',
            "del r_aggregate",
        ]
    script.write_class("type", f"{name}Connection", f"A page of {record.plural}, and totals of all of them.", body)
