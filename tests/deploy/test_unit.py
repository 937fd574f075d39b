"""The systemd unit: right in form, tight, and the server works under what it forbids."""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import backchannel
from backchannel_server.command import LINK_FILE
from backchannel_server.config import Settings, load_settings
from client.people import heard, let_in, make_room
from deploy import confine
from deploy.unit import UNIT, allowed_calls, analyze, values, write_allowed_calls
from server.process_kit import STARTS_WITHIN_S

EXPOSURE = 1.5
"""Of 10, as systemd-analyze counts. Its version 252 says 0.9; others look at a little more or less."""

FORBIDDEN = frozenset({"mount", "ptrace", "reboot", "setuid", "chroot", "bpf", "setpriority", "kexec_load"})


def test_systemd_finds_nothing_wrong(tmp_path: Path) -> None:
    """The program is not where the unit has it, so it is verified with one that is."""
    (start,) = values("ExecStart")
    assert start == "/opt/backchannel/bin/backchannel-server"
    copy = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace(start, sys.executable)
    copy.write_text(text, encoding="utf-8")
    said = analyze("verify", "--man=no", str(copy), units=tmp_path)
    assert (said.returncode, said.stderr) == (0, "")
    copy.write_text(text.replace("ProtectHome=yes", "ProtectHom=yes"), encoding="utf-8")
    assert "ProtectHom" in analyze("verify", "--man=no", str(copy), units=tmp_path).stderr


def test_its_exposure_is_below_what_is_promised() -> None:
    said = analyze("security", "--offline=true", "--threshold", str(int(EXPOSURE * 10)), str(UNIT))
    assert said.returncode == 0, said.stdout
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said.stdout)
    assert found
    assert float(found[1]) < EXPOSURE


def test_it_gives_the_server_settings_that_there_are(tmp_path: Path) -> None:
    said = [word for line in values("Environment") for word in line.replace("%S", str(tmp_path)).split()]
    settings = load_settings({}, dict(word.split("=", 1) for word in said))
    assert settings.data == tmp_path / "backchannel"
    assert settings.behind_proxy
    assert settings.host == Settings().host, "the proxy is on the same machine"
    assert values("StateDirectory") == ["backchannel"]


def test_the_filter_forbids_what_a_server_has_no_use_for() -> None:
    allowed = allowed_calls()
    assert not allowed & FORBIDDEN
    assert {"execve", "socket", "fsync", "prlimit64"} <= allowed


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """The file with what the unit allows."""
    try:
        ctypes.CDLL(confine.LIBRARY)
    except OSError:
        pytest.skip(f"there is no {confine.LIBRARY}")
    return write_allowed_calls(tmp_path / "calls")


def start_confined(folder: Path, calls: Path, probe: str | None = None) -> subprocess.Popen[str]:
    """The server, or a line of Python, under the unit's filter."""
    words = (
        ["-c", probe]
        if probe
        else ["-m", "backchannel_server", "--data", str(folder / "data"), "--port", "0"]
    )
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, confine.__file__, str(calls), sys.executable, *words],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )


PROBES = {
    "sockets of another kind": ("import socket; socket.socket(socket.AF_UNIX)", "not permitted"),
    "another's priority": ("import os; os.setpriority(os.PRIO_PROCESS, 0, 5)", "not permitted"),
    "another user": ("import os; os.setuid(1)", "not permitted"),
    "code made at run time": ("import mmap; mmap.mmap(-1, 4096, prot=7)", "not permitted"),
    "a power of root's": (
        "import sys; sys.exit(open('/proc/self/status').read())",
        "CapEff:\t0000000000000000",
    ),
}


@pytest.mark.parametrize("name", PROBES)
def test_the_confinement_of_the_next_test_confines(tmp_path: Path, calls: Path, name: str) -> None:
    probe, refusal = PROBES[name]
    process = start_confined(tmp_path, calls, probe)
    process.communicate(timeout=STARTS_WITHIN_S)
    assert process.returncode == 1
    assert refusal in (tmp_path / "log").read_text()


async def test_people_meet_at_a_server_that_is_confined(tmp_path: Path, calls: Path) -> None:
    process = start_confined(tmp_path, calls)
    assert process.stdout is not None
    said: dict[str, str] = {}
    try:
        while "host link" not in said:
            line = process.stdout.readline()
            assert line, (tmp_path / "log").read_text()
            name, _, value = line.strip().partition(": ")
            said[name] = value
        token = (tmp_path / "data" / LINK_FILE).read_text().strip().partition("#")[2]
        async with backchannel.open_profile(None) as first, backchannel.open_profile(None) as second:
            ann = await make_room(first, said["listening"], token)
            bo = await let_in(ann, second, "Bo")
            await (await bo.send("We are let be.")).sent()
            await heard(ann, "We are let be.")
    finally:
        process.terminate()
        process.stdout.close()
    assert process.wait() == 0
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["level"] for line in told} == {"info"}
