"""What waits goes as soon as it can, in an order that lets nobody read what was not meant for him."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from backchannel import Client, Room
from backchannel.connection.session import Session
from backchannel.outbox import Item, Plan, in_sending_order
from backchannel_protocol.events import EventKind
from backchannel_protocol.operations import VoidCommit, encode_operation
from backchannel_protocol.room.state import Act
from client.conftest import Open
from client.memory_host import MemoryHost
from client.people import heard, knock_of, let_in, make_room, texts, until

NEVER_S = 100_000.0
VOID = encode_operation(VoidCommit(None, bytes(16)))
REMOVES = b'{"act":{"act":"remove","seat":"x"},"signature":""}'
ADMITS = b'{"act":{"act":"add","seat":"x"},"signature":""}'


# ---- when it is tried again
def counted(host: MemoryHost, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How often somebody has tried to connect."""
    attempts: list[None] = []
    open_ = host.open

    async def counting() -> Session:
        attempts.append(None)
        return await open_()

    monkeypatch.setattr(host, "open", counting)
    return lambda: len(attempts)


async def offline(host: MemoryHost, room: Room) -> None:
    """The server is gone, and the room rests."""
    host.down = True
    host.break_all()
    await until(room, lambda: not room.connected)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause does not end by itself."""
    monkeypatch.setattr("backchannel.patience.FIRST_BACKOFF_S", NEVER_S)
    monkeypatch.setattr("backchannel.patience.LAST_BACKOFF_S", NEVER_S)


async def test_who_writes_does_not_wait_for_the_end_of_a_pause(
    host: MemoryHost, clients: list[Client], endless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.patience.HURRY_S", 0.01)
    ann = await make_room(clients[0], host.url)
    await offline(host, ann)
    host.down = False
    async with asyncio.timeout(20):
        await (await ann.send("at once")).sent()


async def test_who_asks_for_the_connection_does_not_wait_either(
    host: MemoryHost, clients: list[Client], endless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the doctor does."""
    monkeypatch.setattr("backchannel.patience.HURRY_S", 0.01)
    ann = await make_room(clients[0], host.url)
    await offline(host, ann)
    host.down = False
    clients[0].connect(ann)
    async with asyncio.timeout(20):
        await ann.caught_up()


