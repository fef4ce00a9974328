"""Asks once more what is watched: the same plan, executor and assembler as any request's."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from auth.principal import Principal
from gateway.allowed import Allowed
from gateway.assembler import Assembler
from gateway.executor import Execution
from gateway.house import House
from gateway.live.form import KEYS, Form
from gateway.live.looked import CannotWatch, Looked, NotNow
from gateway.live.view import Nodes
from gateway.objects import written
from gateway.pipeline import Compiled, compiled_over, told_error
from gateway.plan import ConnectionRootLayout, RowsStep
from gateway.recording import rows_given
from gateway.results import Failed, RowsResult
from gateway.templates import FromPrincipal, Leaf, Worked
from schema.errors import Code

PASSING = frozenset({Code.SOURCE_UNAVAILABLE, Code.DEADLINE})
"""What a department will have got over by and by."""


@dataclass(slots=True)
class Asking:
    """One thing watched, with the rights and values of whoever came first; all who watch it have the same."""

    house: House
    form: Form
    variables: Mapping[str, Any]
    principal: Principal
    members: int
    plans: dict[bool, Compiled] = field(default_factory=dict)
    """Of everything, and (True) of rows with certain keys: shared by all with the same text and rights."""

    def __post_init__(self) -> None:
        for keyed in (False, True) if self.form.feed is not None else (False,):
            if keyed not in self.plans:
                self.plans[keyed] = self._compiled(keyed, frozenset())

    @property
    def whole(self) -> Compiled:
        return self.plans[False]

    def _compiled(self, keyed: bool, turned: frozenset[str]) -> Compiled:
        allowed: Allowed = self.form.allowed
        if self.form.feed is not None:
            allowed = self.form.narrowed_to(allowed, keyed, self.members + 1)
        return compiled_over(self.house, allowed, turned)

    def bound(self) -> tuple[tuple[Hashable, ...], ...]:
        """The values of the principal that the plan reads."""
        names: set[str] = set()
        for step in self.whole.prepared.plan.steps:
            reading = getattr(step, "reading", None)
            for binding in () if reading is None else (*reading.params, *reading.local_params):
                if (name := _attribute(binding.leaf)) is not None:
                    names.add(name)
        return tuple((name, self.principal.attribute(name)) for name in sorted(names))

    async def look(self, keys: tuple[Any, ...] | None, *, partial: bool = False) -> Looked:
        """What is there now; ``keys``: only of these rows; ``partial``: without what departments cannot answer now.
        Raises NotNow and CannotWatch."""
        run, compiled = await self._run(keys)
        errors = [self._error(told) for told in compiled.prepared.plan.allowed.refusals]
        errors += [self._error(told) for told in run.problems]
        failed = [result.code for result in run.results.values() if isinstance(result, Failed)]
        if not partial and any(code in PASSING for code in failed):
            raise NotNow(errors)
        if failed and self.form.feed is not None:
            raise CannotWatch(errors)
        data = Assembler(run, compiled.builders).data()
        if self.form.feed is None:
            told = {key: "Query" if name == "__typename" else data.get(key) for key, name in self.form.order}
            return Looked({}, written(told), tuple(errors), rows_given(run))
        return Looked(self._rows(run, compiled, data, keys), b"", tuple(errors))

    def _error(self, told: Any) -> dict[str, Any]:
        path = told.path
        if self.form.feed is None and path[:1] != (self.form.named,):
            path = (self.form.named, *path)
        return told_error(told.message, path, told.code, told.department, told.owner)

    def _rows(
        self, run: Execution, compiled: Compiled, data: dict[str, Any], keys: tuple[Any, ...] | None
    ) -> dict[Any, Nodes]:
        (root,) = compiled.prepared.plan.roots
        assert isinstance(root, ConnectionRootLayout)
        assert root.connection.rows is not None
        step, result = compiled.prepared.plan.steps[root.connection.rows], run.results[root.connection.rows]
        assert isinstance(step, RowsStep)
        assert isinstance(result, RowsResult)
        if result.table.size > self.members:
            plural = root.connection.part.record.plural
            message = f"a feed may watch {self.members} {plural}, and these are more; narrow where"
            raise CannotWatch([told_error(message, (self.form.named,), Code.BUDGET_EXCEEDED)])
        encoded = [[written(node) for node in nodes] for nodes in data[root.key].values()]
        rows = dict(zip(result.table.columns[step.key], zip(*encoded, strict=True), strict=True))
        return rows if keys is None else {key: nodes for key, nodes in rows.items() if key in keys}

    async def _run(self, keys: tuple[Any, ...] | None) -> tuple[Execution, Compiled]:
        keyed = keys is not None
        variables = self.variables if keys is None else {**self.variables, KEYS: keys}
        reach = replace(self.house.reach, max_first=max(self.house.reach.max_first, self.members + 1))
        deadline = asyncio.get_running_loop().time() + self.house.time_s
        while True:
            compiled = self.plans[keyed]
            run = Execution(compiled.prepared, variables, self.principal, reach, deadline)
            try:
                async with asyncio.timeout_at(deadline + 1.0):
                    await run.run()
            except TimeoutError:
                message = "the departments did not answer in time; try again later"
                raise NotNow([told_error(message, (self.form.named,), Code.DEADLINE)]) from None
            if not run.turned:
                return run, compiled
            self.plans[keyed] = self._compiled(keyed, compiled.prepared.plan.turned | run.turned)


def _attribute(leaf: Leaf | Any) -> str | None:
    while isinstance(leaf, Worked):
        leaf = leaf.leaf
    return leaf.attribute if isinstance(leaf, FromPrincipal) else None
