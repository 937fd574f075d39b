"""What was said is over with its own time, or the room's: it goes from the screen and from the file."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backchannel import Client, Delivery, MessageExpired, MessageSent, NotAllowed, Role, Room
from backchannel_protocol.refusals import Code
from client.conftest import Clock, Open
from client.memory_host import MemoryHost
from client.people import heard, let_in, make_room, texts, until

HOUR = 3600


def rows(client: Client, table: str) -> list[bytes]:
    """What a table of the profile holds, as it stands in the file."""
    found = client._profile._connection.execute(f"SELECT value FROM {table}").fetchall()
    return [bytes(value) for (value,) in found]


def files(path: Path) -> bytes:
    """All that the disk holds of a profile."""
    return b"".join(one.read_bytes() for one in path.parent.iterdir() if one.name.startswith(path.name))


def pieces(value: bytes, size: int = 24) -> list[bytes]:
    """A sealed value in pieces, of which not one may be found."""
    return [value[at : at + size] for at in range(0, len(value) - size, size)]


async def test_a_message_is_over_with_its_own_time(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    await (await ann.send("for an hour", until=int(clock()) + HOUR)).sent()
    await (await ann.send("for good")).sent()
    await heard(bo, "for good")
    assert texts(bo) == ["for an hour", "for good"]
    clock.ahead = HOUR
    for room in (ann, bo):
        assert texts(room) == [None, "for good"]
        assert [message.gone for message in room.messages()] == ["expired", ""]
    with pytest.raises(NotAllowed, match="over already"):
        await ann.send("too late", until=int(clock()))


async def test_who_listens_is_told_that_a_message_is_over(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url)
    events = ann.events(replay=True)
    sent = await (await ann.send("for an hour", until=int(clock()) + HOUR)).sent()
    clock.ahead = HOUR
    async with asyncio.timeout(10):
        async for event in events:
            if isinstance(event, MessageExpired):
                assert event.message == sent.id
                break
    (message,) = [fact for fact in ann.ledger.facts if isinstance(fact, MessageSent)]
    assert (message.text, message.gone) == (None, "expired")


async def test_the_rooms_rule_ends_what_was_said_before_it_too(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    await (await bo.send("an hour ago")).sent()
    clock.ahead = HOUR
    await (await bo.send("just now")).sent()
    await heard(ann, "just now")
    assert texts(ann) == ["an hour ago", "just now"]
    await ann.set_retention(HOUR)
    await until(bo, lambda: bo.state.retention.seconds == HOUR)
    assert texts(ann) == texts(bo) == [None, "just now"]


async def test_after_reading_means_when_all_who_had_it_have_seen_it(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url, after_reading=True)
    bo = await let_in(ann, clients[1], "Bo")
    cy = await let_in(ann, clients[2], "Cy", role=Role.OBSERVER)
    await (await ann.send("read and forget")).sent()
    for room in (bo, cy):
        await heard(room, "read and forget")
    await bo.mark_seen()
    await until(ann, lambda: bo.seat in ann.ledger.view.seen)
    assert texts(ann) == ["read and forget"]
    await cy.mark_seen()
    for room in (ann, bo, cy):
        await until(room, lambda room=room: texts(room) == [None])  # type: ignore[misc] # bound here


async def test_nothing_of_what_is_over_is_left_in_the_file(
    host: MemoryHost, clients: list[Client], open_client: Open, clock: Clock, tmp_path: Path
) -> None:
    """Many messages, so that the database moved them from page to page before they went."""
    ann = await make_room(clients[0], host.url)
    path = tmp_path / "bo" / "bo.db"
    async with open_client(path) as client:
        bo = await let_in(ann, client, "Bo")
        for at in range(60):
            await ann.send(f"kept {at} " + "k" * 20 * at)
            await bo.send(f"gone {at} " + "g" * 20 * at, until=int(clock()) + HOUR)
        await heard(bo, "kept 59 " + "k" * 20 * 59)
        await until(bo, lambda: not bo.ledger.items)
        before = rows(client, "timeline")
        gone = {message.seq for message in bo.messages() if (message.text or "").startswith("gone")}
        assert len(gone) == 60
        clock.ahead = HOUR
        await until(bo, lambda: any(isinstance(fact, MessageExpired) for fact in bo.ledger.facts))
        after = set(rows(client, "timeline"))
        replaced = [value for value in before if value not in after]
        assert len(replaced) == 60
        assert all(value[:24] in files(path) for value in after)
        left = files(path)
        assert not [piece for value in replaced for piece in pieces(value) if piece in left]


async def test_an_erasure_that_a_crash_cut_off_is_done_at_the_next_opening(
    host: MemoryHost, open_client: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ann" / "ann.db"
    async with open_client(path) as client:
        ann = await make_room(client, host.url)
        sent = await (await ann.send("regretted " * 300)).sent()
        (long,) = [value for value in rows(client, "timeline") if len(value) > 3000]
        with monkeypatch.context() as patch:
            patch.setattr("backchannel.store.profile._erase", lambda _: None)
            await ann.retract(sent)
        left = files(path)
        assert any(piece in left for piece in pieces(long))
    async with open_client(path, connect=False):
        left = files(path)
        assert not [piece for piece in pieces(long) if piece in left]


@pytest.mark.parametrize("how", ["retracted", "forgotten"])
async def test_nothing_of_what_is_taken_back_or_forgotten_is_left_in_the_file(
    host: MemoryHost, open_client: Open, tmp_path: Path, how: str
) -> None:
    path = tmp_path / "ann" / "ann.db"
    async with open_client(path) as client:
        ann = await make_room(client, host.url)
        sent = await (await ann.send("regretted " * 300)).sent()
        (long,) = [value for value in rows(client, "timeline") if len(value) > 3000]
        assert long[:24] in files(path)
        if how == "retracted":
            await ann.retract(sent)
            assert ann.messages()[0].gone == "retracted"
        else:
            await client.forget(ann)
        left = files(path)
        assert not [piece for piece in pieces(long) if piece in left]


async def test_what_is_over_is_swept_when_the_profile_is_opened(
    host: MemoryHost, clients: list[Client], open_client: Open, clock: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "bo.db"
    ann = await make_room(clients[0], host.url, retention_s=HOUR)
    async with open_client(path) as client:
        bo = await let_in(ann, client, "Bo")
        await (await bo.send("for an hour")).sent()
    clock.ahead = HOUR
    async with open_client(path, connect=False) as client:
        (bo,) = client.rooms.values()
        (message,) = [fact for fact in bo.ledger.facts if isinstance(fact, MessageSent)]
        assert (message.text, message.gone) == (None, "expired")


async def test_a_message_that_waited_past_its_time_is_not_sent(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    host.down = True
    host.break_all()
    late = await bo.send("for an hour", until=int(clock()) + HOUR)
    await bo.send("for good")
    clock.ahead = HOUR
    await until(bo, lambda: late.delivery is Delivery.FAILED)
    assert late.why == "The time until which it may be read was over before it could be sent. Write it again."
    assert b"for an hour" not in b"".join(bo.ledger.notes.values())
    host.down = False
    await heard(ann, "for good")
    with pytest.raises(NotAllowed, match="before it could be sent"):
        await late.sent()
    assert texts(ann) == ["for good"]


async def test_words_that_could_not_be_sent_are_not_kept_longer_than_sent_ones(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url, retention_s=HOUR)
    bo = await let_in(ann, clients[1], "Bo")
    host.refusing = Code.TOO_LARGE
    failed = await bo.send("never sent")
    with pytest.raises(NotAllowed):
        await failed.sent()

    def kept(room: Room = bo) -> bool:
        return any(b"never sent" in note for note in room.ledger.notes.values())

    assert kept()
    clock.ahead = HOUR
    await until(bo, lambda: not kept())
