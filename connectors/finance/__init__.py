"""The finance department: FABS, B-pay, the banks' scrolls, and the planning wing's geography."""

from connectors.finance import bpay, fabs, geography, pay_rules, paying
from connectors.finance.rules import rules
from connectors.finance.sources import finance
from schema.catalog import Declared

declared = Declared(
    finance, (*geography.records, *fabs.records, *bpay.records, *paying.records), (*rules, *pay_rules.rules),
    actions=paying.actions,
)  # fmt: skip
