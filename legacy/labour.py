"""The labour department's systems: B-TEVTA's trainees, and who ever paid a first social security contribution (BESSI,
EOBI). Nobody has published their shape: both are invented, as such registers are."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from legacy.geography import District
from legacy.lives import SECTORS, TRADES, Course, Job, Person
from legacy.world import World, dashed, spelled

TRADE_NAMES = ("Electrician", "Welding  ", "Solar technician", "Tailoring", "Computer operator", "Mobile repair")
MONTHS_OF = (12, 6, 6, 6, 12, 6)


class Labour:
    """Writes to both systems. Trainees have numbers of their own; contributors are known by CNIC alone."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = world.rng("labour")
        self._trainees = 0
        for index, (code, name, months) in enumerate(zip(TRADES, TRADE_NAMES, MONTHS_OF, strict=True)):
            world.put("tevta", "tev_trd", (code, name, months, 2 + index % 3))
        for place in world.places:
            for serial, (kind, title) in enumerate((("V", "Vocational Training Centre"), ("W", "Women's Centre")), 1):
                name = f"{title} {place.name}"
                world.put("tevta", "tev_inst", (self.centre(place, serial), name, spelled(place, self._rng), kind))

    @staticmethod
    def centre(place: District, serial: int) -> str:
        return f"{place.code}-{serial:02d}"

    def trained(self, person: Person, course: Course, place: District, board_number: str) -> tuple[str, str]:
        """A trainee's admission; its number and the centre. ``board_number`` empty: the form has none."""
        rng = self._rng
        self._trainees += 1
        trainee = f"T{course.starts.year % 100:02d}-{self._trainees:06d}"
        cnic = {"blank": "", "dashed": dashed(person.bform), "bare": person.bform}[course.cnic]
        self._world.put("tevta", "tev_trne", (
            trainee, person.name.upper(), person.father.upper(), cnic, f"{person.born:%d/%m/%Y}",
            "F" if person.female else "M", board_number, spelled(place, rng),
        ))  # fmt: skip
        number = f"ADM-{course.starts.year}-{self._trainees:06d}"
        centre = self.centre(place, 2 if person.female else 1)
        ends = _months_later(course.starts, course.months) if course.status in "CF" else None
        self._world.put("tevta", "tev_adm", (
            number, trainee, centre, course.trade, f"{course.starts:%d/%m/%Y}", f"{ends:%d/%m/%Y}" if ends else "",
            course.status, f"NVQ{self._trainees:08d}" if course.status == "C" else "",
            rng.choice((1_500_050, 1_200_000, 0)),
        ))  # fmt: skip
        return number, centre

    def employed(self, cnic: str, job: Job) -> str:
        """A first contribution; the employer's number."""
        scheme = "EOBI" if job.employer % 3 == 0 else "BESSI"
        employer = f"{scheme[0]}-{job.employer:06d}"
        self._world.put("bessi", "contributors", (cnic, job.since.isoformat(), employer, job.sector, scheme))
        return employer

    def others(self, number: int, new_cnic: Callable[[bool], str]) -> None:
        """Trainees and workers whom no school of the province knows."""
        rng = self._rng
        for _ in range(number):
            name, female = self._world.person(rng)
            first, _, last = name.rpartition(" ")
            born = dt.date(rng.randint(1980, 2004), rng.randint(1, 12), rng.randint(1, 28))
            person = Person(first, last, f"Haji {last}", female, born, new_cnic(female))
            place = rng.choice(self._world.places)
            if rng.random() < 0.4:
                starts = dt.date(rng.randint(2018, 2024), rng.choice((2, 9)), 1)
                status = rng.choice(("C", "D", "R", "F"))
                form = rng.choice(("bare", "dashed", "blank"))
                self.trained(person, Course(rng.choice(TRADES), starts, 6, status, form), place, "")
            else:
                since = dt.date(rng.randint(2008, 2025), rng.randint(1, 9), 1)
                self.employed(person.bform, Job(since, rng.choice(SECTORS), rng.randint(1, 400)))


def _months_later(day: dt.date, months: int) -> dt.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return dt.date(year, month + 1, 1) - dt.timedelta(days=1)
