"""API keys, purposes, cases and acting for another: what a request claims about itself only narrows."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from auth.credentials import Authenticator, Case, Context, Credentials, key_digest
from auth.errors import AuthError
from auth.policy import Policy
from auth.principal import Principal
from gateway.opening import open_authenticator, open_catalog
from gateway.settings import AuthSettings, IssuerSettings, Settings, SettingsError
from schema.errors import Code
from tests.auth.issuers import NOW, Clock, authenticator, bearer, token

PEPPER = b"pepper of tests"
KEY = "an-api-key-with-enough-of-everything"
AUDITOR = Principal("auditor-1", frozenset({"auditor"}), permitted_purposes=frozenset({"LegalCompliance"}))
OFFICER = Principal("directorate", frozenset({"district_officer"}), {"district": "KEC"})
CASES = {
    "ACE-1": Case(frozenset({"auditor-1"}), "2025-01-01"),
    "ACE-closed": Case(frozenset({"auditor-1"}), "2024-01-01", "2025-10-08"),
    "ACE-last-day": Case(frozenset({"auditor-1"}), "2024-01-01", "2025-10-09"),
    "ACE-future": Case(frozenset({"auditor-1"}), "2025-10-10"),
    "ACE-foreign": Case(frozenset({"auditor-2"}), "2025-01-01"),
}


def door(principal: Principal = AUDITOR, clock: Clock | None = None, **options: object) -> Authenticator:
    """Lets the principal in by KEY; today is 2025-10-09."""
    told: dict[str, object] = {
        "pepper": PEPPER, "api_keys": {key_digest(PEPPER, KEY): principal}, "cases": CASES,
        "represented": {"directorate": OFFICER}, **options,
    }  # fmt: skip
    return authenticator(clock=clock, **told)


async def in_context(principal: Principal = AUDITOR, **claimed: str) -> Principal:
    return await door(principal).authenticate(Credentials(api_key=KEY), Context(**claimed))


async def refusal(principal: Principal = AUDITOR, **claimed: str) -> AuthError:
    with pytest.raises(AuthError) as caught:
        await in_context(principal, **claimed)
    return caught.value


# API keys


async def test_an_api_key_makes_its_principal() -> None:
    assert await door().authenticate(Credentials(api_key=KEY)) == AUDITOR


@pytest.mark.parametrize("key", ["", KEY[:-1], KEY + " ", KEY.upper(), key_digest(PEPPER, KEY), "\x00", "é"])
async def test_another_key_is_refused_and_so_is_the_digest(key: str) -> None:
    with pytest.raises(AuthError) as caught:
        await door().authenticate(Credentials(api_key=key))
    assert caught.value.code is Code.UNAUTHENTICATED
    assert not key or key not in caught.value.message


async def test_an_api_key_expires() -> None:
    clock = Clock()
    keeper = door(replace(AUDITOR, expires_at=NOW + 5), clock)
    await keeper.authenticate(Credentials(api_key=KEY))
    clock.now = NOW + 5
    with pytest.raises(AuthError):
        await keeper.authenticate(Credentials(api_key=KEY))


def test_a_key_is_kept_as_a_digest_that_needs_the_pepper() -> None:
    """Who steals the settings can neither use the digest nor try keys against it."""
    assert KEY not in key_digest(PEPPER, KEY)
    assert key_digest(PEPPER, KEY) != key_digest(b"another pepper", KEY)
    assert len(key_digest(PEPPER, KEY)) == 64


async def test_a_key_made_by_the_command_lets_its_holder_in(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from gateway.cli import main

    config = tmp_path / "gateway.toml"
    config.write_text('state = "state"\n')
    made = CliRunner().invoke(
        main, ["--config", str(config), "token", "--api-key", "--role", "district_officer", "--subject", "app-1",
               "--attribute", "district=KEC", "--purpose", "PublicPolicyMaking"],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    found = re.search(r"only now: (\S+)", made.output)
    assert found is not None
    settings = msgspec.convert({**tomllib.loads(made.output), "state": str(tmp_path / "state")}, Settings)
    keeper = open_authenticator(settings)
    principal = await keeper.authenticate(Credentials(api_key=found.group(1)))
    assert principal.subject == "app-1"
    assert principal.attributes == {"district": "KEC"}
    assert principal.permitted_purposes == {"PublicPolicyMaking"}
    _is_kept_nowhere(found.group(1), tmp_path)


def _is_kept_nowhere(key: str, folder: Path) -> None:
    files = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert key.encode() not in files
    assert (folder / "state" / "api-keys.pepper").stat().st_mode & 0o077 == 0


def test_settings_cannot_let_a_shared_secret_sign_tokens(tmp_path: Path) -> None:
    issuers = {"registrar": IssuerSettings("gateway", jwks="http://127.0.0.1:1/", algorithms=("EdDSA", "HS256"))}
    with pytest.raises(SettingsError, match="HS256 is no algorithm we accept"):
        open_authenticator(Settings(state=str(tmp_path), auth=AuthSettings(issuers=issuers)))


# Purposes and cases


async def test_a_permitted_purpose_and_an_open_case_are_taken_on() -> None:
    principal = await in_context(purpose="LegalCompliance", case="ACE-1")
    assert (principal.purpose, principal.case) == ("LegalCompliance", "ACE-1")


@pytest.mark.parametrize("purpose", ["FraudPreventionAndDetection", "legalcompliance", "", "LegalCompliance "])
async def test_a_purpose_that_is_not_permitted_is_refused(purpose: str) -> None:
    error = await refusal(purpose=purpose)
    assert error.code is Code.REFUSED
    assert purpose == "" or purpose not in error.message


async def test_a_case_on_its_last_day_is_open() -> None:
    assert (await in_context(case="ACE-last-day")).case == "ACE-last-day"


async def test_closed_future_foreign_and_invented_cases_look_alike() -> None:
    """Whether a case exists is nobody's business who is not assigned to it."""
    told = {(await refusal(case=case)).message for case in ("ACE-closed", "ACE-future", "ACE-foreign", "no such", "")}
    assert told == {"this case is not open, or not assigned to you"}


