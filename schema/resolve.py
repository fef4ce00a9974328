"""Makes the catalog out of the departments' declarations and gathers every problem on the way, each with file, line
and what to do, so that one start tells them all."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
import sys
import types
import typing
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from schema import derivations, indicators, purposes
from schema.acting import resolved_action
from schema.actions import ActionSpec, action_of
from schema.added import added_link_problem
from schema.catalog import Action, Catalog, Declared, Field, Link, Record
from schema.changes import changes_problem
from schema.classification import Classification
from schema.declare import ColumnSpec, ComputedSpec, Facts, LinkSpec, LookedUpSpec, RecordSpec, Spec, spec_of
from schema.derivations import records_read
from schema.derive import Derivation
from schema.errors import DeclarationError, Problem
from schema.errors import meant as _meant
from schema.owners import Owner, owner_problems, tenures
from schema.predicates import fields_of
from schema.presets import Preset
from schema.relations import offered_by
from schema.rules import ROLES, Allow, AllowAction, AllowThrough, AllowTotals, Grant, Role, Rule
from schema.scalars import BY_ANNOTATION, STRING, Scalar
from schema.sources import Department, Source
from schema.version import version_of

Owned: TypeAlias = tuple[Owner | None, Owner | None, Owner]
"""The owners of a record, the nearest first: its own, the source's, the department's."""
RESERVED = frozenset({"and", "or", "not", "catalog", "field", "node", "nodes"})


def api_name(name: str) -> str:
    """``district_code`` as clients write it: ``districtCode``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def resolve(declared: Iterable[Declared], today: dt.date | None = None) -> Catalog:
    """The catalog of these departments. Raises DeclarationError with everything that is wrong. ``today``: owners who
    take over on a later day are refused; None does not ask."""
    return _Resolver(tuple(declared), today).catalog()


def plural_of(singular: str) -> str:
    """``facility`` -> ``facilities``, ``school`` -> ``schools``."""
    return singular[:-1] + "ies" if re.search("[^aeiou]y$", singular) else singular + "s"


