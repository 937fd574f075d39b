"""Doors of the web client where server, strangers and time are against it."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from attack.rooms.proxy import Proxy
from backchannel import Client
from backchannel.facilitation.knocks import packages_of
from backchannel.joining import Knocker
from backchannel.letters import ANSWER, CHALLENGE, REVEAL, seal_answer
from backchannel.testing import LocalServer
from backchannel_mls import XWING_AES256GCM_SHA512_ED25519
from backchannel_protocol.frames import Mail, ServerFrame
from backchannel_protocol.http_bodies import Knock
from backchannel_protocol.ids import b64u
from backchannel_protocol.invitation import Invitation
from backchannel_protocol.limits import MAX_MAIL_BYTES
from client.large_rooms import large_room
from client.people import knock_of, make_room
from web.engine import CallRefused, Engine, words_of
from web.people import browsers, stage_of, web_in, web_knocking, web_link, web_room


async def failure(guest: Engine, knock: str) -> str:
    """Why a knock failed."""
    line = await guest.knock_in(knock, "failed", "admitted")
    code: str = line["reason"]["code"]
    return code


async def test_declined_revoked_used_and_taken(tmp_path: Path, server: LocalServer) -> None:
    async with browsers(tmp_path, "ann", "bo", "cem") as (ann, bo, cem):
        room = await web_room(ann, server)
        declined, revoked, taken = [await web_link(ann, room) for _ in range(3)]

        knock = await bo.knock(declined["link"], "Bo")
        await web_knocking(ann, room, "Bo")
        await ann.call("decline", room, declined["mailbox"])
        assert await failure(bo, knock) == "declined"
        await ann.until(lambda: not ann.rooms[room]["knocking"])

        await ann.call("revoke", room, revoked["mailbox"])
        await ann.until(lambda: stage_of(ann, room, revoked["mailbox"]) == "revoked")
        assert await failure(bo, await bo.knock(revoked["link"], "Bo")) == "mailbox-closed"

        first = await bo.knock(taken["link"], "Bo")
        assert await bo.knock(taken["link"], "Another") == first  # the same knock, still under way
        shown = await web_knocking(ann, room, "Bo")
        assert await failure(cem, await cem.knock(taken["link"], "Cem")) == "mailbox-taken"
        await ann.call("approveKnock", room, shown["mailbox"])
        await web_in(bo, first)
        assert stage_of(ann, room, taken["mailbox"]) == "admitted"
        for link in ("https://room.example/i#abc", "", taken["link"][:-1]):
            with pytest.raises(CallRefused, match="invitation-malformed"):
                await cem.call("knock", link, "Cem")
        with pytest.raises(CallRefused, match="name-unfit"):
            await cem.call("knock", declined["link"], "  ")


async def test_a_wrong_clock_and_a_time_that_is_over(tmp_path: Path, server: LocalServer) -> None:
    late = Engine(tmp_path / "late.profile", ahead_s=-3600)
    async with browsers(tmp_path, "ann", "bo") as (ann, bo), late:
        room = await web_room(ann, server)
        kept = await web_link(ann, room)
        short = await ann.call("invite", room, {"role": "participant", "party": "b", "expiresInS": 6})
        await ann.until(lambda: stage_of(ann, room, kept["mailbox"]) == "not-opened")
        assert await failure(late, await late.knock(kept["link"], "Bo")) == "clock-wrong"
        await ann.until(lambda: stage_of(ann, room, short["mailbox"]))
        await asyncio.sleep(max(0, short["expires"] + 1 - time.time()))
        assert await failure(bo, await bo.knock(short["link"], "Bo")) == "expired"
        await bo.knock_in(await bo.knock(kept["link"], "Bo"), "waiting")


async def test_words_differ_where_a_thief_of_the_link_knocks_instead(
    tmp_path: Path, server: LocalServer
) -> None:
    async with browsers(tmp_path, "ann", "bo") as (ann, bo), Proxy(server.url).running() as proxy:
        room = await web_room(ann, server)
        link = (await web_link(ann, room))["link"]
        thief = Knocker.generate(link, "Bo", int(time.time()))
        proxy.knock = lambda asked: thief.request(asked.step, asked.time)
        knock = await bo.knock(link.replace(server.url, proxy.url), "Bo")
        waiting = await bo.knock_in(knock, "waiting")
        shown = await web_knocking(ann, room, "Bo")
        assert shown["words"] != waiting["words"]


async def test_what_is_not_the_revealed_is_nobodys_knock(tmp_path: Path, server: LocalServer) -> None:
    """The server swaps what invitees sealed: the facilitator's device shows nobody, until it is honest."""
    async with browsers(tmp_path, "ann", "bo") as (ann, bo), Proxy(server.url).running() as proxy:
        room = await web_room(ann, server, url=proxy.url)
        link = await web_link(ann, room)
        swapped = asyncio.Event()

        def down(frame: ServerFrame) -> list[ServerFrame]:
            if not isinstance(frame, Mail) or frame.step != REVEAL:
                return [frame]
            swapped.set()
            return [Mail(frame.mailbox, REVEAL, sealed) for sealed in (b"x", frame.sealed[:-1], bytes(5000))]

        proxy.down = down
        knock = await bo.knock(link["link"].replace(proxy.url, server.url), "Bo")
        waiting = await bo.knock_in(knock, "waiting")
        async with asyncio.timeout(20):
            await swapped.wait()
        await ann.say(room, "Is somebody there?")
        await ann.until(lambda: "Is somebody there?" in ann.texts(room))
        assert not ann.rooms[room]["knocking"]
        proxy.down = lambda frame: [frame]
        await proxy.cut()
        shown = await web_knocking(ann, room, "Bo")
        assert shown["words"] == waiting["words"]
        await ann.call("approveKnock", room, shown["mailbox"])
        await web_in(bo, knock)