# Acting for another


async def test_acting_for_another_needs_a_grant() -> None:
    granted = replace(AUDITOR, act_for=frozenset({"directorate"}))
    principal = await in_context(granted, on_behalf_of="directorate")
    assert principal.subject == "auditor-1"
    assert principal.also is not None
    assert principal.also.subject == "directorate"
    for other in (AUDITOR, replace(AUDITOR, act_for=frozenset({"another"}))):
        assert (await refusal(other, on_behalf_of="directorate")).code is Code.REFUSED


async def test_an_unknown_subject_looks_like_one_without_a_grant() -> None:
    granted = replace(AUDITOR, act_for=frozenset({"nobody"}))
    assert (await refusal(granted, on_behalf_of="nobody")).message == (
        await refusal(AUDITOR, on_behalf_of="directorate")
    ).message


async def test_the_represented_one_gets_no_purpose_and_no_case_that_is_not_its_own() -> None:
    """An auditor with purpose and case acts for another auditor without them: the other's rights do not grow."""
    also = Principal("auditor-2", frozenset({"auditor"}))
    granted = replace(AUDITOR, act_for=frozenset({"auditor-2"}))
    keeper = door(granted, represented={"auditor-2": also})
    claimed = Context("LegalCompliance", "ACE-1", "auditor-2")
    principal = await keeper.authenticate(Credentials(api_key=KEY), claimed)
    assert principal.also == also
    access = Policy(open_catalog(Settings())).access(principal)
    assert not access.record("finance.Payslip").allowed
    own = replace(also, permitted_purposes=frozenset({"LegalCompliance"}))
    cases = {"ACE-1": Case(frozenset({"auditor-1", "auditor-2"}))}
    keeper = door(granted, represented={"auditor-2": own}, cases=cases)
    principal = await keeper.authenticate(Credentials(api_key=KEY), claimed)
    assert Policy(open_catalog(Settings())).access(principal).record("finance.Payslip").allowed


async def test_a_token_can_carry_the_grant_to_act() -> None:
    keeper = authenticator(represented={"directorate": OFFICER})
    principal = await keeper.authenticate(bearer(token()), Context(on_behalf_of="directorate"))
    assert principal.also == OFFICER
