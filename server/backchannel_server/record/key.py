"""The record key: made at the first start, kept in the data folder, 0600."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from backchannel_protocol.ids import KEY_SIZE
from backchannel_protocol.keys import fingerprint, generate_key, public_key

KEY_FILE: Final = "record.key"


class DamagedKey(Exception):
    """The key's file is not a key. Making another would break every invitation and record."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """An Ed25519 key pair."""

    private: bytes = field(repr=False)
    public: bytes

    @property
    def fingerprint(self) -> bytes:
        """16 bytes, which stand in every invitation."""
        return fingerprint(self.public)


def load_record_key(data: Path) -> RecordKey:
    """The data folder's key; a new one where there is none. Raises DamagedKey.

    A new key is written beside its place and on disk before it takes its name, so a crash leaves
    either no key or a whole one; of several processes that start at once, one gives it its name.
    """
    path = data / KEY_FILE
    if not path.exists():
        beside = path.with_suffix(f".new-{os.getpid()}")
        beside.unlink(missing_ok=True)
        write_secret(beside, generate_key())
        with suppress(FileExistsError):
            path.hardlink_to(beside)  # unlike a rename, it takes nobody else's place
        beside.unlink()
        _sync_folder(data)
    private = path.read_bytes()
    if len(private) != KEY_SIZE:
        raise DamagedKey(f"{path} is not a whole key; bring it back from a backup")
    return RecordKey(private, public_key(private))


def write_secret(path: Path, content: bytes) -> None:
    """A new file that nobody but its owner reads, on disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
