"""Questions over systems that cannot join: what is asked of the gateway, and which values of its nodes are compared."""

from __future__ import annotations

from dataclasses import dataclass

MONTH = "2025-09"
DAY = "2025-09-10"
YEAR = "2024-25"
YEARS = ("2021-22", "2022-23", "2023-24", "2024-25", "2025-26")
UNPOSTED = "cnic: {isNull: false}, postings: {none: {}}"
LISTED = ", ".join(f'"{year}"' for year in YEARS)


@dataclass(frozen=True, slots=True)
class Question:
    """``number``: in the province's list of questions. ``query`` takes $after and goes page by page over ``root``."""

    name: str
    number: int
    what: str
    root: str
    where: str
    values: tuple[str, ...]

    @property
    def query(self) -> str:
        where = f", where: {self.where}" if self.where else ""
        return (
            f"query Across($after: String) {{ {self.root}(first: 3000, after: $after{where}) "
            f"{{ nodes {{ {' '.join(self.values)} }} pageInfo {{ hasNextPage endCursor }} }} }}"
        )


QUESTIONS = (
    Question(
        "unposted", 6, "people paid as teachers in a month who hold no posting: the declared record",
        "unpostedPayslips", f'{{month: {{eq: "{MONTH}"}}}}', ("code", "employeeNumber", "cnic", "gross"),
    ),
    Question(
        "unposted-filter", 6, "the same as a filter through a link",
        "payslips",
        f'{{month: {{eq: "{MONTH}"}}, cadre: {{eq: "Teaching"}}, {UNPOSTED}}}',
        ("code", "employeeNumber", "cnic", "gross"),
    ),
    Question(
        "absentees", 7, "pay of teachers absent at every visit of a month",
        "absenteePayslips", f'{{month: {{eq: "{MONTH}"}}}}',
        ("teacherCode", "schoolCode", "districtCode", "marks", "gross"),
    ),
    Question(
        "collections", 12, "a day's collection by head in three books",
        "dailyCollections", f'{{day: {{eq: "{DAY}"}}}}', ("head", "bpay", "bank", "fabs"),
    ),
    Question(
        "spending", 18, "budget and spending of a fiscal year beside outcomes, every district and function",
        "districtFunctionSpendings", f'{{fiscalYear: {{eq: "{YEAR}"}}}}',
        ("fiscalYear", "districtCode", "function", "budget", "released", "spent", "pupils", "outpatients"),
    ),
    Question(
        "spending-5-years", 18, "the same of all five years",
        "districtFunctionSpendings", f"{{fiscalYear: {{in: [{LISTED}]}}}}",
        ("fiscalYear", "districtCode", "function", "budget", "released", "spent", "pupils", "outpatients"),
    ),
)  # fmt: skip
