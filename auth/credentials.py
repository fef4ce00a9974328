"""From credentials to a principal: JWTs of known issuers, API keys kept hashed, or nobody.

Purposes, cases and acting for another only narrow what the credential grants.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import jwt

from auth.consents import ATTRIBUTES, Register
from auth.errors import AuthError
from auth.keysets import KeySet
from auth.principal import ANONYMOUS, AttributeValue, Principal
from schema.errors import Code
from schema.recent import Recent
from schema.rules import ROLES

ALGORITHMS = ("EdDSA", "ES256", "RS256")
RESERVED = frozenset(ATTRIBUTES.values())
CLOCKS_APART_S = 60
"""How far an issuer's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs tokens we accept: ``name`` is their ``iss``; ``keys`` finds the public key of a ``kid``."""

    name: str
    audience: str
    keys: KeySet
    algorithms: tuple[str, ...] = ALGORITHMS


@dataclass(frozen=True, slots=True)
class Case:
    """An entry of the case register. Days are ISO dates; an empty ``closes`` means open-ended."""

    subjects: frozenset[str]
    opened: str = "0001-01-01"
    closes: str = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Credentials:
    """The headers that say who asks."""

    authorization: str | None = None
    api_key: str | None = None


@dataclass(frozen=True, slots=True)
class Context:
    """What the request claims about itself; each claim is checked and only narrows."""

    purpose: str | None = None
    case: str | None = None
    on_behalf_of: str | None = None


NO_CONTEXT = Context()


def key_digest(pepper: bytes, key: str) -> str:
    """How an API key is kept: never itself."""
    return hmac.digest(pepper, key.encode(), "sha256").hex()


