"""Makes the catalog out of the departments' declarations and gathers every problem on the way, each with file, line
and what to do, so that one start tells them all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence

from schema import derivations, indicators
from schema.acting import resolved_action
from schema.actions import action_of
from schema.catalog import Action, Catalog, Declared, Record
from schema.resolve.gathered import Gathered, file_of, gather
from schema.resolve.names import check_names, presets_of
from schema.resolve.problems import Problems
from schema.resolve.records import resolved_record
from schema.resolve.rules import check_rules
from schema.resolve.types import scalar_of
from schema.rules import AllowAction
from schema.version import version_of


def resolve(declared: Iterable[Declared], today: dt.date | None = None) -> Catalog:
    """The catalog of these departments. Raises DeclarationError with everything that is wrong. ``today``: owners who
    take over on a later day are refused; None does not ask."""
    parts, problems = tuple(declared), Problems()
    gathered = gather(parts, today, problems)
    records = {name: resolved_record(name, spec, gathered, problems) for name, spec in gathered.specs.items()}
    records = derivations.resolved(records, problems.tell)
    check_names(records, problems)
    check_rules(parts, gathered, records, problems)
    rules = tuple(rule for part in parts for rule in part.rules)
    actions = [action for part in parts for action in _actions(part, records, problems)]
    _check_indicators(parts, gathered, records, problems)
    presets = presets_of(parts, gathered, records, problems)
    problems.raise_any()
    return Catalog(
        departments=dict(gathered.departments),
        sources=dict(gathered.sources),
        records=records,
        rules=rules,
        version=version_of(records, rules, actions),
        actions={action.api_name: action for action in actions},
        roles=frozenset(gathered.roles),
        presets=presets,
    )


def _actions(part: Declared, records: Mapping[str, Record], problems: Problems) -> Iterator[Action]:
    for declared in part.actions:
        spec = action_of(declared)
        if spec is None:
            told = f"{declared.__name__} is listed as an action but has no @action"
            problems.tell(file_of(declared), 1, told)
            continue
        scalars = {name: scalar_of(spec, name, one.line, problems)[0] for name, one in spec.inputs.items()}
        rules = tuple(rule for rule in part.rules if isinstance(rule, AllowAction) and rule.action is declared)
        action = resolved_action(spec, part.department, scalars, records, rules, problems.tell)
        if action is not None:
            yield action


def _check_indicators(
    parts: Sequence[Declared], gathered: Gathered, records: Mapping[str, Record], problems: Problems
) -> None:
    codes: set[str] = set()
    for one in (one for part in parts for one in part.indicators):
        if one.code in codes:
            problems.tell(one.file, one.line, f"two indicators have the code {one.code!r}; rename one")
        codes.add(one.code)
        for told in indicators.problems(one, gathered.departments, records, gathered.today):
            problems.tell(one.file, one.line, f"indicator {one.code} {told}")
