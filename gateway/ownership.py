"""Ownership as data: ``catalog`` and ``field(coordinate:)``, answered from the catalog alone. Never empty, never with a
Secret coordinate."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from schema.catalog import Action, Catalog, Field, Link, Record
from schema.classification import Classification
from schema.naming import declared_at
from schema.owners import Tenures, tenure_on, tenures
from schema.rules import Allow

TYPES = """
@strawberry.type(name="CatalogSource", description="A system a department runs.")
class CatalogSource:
    name: str
    system: str
    kind: str
    refresh: str
    description: str

@strawberry.type(name="CatalogOwner", description="A post and the days on which it answered, both included.")
class CatalogOwner:
    owner: str
    since: "Date | None" = strawberry.field(description="Null: as long as anybody knows.")
    until: "Date | None" = strawberry.field(description="Null: to this day.")

@strawberry.type(name="CatalogDepartment", description="An owner of records.")
class CatalogDepartment:
    name: str
    title: str
    owner: str
    owners: "list[CatalogOwner]"
    contact: str
    sources: "list[CatalogSource]"

@strawberry.type(name="CatalogAccess", description="A rule that lets a role see the field.")
class CatalogAccess:
    role: str
    rule: str
    purposes: "list[str]"
    case_required: bool = strawberry.field(name="caseRequired")
    conditional: bool
    masked: bool

@strawberry.type(name="CatalogField", description="A field or link: who owns it, how sensitive it is, where it stands.")
class CatalogField:
    coordinate: str
    name: str
    type: str
    record: str
    department: str
    owner: str
    owners: "list[CatalogOwner]"
    classification: str
    personal: bool
    sensitive: bool
    legal_basis: str = strawberry.field(name="legalBasis")
    retention: str
    system: str
    source: str
    relation: str
    column: str
    codec: str
    description: str
    access: "list[CatalogAccess]"

@strawberry.type(name="CatalogRecord", description="A type of row.")
class CatalogRecord:
    name: str
    type_name: str = strawberry.field(name="typeName")
    department: str
    owner: str
    owners: "list[CatalogOwner]"
    key: str
    system: str
    source: str
    relation: str
    legal_basis: str = strawberry.field(name="legalBasis")
    retention: str
    description: str
    fields: "list[CatalogField]"

@strawberry.type(name="CatalogActionRule", description="A rule that lets a role have it done.")
class CatalogActionRule:
    role: str
    rule: str
    purposes: "list[str]"
    case_required: bool = strawberry.field(name="caseRequired")

@strawberry.type(name="CatalogAction", description="What a department lets clients have done.")
class CatalogAction:
    name: str
    department: str
    owner: str
    about: str
    kept: str
    source: str
    operation: str
    description: str
    access: "list[CatalogActionRule]"

@strawberry.type(name="Catalog", description="What the departments declare.")
class Catalog:
    actions: "list[CatalogAction]"
    departments: "list[CatalogDepartment]"
    records: "list[CatalogRecord]"
    fields: "list[CatalogField]"
