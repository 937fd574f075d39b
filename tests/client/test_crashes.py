"""The program dies at any moment of writing: nothing is lost, doubled or reordered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

import backchannel
from backchannel import Client, Room
from backchannel.room.view import Presence
from backchannel.store.profile import Profile, Write
from backchannel_protocol.events import EventKind
from client.conftest import Open
from client.memory_host import MemoryHost
from client.people import PARTIES, bo_away, knock_of, let_in, make_room, texts, until

WRITES = 24
"""In how many writes of a script the program dies, one after another."""


@dataclass
class Plug:
    """Pulls the plug of one profile at its n-th write, before or after it is on disk."""

    path: str
    at: int
    after: bool
    count: int = 0
    pulled: bool = False

    def fit(self, monkeypatch: pytest.MonkeyPatch) -> None:
        write = Profile.write
        plug = self

        async def failing(profile: Profile, room: bytes, change: Write) -> None:
            (row,) = profile._connection.execute("PRAGMA database_list").fetchall()
            if row[2] != plug.path:
                await write(profile, room, change)
                return
            plug.count += 1
            due = plug.pulled or plug.count >= plug.at
            if due and not (plug.after and not plug.pulled):
                plug.pulled = True
                raise asyncio.CancelledError
            await write(profile, room, change)
            if due:
                plug.pulled = True
                raise asyncio.CancelledError

        monkeypatch.setattr(Profile, "write", failing)


Dying = Callable[[Path], AbstractAsyncContextManager[tuple[Client, Plug]]]


@pytest.fixture
def dying(open_client: Open, monkeypatch: pytest.MonkeyPatch, at: int, after: bool) -> Dying:
    """A profile whose plug is pulled at the test's write; only inside the block."""

    @asynccontextmanager
    async def open_dying(path: Path) -> AsyncIterator[tuple[Client, Plug]]:
        with monkeypatch.context() as patch:
            plug = Plug(str(path), at, after)
            plug.fit(patch)
            async with open_client(path) as client:
                yield client, plug

    return open_dying


async def until_pulled(plug: Plug, work: Callable[[], Coroutine[None, None, None]]) -> None:
    """Does something, until it is done or the plug is pulled."""
    task = asyncio.create_task(work())
    async with asyncio.timeout(20):
        while not task.done() and not plug.pulled:  # noqa: ASYNC110 - two rooms, no one event
            await asyncio.sleep(0.005)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES))
async def test_who_writes_dies_and_comes_back(
    host: MemoryHost,
    open_client: Open,
    tmp_path: Path,
    dying: Dying,
) -> None:
    await _write_through_a_crash(host, open_client, tmp_path / "bo.db", dying)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(3, 36, 3))
async def test_who_renews_its_keys_dies_and_comes_back(
    host: MemoryHost,
    open_client: Open,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dying: Dying,
) -> None:
    """With a path commit after each second message."""
    monkeypatch.setattr("backchannel.facilitation.duties.PATH_MESSAGES", 2)
    await _write_through_a_crash(host, open_client, tmp_path / "bo.db", dying)
    (log,) = host.logs.values()
    assert sum(event.kind is EventKind.COMMIT for event in log.events) > 1


async def _write_through_a_crash(
    host: MemoryHost,
    open_client: Open,
    path: Path,
    dying: Dying,
) -> None:
    async with open_client() as first:
        ann = await make_room(first, host.url)
        async with open_client(path) as client:
            await let_in(ann, client, "Bo")
        promised: list[str] = []

        async def talk(room: Room) -> None:
            for number in range(6):
                await room.send(f"bo {number}")
                promised.append(f"bo {number}")
                await ann.send(f"ann {number}")
                await asyncio.sleep(0.01)
            await until(ann, lambda: "bo 5" in texts(ann))
            await asyncio.sleep(0.05)

        async with dying(path) as (client, plug):
            (room,) = client.rooms.values()
            await until_pulled(plug, lambda: talk(room))
        async with open_client(path) as client:
            (room,) = client.rooms.values()
            await (await room.send("bo is back")).sent()
            await (await ann.send("welcome")).sent()
            await until(room, lambda: "welcome" in texts(room))
            await until(ann, lambda: "bo is back" in texts(ann))
            said = [text for text in texts(ann) if text is not None]
            assert texts(room) == texts(ann)
            assert len(set(said)) == len(said)
            of_bo = [text for text in said if text.startswith("bo ") and text != "bo is back"]
            assert of_bo == sorted(of_bo)
            assert set(promised) <= set(of_bo)
            assert room.state == ann.state


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 16))
async def test_who_admits_dies_and_comes_back(
    host: MemoryHost,
    open_client: Open,
    tmp_path: Path,
    dying: Dying,
) -> None:
    path = tmp_path / "ann.db"
    async with open_client() as second:
        async with open_client(path) as client:
            room = await make_room(client, host.url)
            link = await room.invite(party=PARTIES[1][0])
        knocking = await second.knock(link, "Bo")
        joining = asyncio.create_task(knocking.admitted())

        async def admit(room: Room) -> None:
            await room.approve(await knock_of(room, "Bo"))
            async with asyncio.timeout(10):
                await (await asyncio.shield(joining)).accept_rules()
            await asyncio.sleep(0.05)

        async with dying(path) as (client, plug):
            (room,) = client.rooms.values()
            await until_pulled(plug, lambda: admit(room))
        async with open_client(path) as client:
            (room,) = client.rooms.values()
            await _approve_unless_done(room)
            async with asyncio.timeout(10):
                bo = await joining
            await bo.accept_rules()
            await (await bo.send("I am in.")).sent()
            await until(room, lambda: "I am in." in texts(room))
            assert room.members() == bo.members()
            assert len(room.members()) == 2
            async with asyncio.timeout(10):
                while bo.ledger.items or bo.state != room.state:  # noqa: ASYNC110 - two rooms
                    await asyncio.sleep(0.01)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 6))
