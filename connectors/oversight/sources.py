"""The department that answers for the ledger, and how much may be asked of it."""

from schema.sources import FILES, Department, Limits, Source
from schema.trail import LEDGER

# That the inspection team answers for the ledger is an assumption: the province decides who does. It should be nobody
# who runs the gateway or one of the departments it reads.
oversight = Department(
    "oversight", "Chief Minister's Inspection Team, Government of Balochistan",
    "Chairman, Chief Minister's Inspection Team", contact="Secretary, Chief Minister's Inspection Team, Quetta",
)  # fmt: skip
ledger = Source(
    "ledger", "oversight", LEDGER, "The gateway's ledger", FILES,
    # A search reads on its own connection, beside those who write; four at a time leave those theirs.
    limits=Limits(timeout_s=9.0, concurrency=4, row_budget=100_000),
    description="What the gateway was asked and what it showed, as it is chained and signed.",
)  # fmt: skip
