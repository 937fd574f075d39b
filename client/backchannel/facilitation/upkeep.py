"""Doing what the room's state asks of this seat's client: duties become items of the outbox."""

from __future__ import annotations

from backchannel.facilitation.duties import (
    acts_due,
    disclosure_due,
    is_given_up,
    party_rule_due,
    path_due,
    plans_due,
    still_wanted,
    void_due,
)
from backchannel.facilitation.knocks import KNOCK, decline_revoked, packages_of, publish
from backchannel.inbox import INVITE, PATH
from backchannel.ledger import PARTY_RULE, Change, Ledger
from backchannel.outbox import Item, Plan
from backchannel_protocol.canonical import JsonObject
from backchannel_protocol.ids import b64u, parse_b64u
from backchannel_protocol.operations import SeatSet
from backchannel_protocol.room.state import Act, Role


async def do_duties(ledger: Ledger, now: int, *, confirm: bool) -> None:
    """Writes down what is due; `confirm`: somebody came in, and waits for our word on the state."""
    async with ledger.lock:
        void = void_due(ledger.view)
        if void is not None and not any(item.voids() for item in ledger.items.values()):
            await ledger.enqueue_plain(void)
        await _renew(ledger, now)
        planned = {item.plan.seat for item in ledger.items.values() if item.plan is not None}
        for plan in plans_due(ledger.view, packages_of(ledger.notes), now):
            if plan.seat not in planned:
                await ledger.enqueue_plain(Item(place=0, lane="governance", plan=plan))
        for act in acts_due(ledger.view, now):
            await _do_act(ledger, act)
        await _set_party_rule(ledger)
        await publish(ledger)
        await decline_revoked(ledger)
        await _close_used(ledger)
        await _disclose(ledger)
        if is_given_up(ledger.view):
            if not any(item.lane == "governance" and item.type for item in ledger.items.values()):
                await ledger.enqueue("governance", "confirm", {})
        elif confirm and not ledger.items:
            await ledger.enqueue("governance", "confirm", {})


def renews(ledger: Ledger, now: int) -> bool:
    """Whether this seat has to renew its keys before it writes on."""
    writes = any(item.lane == "chat" for item in ledger.items.values())
    renewed = int(ledger.notes.get(PATH, b"%d" % now))
    return path_due(ledger.view, now - renewed, writes=writes)


def is_wanted(ledger: Ledger, plan: Plan, now: int) -> bool:
    """Whether a planned commit has still something to do."""
    return renews(ledger, now) if plan.path else still_wanted(ledger.view, plan)


async def _renew(ledger: Ledger, now: int) -> None:
    if PATH not in ledger.notes:
        await ledger.store(Change(notes={PATH: b"%d" % now}))
    if renews(ledger, now) and not any(item.renews for item in ledger.items.values()):
        plan = Plan(ledger.view.own, path=True)
        await ledger.enqueue_plain(Item(place=0, lane="governance", plan=plan))


async def _do_act(ledger: Ledger, act: Act) -> None:
    """A change that has its approvals, unless it waits in the outbox already."""
    type_ = {"role": "role", "rule": "admission"}[act.act]
    if any(item.type == type_ for item in ledger.items.values()):
        return
    if act.act == "rule":
        await ledger.enqueue("governance", type_, {"rule": act.admission})
        return
    assert ledger.view.state is not None
    assert act.seat is not None
    assert act.role is not None
    facilitates = act.role is Role.FACILITATOR
    told = ledger.view.state.seats[act.seat].operates == facilitates
    operations = () if told else (SeatSet(None, parse_b64u(act.seat), facilitates),)
    body: JsonObject = {"seat": act.seat, "role": act.role.value, "party": act.party}
    await ledger.enqueue("governance", type_, body, operations)


async def _set_party_rule(ledger: Ledger) -> None:
    """What was wished of the admission rule, when the room takes it."""
    state = ledger.view.state
    if PARTY_RULE not in ledger.notes or state is None:
        return
    if state.admission.rule == "party":
        await ledger.store(Change(drop_notes={PARTY_RULE}))
    elif party_rule_due(ledger.view) and not any(one.type == "admission" for one in ledger.items.values()):
        await ledger.enqueue("governance", "admission", {"rule": "party"})


async def _disclose(ledger: Ledger) -> None:
    """From now on everybody in the room could have written what this seat wrote."""
    if disclosure_due(ledger.view) and not any(one.type == "disclose" for one in ledger.items.values()):
        await ledger.enqueue("governance", "disclose", {"leaf": b64u(ledger.keys.leaf_key)})


async def _close_used(ledger: Ledger) -> None:
    """What was kept of an invitation goes when it led somebody in for good."""
    state = ledger.view.state
    if state is None or ledger.view.previous:
        return
    over = {b64u(plan.mailbox) for plan in packages_of(ledger.notes).values() if plan.seat in state.seats}
    if over:
        gone = {name + mailbox for name in (KNOCK, INVITE) for mailbox in over}
        await ledger.store(Change(drop_notes=gone))
