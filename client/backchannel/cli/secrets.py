"""Passphrases, links and tokens: read from a prompt, standard input or a file, never from arguments.

What stands in a command line is in the shell's history and in the list of processes, for every
program of this machine to read.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import signal
import stat
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from backchannel.errors import BackchannelError

MOST_BYTES: Final = 4096
_LINK: Final = re.compile(r"://[^\s#]*#\S|^#?[A-Za-z0-9_-]{43,}$")
_SENTENCE: Final = (
    "A link or token stands among the arguments. It is a secret, and arguments are kept in the shell's "
    "history and shown in the list of processes: give it when it is asked for, on standard input, or in a "
    "file (--from-file). If others use this machine, have it replaced."
)


class SecretInArguments(BackchannelError):
    """Refused without repeating it."""

    def __init__(self) -> None:
        super().__init__("secret-in-arguments", _SENTENCE)


def refuse_secrets(words: Iterable[str]) -> None:
    """Raises SecretInArguments where a word looks like a link with a secret, or like a token."""
    for word in words:
        value = word.partition("=")[2] if word.startswith("--") else word
        if _LINK.search(value) and not Path(value).exists():
            raise SecretInArguments


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    try:
        with open("/dev/tty", "rb"):  # noqa: PTH123 - a device
            return True
    except OSError:
        return sys.platform == "win32" and sys.stdin.isatty()


def ask_secret(question: str) -> str:
    """Asks on the terminal without echo. Raises BackchannelError where there is none."""
    if not can_ask():
        sentence = "There is no terminal to ask at. Give the passphrase with --passphrase-file."
        raise BackchannelError("no-terminal", sentence)
    with interruptible():
        return getpass.getpass(question)


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends a question at once; the handler of asyncio waits for the loop, which waits here."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def read_secret(question: str, file: Path | None) -> str:
    """A link: from a file, from standard input where that is no terminal, or asked for without echo."""
    if file is not None:
        return read_line(file)
    if not sys.stdin.isatty():
        line = sys.stdin.readline(MOST_BYTES).strip()
        if not line:
            sentence = "Nothing stands on standard input. Give the link there, or with --from-file."
            raise BackchannelError("no-input", sentence)
        return line
    return ask_secret(question).strip()


def read_line(path: Path) -> str:
    """The first line of a file. Raises BackchannelError, OSError."""
    with path.open("rb") as file:
        if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and os.fstat(file.fileno()).st_mode & 0o077:
            warn_open(path)
        return _first_line(file.read(MOST_BYTES), str(path))


def read_descriptor(number: int) -> str:
    """The first line of an open file descriptor, which is closed."""
    try:
        with open(number, "rb") as file:
            return _first_line(file.read(MOST_BYTES), f"file descriptor {number}")
    except OSError:
        sentence = f"File descriptor {number} is not open for reading."
        raise BackchannelError("file-unreadable", sentence) from None


def _first_line(data: bytes, where: str) -> str:
    with contextlib.suppress(UnicodeDecodeError):
        line = data.decode("utf-8").partition("\n")[0].rstrip("\r")
        if line:
            return line
    raise BackchannelError("file-empty", f"The first line of {where} is empty, or is not text.")


def warn_open(path: Path) -> None:
    """Others on this machine may read the file: that is said, and nothing more."""
    sys.stderr.write(f"backchannel: others on this machine may read {path}; chmod 600 closes it.\n")
