"""How much of real time there may be."""

from __future__ import annotations

import msgspec


class LiveLimits(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """``connections``: WebSockets and event streams together; ``connections_each``: of one subject, anybody without
    credentials counting as one by address; ``operations``: of one WebSocket; ``cohorts``: different things watched at
    once; ``members``: rows one feed may watch; ``all_members``: all feeds together; ``pending``: entities that may wait
    for a slow client; ``window_s``: how long after its last event a feed can be resumed; ``every_s``: how often live
    queries over records that declare nothing are asked; ``recheck_s``: how often it is looked whether the right still
    stands; ``init_s``: how long a WebSocket may take to say who it is; ``ping_s``: how often silence is broken;
    ``hint_s``: how often a department's hint that names no rows may have everything read."""

    connections: int = 4_000
    connections_each: int = 2_000
    operations: int = 50
    cohorts: int = 500
    members: int = 50_000
    all_members: int = 500_000
    pending: int = 1_000
    events: int = 20_000
    window_s: float = 600.0
    every_s: float = 5.0
    recheck_s: float = 5.0
    init_s: float = 5.0
    ping_s: float = 15.0
    hint_s: float = 5.0
