"""The clients' rules, each as something that can be taken out of the code for one test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import pytest

from attack.rooms.attacks import Rule, without
from backchannel import joining, live, waiting
from backchannel.room.engine import OwnEvent, Prepared, prepare
from backchannel.room.view import RoomView
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.room.commit import CommitChange
from backchannel_protocol.room.decide import decide
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldRefusal
from backchannel_protocol.room.state import Act, Role, RoomState, Seat
from backchannel_protocol.room.timeline import Exposure, Message, Said, decide_chat

AuthorOf = Callable[[str], str | None]

the_next_event_and_no_earlier: Rule = without("backchannel.room.engine.check_order")
what_the_fold_needs_is_there: Rule = without("backchannel.room.engine.check_kept")
what_others_verified: Rule = without("backchannel.room.engine.check_view")
what_committers_verified: Rule = without("backchannel.room.commits.check_authenticated_data", lambda *_: True)


def own_events_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """An event of the own seat that was not sent from here stops the room."""

    def forgiving(view: RoomView, event: LogEvent, own: OwnEvent | None, author_of: AuthorOf) -> Prepared:
        if own is not None or event.seat != view.seat:
            return prepare(view, event, own, author_of)
        other = replace(view, seat=type(view.seat)(bytes(16)))
        prepared = prepare(other, event, None, author_of)
        return replace(prepared, view=replace(prepared.view, seat=view.seat))

    monkeypatch.setattr("backchannel.inbox.prepare", forgiving)


def own_events_are_as_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """An own event comes back with the bytes that left."""

    def forgiving(view: RoomView, event: LogEvent, own: OwnEvent | None, author_of: AuthorOf) -> Prepared:
        same = None if own is None else replace(own, body_hash=event.hash_of_body())
        return prepare(view, event, same, author_of)

    monkeypatch.setattr("backchannel.inbox.prepare", forgiving)


def an_intent_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chat intent that counted is not counted again."""

    def forgetful(state: RoomState, at: At, envelope: Envelope, _: int) -> Said:
        return decide_chat(state, at, envelope, 0)

    monkeypatch.setattr("backchannel.room.speech.decide_chat", forgetful)


def the_log_never_shrinks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's head is not below what is stored here."""

    async def trusting(*_: object) -> None:
        return

    monkeypatch.setattr(live.LiveRoom, "_check_attached", trusting)


def the_record_is_the_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is signed with the record key, and has the root that is computed here."""

    async def trusting(*_: object) -> None:
        return

    monkeypatch.setattr(live.LiveRoom, "_check_record", trusting)


a_removal_is_seen_in_the_log: Rule = without(
    "backchannel.patience.Patience.believes", lambda _, error, __: error.code in waiting.FINAL
)


def the_record_key_is_the_invitations(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server with another record key is not the room's."""
    equal = SimpleNamespace(compare_digest=lambda *_: True)
    monkeypatch.setattr("backchannel.connection.session.hmac", equal)


# ---- the door
def the_words_are_of_what_was_revealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The words come from what the invitee revealed and the facilitator's challenge."""
    for module in ("backchannel.joining", "backchannel.facilitation.knocks"):
        monkeypatch.setattr(f"{module}.word_numbers", lambda *_: (1, 2, 3))


def the_inviter_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The challenge names the governance key whose fingerprint stands in the link."""
    monkeypatch.setattr(
        joining.Knocker, "check_challenge", lambda _, letter: parse_b64u(letter.challenge, 32)
    )


an_entrance_is_checked: Rule = without("backchannel.joining._check_room")
"""The room that a letter leads to is the inviter's, with the members that its group has."""


# ---- the fold
def approvals_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An act has the approvals that the room's rule asks for."""

    def generous(state: RoomState, _: Act, __: int) -> tuple[RoomState, tuple[str, ...]]:
        return state, tuple(sorted({one.by for one in state.approvals.values()}))

    monkeypatch.setattr("backchannel_protocol.room.commit.use_approvals", generous)


def the_fold_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Governance counts where the room's state allows it."""

    def obedient(state: RoomState | None, at: At, envelope: Envelope) -> RoomState | None:
        try:
            return decide(state, at, envelope)
        except FoldRefusal:
            return state

    monkeypatch.setattr("backchannel.room.speech.decide", obedient)


def the_timeline_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chat counts where the seat may write it, and says what chat says."""

    def obedient(state: RoomState, at: At, envelope: Envelope, last: int) -> Said:
        try:
            return decide_chat(state, at, envelope, last)
        except FoldRefusal:
            return Message(str(envelope.body), Exposure("room", "no", 0))

    monkeypatch.setattr("backchannel.room.speech.decide_chat", obedient)


def the_record_has_its_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """What must stay provable has its entry, and nothing else has one."""
    for module in ("engine", "commits"):
        monkeypatch.setattr(f"backchannel.room.{module}.leaf_fits", lambda *_: True)


only_authors_retract: Rule = without("backchannel.room.speech.check_retraction")


def operations_are_what_was_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server is told is what the members were told."""

    def trusting(state: RoomState, *_: object, **__: object) -> tuple[RoomState, None]:
        return state, None

    monkeypatch.setattr("backchannel.room.commits.decide_operation", trusting)


def commits_are_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit does what was approved, and nothing else."""

    def trusting(state: RoomState, at: At, change: CommitChange, *_: object) -> RoomState:
        joined = {
            one.seat: Seat(
                one.leaf, Role.PARTICIPANT, None, "Ghost", one.keys, None, 0, at.seq, (at.sender,), False
            )
            for one in change.joining
        }
        return msgspec.structs.replace(state, seats={**state.seats, **joined})

    monkeypatch.setattr("backchannel.room.commits.check_authenticated_data", lambda *_: True)
    monkeypatch.setattr("backchannel.room.commits.decide_commit", trusting)
