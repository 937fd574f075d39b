"""Speaking in a room: messages, replies, retractions, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

import msgspec

from backchannel.desk import Desk
from backchannel.errors import NotAllowed
from backchannel.outbox import Item
from backchannel.room.facts import MessageSent
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.room.state import Role
from backchannel_protocol.room.timeline import MAX_MESSAGE_CHARS, may_write

Quotable = Literal["no", "anonymous", "named"]


class Delivery(Enum):
    """What is known of a message that was sent from here."""

    WAITING = "waiting"
    SENT = "sent"
    SEEN = "seen"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that this device has still to send. It is on disk, and goes by itself.

    type  message, retract, seen, or an act of governance; `commit` for a change of the room's keys
    text  what was written, of a message
    why   what it waits for, in a sentence: "Muted until …", "The server does not answer …"
    """

    place: int
    type: str
    text: str | None
    why: str
    delivery: Delivery = Delivery.WAITING


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message on its way. It is on this device's disk; what becomes of it, `delivery` tells."""

    room: Speaking
    item: Item

    @property
    def delivery(self) -> Delivery:
        """waiting, sent (it is in the room's log), seen (by somebody else), or failed."""
        ledger = self.room.ledger
        if self.item.place in ledger.items:
            return Delivery.WAITING
        sent = ledger.own_message(self.item.number)
        return Delivery.FAILED if sent is None else self.room.delivery(sent)

    @property
    def why(self) -> str | None:
        """What it waits for, or why it failed; None where it was sent."""
        ledger = self.room.ledger
        if self.item.place in ledger.items:
            return self.room.why_waiting(self.item)
        failure = ledger.failure(self.item.place)
        return None if failure is None else failure.sentence

    @property
    def seen_by(self) -> int:
        """How many others have seen it."""
        message = self.room.ledger.own_message(self.item.number)
        return 0 if message is None else self.room.seen_by(message)

    async def sent(self) -> MessageSent:
        """The message, once it is in the log. Raises NotAllowed where it will never be."""
        await self.room.settled(self.item)
        ledger = self.room.ledger
        message = ledger.own_message(self.item.number)
        if message is not None:
            return message
        failure = ledger.failure(self.item.place)
        if failure is not None:
            raise NotAllowed(failure.code, failure.sentence)
        raise NotAllowed("not-sent", "The message did not count. Look at what the room says about it.")


class Speaking(Desk):
    """What a seat may say."""

    async def send(
        self, text: str, *, quotable: Quotable = "no", until: int = 0, reply_to: str | None = None
    ) -> Outgoing:
        """Writes a message. When this returns it is on disk and will be sent, whatever happens.

        until  seconds since 1970 when its text is to be gone everywhere; 0: as the room's rule says
        """
        self._require_writer()
        self._check_message(text, until)
        exposure: JsonObject = {"audience": "room", "quotable": quotable, "until": until}
        body: JsonObject = {"text": text, "exposure": exposure}
        if reply_to is not None:
            body["reply_to"] = reply_to
        return Outgoing(self, await self._enqueue("chat", "message", body))

    async def reply(self, message: MessageSent, text: str, *, quotable: Quotable = "no") -> Outgoing:
        """Answers a message."""
        return await self.send(text, quotable=quotable, reply_to=message.id)

    async def retract(self, message: MessageSent) -> None:
        """Takes an own message back: its text goes, a mark stays."""
        if message.seat != self.seat:
            raise NotAllowed("not-the-author", "Only its author can take a message back.")
        self._require_accepted()
        await self._settle(await self._enqueue("chat", "retract", {"event": message.id}))

    async def mark_seen(self) -> None:
        """Tells that everything up to here was seen. What waits already is not doubled."""
        self._require_accepted()
        if not any(item.type == "seen" for item in self.ledger.items.values()):
            await self._enqueue("chat", "seen", {"seq": self.ledger.view.seq})

    async def accept_rules(self) -> None:
        """Accepts the room's rules as they are now; nothing happens where they are accepted."""
        if self._require_present().accepted == self.state.rules.version:
            return
        await self._govern("accept", {"version": self.state.rules.version})

    # ---- what becomes of it
    def pending(self) -> list[Waiting]:
        """What this device has still to send, in order, and what each piece waits for."""
        return [
            Waiting(item.place, _type_of(item), _text_of(item), self.why_waiting(item))
            for item in self.ledger.waiting()
        ]

    def why_waiting(self, item: Item) -> str:
        """What a piece of the outbox waits for."""
        return self._live.why_waiting(item).sentence

    def delivery(self, message: MessageSent) -> Delivery:
        """sent or seen, of a message that is in the log."""
        return Delivery.SEEN if self.seen_by(message) else Delivery.SENT

    def seen_by(self, message: MessageSent) -> int:
        """How many seats other than its author have seen a message."""
        seen = self.ledger.view.seen
        return sum(up_to >= message.seq for seat, up_to in seen.items() if seat != message.seat)

    # ---- for this package
    def _require_writer(self) -> None:
        own = self._require_accepted()
        if may_write(own):
            return
        sentence = "Observers read and do not write."
        if own.role is Role.BOT:
            sentence = "This bot's scope says that it does not write. Invite it anew, with another scope."
        raise NotAllowed("role-forbids", sentence)

    def _check_message(self, text: str, until: int) -> None:
        if not text or len(text) > MAX_MESSAGE_CHARS:
            sentence = f"A message has 1 to {MAX_MESSAGE_CHARS:,} characters. Send it in parts."
            raise NotAllowed("message-size", sentence)
        if until and until <= self._clock():
            sentence = "The time until which this may be read is over already. Choose a later one."
            raise NotAllowed("until-over", sentence)


def _type_of(item: Item) -> str:
    return item.type or ("commit" if item.plan is not None else "operation")


def _text_of(item: Item) -> str | None:
    if item.type != "message":
        return None
    body: JsonObject = msgspec.json.decode(item.body)
    text = body.get("text")
    return text if isinstance(text, str) else None
