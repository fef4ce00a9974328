"""Forged, expired and doubled credentials, and contexts that contradict themselves: nobody is let in by mistake."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from auth.tokens import signing_key
from tests.serving import GRAPHQL_RESPONSE, JSON, Reply, Served

PRIVATE = '{ school(code: "KEC-00001") { teachers(first: 1) { nodes { cnic } } } }'
CONTEXT = {"x_purpose": "LegalCompliance", "x_case": "ACE-2025-014"}


@pytest.fixture(autouse=True)
def _still_up(served: Served) -> Iterator[None]:
    yield
    assert served.process.poll() is None
    assert served.ask("{ __typename }").status == 200


@pytest.fixture(scope="module")
def key(served: Served) -> Any:
    """The key the gateway made for demo tokens."""
    return signing_key(served.folder / "state" / "demo.key")


@pytest.fixture(scope="module")
def good(served: Served) -> str:
    return served.token("auditor-1", "auditor", purposes=("LegalCompliance",))


def claims(**changes: Any) -> dict[str, Any]:
    told = {
        "iss": "gateway-demo", "aud": "gateway", "sub": "auditor-1", "exp": int(time.time()) + 600,
        "roles": ["auditor"], "purposes": ["LegalCompliance"], "attributes": {},
    }  # fmt: skip
    return {name: value for name, value in {**told, **changes}.items() if value is not None}


def public_pem(key: Any) -> bytes:
    told: bytes = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return told


def forged(key: Any) -> dict[str, str]:
    """Tokens that must not be believed."""
    other = Ed25519PrivateKey.generate()
    honest = jwt.encode(claims(), key, "EdDSA")
    header, body, signature = honest.split(".")
    richer = jwt.encode(claims(roles=["steward"]), other, "EdDSA").split(".")[1]
    hmac_header = jwt.utils.base64url_encode(b'{"alg":"HS256","typ":"JWT"}').decode()
    signed = f"{hmac_header}.{body}".encode()
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    mac = jwt.utils.base64url_encode(algorithm.sign(signed, public_pem(key))).decode()
    return {
        "no token": "abc",
        "three empty parts": "..",
        "no signature": f"{header}.{body}.",
        "algorithm none": jwt.encode(claims(), None, "none"),
        "signed with a stranger's key": jwt.encode(claims(), other, "EdDSA"),
        "signed with the public key as a password": f"{hmac_header}.{body}.{mac}",
        "another body under the signature": f"{header}.{richer}.{signature}",
        "a changed signature": f"{header}.{body}.{signature[:-4]}AAAA",
        "expired": jwt.encode(claims(exp=int(time.time()) - 1), key, "EdDSA"),
        "without an end": jwt.encode(claims(exp=None), key, "EdDSA"),
        "an end that is text": jwt.encode(claims(exp="never"), key, "EdDSA"),
        "not valid yet": jwt.encode(claims(nbf=int(time.time()) + 3600), key, "EdDSA"),
        "for another audience": jwt.encode(claims(aud="payroll"), key, "EdDSA"),
        "without an audience": jwt.encode(claims(aud=None), key, "EdDSA"),
        "of an unknown issuer": jwt.encode(claims(iss="somebody"), key, "EdDSA"),
        "without an issuer": jwt.encode(claims(iss=None), key, "EdDSA"),
        "without a subject": jwt.encode(claims(sub=None), key, "EdDSA"),
        "roles that are text": jwt.encode(claims(roles="auditor"), key, "EdDSA"),
        "attributes that are a list": jwt.encode(claims(attributes=["district"]), key, "EdDSA"),
    }  # fmt: skip


FORGED = tuple(forged(Ed25519PrivateKey.generate()))


def assert_not_let_in(reply: Reply) -> None:
    assert reply.status == 401
    assert reply.codes == ["UNAUTHENTICATED"]
    assert reply.headers["www-authenticate"] == "Bearer"
    assert "data" not in reply.told
    assert "x-ledger-entry" in reply.headers, "a failed attempt is recorded"


@pytest.mark.parametrize("what", FORGED)
def test_a_forged_token_is_401_for_both_media_types(what: str, key: Any, served: Served) -> None:
    token = forged(key)[what]
    for accept in (JSON, GRAPHQL_RESPONSE):
        reply = served.ask(PRIVATE, token, accept=accept, **CONTEXT)
        assert_not_let_in(reply)
        assert token[:40].encode() not in reply.body or what == "three empty parts"


def test_the_same_token_unforged_is_let_in(good: str, served: Served) -> None:
    """Or the tests above would prove nothing."""
    reply = served.ask(PRIVATE, good, **CONTEXT)
    assert reply.codes == []
    assert reply.told["data"]["school"]["teachers"]["nodes"]


@pytest.mark.parametrize("header", ["Basic YTpi", "Bearer", "Bearer ", "bearer\t", "Token abc", "\xff\xfe"])
def test_an_authorization_of_another_form_is_401(header: str, served: Served) -> None:
    assert_not_let_in(served.ask(PRIVATE, authorization=header))


def test_an_unknown_api_key_is_401(served: Served) -> None:
    assert_not_let_in(served.ask(PRIVATE, x_api_key="guess"))


def test_a_credential_in_the_address_is_not_read(good: str, served: Served) -> None:
    """Addresses end up in logs."""
    reply = served.get(PRIVATE, authorization=f"Bearer {good}", access_token=good)
    assert reply.codes == ["REFUSED"]


def test_two_credentials_are_refused(good: str, served: Served) -> None:
    reply = served.ask(PRIVATE, good, accept=GRAPHQL_RESPONSE, x_api_key="k")
    assert (reply.status, reply.codes) == (400, ["BAD_INPUT"])


@pytest.mark.parametrize("name", ["purpose", "case", "onBehalfOf"])
def test_header_and_body_that_disagree_are_refused(name: str, good: str, served: Served) -> None:
    header = {"purpose": "x_purpose", "case": "x_case", "onBehalfOf": "x_on_behalf_of"}[name]
    request = {"query": PRIVATE, "extensions": {name: "one thing"}}
    reply = served.post(request, authorization=f"Bearer {good}", accept=GRAPHQL_RESPONSE, **{header: "another"})
    assert (reply.status, reply.codes) == (400, ["BAD_INPUT"])
    assert "another" not in reply.told["errors"][0]["message"]


def test_header_and_body_may_say_the_same(good: str, served: Served) -> None:
    request = {"query": PRIVATE, "extensions": {"purpose": "LegalCompliance", "case": "ACE-2025-014"}}
    assert served.post(request, authorization=f"Bearer {good}").codes == []
    assert served.post(request, authorization=f"Bearer {good}", **CONTEXT).codes == []


@pytest.mark.parametrize("value", [5, True, ["LegalCompliance"], {"a": 1}])
def test_a_context_that_is_no_text_is_refused(value: Any, good: str, served: Served) -> None:
    reply = served.post({"query": PRIVATE, "extensions": {"purpose": value}}, authorization=f"Bearer {good}")
    assert reply.codes == ["BAD_INPUT"]


@pytest.mark.parametrize(
    "claimed",
    [{"x_purpose": "MarketResearch"}, {"x_case": "ACE-1999-001"}, {"x_on_behalf_of": "minister"}],
    ids=["a purpose the token does not permit", "a case nobody opened", "a subject who gave no leave"],
)
def test_a_claim_nobody_granted_is_refused(claimed: dict[str, str], good: str, served: Served) -> None:
    reply = served.ask(PRIVATE, good, accept=GRAPHQL_RESPONSE, **claimed)
    assert (reply.status, reply.codes) == (400, ["REFUSED"])
    assert "data" not in reply.told


def test_a_case_assigned_to_another_is_refused(served: Served) -> None:
    other = served.token("auditor-2", "auditor", purposes=("LegalCompliance",))
    assert served.ask(PRIVATE, other, **CONTEXT).codes == ["REFUSED"]


# Cursors

LIST = "query ($after: String) { schools(first: 2, after: $after) { edges { cursor node { code } } } }"


@pytest.fixture(scope="module")
def cursor(good: str, served: Served) -> str:
    told: str = served.ask(LIST, good).told["data"]["schools"]["edges"][0]["cursor"]
    return told


def bad_cursor(reply: Reply) -> bool:
    assert reply.status == 200, "the rest of the answer stands"
    return reply.codes == ["BAD_CURSOR"] and reply.told["data"] == {"schools": None}


def test_a_cursor_goes_on_in_its_list(cursor: str, good: str, served: Served) -> None:
    pages = [served.ask(LIST, good, variables={"after": after}).told["data"]["schools"]["edges"]
             for after in (None, cursor)]  # fmt: skip
    assert pages[0][1]["node"] == pages[1][0]["node"]


def test_a_changed_cursor_is_refused(cursor: str, good: str, served: Served) -> None:
    for position in (0, 5, len(cursor) // 2, len(cursor) - 2):
        other = "A" if cursor[position] != "A" else "B"
        changed = cursor[:position] + other + cursor[position + 1 :]
        assert bad_cursor(served.ask(LIST, good, variables={"after": changed})), position


@pytest.mark.parametrize("form", ["", "x", "{0}x", "{0}{0}", "{0}==", "é", "eyJpZCI6MX0", "%00"])
def test_what_was_never_sealed_is_refused(form: str, cursor: str, good: str, served: Served) -> None:
    assert bad_cursor(served.ask(LIST, good, variables={"after": form.format(cursor)}))


def test_a_cut_off_cursor_is_refused(cursor: str, good: str, served: Served) -> None:
    for length in (1, 10, len(cursor) - 4, len(cursor) - 1):
        assert bad_cursor(served.ask(LIST, good, variables={"after": cursor[:length]})), length


def test_another_users_cursor_is_refused(cursor: str, served: Served) -> None:
    assert bad_cursor(served.ask(LIST, served.token("auditor-2", "auditor"), variables={"after": cursor}))
    assert bad_cursor(served.ask(LIST, variables={"after": cursor}))


def test_a_cursor_of_another_list_is_refused(cursor: str, good: str, served: Served) -> None:
    for arguments in ("orderBy: [{name: ASC}]", 'where: {level: {eq: "Primary"}}'):
        query = LIST.replace("first: 2", f"first: 2, {arguments}")
        assert bad_cursor(served.ask(query, good, variables={"after": cursor})), arguments


@pytest.mark.parametrize(
    "arguments",
    ["first: -1", "first: 1001", "last: -1", "last: 1001", "first: 1, last: 1", 'after: "a", before: "b"'],
)
def test_a_page_nobody_can_have_is_refused(arguments: str, served: Served) -> None:
    reply = served.ask(f'{{ schools({arguments}) {{ nodes {{ code }} }} school(code: "KEC-00001") {{ code }} }}')
    assert reply.status == 200
    assert reply.codes == ["BAD_INPUT"]
    assert reply.told["data"] == {"schools": None, "school": {"code": "KEC-00001"}}
