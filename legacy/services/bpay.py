"""B-pay: the 1BILL shape, POST only, one PSID an inquiry, fixed-width amounts. The odd casing of its names is real.

``response_Code``: 00 ok, 01 no such PSID, 02 expired, 03 cannot be paid (paid already, or blocked), 04 not as
described. Codes but the first two differ per implementer: these are this one's. ``head_code`` and the district in
``reserved`` are this implementer's too. ``TransactionReport``, ``BillReport`` and ``BillTotals`` are invented here: the
1BILL pages at hand describe no listing, and a province needs them. A bill is issued on the first of its month.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from legacy.services.bpay_payment import Payment, karachi_now, pay
from legacy.services.common import BadArgument, Statistics, answer, is_date, numbers, secret, service, several, whole
from legacy.services.faults import BrokenOff, Faults
from legacy.services.store import Condition, Listing, Store, among, compared

INDEXES = ("transactions(tran_date)", "transactions(psid)", "bills(issue)")
TRANSACTION = (
    "txn_id, psid, tran_auth_id, printf('%012d', amount_paisa) AS transaction_amount, tran_date, tran_time, "
    "bank_mnemonic, recorded_at, reversal_of, head_code, "
    "(SELECT printf('%012d', CASE WHEN tran_date <= due_date THEN amount_within_paisa ELSE amount_after_paisa END) "
    "FROM bills WHERE bills.psid = transactions.psid) AS amount_due, "
    "CASE WHEN reversal_of IS NULL THEN (SELECT COUNT(*) FROM transactions AS other WHERE other.psid = transactions.psid "
    "AND other.reversal_of IS NULL AND other.txn_id <= transactions.txn_id) END AS payment_no"
)
BILL = (
    "psid, cnic AS payer_id, head_code, dist_txt AS district, bill_status, due_date, "
    "printf('%+014d', amount_within_paisa) AS amount_within_dueDate, "
    "printf('%+014d', amount_after_paisa) AS amount_after_dueDate, date_paid, "
    "CASE WHEN amount_paid_paisa = 0 THEN '' ELSE printf('%012d', amount_paid_paisa) END AS amount_paid, "
    "original_psid, issue AS issue_no, expired, "
    "printf('20%s-%s-01T00:00:00+05:00', substr(billing_month, 1, 2), substr(billing_month, 3)) AS issued_at"
)
BILL_TOTAL = "line_id, due_date, head_code, dist_txt AS district, bill_status, bills, printf('%015d', amount_paisa) AS amount, as_of"
PAGING = {"page", "page_size", "bank_mnemonic", "reserved"}
REPORTED_BY = {"from_date", "to_date", "psid", "txn_id"} | PAGING
BILLS_BY = {"psid", "payer_id", "bill_status", "from_due", "to_due", "min_issue"} | PAGING
TOTALS_BY = {"line_id", "bill_status", "head_code"} | PAGING
PAGE = 100
MOST_PAGE = 1000
MOST_PSIDS = 1000


def app(folder: Path, now: Callable[[], str] = karachi_now) -> Starlette:
    """Needs headers ``username: gateway`` and ``password`` as in ``bpay.password``. ``now``: the clock that payments
    are recorded by."""
    bpay = _Bpay(Store(folder / "bpay.sqlite", INDEXES, writable=True), secret(folder, "bpay.password"), now)
    routes = [
        Route("/bpay/BillInquiry", bpay.inquiry, methods=["POST"]),
        Route("/bpay/BillPayment", bpay.payment, methods=["POST"]),
        Route("/bpay/TransactionReport", bpay.report, methods=["POST"]),
        Route("/bpay/BillReport", bpay.bills, methods=["POST"]),
        Route("/bpay/BillTotals", bpay.totals, methods=["POST"]),
        *bpay.faults.routes(),
    ]
    return service(routes, Statistics())


class _Bpay:
    def __init__(self, store: Store, password: str, now: Callable[[], str]) -> None:
        self._store = store
        self._password = password.encode()
        self._now = now
        self.faults = Faults()

    async def inquiry(self, request: Request) -> Response:
        body = await self._read(request)
        if not isinstance(body.get("consumer_number"), str):
            return answer({"response_Code": "04", "reserved": ""})
        bill = await self._store.one("SELECT * FROM bills WHERE psid = ?", (body["consumer_number"],))
        if bill is None:
            return answer({"response_Code": "01", "reserved": ""})
        return answer(
            {
                "response_Code": "02" if bill["expired"] else "00",
                "consumer_Detail": bill["consumer_detail"].ljust(30),
                "bill_status": bill["bill_status"],
                "due_date": bill["due_date"],
                "amount_within_dueDate": _signed(bill["amount_within_paisa"]),
                "amount_after_dueDate": _signed(bill["amount_after_paisa"]),
                "billing_month": bill["billing_month"],
                "date_paid": bill["date_paid"],
                "amount_paid": f"{bill['amount_paid_paisa']:012d}" if bill["amount_paid_paisa"] else "",
                "tran_auth_Id": bill["tran_auth_id"],
                "head_code": bill["head_code"],
                "reserved": bill["dist_txt"],
            }
        )

    async def payment(self, request: Request) -> Response:
        """A replay of the same payment is answered like the first; another amount or a paid bill is refused."""
        payment = Payment.read(await self._read(request))
        fault = self.faults.next()
        if fault == "broken":
            return BrokenOff()
        if fault == "error_before":
            raise HTTPException(500, "the system is out of order")
        if fault == "late_before":
            await asyncio.sleep(self.faults.late_s)
        code = await self._paid(payment)
        if fault == "twice":
            code = await self._paid(payment)
        if fault == "late":
            await asyncio.sleep(self.faults.late_s)
        if fault == "lost":
            return BrokenOff()
        if fault == "error_after":
            raise HTTPException(500, "the system is out of order")
        identification = payment.psid if payment is not None and code == "00" else ""
        return answer({"response_Code": code, "Identification_parameter": identification, "reserved": ""})

    async def _paid(self, payment: Payment | None) -> str:
        if payment is None:
            return "04"
        return await self._store.transact(lambda store: pay(store, payment, self._now()))

    async def report(self, request: Request) -> Response:
        """Transactions, ordered by number, page by page; ``from_date`` and ``to_date`` (YYYYMMDD) are both included,
        ``psid`` and ``txn_id`` are comma lists."""
        return await self._listed(
            request, REPORTED_BY, _conditions, ("transactions", TRANSACTION, "txn_id"), "transactions"
        )

    async def bills(self, request: Request) -> Response:
        """Bills, ordered by PSID; ``psid`` and ``payer_id`` (a CNIC or NTN as it was written down) are comma lists."""
        return await self._listed(request, BILLS_BY, _bill_conditions, ("bills", BILL, "psid"), "bills")

    async def totals(self, request: Request) -> Response:
        """How many bills stand, and what they amount to, as counted at night."""
        return await self._listed(
            request, TOTALS_BY, _total_conditions, ("bill_totals", BILL_TOTAL, "line_id"), "totals"
        )

    async def _listed(
        self, request: Request, known: set[str], conditions: Callable[[dict[str, str]], tuple[Condition, ...]],
        columns: tuple[str, str, str], name: str,
    ) -> Response:  # fmt: skip
        body = await self._read(request)
        try:
            asked = _arguments(body, known)
            page = whole(asked.get("page"), 1, 10**7)
            size = whole(asked.get("page_size"), PAGE, MOST_PAGE)
            listing = Listing(*columns, conditions(asked), (page - 1) * size, size)
        except BadArgument as error:
            return answer({"response_Code": "04", "detail": str(error)}, 400)
        total, rows = await self._store.page(listing)
        told = {"response_Code": "00", "total": total, "page": page, "pages": -(-total // size)}
        return answer({**told, name: rows})

    async def _read(self, request: Request) -> dict[str, Any]:
        """The object sent. Raises HTTPException."""
        if self.faults.down:
            raise HTTPException(503, "the system is closed")
        password = request.headers.get("password", "").encode()
        if request.headers.get("username") != "gateway" or not hmac.compare_digest(password, self._password):
            raise HTTPException(401, "username or password wrong")
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError as error:
            raise HTTPException(400, "the body is no JSON") from error
        if not isinstance(body, dict):
            raise HTTPException(400, "a JSON object is needed")
        return body


def _signed(paisa: int) -> str:
    """+0000000186900: sign and thirteen digits, the last two are paisa."""
    return f"{'-' if paisa < 0 else '+'}{abs(paisa):013d}"


def _arguments(body: dict[str, Any], known: set[str]) -> dict[str, str]:
    """A report's arguments as text. Raises BadArgument: a misspelt filter would show everything."""
    if not body.keys() <= known:
        raise BadArgument(f"no such argument; there are: {', '.join(sorted(known))}")
    if any(isinstance(value, bool) or not isinstance(value, str | int) for value in body.values()):
        raise BadArgument("arguments are texts or whole numbers")
    return {name: str(value) for name, value in body.items()}


