"""Prompts and the chat at a terminal."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import pytest

from cli.conftest import People
from cli.person import PASSPHRASE, Person, let_in
from cli.terminal import Terminal

if sys.platform == "win32":
    pytest.skip("pseudo-terminals are POSIX", allow_module_level=True)

BACKCHANNEL = f"'{sys.executable}' -m backchannel.cli"


@pytest.fixture
def hers(ann: Person) -> Iterator[Terminal]:
    """Ann's terminal; she is asked for her passphrase."""
    environment = {
        name: value for name, value in ann.environment.items() if name != "BACKCHANNEL_PASSPHRASE_FILE"
    }
    terminal = Terminal(ann.folder, environment)
    yield terminal
    terminal.end()


def opened(hers: Terminal, command: str) -> None:
    hers.type(f"{BACKCHANNEL} {command}")
    hers.wait("Passphrase of ")
    hers.type(PASSPHRASE)


def test_a_passphrase_is_asked_for_without_echo(hers: Terminal) -> None:
    hers.type(f"{BACKCHANNEL} room list")
    hers.wait("Passphrase of ")
    hers.type("not the right one")
    hers.wait("The passphrase is not the one of this profile.")
    opened(hers, "room list")
    hers.wait("The harbour")
    assert PASSPHRASE not in hers.seen
    assert "not the right one" not in hers.seen


def test_ctrl_c_at_a_question_ends_the_command(hers: Terminal) -> None:
    hers.type(f"{BACKCHANNEL} room list")
    hers.wait("Passphrase of ")
    hers.press(b"\x03")
    hers.wait("backchannel: Stopped.")
    opened(hers, "room close")
    hers.wait(r"This cannot be undone.*\[y/N\]: ")
    stopped = hers.seen.count("backchannel: Stopped.")
    for _ in range(30):  # one that comes right before the terminal is read is seen with the next key
        hers.press(b"\x03")
        time.sleep(1)
        if hers.seen.count("backchannel: Stopped.") > stopped:
            break
    hers.wait("backchannel: Stopped.")
    hers.wait(r"\$ ")


def test_a_knock_is_judged_at_the_terminal(ann: Person, hers: Terminal, person: People) -> None:
    link = ann.get("invite", "make", "--party", "Beta").record["link"]
    opened(hers, "admit --wait")
    hers.wait("Waiting for knocks")
    joining = person("Cy").start("join", "--name", "Cy", "--accept-rules", "--json", given=link)
    words = joining.record('"words"')["words"]
    hers.wait(rf"Cy \(participant, Beta\) knocks. Their words: {' '.join(words)}")
    hers.wait("Do the words match what you hear")
    hers.type("yes")
    hers.wait("Done: Cy.")
    assert joining.ended() == 0
    hers.press(b"\x03")
    hers.wait("backchannel: Stopped.")


def test_closing_a_room_is_asked_again(hers: Terminal) -> None:
    opened(hers, "room close")
    hers.wait("This cannot be undone")
    hers.type("n")
    hers.wait("Nothing was changed.")


def test_the_chat_shows_what_comes_above_the_prompt_and_keeps_what_is_being_typed(
    ann: Person, hers: Terminal, person: People
) -> None:
    bo = person("Bo")
    let_in(ann, bo)
    opened(hers, "chat")
    hers.wait(r"Everybody in the room \(2\) reads this · may not be quoted")
    with hers.never_in_line_mode():
        hers.press(b"half a thought")
        hers.wait("half a thought")
        assert bo.do("chat", given="A word from Bo.\n").code == 0
        hers.wait("#1 .* Bo › A word from Bo.")
        hers.type(", finished")
        hers.wait("#2 .* Ann › half a thought, finished")
        hers.type("/exposure anonymous 1h")
        hers.wait(r"may be quoted without your name · kept for 1 hour\n+Ann \(Alpha\) › ")
        hers.press(b"a typing error\x03")
        hers.type("/nonsense")
        hers.wait("There is no such command")
    hers.press(b"\x04")
    hers.wait(r"\$ ")
    (mine,) = [one for one in bo.get("chat").records if one["type"] == "message" and one["name"] == "Ann"]
    assert mine["text"] == "half a thought, finished"
