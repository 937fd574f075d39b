"""VoidCommit at the server: who may, when it takes effect, and what is undone (PROTOCOL.md, section 8)."""

from __future__ import annotations

from backchannel_protocol.connection import State
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Bye
from backchannel_protocol.operations import SeatRemove, SeatSet, VoidCommit
from server.server_kit import Host, Line, Seat, admit, attach_frame, attached, greeted, new_room


def void(seat: Seat, commit: Draft, epoch: int) -> Draft:
    """A VoidCommit by a seat that did not enter the commit's epoch."""
    return seat.operate(VoidCommit(None, commit.id), epoch=epoch, opening=commit.id)


async def commit_of(line: Line, *joiners: Seat, remove: tuple[Seat, ...] = (), bit: bool = False) -> Draft:
    """A commit that nobody enters, with its operations."""
    author = line.seat
    leaves = tuple(int(index) for index in range(1, 1 + len(remove)))
    draft, _ = author.commit(*joiners, remove=leaves)
    told = [author.add(one, may_facilitate=bit) for one in joiners]
    told += [author.operate(SeatRemove(None, one.id)) for one in remove]
    await line.submit(*told, draft)
    return draft


async def test_another_facilitator_takes_back_what_nobody_used_with_its_seats(host: Host) -> None:
    author = await new_room(host)
    gone, other, ghost = (Seat(author.room) for _ in range(3))
    async with attached(host.url, author) as line:
        await admit(line, gone, other, facilitators=[other])
        opening, epoch = author.opening, author.epoch
        commit = await commit_of(line, ghost, remove=(gone,))
        for seat, code in ((gone, "removed"), (ghost, None)):
            assert await sent_away(host, seat) == code
        refused = await line.refuse(void(author, commit, epoch + 1))
        assert refused.code == "not-allowed"
        assert refused.cause == 3 + 3
        async with attached(host.url, other) as second:
            await second.submit(void(other, commit, epoch + 1))
            assert (await second.refuse(void(other, commit, epoch + 1))).code == "stale-epoch"
        async with attached(host.url, gone, cursor=6) as third:
            assert third.attached is not None
            assert (third.attached.epoch, third.attached.opening) == (epoch, opening)
            await third.submit(gone.write())  # and the room goes on in the old epoch
        assert await sent_away(host, ghost) == "removed"
        again, pending = author.commit(ghost)
        await line.submit(author.add(ghost), again)  # who was never there may come in
        author.enter(again, pending, ghost)
    async with attached(host.url, ghost) as third:
        assert third.attached is not None
        assert third.attached.floor == third.log[0].seq == 9


async def test_a_ghost_that_writes_neither_uses_the_epoch_nor_has_a_say(host: Host) -> None:
    author = await new_room(host)
    other, ghost = Seat(author.room), Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, other, may_facilitate=True)
        draft, pending = author.commit(ghost)
        await line.submit(author.add(ghost, may_facilitate=True), draft)
        author.enter(draft, pending, ghost)
        async with attached(host.url, ghost) as third, attached(host.url, other) as second:
            await third.submit(ghost.write())
            await third.submit(ghost.write(kind=EventKind.GOVERNANCE))
            assert (await third.refuse(void(ghost, draft, 2))).code == "not-allowed"
            await second.submit(void(other, draft, 2))
            assert (await third.bye()).code == "removed"
            await second.submit(other.write())


async def test_who_is_alone_takes_back_her_own(host: Host) -> None:
    author = await new_room(host)
    member = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, member)
        commit = await commit_of(line, remove=(member,))
        await line.submit(void(author, commit, 2))
        await line.submit(author.write())
    async with attached(host.url, member) as second:
        await second.submit(member.write())


async def test_once_used_it_needs_more_than_half_of_the_others(host: Host) -> None:
    author = await new_room(host)
    asking = [Seat(author.room) for _ in range(4)]
    member = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, *asking, member, facilitators=asking)
        opening = author.opening
        draft, pending = author.commit()
        ack = await line.submit(draft)
        author.enter(draft, pending)
        async with attached(host.url, member) as second:
            await second.reach(ack.placed[0].seq)
            member.follow(second.log[-1])
            await second.submit(member.write())
            ask = None
            for seat in (asking[0], asking[0], asking[1]):
                async with attached(host.url, seat) as third:
                    ask = ask or await third.submit(void(seat, draft, 2))
                    if seat is not asking[0]:
                        await third.submit(void(seat, draft, 2))
            assert ask is not None
            # while they ask, no commit is put on top by anybody else
            refused = await second.refuse(member.commit()[0])
            assert (refused.code, refused.cause) == ("not-allowed", ask.placed[0].seq)
            assert (await line.refuse(author.commit()[0])).code == "not-allowed"
            await second.submit(member.write())  # two of four: the epoch goes on
        async with attached(host.url, asking[2]) as third:
            await third.submit(void(asking[2], draft, 2))
            await third.submit(asking[2].write())  # in the old epoch
        async with attached(host.url, asking[3]) as third:
            assert third.attached is not None
            assert (third.attached.epoch, third.attached.opening) == (1, opening)


async def test_what_is_not_the_last_commit_is_not_taken_back(host: Host) -> None:
    author = await new_room(host)
    other = Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, other, may_facilitate=True)
        first, pending = author.commit()
        await line.submit(first)
        author.enter(first, pending)
        second, _ = author.commit()
        await line.submit(second)
        async with attached(host.url, other) as third:
            wrong = other.operate(VoidCommit(None, first.id), epoch=3, opening=second.id)
            assert (await third.refuse(wrong)).code == "not-allowed"
            await third.submit(void(other, second, 3))
            await third.submit(void(other, first, 2))
            await third.submit(other.write())


async def test_before_any_commit_there_is_nothing_to_void(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        refused = await line.refuse(author.operate(VoidCommit(None, author.room)))
        assert (refused.code, refused.cause) == ("not-allowed", None)


async def test_a_bit_that_was_set_in_the_voided_epoch_stays_set(host: Host) -> None:
    """SeatSet stands with a governance event, not with the commit: the fold shows it (`operates`)."""
    author = await new_room(host)
    other, third = Seat(author.room), Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, other, third, may_facilitate=True)
        draft, pending = author.commit()
        await line.submit(draft)
        author.enter(draft, pending)
        govern = author.write(kind=EventKind.GOVERNANCE)
        await line.submit(govern, author.operate(SeatSet(govern.id, third.id, False)))
        async with attached(host.url, other) as second:
            await second.submit(void(other, draft, 2))
        async with attached(host.url, third) as second:
            refused = await second.refuse(third.operate(VoidCommit(None, third.opening)))
            assert refused.code == "not-allowed"


async def sent_away(host: Host, seat: Seat) -> str | None:
    """The code with which a seat is sent away when it attaches; None where it is let in."""
    async with greeted(host.url, seat) as (line, hello):
        await line.send(attach_frame(seat, hello))
        while line.connection.state is not State.LIVE:
            frame = await line.frame()
            if isinstance(frame, Bye):
                return frame.code
        return None
