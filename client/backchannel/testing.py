"""For other people's pytest: a real server, started as a process, gone at the end.

@pytest.fixture
def server(tmp_path):
    with backchannel.testing.LocalServer(tmp_path) as server:
        yield server
"""

from __future__ import annotations

import http.client
import os
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Final
from urllib.parse import urlsplit

from backchannel.errors import BackchannelError

START_S: Final = 30
STOP_S: Final = 10
PORTS: Final = range(20_000, 32_000)
"""Which no system gives to those who ask for any port: nobody takes it while the server is away."""


class LocalServer:
    """A server on a free port of this machine; `url` and `token` create rooms. A context manager.

    What it logs stands in `log`, a file in the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.url = ""
        self.token = ""
        self.log = folder / "server.log"
        self._data = folder / "server"
        self._process: subprocess.Popen[str] | None = None
        self._port = 0

    def start(self) -> None:
        """Starts, or starts again with the same data and port. Raises BackchannelError."""
        self._port = self._port or _free_port()
        command = [sys.executable, "-m", "backchannel_server", "--data", str(self._data)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                [*command, "--port", str(self._port)],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        self._read_address(self._process)
        self._port = urlsplit(self.url).port or 0
        self.token = (self._data / "host-link").read_text().strip().partition("#")[2]
        self._wait_until_ready()

    def stop(self) -> None:
        """SIGTERM, and waits."""
        self._end(kill=False)

    def kill(self) -> None:
        """SIGKILL: as if the power went."""
        self._end(kill=True)

    def __enter__(self) -> LocalServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if kill:
            process.kill()
        else:
            process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()

    def _read_address(self, process: subprocess.Popen[str]) -> None:
        """The server says where it listens, and last where the host link is."""
        assert process.stdout is not None
        for line in process.stdout:
            name, _, value = line.strip().partition(": ")
            if name == "listening":
                self.url = value
            if name == "host link":
                return
        self._end(kill=True)
        raise BackchannelError(
            "server-not-started", "The server did not start. Is it installed with [server]?"
        )

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=1)
            try:
                connection.request("GET", "/readyz")
                if connection.getresponse().status == http.HTTPStatus.OK:
                    return
            except OSError:
                time.sleep(0.05)
            finally:
                connection.close()
        self._end(kill=True)
        raise BackchannelError("server-not-ready", "The server started and does not answer.")


def _free_port() -> int:
    """One that nobody listens at now; 0, any, where that is not to be found."""
    for port in random.sample(PORTS, 50):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    return 0
