"""Doors of the web client where somebody's program ends in the middle, and begins again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from attack.rooms.proxy import Proxy
from backchannel import Client, Room
from backchannel.letters import ANSWER
from backchannel.testing import LocalServer
from backchannel_protocol.frames import ClientFrame, Mail
from client.people import heard, knock_of, make_room, until
from web.engine import CallRefused, Engine
from web.people import browsers, named, python_in, stage_of, web_in, web_knocking, web_link, web_room, wish


async def test_a_knock_outlives_the_browser(tmp_path: Path, server: LocalServer, python: Client) -> None:
    """Killed while nobody answers, while a person decides, and when the answer is there already."""
    room = await make_room(python, server.url, server.token)
    link = await room.invite(party="b")
    async with browsers(tmp_path, "bo") as (bo,):
        knock = await bo.knock(link, "Bo")
        await bo.kill()
        await bo.start()
        waiting = await bo.knock_in(knock, "waiting")
        arrived = await knock_of(room, "Bo")
        await bo.kill()
        await bo.start()
        again = bo.knock_line(knock)
        assert again is not None
        assert (again["stage"], again["words"], again["name"]) == ("waiting", waiting["words"], "Bo")
        await bo.kill()
        await room.approve(arrived)
        await bo.start()
        await web_in(bo, knock)
        await bo.kill()
        await bo.start()
        assert not bo.lobby["knocks"]
        assert [one["id"] for one in bo.lobby["rooms"]] == [room.id]


async def test_a_knock_that_is_forgotten_leaves_nothing(
    tmp_path: Path, server: LocalServer, python: Client
) -> None:
    room = await make_room(python, server.url, server.token)
    async with browsers(tmp_path, "bo") as (bo,):
        knock = await bo.knock(await room.invite(party="b"), "Bo")
        await bo.knock_in(knock, "waiting")
        await bo.call("forgetKnock", knock)
        await bo.until(lambda: not bo.lobby["knocks"])
        await bo.kill()
        await bo.start()
        assert not bo.lobby["knocks"]


async def test_a_knock_moves_into_a_profile_that_lasts(
    tmp_path: Path, server: LocalServer, python: Client
) -> None:
    """Whoever knocks in a private window, and then wants to be kept, waits on; whoever wipes, does not."""
    room = await make_room(python, server.url, server.token)
    link = await room.invite(party="b")
    async with browsers(tmp_path, "bo") as (bo,):
        await bo.kill()
        await bo.start(lasting=False)
        knock = await bo.knock(link, "Bo")
        waiting = await bo.knock_in(knock, "waiting")
        await bo.call("keep")
        assert (await bo.call("open", True))["isLasting"]
        await bo.kill()
        await bo.start()
        again = await bo.knock_in(knock, "waiting")
        assert again["words"] == waiting["words"]
        await room.approve(await knock_of(room, "Bo"))
        await web_in(bo, knock)
        await bo.call("wipe")
        await bo.kill()
        await bo.start()
        assert not bo.lobby["rooms"]
        assert not bo.lobby["knocks"]


async def test_a_facilitator_answers_a_knock_that_came_before_it_was_killed(
    tmp_path: Path, server: LocalServer
) -> None:
    async with browsers(tmp_path, "ann", "bo") as (ann, bo):
        room = await web_room(ann, server)
        link = await web_link(ann, room)
        knock = await bo.knock(link["link"], "Bo")
        waiting = await bo.knock_in(knock, "waiting")
        shown = await web_knocking(ann, room, "Bo")
        await ann.kill()
        await ann.start()
        await ann.enter(room)
        again = await web_knocking(ann, room, "Bo")
        assert again["words"] == shown["words"] == waiting["words"]
        await ann.kill()
        await ann.start()
        await ann.enter(room)
        await ann.call("approveKnock", room, link["mailbox"])
        await web_in(bo, knock)
        assert named(ann, room) == {"Ann", "Bo"}


async def test_the_letter_is_sent_by_whoever_was_killed_after_the_commit(
    tmp_path: Path, server: LocalServer
) -> None:
    """Ann's device is gone when the commit is in the log, and the letter with the Welcome is not."""
    async with browsers(tmp_path, "ann", "bo") as (ann, bo), Proxy(server.url).running() as proxy:
        room = await web_room(ann, server, url=proxy.url)
        link = await web_link(ann, room)
        knock = await bo.knock(link["link"].replace(proxy.url, server.url), "Bo")
        await web_knocking(ann, room, "Bo")
        held = asyncio.Event()

        def up(frame: ClientFrame) -> list[ClientFrame]:
            if isinstance(frame, Mail) and frame.step == ANSWER:
                held.set()
                return []
            return [frame]

        proxy.up = up
        await ann.call("approveKnock", room, link["mailbox"])
        async with asyncio.timeout(20):
            await held.wait()
        await ann.kill()
        line = bo.knock_line(knock)
        assert line is not None
        assert line["stage"] == "waiting"
        proxy.up = lambda frame: [frame]
        await ann.start()
        await ann.enter(room)
        assert named(ann, room) == {"Ann", "Bo"}
        assert await web_in(bo, knock) == room
        assert stage_of(ann, room, link["mailbox"]) == "admitted"


