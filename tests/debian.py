"""Programs of Debian's packages for the tests that need them: the system's, else fetched without root.

A package that is not installed, and what it needs of others that are not, is downloaded and unpacked into a
folder of .venv; nothing is installed. What cannot be had is a reason to skip.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

FOLDER = Path(sys.prefix) / "debian"
STAMP = ".unpacked"
TIMEOUT_S = 240
PLACES = ("usr/sbin", "usr/bin", "sbin", "bin")
LIBRARIES = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/systemd")


class Program(NamedTuple):
    """A program, and the environment that it is to be started in."""

    path: Path
    environment: dict[str, str]


class NotToBeHad(Exception):
    """Neither is the package there, nor can it be fetched: the sentence says why."""


def program(name: str, package: str) -> Program:
    """A program of one of Debian's packages; skips the test where it cannot be had."""
    try:
        return _find(name, package)
    except NotToBeHad as reason:
        pytest.skip(str(reason))


@cache
def _find(name: str, package: str) -> Program:
    searched = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"))
    if found := shutil.which(name, path=searched):
        return Program(Path(found), dict(os.environ))
    root = fetch(package)
    for place in PLACES:
        path = root / place / name
        if path.is_file():
            return Program(path, {**os.environ, "LD_LIBRARY_PATH": _libraries(root)})
    raise NotToBeHad(f"Debian's package {package} holds no {name}")


def fetch(package: str) -> Path:
    """The folder in which a package and what it needs are unpacked: once, whoever asks. Raises NotToBeHad."""
    for needed in ("apt-get", "dpkg-deb"):
        if shutil.which(needed) is None:
            raise NotToBeHad(f"{package} is not installed, and there is no {needed} to fetch it with")
    folder = FOLDER / package
    folder.mkdir(parents=True, exist_ok=True)
    with _only_one_process(folder / ".lock"):
        root = folder / "root"
        if not (folder / STAMP).exists():
            _unpack(_download(package, folder), root)
            (folder / STAMP).touch()
    return root


def _download(package: str, folder: Path) -> list[Path]:
    """By the system's lists of packages, and by lists of our own where those are missing or old."""
    debs = folder / "debs"
    shutil.rmtree(debs, ignore_errors=True)
    debs.mkdir()
    if _download_into(debs, package, ()):
        return sorted(debs.glob("*.deb"))
    own = _own_lists(FOLDER / "apt")
    if not _run(["apt-get", *own, "update"], debs) or not _download_into(debs, package, own):
        raise NotToBeHad(f"{package} is not installed, and apt-get cannot fetch it")
    return sorted(debs.glob("*.deb"))


def _download_into(debs: Path, package: str, options: Sequence[str]) -> bool:
    words = ["apt-get", *options, "install", "--simulate", "--no-install-recommends", package]
    plan = _run(words, debs)
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    return bool(names) and bool(_run(["apt-get", *options, "download", *names], debs))


def _own_lists(folder: Path) -> list[str]:
    """apt-get's options for lists and caches that need no root."""
    lists, cache = folder / "lists", folder / "cache"
    (lists / "partial").mkdir(parents=True, exist_ok=True)
    (cache / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    said = (f"Dir::State::Lists={lists}", f"Dir::Cache={cache}", "Debug::NoLocking=true")
    return [word for one in said for word in ("-o", one)]


def _run(words: Sequence[str], folder: Path) -> str:
    """What a program said; empty where it failed."""
    # as root, apt-get would fetch as a user who may not enter the folder
    words = [words[0], "-o", "APT::Sandbox::User=", *words[1:]]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout or "done"


def _unpack(debs: Sequence[Path], root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for deb in debs:
        subprocess.run(["dpkg-deb", "--extract", deb, root], check=True, stdin=subprocess.DEVNULL)
        deb.unlink()


def _libraries(root: Path) -> str:
    own = [str(path) for pattern in LIBRARIES for path in root.glob(pattern) if path.is_dir()]
    return os.pathsep.join((*own, os.environ.get("LD_LIBRARY_PATH", ""))).rstrip(os.pathsep)


@contextmanager
def _only_one_process(lock: Path) -> Iterator[None]:
    """As in toolchain.py; there are no Debian packages on Windows."""
    import fcntl

    with lock.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield  # closing the file releases it
