"""A server that lies at the door (PROTOCOL.md, 10, 11, 16): nobody comes in unseen or is led elsewhere."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

import msgspec
import pytest

from attack.rooms import rules
from attack.rooms.attacks import Attacks, hold, told_through_a_proxy
from attack.rooms.stage import LOOK_S, Person, Seated, Stage, goes_on, say, stops, until
from backchannel import CommitSkipped, NotAllowed, Role, SeatJoined, Stopped
from backchannel.client import Knocking
from backchannel.joining import Knocker
from backchannel.letters import (
    ANSWER,
    CHALLENGE,
    CLAIM,
    REVEAL,
    Answer,
    Challenge,
    encode_letter,
    parse_letter,
    seal_letter,
)
from backchannel_protocol.events import EventKind, LogEvent
from backchannel_protocol.frames import ClientFrame, Mail, ServerFrame, Submit
from backchannel_protocol.http_bodies import Knock
from backchannel_protocol.ids import b64u
from backchannel_protocol.invitation import Invitation
from backchannel_protocol.keys import generate_key, public_key
from client.people import WAIT_S, knock_of

ATTACKS: Attacks[Stage] = Attacks()


def broken(sealed: bytes) -> bytes:
    return sealed[:-1] + bytes([sealed[-1] ^ 1])


async def settle(*people: Seated) -> None:
    """Until all of these have the same log."""
    async with asyncio.timeout(WAIT_S):
        while len({one.room.ledger.view.chain for one in people}) > 1:  # noqa: ASYNC110 - of several rooms
            await asyncio.sleep(0.02)


# ---- without the link
@ATTACKS.against()
async def swaps_what_is_sealed_in_a_knock(stage: Stage) -> None:
    """The server cannot seal; what it alters is nobody's letter, and the true one still arrives."""
    ann, bo = await stage.pair()
    cy = await stage.person()
    swapping = [CLAIM, REVEAL]

    def down(frame: ServerFrame) -> list[ServerFrame]:
        if isinstance(frame, Mail) and frame.step in swapping:
            return [msgspec.structs.replace(frame, sealed=broken(frame.sealed))]
        return [frame]

    ann.proxy.down = down
    knocking = await cy.client.knock(await ann.room.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    await say(ann, "meanwhile", bo)
    hold(ann.room.knocks() == [], "somebody knocks")
    hold(not knocking._door.knocker.challenge, "an altered claim was answered")
    swapping.clear()
    await ann.proxy.cut()  # the letters come again with the next connection
    knock = await knock_of(ann.room, "Cy")
    hold(await knocking.words() == knock.words, "the words differ")
    await ann.room.approve(knock)
    async with asyncio.timeout(WAIT_S):
        await waiting
    await goes_on(ann, bo)


@ATTACKS.against()
async def answers_a_knock_by_itself(stage: Stage) -> None:
    ann = await stage.found()
    cy = await stage.person()
    link = await ann.room.invite(party="b")
    mailbox = Invitation.parse_link(link)[1].mailbox
    forged = [Mail(mailbox, CHALLENGE, bytes(80)), Mail(mailbox, ANSWER, bytes(80))]
    asked: list[Knock] = []

    def note(knock: Knock) -> Knock:
        asked.append(knock)
        return knock

    cy.proxy.knock = note
    cy.proxy.letters = lambda _: forged
    knocking = await cy.client.knock(link, "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    async with asyncio.timeout(WAIT_S):
        while len(asked) < 3:  # noqa: ASYNC110 - it looks again by polling
            await asyncio.sleep(LOOK_S)
    hold("waiting for the inviting person's device" in knocking.waiting_for, knocking.waiting_for)
    cy.proxy.letters = lambda letters: letters
    await ann.room.approve(await knock_of(ann.room, "Cy"))
    async with asyncio.timeout(WAIT_S):
        await waiting


# ---- with a stolen link
class Between:
    """Has the link and the server: knocks in the guest's place, with keys of its own."""

    def __init__(self, link: str, name: str, cy: Person) -> None:
        self.own = Knocker.generate(link, name, int(time.time()))
        cy.proxy.knock = self.knock

    def knock(self, knock: Knock) -> Knock:
        return self.own.request(knock.step, knock.time)


async def stand_between(stage: Stage) -> tuple[Seated, Knocking, asyncio.Task[object]]:
    ann = await stage.found()
    cy = await stage.person()
    link = await ann.room.invite(party="b")
    Between(link, "Cy", cy)
    knocking = await cy.client.knock(link, "Cy")
    return ann, knocking, asyncio.create_task(knocking.admitted())


async def ended(task: asyncio.Task[object]) -> BaseException | None:
    async with asyncio.timeout(WAIT_S):
        await asyncio.wait([task])
    return task.exception()


@ATTACKS.against(rules.the_words_are_of_what_was_revealed)
async def knocks_in_anothers_place_with_a_stolen_link(stage: Stage) -> None:
    """One guess in 2³³: the words that are read aloud differ."""
    ann, knocking, waiting = await stand_between(stage)
    knock = await knock_of(ann.room, "Cy")
    hold(await knocking.words() != knock.words, "both read the same words")
    await ann.room.decline(knock)
    hold(isinstance(await ended(waiting), NotAllowed), "the guest was not told")


@ATTACKS.against()
async def is_let_in_in_anothers_place(stage: Stage) -> None:
    """Ann did not compare the words: the guest's client sees that it is not the one that was let in."""
    ann, _, waiting = await stand_between(stage)
    await ann.room.approve(await knock_of(ann.room, "Cy"))
    error = await ended(waiting)
    hold(isinstance(error, Stopped) and error.code == "admission-unfit", f"{error!r}")


@ATTACKS.against(rules.the_inviter_answers)
async def answers_a_knock_in_the_inviters_place(stage: Stage) -> None:
    ann = await stage.found()
    cy = await stage.person()
    link = await ann.room.invite(party="b")
    invitation = Invitation.parse_link(link)[1]
    letter = Challenge(b64u(bytes(32)), b64u(public_key(generate_key())))
    cy.proxy.letters = lambda _: [seal_letter(invitation, CHALLENGE, encode_letter(letter))]
    knocking = await cy.client.knock(link, "Cy")
    try:
        async with asyncio.timeout(WAIT_S):
            words = await knocking.words()
    except Stopped as error:
        hold(error.code == "inviter-differs", f"{error!r}")
    else:
        hold(safe=False, reached=f"the guest reads aloud {words}")


# ---- what the letter of admission says
def rewriting(ann: Seated, link: str, change: Callable[[Answer], Answer]) -> None:
    """What only the inviter can do, or who has the link: letter 4 says something else."""
    invitation = Invitation.parse_link(link)[1]

    def up(frame: ClientFrame) -> list[ClientFrame]:
        if not isinstance(frame, Mail) or frame.step != ANSWER:
            return [frame]
        letter = parse_letter(ANSWER, invitation.open(ANSWER, frame.sealed))
        assert isinstance(letter, Answer)
        if letter.answer != "admitted":
            return [frame]
        return [seal_letter(invitation, ANSWER, encode_letter(change(letter)))]

    ann.proxy.up = up


async def admit_with(
    stage: Stage, change: Callable[[Answer], Answer]
) -> tuple[Seated, Seated, Seated | BaseException]:
    """Ann lets Cy in, with a letter that says something else than the room's truth."""
    ann, bo = await stage.pair()
    cy = await stage.person()
    link = await ann.room.invite(party="b")
    rewriting(ann, link, change)
    knocking = await cy.client.knock(link, "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    await ann.room.approve(await knock_of(ann.room, "Cy"))
    async with asyncio.timeout(WAIT_S):
        await asyncio.wait([waiting])
    error = waiting.exception()
    if error is not None:
        return ann, bo, error
    return ann, bo, Seated(cy.client, cy.proxy, waiting.result())


def with_state(**changes: object) -> Callable[[Answer], Answer]:
    return lambda letter: msgspec.structs.replace(letter, state={**letter.state, **changes})


FORGED_STATES: dict[str, Callable[[Answer], Answer]] = {
    "title": with_state(title="Another harbour"),
    "rules": with_state(rules={"version": 1, "lines": ["Everything may be quoted."]}),
    "admission": with_state(admission={"rule": "party", "version": 1}),
    "retention": with_state(retention={"seconds": 60, "after_reading": False}),
}


@pytest.mark.parametrize("forged", FORGED_STATES)
@pytest.mark.parametrize("checked", [True, False], ids=["it fails", "without its rule it succeeds"])
async def test_a_facilitator_who_forges_the_state_for_a_joiner(
    stage: Stage, forged: str, checked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The joiner stops when another member writes, and was shown nothing."""
    if not checked:
        rules.what_others_verified(monkeypatch)
    ann, bo, cy = await admit_with(stage, FORGED_STATES[forged])
    assert isinstance(cy, Seated)
    await say(bo, "what Bo sees is the truth", ann)
    await until(cy, lambda: "what Bo sees is the truth" in cy.texts)
    if checked:
        assert cy.stopped is not None
        assert cy.stopped.code == "state-differs"
        assert cy.texts == []
    else:
        assert cy.stopped is None
    await goes_on(ann, bo)


@ATTACKS.against(rules.what_others_verified)
async def forges_the_chain_for_a_joiner(stage: Stage) -> None:
    ann, bo, cy = await admit_with(
        stage, lambda letter: msgspec.structs.replace(letter, chain=b64u(bytes(32)))
    )
    assert isinstance(cy, Seated)
    await say(bo, "marker", ann)
    await say(ann, "after it", bo)
    await stops(cy, "log-differs", by="after it", shown=[])


@ATTACKS.against(rules.an_entrance_is_checked)
async def leads_a_joiner_into_a_room_without_the_inviter(stage: Stage) -> None:
    """The inviter's seat is a participant in it, and somebody else facilitates."""

    def demote(letter: Answer) -> Answer:
        seats = {
            id_: {**seat, "role": "participant"}
            for id_, seat in letter.state["seats"].items()  # type: ignore[attr-defined] # JSON
        }
        return msgspec.structs.replace(letter, state={**letter.state, "seats": seats})

    _, _, error = await admit_with(stage, demote)
    hold(isinstance(error, Stopped) and error.code == "admission-unfit", f"{error!r}")


@ATTACKS.against(rules.an_entrance_is_checked)
async def hides_a_member_from_a_joiner(stage: Stage) -> None:
    """Bo stands in the group and not in the state: he would read unseen."""

    def hide(letter: Answer) -> Answer:
        seats = {
            id_: seat
            for id_, seat in letter.state["seats"].items()  # type: ignore[attr-defined] # JSON
            if seat["name"] != "Bo"
        }
        return msgspec.structs.replace(letter, state={**letter.state, "seats": seats})

    _, _, error = await admit_with(stage, hide)
    hold(isinstance(error, Stopped) and error.code == "admission-unfit", f"{error!r}")


@ATTACKS.against(rules.an_entrance_is_checked)
async def gives_a_joiner_another_record_key(stage: Stage) -> None:
    _, _, error = await admit_with(stage, with_state(record_key=b64u(public_key(generate_key()))))
    hold(isinstance(error, Stopped) and error.code == "admission-unfit", f"{error!r}")


@ATTACKS.against()
async def spoils_the_welcome(stage: Stage) -> None:
    def spoil(letter: Answer) -> Answer:
        return msgspec.structs.replace(letter, welcome=letter.welcome[:-8] + "AAAAAAAA")

    _, _, error = await admit_with(stage, spoil)
    hold(isinstance(error, Stopped) and error.code == "admission-unfit", f"{error!r}")


# ---- a revoked approval
class Withheld:
    """Ann's server shows her Bea's approval only when Bea has taken it back, and never that she has."""

    def __init__(self, bea: str) -> None:
        self._bea = bea
        self._held: list[LogEvent] = []
        self._hidden = 0
        self.armed = False

    def event(self, event: LogEvent) -> list[LogEvent]:
        if self.armed and b64u(event.seat) == self._bea and event.kind is EventKind.GOVERNANCE:
            self._held.append(event)
            if len(self._held) < 2:
                return []
            self.armed = False
            self._hidden = 1
            return self._held[:1]
        return [msgspec.structs.replace(event, seq=event.seq - self._hidden)]


async def two_parties(stage: Stage) -> tuple[Seated, Seated, Seated]:
    """Ann and Bea of two parties facilitate, one of each must approve; Bo is a member."""
    ann = await stage.found()
    bea = await stage.bring(ann, "Bea", "b", Role.FACILITATOR)
    bo = await stage.bring(ann, "Bo")
    await ann.room.require_each_party()
    await say(bo, "one", ann, bea)
    await settle(ann, bea, bo)
    return ann, bea, bo


async def decided(one: Seated) -> None:
    """Until somebody took the commit, or skipped it."""
    await until(
        one,
        lambda: (
            any(isinstance(fact, CommitSkipped) for fact in one.room.history()) or len(one.room.members()) > 3
        ),
    )


@ATTACKS.against(rules.approvals_are_needed, rules.what_committers_verified, rules.what_others_verified)
async def hides_that_an_approval_was_taken_back(stage: Stage) -> None:
    """Ann's client commits on an approval that is gone: nobody takes the commit, nobody comes in."""
    ann, bea, bo = await two_parties(stage)
    cy = await stage.person()
    knocking = await cy.client.knock(await ann.room.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    await ann.room.approve(await knock_of(ann.room, "Cy"))
    await until(bea, lambda: bool(bea.room.proposals() and bea.room.knocks()))
    await settle(ann, bea, bo)
    liar = Withheld(bea.seat)
    liar.armed = True
    ann.proxy.event = liar.event
    (act,) = bea.room.proposals()
    await bea.room.approve(act)
    await bea.room.unapprove(act)
    for one in (bea, bo):
        await decided(one)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    for one in (bea, bo):
        hold(len(one.room.members()) == 3, "somebody came in on an approval that was taken back")


@ATTACKS.against()
async def delays_that_an_approval_is_taken_back(stage: Stage) -> None:
    """Order is the server's. Bea is told that it was too late, and everybody sees who let Cy in."""
    ann, bea, bo = await two_parties(stage)
    cy = await stage.person()
    knocking = await cy.client.knock(await ann.room.invite(party="b"), "Cy")
    waiting = asyncio.create_task(knocking.admitted())
    await ann.room.approve(await knock_of(ann.room, "Cy"))
    await until(bea, lambda: bool(bea.room.proposals() and bea.room.knocks()))
    (act,) = bea.room.proposals()
    held: list[ClientFrame] = []
    delaying = False

    def up(frame: ClientFrame) -> list[ClientFrame]:
        if delaying and isinstance(frame, Submit):
            held.append(frame)
            return []
        return [frame]

    bea.proxy.up = up
    await bea.room.approve(act)
    delaying = True
    taking_back = asyncio.create_task(bea.room.unapprove(act))
    async with asyncio.timeout(WAIT_S):
        await waiting
    delaying = False
    await bea.proxy.cut()
    try:
        async with asyncio.timeout(WAIT_S):
            await taking_back
    except NotAllowed as error:
        hold(error.code == "approval-unknown", f"{error!r}")
    else:
        hold(safe=False, reached="Bea believes that she took it back")
    for one in (ann, bea, bo):
        (joined,) = [
            fact for fact in one.room.history() if isinstance(fact, SeatJoined) and fact.name == "Cy"
        ]
        hold(set(joined.by) == {ann.seat, bea.seat}, f"by {joined.by}")


test_it_fails, test_without_its_rule_it_succeeds = told_through_a_proxy(ATTACKS)
