"""`backchannel admit`: who knocks, what other facilitators propose, and your answer."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import click

from backchannel import KnockArrived, Room, text
from backchannel.cli.base import Command, options, run
from backchannel.cli.opening import done, in_room, room_option
from backchannel.cli.output import Record
from backchannel.cli.questions import at_terminal, choice_asked
from backchannel.cli.words import described, listed, party_name, seat_name
from backchannel.errors import BackchannelError
from backchannel_protocol.room.state import Act

RULE: Final = "rule"
"""By which name the one act is approved that is about nobody."""

WELCOME_S: Final = 30.0
"""How long a facilitator's device stays to bring in whom it admitted."""


@dataclass(frozen=True, slots=True)
class Question:
    """Something that a facilitator decides: a knock, or what another facilitator proposes."""

    name: str
    wanted: KnockArrived | Act
    words: tuple[str, ...]
    line: str
    seat: str

    def record(self) -> Record:
        """For programs."""
        act = "add" if isinstance(self.wanted, KnockArrived) else self.wanted.act
        return {
            "act": act,
            "seat": self.seat,
            "name": self.name,
            "words": list(self.words),
            "line": self.line,
        }


def questions(room: Room) -> list[Question]:
    """What waits for this seat's answer. Pure but for the room."""
    knocks = room.knocks()
    seats = {knock.joining for knock in knocks}
    own = [one.act for one in room.state.approvals.values() if one.by == room.seat]
    approved = {act.seat for act in own}
    found = [_of_knock(room, knock) for knock in knocks if knock.joining not in approved]
    proposed = (act for act in room.proposals() if act.seat not in seats | approved)
    return found + [_of_act(room, act) for act in proposed]


def _of_knock(room: Room, knock: KnockArrived) -> Question:
    who = f"{text.name(knock.name)} ({described(room.state, knock.role, knock.party)})"
    line = f"{who} knocks. Their words: {' '.join(knock.words)}"
    return Question(knock.name, knock, knock.words, line, knock.joining)


def _of_act(room: Room, act: Act) -> Question:
    state, seat = room.state, act.seat or ""
    called = act.name or (state.seats[seat].name if seat in state.seats else RULE)
    by = listed([seat_name(state, one.by) for one in state.approvals.values() if one.act.seat == act.seat])
    role = "" if act.role is None else described(state, act.role.value, act.party)
    what = {
        "add": f"to admit {text.name(called)} ({role})",
        "remove": f"to remove {text.name(called)}",
        "role": f"that {text.name(called)} becomes {role}",
    }.get(act.act, "that one facilitator alone may admit and remove again")
    return Question(called, act, (), f"{by} proposes {what}.", seat)


@click.command(cls=Command)
@room_option
@click.option("--wait", is_flag=True, help="Stay, and ask about each knock as it comes. Ctrl-C ends it.")
@click.option("--approve", metavar="NAME", help="For scripts: let this one in.")
@click.option("--decline", metavar="NAME", help="For scripts: do not.")
@click.option(
    "--words", metavar="'A B C'", help="With --approve: the words that you heard; they must be theirs."
)
def admit(
    wanted: str | None, approve: str | None, decline: str | None, words: str | None, *, wait: bool
) -> None:
    """Shows who knocks, and lets in whom you approve.

    You and the person who knocks see three words. Compare them over a call or face to face: where they
    differ, somebody stands between you, and you decline. Approvals that other facilitators wait for are
    shown too.
    """
    if approve is not None and decline is not None:
        raise click.UsageError("Either --approve or --decline.")

    async def work() -> None:
        async with in_room(wanted) as room:
            if approve is not None or decline is not None:
                await _scripted(room, approve or decline or "", words, yes=approve is not None, wait=wait)
            else:
                await _ask_all(room, wait=wait)

    run(work)


