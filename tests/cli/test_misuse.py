"""What cannot be done ends in one clear line, with the right exit code and no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from backchannel.cli import main
from cli.conftest import People
from cli.person import COMMAND, Person


def alone(person: Person, *words: str) -> tuple[int, str]:
    """Exit code and the one line that is said."""
    done = person.do(*words)
    (line,) = (done.out + done.err).splitlines()
    return done.code, line


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["sevre"], "No such command"),
        (["members", "--nope"], "No such option"),
        (["members", "one", "two"], "2 arguments more"),
        (["invite", "make", "--expires", "soon"], "30m, 12h, 7d"),
        (["invite", "make", "--expires", "100w"], "at most 90 days"),
        (["invite", "make", "--role", "king"], "is not one of"),
        (["room", "create", "--party", "Beta"], "b=Beta"),
        (["room", "create", "--as", "b"], "--as names none"),
        (["room", "create", "--rules-file", "no-such-file"], "no-such-file: No such file"),
        (["room", "retention"], "--for-good"),
        (["export", "out.doc"], "--format"),
        (["admit", "--approve", "Bo", "--decline", "Bo"], "Either"),
        (["members", "--profile", "no-such-profile"], "There is no profile at no-such-profile"),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_a_malformed_command_is_named_in_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], part: str, *, as_json: bool
) -> None:
    code = main([*words, "--json"] if as_json else words)
    out, err = capsys.readouterr()
    assert code in (1, 2)
    assert len((out + err).splitlines()) == 1
    if as_json:
        found = json.loads(out)
        assert set(found) == {"error", "sentence"}
        assert part in found["sentence"]
    else:
        assert part in err


@pytest.mark.parametrize("words", [[], ["room"]])
def test_a_group_alone_shows_its_commands(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 2
    assert "Commands:" in capsys.readouterr().err


def test_a_name_in_an_error_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["\x1b[2Jx"]) == 2
    assert "\x1b" not in "".join(capsys.readouterr())


def test_a_profile_that_cannot_be_opened_is_named(ann: Person, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("another passphrase\n")
    (tmp_path / "wrong").chmod(0o600)
    (tmp_path / "garbage").write_bytes(os.urandom(8192))
    for words, part in (
        (["--passphrase-file", str(tmp_path / "wrong")], "passphrase is not the one"),
        (["--passphrase-file", str(tmp_path / "none")], "No such file"),
        (["--profile", str(tmp_path / "garbage")], "not a profile, or it is damaged"),
        (["--profile", str(tmp_path)], "is a directory"),
    ):
        code, line = alone(ann, "room", "list", *words)
        assert (code in (1, 2), part in line) == (True, True), line


def test_without_a_terminal_nothing_is_asked(ann: Person) -> None:
    assert alone(ann, "room", "close") == (
        2,
        "backchannel: This asks before it does anything, and there is no terminal: give --yes.",
    )
    assert ann.do("room", "list", "--json").record["closed"] is False


def test_output_that_nobody_reads_ends_the_command(ann: Person) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "room", "show"], stdout=writing, stderr=subprocess.PIPE, env=ann.environment, check=False
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_ends_waiting_with_one_line(ann: Person) -> None:
    waiting = ann.start("admit", "--wait")
    waiting.line("Waiting for knocks")
    waiting.process.send_signal(signal.SIGINT)
    assert waiting.ended() == 130
    assert waiting.lines[-1] == "backchannel: Stopped."


def test_a_profile_in_use_is_said(ann: Person) -> None:
    waiting = ann.start("admit", "--wait")
    waiting.line("Waiting for knocks")
    code, line = alone(ann, "members")
    assert code == 1
    assert "open in another program" in line


def test_a_server_that_is_away_is_said(person: People) -> None:
    bo = person("Bo")
    bo.get("host", "add", given=f"http://127.0.0.1:9/host#{'aB3' * 14}z\n")
    done = bo.do("room", "create", "--title", "T", "--name", "Bo", "--json")
    assert (done.code, done.record["error"]) == (1, "server-unreachable")


def test_the_server_commands_say_what_to_install(tmp_path: Path, ann: Person) -> None:
    """An aiohttp that is not there: the folder stands before the installed one."""
    done = ann.do("serve", "--help")
    assert "BACKCHANNEL_" in done.out
    code, line = alone(ann, "backup", str(tmp_path / "copy"), "--data", str(tmp_path / "nothing"))
    assert (code, "no server's data" in line) == (2, True)
