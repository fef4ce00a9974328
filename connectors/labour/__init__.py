"""The labour department: B-TEVTA's trainees and social security's verification."""

from connectors.labour import bessi, lifecycle, tevta
from connectors.labour.rules import roles, rules
from connectors.labour.sources import labour
from schema.catalog import Declared

declared = Declared(
    labour,
    (*tevta.records, *bessi.records),
    (*rules, *lifecycle.rules),
    (*tevta.links_from, *bessi.links_from),
    roles=roles,
)
