"""A seat renews its keys before the 1,000th message of an epoch, and once a week while it writes."""

from __future__ import annotations

import pytest

from backchannel import Client, EventIgnored, Room
from backchannel_protocol.events import EventKind, LogEvent
from client.conftest import Clock
from client.memory_host import MemoryHost
from client.people import heard, let_in, make_room, texts, until

WEEK = 7 * 24 * 3600


def log_of(host: MemoryHost) -> list[LogEvent]:
    (log,) = host.logs.values()
    return log.events


def commits_of(host: MemoryHost, room: Room) -> list[LogEvent]:
    """The commits of a seat."""
    seat = room.ledger.view.seat
    return [event for event in log_of(host) if event.kind is EventKind.COMMIT and event.seat == seat]


async def test_new_keys_come_before_too_many_messages_of_one_epoch(
    host: MemoryHost, clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    monkeypatch.setattr("backchannel.facilitation.duties.PATH_MESSAGES", 5)
    for at in range(23):
        await bo.send(f"bo {at}")
    await heard(ann, "bo 22")
    assert texts(ann) == [f"bo {at}" for at in range(23)]
    of_an_epoch: dict[int, int] = {}
    for event in log_of(host):
        if event.seat == bo.ledger.view.seat and event.kind is not EventKind.COMMIT:
            of_an_epoch[event.epoch] = of_an_epoch.get(event.epoch, 0) + 1
    assert max(of_an_epoch.values()) == 5
    assert len(commits_of(host, bo)) == 4
    assert not any(isinstance(fact, EventIgnored) for fact in ann.history())
    leaf = bo.state.seats[bo.seat].leaf
    assert (await (await bo.send("and on")).sent()).text == "and on"
    await heard(ann, "and on")
    assert ann.ledger.view.mls.tree.leaf(leaf) == bo.ledger.view.mls.tree.leaf(leaf)


async def test_new_keys_come_once_a_week_to_who_writes_and_to_nobody_else(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    cy = await let_in(ann, clients[2], "Cy")
    await (await bo.send("this week")).sent()
    assert commits_of(host, bo) == []
    before = len(commits_of(host, ann))
    for week in (1, 2):
        clock.ahead = week * (WEEK + 60)
        for at in range(3):
            await (await bo.send(f"{week} weeks later, {at}")).sent()
        assert len(commits_of(host, bo)) == week
    await heard(ann, "2 weeks later, 2")
    await heard(cy, "2 weeks later, 2")
    assert commits_of(host, cy) == []
    assert len(commits_of(host, ann)) == before


async def test_two_who_renew_at_once_both_go_on(
    host: MemoryHost, clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    await until(ann, lambda: not ann.ledger.items and not bo.ledger.items)
    monkeypatch.setattr("backchannel.facilitation.duties.PATH_MESSAGES", 3)
    for at in range(20):
        await ann.send(f"ann {at}")
        await bo.send(f"bo {at}")
    for room in (ann, bo):
        await heard(room, "ann 19")
        await heard(room, "bo 19")
    assert texts(ann) == texts(bo)
    assert ann.ledger.view.epoch == bo.ledger.view.epoch > 6


async def test_who_is_alone_needs_no_new_keys(
    host: MemoryHost, clients: list[Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backchannel.facilitation.duties.PATH_MESSAGES", 2)
    ann = await make_room(clients[0], host.url)
    for at in range(6):
        await (await ann.send(f"ann {at}")).sent()
    assert commits_of(host, ann) == []
