"""The server's commands: this process becomes `python -m backchannel_server`, which it never imports."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

import click

from backchannel.errors import BackchannelError

_NEEDED: Final = ("backchannel_server", "aiohttp", "sqlalchemy", "aiosqlite", "alembic", "prometheus_client")


def become_server(words: Sequence[str]) -> NoReturn:
    """Raises BackchannelError where the server is not installed."""
    if any(importlib.util.find_spec(name) is None for name in _NEEDED):
        sentence = "The server is not installed here. Type: pip install 'backchannel[server]'"
        raise BackchannelError("server-not-installed", sentence)
    line = [sys.executable, "-m", "backchannel_server", *words]
    sys.stdout.flush()
    if os.name == "posix":
        os.execv(line[0], line)  # noqa: S606 - no shell is wanted
    raise SystemExit(subprocess.call(line))  # noqa: S603 - our own module


def _passes_on(name: str, help_: str, *first: str) -> click.Command:
    """A command that knows nothing of its arguments."""

    words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED)
    return click.Command(
        name,
        help=help_,
        params=[words],
        callback=lambda words: become_server([*first, *words]),
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )


serve = _passes_on("serve", "Runs a server on this machine. --help lists its settings.")
backup = _passes_on(
    "backup", "Copies the data of a server, which may run: backup FOLDER [SETTING…].", "backup"
)
migrate_store = _passes_on(
    "migrate-store", "Moves the rooms of a stopped server from SQLite to PostgreSQL.", "migrate-store"
)
restore = _passes_on("restore", "Makes a new data folder of a backup: restore FOLDER [SETTING…].", "restore")
