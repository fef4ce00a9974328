"""A preset root's own arguments, told in the words of ``where``. Pure."""

from __future__ import annotations

from gateway.templates import Literal, Template, Worked
from schema.catalog import Record
from schema.presets import Preset
from schema.scalars import STRING

WRITTEN = "#written"
"""Among the arguments: they as the client wrote them. Cursors are bound to these, the same in every process."""


def preset_arguments(preset: Preset, record: Record, given: dict[str, Template]) -> dict[str, Template]:
    """The arguments of the record's list that stand for those of the preset."""
    tests: list[Template] = []
    fixed: dict[str, str] = {}
    for argument in preset.arguments:
        leaf = given.get(argument.name)
        if leaf is None or leaf == Literal(None):
            continue
        assert not isinstance(leaf, (dict, list))
        for test in argument.tests:
            value = leaf if test.worked is None else Worked(leaf, test.worked, STRING.parse)
            tests.append({record.fields[test.field].api_name: {test.op: value}})
        fixed = {**argument.fixes, **fixed}
    for name, constant in {**preset.otherwise, **fixed}.items():
        tests.append({record.fields[name].api_name: {"eq": Literal(constant)}})
    own = {argument.name for argument in preset.arguments}
    written: dict[str, Template] = {name: value for name, value in sorted(given.items()) if name in {*own, "where"}}
    where = given.get("where")
    if where is not None and where != Literal(None):
        tests.append(where)
    rest = {name: value for name, value in given.items() if name not in own}
    return {**rest, "where": {"and": tests}, WRITTEN: written}
