"""Divisions and districts of the province, their people, and how each system writes a district's name."""

from __future__ import annotations

from dataclasses import dataclass

DIVISIONS: dict[str, tuple[int, str, dict[str, tuple[str, int]]]] = {
    "Quetta": (4_259_163, "51.68", {"QUE": ("Quetta", 55), "PIS": ("Pishin", 20), "KAB": ("Killa Abdullah", 14), "CHM": ("Chaman", 11)}),
    "Zhob": (927_579, "32.33", {"ZHB": ("Zhob", 38), "SHR": ("Sherani", 21), "KSF": ("Killa Saifullah", 41)}),
    "Loralai": (870_000, "39.89", {"LOR": ("Loralai", 31), "BAR": ("Barkhan", 24), "MSK": ("Musa Khel", 21), "DUK": ("Duki", 24)}),
    "Sibi": (1_156_748, "34.70", {"SIB": ("Sibi", 20), "KOH": ("Kohlu", 22), "DBG": ("Dera Bugti", 31), "ZIA": ("Ziarat", 16), "HAR": ("Harnai", 11)}),
    "Naseerabad": (2_044_021, "32.59", {"NAS": ("Naseerabad", 27), "JAF": ("Jaffarabad", 22), "JHM": ("Jhal Magsi", 10), "KAC": ("Kachhi", 17), "SOH": ("Sohbatpur", 11), "USM": ("Usta Muhammad", 13)}),
    "Kalat": (2_721_018, "38.72", {"KAL": ("Kalat", 10), "KHZ": ("Khuzdar", 37), "MAS": ("Mastung", 11), "SUR": ("Surab", 10), "AWA": ("Awaran", 7), "LAS": ("Lasbela", 14), "HUB": ("Hub", 11)}),
    "Makran": (1_875_872, "47.69", {"KEC": ("Kech", 57), "GWA": ("Gwadar", 16), "PAN": ("Panjgur", 27)}),
    "Rakhshan": (1_040_001, "36.84", {"KHR": ("Kharan", 25), "CHG": ("Chaghai", 26), "WAS": ("Washuk", 29), "NOS": ("Noushki", 20)}),
}  # fmt: skip
"""Division -> population 2023, literacy %, districts with their share of the population in percent."""

SPLITS = {"CHM": ("KAB", "2021-07-01"), "DUK": ("LOR", "2016-05-01"), "SUR": ("KAL", "2017-08-01"), "HUB": ("LAS", "2022-01-01"), "USM": ("JAF", "2022-06-01")}  # fmt: skip

VARIANTS: dict[str, tuple[str, ...]] = {
    "CHG": ("Chaghai", "Chaghi", "Chagai", "CHAGHI"),
    "GWA": ("Gwadar", "Gawadar", "GAWADAR"),
    "NOS": ("Noushki", "Nushki", "NUSHKI"),
    "DBG": ("Dera Bugti", "Dera Bughti", "DERABUGHTI"),
    "MSK": ("Musa Khel", "Musakhel", "MUSAKHEL"),
    "JAF": ("Jaffarabad", "Jafarabad", "Jafer Abad"),
    "NAS": ("Naseerabad", "Nasirabad", "NASIRABAD"),
    "KAC": ("Kachhi", "Kacchi"),
    "KHZ": ("Khuzdar", "Khuzadar", "KHUZDAR"),
    "KSF": ("Killa Saifullah", "KILLASAIFULLA", "QS"),
    "LOR": ("Loralai", "LLI", "LORALAI"),
    "KAL": ("Kalat", "Qalat", "KALAT"),
    "KEC": ("Kech", "KECH", "Kech (Turbat)"),
}
"""Spellings that really occur, and one of our own for Kech. Every other district is written one way, or in capitals."""


@dataclass(frozen=True, slots=True)
class District:
    code: str
    name: str
    division: str
    population: int
    school_age: int
    literacy: str

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every way the name is written somewhere."""
        return VARIANTS.get(self.code, (self.name, self.name.upper()))


def districts() -> tuple[District, ...]:
    """All 36; populations sum to their division's exactly."""
    found = []
    for division, (population, literacy, members) in DIVISIONS.items():
        left = population
        for position, (code, (name, share)) in enumerate(members.items()):
            own = left if position == len(members) - 1 else population * share // 100
            left -= own
            found.append(District(code, name, division, own, own * 31 // 100, literacy))
    return tuple(found)
