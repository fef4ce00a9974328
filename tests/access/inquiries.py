"""A department of tests that keeps secrets: inquiries with an informant, and informants, all of whom is Secret;
and notes, whose key is hidden in some rows."""

from __future__ import annotations

from auth.credentials import Authenticator
from connectors.memory import MemoryConnector
from gateway.cursors import Sealer
from gateway.house import House, make_house
from gateway.run import Reach
from schema.catalog import Catalog, Declared
from schema.classification import open_, restricted, secret
from schema.declare import column, computed, many, one, record
from schema.predicates import principal, row
from schema.resolve import resolve
from schema.rules import allow, allow_totals
from schema.sources import SQL, Department, Source
from tests.houses import AnyPrincipal, Desk, Remembered

inquiries = Department("inquiries", "Anti-Corruption Establishment", "Director General", contact="Quetta")
register = Source("register", "inquiries", "sql", "Register of inquiries", SQL, owner="Registrar")


def shorten(code: str | None, subject: str | None) -> str | None:
    return None if code is None else f"{code[:2]} {subject}"


@record(register, "inquiries", key="number", size=10, persons=False)
class Inquiry:
    """An inquiry."""

    number: str = column("no", open_)
    subject: str | None = column("subj", open_)
    officer: str | None = column("officer", restricted)
    informant_code: str | None = column("inf_cd", secret, description="Who told.")
    reward: int | None = column("reward", secret, personal=True)
    summary: str | None = computed(shorten, reads=("informant_code", "subject"))
    informant = one("inquiries.Informant", on="informant_code")


@record(register, "informants", key="code", size=10, persons=True)
class Informant:
    """Nobody may know that there are any."""

    code: str = column("code", secret)
    name: str | None = column("nm", secret, personal=True)
    inquiries = many("inquiries.Inquiry", on="informant_code")


@record(register, "notes", key="code", size=10)
class Note:
    """A note whose text some may read without knowing which note it is."""

    code: str = column("code", open_)
    text: str | None = column("txt", open_)


rules = (
    allow("app", Note, up_to=open_, only=("text",)),
    allow("citizen", Note, up_to=open_, where=row.code == principal.note),
    allow("public", Inquiry, up_to=open_),
    allow("auditor", Inquiry, up_to=secret, purposes=("LegalCompliance",)),
    allow("auditor", Informant, up_to=secret, purposes=("LegalCompliance",)),
    allow_totals("planner", Inquiry, by=("subject", "informant_code"), k=10),
)
declared = Declared(inquiries, (Inquiry, Informant, Note), rules)
ROWS = {
    "inquiries": [
        {"no": "1", "subj": "Roads", "officer": "Baloch", "inf_cd": "INF-777", "reward": 987654},
        {"no": "2", "subj": "Wells", "officer": "Khan", "inf_cd": None, "reward": None},
    ],
    "notes": [{"code": "N-1", "txt": "one"}, {"code": "N-2", "txt": "two"}],
    "informants": [{"code": "INF-777", "nm": "Zarghoona Secretname"}],
}
SECRET_WORDS = (
    "informant", "Informant", "reward", "summary", "inf_cd", "Who told", "INF-777", "987654", "Secretname", "IN Roads",
)  # fmt: skip


def catalog() -> Catalog:
    return resolve([declared])


def desk() -> Desk:
    """The department alone, its rows in memory."""
    believer, ledger = AnyPrincipal(), Remembered()
    authenticator: Authenticator = believer  # type: ignore[assignment]
    reach = Reach({"register": MemoryConnector(register, ROWS)}, Sealer(b"k" * 64))
    house: House = make_house(catalog(), authenticator, ledger, reach)
    return Desk(house, believer, ledger)
