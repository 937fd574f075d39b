"""What facilitators change, and what is told of invitations and of what waits."""

from __future__ import annotations

import asyncio

import pytest

from backchannel import (
    BackchannelError,
    Client,
    Delivery,
    InvitationState,
    NotAllowed,
    Role,
    Room,
    Waiting,
)
from backchannel_protocol.events import EventKind
from backchannel_protocol.operations import SetPolicy, parse_operation
from backchannel_protocol.refusals import Code
from client.conftest import Clock
from client.memory_host import MemoryHost
from client.people import heard, knock_of, let_in, make_room, until


async def test_settings_are_changed_by_facilitators_alone(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    await ann.set_title("The lighthouse")
    await ann.set_welcome("Come in.")
    await ann.set_history("briefing")
    await ann.set_retention(3600, after_reading=True)
    await until(bo, lambda: bo.state == ann.state)
    state = bo.state
    assert (bo.title, state.welcome, state.history.value) == ("The lighthouse", "Come in.", "briefing")
    assert (state.retention.seconds, state.retention.after_reading) == (3600, True)
    (log,) = host.logs.values()
    told = [parse_operation(event.body or b"") for event in log.events if event.kind is EventKind.CONTROL]
    policies = [one for one in told if isinstance(one, SetPolicy)]
    assert [(one.retention_s, one.after_reading) for one in policies] == [(3600, True)]
    for act in (bo.set_title("Mine"), bo.set_retention(1), bo.close(), bo.invite(), bo.remove(ann.seat)):
        with pytest.raises(NotAllowed, match="Only facilitators"):
            await act


def states(room: Room) -> list[tuple[str, str | None]]:
    """What became of the invitations, with names."""
    return [(one.state.value, one.name) for one in room.invitations()]


async def test_what_became_of_invitations_is_told(
    host: MemoryHost, clients: list[Client], clock: Clock
) -> None:
    ann = await make_room(clients[0], host.url)
    await let_in(ann, clients[1], "Bo")
    assert states(ann) == [("admitted", "Bo")]
    link = await ann.invite(party="b")
    short = await ann.invite(expires_in_s=3600)
    third = await ann.invite(role=Role.OBSERVER)
    assert states(ann)[1:] == [("not opened", None)] * 3
    knocking = await clients[2].knock(link, "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    await knock_of(ann, "Cy")
    assert states(ann)[1] == ("waiting", "Cy")
    by_id = ann.invitations()[3]
    assert by_id.invited.role is Role.OBSERVER
    assert by_id.state is InvitationState.NOT_OPENED
    await ann.revoke(by_id.mailbox)
    clock.ahead = 3601
    assert [what for what, _ in states(ann)] == ["admitted", "waiting", "expired", "revoked"]
    await ann.revoke(short)
    assert states(ann)[2] == ("revoked", None)
    for gone in (third, by_id.mailbox):
        with pytest.raises(NotAllowed, match="no such open invitation"):
            await ann.revoke(gone)
    with pytest.raises(BackchannelError, match="neither an invitation's link nor its id"):
        await ann.revoke("nonsense")
    waiting.cancel()


async def test_an_approval_is_taken_back(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    cy = await let_in(ann, clients[2], "Cy", "b")
    await ann.require_each_party()
    await until(bea, lambda: bea.state.admission.rule == "party")
    assert await bea.remove(cy.seat) == (("a", "Alpha"),)
    await until(ann, lambda: bool(ann.proposals()))
    (proposal,) = ann.proposals()
    with pytest.raises(NotAllowed, match="no such approval"):
        await ann.unapprove(proposal)
    await bea.unapprove(proposal)
    await until(ann, lambda: not ann.proposals())
    assert cy.seat in ann.members()


async def test_what_waits_is_told_in_order_with_the_reason(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    assert bo.pending() == []
    host.down = True
    host.break_all()
    await until(bo, lambda: not bo.connected)
    first = await bo.send("one")
    await bo.send("two")
    await bo.mark_seen()
    waiting = bo.pending()
    assert [(one.type, one.text) for one in waiting] == [
        ("message", "one"),
        ("message", "two"),
        ("seen", None),
    ]
    assert {(one.delivery, one.why) for one in waiting} == {
        (Delivery.WAITING, "The server does not answer. It is sent when it does.")
    }
    assert {first.why} == {waiting[0].why}
    host.down = False
    message = await first.sent()
    assert first.why is None
    await heard(ann, "one")
    assert {bo.delivery(message), first.delivery} == {Delivery.SENT}
    await ann.mark_seen()
    await until(bo, lambda: bo.delivery(message) is first.delivery is Delivery.SEEN)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Code.MUTED, "muted this seat until"),
        (Code.PAUSED, "The room is paused until"),
        (Code.SLOW_MODE, "slow mode"),
        (Code.STORAGE_FULL, "disk is full"),
        (Code.STALE_EPOCH, "Stuck: the server says that the room went on"),
        (Code.DUPLICATE_ID, "Stuck: the server says that it has something else"),
        (Code.INTERNAL, "Stuck: the server met an error"),
    ],
)
async def test_why_the_server_holds_something_back_is_told(
    host: MemoryHost, clients: list[Client], code: Code, told: str
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    await until(bo, lambda: not bo.ledger.items)
    host.refusing = code
    sent = await bo.send("patience")

    def held() -> list[Waiting]:
        return [one for one in bo.pending() if told in one.why]

    async with asyncio.timeout(10):
        while not held():  # noqa: ASYNC110 - a refusal changes nothing on disk
            await asyncio.sleep(0.005)
    assert [one.text for one in held()] == ["patience"]
    host.refusing = None
    if code in (Code.MUTED, Code.PAUSED, Code.SLOW_MODE):
        await ann.set_retention(3600)  # an operation: the client looks again before the hour is over
    assert (await sent.sent()).text == "patience"
