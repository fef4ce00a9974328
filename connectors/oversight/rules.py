"""Who may ask the ledger. Everything else is refused."""

from connectors.oversight.accesses import Access, Ledger
from schema.classification import confidential, restricted
from schema.predicates import is_null, principal, row
from schema.rules import Rule, allow, allow_totals

AUDIT = ("LegalCompliance", "FraudPreventionAndDetection")
BY = (
    "id", "entry", "at", "coordinate", "department", "owner", "how", "uses", "code", "rules", "outcome", "who",
    "office", "roles", "on_behalf_of", "purpose", "case", "request_id", "operation_hash",
)  # fmt: skip
"""Whoever may see every access may count them by anything."""

rules: tuple[Rule, ...] = (
    allow("auditor", Access, up_to=confidential, purposes=AUDIT, case=True),
    allow_totals("auditor", Access, by=BY, measures=("rows",), k=1, purposes=AUDIT, case=True),
    # A department knows who was shown what is its own. What is looked at under a case it is not told of: it may be
    # the department that is being looked at.
    allow("department_officer", Access, up_to=confidential,
          where=(row.department == principal.department) & is_null(row.case)),
    *(allow(role, Ledger, up_to=restricted) for role in ("auditor", "department_officer", "steward")),
)  # fmt: skip
