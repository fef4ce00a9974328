"""Resolves actions against the records they speak of and finds what is wrong with them, with file and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from schema.actions import BOOKKEEPING, OWN_CELLS, ActionSpec
from schema.catalog import Action, Input, Record
from schema.derive.cell_tests import cells_of
from schema.errors import meant
from schema.naming import api_name
from schema.owners import post_of
from schema.rules import AllowAction
from schema.scalars import Scalar
from schema.sources import Department

Problems = Callable[[str, int, str], None]
KEPT = "kept"
"""The kind of source that the gateway keeps itself."""


def resolved_action(
    spec: ActionSpec, department: Department, scalars: Mapping[str, Scalar], records: Mapping[str, Record],
    rules: tuple[AllowAction, ...], problem: Problems,
) -> Action | None:  # fmt: skip
    """The action; None, and the problems told, where something is wrong with it."""
    wrong = tuple(_wrong(spec, department, records))
    for message in wrong:
        problem(spec.file, spec.line, f"{spec.name}: {message}")
    if wrong:
        return None
    inputs = tuple(
        Input(name, api_name(name), scalars[name], given.codec, given.description)
        for name, given in spec.inputs.items()
    )
    mutation = spec.name[0].lower() + spec.name[1:]
    return Action(
        f"{department.name}.{spec.name}", spec.name, mutation, department,
        post_of(spec.source.owner or department.owner), spec.source, inputs, spec.about, spec.by, spec.kept, spec.call,
        spec.refuse, spec.done, spec.lost, rules, spec.description,
    )  # fmt: skip


def _wrong(spec: ActionSpec, department: Department, records: Mapping[str, Record]) -> list[str]:
    found = [f"{name} is no input; declare it with given" for name in spec.stray]
    if not spec.description:
        found.append("has no docstring; say what it does")
    about, kept = records.get(spec.about), records.get(spec.kept)
    if about is None or kept is None:
        unknown = spec.about if about is None else spec.kept
        return [*found, f"speaks of unknown record {unknown!r}{meant(unknown, records)}"]
    if about.department is not department or kept.department is not department:
        found.append("speaks of another department's record; a department acts on its own")
    if spec.by not in spec.inputs:
        found.append(f"finds its record by {spec.by!r}, which is no input{meant(spec.by, spec.inputs)}")
    if kept.source.kind != KEPT:
        found.append(f"is kept as {kept.name}, whose source is not of kind {KEPT!r}")
    wanted = (*BOOKKEEPING, *spec.inputs)
    missing = [name for name in wanted if name not in kept.fields or kept.fields[name].column != name]
    if missing:
        found.append(f"{kept.name} must have the fields {', '.join(missing)}, each with the column of its name")
    if kept.key != "id":
        found.append(f"{kept.name} must have id for its key")
    clash = sorted((set(spec.inputs) - {spec.by}) & set(about.fields))
    if clash:
        found.append(f"the input {clash[0]!r} is called like a field of {about.name}; rename it")
    known = {*(name for name, part in about.fields.items() if part.column is not None), *spec.inputs, *OWN_CELLS}
    read = [*spec.refuse.reads, *cells_of(spec.done), *cells_of(spec.lost)]
    found += [f"reads {name!r}, which is no cell here{meant(name, known)}" for name in read if name not in known]
    sent = [one.cell for one in spec.call.arguments]
    found += [f"sends {name!r}, which is no input here" for name in sent if name not in {*spec.inputs, *OWN_CELLS}]
    return found
