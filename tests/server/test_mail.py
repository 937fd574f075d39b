"""An invitation's mailbox, from claim to answer (PROTOCOL.md, section 10)."""

from __future__ import annotations

import msgspec
import pytest

from backchannel_protocol.frames import Mail, Refused
from backchannel_protocol.keys import generate_key, public_key
from backchannel_protocol.operations import InvitationClose
from server.mail_kit import Invitee, ask, new_invitation, open_mailbox
from server.server_kit import Host, Seat, admit, attached, new_room, post


async def test_from_claim_to_answer_with_the_facilitator_away_in_between(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        invitee = await open_mailbox(host, line)
        box = invitee.invitation.mailbox
        assert await invitee.ask(host, 1, b"claim") == []
        assert await line.until(Mail) == Mail(box, 1, b"claim")
        await line.send(Mail(box, 2, b"challenge"))
        assert await line.until(Mail) == Mail(box, 2, b"challenge")  # its acknowledgement
        assert await invitee.ask(host, 0, None) == [(2, b"challenge")]
    assert await invitee.ask(host, 3, b"reveal") == [(2, b"challenge")]
    async with attached(host.url, author) as line:
        steps = [(await line.until(Mail)).step for _ in range(3)]
        assert steps == [1, 2, 3]
        await line.send(Mail(box, 4, b"waiting"))
        await line.until(Mail)
        await line.submit(author.operate(InvitationClose(None, box)))
        await line.send(Mail(box, 4, b"welcome"))
        await line.until(Mail)
        await line.send(Mail(box, 4, b"welcome"))  # again: acknowledged, written once
        await line.until(Mail)
    assert await invitee.ask(host, 0, None) == [(2, b"challenge"), (4, b"waiting"), (4, b"welcome")]


async def test_only_facilitators_of_the_room_get_the_mail(host: Host) -> None:
    author = await new_room(host)
    second, participant = Seat(author.room), Seat(author.room)
    async with attached(host.url, author) as line:
        await admit(line, second, may_facilitate=True)
        await admit(line, participant)
        async with attached(host.url, second) as other, attached(host.url, participant) as third:
            invitee = await open_mailbox(host, line)
            await invitee.ask(host, 1, b"claim")
            await line.until(Mail)
            await other.until(Mail)
            ack = await line.submit(author.write())
            while third.next <= ack.placed[0].seq:
                assert not isinstance(await third.frame(), Mail)
    stranger = await new_room(host)
    async with attached(host.url, stranger) as line:
        await line.send(Mail(invitee.invitation.mailbox, 2, b"x"))
        assert (await line.until(Refused)).code == "mailbox-closed"


async def test_the_first_knock_closes_the_mailbox_to_others(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        invitee = await open_mailbox(host, line)
        thief = Invitee(invitee.invitation)
        assert await invitee.ask(host, 1, b"claim") == []
        assert await invitee.ask(host, 1, b"claim") == []
        assert await invitee.ask(host, 1, b"other claim") == "duplicate-id"
        assert await thief.ask(host, 1, b"claim") == "mailbox-taken"
        assert await thief.ask(host, 0, None) == "bad-signature"
        assert await invitee.ask(host, 3, b"reveal") == "out-of-state"  # before the challenge


async def test_a_claim_whose_key_was_swapped_on_the_way_is_refused(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        invitee = await open_mailbox(host, line)
        claim = invitee.knock(1, b"claim", host.clock.now)
        for other in (public_key(generate_key()), bytes(32)):
            assert await ask(host, msgspec.structs.replace(claim, claim_key=other)) == "bad-signature"
        assert await ask(host, msgspec.structs.replace(claim, claim_key=None)) == "malformed"
        look = invitee.knock(0, None, host.clock.now)
        assert await ask(host, claim) == []  # the swapped ones took nothing
        assert await ask(host, msgspec.structs.replace(look, claim_key=bytes(32))) == "bad-signature"
        assert await ask(host, look) == []


async def test_what_an_invitee_may_not_do(host: Host) -> None:
    author = await new_room(host)
    async with attached(host.url, author) as line:
        invitee = await open_mailbox(host, line, lasts_s=100)
        now = host.clock.now
        assert await ask(host, invitee.knock(1, b"claim", now - 301)) == "expired"
        assert await ask(host, invitee.knock(1, b"claim", now, key=generate_key())) == "bad-signature"
        assert await ask(host, invitee.knock(0, None, now)) == "out-of-state"
        assert await Invitee(new_invitation()).ask(host, 1, b"claim") == "mailbox-closed"
        host.clock.now += 100
        assert await invitee.ask(host, 1, b"claim") == "expired"
        revoked = await open_mailbox(host, line)
        await line.submit(author.operate(InvitationClose(None, revoked.invitation.mailbox)))
        assert await revoked.ask(host, 1, b"claim") == "mailbox-closed"


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x90", b"x" * 600_000])
async def test_bodies_that_are_none(host: Host, body: bytes) -> None:
    for path in ("/v1/mail", "/v1/rooms"):
        status, answer = await post(host.url, path, body, {"Authorization": "Bearer x"})
        assert msgspec.msgpack.decode(answer, type=Refused).code == (
            "too-large" if len(body) > 9 else "malformed"
        )
        assert status in (400, 413)
