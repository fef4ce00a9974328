"""The education department: EMIS, real-time school monitoring (RTSM) and the exam board."""

from connectors.education import board, emis, learner_rules, learners, lifecycle, rtsm
from connectors.education.rules import rules
from connectors.education.sources import education
from schema.catalog import Declared

declared = Declared(
    education,
    (*emis.records, *rtsm.records, *board.records, *learners.records),
    (*rules, *learner_rules.rules, *lifecycle.rules),
)
