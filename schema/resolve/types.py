"""The scalar a field or input is annotated with."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Hashable

from schema.actions import ActionSpec
from schema.declare import RecordSpec
from schema.resolve.problems import Problems
from schema.scalars import BY_ANNOTATION, STRING, Scalar


def scalar_of(spec: RecordSpec | ActionSpec, name: str, line: int, problems: Problems) -> tuple[Scalar, bool]:
    """The scalar, and whether null may stand in its place."""
    try:
        written = spec.annotations[name]
        hint = eval(written, vars(sys.modules[spec.module])) if isinstance(written, str) else written
    except KeyError:
        problems.tell(spec.file, line, f"{spec.name}.{name} has no type; write e.g. `{name}: str | None = ...`")
        return STRING, True
    except (NameError, AttributeError) as error:
        problems.tell(spec.file, line, f"{spec.name}.{name}: {error}; import the type")
        return STRING, True
    except Exception:
        problems.tell(spec.file, line, f"{spec.name}.{name}: {written!r} is no type; write e.g. `str | None`")
        return STRING, True
    nullable = False
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        parts = [part for part in typing.get_args(hint) if part is not type(None)]
        nullable = True
        hint = parts[0] if len(parts) == 1 else hint
    scalar = BY_ANNOTATION.get(hint) if isinstance(hint, Hashable) else None
    if scalar is None:
        allowed = ", ".join(sorted(known.name for known in BY_ANNOTATION.values()))
        problems.tell(spec.file, line, f"{spec.name}.{name} has a type outside the scalars: {allowed}")
        return STRING, True
    return scalar, nullable
