"""The README's first room in five steps, typed into terminals exactly as it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.terminal import Terminal
from house.tree import ROOT

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX", allow_module_level=True)

PASSPHRASE = {"Ann": "a boat at anchor", "Bo": "a boat at sea"}
Open = Callable[[], Terminal]


def steps() -> list[list[str]]:
    """The commands of the README's steps, without their comments."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## A first room in five steps", 1)[1].split("\n## ", 1)[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return [[re.sub(r"\s+# .*", "", line) for line in block.splitlines()] for block in blocks]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Open]:
    """Opens a terminal of somebody whose home is empty, in the project's folder."""
    subprocess.run([sys.executable, str(ROOT / "run.py"), "serve", "--help"], check=True, capture_output=True)
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("BACKCHANNEL_", "XDG_"))
    }
    # any free port: another test's server may have the usual one
    environment = {**kept, "HOME": str(tmp_path), "BACKCHANNEL_PORT": "0"}
    opened: list[Terminal] = []

    def make() -> Terminal:
        opened.append(Terminal(ROOT, environment))
        return opened[-1]

    yield make
    for one in reversed(opened):
        one.end()


def test_the_five_steps_are_true_as_written(terminal: Open) -> None:
    first, second, third, fourth, fifth = steps()
    server, ann, bo = terminal(), terminal(), terminal()

    (serve,) = first
    server.type(serve)
    host_link = server.wait(r"host link: (http\S+)")[1]

    activate, add, create = second
    ann.type(activate)
    ann.type(add)
    ann.wait("Host link")
    ann.type(host_link)
    for question in ("New passphrase: ", "The same again: "):
        ann.wait(question)
        ann.type(PASSPHRASE["Ann"])
    ann.wait("Kept home")
    ann.type(create)
    ann.wait("Passphrase of ")
    ann.type(PASSPHRASE["Ann"])
    ann.wait("Made The harbour")

    invite, chat = third
    ann.type(invite)
    ann.wait("Passphrase of ")
    ann.type(PASSPHRASE["Ann"])
    link = ann.wait(r"http\S+/i#\S+")[0]
    ann.type(chat)
    ann.wait("Passphrase of ")
    ann.type(PASSPHRASE["Ann"])
    ann.wait("The harbour. /help shows")
    ann.wait(r"Nobody else is here yet .* may not be quoted")

    activate, profile, join = fourth
    for line in (activate, profile, join):
        bo.type(line)
    for question in ("New passphrase: ", "The same again: "):
        bo.wait(question)
        bo.type(PASSPHRASE["Bo"])
    bo.wait("Invitation ")
    bo.type(link)
    bo.wait("Your name in the room")
    bo.type("Bo")
    words = bo.wait(r"\n +(\w+)   (\w+)   (\w+)\n").groups()
    knock = ann.wait(r"Bo \(participant, Beta\) knocks. The words: (\w+)   (\w+)   (\w+)")
    assert knock.groups() == words
    ann.type("/admit Bo")
    bo.wait("1. Speak for yourself.")
    bo.wait("Do you accept them")
    bo.type("y")
    bo.wait("Next: backchannel chat")

    (chat,) = fifth
    bo.type(chat)
    bo.wait("Passphrase of ")
    bo.type(PASSPHRASE["Bo"])
    bo.wait("The harbour. /help shows")
    bo.type("Good morning.")
    ann.wait("#1 .* Bo › Good morning.")
    ann.type("/reply 1 Good morning to you.")
    bo.wait("#2 .* Ann, to #1 › Good morning to you.")
    for one, secrets in ((ann, [host_link]), (bo, [host_link, link])):
        for secret in [*(one.partition("#")[2] for one in secrets), *PASSPHRASE.values()]:
            assert secret not in one.seen
