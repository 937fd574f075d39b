"""What is to be sent: intents that outlive crashes, and how they become a Submit (PROTOCOL.md, section 5).

An `Item` is what somebody wanted; an `Attempt` is one ciphertext of it. The item and the MLS state
after encrypting are stored in one transaction before a byte leaves. The same bytes are sent until
the server has answered; a further attempt is made only after `stale-epoch`, and all attempts stay
known until the item's event is in the log.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

import msgspec

from backchannel.errors import NotAllowed
from backchannel.room.engine import OwnEvent
from backchannel.room.leaves import governance_entry, leaf_of, operation_entry
from backchannel.room.membership import POLICY, change_of
from backchannel.room.view import RoomView
from backchannel_mls import MlsError, create_commit, decode_transition, encode_transition, encrypt
from backchannel_protocol.canonical import JsonObject, digest
from backchannel_protocol.envelope import Envelope, View, padding_class
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Submit
from backchannel_protocol.ids import ID_SIZE, EventId, b64u, parse_b64u
from backchannel_protocol.operations import (
    InvitationClose,
    Operation,
    SeatAdd,
    SeatRemove,
    VoidCommit,
    encode_operation,
    parse_operation,
)
from backchannel_protocol.room.clear import Told
from backchannel_protocol.room.commit import CommitChange, approved_add, decide_commit
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Role, RoomState

Lane = Literal["chat", "governance"]
_COMMIT_PADDING = 256


class Plan(msgspec.Struct, array_like=True, frozen=True):
    """A commit: one seat in or out, or with `path` new keys for the own one.

    `package` is the KeyPackage of who comes in, an MLSMessage.
    """

    seat: str
    package: bytes = b""
    mailbox: bytes = b""
    path: bool = False


class SentDraft(msgspec.Struct, array_like=True, frozen=True):
    """What one event looks like when it comes back."""

    id: bytes
    kind: EventKind
    body_hash: bytes
    leaf: bytes | None = None


class Attempt(msgspec.Struct, array_like=True, frozen=True):
    """One ciphertext of an item. Of a commit: the kept transition, what it changes, and its Welcome."""

    drafts: list[SentDraft]
    epoch: int
    opening: bytes
    transition: bytes = b""
    change: CommitChange | None = None
    welcome: bytes = b""
    tree: bytes = b""


class Item(msgspec.Struct, array_like=True, frozen=True):
    """One intent. `type` is an envelope's, or empty; `number` is the intent's number in its class.

    operations  in clear, behind the envelope; `act` is set when the ciphertext is made
    plan        the commit to make
    submit      the drafts of the last attempt; None where there is none, or it was stale
    """

    place: int
    lane: Lane
    type: str = ""
    body: bytes = b"{}"
    number: int = 0
    operations: tuple[bytes, ...] = ()
    plan: Plan | None = None
    attempts: tuple[Attempt, ...] = ()
    submit: list[Draft] | None = None

    def envelope(self, view: RoomView) -> Envelope:
        """The plaintext, with what is verified now."""
        body: JsonObject = msgspec.json.decode(self.body)
        return Envelope(self.type, body, self.number, view.here())

    def voids(self) -> bool:
        """Whether this takes a commit back: it is sent in the epoch that the members skip."""
        return any(isinstance(parse_operation(one), VoidCommit) for one in self.operations)

    @property
    def renews(self) -> bool:
        """Whether this is a commit that renews the own keys."""
        return self.plan is not None and self.plan.path

    @property
    def takes_away(self) -> bool:
        """Whether this only narrows who reads: it is in nobody's interest that it waits behind chat."""
        if self.plan is not None:
            return not self.plan.path and not self.plan.package
        if self.type == "approve":
            act = msgspec.json.decode(self.body, type=_Approving).act
            return act.act == "remove"
        return self.voids() or self.type in ("unapprove", "revoke")


class _ApprovedAct(msgspec.Struct, frozen=True):
    act: str


class _Approving(msgspec.Struct, frozen=True):
    """What is read of the body of an approval."""

    act: _ApprovedAct


def in_sending_order(items: Iterable[Item]) -> list[Item]:
    """New keys, what was begun, the governance at hand that only takes away, and all else as it was written.

    Nothing overtakes within its lane: intents count up. What lets somebody in never overtakes chat: what
    was written before was not meant for who comes later (PROTOCOL.md, section 5).
    """
    written = sorted(items, key=lambda item: item.place)
    governance = (item for item in written if item.lane == "governance" and not item.renews)
    ahead = {item.place for item in takewhile(lambda item: item.takes_away, governance)}
    return sorted(
        written,
        key=lambda item: (not item.renews, item.submit is None, item.place not in ahead, item.place),
    )


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Item)


def encode_item(item: Item) -> bytes:
    """For storage: of a commit it holds secrets of the new epoch in clear."""
    return _encoder.encode(item)


def decode_item(data: bytes) -> Item:
    """What `encode_item` wrote."""
    return _decoder.decode(data)


@dataclass(frozen=True, slots=True)
class Written:
    """An item with a ciphertext, and the view whose MLS state has spent the key for it."""

    item: Item
    view: RoomView


