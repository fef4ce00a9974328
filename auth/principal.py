"""Who asks: subject, roles and the attributes that rules compare rows with. Made only by ``auth.credentials``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

AttributeValue = str | int | tuple[str, ...]


NOBODY = "anonymous"


@dataclass(frozen=True, slots=True)
class Principal:
    """``purpose`` is already among the permitted ones and ``case`` already open and assigned. ``also``: whom the
    principal acts for; only what both may see is granted. ``expires_at``: seconds since the epoch."""

    subject: str
    roles: frozenset[str] = frozenset()
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    permitted_purposes: frozenset[str] = frozenset()
    purpose: str | None = None
    case: str | None = None
    office: str | None = None
    also: Principal | None = None
    act_for: frozenset[str] = frozenset()
    expires_at: float | None = None

    @property
    def known(self) -> bool:
        """Whether it gave a credential."""
        return self.subject != NOBODY

    def attribute(self, name: str) -> AttributeValue:
        """The value a rule's placeholder stands for; ``represented.x`` is of whom the principal acts for."""
        if name.startswith("represented."):
            assert self.also is not None
            return self.also.attribute(name.removeprefix("represented."))
        if name == "subject":
            return self.subject
        return self.attributes[name]


ANONYMOUS = Principal(NOBODY)
