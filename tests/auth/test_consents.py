"""Consents are asked of the register at every request: expired, withdrawn, for another purpose or another organisation,
they give nothing, and no credential can claim one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner

from auth.consents import Consent, ListedConsents, Register, StoredConsents
from auth.credentials import Authenticator, Context, Credentials, key_digest
from auth.principal import Principal
from gateway.cli import main
from gateway.consenting import listed_consents
from gateway.settings import AuthSettings, ConsentSettings, SettingsError

HIRING = Context(purpose="PersonnelHiring")
GIVEN = Consent("1", "P-1", "quetta-mills", "PersonnelHiring", "timeline", 100.0, 200.0, "Head of HAR-00001")
MILLS = Principal(
    "mills-app", frozenset({"organisation"}), {"organisation": "quetta-mills"},
    frozenset({"PersonnelHiring", "AcademicResearch"}),
)  # fmt: skip
NOBODY = {"consented_timeline": (), "consented_results": ()}


class At:
    """A clock that tests set."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def authenticator(register: Register, clock: At, *principals: Principal) -> Authenticator:
    keys = {key_digest(b"p", one.subject): one for one in principals}
    return Authenticator({}, clock, lambda: "2026-01-01", pepper=b"p", api_keys=keys, consents=register)


async def attributes(of: Authenticator, subject: str, context: Context) -> Mapping[str, Any]:
    return (await of.authenticate(Credentials(api_key=subject), context)).attributes


async def consenting(now: float, consent: Consent, who: Principal = MILLS, context: Context = HIRING) -> Any:
    house = authenticator(Register((ListedConsents((consent,)),)), At(now), who)
    return (await attributes(house, who.subject, context)).get("consented_timeline")


async def test_a_consent_that_holds_names_its_learner() -> None:
    assert await consenting(150.0, GIVEN) == ("P-1",)


@pytest.mark.parametrize(
    ("now", "consent"),
    [
        (99.0, GIVEN), (200.0, GIVEN), (150.0, replace(GIVEN, withdrawn=150.0)),
        (150.0, replace(GIVEN, organisation="other-mills")), (150.0, replace(GIVEN, purpose="AcademicResearch")),
        (150.0, replace(GIVEN, scope="results")),
    ],
    ids=["not yet given", "expired", "withdrawn", "another organisation", "another purpose", "another scope"],
)  # fmt: skip
async def test_any_other_consent_gives_nothing(now: float, consent: Consent) -> None:
    assert await consenting(now, consent) == ()


async def test_without_a_stated_purpose_nobody_consents() -> None:
    assert await consenting(150.0, GIVEN, context=Context()) == ()


async def test_no_credential_claims_a_consent() -> None:
    """Neither an organisation's nor anybody else's: only the register gives these attributes."""
    forged = replace(MILLS, attributes={**MILLS.attributes, "consented_timeline": ("P-9",)})
    assert await consenting(150.0, GIVEN, forged) == ("P-1",)
    citizen = Principal("c", frozenset({"organisation"}), {"consented_timeline": ("P-9",)}, MILLS.permitted_purposes)
    assert await consenting(150.0, GIVEN, citizen) is None


async def test_acting_for_another_its_own_purpose_counts() -> None:
    house = authenticator(Register((ListedConsents((GIVEN,)),)), At(150.0), replace(MILLS, act_for=frozenset({"x"})))
    house.represented = {"x": replace(MILLS, subject="x", permitted_purposes=frozenset())}
    context = Context(purpose="PersonnelHiring", on_behalf_of="x")
    found = await house.authenticate(Credentials(api_key="mills-app"), context)
    assert found.attributes["consented_timeline"] == ("P-1",)
    assert found.also is not None
    assert found.also.attributes["consented_timeline"] == ()


async def test_a_withdrawal_counts_from_the_next_request_on(tmp_path: Path) -> None:
    store, clock = StoredConsents(tmp_path / "consents.sqlite"), At(150.0)
    house = authenticator(Register((store,)), clock, MILLS)
    number = store.give(GIVEN)
    first = await house.authenticate(Credentials(api_key="mills-app"), HIRING)
    assert first.attributes["consented_timeline"] == ("P-1",)
    assert await house.authenticate(Credentials(api_key="mills-app"), HIRING) is first, "the same class of principals"
    elsewhere = StoredConsents(tmp_path / "consents.sqlite")
    assert elsewhere.withdraw(number, 150.0)
    assert not elsewhere.withdraw("99", 150.0)
    assert {name: (await attributes(house, "mills-app", HIRING))[name] for name in NOBODY} == NOBODY
    assert elsewhere.withdraw(number, 170.0)
    assert [one.withdrawn for one in store.listed("P-1")] == [150.0], "since the first withdrawal"
    store.close()
    elsewhere.close()


def test_consents_of_the_settings_count_to_the_end_of_their_last_day() -> None:
    told = ConsentSettings("P-1", "m", "PersonnelHiring", "timeline", "2026-01-01", "2026-01-31", "Head")
    (found,) = listed_consents(AuthSettings(consents={"paper-7": told}))
    day = 24 * 3600.0
    assert found.number == "paper-7"
    assert found.expires - found.given == 31 * day


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"scope": "all"}, "auth.consents.paper-7.scope: one of timeline, results"),
        ({"purpose": "Curiosity"}, "auth.consents.paper-7.purpose: one of"),
        ({"expires": "soon"}, "auth.consents.paper-7: a moment looks like"),
    ],
)
def test_a_consent_that_cannot_be_understood_is_told_at_start_up(changed: dict[str, str], problem: str) -> None:
    told = {
        "learner": "P-1", "organisation": "m", "purpose": "PersonnelHiring", "scope": "timeline",
        "given": "2026-01-01", "expires": "2026-01-31", "recorded_by": "Head", **changed,
    }  # fmt: skip
    with pytest.raises(SettingsError, match=problem):
        listed_consents(AuthSettings(consents={"paper-7": ConsentSettings(**told)}))


def test_the_command_gives_withdraws_and_lists_and_the_ledger_tells(tmp_path: Path) -> None:
    (tmp_path / "g.toml").write_text('state = "s"\n[ledger]\nurl = "sqlite:///l.sqlite"\nheads = "h.jsonl"\n')

    def run(*arguments: str, ends: int = 0) -> str:
        found = CliRunner().invoke(main, ["--config", str(tmp_path / "g.toml"), *arguments])
        assert found.exit_code == ends, found.output
        return found.output

    asked = ("consent", "give", "--learner", "P-1", "--organisation", "quetta-mills", "--purpose", "PersonnelHiring",
             "--scope", "timeline", "--recorded-by", "Head of HAR-00001")  # fmt: skip
    assert run(*asked, "--until", "2099-12-31") == "consent 1 recorded\n"
    assert "has expired already" in run(*asked, "--until", "2001-12-31", ends=2)
    assert run("consent", "withdraw", "1") == "consent 1 withdrawn\n"
    assert "there is no consent 2" in run("consent", "withdraw", "2", ends=2)
    listed = run("consent", "list", "--learner", "P-1").splitlines()
    assert len(listed) == 2
    assert "2100-01-01T00:00+05:00" in listed[1]
    entries = [orjson.loads(line) for line in run("ledger", "show").splitlines()]
    assert [entry["outcome"] for entry in entries] == ["consent_given", "consent_withdrawn", "consents_listed"]
    assert "P-1" not in str(entries), "no entry holds whose consent it is"
