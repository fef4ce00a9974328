"""Who answers for what, and since when. An owner is a post; a plain text answers as long as anybody knows, an
``Ownership`` since a day, and says who did before."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Former:
    """A post that answered up to the day ``until``, that day included; ``since`` None: as long as anybody knows."""

    post: str
    until: dt.date
    since: dt.date | None = None


@dataclass(frozen=True, slots=True)
class Ownership:
    """``post`` answers from the day ``since`` on. ``formerly``: who did before, the earliest first, each up to the day
    before the next one. Where the earliest says since when, the days before it are the owner's further out: a record's
    for a field, a source's for a record, a department's for a source."""

    post: str
    since: dt.date
    formerly: tuple[Former, ...] = ()


Owner: TypeAlias = str | Ownership


@dataclass(frozen=True, slots=True)
class Tenure:
    """``post`` answers from ``since`` to ``until``, both included; None: no end on that side."""

    post: str
    since: dt.date | None = None
    until: dt.date | None = None


Tenures: TypeAlias = tuple[Tenure, ...]
"""Of all days, the earliest first; the last one has no end."""


def post_of(owner: Owner) -> str:
    """The post that answers now."""
    return owner if isinstance(owner, str) else owner.post


def tenures(*declared: Owner | None) -> Tenures:
    """Who answered when, by the nearest owner that says so on each day. ``declared``: the nearest first; None says
    nothing, and one of them must say something."""
    nearest, *further = [owner for owner in declared if owner is not None]
    if isinstance(nearest, str):
        return (Tenure(nearest),)
    own = _own(nearest)
    first = own[0].since
    if first is None or not further:
        return own
    eve = first - dt.timedelta(days=1)
    before = [one for one in tenures(*further) if one.since is None or one.since <= eve]
    return _merged((*before[:-1], replace(before[-1], until=eve), *own))


def _own(owner: Ownership) -> Tenures:
    return (*(Tenure(one.post, one.since, one.until) for one in owner.formerly), Tenure(owner.post, owner.since))


def _merged(found: Tenures) -> Tenures:
    """A post that follows itself is told once."""
    told: list[Tenure] = []
    for one in found:
        if told and told[-1].post == one.post:
            told[-1] = replace(told[-1], until=one.until)
        else:
            told.append(one)
    return tuple(told)


def tenure_on(found: Tenures, day: dt.date | None) -> Tenure:
    """Who answered on a day; None is today, and so is any day to come."""
    if day is None:
        return found[-1]
    return next((one for one in reversed(found) if one.since is None or one.since <= day), found[0])


def owner_problems(owner: Owner | None, *, outermost: bool = False, today: dt.date | None) -> Iterator[str]:
    """What is wrong with it, in words that say what to do. ``outermost``: nobody is further out, so that it must say
    who answered from the beginning. ``today`` None: whether it has begun is not asked."""
    if owner is None:
        return
    if isinstance(owner, str):
        if not owner.strip():
            yield "names no owner; name the post answerable for it"
        return
    own = _own(owner)
    for one in own:
        if not one.post.strip():
            yield f"names no post {_days(one)}; say who answered (for a vacant post, who acted)"
        if one.since is not None and one.until is not None and one.until < one.since:
            yield f"has {one.post!r} answer until {one.until}, before it begins on {one.since}; put the days right"
    for one, other in pairwise(own):
        if one.until is None or other.since is None:
            yield f"has {other.post!r} answer from the beginning, after {one.post!r}; say since when"
        elif other.since <= one.until:
            yield (
                f"has {one.post!r} until {one.until} and {other.post!r} since {other.since}; they overlap, end the one "
                "on the day before the other"
            )
        elif other.since > one.until + dt.timedelta(days=1):
            yield (
                f"names nobody between {one.until} ({one.post!r}) and {other.since} ({other.post!r}); say who answered "
                "(for a vacant post, who acted)"
            )
    if outermost and own[0].since is not None:
        yield f"names nobody before {own[0].since}; say in formerly who answered, without since"
    if today is not None and owner.since > today:
        yield f"has {owner.post!r} answer since {owner.since}, which is to come; declare it on that day"


def _days(one: Tenure) -> str:
    return f"from {one.since or 'the beginning'} to {one.until or 'today'}"


__all__ = ["Former", "Owner", "Ownership", "Tenure", "Tenures", "owner_problems", "post_of", "tenure_on", "tenures"]