def write_item(view: RoomView, item: Item, now_s: int) -> Written:
    """Makes a ciphertext. Raises NotAllowed where the room as it is has no place for the item."""
    if item.plan is not None:
        return _write_commit(view, item, item.plan, now_s)
    epoch, opening = view.server_epoch
    drafts: list[Draft] = []
    act = None
    mls = view.mls
    if item.type:
        data = item.envelope(view).encode()
        try:
            sent = encrypt(view.mls, data, padding=padding_class(len(data)))
        except MlsError as error:
            raise NotAllowed(error.code, error.sentence) from None
        act, mls = os.urandom(ID_SIZE), sent.state
        drafts.append(_sealed(view, item, act, sent.message))
    for encoded in item.operations:
        operation = msgspec.structs.replace(parse_operation(encoded), act=act)
        drafts.append(_control(view, operation, epoch, opening))
    attempt = Attempt(_sent(drafts), epoch, opening)
    written = msgspec.structs.replace(item, attempts=(*item.attempts, attempt), submit=drafts)
    return Written(written, replace(view, mls=mls))


def _write_commit(view: RoomView, item: Item, plan: Plan, now_s: int) -> Written:
    """SeatAdd or SeatRemove, the commit that does it, and the end of the invitation that it used up.

    Or a path alone.
    """
    state = view.state
    if state is None or view.skipped:
        raise NotAllowed("not-now", "The room is not ready for this change yet.")
    seat = state.seats.get(plan.seat)
    try:
        pending = create_commit(
            view.mls,
            add=[plan.package] if plan.package else (),
            remove=[] if plan.package or plan.path or seat is None else [seat.leaf],
            force_path=plan.path,
            authenticated_data=view.here().authenticated_data(view.state_key()),
            tree_in_welcome=False,
            padding=_COMMIT_PADDING,
            policy=POLICY,
            now_s=now_s,
        )
        change = change_of(view.mls.suite.id, pending.staged.effect)
        at = At(b64u(view.room), view.seq + 1, max(view.time, now_s), view.own, "")
        told = _told_of(state, at, change)
        decide_commit(state, at, change, told)
    except FoldRefusal as refusal:
        raise NotAllowed(refusal.code.value, refusal.code.sentence) from None
    except MlsError as error:
        raise NotAllowed(error.code, error.sentence) from None
    drafts = [_control(view, operation, view.epoch, view.opening) for operation in told]
    commit = os.urandom(ID_SIZE)
    drafts.append(Draft(commit, EventKind.COMMIT, view.epoch, view.opening, pending.message))
    if plan.mailbox:
        drafts.append(_control(view, InvitationClose(None, plan.mailbox), view.epoch + 1, commit))
    attempt = Attempt(
        _sent(drafts),
        view.epoch,
        view.opening,
        encode_transition(pending.staged),
        change,
        pending.welcome or b"",
        pending.ratchet_tree,
    )
    written = msgspec.structs.replace(item, attempts=(*item.attempts, attempt), submit=drafts)
    return Written(written, replace(view, mls=pending.sender_state))


def _told_of(state: RoomState, at: At, change: CommitChange) -> list[Told]:
    """What the server is told: exactly what the commit does, right before it. Raises FoldRefusal."""
    if not change.joining and not change.leaving and not change.renewed:
        raise FoldRefusal(FoldCode.SEAT_UNKNOWN)
    told: list[Told] = [SeatRemove(None, parse_b64u(seat)) for seat in change.leaving]
    for joining in change.joining:
        act, _ = approved_add(state, at, joining)
        key = parse_b64u(joining.keys.seat)
        told.append(SeatAdd(None, parse_b64u(joining.seat), key, act.role is Role.FACILITATOR))
    return told


def own_event(items: Iterable[Item], event: bytes) -> tuple[Item, Attempt, OwnEvent] | None:
    """The item whose attempt an event of this seat is, and what the engine needs to know of it."""
    for item in items:
        for attempt in item.attempts:
            for draft in attempt.drafts:
                if draft.id == event:
                    return item, attempt, _own(item, attempt, draft)
    return None


def _own(item: Item, attempt: Attempt, draft: SentDraft) -> OwnEvent:
    if draft.kind is EventKind.COMMIT:
        return OwnEvent(draft.body_hash, None, decode_transition(attempt.transition), attempt.change)
    if draft.kind is EventKind.CONTROL:
        return OwnEvent(draft.body_hash, leaf=draft.leaf)
    return OwnEvent(draft.body_hash, _plain_envelope(item), leaf=draft.leaf)


def _plain_envelope(item: Item) -> Envelope:
    """The envelope as the fold reads it; what this client said that it saw is not checked again."""
    body: JsonObject = msgspec.json.decode(item.body)
    return Envelope(item.type, body, item.number, View(0, bytes(32), bytes(32), 0, bytes(32)))


def _sealed(view: RoomView, item: Item, act: bytes, message: bytes) -> Draft:
    """The draft of an envelope, with its leaf where the record has one of its type."""
    if item.lane == "chat":
        return Draft(act, EventKind.CHAT, view.epoch, view.opening, message)
    leaf = leaf_of(governance_entry(view.mls, view.room, act, item.envelope(view), view.seat))
    return Draft(act, EventKind.GOVERNANCE, view.epoch, view.opening, message, leaf)


def _control(view: RoomView, operation: Operation, epoch: int, opening: bytes) -> Draft:
    event = os.urandom(ID_SIZE)
    leaf = leaf_of(operation_entry(view.mls, view.room, event, operation))
    return Draft(event, EventKind.CONTROL, epoch, opening, encode_operation(operation), leaf)


def _sent(drafts: Iterable[Draft]) -> list[SentDraft]:
    return [SentDraft(draft.id, draft.kind, digest(draft.body), draft.leaf) for draft in drafts]


def submit_of(item: Item) -> Submit | None:
    """The frame to send; None where a ciphertext is still to be made."""
    return None if item.submit is None else Submit(item.submit)


def first_id(item: Item) -> EventId | None:
    """By which id the server answers."""
    return None if not item.submit else EventId(item.submit[0].id)
