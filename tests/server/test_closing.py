"""A closed room: chat goes when everybody has it or after a week, all of it after a month (section 3)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from backchannel_protocol.chain import first_link, next_link
from backchannel_protocol.events import EventKind
from backchannel_protocol.frames import Bye, Cursor
from backchannel_protocol.ids import b64u
from backchannel_protocol.limits import CLOSED_CHAT_S, CLOSED_ROOM_S
from backchannel_protocol.operations import CloseRoom, SetPolicy
from backchannel_server.actions import sweep
from backchannel_server.actions.sweep import Swept
from server.mail_kit import Invitee, open_mailbox
from server.server_kit import (
    Clock,
    Host,
    Seat,
    admit,
    attach_frame,
    attached,
    get,
    greeted,
    hosting,
    new_room,
    sweep_folder,
)
from server.stores import store

MESSAGES = 5
NOTHING = Swept(bodies=0, rooms=0)


@dataclass
class Story:
    """A room that was closed, on a server that is stopped."""

    folder: Path
    clock: Clock
    author: Seat
    other: Seat
    invitee: Invitee
    head: int

    def counts(self) -> dict[str, int]:
        return {
            table: store().rows(self.folder, f"SELECT count(*) FROM {table}")[0][0]
            for table in ("rooms", "seats", "events", "invitations", "mail")
        }

    async def read(self, seat: Seat, upto: int) -> None:
        """A seat's device fetches the room up to an event."""
        async with (
            hosting(self.folder, self.clock, sweep_interval_s=1 << 20) as host,
            attached(host.url, seat) as line,
        ):
            await line.reach(upto)
            await line.send(Cursor(upto))
            async with asyncio.timeout(20):
                while self.cursor_of(seat) < upto:  # noqa: ASYNC110 - a cursor is not acknowledged
                    await asyncio.sleep(0.02)

    def cursor_of(self, seat: Seat) -> int:
        """Up to where the server knows that a device has everything."""
        ((cursor,),) = store().rows(self.folder, "SELECT cursor FROM seats WHERE id = :id", id=seat.id)
        return int(cursor)


@pytest.fixture
async def story(tmp_path: Path) -> Story:
    clock, folder = Clock(), tmp_path / "data"
    async with hosting(folder, clock, sweep_interval_s=1 << 20) as host:
        author = await new_room(host)
        other = Seat(author.room)
        async with attached(host.url, author) as line:
            await admit(line, other)
            for _ in range(MESSAGES):
                await line.submit(author.write())
            invitee = await open_mailbox(host, line, lasts_s=CLOSED_CHAT_S)
            await invitee.ask(host, 1, b"claim")
            ack = await line.submit(author.operate(CloseRoom(None)))
    return Story(folder, clock, author, other, invitee, ack.placed[0].seq)


async def test_chat_goes_when_every_seat_has_it(story: Story) -> None:
    await story.read(story.author, story.head)
    assert await sweep_folder(story.folder, story.clock) == NOTHING  # the other has nothing yet
    await story.read(story.other, story.head - 3)  # all but the last message
    assert await sweep_folder(story.folder, story.clock) == Swept(bodies=MESSAGES - 1, rooms=0)
    await story.read(story.other, story.head)
    assert await sweep_folder(story.folder, story.clock) == Swept(bodies=1, rooms=0)
    assert await sweep_folder(story.folder, story.clock) == NOTHING


async def test_chat_goes_after_a_week_whoever_has_it_and_nothing_else_does(story: Story) -> None:
    story.clock.now += CLOSED_CHAT_S - 1
    assert await sweep_folder(story.folder, story.clock) == NOTHING
    story.clock.now += 1
    assert await sweep_folder(story.folder, story.clock) == Swept(bodies=MESSAGES, rooms=0)
    async with hosting(story.folder, story.clock) as host, attached(host.url, story.other) as line:
        log = await line.reach(story.head)
        await line.submit(story.author.write(kind=EventKind.GOVERNANCE))
    assert all((event.body is None) == (event.kind is EventKind.CHAT) for event in log)
    link = first_link(story.author.room)
    for event in log:
        link = next_link(link, event)
    assert len(link) == 32