async def test_who_makes_a_room_dies_and_comes_back(
    host: MemoryHost,
    open_client: Open,
    tmp_path: Path,
    dying: Dying,
) -> None:
    """One room at the server at most, and none without its keys."""
    path = tmp_path / "ann.db"
    async with dying(path) as (client, plug):

        async def make() -> None:
            room = await make_room(client, host.url)
            await (await room.send("We are here.")).sent()

        await until_pulled(plug, make)
    async with open_client(path) as client, asyncio.timeout(20):
        await client.finish_rooms()
        ann = next(iter(client.rooms.values()), None) or await make_room(client, host.url)
        await ann.begun()
        await (await ann.send("And here again.")).sent()
        assert texts(ann)[-1] == "And here again."
        assert [ann.ledger.view.room] == list(host.logs)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, 8))
async def test_who_discloses_and_erases_dies_and_comes_back(
    host: MemoryHost,
    open_client: Open,
    tmp_path: Path,
    dying: Dying,
) -> None:
    path = tmp_path / "bo.db"
    async with bo_away(open_client, host.url, path, "What was said.") as (ann, bo):
        leaf = bo.ledger.keys.leaf_key

        async def close(room: Room) -> None:
            await ann.close()
            await until(room, lambda: room.ledger.view.presence is Presence.ENDED)

        async with dying(path) as (client, plug):
            (room,) = client.rooms.values()
            await until(room, lambda: room.connected)
            await until_pulled(plug, lambda: close(room))
        async with open_client(path) as client:
            (room,) = client.rooms.values()
            await until(room, lambda: room.ledger.view.presence is Presence.ENDED)
            await until(ann, lambda: ann.ledger.view.presence is Presence.ENDED)
            assert texts(room) == ["What was said."]
            assert room.ledger.keys.leaf_key != leaf
            assert set(ann.state.disclosed) == {ann.seat, room.seat}
            (log,) = host.logs.values()
            disclosures = [event for event in log.events if event.seq > (ann.state.closed or 0)]
            assert sum(event.kind is EventKind.GOVERNANCE for event in disclosures) == 2


async def _approve_unless_done(room: Room) -> None:
    """The person looks again: either Bo is in, or the approval is given, or it is given now."""
    await until(room, lambda: room.connected)

    def known() -> bool:
        return bool(room.knocks()) or len(room.members()) == 2

    await until(room, known)
    if len(room.members()) == 1 and not room.state.approvals:
        waits = any(item.type == "approve" for item in room.ledger.items.values())
        if not waits and room.knocks():
            with suppress(Exception):
                await room.approve(room.knocks()[0])


async def test_a_profile_is_for_one_client_and_one_passphrase(open_client: Open, tmp_path: Path) -> None:
    path = tmp_path / "profile" / "p.db"
    async with open_client(path):
        with pytest.raises(backchannel.ProfileError, match="open in another program"):
            async with open_client(path):
                pass
    with pytest.raises(backchannel.ProfileError, match="passphrase"):
        async with backchannel.open_profile(path, "wrong"):
            pass
    (tmp_path / "bad.db").write_bytes(b"no database at all, but long enough to be looked at " * 40)
    with pytest.raises(backchannel.ProfileError):
        async with open_client(tmp_path / "bad.db"):
            pass
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


async def test_a_profile_shows_nothing_of_what_is_in_it(
    host: MemoryHost, open_client: Open, tmp_path: Path
) -> None:
    path = tmp_path / "p.db"
    async with open_client(path) as client:
        room = await make_room(client, host.url, title="Planted title", name="Planted name")
        await (await room.send("Planted words")).sent()
        kept = b"".join(one.read_bytes() for one in tmp_path.iterdir())  # noqa: ASYNC240
        for planted in (b"Planted", b"counters", b"ratchet", b"memory.example", room.ledger.view.room):
            assert planted not in kept
