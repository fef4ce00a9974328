"""A derived record's step that is promised to those who ask for its rows, and written when all of them are known."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.allowed import FieldTest, Filter, Path
from gateway.keys import with_pieces
from gateway.linking import KeysFor
from gateway.pushdown import conjuncts
from gateway.templates import Leaf
from schema.catalog import Record
from schema.derive.nodes import Derivation


@dataclass(slots=True)
class Promise:
    """``cells`` are those of the query that are asked for so far, in the order of the step's rows."""

    number: int
    record: Record
    derivation: Derivation
    where: Filter
    path: Path
    moment: Leaf | None
    keys: KeysFor | None
    cells: list[str] = field(default_factory=list)
    written: bool = False

    def tests(self) -> list[FieldTest]:
        """What the caller's filter says of the record's own fields, and of the pieces its key is joined of."""
        said = [test for test in conjuncts(self.where) if isinstance(test, FieldTest)]
        return with_pieces(self.record, self.derivation.query, said)
