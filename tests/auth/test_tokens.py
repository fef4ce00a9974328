"""Who is let in by a token, and who is not."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from auth.credentials import Authenticator, Credentials
from auth.errors import AuthError
from auth.keysets import Jwks, StaticKey
from auth.principal import ANONYMOUS
from schema.errors import Code
from tests.auth.issuers import CLAIMS, NOW, PRIVATE, Clock, authenticator, bearer, jwk, key_server, token


async def refused(door: Authenticator, text: str) -> str:
    """The message of the refusal, which never repeats the token."""
    with pytest.raises(AuthError) as caught:
        await door.authenticate(bearer(text))
    assert caught.value.code is Code.UNAUTHENTICATED
    assert text not in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("algorithm", PRIVATE)
async def test_a_token_of_a_known_issuer_makes_a_principal(algorithm: str) -> None:
    door = authenticator(StaticKey(PRIVATE[algorithm].public_key()))
    principal = await door.authenticate(bearer(token(algorithm)))
    assert principal.subject == "officer-7"
    assert principal.roles == {"district_officer"}
    assert principal.attributes == {"district": "KEC"}
    assert principal.permitted_purposes == {"LegalCompliance"}
    assert principal.purpose is None, "a permitted purpose is not a stated one"
    assert principal.office == "District Education Office Kech"
    assert principal.act_for == {"directorate"}


async def test_nobody_is_anonymous_and_has_no_role() -> None:
    assert await authenticator().authenticate(Credentials()) == ANONYMOUS
    assert ANONYMOUS.roles == frozenset()


async def test_unknown_roles_are_ignored() -> None:
    principal = await authenticator().authenticate(bearer(token(roles=["superuser", "citizen", "public ", "Auditor"])))
    assert principal.roles == {"citizen"}


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


async def test_a_token_without_a_signature_is_refused() -> None:
    for name in ("none", "None", "NONE", "nOnE"):
        await refused(authenticator(), f"{_part({'alg': name})}.{_part(CLAIMS)}.")
        await refused(authenticator(), f"{_part({'alg': name})}.{_part(CLAIMS)}.{token().rpartition('.')[2]}")


@pytest.mark.parametrize("algorithm", PRIVATE)
async def test_the_public_key_is_no_secret_to_sign_with(algorithm: str) -> None:
    """Algorithm confusion: the published key as the secret of an HMAC."""
    import hashlib
    import hmac

    public = PRIVATE[algorithm].public_key()
    door = authenticator(StaticKey(public))
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    for secret in (pem, pem.strip(), b""):
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(CLAIMS)}"
        code = base64.urlsafe_b64encode(hmac.digest(secret, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
        await refused(door, f"{signed}.{code}")


async def test_an_algorithm_other_than_the_keys_is_refused() -> None:
    for signing in PRIVATE:
        for checking in PRIVATE:
            if signing != checking:
                await refused(authenticator(StaticKey(PRIVATE[checking].public_key())), token(signing))


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": NOW}, {"exp": NOW - 1}, {"exp": ...}, {"exp": "tomorrow"}, {"exp": True}, {"exp": None},
        {"exp": float("nan")}, {"exp": float("inf")}, {"nbf": NOW + 61}, {"nbf": "now"}, {"nbf": float("inf")},
        {"nbf": None}, {"aud": "another"}, {"aud": ["another"]}, {"aud": ...}, {"aud": 7}, {"iss": "another"},
        {"iss": ...}, {"iss": ["registrar"]}, {"sub": ...}, {"sub": None}, {"sub": 7},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_claim_that_does_not_hold_is_refused(changes: dict[str, Any]) -> None:
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    signed = jwt.PyJWS().encode(json.dumps(claims).encode(), PRIVATE["EdDSA"], "EdDSA")
    await refused(authenticator(), signed)


async def test_what_may_be_ahead_of_our_clock_and_several_audiences() -> None:
    await authenticator().authenticate(bearer(token(nbf=NOW + 60)))
    await authenticator().authenticate(bearer(token(aud=["gateway", "another"])))


@pytest.mark.parametrize(
    "changes",
    [
        {"roles": "auditor"}, {"roles": {"auditor": True}}, {"roles": [["auditor"]]}, {"roles": None},
        {"purposes": "LegalCompliance"}, {"purposes": [1]}, {"act_for": "everybody"}, {"attributes": ["district"]},
        {"attributes": {"district": 1.5}}, {"attributes": {"district": {"code": "KEC"}}},
        {"attributes": {"district": True}}, {"attributes": {"district": ["KEC", 7]}},
        {"attributes": {"district": [["KEC"]]}}, {"office": 7}, {"office": ["x"]},
    ],
    ids=repr,
)  # fmt: skip
async def test_a_claim_of_the_wrong_form_is_refused(changes: dict[str, Any]) -> None:
    await refused(authenticator(), token(**changes))


async def test_a_null_attribute_is_no_attribute() -> None:
    principal = await authenticator().authenticate(bearer(token(attributes={"district": None, "school": "KEC-1"})))
    assert principal.attributes == {"school": "KEC-1"}


async def test_a_list_is_an_attribute_of_several_values() -> None:
    principal = await authenticator().authenticate(bearer(token(attributes={"district": ["KEC", "QUE"]})))
    assert principal.attributes == {"district": ("KEC", "QUE")}


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", "Basic b2ZmaWNlcjo3", "token", "Bearer a.b.c", "Bearer ..", "Bearer \x00", "é"]
)
async def test_a_header_that_is_no_token_is_refused(header: str) -> None:
    with pytest.raises(AuthError) as caught:
        await authenticator().authenticate(Credentials(authorization=header))
    assert caught.value.code is Code.UNAUTHENTICATED


async def test_a_token_signed_by_another_key_or_changed_is_refused() -> None:
    door = authenticator()
    await refused(door, token(key=ed25519.Ed25519PrivateKey.generate()))
    head, _, signature = token().split(".")
    await refused(door, f"{head}.{_part({**CLAIMS, 'roles': ['auditor']})}.{signature}")


async def test_two_credentials_are_one_too_many() -> None:
    with pytest.raises(AuthError) as caught:
        await authenticator().authenticate(Credentials(f"Bearer {token()}", "some key"))
    assert caught.value.code is Code.BAD_INPUT


async def test_a_token_that_was_verified_before_expires_all_the_same() -> None:
    clock = Clock()
    door = authenticator(clock=clock)
    text = token(exp=NOW + 10)
    await door.authenticate(bearer(text))
    clock.now = NOW + 9.9
    await door.authenticate(bearer(text))
    clock.now = NOW + 10
    assert "expired" in await refused(door, text)


async def test_a_refused_token_is_not_remembered_as_good() -> None:
    clock = Clock()
    door = authenticator(clock=clock)
    text = token(nbf=NOW + 100)
    await refused(door, text)
    await refused(door, text)
    clock.now = NOW + 50
    await door.authenticate(bearer(text))


# Keys from an address


async def test_keys_are_asked_for_once_and_found_by_their_id() -> None:
    async with key_server(jwk("one"), jwk("two", "ES256"), jwk("three", "RS256")) as server:
        door = authenticator(Jwks(server.url, Clock()))
        for algorithm, kid in (("EdDSA", "one"), ("ES256", "two"), ("RS256", "three")):
            await door.authenticate(bearer(token(algorithm, kid)))
        assert server.asked == 1


async def test_many_tokens_at_once_ask_the_key_server_once() -> None:
    async with key_server(jwk("one")) as server:
        door = authenticator(Jwks(server.url, Clock()))
        await asyncio.gather(*(door.authenticate(bearer(token(kid="one", sub=f"s{at}"))) for at in range(20)))
        assert server.asked == 1


async def test_a_new_key_is_found_and_a_withdrawn_one_is_gone() -> None:
    clock, fresh = Clock(), ed25519.Ed25519PrivateKey.generate()
    async with key_server(jwk("old")) as server:
        door = authenticator(Jwks(server.url, clock), clock)
        await door.authenticate(bearer(token(kid="old")))
        server.keys = [jwk("new", private=fresh)]
        clock.now += 30
        await door.authenticate(bearer(token(kid="new", key=fresh)))
        assert server.asked == 2
        await refused(door, token(kid="old", sub="somebody else"))


async def test_unknown_key_ids_cannot_make_us_ask_again_and_again() -> None:
    clock = Clock()
    async with key_server(jwk("one")) as server:
        door = authenticator(Jwks(server.url, clock), clock)
        await door.authenticate(bearer(token(kid="one")))
        for at in range(20):
            await refused(door, token(kid=f"guess-{at}"))
        assert server.asked == 1
        clock.now += 30
        await refused(door, token(kid="guess"))
        assert server.asked == 2


async def test_known_keys_outlive_the_key_server() -> None:
    clock = Clock()
    async with key_server(jwk("one")) as server:
        door = authenticator(Jwks(server.url, clock), clock)
        await door.authenticate(bearer(token(kid="one")))
    clock.now += 60
    await refused(door, token(kid="another"))
    await door.authenticate(bearer(token(kid="one", sub="somebody new")))


NONSENSE = [b"", b"null", b"[]", b"{}", b'{"keys": 7}', b'{"keys": [{"kty": "oct"}]}', b'{"keys": [7]}', b"\xff\xfe"]


@pytest.mark.parametrize("body", NONSENSE)
async def test_a_key_server_that_answers_nonsense_lets_nobody_in_and_loses_no_key(body: bytes) -> None:
    clock = Clock()
    async with key_server(jwk("one")) as server:
        door = authenticator(Jwks(server.url, clock), clock)
        await door.authenticate(bearer(token(kid="one")))
        server.body = body
        clock.now += 30
        await refused(door, token(kid="two"))
        await door.authenticate(bearer(token(kid="one", sub="somebody new")))


async def test_a_key_server_that_is_down_lets_nobody_in() -> None:
    async with key_server() as server:
        url = server.url
    message = await refused(authenticator(Jwks(url, Clock())), token(kid="one"))
    assert "127.0.0.1" not in message


async def test_a_shared_secret_in_the_key_list_is_no_key() -> None:
    """A symmetric key published by mistake must not make HMAC tokens good."""
    secret = base64.urlsafe_b64encode(b"s" * 32).decode()
    async with key_server({"kty": "oct", "k": secret, "kid": "sym", "alg": "HS256"}, jwk("one")) as server:
        door = authenticator(Jwks(server.url, Clock()))
        await refused(door, jwt.encode(CLAIMS, b"s" * 32, "HS256", headers={"kid": "sym"}))
        await door.authenticate(bearer(token(kid="one")))
