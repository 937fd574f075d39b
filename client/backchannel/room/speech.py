"""What chat and governance events do to a view, and what is shown of them (PROTOCOL.md, section 9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from backchannel.room.facts import (
    AnyFact,
    KnockArrived,
    MessageRetracted,
    MessageSent,
    MessagesSeen,
    RoomGoverned,
)
from backchannel.room.view import RoomView
from backchannel.words import spoken
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.events import LogEvent
from backchannel_protocol.room.bodies import Knock, parse_governance
from backchannel_protocol.room.decide import decide
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Knocking
from backchannel_protocol.room.timeline import Message, Retract, check_retraction, decide_chat

_SILENT = ("confirm",)
"""Governance that says nothing to people."""


def govern(
    view: RoomView, event: LogEvent, at: At, envelope: Envelope
) -> tuple[RoomView, tuple[AnyFact, ...]]:
    """The view after a governance event. Raises FoldRefusal."""
    decided = replace(view, state=decide(view.state, at, envelope))
    if envelope.type in _SILENT:
        return decided, ()
    if envelope.type == "knock":
        return decided, _knocks(decided, event, at, envelope)
    # a key is not kept for having been said: that everybody may forge is known without it
    body = {} if envelope.type == "disclose" else envelope.body
    fact = RoomGoverned(
        seq=event.seq, time=event.time, seat=at.sender, id=at.event, type=envelope.type, body=body
    )
    return decided, (fact,)


def arrived(mailbox: str, knock: Knocking, *, seq: int, time: int) -> KnockArrived:
    """What facilitators are shown of who knocks."""
    act = knock.act
    return KnockArrived(
        seq=seq,
        time=time,
        seat=knock.by,
        mailbox=mailbox,
        joining=act.seat or "",
        name=act.name or "",
        role="" if act.role is None else act.role.value,
        party=act.party,
        words=spoken(knock.words),
    )


def _knocks(view: RoomView, event: LogEvent, at: At, envelope: Envelope) -> tuple[AnyFact, ...]:
    """For facilitators alone: nobody else has to decide about it."""
    body = parse_governance(envelope.type, envelope.body)
    if not isinstance(body, Knock) or not view.facilitates or body.act.mailbox is None:
        return ()
    knock = Knocking(body.act, body.words, at.sender)
    return (arrived(body.act.mailbox, knock, seq=event.seq, time=event.time),)


def say(
    view: RoomView,
    event: LogEvent,
    at: At,
    envelope: Envelope,
    author_of: Callable[[str], str | None],
) -> tuple[RoomView, tuple[AnyFact, ...]]:
    """The view after a chat event. Raises FoldRefusal."""
    state = view.state
    if state is None:
        raise FoldRefusal(FoldCode.NO_GENESIS)
    said = decide_chat(state, at, envelope, view.chat_intents.get(at.sender, 0))
    counted = replace(view, chat_intents={**view.chat_intents, at.sender: envelope.intent})
    if isinstance(said, Message):
        message = MessageSent(
            seq=event.seq,
            time=event.time,
            seat=at.sender,
            id=at.event,
            name=state.seats[at.sender].name,
            text=said.text,
            exposure=said.exposure,
            reply_to=said.reply_to,
            number=envelope.intent,
            attachments=said.attachments,
        )
        return counted, (message,)
    if isinstance(said, Retract):
        check_retraction(at, author_of(said.event))
        retracted = MessageRetracted(seq=event.seq, time=event.time, seat=at.sender, message=said.event)
        return counted, (retracted,)
    up_to = max(view.seen.get(at.sender, 0), min(said.seq, event.seq - 1))
    seen = MessagesSeen(seq=event.seq, time=event.time, seat=at.sender, up_to=up_to)
    return replace(counted, seen={**view.seen, at.sender: up_to}), (seen,)
