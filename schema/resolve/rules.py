"""Whether rules speak of what is there, and of what their department may open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schema import purposes
from schema.catalog import Declared, Record
from schema.derivations import records_read
from schema.derive.nodes import Derivation
from schema.errors import meant
from schema.predicates import fields_of
from schema.resolve.gathered import Gathered
from schema.resolve.problems import Problems
from schema.rules import Allow, AllowAction, AllowThrough, AllowTotals, Grant, Rule
from schema.sources import Department


def check_rules(
    parts: Sequence[Declared], gathered: Gathered, records: Mapping[str, Record], problems: Problems
) -> None:
    checker = _Checker(gathered, records, problems)
    for part in parts:
        for rule in part.rules:
            checker.check(rule, part)


@dataclass(frozen=True, slots=True)
class _Checker:
    gathered: Gathered
    records: Mapping[str, Record]
    problems: Problems

    def check(self, rule: Rule, part: Declared) -> None:
        """``part``: of the department that declares it."""
        department = part.department
        if rule.role not in self.gathered.roles:
            self._tell(rule, f"{rule.role!r} is no role{meant(rule.role, self.gathered.roles)}")
        if isinstance(rule, Grant):
            self._check_grant(rule, department)
            return
        for purpose in rule.purposes:
            if purpose not in purposes.PURPOSES:
                self._tell(rule, f"{purpose!r} is no purpose{meant(purpose, purposes.PURPOSES)}")
        if isinstance(rule, AllowAction):
            if rule.action not in part.actions:
                told = f"a rule speaks of {rule.action.__name__}, which the department does not list as an action"
                self._tell(rule, told)
            return
        record = self.records.get(self.gathered.names.get(rule.record, ""))
        if record is None:
            self._tell(rule, f"a rule speaks of {rule.record.__name__}, which no department lists")
            return
        if record.department is not department:
            told = f"{department.name} opens {record.name}; only {record.department.name} says who sees its records"
            self._tell(rule, told)
        self._check_names(rule, record)

    def _tell(self, rule: Rule, message: str) -> None:
        self.problems.tell(rule.file, rule.line, message)

    def _check_grant(self, rule: Grant, department: Department) -> None:
        if rule.department not in self.gathered.departments:
            hint = meant(rule.department, self.gathered.departments)
            self._tell(rule, f"{rule.department!r} is no department{hint}")
        elif rule.department != department.name:
            self._tell(rule, f"{department.name} grants a right over {rule.department}; only {rule.department} may")

    def _check_names(self, rule: Allow | AllowTotals | AllowThrough, record: Record) -> None:
        names = list(fields_of(rule.where))
        match rule:
            case Allow():
                names += [*rule.only, *rule.masked]
            case AllowTotals():
                names += [*rule.by, *rule.measures, *(name for pair in rule.within for name in pair)]
                if rule.k < 1:
                    self._tell(rule, "k must be at least 1")
            case AllowThrough():
                names += rule.only
                self._check_through(rule, record)
        known = {**record.fields, **record.links}
        known |= {f"{link.department}.{name}": link for name, link in record.links.items()}
        for name in names:
            if "." in name and name.partition(".")[0] not in self.gathered.departments:
                continue  # a link that a department adds which is not served here
            if name not in known:
                self._tell(rule, f"{record.type_name} has no field {name!r}{meant(name, known)}")
        for name in fields_of(rule.where):
            if name in record.fields and record.fields[name].column is None:
                self._tell(rule, f"a rule's condition reads {name!r}, which is no column field")

    def _check_through(self, rule: AllowThrough, record: Record) -> None:
        """The derived record must be there and read this one, unless its whole department is not served here."""
        derived = self.records.get(rule.through)
        if derived is None and rule.through.partition(".")[0] not in self.gathered.departments:
            return
        if derived is None:
            hint = meant(rule.through, self.records)
            self._tell(rule, f"a right through unknown record {rule.through!r}{hint}")
        elif isinstance(record.relation, Derivation):
            told = f"a right through {rule.through} to a derived record; open those that it is derived from"
            self._tell(rule, told)
        elif record.name not in records_read(derived, self.records):
            self._tell(rule, f"a right through {rule.through}, which is not derived from {record.name}")
