"""What happened in a room, as it is shown and kept: facts in the order of the log.

Several facts may come from one event. Ids are b64u. `seq` 0 marks what is not in the log.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from backchannel_protocol.room.attachments import Attachment
from backchannel_protocol.room.timeline import Exposure


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="fact"):
    """Where it stands: seq, time in seconds, the seat that did it."""

    seq: int
    time: int
    seat: str


class RoomEntered(Fact, frozen=True, tag="entered"):
    """This seat came in, and why nothing stands before it: the room's history rule, in a sentence."""

    history: str
    sentence: str


class MessageSent(Fact, frozen=True, tag="message"):
    """A message; `number` is the author's intent.

    `text` is None where it is gone: its author took it back, or its time is over (`gone` says which). With
    it go the attachments, and their keys.
    """

    id: str
    name: str
    text: str | None
    exposure: Exposure
    reply_to: str | None
    number: int
    gone: Literal["", "retracted", "expired"] = ""
    attachments: tuple[Attachment, ...] = ()


class MessageRetracted(Fact, frozen=True, tag="retracted"):
    """The author took a message back; `message` is its id."""

    message: str


class MessageExpired(Fact, frozen=True, tag="expired"):
    """The time of a message is over: its text is gone from this device; `message` is its id."""

    message: str


class MessagesSeen(Fact, frozen=True, tag="seen"):
    """The seat has seen everything up to a seq."""

    up_to: int


class SeatJoined(Fact, frozen=True, tag="joined"):
    """Somebody came in: who, as what, and admitted by whom."""

    joined: str
    name: str
    role: str
    party: str | None
    by: tuple[str, ...]


class SeatLeft(Fact, frozen=True, tag="left"):
    """Somebody is no longer there; `how` is left or removed."""

    left: str
    name: str
    how: str


class RoomGoverned(Fact, frozen=True, tag="governed"):
    """An act of governance: its type and body as PROTOCOL.md section 9 has them (of `disclose`: none)."""

    id: str
    type: str
    body: dict[str, Any]


class CommitVoided(Fact, frozen=True, tag="voided"):
    """A change of the room was taken back, because it was not valid or nobody had used it."""

    commit: str


class VoidAsked(Fact, frozen=True, tag="void-asked"):
    """A facilitator asks to take back a change that others use already; more than half must ask."""

    commit: str


class LeftBehind(Fact, frozen=True, tag="left-behind"):
    """The room uses a change that this device cannot follow. What is written waits."""

    commit: str
    sentence: str


class RoomEnded(Fact, frozen=True, tag="ended"):
    """A closed room's keys are erased from this device; `missing` names who had not disclosed."""

    missing: tuple[str, ...]
    sentence: str


class EventIgnored(Fact, frozen=True, tag="ignored"):
    """An event that counts for nobody, with the reason; type and intent where they could be read."""

    code: str
    sentence: str
    type: str = ""
    number: int = 0


class OperationUnfit(Fact, frozen=True, tag="unfit"):
    """The server was told, and obeyed, what does not fit the room: a warning for everybody.

    operation  its name: close, policy, seat-set, …
    """

    operation: str
    code: str
    sentence: str


class CommitSkipped(Fact, frozen=True, tag="skipped"):
    """A change of the room that every member refuses; it is taken back by itself."""

    code: str
    sentence: str


class RoomStopped(Fact, frozen=True, tag="stopped"):
    """This room stops here, and why: the one red banner. `seat`: whose event was the one too much."""

    code: str
    sentence: str


class SendFailed(Fact, frozen=True, tag="failed"):
    """What was to be sent will not be sent, and why; `place` is where it stood in the outbox."""

    place: int
    code: str
    sentence: str


class KnockArrived(Fact, frozen=True, tag="knock"):
    """Somebody knocks: compare the three words aloud, then approve or decline."""

    mailbox: str
    joining: str
    name: str
    role: str
    party: str | None
    words: tuple[str, str, str]


AnyFact = (
    RoomEntered
    | MessageSent
    | MessageRetracted
    | MessageExpired
    | MessagesSeen
    | SeatJoined
    | SeatLeft
    | RoomGoverned
    | CommitVoided
    | VoidAsked
    | LeftBehind
    | RoomEnded
    | EventIgnored
    | OperationUnfit
    | CommitSkipped
    | RoomStopped
    | SendFailed
    | KnockArrived
)

_decoder = msgspec.msgpack.Decoder(list[AnyFact])


def without_words(message: MessageSent, gone: Literal["retracted", "expired"]) -> MessageSent:
    """The place of a message whose text and attachments are gone."""
    return msgspec.structs.replace(message, text=None, attachments=(), gone=gone)


def encode_facts(facts: list[AnyFact]) -> bytes:
    """For the timeline."""
    return msgspec.msgpack.encode(facts)


def decode_facts(data: bytes) -> list[AnyFact]:
    """What `encode_facts` wrote."""
    return _decoder.decode(data)
