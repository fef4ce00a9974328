"""What a conformance check found. A report tells counts, columns and promises, never a value of a row: it may be sent
to whoever runs the source."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was not kept: ``case`` is the fetch that showed it, ``told`` what was wrong with the answer."""

    promise: str
    case: str
    told: str

    def __str__(self) -> str:
        return f"{self.promise}: {self.case}: {self.told}"


@dataclass(frozen=True, slots=True)
class Report:
    """``record``: whose rows were asked for; ``rows``: how many there are; ``checks``: promise -> cases tried."""

    record: str
    rows: int
    checks: Counter[str]
    violations: tuple[Violation, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.violations

    @property
    def broken(self) -> frozenset[str]:
        """The promises that were not kept."""
        return frozenset(one.promise for one in self.violations)

    def __str__(self) -> str:
        tried = ", ".join(f"{promise} {count}" for promise, count in sorted(self.checks.items()))
        head = f"{self.record}: {self.rows} rows, {len(self.violations)} violations in {self.checks.total()} cases"
        return "\n".join([f"{head} ({tried})", *(f"  {one}" for one in self.violations)])


@dataclass(slots=True)
class Findings:
    """A report being written."""

    checks: Counter[str] = field(default_factory=Counter)
    violations: list[Violation] = field(default_factory=list)

    def tried(self, promise: str, case: str, told: str | None) -> None:
        """Notes a case; ``told`` None: the promise was kept."""
        self.checks[promise] += 1
        if told is not None:
            self.violations.append(Violation(promise, case, told))
