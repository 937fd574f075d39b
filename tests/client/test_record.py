"""The record: every act of the table has its leaf, members compute it and keep what it commits to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from backchannel import Client, EventIgnored, Role, Room
from backchannel.inbox import RECORD
from backchannel.promises import PROMISED
from backchannel.room.facts import CommitSkipped, CommitVoided
from backchannel.room.view import Presence
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Submit
from backchannel_protocol.operations import SeatAdd, SeatRemove, parse_operation
from backchannel_protocol.record.entry import Entry
from backchannel_protocol.record.merkle import Frontier
from backchannel_protocol.record.note import CheckpointBody, origin, sign_checkpoint
from client.conftest import Open
from client.memory_host import MemoryHost
from client.people import bo_away, knock_of, let_in, make_room, texts, until


def entries(room: Room) -> dict[int, Entry]:
    """What a member keeps, by the index in the record."""
    return {
        int(name.removeprefix(RECORD)): msgspec.msgpack.decode(note, type=Entry)
        for name, note in room.ledger.notes.items()
        if name.startswith(RECORD)
    }


def called(room: Room) -> list[str]:
    """What the kept entries are called, in order."""
    kept = entries(room)
    return [msgspec.json.decode(kept[index].content)["t"] for index in sorted(kept)]


async def test_a_rooms_life_stands_in_its_record(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    cy = await let_in(ann, clients[2], "Cy", "b")
    await ann.set_rules(["Speak in turns."])
    for one in (bea, cy):
        await until(one, lambda one=one: one.state.rules.version == 2)  # type: ignore[misc] # bound here
        await one.accept_rules()
    await (await ann.send("Nothing of this stands there.")).sent()
    await bea.require_each_party()
    await cy.leave()
    await until(ann, lambda: cy.seat not in ann.members())
    await ann.close()
    for one in (ann, bea):
        await until(one, lambda one=one: one.ledger.view.presence is Presence.ENDED)  # type: ignore[misc] # bound
    life = ["genesis", "admit", "admit", "rules", "rules", "leave", "transcript-close"]
    assert called(ann) == [*life, "disclose", "disclose"]
    log = next(iter(host.logs.values()))
    leaves = [event.leaf for event in log.events if event.leaf is not None]
    assert [entry.leaf() for _, entry in sorted(entries(ann).items())] == leaves
    tree = Frontier().extend(leaves)
    assert ann.ledger.view.record == bea.ledger.view.record == tree
    assert str(tree.size) in host.checkpoint(log.room).splitlines()
    assert {index: entries(ann)[index] for index in entries(bea)} == entries(bea)
    assert all(entry.r not in (event.body or b"") for entry in entries(ann).values() for event in log.events)


Alter = Callable[[list[Draft]], list[Draft]]


def altered(
    change: Callable[[Draft], bytes | None], wanted: Callable[[Draft], bool]
) -> Callable[..., list[Draft]]:
    """Drafts in which those that are wanted have another leaf."""

    def alter(drafts: list[Draft]) -> list[Draft]:
        return [msgspec.structs.replace(one, leaf=change(one)) if wanted(one) else one for one in drafts]

    return alter


def is_governance(draft: Draft) -> bool:
    return draft.kind is EventKind.GOVERNANCE


def is_seat(draft: Draft) -> bool:
    return draft.kind is EventKind.CONTROL and isinstance(parse_operation(draft.body), SeatAdd | SeatRemove)


def write_altered(host: MemoryHost, author: Room, alter: Alter) -> None:
    """From now on the author's leaves are other ones than honest members compute."""

    def lie(frame: Submit) -> bool:
        drafts = alter(frame.drafts)
        if drafts == frame.drafts or author.ledger.stopped is not None:
            return False
        log = next(iter(host.logs.values()))
        if log.seats[author.ledger.view.seat].facilitates:
            host.submit(log, author.ledger.view.seat, drafts)
        return True

    host.lies.append(lie)


WRONG: dict[str, Callable[[Draft], bytes | None]] = {
    "missing": lambda _: None,
    "wrong": lambda _: b"\x01" + bytes(32),
}


@pytest.mark.parametrize("how", WRONG)
async def test_an_act_without_its_leaf_does_not_count(
    host: MemoryHost, clients: list[Client], how: str
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    write_altered(host, ann, altered(WRONG[how], is_governance))
    await ann.ledger.enqueue("governance", "rules", {"lines": ["Unrecorded."]})
    ann._live.wake()
    await until(bo, lambda: ignored(bo) == ["record-unfit"])
    assert bo.state.rules.version == 1
    await until(ann, lambda: ann.ledger.stopped is not None)
    assert ann.ledger.stopped is not None
    assert ann.ledger.stopped.code == "own-altered"


def ignored(room: Room) -> list[str]:
    return [fact.code for fact in room.history() if isinstance(fact, EventIgnored)]


async def test_a_leaf_where_none_belongs_does_not_count(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    write_altered(host, ann, altered(WRONG["wrong"], is_governance))
    await ann.ledger.enqueue("governance", "title", {"title": "Recorded for nothing"})
    ann._live.wake()
    await until(bo, lambda: ignored(bo) == ["record-unfit"])
    assert bo.title == "The harbour"


@pytest.mark.parametrize("how", WRONG)
async def test_a_commit_whose_seats_are_not_recorded_is_skipped(
    host: MemoryHost, clients: list[Client], how: str
) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    knocking = await clients[2].knock(await ann.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    knock = await knock_of(ann, "Cy")
    write_altered(host, ann, altered(WRONG[how], is_seat))
    await ann.approve(knock)
    await until(bea, lambda: any(isinstance(fact, CommitVoided) for fact in bea.history()))
    skipped = [fact.code for fact in bea.history() if isinstance(fact, CommitSkipped)]
    assert skipped == ["record-unfit"]
    assert len(bea.members()) == 2
    assert called(bea)[-1] == "void-commit"
    waiting.cancel()


async def test_what_a_server_signed_binds_it_after_a_restart_too(
    host: MemoryHost, open_client: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bo.db"
    async with bo_away(open_client, host.url, path, "Here.") as (ann, before):
        view = before.ledger.view
        forged = CheckpointBody(origin(view.room), view.record.size + 1, bytes(32))
        with monkeypatch.context() as patch:
            patch.setattr(host, "checkpoint", lambda _: sign_checkpoint(forged, host.record_key))
            async with open_client(path) as client:
                (bo,) = client.rooms.values()
                await until(bo, lambda: bo.connected)
                assert bo.ledger.stopped is None
        async with open_client(path) as client:
            (bo,) = client.rooms.values()
            await until(bo, lambda: bo.connected)
            assert PROMISED in bo.ledger.notes
            await ann.set_retention(86_400)
            await until(bo, lambda: bo.ledger.stopped is not None)
            assert bo.ledger.stopped is not None
            assert bo.ledger.stopped.code == "record-differs"


async def test_what_was_signed_and_came_is_forgotten(
    host: MemoryHost, open_client: Open, tmp_path: Path
) -> None:
    path = tmp_path / "bo.db"
    async with open_client() as first:
        ann = await make_room(first, host.url)
        async with open_client(path) as client:
            bo = await let_in(ann, client, "Bo")
            await (await bo.send("Here.")).sent()
        await ann.set_retention(86_400)
        await (await ann.send("Behind it.")).sent()
        async with open_client(path) as client:
            (bo,) = client.rooms.values()
            await until(bo, lambda: "Behind it." in texts(bo) and PROMISED not in bo.ledger.notes)
            assert bo.ledger.stopped is None
