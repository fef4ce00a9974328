"""The education department: EMIS, real-time school monitoring (RTSM) and the exam board."""

from connectors.education import board, emis, rtsm
from connectors.education.rules import rules
from connectors.education.sources import education
from schema.catalog import Declared

declared = Declared(education, (*emis.records, *rtsm.records, *board.records), rules)
