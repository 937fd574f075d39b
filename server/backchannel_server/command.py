"""The command line of the server: its words, what it says, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from backchannel_protocol.ids import b64u
from backchannel_server import __version__
from backchannel_server.app import DataFolderInUse, Running, locked_folder, running
from backchannel_server.config import (
    MEMORY,
    Settings,
    SettingsError,
    describe_settings,
    load_settings,
    parse_flags,
)
from backchannel_server.logs import set_up_logs
from backchannel_server.record.key import KEY_FILE, DamagedKey, load_record_key, write_secret
from backchannel_server.storage.backup import BackupError, back_up, restore
from backchannel_server.storage.dialects import UnusableDatabase
from backchannel_server.storage.moving import move
from backchannel_server.workers import READY, WORKER, NotStarted, supervise

MOVE: Final = "migrate-store"
NEW_HOST_LINK: Final = "--new-host-link"
LINK_FILE: Final = "host-link"
HOST_PATH: Final = "/host"
BESIDE: Final = (KEY_FILE,)
"""What a backup holds beside the database: without its record key a server is another server."""

_NOT_OURS: Final = (
    "the rooms are in PostgreSQL: copy them with pg_dump -Fc, bring them back with pg_restore "
    f"into an empty database, and keep {KEY_FILE} of the data folder beside the copy (OPERATIONS.md)"
)
_HELP: Final = f"""Backchannel's server. Keeps rooms whose content it cannot read.

  python -m backchannel_server [SETTING…] [{NEW_HOST_LINK}]
  python -m backchannel_server backup FOLDER [SETTING…]    copies the data of a server, which may run
  python -m backchannel_server restore FOLDER [SETTING…]   makes a new data folder of such a copy
  python -m backchannel_server {MOVE} [SETTING…]    moves the rooms of a stopped server to PostgreSQL

Settings, each also as BACKCHANNEL_NAME in the environment or as name in settings.toml in the data folder:
{describe_settings()}
  {NEW_HOST_LINK:22} Makes a new host link; the one before it and all room tokens stop working.
"""


def main(words: Sequence[str] | None = None) -> int:
    """Runs until it is told to stop. The exit code: 0, or 2 where it cannot start."""
    words = list(sys.argv[1:] if words is None else words)
    if "--help" in words or "-h" in words:
        _say(_HELP.rstrip())
        return 0
    new_token = NEW_HOST_LINK in words
    os.umask(0o077)
    try:
        if words[:1] in (["backup"], ["restore"]):
            return _copy(words)
        if words[:1] == [MOVE]:
            return _move(words[1:])
        listeners: Sequence[socket.socket] = ()
        if words[:1] == [WORKER]:
            listeners, words = _inherited(words), words[2:]
        words = [word for word in words if word != NEW_HOST_LINK]
        settings = load_settings(parse_flags(words), os.environ)
        set_up_logs(settings.log_level)
        if listeners:
            _run(_work(settings, listeners))
        elif settings.workers > 1:
            _run(supervise(settings, words, _introduce, new_token=new_token))
        else:
            _run(_serve(settings, new_token=new_token))
    except NotStarted:
        return 2
    except (SettingsError, DataFolderInUse, DamagedKey, UnusableDatabase, BackupError, OSError) as error:
        sys.stderr.write(f"backchannel: {error}\n")
        return 2
    return 0


def _move(words: Sequence[str]) -> int:
    settings = load_settings(parse_flags(words), os.environ)
    if settings.database is None:
        raise SettingsError(f"{MOVE} needs the setting database: where the rooms are to go")
    set_up_logs(settings.log_level)
    if not settings.data.is_dir():
        raise SettingsError(f"there is no folder {settings.data}")
    with locked_folder(replace(settings, hints=MEMORY)):  # for this process alone
        key = load_record_key(settings.data)
        asyncio.run(move(settings.data, settings.database, key.public, _say))
    _say(f"{MOVE}: done; start the server with the same settings")
    return 0


def _copy(words: Sequence[str]) -> int:
    if len(words) < 2 or words[1].startswith("--"):
        raise BackupError(f"{words[0]} needs a folder")
    folder = Path(words[1]).expanduser().absolute()
    settings = load_settings(parse_flags(words[2:]), os.environ)
    if settings.database is not None:
        raise BackupError(_NOT_OURS)
    data = settings.data
    if words[0] == "backup":
        back_up(data, folder, BESIDE)
    else:
        restore(folder, data, BESIDE)
    _say(f"{words[0]}: done, in {folder if words[0] == 'backup' else data}")
    return 0


def _inherited(words: Sequence[str]) -> list[socket.socket]:
    """The sockets of a worker. Raises SettingsError where somebody types the command."""
    try:
        found = [socket.socket(fileno=int(number)) for number in words[1].split(",")]
    except (IndexError, ValueError, OSError):
        raise SettingsError(f"{WORKER} is not for people; give the setting workers") from None
    for one in found:
        one.setblocking(False)
    return found


def _run(work: Coroutine[None, None, None]) -> None:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform; asyncio's own loop does as well, slower
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


async def _work(settings: Settings, listeners: Sequence[socket.socket]) -> None:
    """Until SIGTERM, or until the supervisor is gone: then the input ends."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin, stop.set)
    async with running(settings, listeners=listeners):
        _say(READY.decode().strip())
        await stop.wait()


async def _serve(settings: Settings, *, new_token: bool) -> None:
    """Until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with running(settings, new_token=new_token) as server:
        _introduce(server)
        await stop.wait()


def _introduce(server: Running) -> None:
    """Who this is, and once the host link: on the terminal, or where there is none in a file, 0600."""
    _say(f"version: {__version__}")
    _say(f"record key: {b64u(server.key.fingerprint)}")
    _say(f"data folder: {server.settings.data}")
    if server.settings.database is not None:
        _say(f"database: {server.settings.database.render_as_string(hide_password=True)}")
    _say(f"listening: {server.url}")
    path = server.settings.data / LINK_FILE
    if server.token is None:
        known = f"in {path}" if path.exists() else f"as shown before; {NEW_HOST_LINK} makes another"
        _say(f"host link: {known}")
        return
    link = f"{server.url}{HOST_PATH}#{server.token}"
    if sys.stdout.isatty():
        path.unlink(missing_ok=True)
        _say(f"host link: {link}")
    else:
        _replace(path, link)
        _say(f"host link: in {path}")


def _replace(path: Path, link: str) -> None:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    write_secret(beside, (link + "\n").encode())
    beside.rename(path)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
