"""Backup of a running server, and its return (DESIGN.md, "Scale": one process with SQLite).

A backup is a folder like a data folder: the database as it was at one moment, by SQLite's online
backup, which waits for nobody, and the files that stand beside it.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from backchannel_server.storage.engine import DATABASE

_PAGES: Final = 1_000
"""How many pages are copied before writers get their turn."""


class BackupError(Exception):
    """One line for the person who makes or returns a backup."""


def back_up(data: Path, target: Path, beside: tuple[str, ...]) -> None:
    """Copies a data folder, whose server may run, to a new one. `beside`: what is beside the database."""
    if not (data / DATABASE).is_file():
        raise BackupError(f"there is no server's data in {data}")
    _make_folder(target)
    _copy_database(data / DATABASE, target / DATABASE)
    for name in beside:
        if (data / name).is_file():
            _copy_file(data / name, target / name)


def restore(backup: Path, data: Path, beside: tuple[str, ...]) -> None:
    """Makes a new data folder of a backup. What came after the backup is gone: clients say so and stop."""
    if not (backup / DATABASE).is_file():
        raise BackupError(f"there is no backup in {backup}")
    missing = [name for name in beside if not (backup / name).is_file()]
    if missing:
        raise BackupError(f"the backup in {backup} is not whole: {missing[0]} is missing")
    with closing(sqlite3.connect(backup / DATABASE)) as database:
        found = database.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        raise BackupError(f"the database in {backup} is damaged")
    back_up(backup, data, beside)


def _make_folder(folder: Path) -> None:
    if folder.exists() and any(folder.iterdir()):
        raise BackupError(f"{folder} is not empty")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)


def _copy_database(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new, pages=_PAGES)
    target.chmod(0o600)
    _sync(target)


def _copy_file(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    target.chmod(0o600)
    _sync(target)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
