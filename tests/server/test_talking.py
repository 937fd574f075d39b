"""A room as its members meet it: attach, submit, acknowledgement, order, exactly once."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import msgspec

from backchannel_mls import ApplicationReceived, receive
from backchannel_protocol.chain import first_link, next_link
from backchannel_protocol.connection import State
from backchannel_protocol.events import Draft, EventKind, LogEvent
from backchannel_protocol.frames import Ack, Attached, Bye, Checkpoint, Cursor, Events, Submit, encode_frame
from backchannel_protocol.ids import RoomId
from backchannel_protocol.operations import (
    CloseRoom,
    Mute,
    SeatRemove,
    SetPolicy,
)
from backchannel_protocol.record.merkle import tree_root
from backchannel_protocol.record.note import origin, verify_checkpoint
from server.server_kit import Host, Seat, admit, attach_frame, attached, get, greeted, new_room, random_id


async def test_what_one_writes_everybody_reads_in_the_same_order(host: Host) -> None:
    author = await new_room(host)
    others = [Seat(author.room) for _ in range(4)]
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(attached(host.url, author))
        admission = await admit(line, *others)
        lines = [line, *[await stack.enter_async_context(attached(host.url, one)) for one in others]]
        for one in lines:
            for _ in range(20):
                await one.send(Submit([one.seat.write()]))
        head = admission.placed[-1].seq + 100
        logs = [await one.reach(head) for one in lines]
    tail = logs[0][-100:]
    assert all(log[-100:] == tail for log in logs)
    assert [event.seq for event in logs[0]] == list(range(1, head + 1))
    for other in others:  # what was stored decrypts
        theirs = next(event for event in tail if event.seat == author.id)
        assert theirs.body is not None
        read = receive(other.group, theirs.body)
        assert isinstance(read, ApplicationReceived)
        assert read.data == b"words"


async def test_the_ack_comes_before_the_event(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        await line.send(Submit([author.write()]))
        assert isinstance(await line.frame(), Ack)
        assert isinstance(await line.frame(), Events)


async def test_the_same_bytes_again_get_the_old_ack(host: Host) -> None:
    author = await new_room(host)
    drafts = [author.write(), author.write(kind=EventKind.GOVERNANCE)]
    async with attached(host.url, author) as line:
        ack = await line.submit(*drafts)
        commit, pending = author.commit()
        await line.submit(commit)
        author.enter(commit, pending)
    async with attached(host.url, author) as line:  # in another epoch by now
        assert await line.submit(*drafts) == ack
        assert await line.submit(drafts[0]) == ack
        assert len(await line.reach(3)) == 3


async def test_the_same_id_with_other_bytes_is_refused(host: Host) -> None:
    author = await new_room(host)
    draft = author.write()
    async with attached(host.url, author) as line:
        await line.submit(draft)
        other = author.write()
        refused = await line.refuse(replace_id(other, draft.id))
        assert (refused.code, refused.cause) == ("duplicate-id", 1)
        assert (await line.refuse(other, replace_id(author.write(), draft.id))).code == "duplicate-id"
        assert (await line.refuse(other, other)).code == "duplicate-id"
        await line.submit(other)


async def test_another_epoch_is_refused_and_the_next_try_taken(host: Host) -> None:
    author = await new_room(host)
    other = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, other)
        async with attached(host.url, other) as second:
            late = other.write()
            commit, pending = author.commit()
            await line.submit(commit)
            author.enter(commit, pending)
            assert (await second.refuse(late)).code == "stale-epoch"
            await second.reach(3)
            other.follow(second.log[-1])
            await second.submit(other.write())
            forged = replace_opening(other.write(), random_id())
            assert (await second.refuse(forged)).code == "stale-epoch"


async def test_of_two_commits_of_one_epoch_one_is_taken(host: Host) -> None:
    author = await new_room(host)
    other = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, other)
        async with attached(host.url, other) as second:
            drafts = [author.commit()[0], other.commit()[0]]
            answers = await asyncio.gather(line.ask(drafts[0]), second.ask(drafts[1]))
    assert sorted(type(answer).__name__ for answer in answers) == ["Ack", "Refused"]


async def test_a_joiner_sees_nothing_before_its_floor(host: Host) -> None:
    author = await new_room(host)
    joiner = Seat(author.room)
    async with attached(host.url, author) as line:
        for _ in range(5):
            await line.submit(author.write())
        ack = await admit(line, joiner)
        async with attached(host.url, joiner) as second:
            assert second.attached is not None
            assert second.attached.floor == ack.placed[0].seq == 6
            assert [event.seq for event in second.log] == [6, 7]
            await second.submit(joiner.write())


async def test_a_removed_seat_is_cut_off_after_the_event_that_removed_it(host: Host) -> None:
    author = await new_room(host)
    gone, stays = Seat(author.room), Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, gone, stays)
        async with attached(host.url, gone) as first, attached(host.url, stays) as second:
            commit, pending = author.commit(remove=(1,))
            ack = await line.submit(author.operate(SeatRemove(None, gone.id)), commit)
            author.enter(commit, pending)
            assert (await first.bye()).code == "removed"
            assert first.next == ack.placed[-1].seq + 1
            await second.reach(ack.placed[-1].seq)
            stays.follow(second.log[-1])
            await second.submit(stays.write())
        for cursor, lacking in ((0, [1, 2, 3, 4, 5]), (4, [5]), (5, None), (1 << 40, None)):
            assert await shown_to_who_was_removed(host, gone, cursor) == lacking


async def shown_to_who_was_removed(host: Host, seat: Seat, cursor: int) -> list[int] | None:
    """The events that it is sent before it is sent away; None where it is not even attached."""
    async with greeted(host.url, seat, cursor) as (line, hello):
        await line.send(attach_frame(seat, hello, cursor))
        bye = await line.bye()
        assert bye.code == "removed"
        kinds = [state for sender, state, _ in line.wire if sender == "server"]
        return [event.seq for event in line.log] if State.REPLAYING in kinds else None


async def test_who_was_removed_may_say_nothing_while_it_is_shown_why(host: Host) -> None:
    author = await new_room(host)
    gone = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, gone)
        commit, pending = author.commit(remove=(1,))
        draft = gone.write()
        await line.submit(author.operate(SeatRemove(None, gone.id)), commit)
        author.enter(commit, pending)
        async with greeted(host.url, gone) as (other, hello):
            await other.send(attach_frame(gone, hello))
            await other.socket.send(encode_frame(Submit([draft])))
            while not isinstance(frame := await other.frame(), Bye):
                assert isinstance(frame, Attached | Events) or getattr(frame, "code", "") == "removed"
            assert frame.code == "removed"
        last = (await line.submit(author.write())).placed[0].seq
        assert all(event.seat != gone.id for event in await line.reach(last))


async def test_what_a_participant_may_not_do(host: Host) -> None:
    author = await new_room(host)
    other = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, other)
        async with attached(host.url, other) as second:
            commit, pending = other.commit()
            for forbidden in (
                [other.operate(Mute(None, author.id, 1 << 40))],
                [other.add(Seat(author.room)), commit],
                [other.operate(CloseRoom(None))],
            ):
                assert (await second.refuse(*forbidden)).code == "not-allowed"
            await second.submit(commit)  # a path of its own, alone
            other.enter(commit, pending)


async def test_mute_pause_and_slow_mode_name_their_event_and_end(host: Host) -> None:
    author = await new_room(host)
    other = Seat(author.room)
    now = host.clock.now
    async with attached(host.url, author) as line:
        await admit(line, other)
        async with attached(host.url, other) as second:
            ack = await line.submit(author.operate(Mute(None, other.id, now + 60)))
            refused = await second.refuse(other.write())
            assert (refused.code, refused.cause, refused.retry_after_s) == ("muted", ack.placed[0].seq, 60)
            await second.submit(other.write(kind=EventKind.GOVERNANCE))
            host.clock.now += 60
            await second.submit(other.write())
            ack = await line.submit(author.operate(SetPolicy(None, 0, 0, False, now + 100)))
            refused = await second.refuse(other.write())
            assert (refused.code, refused.cause, refused.retry_after_s) == ("paused", ack.placed[0].seq, 40)
            ack = await line.submit(author.operate(SetPolicy(None, 30, 0, False, 0)))
            await second.submit(other.write())
            refused = await second.refuse(other.write())
            assert (refused.code, refused.cause, refused.retry_after_s) == (
                "slow-mode",
                ack.placed[0].seq,
                30,
            )
            host.clock.now += 30
            await second.submit(other.write())


async def test_time_never_goes_back(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        first = await line.submit(author.write())
        host.clock.now -= 1000
        second = await line.submit(author.write())
    assert second.placed[0].time == first.placed[0].time


async def test_a_closed_room_takes_disclosures_alone(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        assert (await line.refuse(author.operate(CloseRoom(None)), author.write())).code == "room-closed"
        ack = await line.submit(author.operate(CloseRoom(None)))
        refused = await line.refuse(author.write())
        assert (refused.code, refused.cause) == ("room-closed", ack.placed[0].seq)
        assert (await line.refuse(author.commit()[0])).code == "room-closed"
        await line.submit(author.write(kind=EventKind.GOVERNANCE))


async def test_the_record_grows_with_the_leaves_and_is_signed(host: Host) -> None:
    author = await new_room(host)
    leaves = [b"\x01" + bytes([n]) * 32 for n in range(3)]
    async with attached(host.url, author) as line:
        for leaf in leaves:
            await line.submit(author.write(kind=EventKind.GOVERNANCE, leaf=leaf))
        note = (await line.until(Checkpoint)).note
        while verify_checkpoint(note, origin(author.room), line.record_key).size < 3:
            note = (await line.until(Checkpoint)).note
    body = verify_checkpoint(note, origin(author.room), line.record_key)
    assert body.root == tree_root(leaves)
    status, text = await get(host.url, "/v1/record/" + origin(author.room).removeprefix("backchannel/"))
    assert (status, text) == (200, note)


async def test_replay_is_everything_from_the_cursor_and_the_chain_agrees(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        for _ in range(30):
            await line.submit(*[author.write(b"x" * 20_000) for _ in range(4)])
            if host.clock.now % 7 == 0:
                host.clock.now += 1
        whole = await line.reach(120)
        await line.send(Cursor(100))
    async with attached(host.url, author, cursor=0) as again:
        assert again.log == whole
    async with attached(host.url, author, cursor=100) as rest:
        assert rest.log == whole[100:]
    link = other = first_link(RoomId(author.room))
    for event, read_again in zip(whole, again.log, strict=True):
        link, other = next_link(link, event), next_link(other, read_again)
    assert link == other


async def test_attaching_while_others_write_misses_nothing_and_doubles_nothing(host: Host) -> None:
    author = await new_room(host)
    readers = [Seat(author.room) for _ in range(6)]
    async with attached(host.url, author) as line:
        await admit(line, *readers)

        async def write() -> None:
            for _ in range(150):
                await line.submit(author.write())

        async def read(seat: Seat) -> list[LogEvent]:
            log: list[LogEvent] = []
            for _ in range(12):  # Line checks that each event is the one that was due
                async with attached(host.url, seat, log[-1].seq if log else 0) as reader:
                    log += await reader.reach(reader.next)
            return log

        writing = asyncio.create_task(write())
        logs = await asyncio.gather(*(read(seat) for seat in readers))
        await writing
        whole = await line.reach(max(len(log) for log in logs))
        for log in logs:
            assert log == whole[: len(log)]


def replace_id(draft: Draft, id_: bytes) -> Draft:
    return msgspec.structs.replace(draft, id=id_)


def replace_opening(draft: Draft, opening: bytes) -> Draft:
    return msgspec.structs.replace(draft, opening=opening)
