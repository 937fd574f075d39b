"""The server's rules, each as something that can be taken out of a server in this process."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attack.rooms.attacks import Rule, without
from backchannel_protocol.ids import SeatId
from backchannel_server.enforce.course import Course
from backchannel_server.enforce.rates import Rates
from backchannel_server.storage.rows import Seat

an_attach_is_signed: Rule = without("backchannel_server.session.verify")
an_id_is_used_once: Rule = without("backchannel_server.actions.submit.find_repeated")
an_epoch_is_the_rooms: Rule = without("backchannel_server.enforce.submit._verify_epoch")
framing_says_the_same: Rule = without("backchannel_server.enforce.submit.verify_framing")
operations_stand_where_they_may: Rule = without("backchannel_server.enforce.submit.verify_places")
mail_is_signed: Rule = without("backchannel_server.enforce.mail._verify_signature")
who_stands_in_the_door_makes_room: Rule = without("backchannel_server.door.Unproved.first_to_go")
mailboxes_close: Rule = without("backchannel_server.enforce.mail._verify_open")


def operations_are_for_facilitators(monkeypatch: pytest.MonkeyPatch) -> None:
    """A seat without the bit may not operate."""
    present_seat = Course.present_seat

    def flattering(self: Course, id_: SeatId) -> Seat:
        return replace(present_seat(self, id_), may_facilitate=True)

    monkeypatch.setattr(Course, "present_seat", flattering)


def everybody_has_a_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody does in a second is bounded."""
    monkeypatch.setattr(Rates, "take", lambda *_: 0.0)
    monkeypatch.setattr(Rates, "wait_s", lambda *_: 0.0)
