"""The web client, built and checked with the Node that toolchain.py finds."""

from __future__ import annotations

import fcntl
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import hatch_build
import pytest

import backchannel
import toolchain
from attack.rooms.conftest import Attacked
from backchannel import Client
from backchannel.testing import LocalServer
from house.tree import ROOT
from web.web_client import engines
from web.web_stage import WebStage

WEB = ROOT / "client" / "web"
TIMEOUT_S = 280


@pytest.fixture(scope="session")
def installed() -> None:
    """client/web/node_modules."""
    toolchain.npm_ci(WEB)


@pytest.fixture(scope="session")
def webroot(installed: None) -> Path:
    """The built tree, in its place in the server's package; built anew where its sources changed."""
    environment = toolchain.environment()
    with (WEB / ".npm-ci.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if hatch_build.is_stale(ROOT, {}):
            words = [*toolchain.npm(), "run", "build"]
            done = subprocess.run(
                words, cwd=WEB, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stdout + done.stderr
            stamp = hatch_build.webroot(ROOT) / hatch_build.STAMP
            stamp.write_text(hatch_build.source_stamp(WEB))
    return hatch_build.webroot(ROOT)


@pytest.fixture
def run_tool(installed: None) -> Callable[[Sequence[str]], None]:
    """Runs a program of node_modules/.bin, which must succeed."""

    def run(words: Sequence[str]) -> None:
        done = subprocess.run(
            [*toolchain.npm(), "exec", "--offline", "--", *words],
            cwd=WEB,
            env={**toolchain.environment(), "NO_COLOR": "1", "CI": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(words)}:\n{done.stdout}"

    return run


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A real server's process, for a module's rooms."""
    with LocalServer(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Attacked]:
    """A server whose data folder is in the attacker's hands."""
    running = Attacked(tmp_path_factory.mktemp("attacked"))
    with running:
        yield running


@pytest.fixture
async def stage(attacked: Attacked) -> AsyncIterator[WebStage]:
    """Bo is a web client, somebody else between all and the server."""
    async with engines() as node, AsyncExitStack() as stack:
        yield WebStage(attacked, stack, node)


@pytest.fixture
async def python() -> AsyncIterator[Client]:
    """Somebody who uses the Python client."""
    async with backchannel.open_profile(None, look_s=0.2) as client:
        yield client
