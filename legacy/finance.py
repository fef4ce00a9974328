"""FABS (SAP-shaped payroll and ledgers), its budget and receipts, B-pay and the banks' scrolls; geography and census."""

from __future__ import annotations

import csv
import datetime as dt
import random
from pathlib import Path
from typing import Any

from legacy.geography import SPLITS, districts
from legacy.world import MONTHS, World, dashed, spelled

DESIGNATIONS = (("1001", "Junior Vernacular Teacher", "TEACH"), ("1002", "Secondary School Teacher", "TEACH"), ("1003", "Head Teacher", "TEACH"), ("2001", "Medical Officer", "HEALTH"), ("2002", "Lady Health Visitor", "HEALTH"), ("3001", "Naib Qasid", "ADMIN"), ("3002", "Junior Clerk", "ADMIN"))  # fmt: skip
FUNCTIONS = (("092101", "A01101"), ("092101", "A01151"), ("091101", "A01151"), ("073101", "A01101"), ("073101", "A03927"), ("041310", "A01202"))  # fmt: skip
YEARS = ("2021-22", "2022-23", "2023-24", "2024-25", "2025-26")
HEADS = (("TOKTAX", "Token tax"), ("VEHREG", "Vehicle registration"), ("PROPTX", "Property tax"), ("B016", "Tax on professions"), ("MUTFEE", "Mutation fee"))  # fmt: skip
BANKS = ("NBP", "HBL", "UBL")


def build_finance(world: World, out: Path) -> None:
    """Writes everything of finance."""
    _geography(world)
    _payroll(world)
    _budget(world)
    _bpay(world, out / "bank_scroll")


def _geography(world: World) -> None:
    for place in districts():
        split, since = SPLITS.get(place.code, (None, "1970-07-01"))
        world.put("geo", "districts", (
            place.code, place.name, place.division, place.population, place.school_age, place.literacy,
            dt.date.fromisoformat(since), None, split,
        ))  # fmt: skip


