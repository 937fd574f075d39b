"""Doors of the web client with the real server: people of both clients let each other in, and talk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

import backchannel
from backchannel import Client, Role
from backchannel.testing import LocalServer
from backchannel_mls import X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519
from client.people import heard, knock_of, make_room, until
from web.engine import CallRefused, words_of
from web.people import browsers, named, python_in, stage_of, web_in, web_knocking, web_link, web_room

LOOK_S = 0.2
SUITES = pytest.mark.parametrize(
    "suite",
    [X25519_AES128GCM_SHA256_ED25519, XWING_AES256GCM_SHA512_ED25519],
    ids=["suite-1", "x-wing"],
)


@SUITES
async def test_a_web_client_knocks_at_a_room_of_a_python_client(
    tmp_path: Path, server: LocalServer, python: Client, suite: int
) -> None:
    room = await make_room(python, server.url, server.token, suite=suite)
    link = await room.invite(party="b")
    async with browsers(tmp_path, "bo") as (bo,):
        knock = await bo.knock(link, "Bo")
        waiting = await bo.knock_in(knock, "waiting")
        arrived = await knock_of(room, "Bo")
        assert words_of(waiting) == arrived.words
        await room.approve(arrived)
        entered = await web_in(bo, knock)
        assert entered == room.id
        assert named(bo, entered) == {"Ann", "Bo"}
        await bo.say(entered, "Good evening from Beta")
        assert (await heard(room, "Good evening from Beta")).name == "Bo"
        await room.send("Good evening, Bo")
        await bo.until(lambda: "Good evening, Bo" in bo.texts(entered))
        assert room.state.hash()
        assert "trouble" not in bo.rooms[entered]


@SUITES
async def test_a_web_client_makes_a_room_and_lets_in_both_kinds(
    tmp_path: Path, server: LocalServer, python: Client, suite: int
) -> None:
    async with browsers(tmp_path, "ann", "cem") as (ann, cem):
        room = await web_room(ann, server, suite=suite)
        for_python, for_web = await web_link(ann, room), await web_link(ann, room, "a")
        assert (await cem.call("kindOf", for_web["link"])) == "invitation"

        knocking = await python.knock(for_python["link"], "Bo")
        bo_in = asyncio.create_task(knocking.admitted())
        shown = await web_knocking(ann, room, "Bo")
        assert words_of(shown) == await knocking.words()
        assert stage_of(ann, room, for_python["mailbox"]) == "waiting"
        await ann.call("approveKnock", room, for_python["mailbox"])
        bo = await bo_in
        await bo.accept_rules()

        knock = await cem.knock(for_web["link"], "Cem")
        waiting = await cem.knock_in(knock, "waiting")
        assert (await web_knocking(ann, room, "Cem"))["words"] == waiting["words"]
        await ann.call("approveKnock", room, for_web["mailbox"])
        await web_in(cem, knock)

        await ann.say(room, "Welcome, both of you")
        await heard(bo, "Welcome, both of you")
        await cem.until(lambda: "Welcome, both of you" in cem.texts(room))
        await bo.send("Thank you")
        await cem.until(lambda: "Thank you" in cem.texts(room))
        await ann.until(lambda: "Thank you" in ann.texts(room))
        assert named(ann, room) == named(cem, room) == {seat.name for seat in bo.members().values()}
        stages = [stage_of(ann, room, one["mailbox"]) for one in (for_python, for_web)]
        assert stages == ["admitted", "admitted"]
        assert all("link" not in one for one in ann.rooms[room]["invitations"])
        assert {"trouble"}.isdisjoint({*ann.rooms[room], *cem.rooms[room]})


async def test_one_of_each_party_admits(tmp_path: Path, server: LocalServer, python: Client) -> None:
    """Ann of Alpha with the web client, Bo of Beta with the Python one: both ways, each needs the other."""
    async with browsers(tmp_path, "ann", "cem") as (ann, cem):
        room = await web_room(ann, server)
        link = await web_link(ann, room, role="facilitator")
        knocking = await python.knock(link["link"], "Bo")
        bo_in = asyncio.create_task(knocking.admitted())
        await web_knocking(ann, room, "Bo")
        await ann.call("approveKnock", room, link["mailbox"])
        bo = await bo_in
        await bo.accept_rules()
        await ann.call("set", room, {"admission": "party", "title": "Two shores"})
        await until(bo, lambda: bo.state.admission.rule == "party" and bo.title == "Two shores")

        # Ann's link: Bo is told who knocks, and is the last to approve
        link = await web_link(ann, room, "a")
        knock = await cem.knock(link["link"], "Cem")
        shown = await web_knocking(ann, room, "Cem")
        assert sorted(shown["missing"]) == ["Alpha", "Beta"]
        await ann.call("approveKnock", room, link["mailbox"])
        await ann.until(lambda: any(one["missing"] == ["Beta"] for one in ann.rooms[room]["knocking"]))
        waits_for = {"code": "waiting-for-facilitator", "parties": ["Beta"]}
        await cem.until(lambda: (cem.knock_line(knock) or {}).get("reason") == waits_for)
        arrived = await knock_of(bo, "Cem")
        assert words_of(shown) == arrived.words
        await bo.approve(arrived)
        await web_in(cem, knock)

        # Bo's link: Ann sees the knock, approves, takes it back, and approves again
        link_of_bo = await bo.invite(party="b")
        async with backchannel.open_profile(None, look_s=LOOK_S) as dia:
            knocking = await dia.knock(link_of_bo, "Dia")
            dia_in = asyncio.create_task(knocking.admitted())
            shown = await web_knocking(ann, room, "Dia")
            await ann.call("approveKnock", room, shown["mailbox"])
            await ann.until(lambda: ann.rooms[room]["knocking"][0]["isApproved"])
            await ann.call("unapprove", room, "add", shown["seat"])
            await ann.until(lambda: not ann.rooms[room]["knocking"][0]["isApproved"])
            await bo.approve(await knock_of(bo, "Dia"))
            assert not dia_in.done()
            await ann.call("approveKnock", room, shown["mailbox"])
            await dia_in
        await ann.until(lambda: "Dia" in named(ann, room))

        # Bo proposes that Cem goes; Ann sees it, and both do it
        seat = next(id_ for id_, one in bo.members().items() if one.name == "Cem")
        await bo.remove(seat)
        (proposal,) = await ann.until(lambda: ann.rooms[room]["proposals"])
        assert (proposal["act"], proposal["seat"], proposal["missing"]) == ("remove", seat, ["Alpha"])
        await ann.call("approve", room, "remove", seat)
        await until(bo, lambda: "Cem" not in {one.name for one in bo.members().values()})
        await cem.until(lambda: cem.rooms[room]["isOver"])

        # Bo declines whom Ann invited: Ann's device tells it
        link = await web_link(ann, room, "a")
        knock = await cem.knock(link["link"], "Eve")
        await web_knocking(ann, room, "Eve")
        await bo.decline(await knock_of(bo, "Eve"))
        line = await cem.knock_in(knock, "failed", "admitted")
        assert line["reason"] == {"code": "declined"}
        assert stage_of(ann, room, link["mailbox"]) == "revoked"


async def test_roles_settings_leaving_and_closing(
    tmp_path: Path, server: LocalServer, python: Client
) -> None:
    async with browsers(tmp_path, "ann") as (ann,):
        room = await web_room(ann, server)
        bo = await python_in(ann, room, python, "Bo")
        with pytest.raises(CallRefused, match="last-facilitator"):
            await ann.call("leave", room)
        await ann.call("setRole", room, bo.seat, "facilitator", "b")
        await until(bo, lambda: bo.state.seats[bo.seat].role is Role.FACILITATOR)
        settings = {
            "title": "The bridge",
            "welcome": "Come in.",
            "history": "briefing",
            "retention": {"seconds": 86_400, "after_reading": True},
        }
        await ann.call("set", room, settings)
        await until(bo, lambda: bo.state.retention.seconds == 86_400)
        assert (bo.state.title, bo.state.welcome, bo.state.history.value) == (
            "The bridge",
            "Come in.",
            "briefing",
        )
        with pytest.raises(CallRefused, match=r"body-malformed|name-unfit"):
            await ann.call("set", room, {"title": ""})
        await bo.set_rules(["Ask before you quote."])
        await ann.until(lambda: not ann.rooms[room]["hasAccepted"])
        with pytest.raises(CallRefused, match="rules-not-accepted"):
            await web_link(ann, room)
        await ann.call("acceptRules", room)
        await ann.until(lambda: ann.rooms[room]["hasAccepted"])
        await ann.call("set", room, {"rules": ["Speak for yourself."]})
        await until(bo, lambda: bo.state.rules.version == 3)
        await bo.accept_rules()
        await ann.call("leave", room)  # Bo's client does it
        await ann.until(lambda: ann.rooms[room]["isOver"])
        assert [one.name for one in bo.members().values()] == ["Bo"]
