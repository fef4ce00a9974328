"""Who answered for what on a day: the catalogue, its exports and the contracts."""

from __future__ import annotations

import csv
import datetime as dt
import io

import pytest
import yaml

from gateway.dcat import catalogue
from gateway.dictionary import dictionary
from gateway.opening import open_catalog
from gateway.settings import load
from tests.houses import DEMO
from tests.serving import Served

BEFORE, SINCE = "Director, Bureau of Statistics", "Director Statistics, Planning wing"
DAYS = {"1947-08-14": BEFORE, "2025-06-30": BEFORE, "2025-07-01": SINCE, "2026-01-01": SINCE}
POPULATION = "District.population"


@pytest.mark.parametrize("day", DAYS)
def test_the_catalogue_answers_as_of_a_day(day: str, served: Served) -> None:
    query = f"""{{ field(coordinate: "District.population", asOf: "{day}") {{ owner owners {{ owner since until }} }}
        catalog(asOf: "{day}") {{ records {{ name owner }}
        fields {{ coordinate owner }} departments {{ owner }} }} }}"""
    told = served.ask(query).told["data"]
    assert told["field"]["owner"] == DAYS[day]
    assert told["field"]["owners"] == [
        {"owner": SINCE, "since": "2025-07-01", "until": None}, {"owner": BEFORE, "since": None, "until": "2025-06-30"}
    ]
    (district,) = [one for one in told["catalog"]["records"] if one["name"] == "finance.District"]
    assert district["owner"] == DAYS[day]
    (named,) = [one for one in told["catalog"]["fields"] if one["coordinate"] == "District.name"]
    assert named["owner"] == DAYS[day]
    linked = served.ask(f'{{ field(coordinate: "District.facilities", asOf: "{day}") {{ owner }} }}').told["data"]
    assert linked["field"]["owner"] == DAYS[day], "a link declared at the record is the record's owner's"


def test_without_a_day_it_is_todays_and_a_day_that_is_none_is_bad_input(served: Served) -> None:
    told = served.ask('{ field(coordinate: "District.population") { owner } }').told
    assert told["data"]["field"]["owner"] == SINCE
    for bad in ('"yesterday"', '"2025-02-30"', "20250630"):
        told = served.ask(f'{{ field(coordinate: "District.population", asOf: {bad}) {{ owner }} }}').told
        assert told["errors"][0]["extensions"]["code"] == "BAD_INPUT", told


@pytest.mark.parametrize("day", DAYS)
def test_the_exports_answer_as_of_a_day(day: str, served: Served) -> None:
    catalog = open_catalog(load(DEMO, {}))
    on = dt.date.fromisoformat(day)
    told = list(csv.DictReader(io.StringIO(dictionary(catalog, "csv", on))))
    assert {one["owner"] for one in told if one["coordinate"] == POPULATION} == {DAYS[day]}
    assert f"Owner: {DAYS[day]}. Source: `geo.districts`" in dictionary(catalog, "md", on)
    reply = served.send("GET", f"/catalog.jsonld?asOf={day}")
    for one in (reply.told, catalogue(catalog, on)):
        holders = {part["dct:identifier"]: part["dct:rightsHolder"]["foaf:name"] for part in one["dcat:dataset"]}
        assert holders["finance.District"] == DAYS[day]


def test_an_export_as_of_what_is_no_day_is_refused(served: Served) -> None:
    reply = served.send("GET", "/catalog.jsonld?asOf=today")
    assert (reply.status, reply.body) == (400, b"asOf is no day; write it as 2025-06-30\n")


def test_a_contract_says_since_when_and_who_was_replaced(served: Served) -> None:
    members = yaml.safe_load(served.send("GET", "/contracts/finance.yaml").body)["team"]["members"]
    by_post = {one["username"]: one for one in members}
    assert by_post[SINCE] == {"username": SINCE, "role": "data steward", "dateIn": "2025-07-01"}
    assert by_post[BEFORE] == {
        "username": BEFORE, "role": "data steward", "dateOut": "2025-06-30", "replacedByUsername": SINCE
    }
    assert members.index(by_post[SINCE]) < members.index(by_post[BEFORE])