async def _scripted(room: Room, name: str, words: str | None, *, yes: bool, wait: bool) -> None:
    question = await _found(room, name, wait=wait)
    if yes and question.words and tuple((words or "").split()) != question.words:
        sentence = (
            "The words of this knock are not those that --words says. Give the three words that you heard."
        )
        raise BackchannelError("words-differ", sentence)
    await answer(room, question, yes=yes)


async def _found(room: Room, name: str, *, wait: bool) -> Question:
    async with room.ledger.changed:
        if wait:
            await room.ledger.changed.wait_for(lambda: any(_named(room, name)) or room.stopped is not None)
        found = list(_named(room, name))
    if len(found) != 1:
        raise BackchannelError(
            "knock-unknown", "Nobody of that name knocks. `backchannel admit` shows who does."
        )
    return found[0]


def _named(room: Room, name: str) -> Iterator[Question]:
    return (one for one in questions(room) if name in (one.name, one.seat))


async def _ask_all(room: Room, *, wait: bool) -> None:
    out = options().output
    later: set[str] = set()
    # a knock's letters are fetched right after the log: what is there is there within a moment
    if not wait:
        await _settle(room)
    elif not any(True for _ in questions(room)):
        out.note("Waiting for knocks. Ctrl-C ends it.")
    while True:
        for question in questions(room):
            if question.seat in later:
                continue
            later.add(question.seat)
            await _ask(room, question)
        if not wait:
            break
        async with room.ledger.changed:
            await room.ledger.changed.wait_for(
                lambda: room.stopped is not None or any(one.seat not in later for one in questions(room))
            )
        if room.stopped is not None:
            raise room.stopped
    if not later:
        out.note("Nobody knocks, and nothing waits for your approval.")


async def _settle(room: Room) -> None:
    """A moment for the letters that wait at the server."""
    async with room.ledger.changed:
        try:
            async with asyncio.timeout(1):
                await room.ledger.changed.wait_for(lambda: bool(questions(room)))
        except TimeoutError:
            return


async def _ask(room: Room, question: Question) -> None:
    out = options().output
    out.result(question.record(), question.line)
    if out.as_json or not at_terminal():
        return
    asked = "Do the words match what you hear?" if question.words else "Do you approve?"
    reply = await choice_asked(asked, ("yes", "no", "later"))
    if reply != "later":
        await answer(room, question, yes=reply == "yes")


async def answer(room: Room, question: Question, *, yes: bool) -> None:
    """Approves or declines, and stays until it is done."""
    out = options().output
    name = text.name(question.name)
    wanted = question.wanted
    if not yes:
        if isinstance(wanted, KnockArrived):
            await done(room.decline(wanted))
        out.result({**question.record(), "state": "declined"}, f"Declined. {name} is told.")
        return
    missing = await done(room.approve(wanted))
    if missing:
        names = listed([party_name(room.state, id_) or id_ for id_, _ in missing])
        state = {"state": "waiting", "missing": [id_ for id_, _ in missing]}
        out.result({**question.record(), **state}, f"Approved. It still waits for a facilitator of {names}.")
        return
    await _brought_in(room, question)


async def _brought_in(room: Room, question: Question) -> None:
    """Until the change is in the log, and the letter with the keys is at the server."""
    out = options().output
    try:
        async with asyncio.timeout(WELCOME_S), room.ledger.changed:
            await room.ledger.changed.wait_for(lambda: _is_done(room, question))
    except TimeoutError:
        sentence = "Approved. The change itself waits for the facilitator's device that has the knock."
        out.result({**question.record(), "state": "approved"}, sentence)
        return
    out.result({**question.record(), "state": "done"}, f"Done: {text.name(question.name)}.")


def _is_done(room: Room, question: Question) -> bool:
    act = "add" if isinstance(question.wanted, KnockArrived) else question.wanted.act
    if isinstance(question.wanted, Act) and act in ("role", "rule"):
        return question.wanted not in room.proposals()
    if act == "remove":
        return question.seat not in room.members()
    return act != "add" or (question.seat in room.members() and room.posted)
