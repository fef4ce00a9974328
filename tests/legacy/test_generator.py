"""The generator gives the same systems for the same scale and seed, and others for another seed."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from legacy.build import Plan, build, is_built
from legacy.tables import DATABASES
from legacy.world import SCALES


def fingerprint(folder: Path) -> dict[str, str]:
    """A hash of every row of every table, of every file and of the truth; secrets are left out."""
    found = {}
    for database, tables in DATABASES.items():
        with closing(sqlite3.connect(folder / f"{database}.sqlite")) as connection:
            for table in tables:
                digest = hashlib.sha256()
                for row in connection.execute(f"SELECT * FROM {table.name} ORDER BY {', '.join(table.columns)}"):
                    digest.update(repr(row).encode())
                found[f"{database}.{table.name}"] = digest.hexdigest()
    for path in [*folder.rglob("*.csv"), folder / "truth.json"]:
        found[path.relative_to(folder).as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_the_same_seed_gives_the_same_rows_and_truth(demo_folder: Path, tmp_path: Path) -> None:
    build(Plan("demo", 1, tmp_path), quiet=True)
    assert fingerprint(tmp_path) == fingerprint(demo_folder)


def test_another_seed_gives_others(demo_folder: Path, tmp_path: Path) -> None:
    build(Plan("demo", 2, tmp_path), quiet=True)
    one, other = fingerprint(demo_folder), fingerprint(tmp_path)
    for part in ("emis.institutions", "hmis.datavalue", "fabs.zpayroll", "bpay.bills", "rtsm.visits", "truth.json"):
        assert one[part] != other[part], part
    assert one["geo.districts"] == other["geo.districts"], "the province itself stays what it is"


def test_building_again_leaves_nothing_of_the_build_before(demo_folder: Path, tmp_path: Path) -> None:
    build(Plan("demo", 2, tmp_path), quiet=True)
    build(Plan("demo", 1, tmp_path), quiet=True)
    assert fingerprint(tmp_path) == fingerprint(demo_folder)


def test_what_is_built_is_kept_for_the_next_start(demo_folder: Path) -> None:
    assert is_built(Plan("demo", 1, demo_folder))
    assert not is_built(Plan("demo", 2, demo_folder))
    assert not is_built(Plan("district", 1, demo_folder))
    assert not is_built(Plan("demo", 1, demo_folder, health_url="postgresql://somewhere"))


def test_a_build_that_stopped_half_way_is_not_taken_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan("demo", 1, tmp_path)
    build(plan, quiet=True)

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("legacy.build.build_finance", stop)
    with pytest.raises(KeyboardInterrupt):
        build(plan, quiet=True)
    assert not is_built(plan)


def test_secrets_are_readable_by_their_owner_only(demo_folder: Path) -> None:
    for name in ("rtsm.key", "fabs.password", "bpay.password", "bessi.key"):
        assert (demo_folder / name).stat().st_mode & 0o077 == 0
        assert len((demo_folder / name).read_text()) > 20


def test_the_truth_holds_no_secret(demo_folder: Path) -> None:
    text = (demo_folder / "truth.json").read_text()
    for name in ("rtsm.key", "fabs.password", "bpay.password", "bessi.key"):
        assert (demo_folder / name).read_text() not in text
    assert json.loads(text).keys() >= {"q1", "q3", "q4", "q6", "q7", "q8", "q9", "q12", "q15", "q16", "q18", "q24"}


def test_the_province_has_its_true_sizes() -> None:
    scale = SCALES["province"]
    assert (scale.schools, scale.facilities, scale.employees) == (10_788, 1_661, 278_000)
    assert (scale.bills, scale.figure_months) == (5_000_000, 60)


def test_as_many_employees_as_the_scale_says(demo_folder: Path) -> None:
    with closing(sqlite3.connect(demo_folder / "fabs.sqlite")) as connection:
        assert connection.execute("SELECT COUNT(*) FROM pa0001").fetchone() == (SCALES["demo"].employees,)
        twelve = connection.execute("SELECT COUNT(DISTINCT paymm) FROM zpayroll").fetchone()
    assert twelve == (12,)
