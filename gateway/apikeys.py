"""New API keys: the key for its holder, and the lines of the settings that make it known without holding it."""

from __future__ import annotations

import json
import secrets

from auth.credentials import key_digest
from gateway.settings import ApiKeySettings


def new_api_key(pepper: bytes, made: ApiKeySettings) -> str:
    """Text to show once: the key, then a TOML table with its digest. ``made``: whom it stands for."""
    key = f"bdg_{secrets.token_urlsafe(32)}"
    lines = [
        f"# The key, shown only now: {key}",
        f"[auth.api_keys.{json.dumps(made.subject)}]",
        f'digest = "{key_digest(pepper, key)}"',
        f"subject = {json.dumps(made.subject)}",
        f"roles = {json.dumps(made.roles)}",
    ]
    if made.attributes:
        told = ", ".join(f"{json.dumps(name)} = {json.dumps(value)}" for name, value in made.attributes.items())
        lines.append(f"attributes = {{ {told} }}")
    if made.purposes:
        lines.append(f"purposes = {json.dumps(made.purposes)}")
    if made.expires is not None:
        lines.append(f'expires = "{made.expires}"')
    return "\n".join(lines)
