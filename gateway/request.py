"""What a client sends, once its bytes are read, and what it gets back before it is bytes on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """The four members of a GraphQL request. ``extensions`` may carry purpose, case, onBehalfOf, provenance, plan."""

    query: str
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Incoming:
    """A request and who says to send it: the headers that matter, None where absent."""

    request: GraphQLRequest
    authorization: str | None = None
    api_key: str | None = None
    purpose: str | None = None
    case: str | None = None
    on_behalf_of: str | None = None
    request_id: str = ""
    read_only: bool = False
    """GET: only queries may run."""


@dataclass(frozen=True, slots=True)
class Answer:
    """``body``: the GraphQL response as JSON. ``outcome``: ``ok`` (there is ``data``), ``request_error`` (parse,
    validation, variables or context: nothing was executed), ``unauthenticated``, ``ledger_unavailable``,
    ``not_allowed`` (a mutation by GET), ``late`` (not put together in time), ``internal``."""

    body: bytes
    outcome: str = "ok"
    ledger_entry: str | None = None