async def test_a_room_that_is_asked_for_twice_is_made_once(tmp_path: Path) -> None:
    """The server is away when the room is made, and the browser is killed: it is made by itself, once."""
    with LocalServer(tmp_path) as server:
        async with browsers(tmp_path, "ann") as (ann,):
            await ann.call("rememberHost", f"{server.url}/host#{server.token}")
            server.stop()
            for _ in range(2):
                with pytest.raises(CallRefused, match="room-waits"):
                    await ann.call("createRoom", wish(server))
            (waiting,) = await ann.until(lambda: ann.lobby["makings"])
            assert (waiting["title"], waiting["reason"]) == ("The harbour", {"code": "room-waits"})
            assert not ann.lobby["rooms"]
            await ann.kill()
            server.start()
            await ann.start()
            (line,) = await ann.until(lambda: ann.lobby["rooms"])
            await ann.enter(line["id"])
            with pytest.raises(CallRefused, match="room-unfit"):
                await ann.call("createRoom", wish(server, title=" "))
            with pytest.raises(CallRefused, match="host-unknown"):
                await ann.call("createRoom", wish(server, url="https://room.example"))
            second = await ann.call("createRoom", wish(server))
            assert second != line["id"]  # the first is made: this is another
            await ann.call("forgetHost", server.url)
            await ann.until(lambda: not ann.lobby["hosts"])


async def test_a_room_that_waits_for_its_server_is_made_when_the_network_is_back(tmp_path: Path) -> None:
    """While the page stays open, in which nothing was unfinished when it was loaded."""
    with LocalServer(tmp_path) as server:
        async with browsers(tmp_path, "ann") as (ann,):
            await ann.call("rememberHost", f"{server.url}/host#{server.token}")
            server.stop()
            with pytest.raises(CallRefused, match="room-waits"):
                await ann.call("createRoom", wish(server))
            (waiting,) = await ann.until(lambda: ann.lobby["makings"])
            server.start()
            await ann.call("reconnect")
            (line,) = await ann.until(lambda: ann.lobby["rooms"])
            assert line["id"] == waiting["id"]
            await ann.enter(line["id"])
            await ann.until(lambda: not ann.lobby["makings"])