@dataclass(slots=True)
class Authenticator:
    """``api_keys``: digest -> principal; ``represented``: subjects others may act for; ``clock``: seconds since the
    epoch; ``today``: the ISO day in Karachi."""

    issuers: Mapping[str, Issuer]
    clock: Callable[[], float]
    today: Callable[[], str]
    pepper: bytes = b""
    api_keys: Mapping[str, Principal] = field(default_factory=dict)
    cases: Mapping[str, Case] = field(default_factory=dict)
    represented: Mapping[str, Principal] = field(default_factory=dict)
    consents: Register = field(default_factory=Register)
    stops: Container[str] = ()
    """Subjects whose access is stopped, as it is now."""
    roles: frozenset[str] = frozenset(ROLES)
    """What a token may state; the catalog says which."""
    _verified: Recent[bytes, Principal] = field(default_factory=lambda: Recent(4096))
    _placed: Recent[tuple[int, Context], tuple[Principal, Principal]] = field(default_factory=lambda: Recent(4096))
    """(identity of a principal, context) -> that principal and what it is in this context."""
    _consented: Recent[int, tuple[Principal, Principal]] = field(default_factory=lambda: Recent(4096))
    """Identity of a principal -> that principal and what it is with those who consented when it last asked."""

    async def authenticate(self, credentials: Credentials, context: Context = NO_CONTEXT) -> Principal:
        """The principal of this request. Raises AuthError."""
        if credentials.authorization is not None and credentials.api_key is not None:
            raise AuthError(Code.BAD_INPUT, "two credentials were sent; send either Authorization or X-Api-Key")
        if credentials.authorization is not None:
            principal = await self._bearer(credentials.authorization)
        elif credentials.api_key is not None:
            principal = self._by_key(credentials.api_key)
        else:
            principal = ANONYMOUS
        if principal is not ANONYMOUS and principal.subject in self.stops:
            raise AuthError(Code.REFUSED, "access in your name has been stopped; turn to the operators of the gateway")
        if context is not NO_CONTEXT and context != NO_CONTEXT:
            principal = self._in_context(principal, context)
        return self._with_consents(principal)

    def _with_consents(self, principal: Principal) -> Principal:
        """The principal with the learners who consent at this moment; the same object as long as they are the same."""
        also = None if principal.also is None else self._with_consents(principal.also)
        attributes = consented(principal, self.consents, self.clock())
        if attributes is principal.attributes and also is principal.also:
            return principal
        known = self._consented.get(id(principal))
        if known is not None and known[0] is principal and (known[1].attributes, known[1].also) == (attributes, also):
            return known[1]
        found = replace(principal, attributes=attributes, also=also)
        self._consented[id(principal)] = (principal, found)
        return found

    async def _bearer(self, header: str) -> Principal:
        scheme, _, token = header.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise _unauthenticated("the Authorization header must read: Bearer <token>")
        digest = hashlib.sha256(token.encode()).digest()
        known = self._verified.get(digest)
        if known is None:
            known = self._verified[digest] = await self._verify(token)
        if known.expires_at is not None and known.expires_at <= self.clock():
            raise _unauthenticated("the token has expired; ask its issuer for a new one")
        return known

    async def _verify(self, token: str) -> Principal:
        try:
            header = jwt.get_unverified_header(token)
            claimed = jwt.decode(token, options={"verify_signature": False})
        except jwt.PyJWTError:
            raise _unauthenticated("the token cannot be read") from None
        issuer = self.issuers.get(str(claimed.get("iss")))
        if issuer is None:
            raise _unauthenticated("the token's issuer is not known here")
        key = await issuer.keys.find(header.get("kid"))
        if key is None:
            raise _unauthenticated("the token is signed with a key that is not known here")
        try:
            claims = jwt.decode(
                token, key, algorithms=list(issuer.algorithms), audience=issuer.audience, issuer=issuer.name,
                options={"require": ["exp", "sub"], "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )  # fmt: skip
        except (jwt.PyJWTError, TypeError, ValueError):
            raise _unauthenticated("the token is not valid") from None
        now = self.clock()
        if _seconds(claims, "exp") <= now:
            raise _unauthenticated("the token has expired; ask its issuer for a new one")
        if "nbf" in claims and _seconds(claims, "nbf") > now + CLOCKS_APART_S:
            raise _unauthenticated("the token is not valid yet")
        return principal_of(claims, self.roles)

    def _by_key(self, key: str) -> Principal:
        principal = self.api_keys.get(key_digest(self.pepper, key))
        if principal is None or (principal.expires_at is not None and principal.expires_at <= self.clock()):
            raise _unauthenticated("the API key is not known, or has expired")
        return principal

    def _in_context(self, principal: Principal, context: Context) -> Principal:
        if context.purpose is not None and context.purpose not in principal.permitted_purposes:
            raise AuthError(Code.REFUSED, "this purpose is not among those your credential permits")
        if context.case is not None:
            case = self.cases.get(context.case)
            if case is None or principal.subject not in case.subjects or not case.opened <= self.today() <= case.closes:
                raise AuthError(Code.REFUSED, "this case is not open, or not assigned to you")
        also = None
        if context.on_behalf_of is not None:
            also = self.represented.get(context.on_behalf_of)
            if also is None or context.on_behalf_of not in principal.act_for:
                raise AuthError(Code.REFUSED, "you hold no grant to act for this subject")
            also = self._represented(also, context)
        return self._narrowed(principal, context, also)

    def _narrowed(self, principal: Principal, context: Context, also: Principal | None) -> Principal:
        """The same object for the same claims, so that what was decided for it is found again."""
        key = (id(principal), context)
        known = self._placed.get(key)
        if known is not None and known[0] is principal and (also is None or known[1].also == also):
            return known[1]
        narrowed = replace(principal, purpose=context.purpose, case=context.case, also=also)
        self._placed[key] = (principal, narrowed)
        return narrowed

    def _represented(self, also: Principal, context: Context) -> Principal:
        """Whom the principal acts for, in the same context as far as its own rights reach: a purpose it is not
        permitted and a case that is not its own give it nothing."""
        purpose = context.purpose if context.purpose in also.permitted_purposes else None
        case = self.cases.get(context.case or "")
        return replace(also, purpose=purpose, case=context.case if case and also.subject in case.subjects else None)


def consented(principal: Principal, consents: Register, now: float) -> Mapping[str, AttributeValue]:
    """The principal's attributes: of those that only the register gives, what it gives now. One who speaks for no
    organisation has none of them, whatever the credential says."""
    claimed = principal.attributes
    organisation = claimed.get("organisation")
    if not isinstance(organisation, str) and not claimed.keys() & RESERVED:
        return claimed
    own = {name: value for name, value in claimed.items() if name not in RESERVED}
    if not isinstance(organisation, str):
        return own
    return {**own, **consents.attributes(organisation, principal.purpose, now)}


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    """A time claim; "NaN" and the infinite are JSON to some issuers and would never pass."""
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise _unauthenticated("the token's times are not of the expected form")
    return float(value)


def principal_of(claims: Mapping[str, Any], known: frozenset[str] = frozenset(ROLES)) -> Principal:
    """The principal that verified claims describe; roles but the ``known`` are ignored. Raises AuthError for claims of
    the wrong form."""
    roles, purposes = claims.get("roles", []), claims.get("purposes", [])
    act_for, attributes = claims.get("act_for", []), claims.get("attributes", {})
    lists_are_text = all(
        isinstance(part, list) and all(isinstance(item, str) for item in part) for part in (roles, purposes, act_for)
    )
    office = claims.get("office")
    if not lists_are_text or not isinstance(attributes, dict) or not isinstance(office, (str, type(None))):
        raise _unauthenticated("the token's claims are not of the expected form")
    return Principal(
        subject=str(claims["sub"]),
        roles=frozenset(role for role in roles if role in known),
        attributes={str(name): value for name, raw in attributes.items() if (value := _attribute(raw)) is not None},
        permitted_purposes=frozenset(purposes),
        office=office,
        act_for=frozenset(act_for),
        expires_at=float(claims["exp"]) if "exp" in claims else None,
    )


def _attribute(raw: Any) -> AttributeValue | None:
    if isinstance(raw, list) and all(isinstance(item, str) for item in raw):
        return tuple(raw)
    if raw is None or (isinstance(raw, (str, int)) and not isinstance(raw, bool)):
        return raw
    raise _unauthenticated("the token's attributes are not of the expected form")


def _unauthenticated(message: str) -> AuthError:
    return AuthError(Code.UNAUTHENTICATED, message)
