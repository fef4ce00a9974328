"""Data contracts in the form of the Open Data Contract Standard 3.1, one a department: what it offers, in which column
of which system it stands, who answers for it and who may see it. Read from the catalog alone; what is Secret is left
out, and no address is told."""

from __future__ import annotations

from typing import Any

import yaml

from gateway.ownership import entries
from gateway.surface import secret_coordinates
from schema.catalog import Catalog, Field, Record
from schema.classification import confidential
from schema.owners import Tenures, tenures
from schema.rules import Allow, AllowThrough, AllowTotals
from schema.sources import Department, Source

STANDARD = "v3.1.0"
LOGICAL = {
    "text": "string", "int": "integer", "float": "number", "decimal": "number", "date": "date",
    "datetime": "timestamp", "bool": "boolean",
}  # fmt: skip


def contract(catalog: Catalog, department: str) -> str | None:
    """The contract of a department as YAML; None when there is no such department."""
    owner = catalog.departments.get(department)
    if owner is None:
        return None
    told: str = yaml.safe_dump(_contract(catalog, owner), sort_keys=False, allow_unicode=True, width=120)
    return told


def _contract(catalog: Catalog, department: Department) -> dict[str, Any]:
    sources = [source for source in catalog.sources.values() if source.department == department.name]
    hidden = secret_coordinates(catalog)
    records = [
        record for record in catalog.records.values()
        if record.department.name == department.name and not record.is_hidden(hidden)
    ]  # fmt: skip
    shown = {entry["coordinate"] for entry in entries(catalog, hidden)}
    return {
        "apiVersion": STANDARD, "kind": "DataContract", "id": f"balochistan.{department.name}",
        "name": department.title, "version": catalog.version, "status": "active", "domain": department.name,
        "tenant": "Government of Balochistan",
        "description": {
            "usage": "Asked through the gateway's GraphQL endpoint, in place: nothing is copied.",
            "limitations": "Only what a rule allows is shown; every request is recorded in the ledger.",
        },
        "servers": [_server(source) for source in sources],
        "schema": [_record(catalog, record, shown) for record in records],
        "support": [{"channel": department.contact}] if department.contact else [],
        "team": {"name": department.title, "members": _members(department, sources, records)},
        "roles": _roles(catalog, records),
        "slaProperties": [sla for source in sources for sla in _agreed(source, records)],
    }  # fmt: skip


def _server(source: Source) -> dict[str, Any]:
    told = source.system if not source.description else f"{source.system}: {source.description}"
    return {"server": source.name, "type": "custom", "description": told, "format": source.kind}


def _record(catalog: Catalog, record: Record, shown: set[str]) -> dict[str, Any]:
    return {
        "name": record.type_name, "physicalName": record.source_name, "logicalType": "object",
        "physicalType": record.source.kind, "description": record.description,
        "properties": [
            _property(catalog, record, part) for part in record.fields.values()
            if f"{record.type_name}.{part.api_name}" in shown
        ],
        "customProperties": _custom(owner=record.owner, legalBasis=record.legal_basis, persons=record.persons),
    }  # fmt: skip


def _property(catalog: Catalog, record: Record, part: Field) -> dict[str, Any]:
    told: dict[str, Any] = {"name": part.api_name}
    if part.column is not None:
        told["physicalName"] = part.column
    told["logicalType"] = LOGICAL[part.scalar.kind]
    if part.description:
        told["description"] = part.description
    if part.name == record.key:
        told |= {"primaryKey": True, "unique": True}
    told |= {
        "required": not part.nullable, "classification": part.classification.label,
        "criticalDataElement": part.sensitive or part.name == record.key,
    }  # fmt: skip
    to = [
        f"{target.type_name}.{target.fields[link.remote].api_name}"
        for link in record.links.values()
        if link.local == part.name and not link.many and link.department == record.department.name
        for target in (catalog.records[link.target],)
    ]
    if to:
        told["relationships"] = [{"type": "foreignKey", "to": one} for one in dict.fromkeys(to)]
    told["customProperties"] = _custom(
        owner=part.owner, personal=part.personal, sensitive=part.sensitive, legalBasis=part.legal_basis,
        retention=part.retention,
    )  # fmt: skip
    return told


def _custom(**told: Any) -> list[dict[str, Any]]:
    return [{"property": name, "value": value} for name, value in told.items()]


def _members(department: Department, sources: list[Source], records: list[Record]) -> list[dict[str, Any]]:
    """The posts answerable, each once, those of today first. Posts are not persons: who holds one is not told."""
    held = [(tenures(department.owner), "owner")]
    held += [(tenures(source.owner, department.owner), "data steward") for source in sources]
    held += [(record.owners, "data steward") for record in records]
    members: dict[str, dict[str, Any]] = {}
    for owners, role in held:
        members.setdefault(owners[-1].post, _member(owners, len(owners) - 1, role))
    for owners, role in held:
        for number, one in enumerate(owners[:-1]):
            members.setdefault(one.post, _member(owners, number, role))
    return list(members.values())


def _member(owners: Tenures, number: int, role: str) -> dict[str, Any]:
    one = owners[number]
    told: dict[str, Any] = {"username": one.post, "role": role}
    if one.since is not None:
        told["dateIn"] = one.since.isoformat()
    if one.until is not None:
        told |= {"dateOut": one.until.isoformat(), "replacedByUsername": owners[number + 1].post}
    return told


def _roles(catalog: Catalog, records: list[Record]) -> list[dict[str, Any]]:
    """Who may ask what of these records, by role."""
    by_spec = {record.spec.name: record for record in records}
    found: dict[str, list[str]] = {}
    for rule in catalog.rules:
        if not isinstance(rule, (Allow, AllowTotals, AllowThrough)) or rule.record.__name__ not in by_spec:
            continue
        record = by_spec[rule.record.__name__]
        told = (
            f"{record.type_name} up to {min(rule.up_to, confidential).label}" if isinstance(rule, Allow)
            else f"{record.type_name} up to {min(rule.up_to, confidential).label}, only for {rule.through}"
            if isinstance(rule, AllowThrough)
            else f"totals of {record.type_name} of {rule.k} or more"
        )  # fmt: skip
        if rule.purposes:
            told += f" for {' or '.join(rule.purposes)}"
        told += " with a case" if rule.case else ""
        told += " in some rows" if rule.where.__class__.__name__ != "Constant" else ""
        found.setdefault(rule.role, []).append(told)
    return [
        {
            "role": role, "access": "read", "description": "; ".join(dict.fromkeys(told)),
            "firstLevelApprovers": records[0].department.post,
        }
        for role, told in found.items()
    ]  # fmt: skip


def _agreed(source: Source, records: list[Record]) -> list[dict[str, Any]]:
    """What is promised of a source, and how long its records are kept."""
    limits = source.limits
    told: list[dict[str, Any]] = [
        {"property": "frequency", "value": source.refresh, "element": source.name},
        {"property": "latency", "value": limits.timeout_s, "unit": "s", "element": source.name},
        {"property": "throughput", "value": limits.concurrency, "unit": "requests at once", "element": source.name},
    ]
    told += [
        {"property": "retention", "value": record.retention, "element": record.type_name}
        for record in records
        if record.source.name == source.name and record.retention
    ]
    return told
