"""What can be wrong with a declaration or with a value. Stable codes clients see are in ``Code``."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Code(StrEnum):
    """The stable error codes of the public surface."""

    REFUSED = "REFUSED"
    PURPOSE_REQUIRED = "PURPOSE_REQUIRED"
    CASE_REQUIRED = "CASE_REQUIRED"
    UNAUTHENTICATED = "UNAUTHENTICATED"
    SOURCE_UNAVAILABLE = "SOURCE_UNAVAILABLE"
    DEADLINE = "DEADLINE"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    BAD_CURSOR = "BAD_CURSOR"
    BAD_INPUT = "BAD_INPUT"
    LEDGER_UNAVAILABLE = "LEDGER_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class Unreadable(ValueError):
    """A legacy value that its column's codec cannot read. Never carries the value itself."""


class PartlyUnreadable(Unreadable):
    """A column of which only the values at ``places`` cannot be read; ``column`` is the decoded rest, with anything at
    these places."""

    def __init__(self, message: str, places: tuple[int, ...], column: list[Any]) -> None:
        super().__init__(message)
        self.places = places
        self.column = column


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the declarations: where it stands, what it is, what to do."""

    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


class DeclarationError(Exception):
    """Every problem of the declarations at once; start-up prints them all and stops."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def meant(word: str, words: Iterable[str]) -> str:
    """``; did you mean 'district'?``, or nothing when no word is near."""
    close = difflib.get_close_matches(word, list(words), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
