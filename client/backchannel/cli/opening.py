"""Opening the profile, choosing a room in it, and bringing that room up to date."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import click

import backchannel
from backchannel import Client, Room, text
from backchannel.cli.base import Options, options
from backchannel.cli.secrets import ask_secret, read_descriptor, read_line
from backchannel.errors import BackchannelError

CONNECT_S: Final = 20.0
"""How long a command waits for a server before it says that there is none."""

SHORTEST_PASSPHRASE: Final = 8
_TRIES: Final = 3
T = TypeVar("T")

room_option = click.option(
    "--room", "wanted", metavar="ROOM", help="Title or id of the room, where the profile has several."
)


@asynccontextmanager
async def opened(*, make: bool = False) -> AsyncIterator[Client]:
    """The profile, at rest: no room is connected. With `make` it is made where there is none."""
    chosen = options()
    path = chosen.path.expanduser()
    exists = path.exists() and path.stat().st_size > 0
    if not exists and not make:
        sentence = (
            f"There is no profile at {path}. `backchannel room create` and `backchannel join` make one."
        )
        raise BackchannelError("no-profile", sentence)
    _check_free(path)
    passphrase = _passphrase(chosen, path, new=not exists)
    async with backchannel.open_profile(path, passphrase, connect=False) as client:
        yield client


def _check_free(path: Path) -> None:
    if path.is_dir():
        raise BackchannelError("file", f"{path} is a folder. A profile is a file: give its name too.")


def _passphrase(chosen: Options, path: Path, *, new: bool) -> str:
    """From a descriptor, a file, or the terminal, where a new one is asked for twice."""
    if chosen.passphrase_fd is not None:
        given = read_descriptor(chosen.passphrase_fd)
    elif chosen.passphrase_file is not None:
        given = read_line(chosen.passphrase_file)
    elif not new:
        return ask_secret(f"Passphrase of {path}: ")
    else:
        return _new_passphrase(chosen, path)
    if new and len(given) < SHORTEST_PASSPHRASE:
        raise _too_short()
    return given


def _new_passphrase(chosen: Options, path: Path) -> str:
    chosen.output.note(f"A new profile is made at {path}. Its passphrase keeps what you write and read")
    chosen.output.note(
        "closed to whoever takes this device. Nobody can restore it: a few words you remember."
    )
    for _ in range(_TRIES):
        first = ask_secret("New passphrase: ")
        if len(first) < SHORTEST_PASSPHRASE:
            chosen.output.note(_too_short().sentence)
        elif first == ask_secret("The same again: "):
            return first
        else:
            chosen.output.note("The two differ.")
    raise _too_short()


def _too_short() -> BackchannelError:
    sentence = f"A passphrase has at least {SHORTEST_PASSPHRASE} characters."
    return BackchannelError("passphrase-short", sentence)


# ---- rooms
def title_of(room: Room) -> str:
    """The title, clean; of a room that the server has not confirmed yet, a word for that."""
    return text.name(room.title) if room.ledger.view.state is not None else "a room being made"


def chosen_room(client: Client, wanted: str | None) -> Room:
    """The only room, or the one whose title or id begins like that. Raises BackchannelError."""
    rooms = list(client.rooms.values())
    if wanted is not None:
        rooms = [room for room in rooms if _fits(room, wanted)]
        exact = [room for room in rooms if wanted in (room.id, title_of(room))]
        rooms = exact or rooms
    elif len(rooms) > 1:
        open_ones = [room for room in rooms if room.stopped is None and not is_over(room)]
        rooms = open_ones if len(open_ones) == 1 else rooms
    if len(rooms) == 1:
        return rooms[0]
    if not rooms:
        sentence = "This profile has no such room." if wanted else "This profile has no room yet."
        raise BackchannelError("no-room", f"{sentence} `backchannel room list` shows what it has.")
    names = "; ".join(f"{title_of(room)} ({room.id[:6]})" for room in rooms)
    raise BackchannelError("which-room", f"Say which room with --room: {names}.")


def _fits(room: Room, wanted: str) -> bool:
    return room.id.startswith(wanted) or title_of(room).casefold().startswith(wanted.casefold())


def is_over(room: Room) -> bool:
    """Whether this seat is out, or the room closed."""
    state = room.ledger.view.state
    return state is None or state.closed is not None or room.seat not in state.seats


@asynccontextmanager
async def in_room(wanted: str | None, *, online: bool = True) -> AsyncIterator[Room]:
    """One room, with `online` connected and up to date."""
    async with opened() as client:
        room = chosen_room(client, wanted)
        if online:
            await bring_up(client, room)
        yield room


async def bring_up(client: Client, room: Room) -> None:
    """Connects a room and fetches what happened. Raises BackchannelError where that cannot be."""
    client.connect(room)
    try:
        async with asyncio.timeout(CONNECT_S):
            await room.caught_up()
    except TimeoutError:
        url = room.ledger.about.server_url
        sentence = f"The server {url} does not answer. Nothing was changed; try again later."
        raise BackchannelError("server-unreachable", sentence) from None


async def done(work: Awaitable[T]) -> T:
    """What `work` gives; what the server does not take in time stays in the outbox, which is said."""
    try:
        async with asyncio.timeout(CONNECT_S):
            return await work
    except TimeoutError:
        sentence = (
            "The server did not confirm it in time. It is kept, and goes by itself with the next command."
        )
        raise BackchannelError("waiting", sentence) from None
