"""The catalogue as other portals harvest it: DCAT-AP in JSON-LD, one dataset a record. Addresses are relative to where
it is read."""

from __future__ import annotations

import datetime as dt
from typing import Any

from gateway.surface import secret_coordinates
from schema.catalog import Catalog, Record
from schema.owners import tenure_on
from schema.rules import Allow, AllowTotals

RIGHTS = "http://publications.europa.eu/resource/authority/access-right/"
CONTEXT = {
    "dcat": "http://www.w3.org/ns/dcat#", "dct": "http://purl.org/dc/terms/", "foaf": "http://xmlns.com/foaf/0.1/",
    "vcard": "http://www.w3.org/2006/vcard/ns#",
}  # fmt: skip
SERVICE = {"@id": "graphql"}


def catalogue(catalog: Catalog, day: dt.date | None = None) -> dict[str, Any]:
    """The whole catalogue; what is Secret is left out. ``day``: with the owners of then, None is today."""
    hidden = secret_coordinates(catalog)
    records = [record for record in catalog.records.values() if not record.is_hidden(hidden)]
    return {
        "@context": CONTEXT,
        "@id": "catalog.jsonld",
        "@type": "dcat:Catalog",
        "dct:title": "Balochistan data gateway",
        "dct:description": "Records of the departments of the Government of Balochistan, read in the departments' own "
        "systems.",
        "dct:publisher": _agent("Government of Balochistan"),
        "dct:hasVersion": catalog.version,
        "dcat:service": {
            **SERVICE, "@type": "dcat:DataService", "dct:title": "GraphQL endpoint",
            "dcat:endpointURL": {"@id": "graphql"}, "dcat:endpointDescription": {"@id": "schema.graphql"},
            "dcat:servesDataset": [{"@id": _id(record)} for record in records],
        },
        "dcat:dataset": [_dataset(catalog, record, day) for record in records],
    }  # fmt: skip


def _dataset(catalog: Catalog, record: Record, day: dt.date | None) -> dict[str, Any]:
    department = record.department
    told: dict[str, Any] = {
        "@id": _id(record), "@type": "dcat:Dataset", "dct:identifier": record.name, "dct:title": record.type_name,
        "dct:description": record.description, "dct:publisher": _agent(department.title),
        "dct:rightsHolder": _agent(tenure_on(record.owners, day).post), "dct:source": record.source_name,
        "dct:accessRights": {"@id": RIGHTS + access_right(catalog, record)},
        "dcat:theme": department.name, "dct:conformsTo": {"@id": f"contracts/{department.name}.yaml"},
        "dcat:distribution": {
            "@type": "dcat:Distribution", "dct:title": f"{record.type_name} over GraphQL",
            "dcat:accessURL": {"@id": "graphql"}, "dcat:accessService": SERVICE,
        },
    }  # fmt: skip
    if department.contact:
        told["dcat:contactPoint"] = {"@type": "vcard:Organization", "vcard:fn": department.contact}
    return told


def access_right(catalog: Catalog, record: Record) -> str:
    """PUBLIC: anybody sees some of its fields in every row; RESTRICTED: some rule lets somebody; else NON_PUBLIC."""
    rules = [
        rule for rule in catalog.rules
        if isinstance(rule, (Allow, AllowTotals)) and rule.record.__name__ == record.spec.name
    ]  # fmt: skip
    open_to_all = any(
        isinstance(rule, Allow)
        and rule.role == "public"
        and not rule.purposes
        and not rule.case
        and rule.where.__class__.__name__ == "Constant"
        for rule in rules
    )
    return "PUBLIC" if open_to_all else "RESTRICTED" if rules else "NON_PUBLIC"


def _agent(name: str) -> dict[str, Any]:
    return {"@type": "foaf:Agent", "foaf:name": name}


def _id(record: Record) -> str:
    return f"catalog.jsonld#{record.name}"