def _conditions(asked: dict[str, str]) -> tuple[Condition, ...]:
    """Raises BadArgument."""
    dates = {name: asked[name] for name in ("from_date", "to_date") if name in asked}
    if not all(map(is_date, dates.values())):
        raise BadArgument("from_date, to_date: a date YYYYMMDD is needed")
    conditions = []
    if len(dates) == 2 and dates["from_date"] == dates["to_date"]:
        # One day as an equality: its rows come from the index in the order of their numbers, without sorting.
        conditions.append(among("tran_date", [dates["from_date"]]))
    else:
        comparisons = {"from_date": ">=", "to_date": "<="}
        conditions += [compared("tran_date", comparisons[name], day) for name, day in dates.items()]
    if "psid" in asked:
        conditions.append(among("psid", several(asked["psid"], "psid", MOST_PSIDS)))
    if "txn_id" in asked:
        conditions.append(among("txn_id", numbers(several(asked["txn_id"], "txn_id"), "txn_id")))
    return tuple(conditions)


def _bill_conditions(asked: dict[str, str]) -> tuple[Condition, ...]:
    """Raises BadArgument."""
    dates = {name: asked[name] for name in ("from_due", "to_due") if name in asked}
    if not all(map(is_date, dates.values())):
        raise BadArgument("from_due, to_due: a date YYYYMMDD is needed")
    comparisons = {"from_due": ">=", "to_due": "<="}
    conditions = [compared("due_date", comparisons[name], day) for name, day in dates.items()]
    if "psid" in asked:
        conditions.append(among("psid", several(asked["psid"], "psid", MOST_PSIDS)))
    for name, column in (("payer_id", "cnic"), ("bill_status", "bill_status")):
        if name in asked:
            conditions.append(among(column, several(asked[name], name)))
    if "min_issue" in asked:
        conditions.append(compared("issue", ">=", whole(asked["min_issue"], 1, 10**6)))
    return tuple(conditions)


def _total_conditions(asked: dict[str, str]) -> tuple[Condition, ...]:
    """Raises BadArgument."""
    return tuple(
        among(name, several(asked[name], name)) for name in ("line_id", "bill_status", "head_code") if name in asked
    )
