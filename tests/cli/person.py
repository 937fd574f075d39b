"""Somebody at a command line: real processes, a profile of their own, a passphrase in a file."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import backchannel
from backchannel.hosting import HostLink
from backchannel.testing import LocalServer
from client.people import let_in as admitted
from client.people import make_room, until

LONGEST_S = 120
PASSPHRASE = "a few words to remember"
COMMAND = (sys.executable, "-m", "backchannel.cli")


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines of standard output, each one JSON object."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def record(self) -> dict[str, Any]:
        """The last of them."""
        assert self.records, self
        return self.records[-1]


class Running:
    """A command that runs; its lines are read as they come."""

    def __init__(self, words: tuple[str, ...], environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            text=True,
            encoding="utf-8",
        )
        self.lines: list[str] = []
        self._came = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any) -> None:
        for line in stream:
            with self._came:
                self.lines.append(line.rstrip("\n"))
                self._came.notify_all()
        with self._came:
            self._came.notify_all()

    def line(self, part: str) -> str:
        """The first line that holds something, when it has come."""
        with self._came:
            found = self._came.wait_for(lambda: self._with(part) is not None, LONGEST_S)
            assert found, (part, self.lines)
            return self._with(part) or ""

    def _with(self, part: str) -> str | None:
        return next((line for line in self.lines if part in line), None)

    def record(self, part: str) -> dict[str, Any]:
        """The same as JSON."""
        found: dict[str, Any] = json.loads(self.line(part))
        return found

    def type(self, line: str) -> None:
        """A line to its standard input."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def end_input(self) -> None:
        """Nothing more comes."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def ended(self) -> int:
        """Its exit code, when it has ended and all lines are read."""
        code = self.process.wait(LONGEST_S)
        for reader in self._readers:
            reader.join(LONGEST_S)
        return code

    def kill(self) -> None:
        """SIGKILL, and waits."""
        self.process.kill()
        self.ended()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


@dataclass
class Person:
    """Somebody, by name."""

    name: str
    folder: Path
    started: list[Running] = field(default_factory=list)

    @classmethod
    def make(cls, name: str, folder: Path) -> Person:
        home = folder / name
        home.mkdir()
        (home / "passphrase").write_text(PASSPHRASE + "\n")
        (home / "passphrase").chmod(0o600)
        return cls(name, home)

    @property
    def profile(self) -> Path:
        return self.folder / "profile.db"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith("BACKCHANNEL_")},
            "BACKCHANNEL_PROFILE": str(self.profile),
            "BACKCHANNEL_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "PYTHONUNBUFFERED": "1",
            "PYTHONIOENCODING": "utf-8",
            "TZ": "UTC",
        }

    def do(self, *words: str, given: str = "", passed: tuple[int, ...] = (), **changed: str) -> Done:
        """Runs a command to its end; `given` is its standard input, `passed` are open descriptors."""
        done = subprocess.run(
            [*COMMAND, *words],
            input=given,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=LONGEST_S,
            pass_fds=passed,
            env={**self.environment, **changed},
        )
        assert "Traceback" not in done.stderr, done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def get(self, *words: str, given: str = "") -> Done:
        """The same with --json, of a command that succeeds."""
        done = self.do(*words, "--json", given=given)
        assert done.code == 0, done
        return done

    def start(self, *words: str, given: str | None = None) -> Running:
        """A command that goes on; `given` is its whole input."""
        running = Running(words, self.environment)
        self.started.append(running)
        if given is not None:
            running.type(given)
            running.end_input()
        return running

    def end(self) -> None:
        for running in self.started:
            running.kill()


def made_room(ann: Person, server: LocalServer) -> Person:
    """Ann with a host link and a room of two parties, which she facilitates for Alpha."""
    return asyncio.run(_made_room(ann, server))


async def _made_room(ann: Person, server: LocalServer) -> Person:
    """By the library, which takes a tenth of the time that processes take."""
    async with backchannel.open_profile(ann.profile, PASSPHRASE) as client:
        await client.remember_host(HostLink.parse("home", f"{server.url}/host#{server.token}"))
        await make_room(client, server.url, server.token, name=ann.name)
    return ann


def let_in(ann: Person, guest: Person) -> None:
    """A guest of Beta comes into Ann's room."""
    asyncio.run(_let_in(ann, guest))


async def _let_in(ann: Person, guest: Person) -> None:
    async with (
        backchannel.open_profile(ann.profile, PASSPHRASE) as hers,
        backchannel.open_profile(guest.profile, PASSPHRASE, look_s=0.6) as theirs,
    ):
        (room,) = hers.rooms.values()
        joined = await admitted(room, theirs, guest.name)
        await until(room, lambda: room.members()[joined.seat].accepted > 0)
