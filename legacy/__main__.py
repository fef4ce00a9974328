"""``python -m legacy build --scale demo``: builds the departments' systems."""

from __future__ import annotations

import argparse
from pathlib import Path

from legacy.build import Plan, build, is_built
from legacy.world import SCALES


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m legacy", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("build", help="build the departments' own systems")
    command.add_argument("--scale", choices=sorted(SCALES), default="demo")
    command.add_argument("--seed", type=int, default=1)
    command.add_argument("--out", type=Path, help="folder of files (default: var/legacy/<scale>)")
    command.add_argument("--health-url", help="postgresql://... for HMIS, LMIS and HR; SQLite files without")
    command.add_argument("--education-url", help="mysql://.../emis for EMIS")
    command.add_argument("--finance-url", help="postgresql://... for FABS and geography")
    command.add_argument("--if-missing", action="store_true", help="keep what is already built")
    given = parser.parse_args()
    out = given.out or Path("var/legacy") / given.scale
    plan = Plan(given.scale, given.seed, out, given.health_url, given.education_url, given.finance_url)
    if not (given.if_missing and is_built(plan)):
        build(plan)


main()
