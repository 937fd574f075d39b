"""The step from one event to the next: `prepare` (PROTOCOL.md, section 8).

A pure function of view and event. What the room's rules refuse becomes a fact that members are
shown; what says that the log or the room is another than everybody else's raises Stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from backchannel.room import commits, speech
from backchannel.room.checks import check_kept, check_order, check_view, stop
from backchannel.room.facts import AnyFact, CommitSkipped, EventIgnored, LeftBehind
from backchannel.room.leaves import governance_entry, leaf_fits
from backchannel.room.membership import POLICY, credential_of
from backchannel.room.view import RoomView
from backchannel_mls import ApplicationReceived, EpochTransition, MlsError, receive
from backchannel_protocol.chain import next_link
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.ids import b64u
from backchannel_protocol.record.entry import Entry
from backchannel_protocol.room.clear import Clear, Followed, follow
from backchannel_protocol.room.commit import CommitChange
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal

AuthorOf = Callable[[str], str | None]
"""Who wrote a message, by the message's id; None where this client never had it."""

_UNREADABLE = ("unreadable", "An event that nobody can read was ignored.")
_WRONG_EPOCH = ("epoch-wrong", "An event that was encrypted for another time was ignored.")
_LEFT_BEHIND = (
    "The room went on with a change that this device cannot follow. What you write waits. If the "
    "facilitators do not take the change back, ask one of them to admit this device again."
)
_PURGED = ("purged", "A message is no longer on the server: its time was over, or the server withholds it.")


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """What this client knows of an event that it sent: it cannot decrypt its own.

    body_hash   H(body) as it was sent, and the record's leaf beside it
    envelope    of chat and governance
    transition  of a commit, with `change` in the fold's words
    """

    body_hash: bytes
    envelope: Envelope | None = field(default=None, repr=False)
    transition: EpochTransition | None = field(default=None, repr=False)
    change: CommitChange | None = None
    leaf: bytes | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The view after an event, and what is shown of it. Nothing is stored or shown yet.

    entry  what the event's leaf commits to; its index in the record is the record's size before
    """

    view: RoomView
    facts: tuple[AnyFact, ...] = ()
    entry: Entry | None = field(default=None, repr=False)


def prepare(view: RoomView, event: LogEvent, own: OwnEvent | None, author_of: AuthorOf) -> Prepared:
    """The room after the next event. Raises Stopped; `own` is None for events of others."""
    check_order(view, event)
    check_kept(event)
    if event.seat == view.seat:
        if own is None:
            stop("own-unknown")
        if (own.body_hash, own.leaf) != (event.hash_of_body(), event.leaf):
            stop("own-altered")
    followed = follow(view.clear, event)
    moved = replace(
        view,
        seq=event.seq,
        time=event.time,
        chain=next_link(view.chain, event),
        record=view.record if event.leaf is None else view.record.append(event.leaf),
        clear=followed.clear,
    )
    stepped = _step(_with_previous_used(moved), event, own, author_of, view.clear, followed)
    facts = stepped.facts
    if stepped.view.left_behind and not view.left_behind:
        facts = (*facts, _left_behind(stepped.view, event))
    return Prepared(stepped.view.noted(view), facts, stepped.entry)


def _step(
    view: RoomView,
    event: LogEvent,
    own: OwnEvent | None,
    author_of: AuthorOf,
    before: Clear,
    followed: Followed,
) -> Prepared:
    if event.kind is EventKind.CONTROL:
        return _control(view, event, before, followed)
    if before.opening != view.opening or event.epoch != view.epoch:
        return _ignored(view, event, *_WRONG_EPOCH)
    if event.kind is EventKind.COMMIT:
        return _commit(view, event, own, before)
    if event.kind in (EventKind.CHAT, EventKind.GOVERNANCE):
        return _application(view, event, own, author_of)
    return _ignored(view, event, *_UNREADABLE)


def _with_previous_used(view: RoomView) -> RoomView:
    """Another seat writes in the epoch: those before it are gone (section 8)."""
    if not view.previous:
        return view
    used = any(opening.used for opening in view.clear.openings if opening.commit == view.opening)
    return replace(view, previous=()) if used else view


def _left_behind(view: RoomView, event: LogEvent) -> LeftBehind:
    opening = next(opening for opening in view.skipped if opening.used)
    return LeftBehind(
        seq=event.seq,
        time=event.time,
        seat=b64u(opening.author),
        commit=b64u(opening.commit),
        sentence=_LEFT_BEHIND,
    )


# ---- chat and governance
def _application(view: RoomView, event: LogEvent, own: OwnEvent | None, author_of: AuthorOf) -> Prepared:
    if own is not None:
        return (
            _ignored(view, event, *_UNREADABLE)
            if own.envelope is None
            else _said(view, event, own.envelope, author_of)
        )
    if event.body is None:
        return _ignored(view, event, *_PURGED)
    try:
        received = receive(view.mls, event.body, policy=POLICY, now_s=event.time)
    except MlsError:
        return _ignored(view, event, *_UNREADABLE)
    if not isinstance(received, ApplicationReceived) or received.epoch != view.mls.epoch:
        return _ignored(view, event, *_UNREADABLE)
    leaf = view.mls.tree.leaf(received.sender)
    if leaf is None or credential_of(leaf).seat != event.seat:
        return _ignored(view, event, *_UNREADABLE)
    read = replace(view, mls=received.state)
    try:
        envelope = Envelope.parse(received.data)
    except RemoteProtocolError:
        return _refused(read, event, FoldCode.BODY_MALFORMED)
    check_view(view, event, envelope.view)
    return _said(read, event, envelope, author_of)


def _said(view: RoomView, event: LogEvent, envelope: Envelope, author_of: AuthorOf) -> Prepared:
    governs = event.kind is EventKind.GOVERNANCE
    entry = governance_entry(view.mls, view.room, event.id, envelope, event.seat) if governs else None
    try:
        if not leaf_fits(entry, event.leaf):
            entry = None
            raise FoldRefusal(FoldCode.RECORD_UNFIT)
        if governs:
            return Prepared(*speech.govern(view, event, at(view, event), envelope), entry)
        return Prepared(*speech.say(view, event, at(view, event), envelope, author_of))
    except FoldRefusal as refusal:
        code = refusal.code
        ignored = _ignored(view, event, code.value, code.sentence, envelope.type, envelope.intent)
        return replace(ignored, entry=entry)


# ---- commits and operations
def _commit(view: RoomView, event: LogEvent, own: OwnEvent | None, before: Clear) -> Prepared:
    place = at(view, event)
    try:
        told = commits.told_of(view, event, before)
        if own is None:
            return Prepared(*commits.enter(view, event, place, told))
        if own.transition is None or own.change is None:
            return _skipped(view, event, *_UNREADABLE)
        return Prepared(*commits.enter_own(view, event, place, told, own.transition, own.change))
    except FoldRefusal as refusal:
        return _skipped(view, event, refusal.code.value, refusal.code.sentence)
    except MlsError as error:
        return _skipped(view, event, error.code, error.sentence)


def _skipped(view: RoomView, event: LogEvent, code: str, sentence: str) -> Prepared:
    """Nobody takes this commit; the room stays as it was, and only the server is further."""
    told = f"A change of the room does not count, and is taken back by itself. {sentence}"
    fact = CommitSkipped(seq=event.seq, time=event.time, seat=b64u(event.seat), code=code, sentence=told)
    return Prepared(view, (fact,))


def _control(view: RoomView, event: LogEvent, before: Clear, followed: Followed) -> Prepared:
    entry = commits.entry_of(view, event, before)
    kept = entry if leaf_fits(entry, event.leaf) else None
    try:
        if followed.verdict is not None:
            return Prepared(*commits.void(view, event, followed, entry), kept)
        return Prepared(
            *commits.operate(view, event, at(view, event), before, entry, event.body or b""), kept
        )
    except FoldRefusal as refusal:
        return _refused(view, event, refusal.code)


# ---- what counts for nobody
def _refused(view: RoomView, event: LogEvent, code: FoldCode) -> Prepared:
    return _ignored(view, event, code.value, code.sentence)


def _ignored(
    view: RoomView, event: LogEvent, code: str, sentence: str, type_: str = "", number: int = 0
) -> Prepared:
    fact = EventIgnored(
        seq=event.seq,
        time=event.time,
        seat=b64u(event.seat),
        code=code,
        sentence=sentence,
        type=type_,
        number=number,
    )
    return Prepared(view, (fact,))


def at(view: RoomView, event: LogEvent) -> At:
    """Where an event stands, as the fold wants to know it."""
    return At(
        room=b64u(view.room), seq=event.seq, time=event.time, sender=b64u(event.seat), event=b64u(event.id)
    )
