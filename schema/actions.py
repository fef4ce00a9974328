"""What a client may have a department do: ``@action`` over a class whose attributes are ``given``, as data. How it is
done, kept and resolved after a crash is the gateway's, the same for every action.

An action is about one record, found by one of its inputs, and is carried out by one operation of the record's source.
``refuse`` and ``done`` are worked out of the record's fields, the inputs and three cells of the gateway's: ``today``
(Karachi's), ``reference`` (what the department knows the action by) and, once it was sent, ``sent_on``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from schema.codecs import Codec, identity
from schema.derive.cell_tests import Test
from schema.derive.expressions import Expression
from schema.sources import Source

T = TypeVar("T")

OWN_CELLS = ("today", "reference", "sent_on", "sent_time")
"""Cells that stand beside the inputs: days are days, ``sent_time`` is HHMMSS of Karachi's clock."""
STATES = ("RECEIVED", "SENT", "UNKNOWN", "CONFIRMED", "REJECTED")
"""RECEIVED: nothing has left; SENT: it has, or was about to; UNKNOWN: what became of it is being found out; the last
two are for good."""
BOOKKEEPING = (
    "id", "subject", "represented", "purpose", "idempotency_key", "state", "reason", "reference",
    "received_at", "sent_at", "settled_at",
)  # fmt: skip
"""Fields of what is kept of an action beside its inputs; each must be declared on the record that shows it."""


@dataclass(frozen=True, slots=True)
class GivenSpec:
    """An input. ``codec``: how the operation writes it; a value it cannot write is refused."""

    codec: Codec
    description: str
    line: int


@dataclass(frozen=True, slots=True)
class Sent:
    """An argument of the operation: an input or one of OWN_CELLS, as its codec writes it."""

    argument: str
    cell: str
    codec: Codec = identity


@dataclass(frozen=True, slots=True)
class Call:
    """A JSON operation of a service. ``code``: the key of the answer that tells what became of it; ``done``: the codes
    that say it is done, also of a repetition that the service recognises by its arguments; ``refused``: code -> reason.
    Any other answer, and none, leaves it unknown. ``digits``: of the cell ``reference``."""

    path: str
    arguments: tuple[Sent, ...]
    code: str
    done: tuple[str, ...]
    refused: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    digits: int = 6


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What ``@action`` was given; see there."""

    name: str
    source: Source
    about: str
    by: str
    kept: str
    call: Call
    refuse: Expression
    done: Test
    lost: Test
    inputs: Mapping[str, GivenSpec]
    annotations: Mapping[str, Any]
    stray: tuple[str, ...]
    description: str
    file: str
    line: int
    module: str


def given(*, codec: Codec = identity, description: str = "") -> Any:
    """An input of the action."""
    return GivenSpec(codec, description, sys._getframe(1).f_lineno)


def action(
    source: Source, *, about: str, by: str, kept: str, call: Call, refuse: Expression, done: Test, lost: Test
) -> Callable[[type[T]], type[T]]:
    """Declares the class as an action on ``source``. ``about``: the record it is about, whose key is the input ``by``;
    ``kept``: the record that shows what is kept of it; ``refuse``: the reason not to send it, null to send it;
    ``done`` and ``lost``: whether the record shows that it was done, or that it can never be done any more. Where
    neither holds, the same call is sent again: so ``call`` must be one that the department recognises as the same."""

    def declare(cls: type[T]) -> type[T]:
        inputs = {name: value for name, value in vars(cls).items() if isinstance(value, GivenSpec)}
        annotations = inspect.get_annotations(cls)
        stray = tuple(name for name in annotations if name not in inputs) + tuple(
            name for name in vars(cls) if not name.startswith("_") and name not in inputs
        )
        module = sys.modules[cls.__module__]
        cls.__action__ = ActionSpec(  # type: ignore[attr-defined]
            cls.__name__, source, about, by, kept, call, refuse, done, lost, inputs, annotations, stray,
            inspect.cleandoc(cls.__doc__ or ""), getattr(module, "__file__", None) or cls.__module__,
            sys._getframe(1).f_lineno, cls.__module__,
        )  # fmt: skip
        return cls

    return declare


def action_of(declared: type[Any]) -> ActionSpec | None:
    """The action a class declares, None when it declares none."""
    spec: ActionSpec | None = vars(declared).get("__action__")
    return spec
