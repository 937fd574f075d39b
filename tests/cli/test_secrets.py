"""Secrets are no arguments: refused there, not repeated, and in no list of processes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from backchannel.cli import main
from backchannel.testing import LocalServer
from cli.conftest import People
from cli.person import PASSPHRASE, Person

FRAGMENT = "Ab_-" * 21 + "Ab_"
TOKEN = "aB3" * 14 + "z"


@pytest.mark.parametrize(
    "words",
    [
        ["join", f"https://host.example/i#{FRAGMENT}"],
        ["join", f"--from-file=https://host.example/i#{FRAGMENT}"],
        ["join", FRAGMENT],
        ["join", "--name", "Bo", f"#{FRAGMENT}"],
        ["host", "add", f"http://127.0.0.1:8470/host#{TOKEN}"],
        ["host", "add", TOKEN],
    ],
)
def test_a_secret_among_the_arguments_is_refused_and_not_repeated(
    capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    for json in ([], ["--json"]):
        assert main([*words, *json]) == 2
        said = "".join(capsys.readouterr())
        assert "list of processes" in said
        assert FRAGMENT not in said
        assert TOKEN not in said


def test_there_is_no_option_for_a_passphrase_and_its_value_is_not_repeated(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (["members", "--passphrase", PASSPHRASE], ["members", f"--passphrase={PASSPHRASE}"]):
        assert main(words) == 2
        assert PASSPHRASE not in "".join(capsys.readouterr())


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc on this system")
def test_no_secret_is_in_the_list_of_processes(server: LocalServer, ann: Person, person: People) -> None:
    link = ann.get("invite", "make").record["link"]
    joining = person("Bo").start("join", "--name", "Bo", "--json", given=link)
    joining.line("waiting")
    root = Path("/proc") / str(joining.process.pid)
    shown = (root / "cmdline").read_bytes() + (root / "environ").read_bytes()
    for secret in (link.partition("#")[2], server.token, PASSPHRASE):
        assert secret.encode() not in shown


@pytest.mark.skipif(sys.platform == "win32", reason="file descriptors are not passed on there")
def test_a_passphrase_comes_from_a_descriptor(ann: Person) -> None:
    reading, writing = os.pipe()
    os.write(writing, (PASSPHRASE + "\n").encode())
    os.close(writing)
    done = ann.do("room", "list", "--json", "--passphrase-fd", str(reading), passed=(reading,))
    os.close(reading)
    assert done.record["title"] == "The harbour"


def test_a_file_that_others_can_read_is_said(ann: Person) -> None:
    (ann.folder / "passphrase").chmod(0o644)
    assert "chmod 600" in ann.do("room", "list").err
