"""Names that clients use: of records, their fields and links, and of root fields with arguments of their own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from schema.catalog import Declared, Field, Link, Record
from schema.errors import meant
from schema.naming import RESERVED
from schema.presets import Preset
from schema.resolve.gathered import Gathered
from schema.resolve.problems import Problems


def check_names(records: Mapping[str, Record], problems: Problems) -> None:
    taken: dict[str, str] = {}
    for record in records.values():
        for root in (record.type_name, record.singular, record.plural):
            other = taken.setdefault(root, record.name)
            if other != record.name or root in RESERVED or record.singular == record.plural:
                problems.tell(
                    record.spec.file, record.spec.line,
                    f"{record.name} is called {root!r} like {other}; rename it or give another plural=",
                )  # fmt: skip
        names: dict[str, str] = {}
        parts: list[Field | Link] = [*record.fields.values(), *record.links.values()]
        for part in parts:
            if part.api_name in RESERVED or not re.fullmatch(r"[a-z][A-Za-z0-9]*", part.api_name):
                problems.tell(
                    record.spec.file, record.spec.line,
                    f"{record.type_name}.{part.name} has a name clients cannot use; rename it",
                )  # fmt: skip
            if names.setdefault(part.api_name, part.name) != part.name:
                problems.tell(
                    record.spec.file, record.spec.line,
                    f"{record.type_name}.{part.name} and .{names[part.api_name]} are both {part.api_name!r}; "
                    "rename one",
                )  # fmt: skip


def presets_of(
    parts: Sequence[Declared], gathered: Gathered, records: Mapping[str, Record], problems: Problems
) -> dict[str, tuple[Preset, Record]]:
    """By the root field's name, with the record each asks for."""
    found: dict[str, tuple[Preset, Record]] = {}
    roots = {name for record in records.values() for name in (record.singular, record.plural)}
    for preset in (one for part in parts for one in part.presets):
        record = records.get(gathered.names.get(preset.record, ""))
        if record is None:
            told = f"{preset.name} asks for {preset.record.__name__}, which no department lists"
            problems.tell(preset.file, preset.line, told)
            continue
        if preset.name in roots or preset.name in RESERVED or preset.name in found:
            problems.tell(preset.file, preset.line, f"{preset.name} is the name of another root; rename it")
        named = [test.field for one in preset.arguments for test in one.tests]
        named += [*preset.otherwise, *(name for one in preset.arguments for name in one.fixes)]
        for name in named:
            part = record.fields.get(name)
            if part is None or part.scalar.name != "String":
                hint = meant(name, record.fields)
                told = f"{preset.name} asks by {name!r}, which is no text field of {record.type_name}{hint}"
                problems.tell(preset.file, preset.line, told)
        found[preset.name] = preset, record
    return found