class _Resolver:
    def __init__(self, declared: tuple[Declared, ...], today: dt.date | None) -> None:
        self._declared = declared
        self._today = today
        self._problems: list[Problem] = []
        self._specs: dict[str, RecordSpec] = {}
        self._departments: dict[str, Department] = {}
        self._sources: dict[str, Source] = {}
        self._names: dict[type[Any], str] = {}
        self._roles: dict[str, Role | None] = dict.fromkeys(ROLES)

    def catalog(self) -> Catalog:
        for part in self._declared:
            self._collect(part)
        for part in self._declared:
            self._add_links(part)
            self._add_roles(part)
        records = {name: self._record(name, spec) for name, spec in self._specs.items()}
        records = derivations.resolved(records, self._problem)
        self._check_names(records)
        for part in self._declared:
            for rule in part.rules:
                self._check_rule(rule, records, part.department)
        rules = tuple(rule for part in self._declared for rule in part.rules)
        actions = [action for part in self._declared for action in self._actions(part, records)]
        self._check_indicators(records)
        presets = self._presets(records)
        if self._problems:
            raise DeclarationError(tuple(self._problems))
        return Catalog(
            departments=dict(self._departments),
            sources=dict(self._sources),
            records=records,
            rules=rules,
            version=version_of(records, rules, actions),
            actions={action.api_name: action for action in actions},
            roles=frozenset(self._roles),
            presets=presets,
        )

    def _check_indicators(self, records: Mapping[str, Record]) -> None:
        codes: set[str] = set()
        for one in (one for part in self._declared for one in part.indicators):
            if one.code in codes:
                self._problem(one.file, one.line, f"two indicators have the code {one.code!r}; rename one")
            codes.add(one.code)
            for told in indicators.problems(one, self._departments, records, self._today):
                self._problem(one.file, one.line, f"indicator {one.code} {told}")

    def _presets(self, records: Mapping[str, Record]) -> dict[str, tuple[Preset, Record]]:
        found: dict[str, tuple[Preset, Record]] = {}
        roots = {name for record in records.values() for name in (record.singular, record.plural)}
        for preset in (one for part in self._declared for one in part.presets):
            record = records.get(self._names.get(preset.record, ""))
            if record is None:
                told = f"{preset.name} asks for {preset.record.__name__}, which no department lists"
                self._problem(preset.file, preset.line, told)
                continue
            if preset.name in roots or preset.name in RESERVED or preset.name in found:
                self._problem(preset.file, preset.line, f"{preset.name} is the name of another root; rename it")
            named = [test.field for one in preset.arguments for test in one.tests]
            named += [*preset.otherwise, *(name for one in preset.arguments for name in one.fixes)]
            for name in named:
                part = record.fields.get(name)
                if part is None or part.scalar.name != "String":
                    hint = _meant(name, record.fields)
                    told = f"{preset.name} asks by {name!r}, which is no text field of {record.type_name}{hint}"
                    self._problem(preset.file, preset.line, told)
            found[preset.name] = preset, record
        return found

    def _actions(self, part: Declared, records: Mapping[str, Record]) -> Iterable[Action]:
        for declared in part.actions:
            spec = action_of(declared)
            if spec is None:
                where = getattr(sys.modules.get(declared.__module__), "__file__", declared.__module__)
                self._problem(str(where), 1, f"{declared.__name__} is listed as an action but has no @action")
                continue
            scalars = {name: self._scalar(spec, name, one.line)[0] for name, one in spec.inputs.items()}
            rules = tuple(rule for rule in part.rules if isinstance(rule, AllowAction) and rule.action is declared)
            action = resolved_action(spec, part.department, scalars, records, rules, self._problem)
            if action is not None:
                yield action

    def _owner_problems(self, owner: Owner | None, *, outermost: bool = False) -> Iterable[str]:
        return owner_problems(owner, outermost=outermost, today=self._today)

    def _problem(self, file: str, line: int, message: str) -> None:
        self._problems.append(Problem(f"{short_path(file)}:{line}", message))

    def _collect(self, part: Declared) -> None:
        department = part.department
        if department.name in self._departments:
            self._problems.append(Problem(department.name, "two departments have this name; rename one"))
        for told in self._owner_problems(department.owner, outermost=True):
            self._problems.append(Problem(department.name, told))
        self._departments[department.name] = department
        for declared in part.records:
            spec = spec_of(declared)
            if spec is None:
                where = getattr(sys.modules.get(declared.__module__), "__file__", declared.__module__)
                self._problem(str(where), 1, f"{declared.__name__} is listed as a record but has no @record")
                continue
            self._collect_source(spec, department)
            self._specs[f"{department.name}.{spec.name}"] = spec
            self._names[declared] = f"{department.name}.{spec.name}"

    def _collect_source(self, spec: RecordSpec, department: Department) -> None:
        if spec.source.name not in self._sources:
            for told in self._owner_problems(spec.source.owner):
                self._problems.append(Problem(f"{department.name}: source {spec.source.name}", told))
        known = self._sources.setdefault(spec.source.name, spec.source)
        if known is not spec.source:
            self._problem(spec.file, spec.line, f"two sources are named {spec.source.name!r}; rename one")
        if spec.source.department != department.name:
            self._problem(
                spec.file, spec.line,
                f"{spec.name} of department {department.name!r} reads source {spec.source.name!r} of "
                f"{spec.source.department!r}; read it by a link instead",
            )  # fmt: skip

    def _add_links(self, part: Declared) -> None:
        """Puts the links a department adds beside those a record declares itself."""
        for added in part.links_from:
            spec = self._specs.get(added.record)
            problem = added_link_problem(added, part.department, self._specs)
            if problem is not None:
                self._problem(added.link.file or part.department.name, added.link.line, problem)
            elif spec is not None:
                link = dataclasses.replace(
                    added.link, owner=part.department.owner, department=part.department.name
                )
                self._specs[added.record] = dataclasses.replace(spec, specs={**spec.specs, added.name: link})

    def _add_roles(self, part: Declared) -> None:
        for added in part.roles:
            if added.name in self._roles:
                self._problem(added.file, added.line, f"there is a role {added.name!r} already; use it, or rename it")
            elif not re.fullmatch(r"[a-z][a-z_]*", added.name) or not added.description.strip():
                told = f"role {added.name!r} needs a name of small letters and underscores, and a description"
                self._problem(added.file, added.line, told)
            self._roles.setdefault(added.name, added)

    def _record(self, name: str, spec: RecordSpec) -> Record:
        department = self._departments[name.split(".")[0]]
        owned = (spec.owner, spec.source.owner, department.owner)
        for told in self._owner_problems(spec.owner):
            self._problem(spec.file, spec.line, f"{spec.name} {told}")
        owners = tenures(*owned)
        if not spec.description:
            self._problem(spec.file, spec.line, f"{spec.name} has no docstring; say what one row is")
        for stray in spec.stray:
            self._problem(
                spec.file, spec.line,
                f"{spec.name}.{stray} has no source; declare it with column, one, many, computed or looked_up",
            )  # fmt: skip
        self._check_purpose_words(spec)
        personal = any(not isinstance(part, LinkSpec) and part.facts.personal for part in spec.specs.values())
        if personal and spec.persons is None:
            told = f"{spec.name} has personal fields; say persons=True if a row is about a person, else persons=False"
            self._problem(spec.file, spec.line, told)
        fields = self._fields(spec, owned)
        links = self._links(spec, fields, owned)
        if spec.key not in fields or fields[spec.key].column is None:
            hint = _meant(spec.key, [name for name, field in fields.items() if field.column is not None])
            self._problem(spec.file, spec.line, f"{spec.name} has no column field {spec.key!r} for its key{hint}")
        if (wrong := changes_problem(spec.changes, fields, _askable(spec), spec.key, spec.relation)) is not None:
            self._problem(spec.file, spec.line, f"{spec.name}: {wrong}")
        singular = spec.name[0].lower() + spec.name[1:]
        return Record(
            name=name, type_name=spec.name, singular=singular, plural=spec.plural or plural_of(singular),
            department=department, source=_askable(spec), relation=spec.relation, owner=owners[-1].post, owners=owners,
            key=spec.key, size=spec.size, persons=bool(spec.persons), recorded=self._recorded(spec, fields),
            description=spec.description, legal_basis=spec.legal_basis, retention=spec.retention,
            fields=fields, links=links, spec=spec,
            by_api_name=_by_api_name(fields, links), changes=spec.changes,
        )  # fmt: skip

    def _recorded(self, spec: RecordSpec, fields: Mapping[str, Field]) -> str | None:
        if spec.recorded is None:
            return None
        part = fields.get(spec.recorded)
        if part is None or part.column is None or part.scalar.name != "DateTime":
            hint = _meant(spec.recorded, [name for name, one in fields.items() if one.scalar.name == "DateTime"])
            self._problem(
                spec.file, spec.line,
                f"{spec.name} says recorded={spec.recorded!r}, which is no DateTime column field here{hint}",
            )  # fmt: skip
            return None
        return spec.recorded

    def _check_purpose_words(self, spec: RecordSpec) -> None:
        bases = {spec.legal_basis} | {
            part.facts.legal_basis for part in spec.specs.values() if not isinstance(part, LinkSpec)
        }
        for basis in sorted(basis for basis in bases if basis is not None and basis not in purposes.LEGAL_BASES):
            self._problem(
                spec.file, spec.line,
                f"{spec.name}: {basis!r} is no legal basis{_meant(basis, purposes.LEGAL_BASES)}",
            )  # fmt: skip

    def _fields(self, spec: RecordSpec, owned: Owned) -> dict[str, Field]:
        fields: dict[str, Field] = {}
        for name, part in spec.specs.items():
            if isinstance(part, (ColumnSpec, LookedUpSpec)):
                fields[name] = self._field(spec, name, part, part.facts.classification, owned)
        for name, part in spec.specs.items():
            if isinstance(part, ComputedSpec):
                fields[name] = self._computed(spec, name, part, fields, owned)
        for name, part in spec.specs.items():
            if isinstance(part, LookedUpSpec) and part.by not in fields:
                self._unknown(spec, part.line, name, part.by, fields)
        return {name: fields[name] for name in spec.specs if name in fields}

    def _computed(
        self, spec: RecordSpec, name: str, part: ComputedSpec, fields: Mapping[str, Field], owned: Owned
    ) -> Field:
        level = Classification.OPEN
        for read in part.reads:
            if read in fields and fields[read].column is None:
                self._problem(spec.file, part.line, f"{spec.name}.{name} reads {read!r}, which is no column field")
            elif read not in fields:
                self._unknown(spec, part.line, name, read, fields)
            else:
                level = max(level, fields[read].classification)
        return self._field(spec, name, part, level, owned)

    def _unknown(self, spec: RecordSpec, line: int, name: str, wanted: str, fields: Iterable[str]) -> None:
        self._problem(
            spec.file, line, f"{spec.name}.{name} reads {wanted!r}, which is no field here{_meant(wanted, fields)}"
        )

    def _field(self, spec: RecordSpec, name: str, part: Spec, level: Classification | None, owned: Owned) -> Field:
        assert not isinstance(part, LinkSpec)
        facts: Facts = part.facts
        derived = isinstance(spec.relation, Derivation)
        if level is None and derived:
            level = Classification.OPEN  # raised to what its cell is worked out from, once every record is resolved
        if level is None:
            self._problem(
                spec.file, part.line,
                f"{spec.name}.{name} has no classification; say open_, public, restricted, confidential or secret",
            )  # fmt: skip
            level = Classification.SECRET
        scalar, nullable = self._scalar(spec, name, part.line)
        for told in self._owner_problems(facts.owner):
            self._problem(spec.file, part.line, f"{spec.name}.{name} {told}")
        owners = tenures(facts.owner, *owned)
        column = part.name if isinstance(part, ColumnSpec) else None
        codec = part.codec if isinstance(part, ColumnSpec) else None
        if scalar.name == "Decimal" and codec is not None and codec.name == "identity" and not derived:
            self._problem(
                spec.file, part.line, f"{spec.name}.{name} is a Decimal without a scale; use codec=decimal(2)"
            )
        return Field(
            name=name, api_name=api_name(name), scalar=scalar, nullable=nullable, classification=level,
            personal=facts.personal, sensitive=facts.sensitive, owner=owners[-1].post, owners=owners,
            legal_basis=facts.legal_basis or spec.legal_basis, retention=facts.retention or spec.retention,
            description=facts.description, column=column, codec=codec,
            distinct=part.distinct if isinstance(part, ColumnSpec) else None,
            noted=isinstance(part, ColumnSpec) and part.noted,
            function=part.function if isinstance(part, ComputedSpec) else None,
            batch=part.batch if isinstance(part, LookedUpSpec) else None,
            reads=_reads(part),
            where=f"{short_path(spec.file)}:{part.line}",
        )  # fmt: skip

    def _scalar(self, spec: RecordSpec | ActionSpec, name: str, line: int) -> tuple[Scalar, bool]:
        try:
            written = spec.annotations[name]
            hint = eval(written, vars(sys.modules[spec.module])) if isinstance(written, str) else written
        except KeyError:
            self._problem(spec.file, line, f"{spec.name}.{name} has no type; write e.g. `{name}: str | None = ...`")
            return STRING, True
        except (NameError, AttributeError) as error:
            self._problem(spec.file, line, f"{spec.name}.{name}: {error}; import the type")
            return STRING, True
        except Exception:
            self._problem(spec.file, line, f"{spec.name}.{name}: {written!r} is no type; write e.g. `str | None`")
            return STRING, True
        nullable = False
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            parts = [part for part in typing.get_args(hint) if part is not type(None)]
            nullable = True
            hint = parts[0] if len(parts) == 1 else hint
        scalar = BY_ANNOTATION.get(hint) if isinstance(hint, Hashable) else None
        if scalar is None:
            allowed = ", ".join(sorted(known.name for known in BY_ANNOTATION.values()))
            self._problem(spec.file, line, f"{spec.name}.{name} has a type outside the scalars: {allowed}")
            return STRING, True
        return scalar, nullable

    def _links(self, spec: RecordSpec, fields: Mapping[str, Field], owned: Owned) -> dict[str, Link]:
        links = {}
        for name, part in spec.specs.items():
            if isinstance(part, LinkSpec) and (link := self._link(spec, name, part, fields, owned)) is not None:
                links[name] = link
        return links

    def _link(
        self, spec: RecordSpec, name: str, part: LinkSpec, fields: Mapping[str, Field], owned: Owned
    ) -> Link | None:
        target, file = self._specs.get(part.target), part.file or spec.file
        if target is None:
            hint = _meant(part.target, self._specs)
            self._problem(file, part.line, f"{spec.name}.{name} links to unknown record {part.target!r}{hint}")
            return None
        local = (part.key or spec.key) if part.many else part.on
        remote = part.on if part.many else target.key
        local_spec, remote_spec = spec.specs.get(local), target.specs.get(remote)
        if not isinstance(local_spec, ColumnSpec):
            hint = _meant(local, fields)
            self._problem(file, part.line, f"{spec.name}.{name} joins on {local!r}, no column field here{hint}")
            return None
        if not isinstance(remote_spec, ColumnSpec):
            hint = _meant(remote, target.specs)
            self._problem(
                file, part.line,
                f"{spec.name}.{name} joins on {target.name}.{remote}, which is no column field there{hint}",
            )  # fmt: skip
            return None
        owners = tenures(part.owner, *owned)
        levels = [_level(side.facts) for side in (local_spec, remote_spec)]
        return Link(
            name=name, api_name=api_name(name), target=part.target, many=part.many, local=local, remote=remote,
            classification=max(levels) if part.classification is None else part.classification,
            owner=owners[-1].post, owners=owners, department=part.department or spec.source.department,
            description=part.description, where=f"{short_path(file)}:{part.line}",
        )  # fmt: skip

    def _check_names(self, records: Mapping[str, Record]) -> None:
        taken: dict[str, str] = {}
        for record in records.values():
            for root in (record.type_name, record.singular, record.plural):
                other = taken.setdefault(root, record.name)
                if other != record.name or root in RESERVED or record.singular == record.plural:
                    self._problem(
                        record.spec.file, record.spec.line,
                        f"{record.name} is called {root!r} like {other}; rename it or give another plural=",
                    )  # fmt: skip
            names: dict[str, str] = {}
            parts: list[Field | Link] = [*record.fields.values(), *record.links.values()]
            for part in parts:
                if part.api_name in RESERVED or not re.fullmatch(r"[a-z][A-Za-z0-9]*", part.api_name):
                    self._problem(
                        record.spec.file, record.spec.line,
                        f"{record.type_name}.{part.name} has a name clients cannot use; rename it",
                    )  # fmt: skip
                if names.setdefault(part.api_name, part.name) != part.name:
                    self._problem(
                        record.spec.file, record.spec.line,
                        f"{record.type_name}.{part.name} and .{names[part.api_name]} are both {part.api_name!r}; "
                        "rename one",
                    )  # fmt: skip

    def _check_rule(self, rule: Rule, records: Mapping[str, Record], department: Department) -> None:
        if rule.role not in self._roles:
            self._problem(rule.file, rule.line, f"{rule.role!r} is no role{_meant(rule.role, self._roles)}")
        if isinstance(rule, Grant):
            if rule.department not in self._departments:
                hint = _meant(rule.department, self._departments)
                self._problem(rule.file, rule.line, f"{rule.department!r} is no department{hint}")
            elif rule.department != department.name:
                told = f"{department.name} grants a right over {rule.department}; only {rule.department} may"
                self._problem(rule.file, rule.line, told)
            return
        for purpose in rule.purposes:
            if purpose not in purposes.PURPOSES:
                self._problem(rule.file, rule.line, f"{purpose!r} is no purpose{_meant(purpose, purposes.PURPOSES)}")
        if isinstance(rule, AllowAction):
            if rule.action not in next(part for part in self._declared if part.department is department).actions:
                told = f"a rule speaks of {rule.action.__name__}, which the department does not list as an action"
                self._problem(rule.file, rule.line, told)
            return
        record = records.get(self._names.get(rule.record, ""))
        if record is None:
            self._problem(rule.file, rule.line, f"a rule speaks of {rule.record.__name__}, which no department lists")
            return
        if record.department is not department:
            told = f"{department.name} opens {record.name}; only {record.department.name} says who sees its records"
            self._problem(rule.file, rule.line, told)
        names = list(fields_of(rule.where))
        match rule:
            case Allow():
                names += [*rule.only, *rule.masked]
            case AllowTotals():
                names += [*rule.by, *rule.measures, *(name for pair in rule.within for name in pair)]
                if rule.k < 1:
                    self._problem(rule.file, rule.line, "k must be at least 1")
            case AllowThrough():
                names += rule.only
                self._check_through(rule, record, records)
        known = {**record.fields, **record.links}
        known |= {f"{link.department}.{name}": link for name, link in record.links.items()}
        for name in names:
            if "." in name and name.partition(".")[0] not in self._departments:
                continue  # a link that a department adds which is not served here
            if name not in known:
                self._problem(rule.file, rule.line, f"{record.type_name} has no field {name!r}{_meant(name, known)}")
        for name in fields_of(rule.where):
            if name in record.fields and record.fields[name].column is None:
                self._problem(rule.file, rule.line, f"a rule's condition reads {name!r}, which is no column field")


    def _check_through(self, rule: AllowThrough, record: Record, records: Mapping[str, Record]) -> None:
        """The derived record must be there and read this one, unless its whole department is not served here."""
        derived = records.get(rule.through)
        if derived is None and rule.through.partition(".")[0] not in self._departments:
            return
        if derived is None:
            hint = _meant(rule.through, records)
            self._problem(rule.file, rule.line, f"a right through unknown record {rule.through!r}{hint}")
        elif isinstance(record.relation, Derivation):
            told = f"a right through {rule.through} to a derived record; open those that it is derived from"
            self._problem(rule.file, rule.line, told)
        elif record.name not in records_read(derived, records):
            told = f"a right through {rule.through}, which is not derived from {record.name}"
            self._problem(rule.file, rule.line, told)


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


def _by_api_name(fields: Mapping[str, Field], links: Mapping[str, Link]) -> dict[str, Field | Link]:
    return {**{field.api_name: field for field in fields.values()}, **{link.api_name: link for link in links.values()}}


def _level(facts: Facts) -> Classification:
    return Classification.SECRET if facts.classification is None else facts.classification


def short_path(file: str) -> str:
    """The last two parts of a path: enough to find the file, nothing of the machine."""
    return "/".join(Path(file).parts[-2:])