async def test_a_wish_for_one_of_each_party_is_carried_out_by_itself(tmp_path: Path, python: Client) -> None:
    """It outlives a server that is away when the room is made, and the browser; nobody asks for it again."""
    with LocalServer(tmp_path) as server:
        async with browsers(tmp_path, "ann") as (ann,):
            await ann.call("rememberHost", f"{server.url}/host#{server.token}")
            server.stop()
            with pytest.raises(CallRefused, match="room-waits"):
                await ann.call("createRoom", wish(server, admission="party"))
            await ann.kill()
            server.start()
            await ann.start()
            (line,) = await ann.until(lambda: ann.lobby["rooms"])
            room = line["id"]
            now = await ann.enter(room)
            assert (now["isPartyRuleWished"], now["state"]["admission"]["rule"]) == (True, "any")

            await ann.call("set", room, {"admission": "any"})  # she may change her mind, and again
            await ann.until(lambda: not ann.rooms[room]["isPartyRuleWished"])
            await ann.call("set", room, {"admission": "party"})
            await ann.until(lambda: ann.rooms[room]["isPartyRuleWished"])
            assert ann.rooms[room]["outbox"] == []
            await python_in(ann, room, python, "Cem")  # of Beta, and no facilitator
            await ann.kill()
            await ann.start()
            await ann.enter(room)
            assert ann.rooms[room]["state"]["admission"]["rule"] == "any"

            (seat,) = [one["seat"] for one in ann.rooms[room]["members"] if one["name"] == "Cem"]
            await ann.call("setRole", room, seat, "facilitator", "b")
            await until(python.rooms[room], lambda: python.rooms[room].state.admission.rule == "party")
            await ann.until(lambda: not ann.rooms[room]["isPartyRuleWished"])
            assert ann.rooms[room]["state"]["admission"]["version"] == 2


async def test_two_links_to_one_room_are_answered_at_the_same_moment(
    tmp_path: Path, server: LocalServer, python: Client
) -> None:
    """One seat comes in, the other is told why not; it comes in when the room is deleted here."""
    room = await make_room(python, server.url, server.token)
    links = [await room.invite(party="b") for _ in range(2)]
    async with browsers(tmp_path, "bo") as (bo,):
        knocks = [await bo.knock(link, name) for link, name in zip(links, ("Bo", "Bo too"), strict=True)]
        for knock in knocks:
            await bo.knock_in(knock, "waiting")
        arrived = [await knock_of(room, name) for name in ("Bo", "Bo too")]
        await bo.kill()
        for arrival in arrived:
            await room.approve(arrival)
        await until(room, lambda: len(room.members()) == 3)
        await bo.start()
        lines = [await bo.knock_in(knock, "admitted", "failed") for knock in knocks]
        told, came_in = sorted(lines, key=lambda line: str(line["stage"]), reverse=True)
        assert (told["stage"], told["reason"]) == ("failed", {"code": "entered-before"})
        await in_and_heard(bo, room, came_in["id"], "one of two")

        await bo.kill()
        await bo.start()
        await bo.knock_in(told["id"], "failed")
        await bo.enter(room.id)
        await bo.say(room.id, "after a reload")
        await heard(room, "after a reload")
        before = bo.rooms[room.id]["seat"]
        await bo.call("forget", room.id)
        await in_and_heard(bo, room, told["id"], "the other of two")
        assert bo.rooms[room.id]["seat"] != before
        assert [one["id"] for one in bo.lobby["rooms"]] == [room.id]


async def in_and_heard(guest: Engine, room: Room, knock: str, text: str) -> None:
    """The seat of that knock is the one that the room hears."""
    await guest.knock_in(knock, "admitted")
    assert await web_in(guest, knock) == room.id
    await guest.say(room.id, text)
    assert (await heard(room, text)).name == (guest.knock_line(knock) or {})["name"]


async def test_a_token_that_the_server_does_not_know_makes_nothing(
    tmp_path: Path, server: LocalServer
) -> None:
    async with browsers(tmp_path, "ann") as (ann,):
        await ann.call("rememberHost", f"{server.url}/host#{'A' * 43}")
        with pytest.raises(CallRefused, match="bad-token"):
            await ann.call("createRoom", wish(server))
        await ann.kill()
        await ann.start()
        assert not ann.lobby["rooms"]
