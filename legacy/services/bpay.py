"""B-pay: the 1BILL shape, POST only, one PSID an inquiry, fixed-width amounts. The odd casing of its names is real.

``TransactionReport`` is invented here: the 1BILL pages at hand describe no listing, and a province needs one.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from legacy.services.common import Statistics, Store, answer, whole


def app(folder: Path) -> Starlette:
    """Needs headers ``username: gateway`` and ``password`` as in ``bpay.password``."""
    service = _Bpay(Store(folder / "bpay.sqlite"), (folder / "bpay.password").read_text())
    return Starlette(
        routes=[
            Route("/bpay/BillInquiry", service.inquiry, methods=["POST"]),
            Route("/bpay/BillPayment", service.payment, methods=["POST"]),
            Route("/bpay/TransactionReport", service.report, methods=["POST"]),
            *service.statistics.routes(),
        ]
    )


def _signed(paisa: int) -> str:
    return f"{'-' if paisa < 0 else '+'}{abs(paisa):013d}"


class _Bpay:
    def __init__(self, store: Store, password: str) -> None:
        self._store = store
        self._password = password
        self.statistics = Statistics()

    async def _read(self, request: Request) -> dict[str, Any] | Response:
        self.statistics.by_path[request.url.path] += 1
        login = request.headers.get("username", ""), request.headers.get("password", "")
        if login[0] != "gateway" or not hmac.compare_digest(login[1], self._password):
            return answer({"response_Code": "04"}, 401)
        try:
            body = orjson.loads(await request.body())
        except orjson.JSONDecodeError:
            return answer({"response_Code": "04"}, 400)
        return body if isinstance(body, dict) else answer({"response_Code": "04"}, 400)

    async def inquiry(self, request: Request) -> Response:
        """response_Code 00 ok, 01 not found, 02 expired (others differ per implementer: 02 is this one's)."""
        body = await self._read(request)
        if isinstance(body, Response):
            return body
        bill = self._store.one("SELECT * FROM bills WHERE psid = ?", (str(body.get("consumer_number", "")),))
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
        body = await self._read(request)
        if isinstance(body, Response):
            return body
        psid, auth = str(body.get("consumer_number", "")), str(body.get("tran_auth_id", ""))
        bill = self._store.one("SELECT * FROM bills WHERE psid = ?", (psid,))
        if bill is None:
            return answer({"response_Code": "01", "Identification_parameter": ""})
        amount = str(body.get("transaction_amount", ""))
        if bill["bill_status"] == "P":
            same = bill["tran_auth_id"] == auth and amount == f"{bill['amount_paid_paisa']:012d}"
            return answer({"response_Code": "00" if same else "03", "Identification_parameter": psid if same else ""})
        if amount != f"{bill['amount_within_paisa']:012d}" or bill["expired"]:
            return answer({"response_Code": "04", "Identification_parameter": ""})
        day, time = str(body.get("tran_date", "")), str(body.get("tran_time", ""))
        self._store.write(
            "UPDATE bills SET bill_status = 'P', date_paid = ?, amount_paid_paisa = amount_within_paisa, "
            "tran_auth_id = ? WHERE psid = ?",
            (day, auth, psid),
        )
        self._store.write(
            "INSERT INTO transactions SELECT MAX(txn_id) + 1, ?, ?, ?, ?, ?, ?, ?, NULL FROM transactions",
            (psid, auth, int(amount), day, time, str(body.get("bank_mnemonic", "")), f"{day}T{time}"),
        )
        return answer({"response_Code": "00", "Identification_parameter": psid})

    async def report(self, request: Request) -> Response:
        """Transactions by date, page by page, ordered by number."""
        body = await self._read(request)
        if isinstance(body, Response):
            return body
        where, values = ["1 = 1"], list[Any]()
        for name, condition in (("from_date", "tran_date >= ?"), ("to_date", "tran_date <= ?")):
            if name in body:
                where.append(condition)
                values.append(str(body[name]))
        for name, column in (("psid", "psid"), ("txn_id", "txn_id")):
            if name in body:
                asked = [part for part in str(body[name]).split(",") if part][:200]
                where.append(f"{column} IN ({', '.join('?' * len(asked))})")
                values += asked
        try:
            page = whole(str(body.get("page", 1)), 1, 10**6)
            size = whole(str(body.get("page_size", 100)), 100, 1000)
        except ValueError:
            return answer({"response_Code": "04"}, 400)
        condition = " AND ".join(where)
        total = self._store.one(f"SELECT COUNT(*) FROM transactions WHERE {condition}", tuple(values))[0]
        rows = self._store.rows(
            "SELECT txn_id, psid, tran_auth_id, printf('%012d', amount_paisa) AS transaction_amount, tran_date, "
            f"tran_time, bank_mnemonic, recorded_at, reversal_of FROM transactions WHERE {condition} ORDER BY txn_id "
            "LIMIT ? OFFSET ?",
            (*values, size, (page - 1) * size),
        )
        return answer({"response_Code": "00", "total": total, "transactions": rows})
