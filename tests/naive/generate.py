"""Operations made up from the published schema and from values that are really there, the same for the same seed."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLType,
    get_named_type,
)

from auth.principal import Principal
from schema.catalog import Field, Link, Record
from tests.naive.executor import Naive
from tests.naive.paths import Grouped, groupings
from tests.naive.rights import Right, Shown
from tests.naive.totals import told
from tests.naive.world import World


@dataclass(slots=True)
class Asked:
    """An operation, its variables, and what it uses: operators, kinds of links."""

    text: str
    variables: dict[str, Any]
    uses: Counter[str]


class Raw(str):
    """Text that stands in an operation as it is: an enum value or a variable."""


def literal(value: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, Raw):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {literal(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(literal, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


@dataclass(slots=True)
class Generator:
    """Makes operations for one principal; ``seed`` decides all of them."""

    schema: GraphQLSchema
    world: World
    principal: Principal
    random: random.Random
    _uses: Counter[str] = field(default_factory=Counter)
    _variables: dict[str, tuple[str, Any]] = field(default_factory=dict)
    _fragments: list[str] = field(default_factory=list)
    _naive: Naive = field(init=False)

    def __post_init__(self) -> None:
        self._naive = Naive(self.world, self.principal)

    def operation(self) -> Asked:
        self._uses, self._variables, self._fragments = Counter(), {}, []
        roots = [self._root() for _ in range(1 if self.chance(0.8) else 2)]
        body = "{ " + " ".join(f"r{index}: {root}" for index, root in enumerate(roots)) + " }"
        told = "\n".join([body, *self._fragments])
        used = set(re.findall(r"\$(v\d+)", told))
        variables = {name: told for name, told in self._variables.items() if name in used}
        head = ", ".join(f"${name}: {type_name}" for name, (type_name, _) in variables.items())
        text = f"query Q{'(' + head + ')' if head else ''} {told}"
        return Asked(text, {name: value for name, (_, value) in variables.items()}, self._uses)

    def chance(self, probability: float) -> bool:
        return self.random.random() < probability

    # Roots

    def _root(self) -> str:
        records = [record for record in self.world.catalog.records.values() if record.name in self.world.rows]
        allowed = [record for record in records if self._naive.rights(record).allowed]
        countable = [record for record in records if self._naive.rights(record).totals and record not in allowed]
        record = self.random.choice(allowed if self.chance(0.9) else records)
        if countable and self.chance(0.25):
            return self._connection(self.random.choice(countable), 0, totals_only=True)
        listed = record.source.capabilities.list_all
        if not listed or self.chance(0.12):
            return self._by_key(record)
        return self._connection(record, 0)

    def _by_key(self, record: Record) -> str:
        self._uses["root by key"] += 1
        visible = [row for row in self.world.rows[record.name] if self._naive.rights(record).visible(row)]
        rows = visible if visible and self.chance(0.9) else self.world.rows[record.name]
        value = told(record.key_field.scalar, self.random.choice(rows)[record.key]) if rows else "?"
        key = literal(self._lift(value, str(self._key_type(record))))
        return f"{record.singular}({record.key_field.api_name}: {key}) {self._object(record, 1)}"

    def _key_type(self, record: Record) -> GraphQLType:
        assert self.schema.query_type is not None
        return self.schema.query_type.fields[record.singular].args[record.key_field.api_name].type

    def _across(self, record: Record, links: tuple[Link, ...]) -> str:
        """Whether a way over links leaves the department."""
        targets = [self.world.catalog.records[link.target] for link in links]
        return "across" if any(target.department != record.department for target in targets) else "within"

    # Selections

    def _object(self, record: Record, depth: int) -> str:
        rights = self._naive.rights(record)
        picked: list[str] = []
        fields = list(record.fields.values())
        self.random.shuffle(fields)
        for part in fields[: self.random.randint(1, 5)]:
            if isinstance(rights.shown(part), Shown) or self.chance(0.08):
                picked.append(self._alias() + part.api_name)
        if self.chance(0.1):
            picked.append("__typename")
        if depth < 4:
            for link in record.links.values():
                if self._known(link) and self.chance(0.5 / depth):
                    picked.append(self._link(record, link.name, depth))
        picked = picked or [record.key_field.api_name if rights.shown(record.key_field) != "refused" else "__typename"]
        return "{ " + " ".join(self._wrapped(record.type_name, picked)) + " }"

    def _alias(self) -> str:
        return f"a{self.random.randint(0, 9**6)}: " if self.chance(0.1) else ""

    def _wrapped(self, type_name: str, picked: list[str]) -> list[str]:
        """Some of the selections in fragments, or behind a directive."""
        told: list[str] = []
        for each in picked:
            if self.chance(0.05):
                name = f"F{len(self._fragments)}"
                self._fragments.append(f"fragment {name} on {type_name} {{ {each} }}")
                told.append(f"...{name}")
            elif self.chance(0.05):
                told.append(f"... on {type_name} {{ {each} }}")
            elif self.chance(0.03):
                directive, wanted = self.random.choice((("include", True), ("skip", False), ("skip", True)))
                if wanted is True and directive == "skip" and len(picked) == 1:
                    wanted = False
                value = literal(self._lift(wanted, "Boolean!"))
                told.append(f"... @{directive}(if: {value}) {{ {each} }}")
            else:
                told.append(each)
        return told

    def _link(self, record: Record, name: str, depth: int) -> str:
        link = record.links[name]
        target = self.world.catalog.records[link.target]
        self._uses[f"link {'many' if link.many else 'one'} {self._across(record, (link,))}"] += 1
        if link.many:
            return f"{self._alias()}{self._connection(target, depth, name=link.api_name)}"
        return f"{self._alias()}{link.api_name} {self._object(target, depth + 1)}"

    # Connections

    def _connection(self, record: Record, depth: int, name: str | None = None, totals_only: bool = False) -> str:
        rights = self._naive.rights(record)
        right = self.random.choice(rights.totals) if rights.totals else None
        picked: list[str] = []
        if not totals_only and (rights.allowed or self.chance(0.2)):
            nodes = self._object(record, depth + 1)
            picked.append(f"nodes {nodes}" if self.chance(0.8) else f"edges {{ node {nodes} }}")
            if self.chance(0.15):
                picked.append("pageInfo { hasNextPage hasPreviousPage }")
        if right is not None or self.chance(0.03):
            if totals_only or self.chance(0.25):
                picked.append(self._alias() + "totalCount")
            if totals_only or self.chance(0.2):
                picked.append(self._alias() + self._aggregate(record, right))
        picked = picked or ["__typename"]
        arguments = {}
        if self.chance(0.55 if depth == 0 else 0.25):
            where = self._where(record, 2, right if totals_only else None)
            if where or self.chance(0.1):
                arguments["where"] = self._lift(where, f"{record.type_name}Where", 0.2)
        if not totals_only and self.chance(0.45):
            arguments["orderBy"] = self._order(record)
        if not totals_only and self.chance(0.7 if depth else 0.95):
            size = self.random.choice((1, 2, 3, 5, 8) if depth else (3, 7, 12, 25, 40))
            arguments[self.random.choice(("first", "first", "last"))] = self._lift(size, "Int")
        told = ", ".join(f"{key}: {literal(value)}" for key, value in arguments.items())
        return f"{name or record.plural}{'(' + told + ')' if told else ''} {{ {' '.join(picked)} }}"

    def _lift(self, value: Any, type_name: str, probability: float = 0.25) -> Any:
        """The value, or a variable that carries it."""
        if not self.chance(probability) or _holds_raw(value):
            return value
        name = f"v{len(self._variables)}"
        self._variables[name] = (type_name, value)
        return Raw(f"${name}")

    # Filters

    def _input(self, name: str) -> dict[str, Any]:
        told = self.schema.type_map[name]
        assert isinstance(told, GraphQLInputObjectType)
        return told.fields

    def _where(self, record: Record, depth: int, right: Right | None) -> dict[str, Any]:
        """``right``: under which rows are counted that may not be read."""
        where: dict[str, Any] = {}
        for _ in range(self.random.choice((1, 1, 2))):
            if depth and self.chance(0.25):
                name = self.random.choice(("and", "or", "or", "not"))
                self._uses[f"op {name}"] += 1
                inner = [self._where(record, depth - 1, right) for _ in range(self.random.choice((0, 1, 2, 2)))]
                where[name] = self._where(record, depth - 1, right) if name == "not" else inner
            else:
                self._clause(record, depth, right, where)
        return where

    def _clause(self, record: Record, depth: int, right: Right | None, where: dict[str, Any]) -> None:
        names = [name for name in self._input(f"{record.type_name}Where") if name not in ("and", "or", "not")]
        parts = [part for name in names if self._known(part := record.by_api_name[name])]
        usable = [part for part in parts if self._usable(record, part, right) or self.chance(0.02)]
        links = [part for part in usable if isinstance(part, Link)]
        if not usable:
            return
        part = self.random.choice(links if links and depth and self.chance(0.4) else usable)
        if isinstance(part, Field):
            where[part.api_name] = self._tests(record, part)
        else:
            self._through(record, part, depth, where)

    def _known(self, part: Field | Link) -> bool:
        """Whether the naive executor has it: it does not work out derived records."""
        return isinstance(part, Field) or part.target in self.world.rows

    def _usable(self, record: Record, part: Field | Link, right: Right | None) -> bool:
        if not self._known(part):
            return False
        if right is not None and right.by is not None:
            return part.name in right.by or (isinstance(part, Link) and part.local in right.by)
        rights = self._naive.rights(record)
        if isinstance(part, Link) and not self._naive.rights(self.world.catalog.records[part.target]).allowed:
            return False
        return isinstance(rights.shown(part), Shown)

    def _through(self, record: Record, link: Link, depth: int, where: dict[str, Any]) -> None:
        """A filter through a link. What can only be asked key by key is asked rarely."""
        target = self.world.catalog.records[link.target]
        if not target.source.capabilities.list_all and not self.chance(0.2):
            return
        across = self._across(record, (link,))
        if not link.many:
            key = target.key_field
            key_only = depth == 0 or self.chance(0.15)
            if key_only:
                self._uses["filter on a link's key"] += 1
                where[link.api_name] = {key.api_name: self._tests(target, key)}
            else:
                self._uses[f"filter through one {across}"] += 1
                where[link.api_name] = self._where(target, depth - 1, None)
            return
        asked = {}
        for quantifier in self.random.sample(("some", "every", "none"), self.random.choice((1, 1, 1, 2))):
            self._uses[f"op {quantifier}"] += 1
            self._uses[f"filter {quantifier} {across}"] += 1
            asked[quantifier] = self._where(target, max(depth - 1, 0), None)
        where[link.api_name] = asked

    def _tests(self, record: Record, part: Field) -> dict[str, Any]:
        where_type = self._input(f"{record.type_name}Where")[part.api_name].type
        operators = get_named_type(where_type)
        assert isinstance(operators, GraphQLInputObjectType)
        tests: dict[str, Any] = {}
        for name in self.random.sample(list(operators.fields), self.random.choice((1, 1, 1, 2))):
            self._uses[f"op {name}"] += 1
            kind = operators.fields[name].type
            tests[name] = self._lift(self._operand(record, part, name), str(kind))
        return tests

    def _operand(self, record: Record, part: Field, op: str) -> Any:
        if op == "isNull":
            return self.chance(0.3)
        if op in ("in", "notIn"):
            return [self._value(record, part) for _ in range(self.random.choice((0, 1, 2, 3, 5)))]
        value = self._value(record, part)
        if not isinstance(value, str) or part.scalar.name != "String":
            return value
        if op in ("startsWith", "contains", "icontains") and value:
            start = 0 if op == "startsWith" else self.random.randrange(len(value))
            value = value[start : start + self.random.choice((1, 2, 3, 5))]
        return value.swapcase() if op in ("ieq", "icontains") or self.chance(0.05) else value

    def _value(self, record: Record, part: Field) -> Any:
        """A value of the field that some row has, most of the time one the principal may see."""
        rows = self.world.rows[record.name]
        for _ in range(8):
            row = self.random.choice(rows) if rows else {}
            value = row.get(part.name)
            if value is not None and (self.chance(0.2) or self._naive.rights(record).visible(row)):
                break
        else:
            value = None
        if value is not None and self.chance(0.95):
            return told(part.scalar, value)
        return _UNUSUAL[part.scalar.name]

    # Order and totals

    def _order(self, record: Record) -> Any:
        terms: list[Any] = [{}] if self.chance(0.03) else []
        for _ in range(self.random.choice((1, 1, 2))):
            name = self.random.choice(list(self._input(f"{record.type_name}Order")))
            links = [part for part in record.links.values() if not part.many and self._usable(record, part, None)]
            part: Field | Link = self.random.choice(links) if links and self.chance(0.4) else record.by_api_name[name]
            if self._usable(record, part, None) or self.chance(0.03):
                terms.append(self._term(record, part, ()))
        return terms

    def _term(self, record: Record, part: Field | Link, links: tuple[Link, ...]) -> dict[str, Any]:
        """One thing rows are ordered by, behind links."""
        if isinstance(part, Field):
            self._uses[f"order by linked field {self._across(record, links)}" if links else "order by field"] += 1
            return {part.api_name: Raw(self.random.choice(("ASC", "DESC")))}
        target = self.world.catalog.records[part.target]
        further = [one for one in target.links.values() if not one.many and self._usable(target, one, None)]
        fields = [one for one in target.fields.values() if one.column and self._usable(target, one, None)]
        inner: Field | Link = self.random.choice(further) if further and len(links) < 2 and self.chance(0.25) else (
            self.random.choice(fields) if fields else target.key_field
        )
        if inner == target.key_field or self.chance(0.15):
            self._uses["order by link"] += 1
            return {part.api_name: {target.key_field.api_name: Raw(self.random.choice(("ASC", "DESC")))}}
        return {part.api_name: self._term(target, inner, (*links, part))}

    def _aggregate(self, record: Record, right: Right | None) -> str:
        self._uses["aggregate"] += 1
        kind = self.schema.type_map[f"{record.type_name}GroupBy"]
        assert isinstance(kind, GraphQLEnumType)
        known = groupings(self.world.catalog, record)
        usable = [name for name in kind.values if self._may_group(record, known[name], right) or self.chance(0.005)]
        own = [name for name in usable if not known[name].links]
        names: list[str] = []
        for _ in range(self.random.choice((0, 1, 1, 2))):
            choices = [name for name in (own if self.chance(0.5) else usable) if name not in names]
            names += [self.random.choice(choices)] if choices else []
        picked = ["count", "suppressed"]
        if names:
            keys = []
            for name in names:
                each = known[name]
                if isinstance(each.part, Link):
                    self._uses["group by link"] += 1
                    target = self.world.catalog.records[each.part.target]
                    keys.append(f"{each.name} {self._object(target, 9)}")
                    continue
                if each.links:
                    self._uses[f"group by linked field {self._across(record, each.links)}"] += 1
                keys.append(each.name)
            picked.append(f"key {{ {' '.join(keys)} }}")
        measured = self._measures(record, right, picked)
        having = self._having(record, measured) if self.chance(0.25) else {}
        arguments = []
        if names:
            arguments.append(f"groupBy: {literal([Raw(name) for name in names])}")
        if having:
            self._uses["having"] += 1
            arguments.append(f"having: {literal(having)}")
        return f"aggregate{'(' + ', '.join(arguments) + ')' if arguments else ''} {{ {' '.join(picked)} }}"

    def _may_group(self, record: Record, asked: Grouped, right: Right | None) -> bool:
        for link in asked.links:
            target = self.world.catalog.records[link.target]
            if not target.source.capabilities.list_all or not self._usable(record, link, right):
                return False
            record, right = target, None
        return self._usable(record, asked.part, right)

    def _measures(self, record: Record, right: Right | None, picked: list[str]) -> list[tuple[str, Field]]:
        measured = []
        protected = right is not None and right.k
        for function in ("sum", "avg", "min", "max", "countDistinct"):
            kind = self.schema.type_map.get(f"{record.type_name}{function[0].upper()}{function[1:]}")
            if not isinstance(kind, GraphQLObjectType) or self.chance(0.6):
                continue
            if protected and function in ("min", "max") and self.chance(0.95):
                continue
            measures = None if right is None or function == "countDistinct" else right.measures
            parts = [record.by_api_name[name] for name in kind.fields]
            usable = [
                part for part in parts if isinstance(part, Field)
                and (part.name in measures if measures is not None else self._usable(record, part, right))
            ]  # fmt: skip
            if usable:
                part = self.random.choice(usable)
                self._uses[f"measure {function}"] += 1
                picked.append(f"{function} {{ {part.api_name} }}")
                measured.append((function, part))
        return measured

    def _having(self, record: Record, measured: list[tuple[str, Field]]) -> dict[str, Any]:
        having: dict[str, Any] = {"count": {self.random.choice(("gt", "lte", "ne")): self.random.choice((1, 2, 5))}}
        distinct = [(function, part) for function, part in measured if function == "countDistinct"]
        chosen = distinct or measured
        for function, part in [self.random.choice(chosen)] if chosen else []:
            if function == "countDistinct":
                self._uses["having countDistinct"] += 1
                having[function] = {part.api_name: {self.random.choice(("gt", "lte")): self.random.choice((1, 2, 5))}}
            elif function in ("sum", "avg"):
                having[function] = {part.api_name: {self.random.choice(("gt", "lte")): self.random.choice(("0", "60"))}}
            elif function in ("min", "max"):
                having[function] = {part.api_name: {"isNull": False}}
        return having


def _holds_raw(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_holds_raw, value.values()))
    return any(map(_holds_raw, value)) if isinstance(value, list) else isinstance(value, Raw)


_UNUSUAL = {
    "String": "", "Int": -1, "Long": "9223372036854775807", "Decimal": "-0.01", "Float": 0.5, "Boolean": True,
    "Date": dt.date(1900, 2, 28).isoformat(), "DateTime": "2025-09-30T23:59:59+05:00", "NationalId": "0000000000000",
}  # fmt: skip


