"""Whom the server sends away, where that is the web client's engine: the log decides what is believed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import cast

import backchannel
from attack.rooms.conftest import Attacked
from attack.rooms.stage import Seated, goes_on, heard, say, until
from attack.rooms.test_returning import come_back, go_away
from attack.rooms.test_returning import (
    test_who_was_away_while_a_forged_commit_cut_it_off_comes_back as a_forged_commit_cut_it_off,
)
from backchannel_protocol.frames import Attached, Bye, ServerFrame
from backchannel_protocol.refusals import Code
from client.people import heard as room_heard
from client.people import make_room
from web.web_client import Json, WebRoom, engines, let_in_web
from web.web_stage import WebStage


def web(one: Seated) -> WebRoom:
    """Bo's room, as its page shows it."""
    return cast("WebRoom", one.room)


async def test_who_is_removed_while_away_reads_why(stage: WebStage) -> None:
    """What was said before that, too: it was the seat's to read."""
    ann, bo = await stage.pair()
    await go_away(bo)
    await say(ann, "while you are away")
    await ann.room.remove(bo.seat)
    await until(ann, lambda: bo.seat not in ann.room.members())
    await say(ann, "and behind your back")
    come_back(stage, bo)
    await until(bo, lambda: bool(web(bo).now["isOver"]))
    assert web(bo).trouble == "removed"
    assert web(bo).stored["presence"] == "removed"
    assert bo.texts == ["one", "two", "while you are away"]
    await goes_on(ann)


async def test_who_was_away_while_a_forged_commit_cut_it_off_comes_back(stage: WebStage) -> None:
    await a_forged_commit_cut_it_off(stage)


async def test_a_removal_that_the_log_does_not_show_is_not_believed(stage: WebStage) -> None:
    """The server may keep the seat out for as long as it lies; the page says what the log says."""
    ann, bo = await stage.pair()

    def lie(frame: ServerFrame) -> list[ServerFrame]:
        return [Bye(Code.REMOVED.value, Code.REMOVED.sentence)] if isinstance(frame, Attached) else [frame]

    bo.proxy.down = lie
    await bo.proxy.cut()
    await until(bo, lambda: web(bo).trouble is not None)
    assert web(bo).trouble == "removed-unseen"
    waiting = await web(bo).send("still here")
    (line,) = web(bo).now["outbox"]
    assert line["reason"]["code"] == "removed-unseen"
    assert not web(bo).now["isOver"]
    bo.proxy.down = lambda frame: [frame]
    await waiting.sent()
    await heard(ann, "still here")
    await until(bo, lambda: web(bo).trouble is None)
    await goes_on(ann, bo)


async def test_of_two_with_the_same_profile_the_one_that_came_last_stays(
    attacked: Attacked, tmp_path: Path
) -> None:
    """The first tries once more, and gives way when it is replaced again."""
    async with (
        backchannel.open_profile(None, look_s=0.02) as client,
        engines() as node,
        engines() as elsewhere,
    ):
        room = await make_room(client, attacked.url, attacked.token)
        bo = await let_in_web(room, await node.client(tmp_path / "profile"), "Bo")
        await (await bo.send("from here")).sent()
        troubles = noted_troubles(bo)
        shutil.copy(tmp_path / "profile", tmp_path / "copy")
        copied = await elsewhere.client(tmp_path / "copy")
        other = await copied.open(copied.lobby["rooms"][0]["id"])
        await bo.client.until(lambda: bool(bo.now["isOver"]))
        assert [code for code in troubles if code is not None] == ["replaced-once", "replaced"]
        await copied.until(lambda: other.now["connection"] == "live")
        await (await other.send("from there")).sent()
        await room_heard(room, "from there")


def noted_troubles(bo: WebRoom) -> list[str | None]:
    """What its banner says, from one to the next."""
    told: list[str | None] = [bo.trouble]
    hear = bo.client.hear

    def listening(news: Json) -> None:
        hear(news)
        if told[-1] != bo.trouble:
            told.append(bo.trouble)

    bo.client.hear = listening  # type: ignore[method-assign] # beside what it does
    return told
