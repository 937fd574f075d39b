"""OPERATIONS.md: what it names is there, what it says in numbers is so, and its commands do what it says."""

from __future__ import annotations

import asyncio
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from backchannel_protocol.limits import MAX_FRAME_BYTES, PING_INTERVAL_S, SILENCE_TIMEOUT_S
from backchannel_protocol.refusals import Code
from backchannel_server.command import LINK_FILE, NEW_HOST_LINK
from backchannel_server.config import PREFIX, Settings, flag
from backchannel_server.http import MAX_REQUEST_BYTES
from backchannel_server.metrics import Metrics
from backchannel_server.visitor import REQUEST_TIMEOUT_S
from deploy.proxies import CADDYFILE
from deploy.unit import UNIT, values
from house.tree import ROOT
from server.process_kit import process

PAGE = ROOT / "deploy" / "OPERATIONS.md"
TEXT = PAGE.read_text(encoding="utf-8")
PROGRAM = "/opt/backchannel/bin/backchannel-server"
DATA, BACKUPS = "/var/lib/backchannel", "/var/backups/backchannel"
OTHER_PROGRAMS = frozenset(
    # of apt, useradd, pip, docker, runuser, certbot and systemctl
    {
        "--system",
        "--user-group",
        "--no-create-home",
        "--home-dir",
        "--shell",
        "--only-binary",
        "--require-hashes",
    }
    | {
        "--no-deps",
        "--no-build-isolation",
        "--force-reinstall",
        "--file",
        "--detach",
        "--build",
        "--build-arg",
    }
    | {"--rm", "--now", "--standalone", "--webroot", "--pre-hook", "--post-hook", "--help"}
)


def commands() -> list[str]:
    """Every line of every block of shell."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_every_file_of_deploy_is_told_of_and_every_one_that_is_told_of_is_there() -> None:
    named = set(re.findall(r"deploy/([\w.]+\w)", TEXT)) - {".env", "OPERATIONS.md"}
    there = {path.name for path in PAGE.parent.iterdir() if path.is_file() and path.name != ".env"}
    assert named == there - {PAGE.name}


def test_every_link_leads_somewhere() -> None:
    heads = re.findall(r"^#+ (.*)$", TEXT, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert len(links) > 4
    for link in links:
        if link.startswith("#"):
            assert link[1:] in anchors, link
        else:
            assert (PAGE.parent / link).exists(), link


def test_every_setting_that_is_named_is_one() -> None:
    settings = {flag(name) for name in Settings.__dataclass_fields__} | {NEW_HOST_LINK}
    found = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", TEXT))
    assert found >= {"--behind-proxy", "--trusted-proxies", "--public-url"}
    assert found <= settings | OTHER_PROGRAMS
    variables = set(re.findall(rf"{PREFIX}[A-Z_]+", TEXT))
    assert {PREFIX + "PUBLIC_URL", PREFIX + "TRUSTED_PROXIES"} <= variables
    known = {PREFIX + name.upper() for name in Settings.__dataclass_fields__} | {PREFIX + "WEB"}
    assert variables <= known | set(re.findall(rf"{PREFIX}[A-Z_]+", CADDYFILE.read_text("utf-8")))


@pytest.mark.parametrize(
    ("sentence", "number"),
    [
        (r"bodies up to (\d+) KiB", MAX_REQUEST_BYTES / 1024),
        (r"frames, up to (\d+) MiB", MAX_FRAME_BYTES / 1024 / 1024),
        (r"the server pings every (\d+) s", PING_INTERVAL_S),
        (r"gives up after (\d+) s", SILENCE_TIMEOUT_S),
        (r"the server has its own \((\d+) s\)", REQUEST_TIMEOUT_S),
        (r"is started again after (\d+) s", int(values("RestartSec")[0])),
    ],
)
def test_its_numbers_are_the_codes(sentence: str, number: float) -> None:
    (found,) = re.findall(sentence, TEXT)
    assert int(found) == number


def test_the_metrics_that_it_watches_are_there() -> None:
    named = re.findall(r"`(backchannel_\w+_(?:total|seconds))", TEXT)
    assert len(named) == 2
    text = Metrics().text().decode()
    for name in named:
        assert f"# TYPE {name.removesuffix('_total')}" in text or f"# TYPE {name}" in text
    for code in re.findall(r'code="([^"]+)"', TEXT):
        assert code in {one.value for one in Code}


def test_the_unit_and_the_page_mean_the_same_places() -> None:
    assert values("ExecStart") == [PROGRAM]
    assert values("StateDirectory") == [Path(DATA).name]
    (file,) = values("EnvironmentFile")
    assert f"> {file}" in TEXT
    assert f"cat {DATA}/{LINK_FILE} " in TEXT
    assert f"--home-dir {DATA} " in TEXT
    assert UNIT.name in TEXT


def words_of(verb: str, folder: Path) -> list[str]:
    """What the page has one type, with this machine's places."""
    (line,) = [line for line in commands() if f"{PROGRAM} {verb} " in line]
    arguments = (
        line.partition(PROGRAM)[2]
        .replace(BACKUPS, str(folder / "backups"))
        .replace(DATA, str(folder / "data"))
    )
    return ["-m", "backchannel_server", *shlex.split(arguments)]


async def run(words: list[str]) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


async def test_a_backup_is_made_and_returned_as_the_page_says(tmp_path: Path) -> None:
    data = tmp_path / "data"
    async with process(data) as server:
        key = server.said["record key"]
        await run(words_of("backup", tmp_path))
        assert await server.terminate() == 0
    data.rename(tmp_path / "data.before")
    data.mkdir(mode=0o700)
    await run(words_of("restore", tmp_path))
    async with process(data) as server:
        assert server.said["record key"] == key
        assert "as shown before" in server.said["host link"], "the link of before goes on being good"
        assert await server.terminate() == 0
