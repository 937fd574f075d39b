"""What a refusal means for what waits in the outbox, and why it waits, in a sentence. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from backchannel.errors import ServerRefused
from backchannel_protocol.refusals import Code

FINAL: Final = {
    code.value
    for code in (
        Code.REPLACED,
        Code.REMOVED,
        Code.UNKNOWN_ROOM,
        Code.UNKNOWN_SEAT,
        Code.BAD_SIGNATURE,
        Code.VERSION,
    )
} | {"room-ended"}
"""After these a new connection would hear the same; `removed` and `replaced` are doubted at first."""

LATER: Final = {
    code.value
    for code in (
        Code.MUTED,
        Code.PAUSED,
        Code.SLOW_MODE,
        Code.TOO_FAST,
        Code.STORAGE_FULL,
        Code.STOPPING,
        Code.INTERNAL,
        Code.DUPLICATE_ID,
    )
}
"""The same bytes are sent again, later."""

AGAIN: Final = {Code.STALE_EPOCH.value}
"""A new ciphertext is made, and for no other reason, when the room's events are here."""


def ended() -> ServerRefused:
    """A closed room of which this device has no keys any more."""
    sentence = "This room is over, and its keys are erased. What was said can be read until you forget it."
    return ServerRefused("room-ended", sentence)


@dataclass(frozen=True, slots=True)
class Reason:
    """A code for programs, a sentence for people."""

    code: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A lane of the outbox that the server asked to wait.

    until  of the monotonic clock, when it is tried again
    time   the same in seconds since 1970, for people
    """

    code: str
    until: float
    time: int

    @property
    def reason(self) -> Reason:
        """What is told."""
        sentence = _HELD.get(self.code, _STUCK)
        return Reason(self.code, sentence.format(time=spoken_time(self.time)))


ON_ITS_WAY: Final = Reason("on-its-way", "On its way.")
CATCHING_UP: Final = Reason("catching-up", "This device is fetching what happened meanwhile.")
UNREACHABLE: Final = Reason("server-unreachable", "The server does not answer. It is sent when it does.")
REPLACED_ONCE: Final = Reason(
    "replaced",
    "This seat connected from somewhere else. It is tried once more, in case that was this device itself.",
)
REMOVED_UNSEEN: Final = Reason(
    "removed",
    "The server says that this seat was removed, and the room's log does not show that it was. It is tried "
    "again by itself; ask a facilitator.",
)
SKIPPED: Final = Reason(
    "commit-skipped",
    "A change of the room is not valid. It is sent when a facilitator's device has taken that back.",
)
LEFT_BEHIND: Final = Reason(
    "left-behind",
    "The room went on with a change that this device cannot follow. It is sent when the facilitators have "
    "taken that back; if they do not, ask one of them to admit this device again.",
)
EARLIER: Final = Reason("earlier", "What was written before it goes first.")

_HELD: Final = {
    Code.MUTED.value: "A facilitator muted this seat until {time}. It is sent then.",
    Code.PAUSED.value: "The room is paused until {time}. It is sent then.",
    Code.SLOW_MODE.value: "The room is in slow mode. It is sent at {time}.",
    Code.TOO_FAST.value: "Much was sent at once. It is sent at {time}.",
    Code.STORAGE_FULL.value: "The server's disk is full. It is tried again at {time}; tell the host.",
    Code.STOPPING.value: "The server is stopping. It is sent when it is back.",
    Code.STALE_EPOCH.value: "Stuck: the server says that the room went on, and shows nothing of it. It is "
    "tried again at {time}; tell the host if it stays.",
    Code.DUPLICATE_ID.value: "Stuck: the server says that it has something else under this id. It is tried "
    "again at {time}; tell the host.",
}
_STUCK: Final = (
    "Stuck: the server met an error of its own. It is tried again at {time}; tell the host if it stays."
)
HELD_BY_ROOM: Final = (Code.MUTED.value, Code.PAUSED.value, Code.SLOW_MODE.value)
"""What an operation of the room may end before its time."""


def spoken_time(time: int) -> str:
    """A time for people, with its date where it is not the same day in UTC."""
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M UTC")
