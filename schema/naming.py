"""How declared names are told: to clients, and to whoever has to find the declaration."""

from __future__ import annotations

import re
from pathlib import Path

RESERVED = frozenset({"and", "or", "not", "catalog", "field", "node", "nodes"})
"""What no record, field, link or preset may be called: clients' filters and roots have these names."""


def api_name(name: str) -> str:
    """``district_code`` as clients write it: ``districtCode``."""
    head, *rest = name.split("_")
    return head + "".join(part[:1].upper() + part[1:] for part in rest)


def plural_of(singular: str) -> str:
    """``facility`` -> ``facilities``, ``school`` -> ``schools``."""
    return singular[:-1] + "ies" if re.search("[^aeiou]y$", singular) else singular + "s"


def declared_at(file: str, line: int) -> str:
    """The last two parts of a path and the line, ``health/rules.py:7``: enough to find it, nothing of the machine."""
    return f"{'/'.join(Path(file).parts[-2:])}:{line}"
