"""Raw rows into decoded ones, by code generated once a plan. A cell that cannot be read becomes null and is reported
once per field; the row and the rest stand."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from gateway.plan import CellUse
from schema.catalog import Field

Report = Callable[[Field], None]
Decoder = Callable[[list[Any], Report], list[Any]]


def make_decoder(cells: tuple[CellUse, ...], width: int) -> Decoder | None:
    """Decodes the first ``len(cells)`` values of each row of ``width``; None when there is nothing to decode."""
    if all(_plain(cell.field) for cell in cells):
        return None
    env: dict[str, Any] = {"Decimal": Decimal}
    values = []
    for index, cell in enumerate(cells):
        values.append(_expression(cell.field, index, env))
    values += [f"r[{index}]" for index in range(len(cells), width)]
    source = f"def decode(rows):\n    return [({', '.join(values)},) for r in rows]\n"
    exec(compile(source, "<decoder>", "exec"), env)
    fast: Callable[[list[Any]], list[Any]] = env["decode"]

    def decode(rows: list[Any], report: Report) -> list[Any]:
        try:
            return fast(rows)
        except Exception:
            return [_carefully(row, cells, report) for row in rows]

    return decode


def _plain(part: Field) -> bool:
    return part.codec is None or part.codec.name == "identity"


def _expression(part: Field, index: int, env: dict[str, Any]) -> str:
    codec = part.codec
    if codec is None or _plain(part):
        return f"r[{index}]"
    value = f"v{index}"
    if codec.inline is not None:
        inner = codec.inline.format(v=value)
    else:
        env[f"d{index}"] = codec.decode
        inner = f"d{index}({value})"
    return f"(None if ({value} := r[{index}]) is None else {inner})"


def _carefully(row: Any, cells: tuple[CellUse, ...], report: Report) -> tuple[Any, ...]:
    values: list[Any] = list(row)
    for index, cell in enumerate(cells):
        values[index] = read_cell(cell.field, values[index], report)
    return tuple(values)


def read_cell(part: Field, raw: Any, report: Report) -> Any:
    """One decoded value; whatever its codec cannot read is null and reported."""
    if raw is None or part.codec is None:
        return raw
    try:
        return part.codec.decode(raw)
    except Exception:
        report(part)
        return None


def blank(rows: list[Any], cells: tuple[CellUse, ...], params: tuple[Any, ...]) -> list[Any]:
    """Rows with every cell nulled whose condition the source could not apply and the row does not meet."""
    tests = [(index, cell.blank_unless) for index, cell in enumerate(cells) if cell.blank_unless is not None]
    if not tests:
        return rows
    blanked = []
    for row in rows:
        values = list(row)
        for index, test in tests:
            if not test(row, params):
                values[index] = None
        blanked.append(tuple(values))
    return blanked
