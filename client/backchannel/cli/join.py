"""`backchannel join`: from a link to a seat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

import click

from backchannel import Client, Knocking, Room, text
from backchannel.cli.base import Command, options, run
from backchannel.cli.host import from_file_option
from backchannel.cli.opening import bring_up, done, opened, title_of
from backchannel.cli.questions import confirmed, value_or_asked
from backchannel.cli.room import record_of
from backchannel.cli.rules import rules_shown
from backchannel.cli.secrets import read_secret
from backchannel.cli.words import described_seat
from backchannel.errors import BackchannelError, NotAllowed, ServerRefused
from backchannel.room.facts import RoomEntered

_LOOK_S: Final = 0.5
_WORDS: Final = (
    "Read these words aloud to the person who invited you, over a call or in the same room. If theirs",
    "are the same, nobody stands between you and the room.",
)


@click.command(cls=Command)
@from_file_option
@click.option("--name", help="Under which name you are known in the room.")
@click.option("--accept-rules", is_flag=True, help="Accept the room's ground rules without being asked.")
@click.option("--forget", is_flag=True, help="Give up the knock that this profile waits with.")
def join(from_file: Path | None, name: str | None, *, accept_rules: bool, forget: bool) -> None:
    """Knocks with an invitation, and comes in when the facilitators let you.

    The link is asked for without echo, or read from standard input or a file. Stopped with Ctrl-C, it
    goes on where it was when you type it again.
    """
    run(lambda: _forget() if forget else _join(from_file, name, accept=accept_rules))


async def _join(from_file: Path | None, name: str | None, *, accept: bool) -> None:
    async with opened(make=True) as client:
        knocking = await _knocking(client, from_file, name)
        words = await _words(knocking)
        out = options().output
        out.result({"state": "knocking", "words": list(words)}, "", f"    {'   '.join(words)}", "", *_WORDS)
        room = await _admitted(knocking)
        await bring_up(client, room)
        await _enter(room, accept=accept)


async def _knocking(client: Client, from_file: Path | None, name: str | None) -> Knocking:
    """The knock that waits already, or a new one."""
    out = options().output
    if client.knocks:
        known = client.knocks[0]
        url = text.clean(known.server_url)
        out.note(f"You are knocking at {url} as {text.name(known.name)} already: this goes on with it.")
        out.note("(backchannel join --forget gives it up.)")
        return known
    link = read_secret("Invitation (it is not shown): ", from_file)
    return await client.knock(link, value_or_asked(name, "Your name in the room", "--name"))


async def _words(knocking: Knocking) -> tuple[str, str, str]:
    """The three words, when the inviting person's device has answered."""
    reaching = asyncio.create_task(knocking.words())
    told = None
    try:
        while not reaching.done():
            told = _tell(knocking, told)
            await asyncio.wait({reaching}, timeout=_LOOK_S)
        return await reaching
    except ServerRefused:
        await knocking.forget()
        raise
    finally:
        reaching.cancel()


async def _admitted(knocking: Knocking) -> Room:
    """The room; what is waited for is said each time that it changes."""
    waiting = asyncio.create_task(knocking.admitted())
    told = None
    try:
        while not waiting.done():
            await asyncio.wait({waiting}, timeout=_LOOK_S)
            told = _tell(knocking, told)
        return await waiting
    except (NotAllowed, ServerRefused):
        await knocking.forget()
        raise
    finally:
        waiting.cancel()


def _tell(knocking: Knocking, told: str | None) -> str:
    said = knocking.waiting_for
    if said != told:
        record = {"state": "waiting", "sentence": said}
        out = options().output
        if out.as_json:
            out.result(record)
        out.note(f"{text.clean(said[:1].upper() + said[1:])}.")
    return said


async def _enter(room: Room, *, accept: bool) -> None:
    out = options().output
    own = room.members()[room.seat]
    out.note("")
    out.note(f"You are in {title_of(room)}: {described_seat(room.state, own)}.")
    for line in text.wrapped(room.state.welcome, 90) if room.state.welcome else ():
        out.note(f"  {line}")
    for entered in (fact for fact in room.history() if isinstance(fact, RoomEntered)):
        out.note(text.clean(entered.sentence))
    if own.accepted < room.state.rules.version:
        for line in rules_shown(room.state.rules):
            out.note(line)
        confirmed("Do you accept them?", yes=accept)
        await done(room.accept_rules())
    out.result({**record_of(room), "state": "joined"}, "Next: backchannel chat")


async def _forget() -> None:
    async with opened() as client:
        if not client.knocks:
            raise BackchannelError("no-knock", "This profile does not knock anywhere.")
        for knocking in list(client.knocks):
            await knocking.forget()
    options().output.result({"forgotten": True}, "Given up. To knock again, ask for a new invitation.")
