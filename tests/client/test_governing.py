"""What facilitators change, and what is told of invitations and of what waits."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backchannel import (
    BackchannelError,
    Client,
    Delivery,
    EventIgnored,
    InvitationState,
    KnockArrived,
    NotAllowed,
    OperationUnfit,
    Role,
    Room,
    Waiting,
)
from backchannel.facilitation.duties import acts_due
from backchannel.outbox import Item
from backchannel_protocol.events import EventKind
from backchannel_protocol.operations import (
    CloseRoom,
    InvitationOpen,
    Mute,
    Operation,
    SetPolicy,
    encode_operation,
    parse_operation,
)
from backchannel_protocol.refusals import Code
from client.conftest import Clock, Open
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


async def two_facilitators(host: MemoryHost, clients: list[Client]) -> tuple[Room, Room]:
    """Ann of Alpha and Bea of Beta, under the strict rule."""
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    await ann.require_each_party()
    await until(bea, lambda: bea.state.admission.rule == "party")
    return ann, bea


async def test_the_rule_is_loosened_with_what_the_strict_rule_needs(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann, bea = await two_facilitators(host, clients)
    assert await ann.require_any_facilitator() == (("b", "Beta"),)
    await until(bea, lambda: bool(bea.proposals()))
    (proposal,) = bea.proposals()
    assert (proposal.act, proposal.admission) == ("rule", "any")
    assert bea.state.admission.rule == "party"
    assert await bea.approve(proposal) == ()
    for room in (ann, bea):
        await until(room, lambda room=room: room.state.admission.rule == "any")  # type: ignore[misc] # bound
        await until(room, lambda room=room: not room.ledger.items)  # type: ignore[misc] # bound here
        assert not any(isinstance(fact, EventIgnored) for fact in room.history())
    with pytest.raises(NotAllowed, match="already"):
        await ann.require_any_facilitator()


async def test_a_role_changes_when_it_is_approved_and_the_server_is_told(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann, bea = await two_facilitators(host, clients)
    cy = await let_in(ann, clients[2], "Cy", "b", also=(bea,))
    (log,) = host.logs.values()
    assert await ann.set_role(cy.seat, Role.FACILITATOR) == (("b", "Beta"),)
    await until(bea, lambda: bool(bea.proposals()))
    assert await bea.approve(bea.proposals()[0]) == ()
    for room in (ann, bea, cy):
        await until(room, lambda room=room: room.state.seats[cy.seat].operates)  # type: ignore[misc] # bound
        assert room.state.seats[cy.seat].role is Role.FACILITATOR
    assert log.seats[cy.ledger.view.seat].facilitates
    assert set(ann.state.seats[cy.seat].by) == {ann.seat, bea.seat}
    # and back: the one whom it is about approves, too, and others do it
    assert await cy.set_role(cy.seat, Role.OBSERVER, party=None) == (("a", "Alpha"),)
    await until(ann, lambda: bool(ann.proposals()))
    await ann.approve(ann.proposals()[0])
    for room in (ann, bea, cy):
        await until(room, lambda room=room: not room.state.seats[cy.seat].operates)  # type: ignore[misc] # bound
        assert room.state.seats[cy.seat].role is Role.OBSERVER
        assert room.state.seats[cy.seat].party is None
        assert not any(isinstance(fact, EventIgnored) for fact in room.history())
    assert not log.seats[cy.ledger.view.seat].facilitates
    with pytest.raises(NotAllowed, match="has this role already"):
        await ann.set_role(cy.seat, Role.OBSERVER)
    with pytest.raises(NotAllowed, match="nobody becomes one"):
        await ann.set_role(cy.seat, Role.BOT)
    with pytest.raises(NotAllowed, match="no such seat"):
        await ann.set_role(ann.id, Role.OBSERVER)


async def test_the_only_facilitator_stays_one(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    with pytest.raises(NotAllowed, match="without a facilitator"):
        await ann.set_role(ann.seat, Role.PARTICIPANT)


async def test_another_facilitator_does_what_the_first_one_is_not_there_to_do(
    host: MemoryHost, clients: list[Client], clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bea approves last and goes offline in the same moment; Ann's client does it a minute later."""
    monkeypatch.setattr("backchannel.live.DUTIES_S", 0.02)
    ann, bea = await two_facilitators(host, clients)
    await ann.require_any_facilitator()
    await until(bea, lambda: bool(bea.proposals()))
    monkeypatch.setattr(
        "backchannel.facilitation.upkeep.acts_due",
        lambda view, now: [] if view.own == bea.seat else acts_due(view, now),
    )
    await bea.approve(bea.proposals()[0])
    await until(ann, lambda: not ann.proposals())
    assert ann.state.admission.rule == "party"
    clock.ahead = 61
    await until(ann, lambda: ann.state.admission.rule == "any")


