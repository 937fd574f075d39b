"""Speaking in a room: messages, replies, retractions, and what becomes of them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal

import msgspec

from backchannel.attachments import UPLOAD, Attached, Upload, read_file, unneeded, uploads_of
from backchannel.desk import Desk
from backchannel.errors import BackchannelError, NotAllowed
from backchannel.ledger import Change
from backchannel.outbox import Item
from backchannel.room.facts import MessageSent
from backchannel.uploads import begin_upload, item_of
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.limits import MAX_ATTACHMENTS
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
    """A message on its way. It is on this device's disk; what becomes of it, `delivery` tells.

    `upload` is what it was while its attachments were on their way to the server.
    """

    room: Speaking
    first: Item
    upload: Upload | None = None

    @property
    def item(self) -> Item:
        """As the outbox has it. Before its attachments are at the server its place is negative."""
        if self.upload is None:
            return self.first
        return self.room.ledger.uploaded.get(self.upload.number, self.first)

    @property
    def progress(self) -> tuple[int, int]:
        """How many bytes of how many are at the server, of its attachments."""
        if self.upload is None or self.item.place > 0:
            return 0, 0
        return self.room.progress(self.upload)

    @property
    def delivery(self) -> Delivery:
        """waiting, sent (it is in the room's log), seen (by somebody else), or failed."""
        if self._waits():
            return Delivery.WAITING
        sent = self._message()
        return Delivery.FAILED if sent is None else self.room.delivery(sent)

    @property
    def why(self) -> str | None:
        """What it waits for ("Uploading: 40 %."), or why it failed; None where it was sent."""
        if self._waits():
            if self.upload is not None and self.item.place < 0:
                return self.room.why_uploading(self.upload)
            return self.room.why_waiting(self.item)
        failure = self.room.ledger.failure(self.item.place)
        return None if failure is None else failure.sentence

    @property
    def seen_by(self) -> int:
        """How many others have seen it."""
        message = self._message()
        return 0 if message is None else self.room.seen_by(message)

    def _waits(self) -> bool:
        return self.room.is_waiting(self.item.place)

    def _message(self) -> MessageSent | None:
        item = self.item
        return self.room.ledger.own_message(item.number) if item.place > 0 else None

    async def sent(self) -> MessageSent:
        """The message, once it is in the log. Raises NotAllowed where it will never be."""
        if self.upload is not None:
            await self.room.uploaded(self.upload)
        if self.item.place > 0:
            await self.room.settled(self.item)
        ledger = self.room.ledger
        message = self._message()
        if message is not None:
            return message
        failure = ledger.failure(self.item.place)
        if failure is not None:
            raise NotAllowed(failure.code, failure.sentence)
        raise NotAllowed("not-sent", "The message did not count. Look at what the room says about it.")


class Speaking(Desk):
    """What a seat may say."""

    async def send(
        self,
        text: str,
        *,
        quotable: Quotable = "no",
        until: int = 0,
        reply_to: str | None = None,
        attachments: Sequence[Attached] = (),
    ) -> Outgoing:
        """Writes a message. When this returns it is on disk and will be sent, whatever happens.

        until  seconds since 1970 when its text is to be gone everywhere; 0: as the room's rule says
        attachments  files, or (name, media type, content): at most 4, of 25 MiB each. What pictures say
                     beside what they show is taken out; `read_file` says what others may tell. The message
                     goes when they are at the server; what is sent meanwhile goes before it.
        """
        self._require_writer()
        self._check_message(text, until, attached=len(attachments))
        exposure: JsonObject = {"audience": "room", "quotable": quotable, "until": until}
        body: JsonObject = {"text": text, "exposure": exposure}
        if reply_to is not None:
            body["reply_to"] = reply_to
        if attachments:
            return await self._attach(body, attachments)
        return Outgoing(self, await self._enqueue("chat", "message", body))

    async def _attach(self, body: JsonObject, attachments: Sequence[Attached]) -> Outgoing:
        files = [await asyncio.to_thread(read_file, one) for one in attachments]
        async with self.ledger.lock:
            if self.ledger.stopped is not None:
                raise self.ledger.stopped
            upload = await begin_upload(self.ledger, body, files, self._now())
        return Outgoing(self, item_of(upload), upload)

    async def reply(self, message: MessageSent, text: str, *, quotable: Quotable = "no") -> Outgoing:
        """Answers a message."""
        return await self.send(text, quotable=quotable, reply_to=message.id)

    async def retract(self, message: MessageSent) -> None:
        """Takes an own message back: its text goes, a mark stays."""
        if message.seat != self.seat:
            raise NotAllowed("not-the-author", "Only its author can take a message back.")
        self._require_accepted()
        change = Change(notes=unneeded(message.attachments))
        await self._settle(await self._enqueue("chat", "retract", {"event": message.id}, change=change))

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
        ] + [
            Waiting(-upload.number, "message", _shown(upload), self.why_uploading(upload))
            for upload in uploads_of(self.ledger.notes)
        ]

    def is_waiting(self, place: int) -> bool:
        """Whether a piece of the outbox, or an upload, is still to be sent."""
        return place in self.ledger.items or f"{UPLOAD}{-place}" in self.ledger.notes

    def why_uploading(self, upload: Upload) -> str:
        """What a message waits for whose attachments are not all at the server."""
        return self._porter.why_waiting(upload).sentence

    def progress(self, upload: Upload) -> tuple[int, int]:
        """How many bytes of how many are at the server."""
        return self._porter.progress(upload)

    async def uploaded(self, upload: Upload) -> None:
        """Until a message is in the outbox, or will never be."""
        ledger = self.ledger
        async with ledger.changed:
            await ledger.changed.wait_for(lambda: not self.is_waiting(-upload.number) or self._over())
        if self.is_waiting(-upload.number):
            raise self._live.error or BackchannelError("closed", "The profile was closed. It is sent later.")

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

    def _check_message(self, text: str, until: int, attached: int) -> None:
        if attached > MAX_ATTACHMENTS:
            sentence = (
                f"A message has at most {MAX_ATTACHMENTS} attachments. Send the others with another one."
            )
            raise NotAllowed("attachments-many", sentence)
        if not (text or attached) or len(text) > MAX_MESSAGE_CHARS:
            sentence = f"A message has 1 to {MAX_MESSAGE_CHARS:,} characters. Send it in parts."
            raise NotAllowed("message-size", sentence)
        if until and until <= self._clock():
            sentence = "The time until which this may be read is over already. Choose a later one."
            raise NotAllowed("until-over", sentence)


def _type_of(item: Item) -> str:
    return item.type or ("commit" if item.plan is not None else "operation")


def _shown(upload: Upload) -> str:
    """The words, and what is attached."""
    message = upload.message()
    return " ".join([message.text, *(f"[{one.name}]" for one in message.attachments)]).strip()


def _text_of(item: Item) -> str | None:
    if item.type != "message":
        return None
    body: JsonObject = msgspec.json.decode(item.body)
    text = body.get("text")
    return text if isinstance(text, str) else None