async def test_an_open_room_keeps_its_chat(tmp_path: Path) -> None:
    clock = Clock()
    async with hosting(tmp_path / "data", clock) as host:
        author = await new_room(host)
        async with attached(host.url, author) as line:
            ack = await line.submit(author.write())
            await line.send(Cursor(ack.placed[0].seq))
    clock.now += 10 * CLOSED_ROOM_S
    assert await sweep_folder(tmp_path / "data", clock) == NOTHING


async def test_after_a_month_nothing_of_the_room_is_left(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep, "BATCH", 3)  # more than one batch
    assert bytes(story.author.room) in store().kept(story.folder)
    story.clock.now += CLOSED_ROOM_S - 1
    await sweep_folder(story.folder, story.clock)
    assert story.counts()["events"] == story.head
    story.clock.now += 1
    assert await sweep_folder(story.folder, story.clock) == Swept(bodies=0, rooms=1)
    assert set(story.counts().values()) == {0}
    assert await sweep_folder(story.folder, story.clock) == NOTHING
    async with hosting(story.folder, story.clock) as host:
        assert (await get(host.url, "/v1/record/" + b64u(story.author.room)))[0] == 404
        assert await say_goodbye(host, story.author) == "unknown-room"
    # on SQLite overwritten, not merely unlinked
    assert bytes(story.author.room) not in store().kept(story.folder)


async def test_another_room_stays_whole(story: Story) -> None:
    async with hosting(story.folder, story.clock, sweep_interval_s=1 << 20, new_token=True) as host:
        neighbour = await new_room(host)
        async with attached(host.url, neighbour) as line:
            await line.submit(neighbour.write())
    story.clock.now += CLOSED_ROOM_S
    assert await sweep_folder(story.folder, story.clock) == Swept(bodies=0, rooms=1)
    async with hosting(story.folder, story.clock) as host, attached(host.url, neighbour) as line:
        assert [event.body is None for event in line.log] == [False]


async def test_a_room_is_unknown_from_the_moment_on_not_from_the_sweep_on(story: Story) -> None:
    async with hosting(story.folder, story.clock, sweep_interval_s=1 << 20) as host:
        async with attached(host.url, story.author) as line:
            story.clock.now += CLOSED_ROOM_S
            draft = story.author.write(kind=EventKind.GOVERNANCE)
            assert (await line.refuse(draft)).code == "unknown-room"
        assert await say_goodbye(host, story.other) == "unknown-room"
        assert (await get(host.url, "/v1/record/" + b64u(story.author.room)))[0] == 404
        assert story.counts()["events"] == story.head  # no sweep yet


async def test_who_is_attached_is_told_when_the_room_goes(story: Story) -> None:
    async with (
        hosting(story.folder, story.clock, sweep_interval_s=1) as host,
        attached(host.url, story.author) as line,
    ):
        story.clock.now += CLOSED_ROOM_S
        assert (await line.bye()).code == "unknown-room"


async def test_a_closed_room_takes_no_knock(story: Story) -> None:
    async with hosting(story.folder, story.clock) as host:
        async with attached(host.url, story.author) as line:
            await line.submit(story.author.operate(SetPolicy(None, 0, 60, False, 0)))
        assert await story.invitee.ask(host, 1, b"claim") == []  # it stands there already
        assert await story.invitee.ask(host, 3, b"reveal") == "room-closed"
        assert await story.invitee.ask(host, 0, None) == []


async def say_goodbye(host: Host, seat: Seat) -> str:
    """The code with which a seat is sent away when it attaches."""
    async with greeted(host.url, seat) as (line, hello):
        await line.send(attach_frame(seat, hello))
        frame = await line.frame()
        assert isinstance(frame, Bye)
        return frame.code
