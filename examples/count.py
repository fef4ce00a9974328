"""A store keeper counts medicine: writes into LMIS as its own programs do. ``count.py FACILITY DRUG QUANTITY DAY``."""

from __future__ import annotations

import sqlite3
import sys
import uuid

LMIS = "var/legacy/demo/lmis.sqlite"
CARD = """
SELECT c.id FROM stock_cards c JOIN facility_map m ON m.facilityid = c.facilityid
JOIN orderables o ON o.id = c.orderableid WHERE m.hmis_code = ? AND o.code = ?
"""

facility, drug, quantity, day, *elsewhere = sys.argv[1:]
connection = sqlite3.connect(elsewhere[0] if elsewhere else LMIS, timeout=20)
with connection:
    (card,) = connection.execute(CARD, (facility, drug)).fetchone()
    connection.execute(
        "INSERT INTO calculated_stocks_on_hand VALUES (?, ?, ?, ?)", (str(uuid.uuid4()), int(quantity), day, card)
    )
