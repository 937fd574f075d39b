"""Whom the server sends away: the log decides whether that is believed."""

from __future__ import annotations

import asyncio

import pytest

from attack.rooms import rules
from attack.rooms.attacks import Attacks, hold, told_through_a_proxy
from attack.rooms.insider import skipped
from attack.rooms.intruder import attached, last_word
from attack.rooms.stage import Seated, Stage, goes_on, heard, say, until
from attack.rooms.test_members import play, remove_without_approvals
from backchannel import Role
from backchannel.room.view import Presence
from backchannel_protocol.frames import Attached, Bye, ServerFrame
from backchannel_protocol.ids import RoomId, SeatId
from backchannel_protocol.refusals import Code
from client.people import WAIT_S
from server.server_kit import Seat

ATTACKS: Attacks[Stage] = Attacks()
NOWHERE = "http://127.0.0.1:1"


async def go_away(*people: Seated) -> None:
    """Their networks are gone."""
    for one in people:
        one.proxy.upstream = NOWHERE
        await one.proxy.cut()
        await until(one, lambda one=one: not one.room.connected)  # type: ignore[misc] # bound here


def come_back(stage: Stage, *people: Seated) -> None:
    for one in people:
        one.proxy.upstream = stage.server.url


async def until_over(one: Seated) -> str:
    """Until somebody's room is not connected any more, and will not be: the code of why."""
    ledger = one.room.ledger
    async with asyncio.timeout(WAIT_S), ledger.changed:
        await ledger.changed.wait_for(lambda: one.room.stopped is not None)
    assert one.room.stopped is not None
    return one.room.stopped.code


async def test_who_is_removed_while_away_reads_why(stage: Stage) -> None:
    """What was said before that, too: it was the seat's to read."""
    ann, bo = await stage.pair()
    await go_away(bo)
    await say(ann, "while you are away")
    await ann.room.remove(bo.seat)
    await until(ann, lambda: bo.seat not in ann.room.members())
    await say(ann, "and behind your back")
    come_back(stage, bo)
    assert await until_over(bo) == "removed"
    assert bo.room.ledger.view.presence is Presence.REMOVED
    assert bo.texts == ["one", "two", "while you are away"]
    await goes_on(ann)


async def test_who_was_away_while_a_forged_commit_cut_it_off_comes_back(stage: Stage) -> None:
    async with play(stage, Role.FACILITATOR) as scene:
        await go_away(scene.ann, scene.bo)
        await scene.evil.submit(*remove_without_approvals(scene))
        come_back(stage, scene.bo)
        await until(scene.bo, lambda: bool(skipped(scene.bo)))
        waiting = await scene.bo.room.send("I am still here")
        come_back(stage, scene.ann)
        await waiting.sent()
        await heard(scene.ann, "I am still here")
        await goes_on(*scene.honest)


@ATTACKS.against(rules.a_removal_is_seen_in_the_log)
async def says_that_a_seat_was_removed(stage: Stage) -> None:
    """It may keep the seat out for as long as it lies; the person is told what the log says."""
    ann, bo = await stage.pair()
    told = asyncio.Event()

    def lie(frame: ServerFrame) -> list[ServerFrame]:
        if not isinstance(frame, Attached):
            return [frame]
        told.set()
        return [Bye(Code.REMOVED.value, Code.REMOVED.sentence)]

    bo.proxy.down = lie
    await bo.proxy.cut()
    await told.wait()
    await until(bo, lambda: bo.room.trouble is not None)
    hold(bo.room.stopped is None, "it is believed")
    assert bo.room.trouble is not None
    hold("log does not show" in bo.room.trouble.sentence, bo.room.trouble.sentence)
    waiting = await bo.room.send("still here")
    hold("log does not show" in str(waiting.why), f"{waiting.why}")
    bo.proxy.down = lambda frame: [frame]
    await waiting.sent()
    await goes_on(ann, bo)


def place_of(one: Seated) -> Seat:
    """Somebody's seat, for a second connection with the same keys."""
    ledger = one.room.ledger
    return Seat(RoomId(ledger.view.room), SeatId(ledger.keys.seat), ledger.keys.seat_key)


async def test_an_attach_that_comes_late_takes_the_place_for_a_moment(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.patience.REPLACED_PAUSE_S", 0.05)
    ann, bo = await stage.pair()
    async with attached(stage.server.url, place_of(bo), bo.room.ledger.view.seq) as late:
        assert (await last_word(late)).code == "replaced"
    await goes_on(ann, bo)


async def test_of_two_that_live_the_one_that_came_last_stays(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.patience.REPLACED_PAUSE_S", 0.05)
    ann, bo = await stage.pair()
    seq = bo.room.ledger.view.seq
    async with attached(stage.server.url, place_of(bo), seq) as other:
        assert (await last_word(other)).code == "replaced"
    async with attached(stage.server.url, place_of(bo), seq):
        assert await until_over(bo) == "replaced"
    await goes_on(ann)


test_it_fails, test_without_its_rule_it_succeeds = told_through_a_proxy(ATTACKS)
