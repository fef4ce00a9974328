"""Why a caller is not let in, as stable codes and messages that are safe to send."""

from __future__ import annotations

from schema.errors import Code


class AuthError(Exception):
    """``message`` goes to the client: it names what is wrong, never a credential or another's data."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LedgerUnavailable(AuthError):
    """The ledger cannot write: nothing may be answered."""

    def __init__(self, message: str = "the ledger cannot record this request, so it is not answered") -> None:
        super().__init__(Code.LEDGER_UNAVAILABLE, message)
