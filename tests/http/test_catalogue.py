"""What other portals and offices read about the data: the catalogue and the departments' contracts."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from gateway.contracts import LOGICAL, contract
from gateway.dcat import catalogue
from schema.scalars import BOOLEAN, CUSTOM, FLOAT, INT, STRING
from tests.access import inquiries
from tests.serving import Served

RIGHTS = "http://publications.europa.eu/resource/authority/access-right/"


def test_every_record_is_a_dataset_with_its_publisher_and_its_access_right(served: Served) -> None:
    reply = served.send("GET", "/catalog.jsonld")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/ld+json")
    records = served.ask("{ catalog { records { name department } departments { name title } } }").told["data"][
        "catalog"
    ]
    titles = {one["name"]: one["title"] for one in records["departments"]}
    found = {one["dct:identifier"]: one["dct:publisher"]["foaf:name"] for one in reply.told["dcat:dataset"]}
    assert found == {one["name"]: titles[one["department"]] for one in records["records"]}
    rights = {one["dct:identifier"]: one["dct:accessRights"]["@id"] for one in reply.told["dcat:dataset"]}
    assert rights["education.School"] == RIGHTS + "PUBLIC"
    assert rights["finance.Payslip"] == RIGHTS + "RESTRICTED"
    served_sets = {one["@id"] for one in reply.told["dcat:service"]["dcat:servesDataset"]}
    assert served_sets == {one["@id"] for one in reply.told["dcat:dataset"]}


@pytest.mark.parametrize("department", ["education", "health", "finance", "labour", "province"])
def test_a_contract_names_each_column_its_owner_and_its_classification(department: str, served: Served) -> None:
    reply = served.send("GET", f"/contracts/{department}.yaml")
    assert (reply.status, reply.headers["content-type"]) == (200, "application/yaml")
    told = yaml.safe_load(reply.body)
    assert (told["apiVersion"], told["kind"], told["domain"]) == ("v3.1.0", "DataContract", department)
    fields = served.ask("{ catalog { fields { coordinate codec column department owner classification } } }").told[
        "data"
    ]["catalog"]["fields"]
    expected = {
        one["coordinate"]: (one["owner"], one["classification"])
        for one in fields if one["department"] == department and one["codec"] != "link"
    }  # fmt: skip
    found = {
        f"{record['name']}.{part['name']}": (_custom(part)["owner"], part["classification"])
        for record in told["schema"] for part in record["properties"]
    }  # fmt: skip
    assert found == expected
    assert {one["username"] for one in told["team"]["members"]} >= {_custom(one)["owner"] for one in told["schema"]}
    assert told["slaProperties"]
    assert {one["type"] for one in told["servers"]} == {"custom"}
    assert b"127.0.0.1" not in reply.body


def _custom(told: dict[str, Any]) -> dict[str, Any]:
    return {one["property"]: one["value"] for one in told["customProperties"]}


def test_a_contract_of_nobody_is_not_found(served: Served) -> None:
    reply = served.send("GET", "/contracts/police.yaml")
    assert reply.status == 404
    assert b"no such department" in reply.body


def test_what_is_secret_is_in_neither() -> None:
    """Not a field, not a record, not a rule that reaches up to it."""
    catalog = inquiries.catalog()
    (department,) = catalog.departments
    for text in (contract(catalog, department), str(catalogue(catalog))):
        assert text is not None
        assert "Inquiry" in text
        for word in (*inquiries.SECRET_WORDS, "Secret"):
            assert word not in text


def test_every_scalar_has_a_logical_type_of_the_standard() -> None:
    assert {scalar.kind for scalar in (STRING, INT, FLOAT, BOOLEAN, *CUSTOM)} <= LOGICAL.keys()
