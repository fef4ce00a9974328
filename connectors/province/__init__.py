"""Planning and Development: a department whose source is the others. Its records are derived, declared and never
written as code."""

from connectors.province import (
    boards,
    cohorts,
    indicators,
    lifecycle,
    lifecycle_rules,
    matching,
    money,
    presence,
    service,
    standing,
)
from connectors.province.rules import rules
from connectors.province.sources import province
from schema.catalog import Declared

declared = Declared(
    province,
    (
        *presence.records, *service.records, *money.records, *matching.records, *boards.records, *lifecycle.records,
        *cohorts.records, *standing.records, *indicators.records,
    ),
    (*rules, *lifecycle_rules.rules, *indicators.rules), (*lifecycle.links_from, *standing.links_from),
    presets=indicators.presets, indicators=indicators.indicators,
)  # fmt: skip
