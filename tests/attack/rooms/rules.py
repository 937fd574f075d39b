"""The clients' rules, each as something that can be taken out of the code for one test."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace

import pytest

from attack.rooms.attacks import Rule, without
from backchannel import joining, live
from backchannel.room.engine import OwnEvent, Prepared, prepare
from backchannel.room.view import RoomView
from backchannel_protocol.envelope import Envelope
from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import parse_b64u
from backchannel_protocol.room.place import At
from backchannel_protocol.room.state import Act, RoomState
from backchannel_protocol.room.timeline import Said, decide_chat

AuthorOf = Callable[[str], str | None]

the_next_event_and_no_earlier: Rule = without("backchannel.room.engine.check_order")
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
