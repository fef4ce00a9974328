"""Indicators of finance: budget, revenue and pay."""

from __future__ import annotations

from connectors.province.indicators.bases import districts, pupils_of_fiscal_year
from schema.derive import cell, count, date_of, has, head_of, rows, total
from schema.indicators import Certainty, Direction, Indicator, figure, indicator
from schema.periods import Frequency
from schema.predicates import is_null, row

HIGHER, LOWER = Direction.HIGHER_IS_BETTER, Direction.LOWER_IS_BETTER
BUDGET, ACCOUNTS = "Budget Officer, Finance Department", "Accountant General Balochistan"
BPAY = "Project Director B-pay"
centres = rows("finance.CostCentre", centre="code", district="district_code")
released = rows(
    "finance.BudgetLine", period="fiscal_year", centre="cost_centre", function="function", budget="budget",
    released="released",
).compute(major=head_of("function", 2)).join(centres, centre="centre")  # fmt: skip
spent = rows(
    "finance.BudgetLine", period="fiscal_year", centre="cost_centre", function="function", released="released",
    spent="spent",
).compute(major=head_of("function", 2)).join(centres, centre="centre")  # fmt: skip
teaching = (
    rows("finance.Payslip", row.cadre == "Teaching", centre="cost_centre", period="month", gross="gross")
    .group("centre", "period", paid=total("gross"), slips=count())
    .join(centres, centre="centre")
)
receipts = rows(
    "finance.Receipt", is_null(row.reversal_of), psid="psid", day="received_on", district="district_code",
    amount="amount",
).compute(period=date_of("day"))  # fmt: skip
settled = rows("finance.BankScrollLine", paid_psid="psid", settled="amount")
books = rows("province.DailyCollection", day="day", bpay="bpay", bank="bank").compute(period=date_of("day"))
postings = rows("education.Teacher", posted="cnic")
payslips = rows(
    "finance.Payslip", row.cadre == "Teaching", slip="code", cnic="cnic", period="month",
    district="employee.district_code",
).keep(has("cnic"))  # fmt: skip
MONEY = Certainty.EXACT

indicators: tuple[Indicator, ...] = (
    indicator(
        "FIN_RELEASED", "Budget released", department="finance", owner=BUDGET, unit="percent",
        meaning="Of the budget of a fiscal year what was released.",
        direction=HIGHER, frequency=Frequency.FISCAL_YEAR, certainty=MONEY, targets={"2023": "80", "2025": "90"},
        numerator=figure(released, total("released")), denominator=figure(released, total("budget")),
    ),
    indicator(
        "FIN_EDUCATION_SHARE", "Share of education in the budget", department="finance", owner=BUDGET, unit="percent",
        meaning="Of the budget of a fiscal year what is under function 09.",
        direction=HIGHER, frequency=Frequency.FISCAL_YEAR, certainty=MONEY, targets={"2025": "20"},
        numerator=figure(released.keep(cell.major == "09"), total("budget"), zero=True),
        denominator=figure(released, total("budget")),
    ),
    indicator(
        "FIN_UTILISED", "Releases spent", department="finance", owner=BUDGET, unit="percent",
        meaning="Of what was released in a fiscal year what was spent.",
        direction=HIGHER, frequency=Frequency.FISCAL_YEAR, certainty=MONEY, targets={"2025": "95"},
        numerator=figure(spent, total("spent")), denominator=figure(spent, total("released")),
    ),
    indicator(
        "FIN_PER_PUPIL", "Spending for each pupil", department="finance", owner=BUDGET, unit="rupees",
        meaning="Spending under function 09 for each pupil at the school census of the same fiscal year.",
        direction=HIGHER, frequency=Frequency.FISCAL_YEAR, times=1, places=2, certainty=MONEY,
        numerator=figure(spent.keep(cell.major == "09"), total("spent")),
        denominator=figure(pupils_of_fiscal_year, total("pupils"), total("forms")),
    ),
    indicator(
        "FIN_HEALTH_PER_HEAD", "Spending on health for each head", department="finance", owner=BUDGET, unit="rupees",
        meaning="Spending under function 07 for each of the people of the census of 2023.",
        direction=HIGHER, frequency=Frequency.FISCAL_YEAR, times=1, places=2, certainty=MONEY,
        numerator=figure(spent.keep(cell.major == "07"), total("spent")),
        denominator=figure(districts, total("people")),
    ),
    indicator(
        "FIN_TEACHER_PAY", "Pay of a teacher", department="finance", owner=ACCOUNTS, unit="rupees a month",
        meaning="Gross pay of the teaching cadre for each payslip of the month.",
        direction=LOWER, frequency=Frequency.MONTHLY, times=1, places=2, certainty=MONEY,
        numerator=figure(teaching, total("paid"), total("slips")),
        denominator=figure(teaching, total("slips"), total("slips")),
    ),
    indicator(
        "FIN_SETTLED", "B-pay collections settled", department="finance", owner=BPAY, unit="percent",
        meaning="Of what B-pay reports as paid on a day what the banks settled for it.",
        direction=HIGHER, frequency=Frequency.DAILY, places=2, certainty=MONEY, targets={"2025": "99"}, back=0,
        numerator=figure(books, total("bank")), denominator=figure(books, total("bpay")),
    ),
    indicator(
        "FIN_RECEIPTS_MATCHED", "Receipts matched to the bank", department="finance", owner=ACCOUNTS, unit="percent",
        meaning="Receipts of a day that a bank settled with the same PSID and the same amount.",
        direction=HIGHER, frequency=Frequency.DAILY, places=2, targets={"2025": "99"}, back=0,
        numerator=figure(receipts.join(settled, psid="paid_psid").keep(cell.amount == cell.settled), count()),
        denominator=figure(receipts, count()),
    ),
    indicator(
        "FIN_UNPOSTED_PAY", "Teachers' pay without a posting", department="finance", owner=ACCOUNTS, unit="percent",
        meaning="Payslips of the teaching cadre whose holder has no posting in EMIS now, of those with a CNIC.",
        direction=LOWER, frequency=Frequency.MONTHLY, places=2, targets={"2025": "0"}, back=0,
        numerator=figure(payslips.without(postings, cnic="posted"), count()), denominator=figure(payslips, count()),
    ),
)  # fmt: skip
