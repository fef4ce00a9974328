"""B-pay: the 1BILL shape, POST only, one PSID an inquiry, fixed-width amounts. The odd casing of its names is real.

``response_Code``: 00 ok, 01 no such PSID, 02 expired, 03 cannot be paid (paid already, or blocked), 04 not as
described. Codes but the first two differ per implementer: these are this one's. ``head_code`` and the district in
``reserved`` are this implementer's too. ``TransactionReport`` is invented here: the 1BILL pages at hand describe no
listing, and a province needs one.
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

INDEXES = ("transactions(tran_date)", "transactions(psid)")
TRANSACTION = (
    "txn_id, psid, tran_auth_id, printf('%012d', amount_paisa) AS transaction_amount, tran_date, tran_time, "
    "bank_mnemonic, recorded_at, reversal_of, head_code"
)
REPORTED_BY = {"from_date", "to_date", "psid", "txn_id", "page", "page_size", "bank_mnemonic", "reserved"}
PAGE = 100
MOST_PAGE = 1000


def app(folder: Path, now: Callable[[], str] = karachi_now) -> Starlette:
    """Needs headers ``username: gateway`` and ``password`` as in ``bpay.password``. ``now``: the clock that payments
    are recorded by."""
    bpay = _Bpay(Store(folder / "bpay.sqlite", INDEXES, writable=True), secret(folder, "bpay.password"), now)
    routes = [
        Route("/bpay/BillInquiry", bpay.inquiry, methods=["POST"]),
        Route("/bpay/BillPayment", bpay.payment, methods=["POST"]),
        Route("/bpay/TransactionReport", bpay.report, methods=["POST"]),
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
        body = await self._read(request)
        try:
            asked = _arguments(body)
            page = whole(asked.get("page"), 1, 10**7)
            size = whole(asked.get("page_size"), PAGE, MOST_PAGE)
            listing = Listing("transactions", TRANSACTION, "txn_id", _conditions(asked), (page - 1) * size, size)
        except BadArgument as error:
            return answer({"response_Code": "04", "detail": str(error)}, 400)
        total, rows = await self._store.page(listing)
        told = {"response_Code": "00", "total": total, "page": page, "pages": -(-total // size)}
        return answer({**told, "transactions": rows})

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


def _arguments(body: dict[str, Any]) -> dict[str, str]:
    """A report's arguments as text. Raises BadArgument: a misspelt filter would show every transaction."""
    if not body.keys() <= REPORTED_BY:
        raise BadArgument(f"no such argument; there are: {', '.join(sorted(REPORTED_BY))}")
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
        conditions.append(among("psid", several(asked["psid"], "psid")))
    if "txn_id" in asked:
        conditions.append(among("txn_id", numbers(several(asked["txn_id"], "txn_id"), "txn_id")))
    return tuple(conditions)
