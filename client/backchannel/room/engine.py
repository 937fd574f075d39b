"""The step from one event to the next: `prepare` (PROTOCOL.md, section 8).

A pure function of view and event. What the room's rules refuse becomes a fact that members are
shown; what says that the log or the room is another than everybody else's raises Stopped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from backchannel.room import commits, speech
from backchannel.room.checks import check_order, check_view, stop
from backchannel.room.facts import AnyFact, CommitSkipped, EventIgnored
from backchannel.room.membership import POLICY, credential_of
from backchannel.room.view import RoomView, SkippedCommit
from backchannel_mls import ApplicationReceived, EpochTransition, MlsError, receive
from backchannel_protocol.chain import next_link
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.ids import EventId, b64u
from backchannel_protocol.room.commit import CommitChange
from backchannel_protocol.room.decide import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal

AuthorOf = Callable[[str], str | None]
"""Who wrote a message, by the message's id; None where this client never had it."""

_UNREADABLE = ("unreadable", "An event that nobody can read was ignored.")
_WRONG_EPOCH = ("epoch-wrong", "An event that was encrypted for another time was ignored.")
_PURGED = ("purged", "A message's time was over before this device fetched it.")


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """What this client knows of an event that it sent: it cannot decrypt its own.

    body_hash   H(body) as it was sent
    envelope    of chat and governance
    transition  of a commit, with `change` in the fold's words
    """

    body_hash: bytes
    envelope: Envelope | None = field(default=None, repr=False)
    transition: EpochTransition | None = field(default=None, repr=False)
    change: CommitChange | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """The view after an event, and what is shown of it. Nothing is stored or shown yet."""

    view: RoomView
    facts: tuple[AnyFact, ...] = ()


def prepare(view: RoomView, event: LogEvent, own: OwnEvent | None, author_of: AuthorOf) -> Prepared:
    """The room after the next event. Raises Stopped; `own` is None for events of others."""
    check_order(view, event)
    if event.seat == view.seat:
        if own is None:
            stop("own-unknown")
        if own.body_hash != event.hash_of_body():
            stop("own-altered")
    moved = replace(
        view,
        seq=event.seq,
        time=event.time,
        chain=next_link(view.chain, event),
        record=view.record if event.leaf is None else view.record.append(event.leaf),
    )
    prepared = _step(_with_previous_used(moved, event), event, own, author_of)
    return Prepared(prepared.view.noted(view), prepared.facts)


def _step(view: RoomView, event: LogEvent, own: OwnEvent | None, author_of: AuthorOf) -> Prepared:
    if event.kind is EventKind.CONTROL:
        return _control(view, event)
    if view.skipped:
        return _in_skipped_epoch(view, event)
    if event.epoch != view.epoch:
        return _ignored(view, event, *_WRONG_EPOCH)
    if event.kind is EventKind.COMMIT:
        return _commit(view, event, own)
    if event.kind in (EventKind.CHAT, EventKind.GOVERNANCE):
        return _application(view, event, own, author_of)
    return _ignored(view, event, *_UNREADABLE)


def _with_previous_used(view: RoomView, event: LogEvent) -> RoomView:
    """A seat other than the committer writes in the new epoch: the old one is gone (section 8)."""
    previous = view.previous
    wrote = event.kind is not EventKind.CONTROL and event.epoch == view.epoch
    if previous is not None and wrote and b64u(event.seat) != previous.author:
        return replace(view, previous=None)
    return view


def _in_skipped_epoch(view: RoomView, event: LogEvent) -> Prepared:
    """The server is further than the members, until the skipped commit is voided."""
    last = view.skipped[-1]
    epoch, _ = view.server_epoch
    if event.epoch == epoch and b64u(event.seat) != last.author:
        stop("left-behind")
    if event.epoch == epoch and event.kind is EventKind.COMMIT:
        further = SkippedCommit(EventId(event.id), last.author)
        view = replace(view, skipped=(*view.skipped, further))
    return _ignored(view, event, *_WRONG_EPOCH)


# ---- chat and governance
def _application(view: RoomView, event: LogEvent, own: OwnEvent | None, author_of: AuthorOf) -> Prepared:
    if own is not None:
        return (
            _ignored(view, event, *_UNREADABLE)
            if own.envelope is None
            else _said(view, event, own.envelope, author_of)
        )
    if event.body is None:
        if event.kind is EventKind.GOVERNANCE:
            stop("body-withheld")
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
    try:
        if event.kind is EventKind.GOVERNANCE:
            return Prepared(*speech.govern(view, event, at(view, event), envelope))
        return Prepared(*speech.say(view, event, at(view, event), envelope, author_of))
    except FoldRefusal as refusal:
        code = refusal.code
        return _ignored(view, event, code.value, code.sentence, envelope.type, envelope.intent)


# ---- commits and operations
def _commit(view: RoomView, event: LogEvent, own: OwnEvent | None) -> Prepared:
    if event.body is None:
        stop("body-withheld")
    try:
        if own is not None:
            if own.transition is None or own.change is None:
                return _skipped(view, event, *_UNREADABLE)
            entered = commits.enter_own(view, event, at(view, event), own.transition, own.change)
        else:
            entered = commits.enter(view, event, at(view, event))
    except FoldRefusal as refusal:
        return _skipped(view, event, refusal.code.value, refusal.code.sentence)
    except MlsError as error:
        return _skipped(view, event, error.code, error.sentence)
    return Prepared(*entered)


def _skipped(view: RoomView, event: LogEvent, code: str, sentence: str) -> Prepared:
    """Nobody takes this commit; the room stays as it was."""
    author = b64u(event.seat)
    kept = replace(view, skipped=(SkippedCommit(EventId(event.id), author),))
    fact = CommitSkipped(seq=event.seq, time=event.time, seat=author, code=code, sentence=sentence)
    return Prepared(kept, (fact,))


def _control(view: RoomView, event: LogEvent) -> Prepared:
    if event.body is None:
        stop("body-withheld")
    try:
        return Prepared(*commits.operate(view, event, at(view, event), event.body))
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
