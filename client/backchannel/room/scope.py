"""What of a room a bot's program is handed: its scope, which everybody sees (PROTOCOL.md, section 9). Pure.

The bot's keys could read all. Its library keeps nothing of what its scope does not name: neither on
screen nor on disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from backchannel.room.facts import AnyFact, MessageRetracted, MessageSent
from backchannel.room.view import RoomView
from backchannel_protocol.room.state import Scope, Seat

AuthorOf = Callable[[str], str | None]


def within_scope(view: RoomView, facts: Iterable[AnyFact], author_of: AuthorOf) -> tuple[AnyFact, ...]:
    """The facts that the own seat may have: all of them, unless it is a bot of a narrower scope."""
    own = None if view.state is None else view.state.seats.get(view.own)
    if own is None or own.scope is None or own.scope.reads == "all":
        return tuple(facts)
    return tuple(fact for fact in facts if _is_in(view.own, own, own.scope, fact, author_of))


def _is_in(id_: str, own: Seat, scope: Scope, fact: AnyFact, author_of: AuthorOf) -> bool:
    if isinstance(fact, MessageRetracted):
        return author_of(fact.message) is not None
    if not isinstance(fact, MessageSent) or fact.seat == id_:
        return True
    if scope.reads == "none":
        return False
    answers = fact.reply_to is not None and author_of(fact.reply_to) == id_
    return answers or begins_with_name(fact.text or "", own.name)


def begins_with_name(text: str, name: str) -> bool:
    """Whether a message begins with @name, and not with a longer one."""
    called = f"@{name}".casefold()
    rest = text.casefold().removeprefix(called)
    return text.casefold().startswith(called) and not rest[:1].isalnum()