async def test_hostile_letters_change_nothing(tmp_path: Path, server: LocalServer, python: Client) -> None:
    """Garbage, other steps, other mailboxes, much of it, the old again: Bo comes in all the same."""
    room = await make_room(python, server.url, server.token)
    link = await room.invite(party="b")
    async with browsers(tmp_path, "bo") as (bo,), Proxy(server.url).running() as proxy:

        def letters(honest: list[Mail]) -> list[Mail]:
            garbage = [Mail(bytes(16), step, b"\x00" * 40) for step in (CHALLENGE, ANSWER)]
            moved = [Mail(one.mailbox, CHALLENGE + ANSWER - one.step, one.sealed) for one in honest]
            cut = [Mail(one.mailbox, one.step, one.sealed[:20]) for one in honest]
            huge = [Mail(bytes(16), ANSWER, bytes(MAX_MAIL_BYTES))]
            return [*garbage, *moved, *cut, *honest, *honest[:1], *huge, *garbage]

        proxy.letters = letters
        knock = await bo.knock(link.replace(server.url, proxy.url), "Bo")
        waiting = await bo.knock_in(knock, "waiting")
        arrived = await knock_of(room, "Bo")
        assert words_of(waiting) == arrived.words
        await room.approve(arrived)
        await web_in(bo, knock)


async def test_the_letter_of_a_room_of_hundreds_comes_in_parts(
    tmp_path: Path, server: LocalServer, python: Client
) -> None:
    """With a part missing, doubled or out of its order it lets nobody in; whole, it does."""
    suite = XWING_AES256GCM_SHA512_ED25519
    room = await make_room(python, server.url, server.token, suite=suite)
    link = await room.invite(party="b")
    async with browsers(tmp_path, "bo") as (bo,), Proxy(server.url).running() as proxy:
        knock = await bo.knock(link.replace(server.url, proxy.url), "Bo")
        await bo.knock_in(knock, "waiting")
        arrived = await knock_of(room, "Bo")
        plan = packages_of(room.ledger.notes)[arrived.joining]
        keys, record_key = room.ledger.keys, room.ledger.about.record_key
        view, answer = await asyncio.to_thread(large_room, keys, record_key, plan.package, "Bo", 300)
        invitation = Invitation.parse_link(link)[1]
        pieces = [Mail(invitation.mailbox, ANSWER, one) for one in seal_answer(invitation, answer)]
        assert len(pieces) > 2
        looked = asyncio.Event()
        for told in (pieces[1:], pieces[:-1], [pieces[1], pieces[0], *pieces[2:]], [pieces[0], *pieces[2:]]):
            told_now = tuple(told)
            looked.clear()

            def letters(honest: list[Mail], told: tuple[Mail, ...] = told_now) -> list[Mail]:
                looked.set()
                return [*honest, *told]

            proxy.letters = letters
            async with asyncio.timeout(20):
                await looked.wait()
        line = bo.knock_line(knock)
        assert line is not None
        assert line["stage"] == "waiting"
        proxy.letters = lambda honest: [*honest, *pieces]
        admitted = await bo.knock_in(knock, "admitted", "failed")
        assert admitted.get("room") == b64u(view.room), admitted
        entered = await bo.enter(admitted["room"])
        assert len(entered["members"]) == 300


async def test_an_answer_of_somebody_else_stops_the_knock(
    tmp_path: Path, server: LocalServer, python: Client
) -> None:
    """A server that has the link, too, but not the inviter's key."""
    room = await make_room(python, server.url, server.token)
    link = await room.invite(party="b")
    other = await make_room(python, server.url, server.token, title="Another", name="Mallory")
    link_of_other = await other.invite(party="b")
    async with browsers(tmp_path, "bo") as (bo,), Proxy(server.url).running() as proxy:
        seen: list[Mail] = []
        known = Knocker.generate(link, "Bo", int(time.time())).invitation
        misled = Knocker.generate(link_of_other, "Bo", int(time.time()))

        def knock(asked: Knock) -> Knock:
            return misled.request(asked.step, asked.time)

        def letters(honest: list[Mail]) -> list[Mail]:
            opened = [(one.step, misled.invitation.open(one.step, one.sealed)) for one in honest]
            seen[:] = [Mail(known.mailbox, step, known.seal(step, text, bytes(12))) for step, text in opened]
            return seen

        proxy.knock, proxy.letters = knock, letters
        assert (
            await failure(bo, await bo.knock(link.replace(server.url, proxy.url), "Bo")) == "inviter-differs"
        )
        assert seen
        assert not room.knocks()
