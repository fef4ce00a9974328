"""How a department declares a record: ``@record`` over a class whose attributes are ``column``, ``one``, ``many``,
``computed`` and ``looked_up``.

The decorator only keeps what was written, frozen, with file and line; what is wrong with it is found by
``schema.catalog`` so that all problems are told at once.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, dataclass_transform

from schema.changes import Changes
from schema.classification import Classification
from schema.codecs import Codec, identity
from schema.derive import Query
from schema.derive.nodes import Derivation
from schema.owners import Owner
from schema.relations import Relation, Table
from schema.sources import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a field says of itself beyond its value. ``owner`` None: the record's; ``legal_basis`` and ``retention``
    None: the record's."""

    classification: Classification | None
    personal: bool = False
    sensitive: bool = False
    owner: Owner | None = None
    legal_basis: str | None = None
    retention: str | None = None
    description: str = ""


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    name: str
    codec: Codec
    facts: Facts
    line: int
    distinct: int | None = None
    noted: bool = False


@dataclass(frozen=True, slots=True)
class LinkSpec:
    """``many`` links name in ``on`` the field of the **target** that holds this record's ``key``. ``file``,
    ``owner`` and ``department`` are set when another department added the link: where it was written, by whom."""

    target: str
    on: str
    many: bool
    key: str | None
    classification: Classification | None
    description: str
    line: int
    file: str | None = None
    owner: Owner | None = None
    department: str | None = None


@dataclass(frozen=True, slots=True)
class AddedLink:
    """A link to a department's own record that it adds to ``record`` of another department, called ``name`` there."""

    record: str
    name: str
    link: LinkSpec


@dataclass(frozen=True, slots=True)
class ComputedSpec:
    """``function`` takes the values of ``reads`` (None where hidden or null) in that order, of the same row."""

    function: Callable[..., Any]
    reads: tuple[str, ...]
    facts: Facts
    line: int


@dataclass(frozen=True, slots=True)
class LookedUpSpec:
    """``batch`` takes the distinct values of field ``by`` and answers a mapping; an absent key is null."""

    batch: Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]]
    by: str
    facts: Facts
    line: int


Spec = ColumnSpec | LinkSpec | ComputedSpec | LookedUpSpec


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """What ``@record`` was given and what stood in the class body. ``annotations`` are still text."""

    name: str
    source: Source
    relation: Relation
    key: str
    owner: Owner | None
    legal_basis: str
    retention: str
    description: str
    plural: str | None
    size: int
    persons: bool | None
    recorded: str | None
    specs: Mapping[str, Spec]
    annotations: Mapping[str, Any]
    stray: tuple[str, ...]
    file: str
    line: int
    module: str
    changes: Changes | None = None


def _line() -> int:
    return sys._getframe(2).f_lineno


def column(
    name: str,
    classification: Classification | None = None,
    *,
    codec: Codec = identity,
    personal: bool = False,
    sensitive: bool = False,
    owner: Owner | None = None,
    legal_basis: str | None = None,
    retention: str | None = None,
    description: str = "",
    distinct: int | None = None,
    noted: bool = False,
) -> Any:
    """A field whose value stands in the relation's column ``name``. ``distinct``: about how many different values it
    has, where plans should know better than by its kind. ``noted``: its values are coordinates, and the ledger keeps
    which of them it was asked for, where it keeps no other value."""
    facts = Facts(classification, personal, sensitive, owner, legal_basis, retention, description)
    return ColumnSpec(name, codec, facts, _line(), distinct, noted)


def one(target: str, *, on: str, classification: Classification | None = None, description: str = "") -> Any:
    """A link to the one ``target`` record whose key equals this record's field ``on``."""
    return LinkSpec(target, on, False, None, classification, description, _line())


def many(
    target: str,
    *,
    on: str,
    key: str | None = None,
    classification: Classification | None = None,
    description: str = "",
) -> Any:
    """A link to every ``target`` record whose field ``on`` equals this record's field ``key`` (default: its key)."""
    return LinkSpec(target, on, True, key, classification, description, _line())


def link_from(record: str, name: str, link: Any) -> AddedLink:
    """The way back: ``link_from("finance.District", "trainings", many("labour.Training", on="district_code"))`` lets
    clients go from another department's record to ours, without a change there."""
    return AddedLink(record, name, replace(link, file=sys._getframe(1).f_code.co_filename))


def computed(
    function: Callable[..., Any],
    *,
    reads: tuple[str, ...],
    owner: Owner | None = None,
    personal: bool = False,
    sensitive: bool = False,
    description: str = "",
) -> Any:
    """A pure function of fields of the same row; as sensitive as the most sensitive one it reads."""
    return ComputedSpec(function, reads, Facts(None, personal, sensitive, owner, description=description), _line())


