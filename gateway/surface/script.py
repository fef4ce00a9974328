"""The script that makes the strawberry types, while it is written: its lines, and by number what is long or comes from
the departments."""

from __future__ import annotations

from typing import Any

from gateway.paths import FieldPath
from schema.catalog import Catalog, Field, Link, Record
from schema.classification import Classification
from schema.scalars import Scalar

PYTHON = {"String": "str", "Int": "int", "Float": "float", "Boolean": "bool"}


def type_name(scalar: Scalar) -> str:
    """The scalar's type in the script."""
    return PYTHON.get(scalar.name, scalar.name)


class Script:
    """``facts``: long texts and directives, which the script has by number. ``records``: those that exist for who reads
    the schema."""

    def __init__(self, catalog: Catalog, hidden: frozenset[str]) -> None:
        self.catalog = catalog
        self.hidden = hidden
        self.records = [record for record in catalog.records.values() if not record.is_hidden(hidden)]
        self.facts: list[Any] = []
        self.lines: list[str] = []

    def text(self) -> str:
        return "\n".join(self.lines)

    def write(self, *lines: str) -> None:
        self.lines += lines

    def links(self, record: Record) -> list[Link]:
        return [link for link in record.links.values() if self.shows(record, link)]

    def shows(self, record: Record, part: Field | Link) -> bool:
        return f"{record.type_name}.{part.api_name}" not in self.hidden

    def shows_path(self, record: Record, path: FieldPath) -> bool:
        """Whether every link on the way and the field itself exist for who reads this schema."""
        for link in path.links:
            if not self.shows(record, link):
                return False
            record = self.catalog.records[link.target]
        return self.shows(record, path.field)

    def fact(self, value: Any) -> str:
        self.facts.append(value)
        return f"FACTS[{len(self.facts) - 1}]"

    def write_class(self, decorator: str, name: str, description: str, body: list[str], directives: str = "") -> None:
        text = self.fact(description)
        self.lines.append(f'@strawberry.{decorator}(name="{name}", description={text}{directives})')
        self.lines.append(f"class {name}:")
        self.lines += [f"    {line}" for line in body]

    def owned(self, record: Record, part: Field | Link | None) -> str:
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
        return f", directives=[Owned(**{self.fact(values)})]"
