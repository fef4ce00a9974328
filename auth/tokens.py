"""Demo tokens: a key made at first start signs them. Real issuers are named in the settings; this one is for trying
things out and for tests."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER = "gateway-demo"
AUDIENCE = "gateway"


def secret_file(path: Path, make: bytes) -> bytes:
    """The content of a secret file; made with ``make`` and mode 0600 when it is not there. Whoever comes second at
    the same moment reads what the first one wrote."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    if not path.exists():
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(make)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_bytes()


def signing_key(path: Path) -> Ed25519PrivateKey:
    """The Ed25519 key kept at ``path``, made at first use."""
    fresh = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key = serialization.load_pem_private_key(secret_file(path, fresh), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(f"{path.name} holds no Ed25519 key; remove it and a new one is made")
    return key


def mint(
    key: Ed25519PrivateKey,
    *,
    now: float,
    subject: str,
    roles: Sequence[str],
    attributes: Mapping[str, str | int | list[str]] | None = None,
    purposes: Sequence[str] = (),
    office: str | None = None,
    act_for: Sequence[str] = (),
    ttl_s: int = 8 * 3600,
) -> str:
    """A signed demo token."""
    claims: dict[str, Any] = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": subject, "iat": int(now), "exp": int(now) + ttl_s,
        "roles": list(roles), "attributes": dict(attributes or {}), "purposes": list(purposes),
        "act_for": list(act_for),
    }  # fmt: skip
    if office:
        claims["office"] = office
    return jwt.encode(claims, key, algorithm="EdDSA")
