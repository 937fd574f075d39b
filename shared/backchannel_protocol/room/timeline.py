"""What is said: messages, replies, retractions, what was seen (PROTOCOL.md, section 9).

Chat is not part of the state: retention takes it away, and joiners never had it. Each event is
judged by the state, the sender's role, and for a retraction by who wrote what it retracts.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from backchannel_protocol.envelope import Envelope
from backchannel_protocol.room.attachments import Attachments
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Id, Natural, Role, RoomState, Seat

MAX_MESSAGE_CHARS = 20_000
MessageText = Annotated[str, Meta(max_length=MAX_MESSAGE_CHARS)]


class Exposure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who reads a message, whether it may be quoted, and until when it may be kept (0: the room's rule).

    The audience is the room; narrower ones need their own encryption and come with it.
    """

    audience: Literal["room"]
    quotable: Literal["no", "anonymous", "named"]
    until: Natural


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message; `reply_to` is the id of the event that it answers.

    Its exposure is its attachments' too. Without any, it says something.
    """

    text: MessageText
    exposure: Exposure
    reply_to: Id | None = None
    attachments: Attachments = ()

    def __post_init__(self) -> None:
        """What no pattern says; msgspec makes a ValidationError of it."""
        if not self.text and not self.attachments:
            raise ValueError


class Retract(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sender takes back a message of its own."""

    event: Id


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The sender has seen everything up to a seq."""

    seq: Natural


Said = Message | Retract | Seen

CHAT: dict[str, type[Said]] = {"message": Message, "retract": Retract, "seen": Seen}
"""The type of a chat event's envelope, and what its body must be."""


def decide_chat(state: RoomState, at: At, envelope: Envelope, last_intent: int) -> Said:
    """A chat event as it counts. Raises FoldRefusal.

    `last_intent` is the highest chat intent of the sender that counted before.
    """
    wanted = CHAT.get(envelope.type)
    if wanted is None:
        raise FoldRefusal(FoldCode.TYPE_UNKNOWN)
    sender = state.seats.get(at.sender)
    if sender is None:
        raise FoldRefusal(FoldCode.SENDER_UNKNOWN)
    if envelope.intent <= last_intent:
        raise FoldRefusal(FoldCode.INTENT_DOUBLED)
    if state.closed is not None:
        raise FoldRefusal(FoldCode.CLOSED)
    if sender.accepted < state.rules.version:
        raise FoldRefusal(FoldCode.RULES_NOT_ACCEPTED)
    try:
        said = msgspec.convert(envelope.body, wanted)
    except msgspec.ValidationError:
        raise FoldRefusal(FoldCode.BODY_MALFORMED) from None
    if isinstance(said, Message) and not may_write(sender):
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    return said


def may_write(seat: Seat) -> bool:
    """Whether a seat's messages count: not an observer's, nor those of a bot that declared to be silent."""
    return seat.role is not Role.OBSERVER and (seat.scope is None or seat.scope.writes)


def check_retraction(at: At, author: str | None) -> None:
    """Only the author may retract; `author` None: a message that this client never had."""
    if author is not None and author != at.sender:
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
