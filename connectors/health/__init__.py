"""The health department: HMIS (DHIS2-shaped), LMIS stock and HR staff."""

from connectors.health import hmis, hr, lmis
from connectors.health.rules import rules
from connectors.health.sources import health
from schema.catalog import Declared

declared = Declared(health, (*hmis.records, *lmis.records, *hr.records), rules)
