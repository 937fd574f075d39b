"""What people do in a room, from invitation to farewell, with the real MLS and a server in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from backchannel import (
    Client,
    Delivery,
    MessageRetracted,
    NotAllowed,
    Outgoing,
    Role,
    RoomEntered,
    SeatJoined,
    SeatLeft,
    ServerRefused,
)
from backchannel_mls import XWING_AES256GCM_SHA512_ED25519
from backchannel_protocol.refusals import Code
from client.conftest import Open
from client.memory_host import MemoryHost
from client.people import heard, knock_of, let_in, make_room, texts, until


async def test_two_people_talk_reply_retract_and_see(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url, suite=XWING_AES256GCM_SHA512_ED25519)
    bo = await let_in(ann, clients[1], "Bo")
    sent = await bo.send("Good morning.", quotable="anonymous")
    await sent.sent()
    assert sent.delivery is Delivery.SENT
    question = await heard(ann, "Good morning.")
    assert (question.name, question.exposure.quotable) == ("Bo", "anonymous")
    answer = await ann.reply(question, "Good morning to you.")
    answered = await heard(bo, "Good morning to you.")
    assert answered.reply_to == question.id
    await bo.mark_seen()
    await until(ann, lambda: answer.seen_by == 1)
    await ann.retract(await answer.sent())
    await until(bo, lambda: any(isinstance(fact, MessageRetracted) for fact in bo.history()))
    assert texts(ann) == texts(bo) == ["Good morning.", None]
    assert ann.state == bo.state
    with pytest.raises(NotAllowed, match="author"):
        await bo.retract(answered)


async def test_rules_come_before_words(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo", accept=False)
    with pytest.raises(NotAllowed, match="Accept the room's rules"):
        await bo.send("May I?")
    await bo.accept_rules()
    await (await bo.send("I may.")).sent()
    await ann.set_rules(["Speak for yourself.", "One at a time."])
    await until(bo, lambda: bo.state.rules.version == 2)
    with pytest.raises(NotAllowed, match="Accept the room's rules"):
        await bo.send("Still?")


async def test_each_party_must_approve_and_the_invitee_is_told_for_whom_it_waits(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    with pytest.raises(NotAllowed, match="needs a facilitator"):
        await ann.require_each_party()
    bea = await let_in(ann, clients[1], "Bea", "b", Role.FACILITATOR)
    await ann.require_each_party()
    link = await ann.invite(party="b")
    knocking = await clients[2].knock(link, "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    knock = await knock_of(ann, "Cy")
    assert await ann.approve(knock) == (("b", "Beta"),)
    expected = "not admitted yet: waiting for a facilitator of party Beta"
    async with asyncio.timeout(10):
        while knocking.waiting_for != expected:  # noqa: ASYNC110 - it is told by polling
            await asyncio.sleep(0.01)
    assert len(ann.members()) == 2
    await until(bea, lambda: bool(bea.proposals()))
    (proposal,) = bea.proposals()
    assert proposal.name == "Cy"
    assert await bea.approve(proposal) == ()
    cy = await waiting
    await cy.accept_rules()
    joined = [fact for fact in bea.history() if isinstance(fact, SeatJoined) and fact.name == "Cy"]
    assert set(joined[0].by) == {ann.seat, bea.seat}
    await (await cy.send("Three of us.")).sent()
    for room in (ann, bea):
        await heard(room, "Three of us.")
    assert ann.state == bea.state == cy.state


async def test_who_joins_later_has_no_history(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    await (await ann.send("Before anybody came.")).sent()
    bo = await let_in(ann, clients[1], "Bo")
    assert bo.state.history.value == "none"
    await (await ann.send("Now.")).sent()
    await heard(bo, "Now.")
    assert texts(bo) == ["Now."]
    first = bo.history()[0]
    assert isinstance(first, RoomEntered)
    assert first.sentence == bo.history_rule
    assert first.sentence.startswith(
        "What was said before you came is not shown: this room's history rule is"
    )
    assert not any(isinstance(fact, RoomEntered) for fact in ann.history())
    await ann.set_history("briefing")
    await until(bo, lambda: "briefing" in bo.history_rule)


async def test_leaving_and_removing(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    cy = await let_in(ann, clients[2], "Cy")
    await bo.leave()
    await until(ann, lambda: bo.seat not in ann.members())
    await ann.remove(cy.seat)
    await until(ann, lambda: cy.seat not in ann.members())
    gone = {fact.name: fact.how for fact in ann.history() if isinstance(fact, SeatLeft)}
    assert gone == {"Bo": "left", "Cy": "removed"}
    await until(cy, lambda: cy._live.error is not None)
    assert [fact async for fact in cy.events()] == []
    with pytest.raises(NotAllowed, match="only facilitator"):
        await ann.leave()


async def test_a_knock_is_declined_and_an_invitation_revoked(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    knocking = await clients[1].knock(await ann.invite(), "Bo")
    waiting = asyncio.create_task(knocking.admitted())
    await ann.decline(await knock_of(ann, "Bo"))
    with pytest.raises(NotAllowed, match="declined"):
        await waiting
    assert ann.knocks() == []
    link = await ann.invite()
    await ann.revoke(link)
    with pytest.raises(ServerRefused, match="revoked, used"):
        await (await clients[2].knock(link, "Cy")).words()


async def test_an_invitation_works_once(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    link = await ann.invite()
    await (await clients[1].knock(link, "Bo")).words()
    with pytest.raises(ServerRefused, match="Somebody else opened this invitation first"):
        await (await clients[2].knock(link, "Thief")).words()


async def test_what_is_written_offline_goes_out_in_order_later(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    host.down = True
    host.break_all()
    sent = [await bo.send(f"offline {at}") for at in range(5)]
    assert {one.delivery for one in sent} == {Delivery.WAITING}
    host.down = False
    await heard(ann, "offline 4")
    assert texts(ann) == [f"offline {at}" for at in range(5)]


async def test_words_wait_while_the_room_changes_its_keys(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    joining = asyncio.create_task(let_in(ann, clients[2], "Cy"))
    sent: list[Outgoing] = []
    while not joining.done():
        sent.append(await bo.send(f"meanwhile {len(sent)}"))
        await sent[-1].sent()
    await joining
    await heard(ann, f"meanwhile {len(sent) - 1}")
    assert texts(ann) == texts(bo) == [f"meanwhile {at}" for at in range(len(sent))]


async def test_a_closed_room_takes_nothing_more(host: MemoryHost, clients: list[Client]) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    host.refusing = Code.TOO_FAST
    late = await bo.send("One more thing.")
    await ann.close()
    await until(bo, lambda: bo.state.closed is not None)
    host.refusing = None
    with pytest.raises(NotAllowed, match="closed"):
        await late.sent()
    with pytest.raises(NotAllowed, match="it can be read"):
        await bo.send("And another.")
    assert late.delivery is Delivery.FAILED
    assert bo.ledger.failure(late.item.place) is not None


async def test_a_profile_opened_at_rest_connects_only_the_room_that_is_asked_for(
    host: MemoryHost, open_client: Open, clients: list[Client], tmp_path: Path
) -> None:
    path = tmp_path / "profile.db"
    async with open_client(path) as client:
        bo = [await let_in(await make_room(one, host.url), client, "Bo") for one in clients[:2]]
        rooms = [next(iter(one.rooms.values())) for one in clients[:2]]
    await (await rooms[0].send("Where is Bo?")).sent()
    async with open_client(path, connect=False) as client:
        asked, other = client.rooms[bo[0].id], client.rooms[bo[1].id]
        assert texts(asked) == []
        client.connect(asked)
        await asked.caught_up()
        assert texts(asked) == ["Where is Bo?"]
        assert (asked.current, other.current, other.connected) == (True, False, False)


async def test_a_removed_seat_is_told_so_instead_of_waiting_for_ever(
    host: MemoryHost, clients: list[Client]
) -> None:
    ann = await make_room(clients[0], host.url)
    bo = await let_in(ann, clients[1], "Bo")
    await ann.remove(bo.seat)
    async with asyncio.timeout(10):
        async for _ in bo.events():
            pass
    with pytest.raises(ServerRefused, match="no longer in the room"):
        await bo.caught_up()
    assert isinstance(bo.stopped, ServerRefused)
