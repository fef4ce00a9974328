"""What is noted while an operation is authorized: refusals, rows that rules hide, and rules that showed or masked."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from auth.access import Access
from auth.decisions import Decision, PartRefused, RecordAccess
from gateway import partwise
from gateway.allowed import Allowed, MissingPart, Narrowed, Path, Refusal, Root, Settled
from gateway.filters import ArgumentRefused
from gateway.naming import Named
from schema.catalog import Link, Record


@dataclass(frozen=True, slots=True)
class Notes:
    refusals: dict[str, Refusal] = field(default_factory=dict)
    narrowed: dict[tuple[Path, str], Narrowed] = field(default_factory=dict)
    shown: dict[str, tuple[str, ...]] = field(default_factory=dict)
    masked: dict[str, tuple[str, ...]] = field(default_factory=dict)
    missing: dict[tuple[Path, str], MissingPart] = field(default_factory=dict)
    settled: list[Settled] = field(default_factory=list)
    named: list[Named] = field(default_factory=list)

    def allowed(self, access: Access, roots: Iterable[Root]) -> Allowed:
        """These roots with everything that was noted on the way to them."""
        sought = tuple(leaf for one in self.named for leaf in one.sought)
        named = tuple(dict.fromkeys((one.path, one.coordinate) for one in self.named)) if self.refusals else ()
        return Allowed(
            access, tuple(roots), tuple(self.refusals.values()), tuple(self.narrowed.values()), self.shown, self.masked,
            missing=tuple(self.missing.values()), settled=tuple(self.settled), named=named, sought=sought,
        )  # fmt: skip

    def refuse(self, path: Path, coordinate: str, decision: Decision, of: Record | Link, owner: str) -> None:
        """Once for each coordinate."""
        message = f"{coordinate} is not available to you: {decision.reason}"
        department = of.department if isinstance(of, Link) else of.department.name
        self.refusals.setdefault(coordinate, Refusal(path, coordinate, decision.code, message, department, owner))

    def refuse_record(self, path: Path, coordinate: str, record: Record, decision: Decision) -> None:
        self.refuse(path, coordinate, decision, record, record.owner)

    def bad_argument(self, path: Path, coordinate: str, problem: ArgumentRefused) -> None:
        self.refusals.setdefault(
            f"{coordinate}({'/'.join(path)})",
            Refusal(path, coordinate, problem.code, problem.message, problem.department, problem.owner),
        )

    def narrows(self, path: Path, target: RecordAccess) -> None:
        """Rows of ``target`` are read for what stands at ``path``."""
        if target.narrowed:
            record = target.record.name
            self.narrowed[path, record] = Narrowed(path, target.record.type_name, target.visible_rules)
        self.narrows_beneath(path, target)

    def narrows_beneath(self, path: Path, access: RecordAccess) -> None:
        """Of what a derived record is worked out from, rules may hide some."""
        for base in () if access.query is None else access.query.narrowed:
            found = Narrowed(path, base.record.type_name, base.visible_rules)
            self.narrowed.setdefault((path, base.record.name), found)

    def lacks(self, path: Path, record: Record, lacking: PartRefused) -> None:
        """A part of a derived record in parts is left out."""
        told = partwise.missing(
            record, path, lacking.name, lacking.record, lacking.decision.code, lacking.decision.reason
        )
        self.missing.setdefault((path, lacking.name), told)
