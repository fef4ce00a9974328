"""The ledger: a hash chain of entries, durable before an answer leaves, whose signed heads also stand elsewhere."""

from auth.ledger.chain import Link, Report, genesis, verify
from auth.ledger.heads import HeadFile
from auth.ledger.postgres import PostgresStore
from auth.ledger.sqlite import SqliteStore
from auth.ledger.writer import Ledger, Store

__all__ = ["HeadFile", "Ledger", "Link", "PostgresStore", "Report", "SqliteStore", "Store", "genesis", "verify"]