def _payroll(world: World) -> None:
    rng = world.rng("payroll")
    for row in DESIGNATIONS:
        world.put("fabs", "designations", row)
    centres: dict[str, list[str]] = {}
    for number, place in enumerate(districts()):
        for serial, office in enumerate(("District Education Office", "District Health Office", "Deputy Commissioner")):
            centre = f"{chr(65 + number // 26)}{chr(65 + number % 26)}{4000 + serial:04d}"
            centres.setdefault(place.code, []).append(centre)
            world.put("fabs", "cskt", (centre, f"{office} {place.name}", spelled(place, rng)))
    ghosts: list[str] = []
    pay: dict[str, list[dict[str, str]]] = {}
    named = {code for code, _ in world.schools[:1]} | {f"{place.code}-00001" for place in world.places}
    pernr = 30_000_000
    for position, teacher in enumerate(world.teachers):
        pernr += 1
        slips = _employee(world, rng, pernr, teacher.cnic, centres[teacher.district][0], rng.choice(("1001", "1002")), teacher.name, teacher.female)  # fmt: skip
        if teacher.school in named and teacher.cnic:
            pay.setdefault(teacher.school, []).append({"teacher": teacher.staff_no, **slips})
        if position % 1000 == 0:
            world.progress("payroll", position, len(world.teachers))
    number_of_ghosts = max(12, len(world.teachers) // 50)
    for serial in range(number_of_ghosts):
        pernr += 1
        name, female = world.person(rng)
        cnic = world.new_cnic(female)
        place = world.places[serial % len(world.places)]
        _employee(world, rng, pernr, cnic, centres[place.code][0], "1001", name, female)
        ghosts.append(cnic)
    for serial in range(max(0, world.scale.employees - len(world.teachers) - number_of_ghosts)):
        pernr += 1
        name, female = world.person(rng)
        place = world.places[serial % len(world.places)]
        designation = rng.choice(("2001", "2002", "3001", "3002"))
        _employee(world, rng, pernr, world.new_cnic(female), centres[place.code][1 + serial % 2], designation, name, female)  # fmt: skip
        if serial % 20_000 == 0:
            world.progress("payroll", serial, world.scale.employees)
    world.truth["q6"] = sorted(ghosts)
    world.truth["pay"] = pay


def _employee(
    world: World, rng: random.Random, pernr: int, cnic: str, centre: str, designation: str, name: str, female: bool
) -> dict[str, str]:
    """An employee with twelve payslips; what September's says."""
    written = dashed(cnic)
    world.put("fabs", "pa0001", (pernr, "20150701", "99991231", "BA01", centre, "50001234", name.upper()))
    world.put("fabs", "pa0002", (pernr, written, f"{rng.randint(1966, 1999)}0615", "2" if female else "1"))
    basic = rng.randint(25_000, 110_000) * 100
    told: dict[str, str] = {}
    for month in MONTHS:
        gross = basic + rng.randint(0, 500_000)
        deducted = gross // 11
        amounts = [f"{value // 100}.{value % 100:02d}" for value in (gross, deducted, gross - deducted)]
        number = f"{month}-{pernr}"
        world.put("fabs", "zpayroll", (
            number, pernr, month, written, centre, designation, *amounts, f"PK00NBP{pernr}", f"{month}25",
        ))  # fmt: skip
        told = {"payslip": number, "gross": amounts[0], "net": amounts[2]}
    return told


def _budget(world: World) -> None:
    rng = world.rng("budget")
    truth: dict[str, list[dict[str, Any]]] = {}
    for place in world.places:
        for year in YEARS:
            for serial, (function, account) in enumerate(FUNCTIONS):
                budget = rng.randint(20_000_000, 900_000_000) * 100
                released = budget * rng.randint(40, 100) // 100
                spent = released * rng.randint(60, 100) // 100
                line = f"{year[:4]}-{place.code}-{serial:03d}"
                world.put("fabs_soap", "budget_lines", (
                    line, year, spelled(place, rng), "AA4000", function, account, budget, released, spent,
                    f"{year[:4]}-07-01T09:00:00+05:00",
                ))  # fmt: skip
                if year == "2025-26":
                    truth.setdefault(place.code, []).append(
                        {"line": line, "budget": f"{budget // 100}.{budget % 100:02d}"}
                    )
    world.truth["budget"] = truth


def _bpay(world: World, folder: Path) -> None:
    rng = world.rng("bpay")
    folder.mkdir(parents=True, exist_ok=True)
    places = world.places
    scroll: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    truth: dict[str, Any] = {"paid": None, "unpaid": None, "expired": None, "unknown": "99999999999999999", "missing_in_bank": [], "missing_in_bpay": []}  # fmt: skip
    transaction = 0
    for serial in range(1, world.scale.bills + 1):
        psid = f"{10_000_000_000_000_000 + serial * 7:017d}"
        place = places[serial % len(places)]
        head = HEADS[serial % len(HEADS)][0]
        amount = rng.randint(500, 90_000) * 100 + rng.choice((0, 0, 50))
        due = dt.date(2025, 9, 1) + dt.timedelta(days=serial % 30)
        expired = serial % 50 == 0
        paid = not expired and rng.random() < 0.6
        day = dt.date(2025, 9, 1) + dt.timedelta(days=rng.randint(0, 27))
        auth = f"{serial % 1_000_000:06d}"
        name, female = world.person(rng)
        world.put("bpay", "bills", (
            psid, name.upper()[:30], head, spelled(place, rng), "P" if paid else "U", due.strftime("%Y%m%d"), amount,
            amount + amount // 10, "2509", day.strftime("%Y%m%d") if paid else "", amount if paid else 0,
            auth if paid else "", dashed(world.new_cnic(female)) if rng.random() < 0.7 else "", int(expired),
        ))  # fmt: skip
        kind = "expired" if expired else "paid" if paid else "unpaid"
        if truth[kind] is None:
            truth[kind] = {"psid": psid, "amountWithin": f"{amount // 100}.{amount % 100:02d}"}
        if paid:
            transaction += 1
            bank = BANKS[serial % 3]
            stamp = day.strftime("%Y%m%d")
            world.put("bpay", "transactions", (transaction, psid, auth, amount, stamp, f"{rng.randint(8, 17):02d}1500", bank, f"{day}T20:00:00+05:00", None))  # fmt: skip
            if transaction % 211 == 0:
                truth["missing_in_bank"].append(psid)
            elif world.scale.bills <= 50_000:
                settled = (day + dt.timedelta(days=1)).strftime("%Y%m%d")
                scroll.setdefault((bank, settled), []).append((psid, auth, f"{amount // 100}.{amount % 100:02d}"))
            world.put("fabs_soap", "receipts", (f"R{transaction:09d}", stamp, head, spelled(place, rng), amount, psid, f"{day}T23:00:00+05:00", None))  # fmt: skip
        if serial % 50_000 == 0:
            world.progress("bills", serial, world.scale.bills)
    for (bank, settled), lines in sorted(scroll.items()):
        with (folder / f"{bank}_{settled}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["bank", "settled", "psid", "auth_id", "amount"])
            writer.writerows((bank, settled, *line) for line in lines)
    world.truth["q4"] = truth
