"""What a department may say about another department's records: a link to its own, and nothing else."""

from __future__ import annotations

import pytest

from schema.catalog import Catalog, Declared
from schema.classification import Classification, confidential, open_, restricted
from schema.declare import AddedLink, column, link_from, many, one, record
from schema.errors import DeclarationError
from schema.resolve import resolve
from schema.rules import Rule, allow, grant
from schema.sources import SQL, Department, Source

registry = Department("registry", "Registry", "Registrar")
clinic = Department("clinic", "Clinic", "Medical Superintendent")
people = Source("people", "registry", "sql", "People", SQL)
wards = Source("wards", "clinic", "sql", "Wards", SQL)


@record(people, "people", key="number", persons=True)
class Person:
    """A person."""

    number: str = column("no", confidential)
    ward: str | None = column("ward", open_)


@record(wards, "stays", key="code", persons=True)
class Stay:
    """A stay in the clinic."""

    code: str = column("code", open_)
    person_number: str | None = column("person", open_)
    ward: str | None = column("ward", open_)
    person = one("registry.Person", on="person_number")


def catalog(*added: AddedLink, rules: tuple[Rule, ...] = ()) -> Catalog:
    return resolve((Declared(registry, (Person,), ()), Declared(clinic, (Stay,), rules, added)))


def problem(*added: AddedLink, rules: tuple[Rule, ...] = ()) -> str:
    with pytest.raises(DeclarationError) as told:
        catalog(*added, rules=rules)
    (found,) = told.value.problems
    assert found.where.startswith("schema/test_added_links.py:")
    return found.message


def test_an_added_link_stands_beside_the_others_and_belongs_to_who_added_it() -> None:
    person = catalog(link_from("registry.Person", "stays", many("clinic.Stay", on="person_number"))).records[
        "registry.Person"
    ]
    link = person.links["stays"]
    assert (link.target, link.local, link.remote) == ("clinic.Stay", "number", "person_number")
    assert (link.department, link.owner) == ("clinic", "Medical Superintendent")
    assert link.classification is Classification.CONFIDENTIAL
    assert person.by_api_name["stays"] is link
    assert list(catalog().records["registry.Person"].links) == []


def test_the_catalogs_version_changes_with_an_added_link() -> None:
    added = link_from("registry.Person", "stays", many("clinic.Stay", on="person_number"))
    assert catalog(added).version != catalog().version


def test_an_added_link_may_not_open_a_key_its_owner_protects() -> None:
    """Otherwise anybody could learn which CNICs are known to whom by asking which ones match."""
    for level in (open_, restricted):
        link = many("clinic.Stay", on="person_number", classification=level)
        assert "starts from a Confidential field and may not be" in problem(link_from("registry.Person", "stays", link))
    allowed = many("clinic.Stay", on="ward", key="ward", classification=open_)
    catalog(link_from("registry.Person", "ward_stays", allowed))


def test_an_added_link_leads_to_a_record_of_who_adds_it() -> None:
    assert "add links to your own records only" in problem(
        link_from("registry.Person", "people", many("registry.Person", on="ward", key="ward"))
    )
    assert "declare it in the record" in problem(link_from("clinic.Stay", "stays", many("clinic.Stay", on="ward")))


def test_an_added_link_takes_no_name_that_is_there() -> None:
    added = link_from("registry.Person", "stays", many("clinic.Stay", on="person_number"))
    assert "registry.Person.ward is there already" in problem(
        link_from("registry.Person", "ward", many("clinic.Stay", on="person_number"))
    )
    assert "registry.Person.stays is there already" in problem(added, added)


def test_an_added_link_joins_on_columns_that_exist() -> None:
    assert "unknown record 'registry.Persn'; did you mean 'registry.Person'?" in problem(
        link_from("registry.Persn", "stays", many("clinic.Stay", on="person_number"))
    )
    assert "did you mean 'person_number'?" in problem(
        link_from("registry.Person", "stays", many("clinic.Stay", on="person_numbr"))
    )


def test_a_department_opens_its_own_records_only() -> None:
    """A rule beside one's own records must not be able to open somebody else's."""
    told = problem(rules=(allow("public", Person, up_to=confidential),))
    assert told == "clinic opens registry.Person; only registry says who sees its records"
    assert "only registry may" in problem(rules=(grant("planner", "diagnose", "registry"),))