def looked_up(
    batch: Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]],
    *,
    by: str,
    classification: Classification | None = None,
    owner: Owner | None = None,
    personal: bool = False,
    sensitive: bool = False,
    legal_basis: str | None = None,
    retention: str | None = None,
    description: str = "",
) -> Any:
    """A value brought by an async function of many keys, asked once for all rows of a plan step."""
    facts = Facts(classification, personal, sensitive, owner, legal_basis, retention, description)
    return LookedUpSpec(batch, by, facts, _line())


@dataclass_transform(field_specifiers=(column, one, many, computed, looked_up))
def record(
    source: Source,
    relation: str | Relation,
    *,
    key: str,
    owner: Owner | None = None,
    legal_basis: str = "OfficialAuthorityOfController",
    retention: str = "as long as the source system keeps it",
    plural: str | None = None,
    size: int = 1000,
    persons: bool | None = None,
    recorded: str | None = None,
    changes: Changes | None = None,
) -> Callable[[type[T]], type[T]]:
    """Declares the class as a record of ``source``. ``relation``: a table's name or a ``schema.relations`` value;
    ``key``: the **field** that identifies a row; ``size``: about how many rows there are, for estimates;
    ``persons``: whether a row is about a person, so that counting rows is a grant of its own; to be said wherever a
    field is personal; ``recorded``: the field that says since when a row is known, where rows are only ever added:
    then the record can be asked as it was known at a moment; ``changes``: how the gateway notices changed rows, so that
    they can be subscribed to."""
    relation = Table(relation) if isinstance(relation, str) else relation

    def declare(cls: type[T]) -> type[T]:
        specs = {name: value for name, value in vars(cls).items() if isinstance(value, Spec)}
        stray = tuple(
            name for name in inspect.get_annotations(cls) if name not in specs
        ) + tuple(name for name in vars(cls) if not name.startswith("_") and name not in specs)  # fmt: skip
        module = sys.modules[cls.__module__]
        cls.__record__ = RecordSpec(  # type: ignore[attr-defined]
            name=cls.__name__, source=source, relation=relation, key=key, owner=owner, legal_basis=legal_basis,
            retention=retention, description=inspect.cleandoc(cls.__doc__ or ""),
            plural=plural, size=size, persons=persons, recorded=recorded,
            specs=specs, annotations=inspect.get_annotations(cls), stray=stray,
            file=getattr(module, "__file__", None) or cls.__module__,
            line=sys._getframe(1).f_lineno, module=cls.__module__, changes=changes,
        )  # fmt: skip
        return cls

    return declare


def taken(
    cell: str,
    classification: Classification | None = None,
    *,
    personal: bool = False,
    owner: Owner | None = None,
    description: str = "",
) -> Any:
    """A field of a derived record: a cell of its query. It is as sensitive as everything the cell is worked out from,
    or more where a classification is given."""
    return ColumnSpec(cell, identity, Facts(classification, personal, False, owner, description=description), _line())


@dataclass_transform(field_specifiers=(taken, one, many, computed))
def derived(
    source: Source,
    query: Query,
    *,
    key: str,
    requires_all: tuple[str, ...] = (),
    owner: Owner | None = None,
    legal_basis: str = "OfficialAuthorityOfController",
    plural: str | None = None,
    size: int = 1000,
    persons: bool | None = None,
    kept: bool = False,
    changes: Changes | None = None,
) -> Callable[[type[T]], type[T]]:
    """Declares the class as a record derived from others by ``query``. ``requires_all``: names of records all of whose
    rows one must see to see this one at all. ``kept``: rows worked out may be told again for as long as every source
    they come from says (``kept_s``). The rest is as in ``record``."""
    declare = record(
        source, Derivation(query.node, requires_all), key=key, owner=owner, legal_basis=legal_basis,
        retention="worked out at each request, kept nowhere", plural=plural, size=size, persons=persons,
        changes=changes,
    )  # fmt: skip

    def named(cls: type[T]) -> type[T]:
        cls = declare(cls)
        spec: RecordSpec = cls.__record__  # type: ignore[attr-defined]
        line = sys._getframe(1).f_lineno
        relation = Derivation(query.node, requires_all, cls.__name__, kept)
        cls.__record__ = replace(spec, relation=relation, line=line)  # type: ignore[attr-defined]
        return cls

    return named


def spec_of(declared: type[Any]) -> RecordSpec | None:
    """The record a class declares, None when it declares none."""
    spec: RecordSpec | None = vars(declared).get("__record__")
    return spec
