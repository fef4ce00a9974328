"""Issuers of tests: keys of each algorithm, tokens of any claims, a clock that is set, a key server on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from auth.credentials import Authenticator, Credentials, Issuer
from auth.keysets import KeySet, StaticKey

NOW = 1_760_000_000.0
PRIVATE: dict[str, Any] = {
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "RS256": rsa.generate_private_key(65537, 2048),
}
CLAIMS: dict[str, Any] = {
    "iss": "registrar", "aud": "gateway", "sub": "officer-7", "exp": NOW + 3600, "iat": NOW - 10,
    "roles": ["district_officer"], "attributes": {"district": "KEC"}, "purposes": ["LegalCompliance"],
    "office": "District Education Office Kech", "act_for": ["directorate"],
}  # fmt: skip


@dataclass(slots=True)
class Clock:
    now: float = NOW

    def __call__(self) -> float:
        return self.now


def token(algorithm: str = "EdDSA", kid: str | None = None, key: Any = None, **changes: Any) -> str:
    """A token with these claims changed; ``...`` leaves one out."""
    claims = {name: value for name, value in {**CLAIMS, **changes}.items() if value is not ...}
    return jwt.encode(claims, key or PRIVATE[algorithm], algorithm, headers={"kid": kid} if kid else None)


def authenticator(keys: KeySet | None = None, clock: Clock | None = None, **options: Any) -> Authenticator:
    keys = keys or StaticKey(PRIVATE["EdDSA"].public_key())
    issuer = Issuer("registrar", "gateway", keys)
    return Authenticator({"registrar": issuer}, clock or Clock(), lambda: "2025-10-09", **options)


def bearer(text: str) -> Credentials:
    return Credentials(authorization=f"Bearer {text}")


def jwk(kid: str, algorithm: str = "EdDSA", private: Any = None) -> dict[str, Any]:
    """The public half as a JWKS lists it."""
    kind = jwt.algorithms.get_default_algorithms()[algorithm]
    told: dict[str, Any] = json.loads(kind.to_jwk((private or PRIVATE[algorithm]).public_key()))
    return {**told, "kid": kid, "alg": algorithm, "use": "sig"}


@dataclass(slots=True)
class KeyServer:
    """What it answers, and how often it was asked."""

    url: str = ""
    keys: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    body: bytes | None = None
    asked: int = 0

    async def answer(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = json.dumps({"keys": self.keys}).encode() if self.body is None else self.body
        return web.Response(body=body, status=self.status, content_type="application/json")


@asynccontextmanager
async def key_server(*keys: dict[str, Any]) -> AsyncIterator[KeyServer]:
    server = KeyServer(keys=list(keys))
    app = web.Application()
    app.router.add_get("/jwks.json", server.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    server.url = f"http://{host}:{port}/jwks.json"
    try:
        yield server
    finally:
        await runner.cleanup()
