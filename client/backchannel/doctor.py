"""Looks at this machine, a profile, its servers and its rooms, and says what to do about what is wrong."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from backchannel.client import Client
from backchannel.connection.host import HttpHost, is_local
from backchannel.errors import BackchannelError
from backchannel.member import Room
from backchannel.room.view import Presence
from backchannel_mls import XWING_AES256GCM_SHA512_ED25519, cipher_suite
from backchannel_protocol.frames import Hello
from backchannel_protocol.ids import b64u
from backchannel_protocol.keys import fingerprint

OLDEST_PYTHON: Final = (3, 11)
WAIT_S: Final = 15.0
"""How long a server has to answer."""

CLOCK_NOTICE_S: Final = 60
CLOCK_LIMIT_S: Final = 300
"""Beyond this, servers refuse knocks (PROTOCOL.md, section 12)."""


class Health(Enum):
    """What was found."""

    GOOD = "good"
    NOTICE = "notice"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `advice` says what to do where it is not good."""

    subject: str
    health: Health
    sentence: str
    advice: str = ""


def good(subject: str, sentence: str) -> Finding:
    """Nothing to do."""
    return Finding(subject, Health.GOOD, sentence)


def bad(subject: str, sentence: str, advice: str) -> Finding:
    """Something to do."""
    return Finding(subject, Health.BAD, sentence, advice)


# ---- this machine
def look_at_machine(version: tuple[int, int] = sys.version_info[:2]) -> Iterator[Finding]:
    """Python, and the cryptography that a room needs."""
    said = f"Python {version[0]}.{version[1]}"
    if version >= OLDEST_PYTHON:
        yield good("python", f"{said}.")
    else:
        yield bad("python", f"{said} is too old.", "Install Python 3.11 or newer.")
    try:
        cipher_suite(XWING_AES256GCM_SHA512_ED25519).derive_key_pair(os.urandom(64))
    except Exception as error:  # noqa: BLE001 - whatever a library of this machine raises is the finding
        sentence = f"The X-Wing keys of a room cannot be made here ({type(error).__name__})."
        yield bad("cryptography", sentence, "Install `cryptography` as the lock file names it.")
    else:
        yield good("cryptography", "X25519, ML-KEM, AES-GCM and Ed25519 work.")


def look_at_profile_file(path: Path) -> Iterator[Finding]:
    """Whether only its owner can read the profile's file."""
    if not path.exists():
        yield Finding(
            "profile", Health.NOTICE, f"There is no profile at {path} yet.", "Make a room, or join one."
        )
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if os.name == "posix" and mode & 0o077:
        yield bad("profile file", f"Others on this machine may open {path}.", f"Type: chmod 600 {path}")
    else:
        yield good("profile file", f"{path} is its owner's alone.")


# ---- servers
async def look_at_server(url: str, known: bytes | None, now: float | None = None) -> list[Finding]:
    """Whether it is reached, over TLS, with the key that is known, and agrees about the time."""
    subject = f"server {url}"
    try:
        host = HttpHost(url)
    except BackchannelError as error:
        return [bad(subject, error.sentence, "Ask the host for the right address.")]
    tls = await asyncio.to_thread(_look_at_tls, url)
    if tls is not None and tls.health is Health.BAD:
        return [tls]
    try:
        async with asyncio.timeout(WAIT_S):
            session = await host.open()
            try:
                hello = await session.greet()
            finally:
                await session.close()
    except (BackchannelError, TimeoutError):
        advice = "Look whether this machine is on line; else tell the host. What waits is kept."
        return [bad(subject, "It does not answer.", advice)]
    found = [good(subject, "It answers."), *([] if tls is None else [tls])]
    return [*found, *_look_at_hello(subject, hello, known, time.time() if now is None else now)]


def _look_at_hello(subject: str, hello: Hello, known: bytes | None, now: float) -> Iterator[Finding]:
    shown = b64u(fingerprint(hello.record_key))
    if known is not None and hello.record_key != known:
        sentence = f"Its record key is {shown}, and not {b64u(fingerprint(known))}: it is another server."
        yield bad(subject, sentence, "Send nothing there. Ask the host by another way what happened.")
    elif known is not None:
        yield good(subject, f"Its record key is the known one, {shown}.")
    else:
        yield good(subject, f"Its record key is {shown}; the host can say whether that is right.")
    apart = abs(int(now) - hello.time)
    if apart > CLOCK_NOTICE_S:
        health = Health.BAD if apart > CLOCK_LIMIT_S else Health.NOTICE
        sentence = f"This machine's clock and the server's are {apart} seconds apart."
        yield Finding("clock", health, sentence, "Set this machine's clock by the network, or tell the host.")
    else:
        yield good("clock", "It agrees with the server's.")


def _look_at_tls(url: str) -> Finding | None:
    """The reason why TLS fails, which a failing connection does not say. None: there is nothing to say."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        sentence = "Without TLS, which is right on this machine and over an onion service."
        return good(f"server {url}", sentence) if is_local(parts.hostname or "") else None
    address = (parts.hostname or "", parts.port or 443)
    context = ssl.create_default_context()
    try:
        with (
            socket.create_connection(address, timeout=WAIT_S) as raw,
            context.wrap_socket(raw, server_hostname=parts.hostname) as secured,
        ):
            return good(f"server {url}", f"{secured.version()}, certificate in order.")
    except ssl.SSLCertVerificationError as error:
        sentence = f"Its certificate is not in order: {error.verify_message}."
        return bad(f"server {url}", sentence, "Do not go on. Tell the host.")
    except OSError:
        return None


# ---- rooms
async def look_at_room(client: Client, room: Room) -> list[Finding]:
    """Whether it is connected and verified, and what waits."""
    subject = f"room {room.id[:6]}"
    if room.ledger.stopped is not None:
        return [bad(subject, f"Stopped: {room.ledger.stopped.sentence}", "Do as the sentence says.")]
    if room.ledger.view.presence is not Presence.PRESENT:
        return [good(subject, "This seat has left; nothing more comes.")]
    client.connect(room)
    found: list[Finding] = []
    try:
        async with asyncio.timeout(WAIT_S):
            await room.caught_up()
    except TimeoutError:
        advice = "Look at the findings about its server above."
        found.append(bad(subject, "Not connected: its server does not answer.", advice))
    except BackchannelError as error:
        return [bad(subject, error.sentence, "Ask a facilitator of the room.")]
    else:
        found.append(good(subject, f"Connected; the log is verified up to event {room.ledger.view.seq}."))
    return found + [finding async for finding in _look_at_outbox(subject, room)]


async def _look_at_outbox(subject: str, room: Room) -> AsyncIterator[Finding]:
    if room.connected:
        async with room.ledger.changed:
            try:
                async with asyncio.timeout(WAIT_S):
                    await room.ledger.changed.wait_for(lambda: not room.pending())
            except TimeoutError:
                pass  # what is left is said below
    for waiting in room.pending():
        sentence = f"Waiting to be sent: a {waiting.type}. {waiting.why}"
        yield Finding(subject, Health.NOTICE, sentence, "It is kept, and goes by itself when it can.")
    skipped = room.ledger.view.skipped
    if skipped:
        sentence = "A change of the room is not valid, and is being taken back by the facilitators' devices."
        yield Finding(subject, Health.NOTICE, sentence, "Wait; if it stays, tell another facilitator.")
