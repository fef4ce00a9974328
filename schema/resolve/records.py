"""A declared record resolved: its fields, its links, and what is wrong with them. What a derived record's fields are
worked out from is looked at once all records are there (``schema.derivations``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from schema import purposes
from schema.catalog import Field, Link, Record, by_api_name
from schema.changes import changes_problem
from schema.classification import Classification
from schema.declare import ColumnSpec, ComputedSpec, Facts, LinkSpec, LookedUpSpec, RecordSpec, Spec
from schema.derive.nodes import Derivation
from schema.errors import meant
from schema.naming import api_name, declared_at, plural_of
from schema.owners import Owner, owner_problems, tenures
from schema.relations import offered_by
from schema.resolve.gathered import Gathered
from schema.resolve.problems import Problems
from schema.resolve.types import scalar_of
from schema.sources import Source

Owned: TypeAlias = tuple[Owner | None, Owner | None, Owner]
"""The owners of a record, the nearest first: its own, the source's, the department's."""


def resolved_record(name: str, spec: RecordSpec, gathered: Gathered, problems: Problems) -> Record:
    """``name``: qualified."""
    department = gathered.departments[name.split(".")[0]]
    return _Resolver(spec, (spec.owner, spec.source.owner, department.owner), gathered, problems).record(name)


@dataclass(frozen=True, slots=True)
class _Resolver:
    """Of one record."""

    spec: RecordSpec
    owned: Owned
    gathered: Gathered
    problems: Problems

    def record(self, name: str) -> Record:
        spec, department = self.spec, self.gathered.departments[name.split(".")[0]]
        self._check_owner(spec.owner, spec.line, spec.name)
        owners = tenures(*self.owned)
        self._check_facts()
        fields = self._fields()
        links = dict(self._links(fields))
        if spec.key not in fields or fields[spec.key].column is None:
            hint = meant(spec.key, [name for name, field in fields.items() if field.column is not None])
            self._tell(f"{spec.name} has no column field {spec.key!r} for its key{hint}")
        if (wrong := changes_problem(spec.changes, fields, _askable(spec), spec.key, spec.relation)) is not None:
            self._tell(f"{spec.name}: {wrong}")
        singular = spec.name[0].lower() + spec.name[1:]
        return Record(
            name=name, type_name=spec.name, singular=singular, plural=spec.plural or plural_of(singular),
            department=department, source=_askable(spec), relation=spec.relation, owner=owners[-1].post, owners=owners,
            key=spec.key, size=spec.size, persons=bool(spec.persons), recorded=self._recorded(fields),
            description=spec.description, legal_basis=spec.legal_basis, retention=spec.retention,
            fields=fields, links=links, spec=spec,
            by_api_name=by_api_name(fields, links), changes=spec.changes,
        )  # fmt: skip

    def _tell(self, message: str, line: int | None = None, file: str | None = None) -> None:
        self.problems.tell(file or self.spec.file, self.spec.line if line is None else line, message)

    def _check_owner(self, owner: Owner | None, line: int, what: str) -> None:
        for told in owner_problems(owner, today=self.gathered.today):
            self._tell(f"{what} {told}", line)

    def _check_facts(self) -> None:
        """What is said of the record as a whole."""
        spec = self.spec
        if not spec.description:
            self._tell(f"{spec.name} has no docstring; say what one row is")
        for stray in spec.stray:
            told = "has no source; declare it with column, one, many, computed or looked_up"
            self._tell(f"{spec.name}.{stray} {told}")
        facts = [part.facts for part in spec.specs.values() if not isinstance(part, LinkSpec)]
        bases = {spec.legal_basis, *(one.legal_basis for one in facts)}
        for basis in sorted(basis for basis in bases if basis is not None and basis not in purposes.LEGAL_BASES):
            self._tell(f"{spec.name}: {basis!r} is no legal basis{meant(basis, purposes.LEGAL_BASES)}")
        if spec.persons is None and any(one.personal for one in facts):
            told = "has personal fields; say persons=True if a row is about a person, else persons=False"
            self._tell(f"{spec.name} {told}")

    def _recorded(self, fields: Mapping[str, Field]) -> str | None:
        spec = self.spec
        if spec.recorded is None:
            return None
        part = fields.get(spec.recorded)
        if part is None or part.column is None or part.scalar.name != "DateTime":
            hint = meant(spec.recorded, [name for name, one in fields.items() if one.scalar.name == "DateTime"])
            self._tell(f"{spec.name} says recorded={spec.recorded!r}, which is no DateTime column field here{hint}")
            return None
        return spec.recorded

    def _fields(self) -> dict[str, Field]:
        specs = self.spec.specs
        fields: dict[str, Field] = {}
        for name, part in specs.items():
            if isinstance(part, (ColumnSpec, LookedUpSpec)):
                fields[name] = self._field(name, part, part.facts.classification)
        for name, part in specs.items():
            if isinstance(part, ComputedSpec):
                fields[name] = self._field(name, part, self._level_read(name, part, fields))
        for name, part in specs.items():
            if isinstance(part, LookedUpSpec) and part.by not in fields:
                self._unknown(part.line, name, part.by, fields)
        return {name: fields[name] for name in specs if name in fields}

    def _level_read(self, name: str, part: ComputedSpec, fields: Mapping[str, Field]) -> Classification:
        """The level of the most sensitive field it reads."""
        level = Classification.OPEN
        for read in part.reads:
            if read in fields and fields[read].column is None:
                self._tell(f"{self.spec.name}.{name} reads {read!r}, which is no column field", part.line)
            elif read not in fields:
                self._unknown(part.line, name, read, fields)
            else:
                level = max(level, fields[read].classification)
        return level

    def _unknown(self, line: int, name: str, wanted: str, fields: Iterable[str]) -> None:
        told = f"{self.spec.name}.{name} reads {wanted!r}, which is no field here{meant(wanted, fields)}"
        self._tell(told, line)

    def _field(self, name: str, part: Spec, level: Classification | None) -> Field:
        assert not isinstance(part, LinkSpec)
        spec, facts = self.spec, part.facts
        derived = isinstance(spec.relation, Derivation)
        if level is None and derived:
            level = Classification.OPEN  # raised to what its cell is worked out from, once every record is resolved
        if level is None:
            told = "has no classification; say open_, public, restricted, confidential or secret"
            self._tell(f"{spec.name}.{name} {told}", part.line)
            level = Classification.SECRET
        scalar, nullable = scalar_of(spec, name, part.line, self.problems)
        self._check_owner(facts.owner, part.line, f"{spec.name}.{name}")
        owners = tenures(facts.owner, *self.owned)
        column = part if isinstance(part, ColumnSpec) else None
        codec = None if column is None else column.codec
        if scalar.name == "Decimal" and codec is not None and codec.name == "identity" and not derived:
            self._tell(f"{spec.name}.{name} is a Decimal without a scale; use codec=decimal(2)", part.line)
        return Field(
            name=name, api_name=api_name(name), scalar=scalar, nullable=nullable, classification=level,
            personal=facts.personal, sensitive=facts.sensitive, owner=owners[-1].post, owners=owners,
            legal_basis=facts.legal_basis or spec.legal_basis, retention=facts.retention or spec.retention,
            description=facts.description, column=None if column is None else column.name, codec=codec,
            distinct=None if column is None else column.distinct,
            noted=column is not None and column.noted,
            function=part.function if isinstance(part, ComputedSpec) else None,
            batch=part.batch if isinstance(part, LookedUpSpec) else None,
            reads=_reads(part),
            where=declared_at(spec.file, part.line),
        )  # fmt: skip

    def _links(self, fields: Mapping[str, Field]) -> Iterator[tuple[str, Link]]:
        for name, part in self.spec.specs.items():
            if isinstance(part, LinkSpec) and (link := self._link(name, part, fields)) is not None:
                yield name, link

    def _link(self, name: str, part: LinkSpec, fields: Mapping[str, Field]) -> Link | None:
        spec, specs = self.spec, self.gathered.specs
        target, file, told = specs.get(part.target), part.file or self.spec.file, f"{self.spec.name}.{name}"
        if target is None:
            hint = meant(part.target, specs)
            self._tell(f"{told} links to unknown record {part.target!r}{hint}", part.line, file)
            return None
        local = (part.key or spec.key) if part.many else part.on
        remote = part.on if part.many else target.key
        local_spec, remote_spec = spec.specs.get(local), target.specs.get(remote)
        if not isinstance(local_spec, ColumnSpec):
            hint = meant(local, fields)
            self._tell(f"{told} joins on {local!r}, no column field here{hint}", part.line, file)
            return None
        if not isinstance(remote_spec, ColumnSpec):
            hint = meant(remote, target.specs)
            wrong = f"joins on {target.name}.{remote}, which is no column field there{hint}"
            self._tell(f"{told} {wrong}", part.line, file)
            return None
        owners = tenures(part.owner, *self.owned)
        levels = [_level(side.facts) for side in (local_spec, remote_spec)]
        return Link(
            name=name, api_name=api_name(name), target=part.target, many=part.many, local=local, remote=remote,
            classification=max(levels) if part.classification is None else part.classification,
            owner=owners[-1].post, owners=owners, department=part.department or spec.source.department,
            description=part.description, where=declared_at(file, part.line),
        )  # fmt: skip


def _askable(spec: RecordSpec) -> Source:
    """The source as this record's relation lets it be asked."""
    offered = offered_by(spec.relation)
    if offered is None:
        return spec.source
    return replace(spec.source, capabilities=spec.source.capabilities.narrowed(offered))


def _reads(part: Spec) -> tuple[str, ...]:
    match part:
        case ComputedSpec():
            return part.reads
        case LookedUpSpec():
            return (part.by,)
    return ()


def _level(facts: Facts) -> Classification:
    return Classification.SECRET if facts.classification is None else facts.classification
