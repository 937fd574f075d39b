"""A terminal with a shell in it: a pseudo-terminal, typed into and read like a screen."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LONGEST_S = 180
LOOK_S = 0.0005
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07]*\x07|[@-Z\\^_=>])")
_TAKE_TERMINAL = (
    "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


class Terminal:
    """Shows what programs print; `seen` is all of it, without escape sequences."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 120, 0, 0))
        plain = {"TERM": "xterm-256color", "PROMPT_TOOLKIT_NO_CPR": "1", "PS1": "$ ", "HISTFILE": ""}
        self._process = subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, "bash", "--norc", "--noprofile", "-i"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**environment, **plain},
        )
        os.close(slave)
        self._came = threading.Condition()
        self._raw = b""
        self._read_to = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:
                data = b""
            with self._came:
                self._raw += data
                self._came.notify_all()
            if not data:
                return

    @property
    def seen(self) -> str:
        """All that was shown."""
        return _ESCAPES.sub("", self._raw.decode("utf-8", "replace")).replace("\r", "")

    def type(self, line: str) -> None:
        """A line, and Enter."""
        os.write(self._master, f"{line}\r".encode())

    def press(self, key: bytes) -> None:
        """A key."""
        os.write(self._master, key)

    @contextmanager
    def never_in_line_mode(self) -> Iterator[None]:
        """Looked at all the while: each key is the program's own (in line mode, the terminal keeps some)."""
        over = threading.Event()
        modes: list[bool] = []

        def look() -> None:
            while not over.is_set():
                modes.append(bool(termios.tcgetattr(self._master)[3] & termios.ICANON))
                over.wait(LOOK_S)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        try:
            yield
        finally:
            over.set()
            looking.join()
        assert modes
        assert not any(modes), f"in line mode {sum(modes)} of {len(modes)} times"

    def wait(self, pattern: str) -> re.Match[str]:
        """The next place that fits, behind the last one that was waited for."""
        found: re.Match[str] | None = None

        def there() -> bool:
            nonlocal found
            found = re.compile(pattern).search(self.seen, self._read_to)
            return found is not None

        with self._came:
            assert self._came.wait_for(there, LONGEST_S), (pattern, self.seen[self._read_to :])
            assert found is not None
            self._read_to = found.end()
        return found

    def end(self) -> None:
        """Hangs up: the shell and what runs in it get SIGHUP."""
        self._process.send_signal(signal.SIGHUP)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._master)
