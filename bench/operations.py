"""The operations that are measured, each with the variables it is asked with in turn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson

CODES = tuple(f"KEC-{serial:05d}" for serial in range(1, 101))
MONTH = "2025-09"


@dataclass(frozen=True, slots=True)
class Operation:
    """``variables``: one set a request, in turn. ``what`` is told in the table's legend."""

    name: str
    what: str
    query: str
    variables: tuple[dict[str, Any], ...]

    def bodies(self) -> list[bytes]:
        """The requests as they go over the wire."""
        return [
            orjson.dumps({"query": self.query, "operationName": self.name, "variables": variables})
            for variables in self.variables
        ]


BY_KEY = Operation(
    "SchoolByKey",
    "one row by key, MariaDB",
    """query SchoolByKey($code: String!) {
  school(code: $code) { code name level gender status sector districtCode openedOn telephone }
}""",
    tuple({"code": code} for code in CODES),
)
THOUSAND_ROWS = Operation(
    "ThousandPayslips",
    "1,000 rows of 10 fields, PostgreSQL",
    """query ThousandPayslips($month: String!) {
  payslips(first: 1000, where: {month: {eq: $month}}) {
    nodes { code employeeNumber month cnic designation cadre costCentre gross deductions net }
  }
}""",
    ({"month": MONTH}, {"month": "2025-08"}),
)
TO_MANY = Operation(
    "SchoolsAndTeachers",
    "100 parents with their to-many rows, MariaDB",
    """query SchoolsAndTeachers {
  schools(first: 100) {
    nodes { code name level teachers { nodes { code name gender title postedSince } } }
  }
}""",
    ({},),
)
ACROSS = Operation(
    "SchoolsTeachersPay",
    "50 schools, their teachers and those teachers' pay of a month, MariaDB to PostgreSQL",
    """query SchoolsTeachersPay($month: String!) {
  schools(first: 50) {
    nodes {
      code name
      teachers { nodes { code name payslips(where: {month: {eq: $month}}) { nodes { code gross net } } } }
    }
  }
}""",
    ({"month": MONTH}, {"month": "2025-08"}),
)
OPERATIONS = (BY_KEY, THOUSAND_ROWS, TO_MANY, ACROSS)
