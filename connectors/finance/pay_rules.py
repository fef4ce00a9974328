"""Who may pay, and who sees which payments."""

from connectors.finance.paying import PayBill, Payment
from connectors.finance.rules import AUDIT
from schema.classification import confidential
from schema.predicates import principal, row
from schema.rules import Rule, allow, allow_action

PAYING = ("PaymentManagement",)
OWN = (row.subject == principal.subject) | (row.represented == principal.subject)

rules: tuple[Rule, ...] = (
    # Anybody known may pay anybody's bill, as at a bank's counter; who the payer is, the bill does not show them.
    *(allow_action(role, PayBill, purposes=PAYING) for role in ("citizen", "app")),
    *(allow(role, Payment, up_to=confidential, where=OWN) for role in ("citizen", "app")),
    allow("department_officer", Payment, up_to=confidential, where=principal.department == "finance"),
    allow("auditor", Payment, up_to=confidential, purposes=AUDIT, case=True),
)  # fmt: skip
