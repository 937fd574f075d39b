"""deploy/backchannel.service, as its tests read it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import debian
from house.tree import ROOT

UNIT = ROOT / "deploy" / "backchannel.service"
NEEDED = ("sysinit.target", "basic.target", "shutdown.target", "network.target", "multi-user.target")
"""Units of systemd's own that a service stands between."""


def analyze(*words: str, units: Path | None = None) -> subprocess.CompletedProcess[str]:
    """systemd-analyze, which needs no systemd that runs; skips the test where it cannot be had.

    `units`: the one folder with units, in place of this machine's, which may have none.
    """
    found = debian.program("systemd-analyze", "systemd")
    environment = {**found.environment, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    if units is not None:
        environment["SYSTEMD_UNIT_PATH"] = str(units)
        for name in NEEDED:
            (units / name).write_text(f"[Unit]\nDescription={name}\n", encoding="utf-8")
    return subprocess.run(
        [str(found.path), *words], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


def values(name: str) -> list[str]:
    """All that the unit says of a name, in order."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return [line.partition("=")[2] for line in lines if line.partition("=")[0] == name]


def expand(set_: str) -> frozenset[str]:
    """The system calls of one of systemd's sets, and of those in it; a call's own name is itself."""
    if not set_.startswith("@"):
        return frozenset({set_})
    said = analyze("syscall-filter", set_)
    assert said.returncode == 0, said.stderr
    inner = [line.split("#")[0].strip() for line in said.stdout.splitlines()[1:]]
    return frozenset().union(*(expand(one) for one in inner if one))


def allowed_calls() -> frozenset[str]:
    """What SystemCallFilter leaves; systemd itself adds @default."""
    first, *more = values("SystemCallFilter")
    allowed = frozenset().union(*map(expand, ["@default", *first.split()]))
    for line in more:
        named = frozenset().union(*map(expand, line.removeprefix("~").split()))
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def write_allowed_calls(path: Path) -> Path:
    path.write_text("\n".join(sorted(allowed_calls())), encoding="utf-8")
    return path
