"""Attacks on consents, through the whole gateway with its own register: what has ended or is for somebody or something
else gives the very answer that a learner gives who does not exist."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from auth.consents import Consent, ListedConsents, Register
from auth.credentials import Authenticator, key_digest
from auth.principal import Principal
from gateway.pipeline import answer
from gateway.request import GraphQLRequest, Incoming
from schema.fetch import Fetch, Rows, SourceUnavailable
from schema.sources import Source
from tests.houses import Desk, Systems

QUERY = """query($code: String!) { learner(code: $code) { code name timeline { nodes { kind what } } }
  learners(where: {code: {eq: $code}}) { nodes { code } } }"""
NOW, YEAR = 1_790_000_000.0, 365 * 24 * 3600.0
MILLS = Principal(
    "mills-app", frozenset({"organisation"}), {"organisation": "quetta-mills"},
    frozenset({"PersonnelHiring", "IdentityVerification", "AcademicResearch"}),
)  # fmt: skip
HEAD = Consent("1", "", "quetta-mills", "PersonnelHiring", "timeline", NOW - YEAR, NOW + YEAR, "Head of NOS-00001")


async def asked(
    desk: Desk, consent: Consent, code: str, purpose: str | None = "PersonnelHiring", who: Principal = MILLS
) -> dict[str, Any]:
    """The answer to the organisation's key, as the server gives it."""
    desk.house.authenticator = Authenticator(
        {}, lambda: NOW, lambda: "2026-11-25", api_keys={key_digest(b"", "key"): who},
        consents=Register((ListedConsents((consent,)),)),
    )  # fmt: skip
    request = GraphQLRequest(QUERY, None, {"code": code})
    told = await answer(desk.house, Incoming(request, api_key="key", purpose=purpose))
    body: dict[str, Any] = orjson.loads(told.body)
    return body


@pytest.fixture
def consenting(files: Systems) -> str:
    code: str = files.truth["q15"]["consenting"][0]["code"]
    return code


async def test_a_consent_that_holds_opens_the_timeline(file_desk: Desk, consenting: str) -> None:
    told = await asked(file_desk, replace(HEAD, learner=consenting), consenting)
    assert told["data"]["learner"]["code"] == consenting
    assert len(told["data"]["learner"]["timeline"]["nodes"]) > 10
    assert "errors" not in told


ATTACKS = ("expired", "withdrawn", "another purpose", "another organisation", "another learner")


@pytest.mark.parametrize("attack", ATTACKS)
async def test_what_does_not_hold_leaves_no_trace_of_the_learner(
    file_desk: Desk, consenting: str, attack: str
) -> None:
    given = replace(HEAD, learner=consenting)
    consent = {
        "expired": replace(given, expires=NOW), "withdrawn": replace(given, withdrawn=NOW - 1),
        "another purpose": replace(given, purpose="IdentityVerification"),
        "another organisation": replace(given, organisation="other-mills"),
        "another learner": replace(given, learner="S00000040"),
    }[attack]  # fmt: skip
    told = await asked(file_desk, consent, consenting)
    assert told["data"] == {"learner": None, "learners": {"nodes": []}}
    assert told == await asked(file_desk, consent, "S99999999")


async def test_a_consent_is_of_no_use_without_its_purpose(file_desk: Desk, consenting: str) -> None:
    """Unstated, the purpose is asked for; stated otherwise, nothing is opened. Neither depends on the learner."""
    given = replace(HEAD, learner=consenting)
    for purpose, code in ((None, "PURPOSE_REQUIRED"), ("AcademicResearch", "PURPOSE_REQUIRED")):
        told = await asked(file_desk, given, consenting, purpose)
        assert told["data"] == {"learner": None, "learners": None}
        assert {error["extensions"]["code"] for error in told["errors"]} == {code}
        assert told == await asked(file_desk, given, "S99999999", purpose)


async def test_a_learners_number_in_the_credential_is_no_consent(file_desk: Desk, consenting: str) -> None:
    forged = replace(MILLS, attributes={**MILLS.attributes, "consented_timeline": (consenting,)})
    told = await asked(file_desk, replace(HEAD, learner="S00000040"), consenting, who=forged)
    assert told["data"]["learner"] is None


@dataclass(slots=True)
class Down:
    """A source that cannot be reached."""

    source: Source

    async def fetch(self, fetch: Fetch, /) -> Rows:
        raise SourceUnavailable("down")

    async def aclose(self) -> None: ...


async def test_a_system_that_is_down_does_not_tell_who_is_there(file_desk: Desk, consenting: str) -> None:
    """Social security is asked about learners one may see and about nobody else: its outage tells of no other."""
    house = file_desk.house
    down = {name: Down(house.catalog.sources[name]) for name in ("bessi", "board", "tevta")}
    house.reach = replace(house.reach, connectors={**house.reach.connectors, **down})
    elsewhere = replace(HEAD, learner="S00000040")
    there = await asked(file_desk, elsewhere, consenting)
    assert there == await asked(file_desk, elsewhere, "S99999999")
    assert there["data"] == {"learner": None, "learners": {"nodes": []}}
    seen = await asked(file_desk, replace(HEAD, learner=consenting), consenting)
    assert seen["data"]["learner"] == {"code": consenting, "name": seen["data"]["learner"]["name"], "timeline": None}
    assert {error["extensions"]["code"] for error in seen["errors"]} == {"SOURCE_UNAVAILABLE"}
