"""Files that a person asked for: whole or not there, and never over another one unasked."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from backchannel.errors import BackchannelError


def target_of(path: Path, name: str) -> Path:
    """Where a file goes: into a folder under its own name."""
    return path / name if path.is_dir() else path


def already_there(path: Path) -> BackchannelError:
    """Of a file that is not to be overwritten."""
    sentence = f"{path} is there already, and is not overwritten. Choose another name."
    return BackchannelError("file-exists", sentence)


def write_whole(path: Path, content: bytes, *, replace: bool) -> None:
    """A file that only its owner reads; until all of it is on disk it has another name. Blocks.

    Raises BackchannelError: `file-exists`, `file-unwritable`.
    """
    partial = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                partial.replace(path)
            else:
                os.link(partial, path)
        finally:
            partial.unlink(missing_ok=True)
    except FileExistsError:
        raise already_there(path) from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else type(error).__name__
        raise BackchannelError("file-unwritable", f"{path} cannot be written: {reason}.") from None