async def test_every_facilitator_sees_who_knocks_with_the_same_words_and_may_answer(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    dee = await let_in(ann, clients[3], "Dee", "b")
    knocking = await clients[2].knock(await ann.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    seen = await knock_of(bea, "Cy")
    assert seen.words == (await knock_of(ann, "Cy")).words == await knocking.words()
    told = [fact for fact in bea.history() if isinstance(fact, KnockArrived) and fact.name == "Cy"]
    assert [fact.words for fact in told] == [seen.words]
    assert not any(isinstance(fact, KnockArrived) for fact in dee.history())
    await bea.approve(seen)
    async with asyncio.timeout(10):
        cy = await waiting
    assert bea.seat in bea.state.seats[cy.seat].by
    assert states(bea)[-1] == ("admitted", "Cy")
    assert ann.knocks() == bea.knocks() == []
    with pytest.raises(NotAllowed, match="may be over"):
        await bea.approve(seen)


async def test_a_knock_is_declined_by_a_facilitator_who_did_not_open_the_door(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    knocking = await clients[2].knock(await ann.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    declined = await knock_of(bea, "Cy")
    await bea.decline(declined)
    with pytest.raises(NotAllowed, match="declined"):
        async with asyncio.timeout(10):
            await waiting
    assert bea.knocks() == []
    await until(ann, lambda: not ann.knocks())
    assert states(ann)[-1] == ("revoked", None)
    await until(ann, lambda: not any(declined.mailbox in name for name in ann.ledger.notes))
    assert not any(declined.joining in name for name in ann.ledger.notes)


async def test_an_inbox_key_is_rotated_and_the_old_one_is_gone(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    ann = await make_room(clients[0], host.url)
    path = tmp_path / "bo.db"
    async with open_client(path) as client:
        bo = await let_in(ann, client, "Bo")
        old = bo.ledger.keys
        await bo.rotate_inbox()
        new = bo.ledger.keys
        assert new.inbox_key != old.inbox_key
        assert bo.state.seats[bo.seat].keys == new.public()
        assert not any(name.startswith("inbox/") for name in bo.ledger.notes)
        await until(ann, lambda: ann.state.seats[bo.seat].keys.inbox == new.public().inbox)
        await (await bo.send("Still here.")).sent()
    async with open_client(path) as client:
        (bo,) = client.rooms.values()
        assert bo.ledger.keys == new
        cy = await let_in(ann, clients[2], "Cy")
        assert cy.state.seats[bo.seat].keys == new.public()


async def test_a_name_that_cannot_be_one_is_told_before_the_knock(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    link = await ann.invite()
    for name in ("", "A" * 81, "A\u200bnn", " Ann"):
        with pytest.raises(BackchannelError, match="A name has 1 to 80 characters"):
            await clients[1].knock(link, name)


async def warned(room: Room) -> None:
    await until(room, lambda: isinstance(room.history()[-1], OperationUnfit))


@pytest.mark.parametrize(
    ("operation", "name", "told"),
    [
        (SetPolicy(None, 0, 60, False, 0), "policy", "another retention, slow mode or pause"),
        (Mute(None, bytes(16), 1 << 40), "mute", "to take no messages from a seat"),
        (InvitationOpen(None, bytes(16), bytes(32), 1 << 40), "invitation-open", "to open an invitation"),
        (CloseRoom(None), "close", "to close the room"),
    ],
)
async def test_who_tells_the_server_something_else_than_the_members_is_named(
    host: MemoryHost, clients: list[Client], operation: Operation, name: str, told: str
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    async with ann.ledger.lock:
        alone = Item(place=0, lane="governance", operations=(encode_operation(operation),))
        await ann.ledger.enqueue_plain(alone)
    ann._live.wake()
    for room in (ann, bo):
        await warned(room)
        fact = room.history()[-1]
        assert isinstance(fact, OperationUnfit)
        assert (fact.seat, fact.operation, fact.code) == (ann.seat, name, "operations-unfit")
        assert f"Ann's device told the server {told}" in fact.sentence
        assert "nobody is let in by it" in fact.sentence
        assert room.state.closed is None
