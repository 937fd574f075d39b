"""`backchannel chat`: puts room, conversation and terminal together."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
from typing import Final

import click

from backchannel import Client, Room
from backchannel.cli.base import Command, options, run
from backchannel.cli.chat.conversation import Conversation
from backchannel.cli.chat.entries import Entry
from backchannel.cli.chat.plain import converse, shown
from backchannel.cli.opening import chosen_room, done, opened, room_option, title_of
from backchannel.cli.questions import at_terminal, confirmed
from backchannel.cli.rules import rules_shown
from backchannel.errors import BackchannelError

LINGER_S: Final = 10.0
"""How long a chat whose input ended stays for what waits to be sent."""

AT_SCREEN_S: Final = 3.0
"""The same for a person who waits for the shell."""

FIRST_S: Final = 5.0
"""How long the opening chat waits for the server before it shows what it has."""


@click.command(cls=Command)
@room_option
@click.option(
    "--last", type=click.IntRange(0), default=100, show_default=True, help="Messages of history; 0 for all."
)
@click.option("--follow", is_flag=True, help="Without a terminal: go on showing when the input has ended.")
@click.option(
    "--seen/--no-seen", default=None, help="Whether others learn what you see. Default: at a terminal."
)
def chat(wanted: str | None, last: int, seen: bool | None, *, follow: bool) -> None:
    """Talk in a room. /help in it shows what can be typed.

    Above the prompt stands who reads what you write, whether it may be quoted, and how long it is kept.
    What you send is on this device's disk at once and goes by itself when the server is there. Without a
    terminal it reads lines from standard input and prints lines, or with --json objects.
    """
    at_screen = sys.stdin.isatty() and sys.stdout.isatty() and not options().as_json
    if at_screen and importlib.util.find_spec("prompt_toolkit") is None:
        sentence = "At a terminal, chat needs one more package. Type: pip install 'backchannel[chat]'"
        raise BackchannelError("chat-not-installed", sentence)

    async def work() -> None:
        async with opened() as client:
            room = chosen_room(client, wanted)
            await _come_in(client, room)
            tells = at_screen if seen is None else seen
            if at_screen:
                await _at_screen(room, last, tells=tells)
            else:
                await _through_pipes(room, last, tells=tells, follow=follow)

    run(work)


async def _come_in(client: Client, room: Room) -> None:
    """Connected if that can be; rules come before anything that was said."""
    client.connect(room)
    with contextlib.suppress(TimeoutError, BackchannelError):
        async with asyncio.timeout(FIRST_S):
            await room.caught_up()
    own = room.state.seats.get(room.seat)
    if own is None or own.accepted >= room.state.rules.version or room.stopped is not None:
        return
    for line in rules_shown(room.state.rules):
        options().output.note(line)
    if not at_terminal():
        sentence = "The room's rules come first: backchannel room rules accept --yes"
        raise BackchannelError("rules-not-accepted", sentence)
    confirmed("Do you accept these rules?", yes=False)
    await done(room.accept_rules())


async def _at_screen(room: Room, last: int, *, tells: bool) -> None:
    from backchannel.cli.chat.screen import Screen  # noqa: PLC0415 - an extra, needed here alone

    screen = Screen()
    talk = Conversation(room, screen.show, tells)
    following: list[asyncio.Task[None]] = []

    def start() -> None:
        screen.show(Entry("notice", f"{title_of(room)}. /help shows what can be typed; Ctrl-D ends.", {}))
        talk.open_history(last)
        talk.touch()
        following.extend(map(asyncio.create_task, (talk.follow(), talk.tell_seen())))

    try:
        await screen.converse(talk, start)
    finally:
        await _end(following)
    await _linger(talk, AT_SCREEN_S)


async def _through_pipes(room: Room, last: int, *, tells: bool, follow: bool) -> None:
    out = options().output
    talk = Conversation(room, lambda entry: shown(out, entry), tells)
    talk.open_history(last)
    following = asyncio.create_task(talk.follow())
    try:
        has_quit = await converse(talk, out)
        if follow and not has_quit:
            await following
        await _linger(talk, LINGER_S)
    finally:
        await _end([following])
        talk.show_rest()


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _linger(talk: Conversation, longest_s: float) -> None:
    """Until what was written is sent, or a while; what waits then is said, with its exit code."""
    room = talk.room
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(longest_s), room.ledger.changed:
            await room.ledger.changed.wait_for(lambda: not room.pending() or room.stopped is not None)
    waiting = [one for one in room.pending() if one.type == "message"]
    if waiting:
        count = f"{len(waiting)} message{' waits' if len(waiting) == 1 else 's wait'}"
        sentence = (
            f"{count} on this device, to go by itself when the profile is opened and the server is there."
        )
        raise BackchannelError("waiting", sentence)