async def test_a_flood_of_words_does_not_hammer(
    host: MemoryHost, clients: list[Client], endless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.patience.HURRY_S", NEVER_S)
    ann = await make_room(clients[0], host.url)
    attempts = counted(host, monkeypatch)
    await offline(host, ann)
    for number in range(50):
        await ann.send(f"word {number}")
    assert len(ann.pending()) == 50
    assert attempts() == 0


OF_ITS_OWN = """
import asyncio, ctypes, fcntl, socket, struct
from backchannel.connection.network import watch_network

async def main():
    changed = asyncio.Event()
    watching = asyncio.create_task(watch_network(changed.set))
    await asyncio.sleep(0)
    interface = struct.pack("16sh14x", b"lo", 0x1 | 0x40)  # IFF_UP, IFF_RUNNING
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, 0x8914, interface)  # SIOCSIFFLAGS
    async with asyncio.timeout(20):
        await changed.wait()
    watching.cancel()
    print("told")

libc = ctypes.CDLL(None, use_errno=True)
if libc.unshare(0x10000000 | 0x40000000):  # CLONE_NEWUSER, CLONE_NEWNET
    print("no network of its own")
else:
    asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="no other system tells")
def test_the_system_tells_when_the_network_is_back() -> None:
    """A process with a network of its own, which is down at first."""
    ended = subprocess.run([sys.executable, "-c", OF_ITS_OWN], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    if "no network" in ended.stdout:
        pytest.skip("this machine lets nobody make a network of his own")
    assert ended.stdout == "told\n"


async def test_a_network_that_is_back_does_not_wait_for_the_end_of_a_pause(
    host: MemoryHost, open_client: Open, endless: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.patience.HURRY_S", 0.01)
    back = asyncio.Event()

    async def watch(changed: Callable[[], None]) -> None:
        await back.wait()
        changed()

    monkeypatch.setattr("backchannel.client.watch_network", watch)
    async with open_client() as client, asyncio.timeout(20):
        ann = await make_room(client, host.url)
        await offline(host, ann)
        host.down = False
        back.set()
        await ann.caught_up()


# ---- in which order
def places(*items: Item) -> list[int]:
    return [item.place for item in in_sending_order(items)]


def test_what_takes_away_goes_before_chat() -> None:
    chat, more = Item(1, "chat", "message"), Item(4, "chat", "message")
    for urgent in (
        Item(7, "governance", operations=(VOID,)),
        Item(7, "governance", "approve", REMOVES),
        Item(7, "governance", "unapprove"),
        Item(7, "governance", "revoke"),
        Item(7, "governance", plan=Plan("x")),
    ):
        assert places(chat, more, urgent) == [7, 1, 4]


def test_what_lets_in_or_changes_the_room_does_not() -> None:
    chat = Item(1, "chat", "message")
    for other in (
        Item(7, "governance", "approve", ADMITS),
        Item(7, "governance", "leave"),
        Item(7, "governance", "rules"),
        Item(7, "governance", plan=Plan("x", package=b"package")),
    ):
        assert places(chat, other) == [1, 7]


def test_nothing_overtakes_within_its_lane() -> None:
    """An intent that came before a lower one would be taken for a doubling."""
    chat, title = Item(1, "chat", "message"), Item(2, "governance", "title")
    removal, more = Item(3, "governance", "approve", REMOVES), Item(4, "chat", "message")
    assert places(chat, title, removal, more) == [1, 2, 3, 4]
    begun = Item(1, "chat", "message", submit=[])
    assert places(begun, removal, more) == [1, 3, 4]
    keys = Item(9, "governance", plan=Plan("own", path=True))
    assert places(begun, removal, more, keys) == [9, 1, 3, 4]


async def test_a_removal_does_not_wait_behind_a_long_queue(
    host: MemoryHost, open_client: Open, tmp_path: Path
) -> None:
    path = tmp_path / "ann.db"
    async with open_client() as second, open_client() as third:
        async with open_client(path) as client:
            ann = await make_room(client, host.url)
            bo = await let_in(ann, second, "Bo")
            cy = await let_in(ann, third, "Cy")
        async with open_client(path, connect=False) as client:
            (ann,) = client.rooms.values()
            for number in range(8):
                await ann.send(f"word {number}")
            removing = asyncio.create_task(ann.approve(Act("remove", 1, 0, seat=cy.seat)))
            await until(ann, lambda: len(ann.ledger.items) == 9)
            client.connect(ann)
            await removing
            await heard(bo, "word 7")
    (log,) = host.logs.values()
    kinds = [event.kind for event in log.events]
    first = kinds.index(EventKind.CHAT)
    assert EventKind.GOVERNANCE in kinds[:first]
    assert texts(bo) == [f"word {number}" for number in range(8)]


async def test_who_comes_in_does_not_read_what_was_written_before(
    host: MemoryHost, open_client: Open, tmp_path: Path
) -> None:
    path = tmp_path / "ann.db"
    async with open_client() as second:
        async with open_client(path) as client:
            ann = await make_room(client, host.url)
            link = await ann.invite(party="b")
            joining = asyncio.create_task((await second.knock(link, "Bo")).admitted())
            await knock_of(ann, "Bo")
        async with open_client(path, connect=False) as client:
            (ann,) = client.rooms.values()
            await ann.send("not for Bo")
            approving = asyncio.create_task(ann.approve(ann.knocks()[0]))
            await until(ann, lambda: len(ann.ledger.items) == 2)
            client.connect(ann)
            await approving
            async with asyncio.timeout(20):
                bo = await joining
            await bo.accept_rules()
            await (await ann.send("welcome")).sent()
            await heard(bo, "welcome")
            assert texts(bo) == ["welcome"]
            assert texts(ann) == ["not for Bo", "welcome"]
