"""The SOAP operations of FABS as data: the WSDL is written and a call is answered from these. ``GetReceiptTotals`` and
``GetRevenueTargets`` are invented here: treasuries keep monthly accounts and budget books, and publish no shape."""

from __future__ import annotations

import re
from dataclasses import dataclass

from legacy.services.common import MOST_VALUES, BadArgument, is_date
from legacy.services.store import Condition, among, compared

NS = "urn:pk:balochistan:fabs"
MOST_ROWS = 1000
ROWS = 100
"""Rows of an answer when the call does not say."""


@dataclass(frozen=True, slots=True)
class Argument:
    """``comparison``: IN (may be repeated), ``>=``, ``<=`` or PREFIX. ``form``: what a value must look like."""

    name: str
    column: str
    comparison: str = "IN"
    form: str = "text"

    @property
    def many(self) -> bool:
        return self.comparison == "IN"

    def condition(self, values: list[str]) -> Condition:
        """Raises BadArgument."""
        if len(values) > (MOST_VALUES if self.many else 1):
            raise BadArgument(f"{self.name}: at most {MOST_VALUES if self.many else 1} values")
        if not all(_is(self.form, value) for value in values):
            raise BadArgument(f"{self.name}: {FORMS[self.form]} is needed")
        match self.comparison:
            case "IN":
                return among(self.column, values)
            case "PREFIX":
                return compared(self.column, "GLOB", f"{values[0]}*")
            case _:
                return compared(self.column, self.comparison, values[0])


@dataclass(frozen=True, slots=True)
class Part:
    """An element of a row: ``money`` columns hold paisa and are told as rupees with two places."""

    name: str
    column: str
    money: bool = False

    def text(self, value: object) -> str:
        return rupees(value) if self.money and isinstance(value, int) else str(value)


@dataclass(frozen=True, slots=True)
class SoapOperation:
    """``row``: the element repeated for each row of ``table``, in the order of ``key``."""

    name: str
    table: str
    row: str
    key: str
    arguments: tuple[Argument, ...]
    parts: tuple[Part, ...]


FORMS = {
    "text": "a text of at most 100 characters",
    "date": "a date YYYYMMDD",
    "digits": "a code of one to six digits",
}

LINES = (
    Argument("lineId", "line_id"),
    Argument("fiscalYear", "fiscal_year"),
    Argument("district", "dist_txt"),
    Argument("functionCode", "function_code"),
    Argument("functionPrefix", "function_code", "PREFIX", "digits"),
)

ACCOUNTS = (
    Argument("lineId", "line_id"),
    Argument("month", "acct_month"),
    Argument("headCode", "head_code"),
    Argument("district", "dist_txt"),
)

OPERATIONS = {
    operation.name: operation
    for operation in (
        SoapOperation(
            "GetBudgetLines", "budget_lines", "budgetLine", "line_id", LINES,
            (
                Part("lineId", "line_id"), Part("fiscalYear", "fiscal_year"), Part("district", "dist_txt"),
                Part("costCentre", "cost_centre"), Part("functionCode", "function_code"),
                Part("objectCode", "object_code"), Part("budget", "budget_paisa", money=True),
                Part("released", "released_paisa", money=True), Part("spent", "spent_paisa", money=True),
                Part("recordedAt", "recorded_at"),
            ),
        ),
        SoapOperation(
            # What has been released of a line so far; FABS keeps no single release orders here.
            "GetReleases", "budget_lines", "release", "line_id", LINES,
            (
                Part("lineId", "line_id"), Part("fiscalYear", "fiscal_year"), Part("district", "dist_txt"),
                Part("functionCode", "function_code"), Part("released", "released_paisa", money=True),
                Part("recordedAt", "recorded_at"),
            ),
        ),
        SoapOperation(
            "GetReceipts", "receipts", "receipt", "receipt_no",
            (
                Argument("receiptNo", "receipt_no"), Argument("fromDate", "receipt_date", ">=", "date"),
                Argument("toDate", "receipt_date", "<=", "date"), Argument("headCode", "head_code"),
                Argument("psid", "psid"),
            ),
            (
                Part("receiptNo", "receipt_no"), Part("receiptDate", "receipt_date"), Part("headCode", "head_code"),
                Part("district", "dist_txt"), Part("amount", "amount_paisa", money=True), Part("psid", "psid"),
                Part("recordedAt", "recorded_at"), Part("reversalOf", "reversal_of"),
            ),
        ),
        SoapOperation(
            "GetReceiptTotals", "receipt_totals", "receiptTotal", "line_id", ACCOUNTS,
            (
                Part("lineId", "line_id"), Part("month", "acct_month"), Part("headCode", "head_code"),
                Part("district", "dist_txt"), Part("receipts", "receipts"), Part("amount", "amount_paisa", money=True),
            ),
        ),
        SoapOperation(
            "GetRevenueTargets", "revenue_targets", "revenueTarget", "line_id", ACCOUNTS,
            (
                Part("lineId", "line_id"), Part("month", "acct_month"), Part("headCode", "head_code"),
                Part("district", "dist_txt"), Part("target", "target_paisa", money=True),
                Part("lastYear", "last_year_paisa", money=True),
            ),
        ),
    )
}  # fmt: skip

INDEXES = (
    "budget_lines(dist_txt)",
    "budget_lines(fiscal_year)",
    "budget_lines(function_code)",
    "receipts(receipt_date, receipt_no)",
    "receipts(head_code)",
    "receipts(psid)",
)


def rupees(paisa: int) -> str:
    """-150 -> "-1.50"."""
    return f"{'-' if paisa < 0 else ''}{abs(paisa) // 100}.{abs(paisa) % 100:02d}"


def _is(form: str, text: str) -> bool:
    match form:
        case "date":
            return is_date(text)
        case "digits":
            return re.fullmatch(r"[0-9]{1,6}", text, re.ASCII) is not None
        case _:
            return len(text) <= 100
