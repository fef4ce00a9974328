"""The exam board's files: registrations, results, and who was declared to be whom. Their shapes are invented: no public
schema exists. A registration number = year, class digit (1: SSC, 2: HSSC), institution (4) and a counter (3)."""

from __future__ import annotations

import csv
import random
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from legacy.world import World

RESULT = ("REGNO", "NAME", "FATHER", "SCHOOL", "CLASS", "OBTAINED", "TOTAL", "GRADE", "BFORM", "EMISNO")
REGISTRATION = ("REGNO", "REGDATE", "NAME", "FATHER", "BFORM", "EMISNO", "SCHOOL", "CLASS", "PREVREG")
ALIAS = ("REGNO", "EMISNO", "DECLARED_BY", "DECLARED_ON")
PLACES = ("Absor", "Killi Karani", "Mand", "Tump", "Killi Ismail", "Kallag", "Killi Deba", "Sorap", "Buleda")
THIS_DECADE = (2024, 2025)
"""The years of which the board has results of candidates nobody else knows."""


class Board:
    """Writes the board's files; every file begins with a BOM, as the board's office program does it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("*.csv"):
            old.unlink()
        self._folder = folder
        self._open = ExitStack()
        self._writers: dict[str, Any] = {}
        self._counters: dict[tuple[int, int, int], int] = {}

    def _write(self, name: str, header: tuple[str, ...], row: tuple[Any, ...]) -> None:
        writer = self._writers.get(name)
        if writer is None:
            path = self._folder / name
            file = self._open.enter_context(path.open("w", encoding="utf-8-sig", newline=""))
            writer = self._writers[name] = csv.writer(file)
            writer.writerow(header)
        writer.writerow(row)

    def number(self, year: int, digit: int, institution: int) -> str:
        """The next registration number of an institution."""
        key = (year, digit, institution % 10_000)
        self._counters[key] = self._counters.get(key, -1) + 1
        return f"{year}{digit}{key[2]:04d}{self._counters[key]:03d}"

    def registered(self, number: str, day: str, *rest: str) -> None:
        """``rest``: name, father, B-Form, EMIS number, school, class, the registration before. ``day``: DD/MM/YYYY."""
        self._write(f"registrations_{number[:4]}.csv", REGISTRATION, (number, day, *rest))

    def examined(self, number: str, *rest: Any) -> None:
        """``rest``: as the header says. Results of class 12 come in a file of their own."""
        kind = "results" if number[4] == "1" else "results_hssc"
        self._write(f"{kind}_{number[:4]}.csv", RESULT, (number, *rest))

    def declared(self, number: str, emis_no: str, by: str, day: str) -> None:
        self._write(f"aliases_{number[:4]}.csv", ALIAS, (number, emis_no, by, day))

    def strangers(self, world: World) -> None:
        """Candidates of this decade whom nobody else knows, and in each file a blank line and a short row."""
        rng = world.rng("board")
        for year in THIS_DECADE:
            for institution, (code, _) in enumerate(world.schools[:200]):
                for _ in range(3):
                    self._stranger(world, rng, year, institution, code)
            self._writers[f"results_{year}.csv"].writerows([[], ["2099", "SHORT ROW"]])

    def _stranger(self, world: World, rng: random.Random, year: int, institution: int, code: str) -> None:
        name, _ = world.person(rng)
        marks = rng.randint(300, 1050)
        number = self.number(year, 1, institution)
        father = rng.choice(PLACES).upper()
        self.examined(number, name.upper(), father, code, "10", marks, 1100, "A" if marks > 770 else "C", "", "")
        self.registered(number, f"15/10/{year - 1}", name.upper(), father, "", "", code, "10", "")

    def close(self) -> None:
        self._open.close()
