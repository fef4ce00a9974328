"""The data dictionary: every field and link that is not Secret, with its owner, as Markdown, CSV or JSON."""

from __future__ import annotations

import csv
import datetime as dt
import io
from typing import Any

import orjson

from gateway.ownership import entries
from gateway.surface import secret_coordinates
from schema.catalog import Catalog
from schema.owners import tenure_on

COLUMNS = (
    "coordinate", "type", "department", "owner", "classification", "personal", "sensitive", "legal_basis", "retention",
    "system", "source", "relation", "column", "codec", "description", "access",
)  # fmt: skip


def dictionary(catalog: Catalog, kind: str = "md", day: dt.date | None = None) -> str:
    """``kind``: md, csv or json; ``day``: with the owners of then, None is today."""
    rows = [_row(entry) for entry in entries(catalog, secret_coordinates(catalog), day)]
    match kind:
        case "json":
            return orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode() + "\n"
        case "csv":
            buffer = io.StringIO()
            writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows({**row, "access": "; ".join(row["access"])} for row in rows)
            return buffer.getvalue()
        case "md":
            return _markdown(catalog, rows, day)
    raise ValueError(f"no format {kind!r}; use md, csv or json")


def _row(entry: dict[str, Any]) -> dict[str, Any]:
    access = [
        rule.role
        + (f" for {' or '.join(rule.purposes)}" if rule.purposes else "")
        + (" with a case" if rule.case_required else "")
        + (" in some rows" if rule.conditional else "")
        + (" masked" if rule.masked else "")
        for rule in entry["access"]
    ]
    return {**{name: entry[name] for name in COLUMNS if name != "access"}, "access": access}


def _markdown(catalog: Catalog, rows: list[dict[str, Any]], day: dt.date | None) -> str:
    lines = ["# Data dictionary", ""] if day is None else [f"# Data dictionary, owners of {day}", ""]
    hidden = secret_coordinates(catalog)
    for record in catalog.records.values():
        if record.is_hidden(hidden):
            continue
        key = record.key_field.api_name
        told_key = "" if f"{record.type_name}.{key}" in hidden else f" Key: `{key}`."
        lines += [f"## {record.type_name}", "", record.description, ""]
        lines += [
            f"Owner: {tenure_on(record.owners, day).post}. "
            f"Source: `{record.source_name}` ({record.source.system}).{told_key}",
            "",
            "| Field | Type | Column | Classification | Personal | Owner | Who may see |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in rows:
            if row["coordinate"].split(".")[0] == record.type_name:
                name = row["coordinate"].split(".")[1]
                personal = "sensitive" if row["sensitive"] else "yes" if row["personal"] else ""
                lines.append(
                    f"| {name} | {row['type']} | {row['column']} | {row['classification']} | {personal} | "
                    f"{row['owner']} | {'; '.join(row['access']) or 'nobody'} |"
                )
        lines.append("")
    return "\n".join(lines)
