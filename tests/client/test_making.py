"""Making a room is asked for once, whatever is lost on the way; a wrong clock is told as that."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backchannel import BackchannelError, Client, NotAllowed, Role, Room, ServerRefused, ServerUnreachable
from client.conftest import Clock, Open
from client.memory_host import MemoryHost
from client.people import knock_of, let_in, make_room, until


async def test_a_lost_answer_leads_to_the_same_room(
    host: MemoryHost, open_client: Open, tmp_path: Path
) -> None:
    path = tmp_path / "ann.db"
    host.losing = True
    async with open_client(path, connect=False) as client:
        with pytest.raises(ServerUnreachable):
            await make_room(client, host.url)
        with pytest.raises(ServerUnreachable):
            await make_room(client, host.url)
    assert len(host.logs) == 1
    host.losing = False
    async with open_client(path, connect=False) as client:
        assert client.rooms == {}
        await client.finish_rooms()
        (room,) = client.rooms.values()
        assert room.title == "The harbour"
        assert client.room("the HARBOUR") is client.room(room.id[:5]) is room
        other = await make_room(client, host.url)
        assert other.id != room.id
        with pytest.raises(BackchannelError, match="Several rooms"):
            client.room("The harbour")
        with pytest.raises(BackchannelError, match="no such room"):
            client.room("The fortress")
    assert len(host.logs) == 2


async def test_one_of_each_party_is_wished_with_the_room(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    """The wish outlives a lost answer and the program; it is carried out by itself when the room takes it."""
    path = tmp_path / "ann.db"
    host.losing = True
    async with open_client(path) as client:
        with pytest.raises(ServerUnreachable):
            await make_room(client, host.url, admission="party")
    host.losing = False
    async with open_client(path) as client:
        await client.finish_rooms()
        (ann,) = client.rooms.values()
        assert (ann.wishes_each_party, ann.state.admission.rule) == (True, "any")
        bea = await let_in(ann, clients[0], "Bea", "b", Role.FACILITATOR)
        await until(bea, lambda: bea.state.admission.rule == "party")
        await until(ann, lambda: not ann.wishes_each_party)
        assert ann.state.admission.version == 2


async def test_a_wish_for_one_of_each_party_is_taken_back(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url, admission="party")
    assert await ann.require_any_facilitator() == ()
    assert not ann.wishes_each_party
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    await (await bea.send("Nothing else came of it")).sent()
    assert bea.state.admission.version == 1
    with pytest.raises(NotAllowed, match="already"):
        await ann.require_any_facilitator()


async def test_a_room_that_nobody_could_make_is_given_up(
    host: MemoryHost, open_client: Open, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "ann.db"
    host.down = True
    async with open_client(path, connect=False) as client:
        with pytest.raises(ServerUnreachable):
            await make_room(client, host.url)
    clock.ahead = 2 * 24 * 3600
    async with open_client(path, connect=False) as client:
        await client.finish_rooms()
    host.down = False
    async with open_client(path, connect=False) as client:
        await client.finish_rooms()
        assert client.rooms == {}


async def test_a_room_is_described_before_the_server_is_asked(
    host: MemoryHost, clients: list[Client]
) -> None:
    for wrong in ({"title": ""}, {"name": "A" * 81}, {"party": "nobody"}, {"rules": ["x"] * 13}):
        with pytest.raises(NotAllowed, match="cannot be made as it is described"):
            await make_room(clients[0], host.url, **wrong)
    with pytest.raises(ServerRefused, match="token"):
        await make_room(clients[0], host.url, "another token")
    assert host.logs == {}
    assert clients[0].rooms == {}


async def test_the_own_room_is_taken_though_the_server_says_that_it_exists(
    host: MemoryHost, clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    create = MemoryHost.create_room

    async def forgetful(self: MemoryHost, token: str, request: object) -> object:
        await create(self, token, request)  # type: ignore[arg-type] # passed on
        raise ServerRefused("room-exists", "")

    monkeypatch.setattr(MemoryHost, "create_room", forgetful)
    ann = await make_room(clients[0], host.url)
    assert ann.title == "The harbour"


async def test_of_two_links_to_one_room_one_comes_in(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    knocks = [await clients[1].knock(await ann.invite(party="b"), name) for name in ("Bo", "Bo too")]
    waiting = [asyncio.create_task(knock.admitted()) for knock in knocks]
    for name in ("Bo", "Bo too"):
        await ann.approve(await knock_of(ann, name))
    came, told = sorted(
        await asyncio.gather(*waiting, return_exceptions=True), key=lambda one: isinstance(one, Exception)
    )
    assert isinstance(came, Room)
    assert isinstance(told, NotAllowed)
    assert told.code == "entered-before"
    assert list(clients[1].rooms.values()) == [came]
    await came.accept_rules()
    await (await came.send("One of two")).sent()

    (left,) = clients[1].knocks  # its keys are still there
    await clients[1].forget(came)
    again = await left.admitted()
    assert again.seat != came.seat
    await again.accept_rules()
    await (await again.send("The other of two")).sent()
    assert clients[1].knocks == []


@pytest.mark.parametrize(
    ("ahead", "told"), [(-2 * 24 * 3600, "2 days behind"), (3 * 3600, "3 hours ahead"), (600, "10 minutes")]
)
async def test_an_invitee_with_a_wrong_clock_is_told_so(
    host: MemoryHost, clients: list[Client], open_client: Open, ahead: int, told: str
) -> None:
    ann = await make_room(clients[0], host.url)
    wrong = Clock()
    wrong.ahead = ahead
    async with open_client(own=wrong) as client:
        knocking = await client.knock(await ann.invite(), "Bo")
        with pytest.raises(NotAllowed, match=f"clock is {told}"):
            await knocking.words()


async def test_an_invitation_that_is_over_is_told_so(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url)
    link = await ann.invite(expires_in_s=3600)
    clock.ahead = 3601
    with pytest.raises(NotAllowed, match=r"time is over\. Ask the person who invited you"):
        await (await clients[1].knock(link, "Bo")).words()
    bo = await let_in(ann, clients[1], "Bo")
    assert bo.title == "The harbour"
