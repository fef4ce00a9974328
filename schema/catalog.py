"""The catalog: every department's declarations, resolved once into records, fields, links and rules that refer to one
another. Stages after it never look at declarations again. ``schema.resolve`` makes it and finds what is wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schema.actions import Call
from schema.changes import Changes
from schema.classification import Classification
from schema.codecs import Codec
from schema.declare import AddedLink, RecordSpec
from schema.derive.cell_tests import Test
from schema.derive.expressions import Expression
from schema.indicators import Indicator
from schema.owners import Tenures
from schema.presets import Preset
from schema.relations import Relation, relation_name
from schema.rules import ROLES, AllowAction, Role, Rule
from schema.scalars import Scalar
from schema.sources import Department, Source


@dataclass(frozen=True, slots=True)
class Declared:
    """What a department's folder offers: ``declared = Declared(department, records, rules)`` in its ``__init__``.
    ``links_from``: links it adds to other departments' records, each leading to one of its own; ``actions``: what it
    lets clients have done; ``roles``: roles it adds to the province's; ``presets``: root fields with arguments of their
    own; ``indicators``: what it measures, to be checked."""

    department: Department
    records: tuple[type[Any], ...]
    rules: tuple[Rule, ...]
    links_from: tuple[AddedLink, ...] = ()
    actions: tuple[type[Any], ...] = ()
    roles: tuple[Role, ...] = ()
    presets: tuple[Preset, ...] = ()
    indicators: tuple[Indicator, ...] = ()


@dataclass(frozen=True, slots=True)
class Field:
    """A resolved field. ``name`` as declared, ``api_name`` as clients write it. Exactly one of ``column`` (with
    ``codec``), ``function`` (with ``reads``) and ``batch`` (with ``by``) says where its value comes from."""

    name: str
    api_name: str
    scalar: Scalar
    nullable: bool
    classification: Classification
    personal: bool
    sensitive: bool
    owner: str
    legal_basis: str
    retention: str
    description: str
    owners: Tenures
    """Who answered when; ``owner`` is the last of them."""
    column: str | None = None
    codec: Codec | None = None
    function: Callable[..., Any] | None = None
    batch: Callable[[Sequence[Any]], Awaitable[Mapping[Any, Any]]] | None = None
    reads: tuple[str, ...] = ()
    where: str = ""
    """File and line of the declaration."""
    distinct: int | None = None
    """About how many different values it has, where somebody said so."""
    noted: bool = False
    """Its values are coordinates, and the ledger keeps which of them were asked for."""


@dataclass(frozen=True, slots=True)
class Link:
    """``local``: the field of this record and ``remote``: the field of the target whose equal values join them.
    ``department``: who declared the link; another than the record's when it was added."""

    name: str
    api_name: str
    target: str
    many: bool
    local: str
    remote: str
    classification: Classification
    owner: str
    department: str
    description: str
    owners: Tenures
    where: str = ""


def by_api_name(fields: Mapping[str, Field], links: Mapping[str, Link]) -> dict[str, Field | Link]:
    """A record's parts by the names clients use."""
    return {**{part.api_name: part for part in fields.values()}, **{link.api_name: link for link in links.values()}}


@dataclass(frozen=True, slots=True)
class Record:
    """A resolved record. ``name`` is qualified (``health.Facility``), ``type_name`` the GraphQL type. ``source``: with
    the capabilities it has for this record's relation."""

    name: str
    type_name: str
    singular: str
    plural: str
    department: Department
    source: Source
    relation: Relation
    owner: str
    owners: Tenures
    key: str
    size: int
    persons: bool
    """A row is about a person: seeing rows does not imply counting them."""
    recorded: str | None
    """The field that says since when a row is known; None where what was known cannot be told."""
    description: str
    legal_basis: str
    retention: str
    fields: Mapping[str, Field]
    links: Mapping[str, Link]
    spec: RecordSpec
    by_api_name: Mapping[str, Field | Link] = field(default_factory=dict)
    changes: Changes | None = None
    """How changed rows are noticed; None: they cannot be subscribed to row by row."""

    @property
    def key_field(self) -> Field:
        return self.fields[self.key]

    @property
    def has_root(self) -> bool:
        """Whether it can be asked for by itself. A derived record that cannot be listed is worked out for the rows one
        comes from."""
        return self.source.kind != "derived" or self.source.capabilities.list_all

    @property
    def source_name(self) -> str:
        """Source and relation as an auditor would look them up, e.g. ``hmis.organisationunit``."""
        return f"{self.source.name}.{relation_name(self.relation)}"

    def is_hidden(self, hidden: frozenset[str]) -> bool:
        """Whether no field is left without the coordinates in ``hidden``: then the record itself does not exist."""
        return all(f"{self.type_name}.{part.api_name}" in hidden for part in self.fields.values())

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True)
class Input:
    """A resolved input of an action; every one must be given."""

    name: str
    api_name: str
    scalar: Scalar
    codec: Codec
    description: str


@dataclass(frozen=True, slots=True)
class Action:
    """A resolved action. ``name`` is qualified (``finance.PayBill``), ``api_name`` the mutation's (``payBill``).
    ``about`` and ``kept`` name records; see ``schema.actions.action`` for the rest. ``rules``: who may."""

    name: str
    type_name: str
    api_name: str
    department: Department
    owner: str
    source: Source
    inputs: tuple[Input, ...]
    about: str
    by: str
    kept: str
    call: Call
    refuse: Expression
    done: Test
    lost: Test
    rules: tuple[AllowAction, ...]
    description: str

    def __hash__(self) -> int:
        return hash(self.name)


@dataclass(frozen=True, slots=True, eq=False)
class Catalog:
    """Everything declared, resolved. ``version`` changes with any declaration or rule."""

    departments: Mapping[str, Department]
    sources: Mapping[str, Source]
    records: Mapping[str, Record]
    rules: tuple[Rule, ...]
    version: str
    actions: Mapping[str, Action] = field(default_factory=dict)
    """By the mutation's name."""
    roles: frozenset[str] = frozenset(ROLES)
    """The province's roles and those the departments add."""
    presets: Mapping[str, tuple[Preset, Record]] = field(default_factory=dict)
    """By the root field's name."""

    def record_of_type(self, type_name: str) -> Record:
        """The record whose GraphQL type is ``type_name``; KeyError when there is none."""
        return self.by_type[type_name]

    @property
    def by_type(self) -> Mapping[str, Record]:
        return {record.type_name: record for record in self.records.values()}

    def hiding(self, hidden: frozenset[str]) -> frozenset[str]:
        """``hidden`` coordinates and the links to records that are hidden whole."""
        gone = {record.name for record in self.records.values() if record.is_hidden(hidden)}
        links = [
            f"{record.type_name}.{link.api_name}"
            for record in self.records.values()
            for link in record.links.values()
            if link.target in gone
        ]
        return hidden.union(links)
