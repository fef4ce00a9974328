"""Oversight: whoever answers for the gateway's ledger. Its source is the ledger itself."""

from connectors.oversight.accesses import records
from connectors.oversight.rules import rules
from connectors.oversight.sources import oversight
from schema.catalog import Declared

declared = Declared(oversight, records, rules)
