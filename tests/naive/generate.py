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
from schema.catalog import Field, Record
from tests.naive.executor import Naive, told
from tests.naive.rights import Shown
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
        countable = [record for record in records if self._naive.rights(record).counts and record not in allowed]
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
        key = literal(self._lift(value, str(self._argument_type(record.singular))))
        return f"{record.singular}({record.key_field.api_name}: {key}) {self._object(record, 1)}"

    def _argument_type(self, root: str) -> GraphQLType:
        assert self.schema.query_type is not None
        (argument,) = self.schema.query_type.fields[root].args.values()
        return argument.type

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
                if self.chance(0.5 / depth):
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
        across = "across" if target.department != record.department else "within"
        self._uses[f"link {'many' if link.many else 'one'} {across}"] += 1
        if link.many:
            return f"{self._alias()}{self._connection(target, depth, name=link.api_name)}"
        return f"{self._alias()}{link.api_name} {self._object(target, depth + 1)}"

    # Connections

    def _connection(self, record: Record, depth: int, name: str | None = None, totals_only: bool = False) -> str:
        rights = self._naive.rights(record)
        picked: list[str] = []
        if not totals_only and (rights.allowed or self.chance(0.2)):
            nodes = self._object(record, depth + 1)
            picked.append(f"nodes {nodes}" if self.chance(0.8) else f"edges {{ node {nodes} }}")
            if self.chance(0.15):
                picked.append("pageInfo { hasNextPage hasPreviousPage }")
        if rights.counts or self.chance(0.03):
            if totals_only or self.chance(0.25):
                picked.append(self._alias() + "totalCount")
            if totals_only or self.chance(0.2):
                picked.append(self._alias() + self._aggregate(record))
        picked = picked or ["__typename"]
        arguments = {}
        if self.chance(0.55 if depth == 0 else 0.25):
            where = self._where(record, 2, totals_only)
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

    def _where(self, record: Record, depth: int, totals: bool) -> dict[str, Any]:
        where: dict[str, Any] = {}
        for _ in range(self.random.choice((1, 1, 2))):
            if depth and self.chance(0.3):
                name = self.random.choice(("and", "or", "or", "not"))
                self._uses[f"op {name}"] += 1
                inner = [self._where(record, depth - 1, totals) for _ in range(self.random.choice((0, 1, 2, 2)))]
                where[name] = self._where(record, depth - 1, totals) if name == "not" else inner
            else:
                self._clause(record, depth, totals, where)
        return where

    def _clause(self, record: Record, depth: int, totals: bool, where: dict[str, Any]) -> None:
        rights = self._naive.rights(record)
        names = [name for name in self._input(f"{record.type_name}Where") if name not in ("and", "or", "not")]
        parts = [record.by_api_name[name] for name in names]
        by = rights.by if totals and rights.granted else None
        usable = [
            part for part in parts
            if (part.name in by if by is not None else isinstance(rights.shown(part), Shown)) or self.chance(0.02)
        ]  # fmt: skip
        if not usable:
            return
        part = self.random.choice(usable)
        if isinstance(part, Field):
            where[part.api_name] = self._tests(record, part)
            return
        target = self.world.catalog.records[part.target]
        listed = target.source.capabilities.list_all
        same = target.department == record.department and listed
        if not part.many:
            key_only = not same or self.chance(0.4)
            key = target.key_field
            self._uses["filter through one"] += 1
            inner = {key.api_name: self._tests(target, key)} if key_only else self._where(target, depth - 1, False)
            where[part.api_name] = inner if depth or key_only else {}
        elif same or self.chance(0.02):
            quantifier = self.random.choice(("some", "every", "none"))
            self._uses[f"op {quantifier}"] += 1
            where[part.api_name] = {quantifier: self._where(target, max(depth - 1, 0), False)}

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
        rights = self._naive.rights(record)
        terms: list[Any] = [{}] if self.chance(0.03) else []
        for name, argument in self.random.sample(list(self._input(f"{record.type_name}Order").items()), 2):
            part = record.by_api_name[name]
            if not isinstance(rights.shown(part), Shown) and self.chance(0.97):
                continue
            direction = Raw(self.random.choice(("ASC", "DESC")))
            if isinstance(part, Field):
                self._uses["order by field"] += 1
                terms.append({name: direction})
            elif self.chance(0.7):
                key = self.world.catalog.records[part.target].key_field.api_name
                self._uses["order by link"] += 1
                assert argument is not None
                terms.append({name: {key: direction}})
        return terms

    def _aggregate(self, record: Record) -> str:
        self._uses["aggregate"] += 1
        rights = self._naive.rights(record)
        kind = self.schema.type_map[f"{record.type_name}GroupBy"]
        assert isinstance(kind, GraphQLEnumType)
        upper = {name.upper(): part for name, part in (*record.fields.items(), *record.links.items())}
        usable = [
            name for name in kind.values
            if (upper[name].name in rights.by if rights.granted else isinstance(rights.shown(upper[name]), Shown))
            or self.chance(0.01)
        ]  # fmt: skip
        names = self.random.sample(usable, min(len(usable), self.random.choice((0, 1, 1, 2))))
        picked = ["count", "suppressed"]
        if names:
            keys = []
            for name in names:
                part = upper[name]
                if isinstance(part, Field):
                    keys.append(part.api_name)
                else:
                    self._uses["group by link"] += 1
                    keys.append(f"{part.api_name} {self._object(self.world.catalog.records[part.target], 9)}")
            picked.append(f"key {{ {' '.join(keys)} }}")
        measured = self._measures(record, picked)
        having = self._having(record, measured) if self.chance(0.25) else {}
        arguments = []
        if names:
            arguments.append(f"groupBy: {literal([Raw(name) for name in names])}")
        if having:
            self._uses["having"] += 1
            arguments.append(f"having: {literal(having)}")
        return f"aggregate{'(' + ', '.join(arguments) + ')' if arguments else ''} {{ {' '.join(picked)} }}"

    def _measures(self, record: Record, picked: list[str]) -> list[tuple[str, Field]]:
        rights = self._naive.rights(record)
        measured = []
        for function in ("sum", "avg", "min", "max"):
            kind = self.schema.type_map.get(f"{record.type_name}{function.capitalize()}")
            if not isinstance(kind, GraphQLObjectType) or self.chance(0.6):
                continue
            parts = [record.by_api_name[name] for name in kind.fields]
            usable = [
                part for part in parts if isinstance(part, Field)
                and (part.name in rights.measures if rights.granted else isinstance(rights.shown(part), Shown))
            ]  # fmt: skip
            if usable:
                part = self.random.choice(usable)
                self._uses[f"measure {function}"] += 1
                picked.append(f"{function} {{ {part.api_name} }}")
                measured.append((function, part))
        return measured

    def _having(self, record: Record, measured: list[tuple[str, Field]]) -> dict[str, Any]:
        having: dict[str, Any] = {"count": {self.random.choice(("gt", "lte", "ne")): self.random.choice((1, 2, 5))}}
        for function, part in measured[:1]:
            if function in ("sum", "avg"):
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