"""

AS_OF = (
    'as_of: Annotated["Date | None", strawberry.argument(name="asOf", '
    'description="Owners as they were on this day; today without it.")] = None'
)
QUERY_FIELDS = [
    f'def r_catalog(self, {AS_OF}) -> "Catalog": return RESOLVE["catalog"](as_of)',
    'catalog: "Catalog" = strawberry.field(resolver=r_catalog, '
    'description="Who owns what: departments, records and fields.")',
    "del r_catalog",
    f'def r_field(self, coordinate: str, {AS_OF}) -> "CatalogField | None": return RESOLVE["field"](coordinate, as_of)',
    'field: "CatalogField | None" = strawberry.field(resolver=r_field, '
    'description="Ownership of one field or link, e.g. School.name.")',
    "del r_field",
]


@dataclass(frozen=True, slots=True)
class Row:
    """A catalogue entry by attribute, as strawberry reads it."""

    values: dict[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.values[name]
        except KeyError:
            raise AttributeError(name) from None


def resolvers(catalog: Catalog, hidden: frozenset[str]) -> dict[str, Callable[..., Any]]:
    """The functions that answer ``catalog`` and ``field``."""
    last_days = changes(catalog)

    @functools.lru_cache(maxsize=len(last_days) + 1)
    def told_up_to(day: dt.date | None) -> tuple[Row, dict[str, Row]]:
        return _told(catalog, hidden, day)

    def told(as_of: dt.date | None) -> tuple[Row, dict[str, Row]]:
        """Days between the same two changes have the same answer."""
        return told_up_to(next((day for day in last_days if as_of is not None and as_of <= day), None))

    def answer_catalog(as_of: dt.date | None) -> Row:
        return told(as_of)[0]

    def answer_field(coordinate: str, as_of: dt.date | None) -> Row | None:
        return told(as_of)[1].get(coordinate)

    return {"catalog": answer_catalog, "field": answer_field}


def changes(catalog: Catalog) -> list[dt.date]:
    """The last days before something changed its owner."""
    held = [tenures(department.owner) for department in catalog.departments.values()]
    for record in catalog.records.values():
        held += [record.owners, *(part.owners for part in record.fields.values())]
        held += [link.owners for link in record.links.values()]
    return sorted({one.until for owners in held for one in owners if one.until is not None})


def _told(catalog: Catalog, hidden: frozenset[str], day: dt.date | None) -> tuple[Row, dict[str, Row]]:
    """The catalogue of a day, and its fields by coordinate."""
    fields = {entry["coordinate"]: Row(entry) for entry in entries(catalog, hidden, day)}
    secret = hidden | {
        f"{record.type_name}.{part.api_name}"
        for record in catalog.records.values()
        for part in record.fields.values()
        if part.classification is Classification.SECRET
    }
    whole = Row(
        {
            "actions": [_action(catalog, action) for action in catalog.actions.values()],
            "departments": [_department(catalog, name, day) for name in catalog.departments],
            "records": [
                _record(record, fields, day) for record in catalog.records.values() if not record.is_hidden(secret)
            ],
            "fields": list(fields.values()),
        }
    )
    return whole, fields


def entries(
    catalog: Catalog, hidden: frozenset[str] = frozenset(), day: dt.date | None = None
) -> list[dict[str, Any]]:
    """Every field and link that is not Secret, with its ownership; the same in the dictionary and over GraphQL.
    ``day``: whose it was then; None is today."""
    found = []
    for record in catalog.records.values():
        parts: list[Field | Link] = [*record.fields.values(), *record.links.values()]
        for part in parts:
            coordinate = f"{record.type_name}.{part.api_name}"
            if part.classification is not Classification.SECRET and coordinate not in hidden:
                found.append(_entry(catalog, record, part, coordinate, day))
    return found


def _entry(
    catalog: Catalog, record: Record, part: Field | Link, coordinate: str, day: dt.date | None
) -> dict[str, Any]:
    is_field = isinstance(part, Field)
    return {
        "coordinate": coordinate,
        "name": part.api_name,
        "type": part.scalar.name if isinstance(part, Field) else _link_type(catalog, part),
        "record": record.type_name,
        "department": part.department if isinstance(part, Link) else record.department.name,
        **_owned(part.owners, day),
        "classification": part.classification.label,
        "personal": part.personal if isinstance(part, Field) else False,
        "sensitive": part.sensitive if isinstance(part, Field) else False,
        "legal_basis": part.legal_basis if isinstance(part, Field) else record.legal_basis,
        "retention": part.retention if isinstance(part, Field) else record.retention,
        "system": record.source.system,
        "source": record.source.name,
        "relation": record.source_name.partition(".")[2],
        "column": _column(record, part),
        "codec": part.codec.name if isinstance(part, Field) and part.codec else "" if is_field else "link",
        "description": part.description,
        "access": [Row(rule) for rule in _access(catalog, record, part)],
    }


def _owned(owners: Tenures, day: dt.date | None) -> dict[str, Any]:
    """Who answered on the day, and who at all times, the latest first."""
    told = [Row({"owner": one.post, "since": one.since, "until": one.until}) for one in reversed(owners)]
    return {"owner": tenure_on(owners, day).post, "owners": told}


def _link_type(catalog: Catalog, link: Link) -> str:
    target = catalog.records[link.target].type_name
    return f"{target}Connection" if link.many else target


def _column(record: Record, part: Field | Link) -> str:
    if isinstance(part, Link):
        return record.fields[part.local].column or ""
    read = (record.fields[name] for name in part.reads)
    return part.column or ", ".join(
        each.column or each.name for each in read if each.classification is not Classification.SECRET
    )


def _access(catalog: Catalog, record: Record, part: Field | Link) -> list[dict[str, Any]]:
    return [
        {
            "role": rule.role,
            "rule": declared_at(rule.file, rule.line),
            "purposes": list(rule.purposes),
            "case_required": rule.case,
            "conditional": rule.where.__class__.__name__ != "Constant",
            "masked": part.name in rule.masked,
        }
        for rule in catalog.rules
        if isinstance(rule, Allow)
        and rule.record.__name__ == record.spec.name
        and part.classification <= rule.up_to
        and (not rule.only or part.name in rule.only)
    ]


def _department(catalog: Catalog, name: str, day: dt.date | None) -> Row:
    department = catalog.departments[name]
    sources = [
        Row({key: getattr(source, key) for key in ("name", "system", "kind", "refresh", "description")})
        for source in catalog.sources.values()
        if source.department == name
    ]
    return Row(
        {
            "name": name, "title": department.title, "contact": department.contact,
            **_owned(tenures(department.owner), day), "sources": sources,
        }
    )  # fmt: skip


def _action(catalog: Catalog, action: Action) -> Row:
    rules = [
        Row({
            "role": rule.role, "rule": declared_at(rule.file, rule.line), "purposes": list(rule.purposes),
            "case_required": rule.case,
        })
        for rule in action.rules
    ]
    return Row(
        {
            "name": action.api_name, "department": action.department.name, "owner": action.owner,
            "about": catalog.records[action.about].type_name, "kept": catalog.records[action.kept].type_name,
            "source": action.source.name, "operation": action.call.path, "description": action.description,
            "access": rules,
        }
    )  # fmt: skip


def _record(record: Record, fields: dict[str, Row], day: dt.date | None) -> Row:
    key = record.key_field.api_name
    return Row(
        {
            "name": record.name, "type_name": record.type_name, "department": record.department.name,
            **_owned(record.owners, day),
            "key": key if f"{record.type_name}.{key}" in fields else "", "system": record.source.system,
            "source": record.source.name, "relation": record.source_name.partition(".")[2],
            "legal_basis": record.legal_basis, "retention": record.retention, "description": record.description,
            "fields": [row for row in fields.values() if row.record == record.type_name],
        }
    )  # fmt: skip
