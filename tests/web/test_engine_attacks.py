"""The attacks of tests/attack/rooms upon log and members, with the web client's engine as who is attacked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import pytest
from msgspec.structs import replace

from attack.rooms.attacks import Attack
from attack.rooms.stage import Seated, Stage, goes_on, heard, until
from attack.rooms.test_log import ATTACKS as LOG
from attack.rooms.test_log import first_only, lie
from attack.rooms.test_members import ATTACKS as MEMBERS
from attack.rooms.test_members import COMMITS, Forge
from attack.rooms.test_members import (
    test_a_commit_that_nobody_takes_is_voided_and_the_room_goes_on as a_commit_that_nobody_takes,
)
from attack.rooms.test_members import test_a_path_that_is_spoilt_for_one_member as a_path_that_is_spoilt
from backchannel import Stopped
from backchannel_protocol.events import LogEvent
from backchannel_protocol.frames import Attached
from backchannel_protocol.record.note import CheckpointBody, origin, sign_checkpoint
from conftest import is_long
from web.web_client import WebRoom
from web.web_stage import WebStage

CHOSEN: Final = {
    "leaves_an_event_out_and_renumbers_the_rest",
    "lets_two_messages_change_places",
    "repeats_a_message",
    "repeats_an_own_message",
    "alters_an_own_message",
    "doubles_a_message_by_lying_about_its_epoch",
    "shows_one_member_a_log_of_its_own",
    "withholds_a_commit",
    "lies_about_what_it_verified",
}
"""The attacks of the short form; the long one has all."""

FORGED: Final = {"add_without_approvals", "remove_without_approvals", "wrong_confirmation"}
"""The forged commits of the short form."""

OF_PYTHON: Final = {
    "goes_back_to_an_older_log",
    "signs_a_checkpoint_of_another_record",
    "withholds_a_body_before_its_time",
}
"""They look into the Python client; told below in the engine's words."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    every = is_long(metafunc.config)
    if "attack" in metafunc.fixturenames:
        known = [one for one in [*LOG.all(), *MEMBERS.all()] if one.id not in OF_PYTHON]
        metafunc.parametrize("attack", [one for one in known if every or one.id in CHOSEN])
    if "forge" in metafunc.fixturenames:
        forges = [one for one in COMMITS if every or one[0].__name__ in FORGED]
        metafunc.parametrize(("forge", "code"), forges, ids=[forge.__name__ for forge, _ in forges])


async def test_it_fails(attack: Attack[Stage], stage: WebStage) -> None:
    await attack.fails(stage)


async def test_a_forged_commit_is_voided(stage: WebStage, forge: Forge, code: str) -> None:
    """Bo, the web client, skips what Ann skips, and both go on."""
    await a_commit_that_nobody_takes(stage, forge, code)


async def test_a_path_that_is_spoilt_for_the_web_client_alone(stage: WebStage) -> None:
    await a_path_that_is_spoilt(stage)


async def attaching_stops(bo: Seated, change: Callable[[Attached], Attached], code: str) -> None:
    """Bo's connection breaks, and the next one begins with a lie."""
    bo.proxy.down = lambda frame: [change(frame) if isinstance(frame, Attached) else frame]
    await bo.proxy.cut()
    await until(bo, lambda: bo.stopped is not None)
    assert bo.stopped is not None
    assert bo.stopped.code == code
    with pytest.raises(Stopped):
        await bo.room.send("into the void")


async def test_an_older_log_stops_it(stage: WebStage) -> None:
    _, bo = await stage.pair()
    head = bo.room.ledger.view.seq - 2
    await attaching_stops(bo, lambda frame: replace(frame, head=head), "log-shorter")


async def test_a_checkpoint_of_another_record_stops_it(stage: WebStage) -> None:
    ann, bo = await stage.pair()
    view = bo.room.ledger.view
    forged = sign_checkpoint(
        CheckpointBody(origin(view.room), view.record.size, bytes(32)), stage.server.record_key()
    )
    await attaching_stops(bo, lambda frame: replace(frame, checkpoint=forged), "record-differs")
    await goes_on(ann)


async def test_a_body_that_is_withheld_is_ignored_and_nothing_else(stage: WebStage) -> None:
    """A message that the server calls purged is not shown, and is not said to be over."""

    def withhold(event: LogEvent) -> list[LogEvent]:
        return [replace(event, body=None, body_hash=event.hash_of_body())]

    ann, bo = await lie(stage, first_only(withhold))
    await heard(bo, "marker")
    assert bo.texts == ["one", "two", "marker"]
    room = cast("WebRoom", bo.room)
    assert [one["code"] for one in room.entries if one["kind"] == "ignored"] == ["purged"]
    await goes_on(ann, bo)
