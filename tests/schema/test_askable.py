"""What a record's source may be asked is what its own relation has arguments for."""

from __future__ import annotations

from gateway.opening import open_catalog
from gateway.settings import Settings
from schema.relations import Collection, Operation, Parameter, Table, offered_by
from schema.sources import Capabilities
from tests.houses import AUDITOR, Desk

EQUAL = frozenset({"eq", "in"})


def test_a_table_offers_every_column() -> None:
    assert offered_by(Table("districts")) is None


def test_an_argument_for_several_values_also_takes_one() -> None:
    relation = Operation("Get", "row", (Parameter("a", "a", "in", 100), Parameter("since", "day", "gte")))
    assert offered_by(relation) == {"a": EQUAL, "day": {"gte"}}


def test_capabilities_are_narrowed_to_what_a_relation_offers() -> None:
    """One service, two operations: the other one's arguments are not this one's."""
    service = Capabilities(columns={"a": EQUAL, "b": EQUAL}, key_columns=frozenset({"a", "b"}))
    own = service.narrowed(offered_by(Collection("x", (Parameter("a", "a", "in"), Parameter("c", "c", "eq")))) or {})
    assert own.takes("a", "eq")
    assert own.takes_keys("a")
    for column in ("b", "c"):
        assert not own.takes(column, "eq")
        assert not own.takes_keys(column)


def test_receipts_are_not_asked_for_by_a_district_that_their_operation_does_not_take() -> None:
    records = open_catalog(Settings()).records
    assert records["finance.BudgetLine"].source.capabilities.takes("district", "eq")
    assert not records["finance.Receipt"].source.capabilities.takes("district", "eq")


async def test_a_filter_the_operation_has_no_argument_for_is_done_after_the_fetch(file_desk: Desk) -> None:
    query = '{ receipts(where: {districtCode: {eq: "QUE"}}, first: 5) { nodes { districtCode } } }'
    found = (await file_desk.data(query, AUDITOR))["receipts"]["nodes"]
    assert [one["districtCode"] for one in found] == ["QUE"] * 5
