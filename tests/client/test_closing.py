"""A closed room: everybody's leaf key is made known, then the room's keys go, and what was said stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from backchannel import Client, NotAllowed, Room, RoomEnded, RoomGoverned
from backchannel.room.keys import SeatKeys
from backchannel.room.view import Presence, RoomView
from backchannel_protocol.ids import b64u
from client.conftest import Clock, Open
from client.memory_host import MemoryHost
from client.people import heard, let_in, make_room, texts, until

DAY = 24 * 3600


def secrets_of(keys: SeatKeys, view: RoomView) -> list[bytes]:
    """All private bytes that a room's keys are made of, and those of its epochs that are kept."""
    found = [keys.seat_key, keys.leaf_key, keys.governance_key, keys.inbox_key]
    for mls in (view.mls, *(ended.mls for ended in view.previous)):
        group, tree = mls.group, mls.messages.secret_tree
        found += [group.keys.init_secret, group.keys.exporter_secret, group.keys.external_secret]
        found += [group.keys.membership_key, mls.messages.sender_data_secret, *group.private_keys.values()]
        found += [*group.resumption_psks.values(), *tree.nodes.values()]
        found += [ratchet.secret for ratchet in tree.ratchets.values()]
    return [secret for secret in found if secret]


async def over(room: Room) -> None:
    """Until the keys of a room are gone."""
    await until(room, lambda: isinstance(room.history()[-1], RoomEnded))


async def kept_by(client: Client, room: bytes) -> bytes:
    """All that a profile can tell of a room to whoever has the passphrase."""
    profile = client._profile
    told = [*(await profile.records(room)).values(), *(await profile.timeline(room)).values()]
    return b"".join([*told, *(await profile.outbox(room)).values(), *(await profile.rooms()).values()])


def sealed_rows(client: Client) -> list[bytes]:
    tables = ("rooms", "records", "outbox")
    rows = [client._profile._connection.execute(f"SELECT value FROM {table}").fetchall() for table in tables]
    return [bytes(value) for table in rows for (value,) in table]


async def test_all_disclose_and_the_keys_go_from_every_device(
    host: MemoryHost, clients: list[Client], open_client: Open, tmp_path: Path
) -> None:
    ann = await make_room(clients[0], host.url)
    path = tmp_path / "bo" / "bo.db"
    async with open_client(path) as client:
        bo = await let_in(ann, client, "Bo")
        await (await bo.send("What was said.")).sent()
        await heard(ann, "What was said.")
        await until(bo, lambda: not bo.ledger.items)
        secrets = secrets_of(bo.ledger.keys, bo.ledger.view)
        before = await kept_by(client, bo.ledger.view.room)
        assert sum(secret in before for secret in secrets) == len(secrets)
        rows = sealed_rows(client)
        await ann.close()
        for room in (ann, bo):
            await over(room)
            ended = room.history()[-1]
            assert isinstance(ended, RoomEnded)
            assert ended.missing == ()
            assert "erased from this device" in ended.sentence
            assert set(room.state.disclosed) == {ann.seat, bo.seat}
            governed = [one for one in room.history() if isinstance(one, RoomGoverned)]
            disclosures = [one for one in governed if one.type == "disclose"]
            assert {one.seat for one in disclosures} == {ann.seat, bo.seat}
            assert all(one.body == {} for one in disclosures)
        after = await kept_by(client, bo.ledger.view.room)
        assert not [secret for secret in secrets if secret in after or b64u(secret).encode() in after]
        assert not [secret for secret in secrets if secret in secrets_of(bo.ledger.keys, bo.ledger.view)]
        left = b"".join(one.read_bytes() for one in path.parent.iterdir())
        gone = [row for row in rows if row not in sealed_rows(client)]
        assert gone
        for row in gone:
            assert not [at for at in range(0, len(row) - 24, 24) if row[at : at + 24] in left]
        assert texts(bo) == ["What was said."]
        with pytest.raises(NotAllowed, match="it can be read"):
            await bo.send("more")
        assert [fact async for fact in bo.events(replay=True)] == bo.history()
    async with open_client(path) as client:
        (bo,) = client.rooms.values()
        await until(bo, lambda: bo.stopped is not None)
        assert bo.stopped is not None
        assert bo.stopped.code == "room-ended"
        assert texts(bo) == ["What was said."]
        assert (bo.title, len(bo.members())) == ("The harbour", 2)
        await client.forget(bo)
        assert await client._profile.rooms() == {}


async def test_who_stays_silent_is_waited_for_a_week_and_named(
    host: MemoryHost, clients: list[Client], open_client: Open, clock: Clock, tmp_path: Path
) -> None:
    ann = await make_room(clients[0], host.url)
    path = tmp_path / "bo.db"
    async with open_client(path) as client:
        await let_in(ann, client, "Bo")
    await ann.close()
    await until(ann, lambda: ann.seat in ann.state.disclosed)
    clock.ahead = 7 * DAY - 60
    await ann.tidy()
    assert ann.ledger.view.presence is Presence.PRESENT
    clock.ahead = 7 * DAY + 60
    await until(ann, lambda: ann.ledger.view.presence is Presence.ENDED)
    ended = ann.history()[-1]
    assert isinstance(ended, RoomEnded)
    assert ended.missing == ("Bo",)
    assert "Not disclosed by Bo" in ended.sentence
    # Bo comes back later: discloses, and is done
    async with open_client(path) as client:
        (bo,) = client.rooms.values()
        await until(bo, lambda: bo.ledger.view.presence is Presence.ENDED)
        assert set(bo.state.disclosed) == {ann.seat, bo.seat}


async def test_where_the_server_is_gone_the_keys_go_after_a_month(
    host: MemoryHost,
    clients: list[Client],
    open_client: Open,
    clock: Clock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bo learned that the room is closed, and could never say anything again."""
    ann = await make_room(clients[0], host.url)
    path = tmp_path / "bo.db"
    async with open_client(path) as client:
        bo = await let_in(ann, client, "Bo")
        await until(bo, lambda: not bo.ledger.items)
        monkeypatch.setattr("backchannel.facilitation.upkeep.disclosure_due", lambda _: False)
        await ann.close()
        await until(bo, lambda: bo.state.closed is not None)
    host.down = True
    host.break_all()
    for age, presence in ((8 * DAY, Presence.PRESENT), (30 * DAY, Presence.ENDED)):
        clock.ahead = age + 60
        async with open_client(path, connect=False) as client:
            (bo,) = client.rooms.values()
            assert bo.ledger.view.presence is presence
    ended = bo.history()[-1]
    assert isinstance(ended, RoomEnded)
    assert set(ended.missing) == {"Ann", "Bo"}
