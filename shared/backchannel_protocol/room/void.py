"""Whether a commit is taken back: judged from the clear log alone (PROTOCOL.md, section 8).

Server and members call the same functions, so that they cannot differ: the server with what its
tables say of the commit that opened the room's epoch, a member with what `clear.follow` gathered
from the log.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from backchannel_protocol.events import EventKind


@dataclass(frozen=True, slots=True)
class Opening:
    """The commit that opened the room's epoch, as the clear log tells of it. Ids are bytes.

    epoch, before   the room's epoch and `opening` before the commit, which voiding brings back
    added, removed  the seats of the SeatAdd and SeatRemove that stood directly before it
    used            whether an event came of which `is_use` says so
    asked           the seats whose VoidCommit of it was taken and had no effect yet
    """

    commit: bytes
    author: bytes
    epoch: int
    before: bytes
    added: frozenset[bytes] = frozenset()
    removed: frozenset[bytes] = frozenset()
    used: bool = False
    asked: frozenset[bytes] = frozenset()


class Verdict(Enum):
    """What a VoidCommit does: nothing, and it is refused; it counts as asked for; it takes effect."""

    REFUSED = "refused"
    ASKED = "asked"
    VOIDED = "voided"


def is_use(opening: Opening, kind: EventKind, seat: bytes) -> bool:
    """Whether an event of the epoch that the commit opened uses it: no operation, and by somebody else."""
    return kind is not EventKind.CONTROL and seat != opening.author and seat not in opening.added


def askers(opening: Opening, with_bit: Collection[bytes]) -> frozenset[bytes]:
    """Who may ask for voiding. `with_bit`: the seats of the room that may facilitate now."""
    others = frozenset(with_bit) - {opening.author} - opening.added - opening.removed
    return others or frozenset({opening.author})


def judge_void(opening: Opening | None, with_bit: Collection[bytes], commit: bytes, sender: bytes) -> Verdict:
    """What VoidCommit(`commit`) by `sender` does. `opening` None: no commit opened the epoch."""
    if opening is None or opening.commit != commit:
        return Verdict.REFUSED
    may_ask = askers(opening, with_bit)
    if sender not in may_ask:
        return Verdict.REFUSED
    if not opening.used:
        return Verdict.VOIDED
    asked = (opening.asked | {sender}) & may_ask
    return Verdict.VOIDED if len(asked) * 2 > len(may_ask) else Verdict.ASKED


def may_commit(opening: Opening | None, with_bit: Collection[bytes], sender: bytes) -> bool:
    """Whether the server takes a commit: while somebody asks for voiding, from askers alone.

    Else two who spoil commits could always put another one on top before the others have asked.
    """
    if opening is None:
        return True
    may_ask = askers(opening, with_bit)
    return sender in may_ask or not opening.asked & may_ask
