"""How sensitive a value is: the five levels of the Pakistan Cloud First Policy, lowest first."""

from __future__ import annotations

from enum import IntEnum


class Classification(IntEnum):
    """Ordered: a rule that reaches up to a level covers every lower one."""

    OPEN = 0
    PUBLIC = 1
    RESTRICTED = 2
    CONFIDENTIAL = 3
    SECRET = 4

    @property
    def label(self) -> str:
        """The policy's own word, e.g. ``Restricted``."""
        return self.name.capitalize()


open_ = Classification.OPEN
public = Classification.PUBLIC
restricted = Classification.RESTRICTED
confidential = Classification.CONFIDENTIAL
secret = Classification.SECRET
