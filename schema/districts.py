"""The province's districts and every way the departments' systems write them: an alias table, never a guess."""

from __future__ import annotations

from typing import Any

from schema.codecs import Codec
from schema.errors import Unreadable

NAMES: dict[str, str] = {
    "QUE": "Quetta", "PIS": "Pishin", "KAB": "Killa Abdullah", "CHM": "Chaman", "ZHB": "Zhob", "SHR": "Sherani",
    "KSF": "Killa Saifullah", "LOR": "Loralai", "BAR": "Barkhan", "MSK": "Musa Khel", "DUK": "Duki", "SIB": "Sibi",
    "KOH": "Kohlu", "DBG": "Dera Bugti", "ZIA": "Ziarat", "HAR": "Harnai", "NAS": "Naseerabad", "JAF": "Jaffarabad",
    "JHM": "Jhal Magsi", "KAC": "Kachhi", "SOH": "Sohbatpur", "USM": "Usta Muhammad", "KAL": "Kalat", "KHZ": "Khuzdar",
    "MAS": "Mastung", "SUR": "Surab", "AWA": "Awaran", "LAS": "Lasbela", "HUB": "Hub", "KEC": "Kech", "GWA": "Gwadar",
    "PAN": "Panjgur", "KHR": "Kharan", "CHG": "Chaghai", "WAS": "Washuk", "NOS": "Noushki",
}  # fmt: skip

ALIASES: dict[str, tuple[str, ...]] = {
    "CHG": ("Chaghi", "Chagai", "CHAGHI"),
    "GWA": ("Gawadar", "GAWADAR"),
    "NOS": ("Nushki", "NUSHKI"),
    "DBG": ("Dera Bughti", "DERABUGHTI"),
    "MSK": ("Musakhel", "MUSAKHEL"),
    "JAF": ("Jafarabad", "Jafer Abad"),
    "NAS": ("Nasirabad", "NASIRABAD"),
    "KAC": ("Kacchi",),
    "KHZ": ("Khuzadar",),
    "KSF": ("KILLASAIFULLA", "QS"),
    "LOR": ("LLI",),
    "KAL": ("Qalat",),
    "KEC": ("Kech (Turbat)",),
}
"""Spellings beside the official name and its capitals."""

SPELLINGS: dict[str, tuple[str, ...]] = {
    code: (name, name.upper(), *ALIASES.get(code, ())) for code, name in NAMES.items()
}
_CODES = {spelling: code for code, spellings in SPELLINGS.items() for spelling in spellings}


def district_alias(system: str) -> Codec:
    """A district's name as ``system`` writes it, decoded to the district's code. An unknown spelling is unreadable: it
    is added to the table by hand, once somebody has said which district it means."""

    def decode(raw: Any) -> str | None:
        if isinstance(raw, str) and not raw.strip():
            return None
        try:
            return _CODES[raw]
        except (KeyError, TypeError):
            raise Unreadable(f"not a spelling of a district that {system} uses") from None

    return Codec(
        f"district_alias({system})", decode, lambda code: SPELLINGS.get(code, ()), kind="text",
        column=lambda values: [_CODES[value] for value in values],
    )  # fmt: skip
