"""What is wrong with the declarations, gathered, so that one start tells it all."""

from __future__ import annotations

from dataclasses import dataclass, field

from schema.errors import DeclarationError, Problem
from schema.naming import declared_at


@dataclass(frozen=True, slots=True)
class Problems:
    """Told as they are found; ``raise_any`` ends."""

    found: list[Problem] = field(default_factory=list)

    def tell(self, file: str, line: int, message: str) -> None:
        self.tell_of(declared_at(file, line), message)

    def tell_of(self, where: str, message: str) -> None:
        """``where``: a department or source, of what stands in no line of its own."""
        self.found.append(Problem(where, message))

    def raise_any(self) -> None:
        """Raises DeclarationError with all of them."""
        if self.found:
            raise DeclarationError(tuple(self.found))
